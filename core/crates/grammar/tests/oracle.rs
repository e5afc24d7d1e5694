//! The automaton against an oracle that computes languages as sets of texts.

mod common;

use common::{Dice, Lexeme, Sample, Universe, accepts, walk_from};
use structgen_automaton::{ByteAutomaton, Fuel, LexState, LexicalView, StateId};
use structgen_grammar::{CfgAutomaton, GrammarError, Symbol};

fn lexemes() -> Vec<Lexeme> {
    vec![
        Lexeme::Text("a"),
        Lexeme::Text("b"),
        Lexeme::Text("c"),
        Lexeme::Text("aa"),
        Lexeme::Text("ab"),
        Lexeme::Text("bca"),
        Lexeme::Many("a", 1, None),
        Lexeme::Many("ab", 1, Some(2)),
        Lexeme::Many("c", 0, None),
        Lexeme::Many("b", 0, Some(1)),
        Lexeme::Quoted("c", "ab", "c"),
        Lexeme::OneOf(vec!["a", "abc", "ca"]),
        Lexeme::OneOf(vec!["", "b", "bb"]),
        Lexeme::Text(""),
        Lexeme::Never,
    ]
}

fn random_sample(dice: &mut Dice) -> Sample {
    let pool = lexemes();
    let terminals: Vec<Lexeme> = (0..1 + dice.below(4))
        .map(|_| {
            let lexeme = pool[dice.below(pool.len())].clone();
            if dice.below(6) == 0 { Lexeme::Nested(Box::new(lexeme)) } else { lexeme }
        })
        .collect();
    let rules = 1 + dice.below(4);
    let rules = (0..rules)
        .map(|r| {
            let alternatives = (0..1 + dice.below(3))
                .map(|_| {
                    let length = [0, 1, 1, 2, 2, 3, 3, 4][dice.below(8)];
                    (0..length)
                        .map(|_| {
                            if dice.below(2) == 0 {
                                Symbol::Rule(dice.below(rules) as u32)
                            } else {
                                Symbol::Terminal(dice.below(terminals.len()) as u32)
                            }
                        })
                        .collect()
                })
                .collect();
            (format!("r{r}"), alternatives)
        })
        .collect();
    let ignore = match dice.below(3) {
        0 => vec![dice.below(terminals.len()) as u32],
        _ => Vec::new(),
    };
    Sample { rules, terminals, ignore }
}

/// Checks everything that can be checked about `sample`; the number of live prefixes.
fn check(sample: &Sample, universe: &Universe, views: bool) -> usize {
    let expected = sample.language(universe);
    let mut automaton = match sample.automaton() {
        Ok(automaton) => automaton,
        Err(GrammarError::Empty { names }) => {
            assert!(!expected.contains(&true), "wrongly empty: {sample:?}");
            assert_eq!(names[0], "r0");
            return 0;
        }
        Err(other) => panic!("{other} for {sample:?}"),
    };
    let mut fuel = Fuel::unlimited();
    let start = automaton.start(&mut fuel).unwrap();
    assert!(!start.is_dead());
    let mut states = vec![StateId::DEAD; universe.texts.len()];
    states[0] = start;
    let mut live_by_oracle = expected.clone();
    for (i, text) in universe.texts.iter().enumerate().rev() {
        if live_by_oracle[i] && !text.is_empty() {
            live_by_oracle[universe.id(&text[..text.len() - 1]).unwrap()] = true;
        }
    }
    let mut live = 0;
    for (i, text) in universe.texts.iter().enumerate() {
        if let Some(last) = text.as_bytes().last() {
            let parent = states[universe.id(&text[..text.len() - 1]).unwrap()];
            if !parent.is_dead() {
                states[i] = automaton.step(parent, *last, &mut fuel).unwrap();
            }
        }
        let state = states[i];
        let accepted = !state.is_dead() && automaton.is_accepting(state, &mut fuel).unwrap();
        assert_eq!(accepted, expected[i], "{text:?} of {sample:?}");
        if live_by_oracle[i] {
            assert!(!state.is_dead(), "{text:?} is live in {sample:?}");
        }
        if !state.is_dead() {
            live += 1;
            check_completion(sample, &mut automaton, state, text, universe, &expected);
            if views {
                check_views(&mut automaton, state, universe);
            }
        }
    }
    live
}

fn check_completion(
    sample: &Sample,
    automaton: &mut CfgAutomaton,
    state: StateId,
    prefix: &str,
    universe: &Universe,
    expected: &[bool],
) {
    let mut fuel = Fuel::unlimited();
    let rest = automaton.completion(state, &mut fuel).unwrap();
    let rest = rest.unwrap_or_else(|| panic!("{prefix:?} of {sample:?} has no completion"));
    assert_eq!(automaton.completion_length(state, &mut fuel).unwrap(), Some(rest.len() as u64));
    let text = format!("{prefix}{}", String::from_utf8(rest.clone()).unwrap());
    if text.len() <= 24 {
        assert!(sample.derives(&text), "{text:?} of {sample:?}");
    }
    // None is shorter.
    for (i, other) in universe.texts.iter().enumerate() {
        if expected[i] && other.starts_with(prefix) {
            assert!(text.len() <= other.len(), "{text:?} and {other:?} of {sample:?}");
        }
    }
    let mut at = state;
    for i in 0..rest.len() {
        at = automaton.step(at, rest[i], &mut fuel).unwrap();
        let left = automaton.completion(at, &mut fuel).unwrap().unwrap();
        assert!(left.len() < rest.len() - i, "{prefix:?} of {sample:?}");
    }
    assert!(automaton.is_accepting(at, &mut fuel).unwrap());
}

/// The union of the views says the same as the state, for continuations of up to 3 bytes.
fn check_views(automaton: &mut CfgAutomaton, state: StateId, universe: &Universe) {
    let mut fuel = Fuel::unlimited();
    let mut views = Vec::new();
    assert!(automaton.lexical_views(state, &mut views));
    for text in universe.texts.iter().filter(|t| (1..=3).contains(&t.len())) {
        let by_state = walk_from(automaton, state, text.as_bytes());
        let accepting = !by_state.is_dead() && automaton.is_accepting(by_state, &mut fuel).unwrap();
        let mut by_views = (false, false);
        for view in &views {
            let (live, accepted) = walk_view(automaton, *view, text.as_bytes());
            by_views.0 |= live;
            by_views.1 |= accepted;
        }
        assert_eq!((!by_state.is_dead(), accepting), by_views, "after {text:?}");
    }
}

fn walk_view(automaton: &mut CfgAutomaton, view: LexicalView, text: &[u8]) -> (bool, bool) {
    let mut fuel = Fuel::unlimited();
    let mut lex: LexState = view.lex;
    let (mut live, mut accepted) = (false, false);
    // A lexeme that may end at once implies what follows it.
    if let Some(accept) = automaton.lex_accept(lex) {
        let after = automaton.lex_end(view.context, accept, &mut fuel).unwrap();
        let end = walk_from(automaton, after, text);
        live |= !end.is_dead();
        accepted |= !end.is_dead() && automaton.is_accepting(end, &mut fuel).unwrap();
    }
    for (i, byte) in text.iter().enumerate() {
        lex = automaton.lex_step(lex, *byte, &mut fuel).unwrap();
        if lex.is_dead() {
            return (live, accepted);
        }
        if let Some(accept) = automaton.lex_accept(lex) {
            let after = automaton.lex_end(view.context, accept, &mut fuel).unwrap();
            let end = walk_from(automaton, after, &text[i + 1..]);
            live |= !end.is_dead();
            accepted |= !end.is_dead() && automaton.is_accepting(end, &mut fuel).unwrap();
        }
    }
    (true, accepted)
}

#[test]
fn the_oracles_agree() {
    let universe = Universe::new("abc", 4);
    let mut dice = Dice(7);
    for _ in 0..40 {
        let sample = random_sample(&mut dice);
        let language = sample.language(&universe);
        for (i, text) in universe.texts.iter().enumerate() {
            assert_eq!(sample.derives(text), language[i], "{text:?} of {sample:?}");
        }
    }
}

#[test]
fn random_grammars() {
    let universe = Universe::new("abc", 5);
    let mut dice = Dice(1);
    let mut live = 0;
    let mut inhabited = 0;
    for i in 0..400 {
        let sample = random_sample(&mut dice);
        let found = check(&sample, &universe, i % 4 == 0);
        live += found;
        inhabited += usize::from(found > 1);
    }
    assert!(live > 5_000 && inhabited > 200, "{live} live prefixes, {inhabited} grammars");
}

#[test]
fn random_grammars_in_depth() {
    let universe = Universe::new("ab", 9);
    let mut dice = Dice(2);
    for _ in 0..120 {
        check(&random_sample(&mut dice), &universe, false);
    }
}

#[test]
fn difficult_grammars() {
    let t = |s| Lexeme::Text(s);
    let plus = Lexeme::Many("a", 1, None);
    let cases = [
        // Cyclic, twice.
        ("r0: r0 | r1\nr1: r0 | x | r1 r1", vec![("x", t("a"))], vec![]),
        // Hidden left recursion.
        ("r0: e r0 x | y\ne: | c", vec![("x", t("a")), ("y", t("b")), ("c", t("c"))], vec![]),
        // Hidden right recursion.
        ("r0: x r0 e | y\ne: | c", vec![("x", t("a")), ("y", t("b")), ("c", t("c"))], vec![]),
        // The most ambiguous of all, with and without empty texts.
        ("r0: r0 r0 r0 | r0 r0 | x", vec![("x", t("a"))], vec![]),
        ("r0: r0 r0 r0 | x |", vec![("x", t("a"))], vec![]),
        ("r0: r0 r0 r0 | x r0 y", vec![("x", t("a")), ("y", plus.clone())], vec![]),
        ("r0: r0 r0 r0 | x r0 y | y", vec![("x", t("b")), ("y", plus.clone())], vec![]),
        // Expressions without priorities.
        (
            "r0: r0 x r0 | y r0 | r0 y | z",
            vec![("x", t("a")), ("y", t("b")), ("z", t("c"))],
            vec![],
        ),
        // Palindromes, of even length and of odd.
        ("r0: x r0 x | y r0 y |", vec![("x", t("a")), ("y", t("b"))], vec![]),
        ("r0: x r0 x | y r0 y | x | y", vec![("x", t("a")), ("y", t("b"))], vec![]),
        // Mutual left recursion with several ways in.
        (
            "r0: r1 | r2 z\nr1: r2 x | y\nr2: r1 z | r0 y | x",
            vec![("x", t("a")), ("y", t("b")), ("z", t("c"))],
            vec![],
        ),
        // The dangling else.
        ("r0: x r0 | x r0 y r0 | z", vec![("x", t("a")), ("y", t("b")), ("z", t("c"))], vec![]),
        // Lexemes that overlap, ignored ones among them.
        ("r0: x | r0 x", vec![("x", plus.clone()), ("w", t("aab"))], vec!["w"]),
        (
            "r0: x r0 | y",
            vec![("x", plus), ("y", t("aa")), ("w", Lexeme::Many("b", 1, None))],
            vec!["w"],
        ),
        // Ignored text around nothing.
        ("r0: |x", vec![("x", t("a")), ("w", t("b"))], vec!["w"]),
        // A terminal that is used and ignored.
        ("r0: w x | w w", vec![("x", t("a")), ("w", t("b"))], vec!["w"]),
        // Lists that recurse on either side, inside each other.
        (
            "r0: l\nl: m | m x l\nm: y | m z y",
            vec![("x", t("a")), ("y", t("b")), ("z", t("c"))],
            vec![],
        ),
        // Long runs of what may be left out.
        (
            "r0: o o o o p\no: | x\np: q q\nq: | y | z q",
            vec![("x", t("a")), ("y", t("b")), ("z", t("c"))],
            vec![],
        ),
        // A rule that is wanted twice in a row, the second time with the same rest.
        (
            "r0: r1 r1 o y | x\nr1: | r0 z\no: | z",
            vec![("x", t("a")), ("y", t("b")), ("z", t("c"))],
            vec![],
        ),
        // Lexemes in the middle of which the lexer is where it began.
        (
            "r0: | x r0 | y",
            vec![("x", Lexeme::Quoted("", "a", "b")), ("y", Lexeme::Quoted("", "a", "bc"))],
            vec![],
        ),
        (
            "r0: x | y | z",
            vec![
                ("x", Lexeme::Quoted("", "a", "bb")),
                ("y", Lexeme::Quoted("", "a", "bbc")),
                ("z", Lexeme::Nested(Box::new(t("c")))),
            ],
            vec![],
        ),
        ("r0: x r0 o | x\no: | y o", vec![("x", t("a")), ("y", t("b"))], vec![]),
    ];
    let universe = Universe::new("abc", 7);
    for (rules, terminals, ignore) in cases {
        let sample = Sample::new(rules, &terminals, &ignore);
        let live = check(&sample, &universe, true);
        // Only the grammar that cannot end is empty.
        assert_eq!(live == 0, rules == "r0: r0 r0 r0 | x r0 y", "{rules}");
    }
}

#[test]
fn nested_automata_are_terminals_like_any_other() {
    let nested = |l| Lexeme::Nested(Box::new(l));
    let universe = Universe::new("abc", 6);
    for (a, b) in [
        (Lexeme::Many("a", 0, None), Lexeme::Text("ab")),
        (Lexeme::Many("ab", 1, Some(3)), Lexeme::Quoted("c", "ab", "c")),
        (Lexeme::Text(""), Lexeme::OneOf(vec!["a", "aab"])),
    ] {
        let rules = "r0: x y | r0 y x | y";
        let plain = Sample::new(rules, &[("x", a.clone()), ("y", b.clone())], &[]);
        let wrapped = Sample::new(rules, &[("x", nested(a)), ("y", nested(b))], &[]);
        check(&wrapped, &universe, true);
        let (mut one, mut other) = (plain.automaton().unwrap(), wrapped.automaton().unwrap());
        for text in &universe.texts {
            let text = text.as_bytes();
            assert_eq!(accepts(&mut one, text), accepts(&mut other, text));
        }
    }
}

#[test]
fn grammars_inside_grammars() {
    let t = |s| Lexeme::Text(s);
    let letters = [("x", t("a")), ("y", t("b")), ("w", t("c")), ("p", Lexeme::Many("ab", 1, None))];
    let inner = [
        Sample::new("r0: x r0 x | y r0 y | x | y", &letters, &[]),
        Sample::new("r0: | x r0 y | p w", &letters, &["w"]),
        Sample::new("r0: p | r0 w p", &letters, &[]),
    ];
    let universe = Universe::new("abc", 6);
    for sample in inner {
        let terminals = [
            ("G", Lexeme::Grammar(Box::new(sample.clone()))),
            ("x", t("a")),
            ("s", Lexeme::Quoted("c", "ab", "c")),
        ];
        for rules in ["r0: G", "r0: G x | s G", "r0: r0 x G | G", "r0: G G | s"] {
            let outer = Sample::new(rules, &terminals, &[]);
            check(&outer, &universe, true);
            // And once more, one level deeper.
            let terminals = [("G", Lexeme::Grammar(Box::new(outer))), ("x", t("b"))];
            let outermost = Sample::new("r0: G | x r0 x", &terminals, &["x"]);
            check(&outermost, &Universe::new("abc", 4), true);
        }
    }
}
