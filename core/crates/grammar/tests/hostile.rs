//! Grammars made to hurt: each ends in an answer or a typed error, soon and within bounds.

mod common;

use std::time::{Duration, Instant};

use common::{Lexeme, Sample, accepts, walk};
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel};
use structgen_grammar::{
    CfgAutomaton, Grammar, GrammarError, GrammarLimits, Rule, Symbol, Terminal, TerminalKind,
};
use structgen_regex::{Exprs, RegexLimits};

use Symbol::{Rule as R, Terminal as X};

/// Terminal i is the letter i.
fn letters(rules: Vec<Vec<Vec<Symbol>>>) -> Sample {
    Sample {
        rules: rules.into_iter().enumerate().map(|(i, a)| (format!("r{i}"), a)).collect(),
        terminals: ["a", "b", "c"].map(Lexeme::Text).to_vec(),
        ignore: Vec::new(),
    }
}

/// Runs `work` and checks that it took no longer than a slow machine may need.
fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    result
}

fn bounded(sample: &Sample) -> Result<CfgAutomaton, GrammarError> {
    sample.automaton_with(GrammarLimits::default(), &mut Fuel::new("max_steps", 20_000_000))
}

#[test]
fn indices_that_point_nowhere() {
    let grammar = |rules: Vec<Vec<Vec<Symbol>>>, ignore: Vec<u32>, start: u32| {
        let mut exprs = Exprs::new(RegexLimits::default());
        let a = exprs.literal(b"a");
        let terminals = vec![Terminal { name: "A".into(), kind: TerminalKind::Regex(a) }];
        let rules =
            rules.into_iter().map(|alternatives| Rule { name: "r".into(), alternatives }).collect();
        let grammar = Grammar { rules, terminals, ignore, start };
        CfgAutomaton::new(grammar, exprs, GrammarLimits::default(), &mut Fuel::unlimited())
    };
    for (case, place) in [
        (grammar(vec![vec![vec![X(1)]]], vec![], 0), "terminal 1"),
        (grammar(vec![vec![vec![X(0), R(7)]]], vec![], 0), "rule 7"),
        (grammar(vec![vec![vec![X(0)]]], vec![u32::MAX], 0), "terminal 4294967295"),
        (grammar(vec![vec![vec![X(0)]]], vec![], 1), "rule 1"),
        (grammar(vec![], vec![], 0), "rule 0"),
    ] {
        match case.err() {
            Some(GrammarError::Malformed { what }) => assert!(what.contains(place), "{what}"),
            other => panic!("{other:?} for {place}"),
        }
    }
    assert!(grammar(vec![vec![vec![X(0)]]], vec![0, 0], 0).is_ok());
}

#[test]
fn empty_languages_name_their_rules() {
    let none = letters(vec![vec![]]);
    assert!(matches!(none.automaton(), Err(GrammarError::Empty { names }) if names == ["r0"]));
    let endless = letters(vec![vec![vec![X(0), R(1)]], vec![vec![R(1), X(1)]]]);
    let error = endless.automaton().err().unwrap();
    assert_eq!(error.to_string(), "the grammar derives no text: `r0`, `r1` never end");
    // A dead branch is only diagnosed.
    let partly =
        letters(vec![vec![vec![X(0)], vec![R(1)]], vec![vec![R(1), X(1)]], vec![vec![X(2)]]]);
    let mut automaton = partly.automaton().unwrap();
    assert_eq!(automaton.diagnostics().unproductive_rules, [1]);
    assert_eq!(automaton.diagnostics().unreachable_rules, [2]);
    assert_eq!(automaton.diagnostics().unused_terminals, [2]);
    assert!(accepts(&mut automaton, b"a"));
    assert!(walk(&mut automaton, b"c").is_dead());
}

#[test]
fn only_the_empty_text() {
    let mut automaton =
        letters(vec![vec![vec![R(1), R(1)]], vec![vec![], vec![R(0)]]]).automaton().unwrap();
    assert!(accepts(&mut automaton, b""));
    assert!(walk(&mut automaton, b"a").is_dead());
    let mut sample = letters(vec![vec![vec![]]]);
    sample.ignore = vec![1];
    let mut automaton = sample.automaton().unwrap();
    assert!(accepts(&mut automaton, b"bbb"));
    assert!(walk(&mut automaton, b"bba").is_dead());
}

#[test]
fn long_chains_of_rules() {
    let n = 50_000;
    let chain = |last: Vec<Symbol>| {
        let mut rules: Vec<Vec<Vec<Symbol>>> =
            (1..n).map(|i| vec![vec![R(i)], vec![R(i), X(1)]]).collect();
        rules.push(vec![last]);
        letters(rules)
    };
    for (last, text) in [(vec![X(0)], &b"abbb"[..]), (vec![X(0), R(0), X(2)], b"aaaaac")] {
        soon("a chain", || {
            let mut automaton = match bounded(&chain(last)) {
                Ok(automaton) => automaton,
                Err(error) => return assert!(matches!(error, GrammarError::Empty { .. })),
            };
            // What follows a rule at the end of the chain is what follows all of them.
            let mut fuel = Fuel::new("max_steps", 20_000_000);
            let mut state = automaton.start(&mut fuel).unwrap();
            for byte in text {
                match automaton.step(state, *byte, &mut fuel) {
                    Ok(next) => state = next,
                    Err(error) => {
                        let (name, limit) = ("max_items", 8_000_000);
                        return assert_eq!(error, AutomatonError::Limit { name, limit });
                    }
                }
                assert!(!state.is_dead());
            }
        });
    }
}

#[test]
fn one_component_of_thousands_of_rules() {
    for n in [500, 5_000, 30_000u32] {
        // Every rule begins with the next one, in a circle, some of them bare.
        let rules: Vec<Vec<Vec<Symbol>>> = (0..n)
            .map(|i| {
                let next = R((i + 1) % n);
                vec![vec![next, X(1)], vec![next], vec![X(0)], vec![R((i * 7 + 1) % n), X(2)]]
            })
            .collect();
        soon("a circle", || {
            let mut automaton = bounded(&letters(rules)).unwrap();
            let mut fuel = Fuel::new("max_steps", 20_000_000);
            let start = automaton.start(&mut fuel).unwrap();
            match automaton.step(start, b'a', &mut fuel) {
                Ok(state) => assert!(automaton.is_accepting(state, &mut fuel).unwrap()),
                Err(AutomatonError::Limit { name, .. }) => {
                    assert!(["max_steps", "max_items", "max_items_per_set"].contains(&name));
                }
                Err(other) => panic!("{other}"),
            }
            assert!(automaton.usage().bytes < 300_000_000, "{:?}", automaton.usage());
        });
    }
}

#[test]
fn shortest_texts_of_exponential_length() {
    // r0 = r1 r1, r1 = r2 r2, ...: 2^80 times "a".
    let mut rules: Vec<Vec<Vec<Symbol>>> = (1..=80).map(|i| vec![vec![R(i), R(i)]]).collect();
    rules.push(vec![vec![X(0)]]);
    let mut automaton = bounded(&letters(rules)).unwrap();
    let state = walk(&mut automaton, &b"a".repeat(1_000));
    let mut fuel = Fuel::new("max_steps", 1_000_000);
    assert!(matches!(
        automaton.completion(state, &mut fuel),
        Err(AutomatonError::Limit { name: "max_completion_bytes", .. })
    ));
    assert!(walk(&mut automaton, b"aab").is_dead());
}

#[test]
fn long_runs_of_what_may_be_left_out() {
    let n = 10_000;
    let optional = vec![vec![], vec![X(0)]];
    for rule in [vec![R(1); n], [vec![R(1); n], vec![R(0), X(1)]].concat()] {
        soon("a long rule", || {
            let sample = letters(vec![vec![rule, vec![X(2)]], optional.clone()]);
            let mut automaton = bounded(&sample).unwrap();
            let mut fuel = Fuel::new("max_steps", 20_000_000);
            let mut state = automaton.start(&mut fuel).unwrap();
            for byte in b"aaaaa" {
                match automaton.step(state, *byte, &mut fuel) {
                    Ok(next) => state = next,
                    Err(AutomatonError::Limit { .. }) => break,
                    Err(other) => panic!("{other}"),
                }
                assert!(!state.is_dead());
            }
            assert!(automaton.usage().bytes < 300_000_000, "{:?}", automaton.usage());
        });
    }
}

#[test]
fn ambiguity_beyond_reason() {
    for rules in [
        vec![vec![vec![R(0); 8], vec![X(0)], vec![]]],
        vec![vec![vec![R(0), R(0)], vec![R(0), X(0)], vec![X(0), R(0)], vec![X(0)]]],
        vec![vec![vec![R(0); 5], vec![X(0), R(0), X(0)], vec![X(0)]]],
    ] {
        soon("ambiguity", || {
            let mut automaton = bounded(&letters(rules)).unwrap();
            let mut fuel = Fuel::new("max_steps", 20_000_000);
            let mut state = automaton.start(&mut fuel).unwrap();
            for i in 0..2_000 {
                match automaton.step(state, b'a', &mut fuel) {
                    Ok(next) => state = next,
                    Err(AutomatonError::Limit { .. }) => {
                        assert!(i > 50);
                        break;
                    }
                    Err(other) => panic!("{other}"),
                }
                assert!(!state.is_dead());
            }
            assert!(automaton.usage().bytes < 400_000_000, "{:?}", automaton.usage());
        });
    }
}

#[test]
fn thousands_of_terminals() {
    let n = 5_000u32;
    soon("terminals", || {
        let mut exprs = Exprs::new(RegexLimits::default());
        let terminals = (0..n)
            .map(|i| Terminal {
                name: format!("T{i}"),
                kind: TerminalKind::Regex(exprs.literal(format!("word {i};").as_bytes())),
            })
            .collect();
        let alternatives = (0..n).map(|i| vec![R(0), X(i)]).chain([vec![]]).collect();
        let rules = vec![Rule { name: "start".into(), alternatives }];
        let grammar = Grammar { rules, terminals, ignore: vec![], start: 0 };
        let mut fuel = Fuel::new("max_steps", 20_000_000);
        let mut automaton =
            CfgAutomaton::new(grammar, exprs, GrammarLimits::default(), &mut fuel).unwrap();
        assert!(accepts(&mut automaton, b"word 17;word 4999;word 0;"));
        let state = walk(&mut automaton, b"word 17;wor");
        let completion = automaton.completion(state, &mut fuel).unwrap();
        assert_eq!(completion.map(|c| c.len()), Some(4));
        assert!(walk(&mut automaton, b"word 5000").is_dead());
    });
}

#[test]
fn sizes_are_limited_up_front() {
    let sample = letters(vec![vec![vec![X(0); 100]; 100]; 20]);
    for (limits, name) in [
        (GrammarLimits { max_rules: 19, ..Default::default() }, "max_rules"),
        (GrammarLimits { max_terminals: 2, ..Default::default() }, "max_terminals"),
        (GrammarLimits { max_symbols: 100_000, ..Default::default() }, "max_symbols"),
    ] {
        let error = sample.automaton_with(limits, &mut Fuel::unlimited()).err().unwrap();
        assert!(
            matches!(
                error,
                GrammarError::Automaton(AutomatonError::Limit { name: n, .. }) if n == name
            ),
            "{error}"
        );
    }
    let starved = sample.automaton_with(GrammarLimits::default(), &mut Fuel::new("max_steps", 50));
    assert!(matches!(starved.err(), Some(GrammarError::Automaton(_))));
}
