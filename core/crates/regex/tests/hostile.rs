//! Patterns that break naive engines. Every test runs on the default stack of a test thread.

use std::time::{Duration, Instant};

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState, StateId};
use structgen_regex::{
    Ast, CharSet, Dialect, ExprId, Exprs, Flags, JsonSpelling, Lexer, ParseLimits, RegexAutomaton,
    RegexErrorKind, RegexLimits, full_match, lower_json, lower_utf8, parse, search,
};

fn ecma(pattern: &str) -> Ast {
    parse(pattern, Dialect::Ecma, Flags::default(), ParseLimits::default()).unwrap()
}

fn kind(pattern: &str, dialect: Dialect) -> RegexErrorKind {
    parse(pattern, dialect, Flags::default(), ParseLimits::default()).unwrap_err().kind
}

fn lexer(ast: &Ast) -> (Lexer, LexState) {
    let mut exprs = Exprs::new(RegexLimits::default());
    let e = lower_utf8(&mut exprs, ast);
    let mut lexer = Lexer::new(exprs);
    let mut fuel = Fuel::new("max_steps", 10_000_000);
    let start = lexer.state(&[(0, e)], &mut fuel).unwrap();
    (lexer, start)
}

fn run(lexer: &mut Lexer, mut state: LexState, text: &[u8]) -> LexState {
    let mut fuel = Fuel::new("max_steps", 10_000_000);
    for &byte in text {
        state = lexer.step(state, byte, &mut fuel).unwrap();
    }
    state
}

/// Runs `work` and checks that it takes nowhere near exponential time.
fn quick<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let spent = start.elapsed();
    println!("{name}: {spent:?}");
    assert!(spent < Duration::from_secs(10), "{name} took {spent:?}");
    result
}

#[test]
fn deep_nesting_is_an_error_in_every_dialect() {
    for dialect in [Dialect::Ecma, Dialect::Python, Dialect::Rust] {
        for (open, close) in [("(", ")"), ("(?:", ")"), ("(?=", ")"), ("((a)|", ")*"), ("[^(", "")]
        {
            let deep = open.repeat(100_000) + &close.repeat(100_000);
            let error = parse(&deep, dialect, Flags::default(), ParseLimits::default());
            if !open.starts_with('[') {
                assert!(error.is_err(), "{dialect:?} {open}");
            }
        }
        let unclosed = "(".repeat(100_000);
        assert!(parse(&unclosed, dialect, Flags::default(), ParseLimits::default()).is_err());
    }
    assert!(matches!(
        kind(&"(".repeat(1_000), Dialect::Ecma),
        RegexErrorKind::Limit { name: "max_nesting", .. }
    ));
}

#[test]
fn nesting_up_to_the_limit_works() {
    let limit = ParseLimits::default().max_nesting as usize;
    for quantifier in ["", "*", "?", "{1,3}", "{2,3}"] {
        let pattern = "(a|".repeat(limit) + "b" + &format!("){quantifier}").repeat(limit);
        let resolved = full_match(ecma(&pattern)).unwrap();
        let (mut lexer, start) = lexer(&resolved);
        let end = quick(quantifier, || run(&mut lexer, start, b"b"));
        assert!(!start.is_dead());
        if quantifier != "{2,3}" {
            assert!(lexer.accept(end).is_some());
        }
    }
}

#[test]
fn assertions_up_to_the_nesting_limit() {
    let limit = ParseLimits::default().max_nesting as usize;
    let pattern = "(?=a".repeat(limit) + &")".repeat(limit);
    let _ = quick("nested look-ahead", || search(ecma(&pattern)));
    let pattern = "(?!".repeat(limit) + "a" + &")".repeat(limit);
    let _ = quick("nested negative look-ahead", || search(ecma(&pattern)));
    let pattern = "(?:(?!a)".repeat(limit - 1) + "b" + &")*".repeat(limit - 1);
    let _ = quick("nested tempered", || search(ecma(&pattern)));
    let _ = quick("many boundaries", || search(ecma(&r"\b.?\B.?".repeat(200))));
    let _ = quick("many anchors", || search(ecma(&"^$".repeat(5_000))));
    let _ = quick("many lookaheads", || search(ecma(&"(?=.*a)".repeat(5_000))));
}

#[test]
fn counts_are_symbolic() {
    for pattern in ["a{1000000000}", "(?:a{65535}){65535}", "^.{0,100000}$", "(a{0,1000}){0,1000}"]
    {
        let resolved = full_match(ecma(pattern)).unwrap();
        let (mut lexer, start) = lexer(&resolved);
        quick(pattern, || run(&mut lexer, start, &[b'a'; 3_000]));
        assert!(lexer.bytes() < 8 << 20, "{pattern}: {}", lexer.bytes());
    }
}

#[test]
fn nested_stars_collapse() {
    let (mut lexer, start) = lexer(&full_match(ecma("((((a*)*)*)*)*")).unwrap());
    let end = run(&mut lexer, start, &[b'a'; 1_000]);
    assert!(lexer.accept(end).is_some());
    assert!(lexer.len() <= 3);
}

#[test]
fn the_classic_exponential_determinisation_stays_lazy() {
    let (mut lexer, start) = lexer(&full_match(ecma("^(a|b)*a(a|b){20}$")).unwrap());
    let mut text = Vec::new();
    let mut x = 1u32;
    for _ in 0..5_000 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push(if x >> 31 == 0 { b'a' } else { b'b' });
    }
    let end = quick("(a|b)*a(a|b){20}", || run(&mut lexer, start, &text));
    assert_eq!(lexer.accept(end).is_some(), text[text.len() - 21] == b'a');
    assert!(lexer.bytes() < 64 << 20, "{}", lexer.bytes());
}

#[test]
fn word_counts_have_few_states() {
    let ast = search(ecma(r"^(?:\S+\s+){0,49}\S+$")).unwrap();
    let (mut words, start) = lexer(&ast);
    let text = "word and  more ".repeat(16) + "end";
    let end = quick("word count", || run(&mut words, start, text.as_bytes()));
    assert!(words.accept(end).is_some());
    // With a length beside it.
    let both = Ast::And(vec![ast, Ast::text_of_length(10, Some(2_000))]);
    let (mut both, start) = lexer(&both);
    let end = quick("word count and length", || run(&mut both, start, text.as_bytes()));
    assert!(both.accept(end).is_some());
    assert!(both.bytes() < 16 << 20, "{}", both.bytes());
}

#[test]
fn ambiguous_counted_bodies_merge() {
    for pattern in ["(a{2,3}){0,1000}", "(a|aa|aaa){5,1000}", "(a?b?c?){0,500}", "(a*b*){3,900}"] {
        let (mut lexer, start) = lexer(&full_match(ecma(pattern)).unwrap());
        let end = quick(pattern, || run(&mut lexer, start, &[b'a'; 450]));
        assert!(!end.is_dead());
        assert!(lexer.bytes() < 64 << 20, "{pattern}: {}", lexer.bytes());
    }
}

#[test]
fn thousands_of_options_are_a_trie() {
    let options: Vec<String> = (0..5_000).map(|i| format!("option number {i} of many")).collect();
    let slices: Vec<&[u8]> = options.iter().map(|o| o.as_bytes()).collect();
    let mut exprs = Exprs::new(RegexLimits::default());
    let trie = quick("trie of 5000", || exprs.literals(&slices));
    let mut fuel = Fuel::unlimited();
    for option in &options {
        assert!(exprs.matches(trie, option.as_bytes(), &mut fuel).unwrap());
    }
    assert!(!exprs.matches(trie, b"option number 5000 of many", &mut fuel).unwrap());
    // The same as an alternation in a pattern.
    let (mut lexer, start) = lexer(&full_match(ecma(&options.join("|"))).unwrap());
    let end = quick("alternation of 5000", || run(&mut lexer, start, options[4321].as_bytes()));
    assert!(lexer.accept(end).is_some());
}

#[test]
fn long_literals_never_recurse() {
    let long = "x".repeat(200_000);
    let mut exprs = Exprs::new(RegexLimits::default());
    let (a, b) = (exprs.literal(long.as_bytes()), exprs.literal((long.clone() + "y").as_bytes()));
    let both = exprs.or(&[a, b]);
    let joined = exprs.concat(&[both, a]);
    let star = exprs.repeat(joined, 0, None);
    let other = exprs.not(star);
    let and = exprs.and(&[a, other]);
    let mut fuel = Fuel::unlimited();
    quick("emptiness of a long literal", || {
        assert!(!exprs.is_empty(star, &mut fuel).unwrap());
        assert!(!exprs.is_empty(and, &mut fuel).unwrap());
        assert_eq!(exprs.shortest(and, &mut fuel).unwrap().unwrap().len(), 200_000);
    });
    let options: Vec<Vec<u8>> = (0..2_000).map(|n| vec![b'a'; n]).collect();
    let slices: Vec<&[u8]> = options.iter().map(Vec::as_slice).collect();
    let trie = exprs.literals(&slices);
    assert!(exprs.matches(trie, &[b'a'; 1_999], &mut fuel).unwrap());
    assert!(!exprs.matches(trie, &[b'a'; 2_000], &mut fuel).unwrap());
    exprs.check().unwrap();
}

#[test]
fn a_long_pattern_is_fine() {
    let pattern = "[a-z]?x".repeat(20_000);
    let ast = quick("parse", || full_match(ecma(&pattern)).unwrap());
    let (mut lexer, start) = quick("lower", || lexer(&ast));
    assert!(!run(&mut lexer, start, "ax".repeat(1_000).as_bytes()).is_dead());
    let optional = "a?".repeat(5_000);
    let (mut lexer, start) = self::lexer(&full_match(ecma(&optional)).unwrap());
    let end = run(&mut lexer, start, &[b'a'; 5_000]);
    assert!(lexer.accept(end).is_some());
    let optional: String = (0..3_000).map(|i| if i % 2 == 0 { "a?" } else { "b?" }).collect();
    let (mut lexer, start) = self::lexer(&full_match(ecma(&optional)).unwrap());
    quick("alternating options", || run(&mut lexer, start, b"abababab"));
}

#[test]
fn strange_characters() {
    let (mut lexer, start) = lexer(&full_match(ecma("a\0b\u{10FFFF}")).unwrap());
    let end = run(&mut lexer, start, "a\0b\u{10FFFF}".as_bytes());
    assert!(lexer.accept(end).is_some());
    for pattern in ["[a", "[", "[^", "a\\", "(?", "(?<", "(?<a", "(?:", "\\u{110000}", "\\p{Nope}"]
    {
        let error = parse(pattern, Dialect::Ecma, Flags::default(), ParseLimits::default());
        assert_eq!(error.unwrap_err().kind, RegexErrorKind::Syntax, "{pattern}");
    }
    // Length alone is no error: who has the text bounds its size, and its time.
    assert!(
        parse(&"a".repeat(2_000_000), Dialect::Python, Flags::default(), ParseLimits::default())
            .is_ok()
    );
    assert!(matches!(kind("a{99999999999999}", Dialect::Ecma), RegexErrorKind::Limit { .. }));
}

#[test]
fn limits_are_errors() {
    let mut exprs = Exprs::new(RegexLimits { max_exprs: 1_000, ..RegexLimits::default() });
    let long = exprs.literal(&[b'a', b'b'].repeat(1_000));
    assert!(matches!(exprs.check(), Err(AutomatonError::Limit { name: "max_exprs", .. })));
    assert!(exprs.is_empty(long, &mut Fuel::unlimited()).is_err());

    let mut exprs = Exprs::new(RegexLimits::default());
    let byte = exprs.byte_set(structgen_regex::ByteSet::single(b'a'));
    let mut e: ExprId = byte;
    for i in 0..100_000 {
        let pair = exprs.concat(&[e, byte]);
        let not = exprs.not(pair);
        e = exprs.repeat(not, 2, Some(3 + i % 2));
    }
    assert!(matches!(exprs.check(), Err(AutomatonError::Limit { name: "max_depth", .. })));

    let mut exprs = Exprs::new(RegexLimits { max_states: 10, ..RegexLimits::default() });
    let e = exprs.literal(b"more than ten states");
    let mut lexer = Lexer::new(exprs);
    let mut fuel = Fuel::unlimited();
    let mut state = lexer.state(&[(0, e)], &mut fuel).unwrap();
    let mut error = None;
    for &byte in b"more than ten states" {
        match lexer.step(state, byte, &mut fuel) {
            Ok(next) => state = next,
            Err(e) => {
                error = Some(e);
                break;
            }
        }
    }
    assert_eq!(error, Some(AutomatonError::Limit { name: "max_states", limit: 10 }));

    // Emptiness that needs a search pays for it.
    let hard = Ast::And(vec![ecma("(?:a|b)*a(?:a|b){18}"), ecma("(?:a|b)*b(?:a|b){18}")]);
    let mut exprs = Exprs::new(RegexLimits::default());
    let e = lower_utf8(&mut exprs, &hard);
    let mut fuel = Fuel::new("max_steps", 2_000);
    let error = quick("fuel", || exprs.is_empty(e, &mut fuel)).unwrap_err();
    assert_eq!(error, AutomatonError::Limit { name: "max_steps", limit: 2_000 });
}

#[test]
fn length_conjunctions_have_bounded_work_per_step() {
    let cases = [
        Ast::And(vec![search(ecma("^[a-z ]+$")).unwrap(), Ast::text_of_length(0, Some(50_000))]),
        Ast::And(vec![search(ecma("foo")).unwrap(), Ast::text_of_length(100, Some(50_000))]),
        Ast::And(vec![search(ecma("foo")).unwrap().negate(), Ast::text_of_length(5, Some(9_000))]),
    ];
    for (i, ast) in cases.iter().enumerate() {
        for spelling in [JsonSpelling::All, JsonSpelling::Minimal] {
            let mut exprs = Exprs::new(RegexLimits::default());
            let e = lower_json(&mut exprs, ast, spelling);
            let mut automaton = RegexAutomaton::new(exprs, e);
            let mut fuel = Fuel::new("max_steps", 3_000_000);
            quick(&format!("length {i} {spelling:?}"), || {
                let mut state: StateId = automaton.start(&mut fuel).unwrap();
                for i in 0..4_000 {
                    state = automaton.step(state, b"some words "[i % 11], &mut fuel).unwrap();
                }
                assert!(!state.is_dead());
                assert!(automaton.completion(state, &mut fuel).unwrap().is_some());
            });
            println!("  {:?}, {} exprs", automaton.usage(), automaton.lexer().exprs.len());
        }
    }
}

#[test]
fn classes_of_all_planes() {
    let (lexer, _) = quick("classes", || {
        lexer(&Ast::Concat(vec![
            ecma(r"\p{L}[^\p{L}]\P{Lu}\p{Script=Han}"),
            Ast::Class(CharSet::any()),
        ]))
    });
    assert!(lexer.bytes() < 4 << 20);
}

#[test]
fn the_deepest_expression_is_derived_on_a_small_stack() {
    let work = || {
        let mut exprs = Exprs::new(RegexLimits::default());
        let a = exprs.byte_set(structgen_regex::ByteSet::single(b'a'));
        let b = exprs.byte_set(structgen_regex::ByteSet::single(b'b'));
        let mut e = a;
        let mut depth = 0;
        loop {
            let not = exprs.not(e);
            let head = exprs.concat(&[not, b]);
            let next = exprs.or(&[head, a]);
            if exprs.check().is_err() || depth > 320 {
                break;
            }
            (e, depth) = (next, depth + 1);
        }
        assert!(depth > 200, "{depth}");
        let mut fuel = Fuel::new("max_steps", 200_000);
        // It may be too much work or too deep, but it must not overflow the stack.
        let _ = exprs.matches(e, b"abababab", &mut fuel);
        let _ = exprs.is_empty(e, &mut fuel);
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work);
    assert!(thread.unwrap().join().is_ok());
}
