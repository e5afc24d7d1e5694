//! Interning: which places in a text are one state, and what that costs.

mod common;

use std::collections::BTreeSet;
use std::time::Instant;

use common::{Lexeme, Sample, accepts, walk, walk_from};
use structgen_automaton::{AutomatonError, ByteAutomaton, Exactness, Fuel, LexicalView, StateId};
use structgen_grammar::{
    CfgAutomaton, Grammar, GrammarLimits, Rule, Symbol, Terminal, TerminalKind,
};
use structgen_regex::{Exprs, RegexLimits};

const T: fn(&'static str) -> Lexeme = Lexeme::Text;

fn list(rules: &str) -> CfgAutomaton {
    let terminals = [
        ("ITEM", Lexeme::Many("ab", 1, None)),
        ("COMMA", T(",")),
        ("OPEN", T("(")),
        ("CLOSE", T(")")),
        ("PLUS", T("+")),
    ];
    Sample::new(rules, &terminals, &[]).automaton().unwrap()
}

/// Walks `text`, and returns the states and the steps of fuel paid.
fn trace(automaton: &mut CfgAutomaton, text: &[u8]) -> (Vec<StateId>, u64) {
    let mut fuel = Fuel::new("max_steps", 1 << 40);
    let mut state = automaton.start(&mut fuel).unwrap();
    let mut states = vec![state];
    for byte in text {
        state = automaton.step(state, *byte, &mut fuel).unwrap();
        assert!(!state.is_dead());
        states.push(state);
    }
    (states, (1 << 40) - fuel.left())
}

#[test]
fn lists_reach_a_fixed_point_on_either_side() {
    for rules in [
        "list: ITEM | list COMMA ITEM",
        "list: ITEM | ITEM COMMA list",
        "list: ITEM tail\ntail: | COMMA list",
        "list: ITEM tail\ntail: | tail COMMA ITEM",
        "list: list COMMA list | ITEM",
        "list: | list list | ITEM | COMMA",
        "list: a\na: b\nb: b PLUS c | c\nc: c COMMA d | d\nd: ITEM",
        "list: a\na: b PLUS a | b\nb: c COMMA b | c\nc: ITEM",
    ] {
        let mut automaton = list(rules);
        let (states, _) = trace(&mut automaton, &b"ab,".repeat(10_000));
        let period = &states[7..10];
        for (i, state) in states.iter().enumerate().skip(7) {
            assert_eq!(*state, period[(i - 7) % 3], "{rules}");
        }
        assert!(automaton.usage().states < 20, "{rules}: {:?}", automaton.usage());
        let end = walk_from(&mut automaton, states[states.len() - 1], b"a");
        assert!(automaton.is_accepting(end, &mut Fuel::unlimited()).unwrap());
    }
}

#[test]
fn depth_comes_back() {
    let mut automaton = list(
        "value: ITEM | OPEN list CLOSE\nlist: | elements\nelements: value | elements COMMA value",
    );
    let depth = 2_000;
    let mut text = b"(".repeat(depth);
    text.extend(b"a");
    text.extend(b")".repeat(depth));
    assert!(accepts(&mut automaton, &text));
    text.pop();
    assert!(!accepts(&mut automaton, &text));
    let open = walk(&mut automaton, &b"(".repeat(depth));
    let completion = automaton.completion(open, &mut Fuel::unlimited()).unwrap();
    assert_eq!(completion, Some(b")".repeat(depth)));
    // What was read at some depth leaves no trace once it is closed.
    let one = walk(&mut automaton, b"((a,((a),b),(),");
    let other = walk(&mut automaton, b"((b,");
    assert_eq!(one, other);
    let deep = automaton.usage();
    assert!(deep.states < 6 * depth + 100, "{deep:?}");
    assert!(deep.bytes < 10_000_000, "{deep:?}");
}

#[test]
fn the_inside_of_a_lexeme_forgets_where_it_began() {
    let terminals = [
        ("OPEN", T("{")),
        ("CLOSE", T("}")),
        ("COMMA", T(",")),
        ("COLON", T(":")),
        ("KEY", Lexeme::Quoted("\"", "ab", "\"")),
        ("NULL", T("null")),
    ];
    let rules = "object: OPEN CLOSE | OPEN pairs CLOSE
        pairs: pair | pairs COMMA pair
        pair: KEY COLON value
        value: object | KEY | NULL";
    let mut automaton = Sample::new(rules, &terminals, &[]).automaton().unwrap();
    let after_brace = walk(&mut automaton, br#"{"a"#);
    let after_comma = walk(&mut automaton, br#"{"a":null,"b"#);
    assert_eq!(after_brace, after_comma);
    let value = walk(&mut automaton, br#"{"a":{"b":"a"#);
    assert_ne!(after_brace, value);
    // After a value it does not matter which value it was.
    let one = walk(&mut automaton, br#"{"a":null"#);
    let other = walk(&mut automaton, br#"{"bb":{"b":{}}"#);
    assert_eq!(one, other);
}

#[test]
fn a_lexeme_that_may_end_implies_what_follows() {
    let mut automaton = list("list: ITEM | list COMMA ITEM");
    let mut views = Vec::new();
    for (text, expected) in [(&b""[..], 1), (b"a", 1), (b"a,", 1), (b"a,bb", 1)] {
        let state = walk(&mut automaton, text);
        views.clear();
        assert!(automaton.lexical_views(state, &mut views));
        assert_eq!(views.len(), expected);
    }
    let state = walk(&mut automaton, b"a");
    views.clear();
    automaton.lexical_views(state, &mut views);
    let accept = automaton.lex_accept(views[0].lex).unwrap();
    let end = automaton.lex_end(views[0].context, accept, &mut Fuel::unlimited()).unwrap();
    let after = walk_from(&mut automaton, end, b",");
    assert_eq!(after, walk(&mut automaton, b"a,"));
}

#[test]
fn white_space_leaves_no_trace() {
    let terminals = [
        ("ITEM", Lexeme::Many("ab", 1, None)),
        ("COMMA", T(",")),
        ("SPACE", Lexeme::Many(" \n", 1, None)),
        ("COMMENT", Lexeme::Quoted("#", "ab ", "\n")),
    ];
    let rules = "list: ITEM | list COMMA ITEM";
    let mut automaton = Sample::new(rules, &terminals, &["SPACE", "COMMENT"]).automaton().unwrap();
    for text in ["", "ab,", "ab,b"] {
        let before = walk(&mut automaton, text.as_bytes());
        let once = walk_from(&mut automaton, before, b" ");
        assert_eq!(once, walk_from(&mut automaton, before, b" \n  "));
        assert_eq!(once, walk_from(&mut automaton, before, b" #ab \n#b\n"));
        if !text.ends_with('b') {
            assert_eq!(once, before);
        }
    }
    assert!(accepts(&mut automaton, b" #\na #a\n, b \n"));
    assert!(!accepts(&mut automaton, b"a , b # "));
    assert!(!accepts(&mut automaton, b"a b"));
}

#[test]
fn cost_per_byte_does_not_grow_on_deterministic_grammars() {
    for rules in [
        "list: ITEM | ITEM COMMA list",
        "list: ITEM COMMA list | ITEM",
        "value: ITEM | OPEN list CLOSE\nlist: value | value COMMA list",
    ] {
        let cost = |n: usize| {
            let mut automaton = list(rules);
            let mut text = Vec::new();
            for i in 0..n {
                text.extend_from_slice(if i % 2 == 0 { b"a," } else { b"bb," });
            }
            if rules.starts_with("value") {
                text = [b"(".to_vec(), text].concat();
            }
            trace(&mut automaton, &text).1
        };
        let (short, long) = (cost(1_000), cost(10_000));
        // Everything is known after a few items: only look-ups remain, which are free.
        assert!(long < short + 100, "{rules}: {short} {long}");
    }
    // Nesting is a new state at every level, but each at the same price.
    let rules = "value: ITEM | OPEN value CLOSE | PLUS value";
    let cost = |n: usize| trace(&mut list(rules), &b"(+".repeat(n)).1;
    let (short, long) = (cost(1_000), cost(10_000));
    assert!(long < short * 11, "{short} {long}");
}

#[test]
fn ambiguity_costs_what_theory_allows() {
    // Unary numbers in all bracketings: sets of O(n) items, O(n^2) in all.
    let mut automaton = list("s: s s s | ITEM");
    let started = Instant::now();
    trace(&mut automaton, &b"a".repeat(200));
    assert!(started.elapsed().as_secs() < 20);
    let usage = automaton.usage();
    assert!(usage.bytes < 200_000_000, "{usage:?}");
}

#[test]
fn ids_are_stable_across_histories() {
    let mut one = list("value: ITEM | OPEN list CLOSE\nlist: value | list COMMA value");
    let text = b"((a,b),(a),ab,";
    let first = trace(&mut one, text).0;
    for junk in [&b"(((("[..], b"a", b"(b,(b"] {
        walk(&mut one, junk);
    }
    assert_eq!(first, trace(&mut one, text).0);
}

#[test]
fn limits_are_typed_and_leave_the_automaton_usable() {
    let terminals = [("OPEN", T("(")), ("CLOSE", T(")")), ("ITEM", T("a"))];
    let sample = Sample::new("v: ITEM | OPEN v CLOSE", &terminals, &[]);
    for (limits, name) in [
        (GrammarLimits { max_states: 50, ..Default::default() }, "max_states"),
        (GrammarLimits { max_sets: 20, ..Default::default() }, "max_sets"),
        (GrammarLimits { max_items: 150, ..Default::default() }, "max_items"),
    ] {
        let mut fuel = Fuel::unlimited();
        let mut automaton = sample.automaton_with(limits, &mut fuel).unwrap();
        let mut state = automaton.start(&mut fuel).unwrap();
        let known = walk(&mut automaton, b"(((");
        let error = loop {
            match automaton.step(state, b'(', &mut fuel) {
                Ok(next) => state = next,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AutomatonError::Limit { name: n, .. } if n == name), "{error}");
        assert_eq!(automaton.step(state, b'(', &mut fuel), Err(error));
        // What is known stays known.
        assert_eq!(walk(&mut automaton, b"((("), known);
    }
    let mut automaton = sample
        .automaton_with(
            GrammarLimits { max_completion_bytes: 10, ..Default::default() },
            &mut Fuel::unlimited(),
        )
        .unwrap();
    let shallow = walk(&mut automaton, b"(((");
    assert_eq!(automaton.completion(shallow, &mut Fuel::unlimited()), Ok(Some(b"a)))".to_vec())));
    let deep = walk(&mut automaton, b"(((((((((((");
    assert!(automaton.completion(deep, &mut Fuel::unlimited()).is_err());
    assert_eq!(automaton.completion_length(deep, &mut Fuel::unlimited()), Ok(Some(12)));
}

#[test]
fn running_out_of_fuel_changes_nothing() {
    let rules = "e: e PLUS e | e COMMA e | OPEN e CLOSE | OPEN e | ITEM";
    let text = b"(a+b,(ab+a),b)+(a";
    let mut reference = list(rules);
    let end = walk(&mut reference, text);
    let expected = reference.completion(end, &mut Fuel::unlimited()).unwrap();
    let mut automaton = list(rules);
    // Start over with a little more fuel until it is enough.
    let mut allowance = 0;
    let end = loop {
        let mut fuel = Fuel::new("max_steps", allowance);
        let mut run = || -> Result<StateId, AutomatonError> {
            let mut state = automaton.start(&mut fuel)?;
            for byte in text {
                state = automaton.step(state, *byte, &mut fuel)?;
            }
            Ok(state)
        };
        match run() {
            Ok(state) => break state,
            Err(error) => {
                assert_eq!(error, AutomatonError::Limit { name: "max_steps", limit: allowance });
                allowance += 3;
            }
        }
    };
    assert!(allowance > 30);
    assert_eq!(automaton.completion(end, &mut Fuel::unlimited()).unwrap(), expected);
    for (byte, live) in [(b'+', true), (b')', true), (b'(', false), (b'a', true), (b'x', false)] {
        for automaton in [&mut automaton, &mut reference] {
            let end = walk(automaton, text);
            assert_eq!(!walk_from(automaton, end, &[byte]).is_dead(), live, "{}", byte as char);
        }
    }
}

#[test]
fn grammars_nest_as_terminals() {
    // inner: "(" inner ")" | LETTERS; list: INNER | list "," INNER, and the same in one.
    let terminals = [
        ("ITEM", Lexeme::Many("ab", 1, None)),
        ("OPEN", T("(")),
        ("CLOSE", T(")")),
        ("COMMA", T(",")),
    ];
    let inner = Sample::new("inner: OPEN inner CLOSE | ITEM", &terminals, &[]);
    let flat = "list: inner | list COMMA inner\ninner: OPEN inner CLOSE | ITEM";
    let mut flat = Sample::new(flat, &terminals, &[]).automaton().unwrap();
    let mut exprs = Exprs::new(RegexLimits::default());
    let comma = exprs.literal(b",");
    let terminals = vec![
        Terminal {
            name: "INNER".into(),
            kind: TerminalKind::Automaton(Box::new(inner.automaton().unwrap())),
        },
        Terminal { name: "COMMA".into(), kind: TerminalKind::Regex(comma) },
    ];
    let (list, inner, comma) = (Symbol::Rule(0), Symbol::Terminal(0), Symbol::Terminal(1));
    let rules = vec![Rule {
        name: "list".into(),
        alternatives: vec![vec![inner], vec![list, comma, inner]],
    }];
    let grammar = Grammar { rules, terminals, ignore: vec![], start: 0 };
    let mut fuel = Fuel::unlimited();
    let mut nested =
        CfgAutomaton::new(grammar, exprs, GrammarLimits::default(), &mut fuel).unwrap();
    assert_eq!(nested.exactness(), Exactness::Exact);
    for text in ["", "a", "((ab", "((ab))", "((ab)),", "a,(b),((a", "a,,", "(a))", "(a)b"] {
        let (one, other) = (walk(&mut flat, text.as_bytes()), walk(&mut nested, text.as_bytes()));
        assert_eq!(one.is_dead(), other.is_dead(), "{text}");
        if one.is_dead() {
            continue;
        }
        assert_eq!(flat.is_accepting(one, &mut fuel), nested.is_accepting(other, &mut fuel));
        assert_eq!(flat.completion(one, &mut fuel), nested.completion(other, &mut fuel), "{text}");
        // What is inside the nested grammar is seen from outside, lexeme by lexeme.
        let mut views = (Vec::new(), Vec::new());
        assert!(flat.lexical_views(one, &mut views.0));
        assert!(nested.lexical_views(other, &mut views.1));
        let prints = |automaton: &CfgAutomaton, views: &[LexicalView]| {
            let prints = views.iter().map(|v| automaton.lex_fingerprint(v.lex));
            prints.collect::<BTreeSet<u128>>()
        };
        if !text.ends_with(')') && !text.ends_with('a') {
            assert_eq!(prints(&flat, &views.0), prints(&nested, &views.1), "{text}");
        }
    }
    // A finished lexeme leaves nothing behind.
    let (one, other) = (walk(&mut nested, b"(a)"), walk(&mut nested, b"a,((b))"));
    assert_eq!(one, other);
}
