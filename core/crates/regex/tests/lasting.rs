//! Fingerprints for files: they say what those of the process say, in every process.

mod common;

use std::collections::HashMap;

use common::{Kinds, Random};
use structgen_automaton::{Fuel, LEX_NEAR_HORIZON, LexState};
use structgen_regex::{
    Ast, Dialect, ExprId, Exprs, Flags, Lexer, ParseLimits, RegexLimits, full_match, lower_utf8,
    parse,
};

fn random(seed: u64) -> Ast {
    let mut random = Random::new(seed);
    let size = 2 + random.below(11);
    random.ast(&['a', 'b', 'é'], size, Kinds { booleans: true, assertions: false })
}

fn lexer(build: impl FnOnce(&mut Exprs) -> Vec<(u32, ExprId)>) -> (Lexer, LexState) {
    let mut exprs = Exprs::new(RegexLimits::default());
    let parts = build(&mut exprs);
    let mut lexer = Lexer::new(exprs);
    let state = lexer.state(&parts, &mut Fuel::unlimited()).unwrap();
    (lexer, state)
}

fn pattern(exprs: &mut Exprs, pattern: &str) -> ExprId {
    let ast = parse(pattern, Dialect::Python, Flags::default(), ParseLimits::default()).unwrap();
    lower_utf8(exprs, &full_match(ast.clone()).unwrap())
}

fn of_patterns(patterns: &[(u32, &str)]) -> [u128; 2] {
    let (mut lexer, state) =
        lexer(|exprs| patterns.iter().map(|&(tag, text)| (tag, pattern(exprs, text))).collect());
    lexer.lasting_fingerprints(state).unwrap()
}

/// What two things have one of, they have both of.
#[derive(Default)]
struct Pairs(HashMap<u128, u128>, HashMap<u128, u128>);

impl Pairs {
    fn add(&mut self, print: u128, lasting: u128) {
        assert_eq!(*self.0.entry(print).or_insert(lasting), lasting);
        assert_eq!(*self.1.entry(lasting).or_insert(print), print);
    }
}

#[test]
fn they_are_equal_where_those_of_the_process_are() {
    let mut pairs = [Pairs::default(), Pairs::default()];
    let mut states = 0;
    for seed in 0..400 {
        let (mut lexer, start) = lexer(|exprs| {
            // Other ids for everything.
            lower_utf8(exprs, &random(seed + 1));
            let parts = [lower_utf8(exprs, &random(seed)), lower_utf8(exprs, &random(seed / 2))];
            vec![(7, parts[0]), (3, parts[1])]
        });
        let mut fuel = Fuel::unlimited();
        let mut queue = vec![start];
        for _ in 0..12 {
            let Some(state) = queue.pop() else { break };
            let lasting = lexer.lasting_fingerprints(state).unwrap();
            pairs[0].add(lexer.fingerprint(state), lasting[0]);
            pairs[1].add(lexer.near_fingerprint(state), lasting[1]);
            states += 1;
            for byte in [b'a', b'b', 0xC3] {
                let next = lexer.step(state, byte, &mut fuel).unwrap();
                if !next.is_dead() {
                    queue.push(next);
                }
            }
        }
    }
    assert!(pairs[0].0.len() > 300 && pairs[1].0.len() > 300 && states > 2 * pairs[0].0.len());
}

#[test]
fn they_see_as_far_as_their_horizons() {
    let of = |text: &str| of_patterns(&[(0, text)]);
    let [far, near] = of("[ab]{0,300}c");
    assert_eq!(of("[ab]{0,400}c"), [far, near]);
    assert_eq!(of("[ab]{0,100}c")[1], near);
    assert_ne!(of("[ab]{0,100}c")[0], far);
    assert_ne!(of("[ab]{0,20}c")[1], near);
    assert_eq!(of_patterns(&[(0, "ab*"), (1, "c")]), of_patterns(&[(2, "ab*"), (9, "c")]));
    assert_ne!(of_patterns(&[(0, "ab*"), (1, "c")]), of_patterns(&[(0, "ab*"), (1, "d")]));
    assert_ne!(of_patterns(&[(0, "ab*"), (1, "c")]), of_patterns(&[(0, "ab*|c")]));
}

/// `limited(within, n, pattern)`: the pattern within a limit of length.
fn limited(exprs: &mut Exprs, within: &str, most: u32, other: &Ast) -> ExprId {
    let limit = pattern(exprs, &format!("{within}{{0,{most}}}"));
    let other = lower_utf8(exprs, other);
    exprs.and(&[limit, other])
}

#[test]
fn a_limit_of_length_is_seen_from_as_far_as_it_matters() {
    let words = parse(r"(\w{1,9} )*\w+", Dialect::Python, Flags::default(), ParseLimits::default());
    let words = full_match(words.unwrap()).unwrap();
    let of = |within: &str, most: u32| {
        let (mut lexer, state) = lexer(|exprs| vec![(0, limited(exprs, within, most, &words))]);
        lexer.lasting_fingerprints(state).unwrap()
    };
    let [far, near] = of(r"[\s\S]", 300);
    assert_eq!(of(r"[\s\S]", 700), [far, near]);
    let closer = of(r"[\s\S]", 200);
    assert!(closer[0] != far && closer[1] == near);
    // No limit alone: with other letters the words would need room of their own.
    assert_ne!(of(r"[a-z ]", 300)[1], of(r"[a-z ]", 700)[1]);
    assert_ne!(of(r"[\s\S]", 24)[1], near);
}

#[test]
fn no_text_within_the_horizon_tells_apart_what_shares_a_fingerprint() {
    const HORIZON: usize = LEX_NEAR_HORIZON as usize;
    let fuel = &mut Fuel::unlimited();
    let mut shared = 0;
    for seed in 0..600 {
        let mut random = Random::new(1000 + seed);
        let mut exprs = Exprs::new(RegexLimits::default());
        let other = match seed % 3 {
            // Of these a text must be completed that has begun.
            0 => {
                let (a, b) = (random.below(9), random.below(9));
                let ast = parse(
                    &format!("(a{{{a}}}b{{{b}}}a)*"),
                    Dialect::Python,
                    Flags::default(),
                    ParseLimits::default(),
                );
                full_match(ast.unwrap()).unwrap()
            }
            kind => {
                let size = 2 + random.below(9);
                random.ast(&['a', 'b', 'é'], size, Kinds { booleans: kind == 1, assertions: false })
            }
        };
        let within = [r"[\s\S]", "[ab]"][random.below(2) as usize];
        let mosts = [0; 2].map(|_| LEX_NEAR_HORIZON - 2 + random.below(30) as u32);
        let both = mosts.map(|most| limited(&mut exprs, within, most, &other));
        let mut lexer = Lexer::new(exprs);
        let starts = both.map(|e| lexer.state(&[(0, e)], fuel).unwrap());
        let prints = starts.map(|state| lexer.near_fingerprint(state));
        if both[0] == both[1] || prints[0] != prints[1] {
            continue;
        }
        shared += 1;
        for _ in 0..50 {
            let (mut at, mut length) = (starts, 0);
            while length < HORIZON && at.iter().any(|state| !state.is_dead()) {
                // Mostly a letter with which one of them may go on.
                let mut letter = "";
                let mut next = at;
                for _ in 0..6 {
                    letter = ["a", "b", "é"][random.below(3) as usize];
                    next = at;
                    for &byte in letter.as_bytes() {
                        next = next.map(|state| lexer.step(state, byte, fuel).unwrap());
                    }
                    if next.iter().any(|state| !state.is_dead()) {
                        break;
                    }
                }
                (at, length) = (next, length + letter.len());
                if length <= HORIZON {
                    let seen = at.map(|state| (state.is_dead(), lexer.accept(state).is_some()));
                    assert_eq!(seen[0], seen[1], "{within} {mosts:?} {other:?}");
                }
            }
        }
    }
    assert!(shared > 50, "{shared}");
}

#[test]
fn they_do_not_change() {
    // They stand in files. If this fails, `MEANING` of the engine's `lexical/store.rs` has to be
    // raised, and the numbers here are the new ones.
    let prints = of_patterns(&[(0, "(a|é){2,100}[^x]*"), (1, "(?=.*b)[a-d]{3}"), (2, r"\d+(?!0)")]);
    assert_eq!(
        prints.map(|print| format!("{print:032x}")),
        ["6ecd549e815f84318937332eef8c1531", "fa3e5e30c4e762b4cb7fbfc7009f4535"]
    );
}

#[test]
fn what_is_too_large_comes_piece_by_piece() {
    let words: Vec<String> = (0..3000).map(|i| format!("{}{i}é", i * 7919 % 10007)).collect();
    let (mut lexer, state) = lexer(|exprs| {
        let words: Vec<_> = words.iter().map(|word| exprs.literal(word.as_bytes())).collect();
        vec![(0, exprs.or(&words))]
    });
    let asked = (1..100).find(|_| lexer.lasting_fingerprints(state).is_some());
    assert!(asked.is_some_and(|times| times > 1), "{asked:?}");
}
