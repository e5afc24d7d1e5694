//! The algebra against the reference semantics, on random expressions and all short texts.

mod common;

use std::collections::HashMap;

use common::{Kinds, Random, full_matches, texts};
use structgen_automaton::{CharSelection, Fuel, LexState};
use structgen_regex::{Ast, ExprId, Exprs, Lexer, RegexLimits, lower_utf8};

const ALPHABET: [char; 3] = ['a', 'b', 'é'];

fn random(seed: u64) -> Ast {
    let mut random = Random::new(seed);
    let size = 2 + random.below(11);
    random.ast(&ALPHABET, size, Kinds { booleans: true, assertions: false })
}

fn lowered(ast: &Ast) -> (Exprs, ExprId) {
    let mut exprs = Exprs::new(RegexLimits::default());
    let e = lower_utf8(&mut exprs, ast);
    exprs.check().unwrap();
    (exprs, e)
}

#[test]
fn membership_is_that_of_the_reference() {
    let texts = texts(&ALPHABET, 5);
    for seed in 0..250 {
        let ast = random(seed);
        let (exprs, e) = lowered(&ast);
        let mut fuel = Fuel::unlimited();
        let mut lexer = Lexer::new(exprs);
        let start = lexer.state(&[(3, e)], &mut fuel).unwrap();
        for text in &texts {
            let bytes = text.iter().collect::<String>();
            let mut state = start;
            for &byte in bytes.as_bytes() {
                state = lexer.step(state, byte, &mut fuel).unwrap();
            }
            let expected = full_matches(&ast, text);
            assert_eq!(
                lexer.accept(state).is_some(),
                expected,
                "seed {seed}: {ast:?} on {bytes:?}"
            );
            if lexer.accept(state).is_some() {
                assert!(!state.is_dead());
            }
        }
    }
}

/// All states of the lexer, with successors, if there are not too many.
fn explore(lexer: &mut Lexer, start: LexState) -> Option<HashMap<LexState, Vec<LexState>>> {
    let mut fuel = Fuel::unlimited();
    let mut graph = HashMap::new();
    let mut queue = vec![start];
    while let Some(state) = queue.pop() {
        if state.is_dead() || graph.contains_key(&state) {
            continue;
        }
        let mut next: Vec<LexState> =
            (0..=255).map(|byte| lexer.step(state, byte, &mut fuel).unwrap()).collect();
        next.sort();
        next.dedup();
        queue.extend(&next);
        graph.insert(state, next);
        if graph.len() > 3_000 {
            return None;
        }
    }
    Some(graph)
}

#[test]
fn a_state_is_live_exactly_if_it_reaches_acceptance() {
    let mut checked = 0;
    for seed in 0..250 {
        let ast = random(seed + 10_000);
        let (exprs, e) = lowered(&ast);
        let mut fuel = Fuel::unlimited();
        let mut lexer = Lexer::new(exprs);
        let start = lexer.state(&[(0, e)], &mut fuel).unwrap();
        let Some(graph) = explore(&mut lexer, start) else { continue };
        // Distance to acceptance, by plain relaxation.
        let mut distance: HashMap<LexState, u32> = HashMap::new();
        for round in 0..=graph.len() as u32 {
            let mut changed = false;
            for (&state, next) in &graph {
                let best = if lexer.accept(state).is_some() {
                    Some(0)
                } else {
                    next.iter().filter_map(|to| distance.get(to)).min().map(|d| d + 1)
                };
                if let Some(best) =
                    best.filter(|best| distance.get(&state).is_none_or(|d| best < d))
                {
                    distance.insert(state, best);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
            assert!(round <= graph.len() as u32);
        }
        for &state in graph.keys() {
            let distance = distance.get(&state).copied();
            assert!(distance.is_some(), "seed {seed}: live without completion: {ast:?}");
            assert_eq!(lexer.shortest_len(state, None, &mut fuel).unwrap(), distance, "{ast:?}");
            let mut member = lexer.shortest(state, None, &mut fuel).unwrap().unwrap();
            assert_eq!(Some(member.len() as u32), distance);
            // Following it is consistent.
            let mut at = state;
            while !member.is_empty() {
                at = lexer.step(at, member.remove(0), &mut fuel).unwrap();
                let rest = lexer.shortest_len(at, None, &mut fuel).unwrap().unwrap();
                assert!(rest as usize <= member.len());
            }
            assert!(lexer.accept(at).is_some());
            checked += 1;
        }
    }
    assert!(checked > 1_000, "{checked}");
}

#[test]
fn containment_is_that_of_sets() {
    let texts = texts(&['a', 'b'], 5);
    let (mut yes, mut no) = (0, 0);
    for seed in 0..300 {
        let mut source = Random::new(seed + 77);
        let kinds = Kinds { booleans: true, assertions: false };
        let size = 2 + source.below(5);
        let (big, small) =
            (source.ast(&['a', 'b'], size, kinds), source.ast(&['a', 'b'], size, kinds));
        let mut exprs = Exprs::new(RegexLimits::default());
        let (b, s) = (lower_utf8(&mut exprs, &big), lower_utf8(&mut exprs, &small));
        let mut fuel = Fuel::unlimited();
        let contained = exprs.contains(b, s, &mut fuel).unwrap();
        let counter = texts.iter().any(|t| full_matches(&small, t) && !full_matches(&big, t));
        if contained {
            assert!(!counter, "seed {seed}: {big:?} {small:?}");
            yes += 1;
        } else {
            // The counterexample may be longer than the texts or use other characters: the
            // engine has to show one.
            let outside = exprs.not(b);
            let witness = exprs.and(&[s, outside]);
            let member = exprs.shortest(witness, &mut fuel).unwrap().unwrap();
            let member: Vec<char> = String::from_utf8(member).unwrap().chars().collect();
            assert!(full_matches(&small, &member) && !full_matches(&big, &member));
            no += 1;
        }
    }
    assert!(yes > 30 && no > 50, "{yes} {no}");
}

#[test]
fn fingerprints_agree_between_arenas_and_tell_languages_apart() {
    let mut seen: HashMap<u128, (u64, Vec<bool>)> = HashMap::new();
    let texts = texts(&ALPHABET, 4);
    for seed in 0..400 {
        let ast = random(seed);
        let (exprs, e) = lowered(&ast);
        let mut other = Exprs::new(RegexLimits::default());
        // Other ids for everything.
        lower_utf8(&mut other, &random(seed + 1));
        let f = lower_utf8(&mut other, &ast);
        assert_eq!(exprs.fingerprint(e), other.fingerprint(f), "seed {seed}: {ast:?}");
        let language: Vec<bool> = texts.iter().map(|t| full_matches(&ast, t)).collect();
        let (first, known) = seen.entry(exprs.fingerprint(e)).or_insert((seed, language.clone()));
        assert_eq!(known, &language, "seeds {first} and {seed}");
    }
}

/// Demands, counts and classes together: what the syntax tells of them at sight is true.
#[test]
fn conjunctions_of_demands_are_those_of_the_reference() {
    let texts = texts(&ALPHABET, 5);
    let chars = CharSelection { ascii: 1 << b'a' | 1 << b'b', beyond_ascii: true };
    let mut idle_states = 0;
    for seed in 0..400 {
        let mut random = Random::new(seed + 7_000);
        let any = || Ast::any_char().repeat(0, None);
        let mut parts = Vec::new();
        for _ in 0..1 + random.below(4) {
            let class = Ast::Class(random.class(&ALPHABET));
            parts.push(match random.below(4) {
                0 => class.repeat(random.below(2) as u32, Some(2 + random.below(3) as u32)),
                1 => class.repeat(0, None),
                2 => Ast::Concat(vec![any(), class, Ast::Class(random.class(&ALPHABET)), any()]),
                _ => Ast::Concat(vec![any(), class, any()]),
            });
        }
        let ast = Ast::And(parts);
        let (exprs, e) = lowered(&ast);
        let mut fuel = Fuel::unlimited();
        let mut lexer = Lexer::new(exprs);
        let start = lexer.state(&[(0, e)], &mut fuel).unwrap();
        let members: Vec<&Vec<char>> =
            texts.iter().filter(|text| full_matches(&ast, text)).collect();
        if members.iter().any(|text| text.len() < 5) {
            assert!(!start.is_dead(), "seed {seed}: {ast:?}");
        }
        for text in &texts {
            let mut state = start;
            for &byte in text.iter().collect::<String>().as_bytes() {
                if !state.is_dead() {
                    state = lexer.step(state, byte, &mut fuel).unwrap();
                }
            }
            assert_eq!(
                lexer.accept(state).is_some(),
                full_matches(&ast, text),
                "seed {seed}: {ast:?} on {text:?}"
            );
            if members.iter().any(|member| member.starts_with(text)) {
                assert!(!state.is_dead(), "seed {seed}: {ast:?} after {text:?}");
            }
            if state.is_dead() || text.len() > 2 {
                continue;
            }
            let idle = lexer.idle_bytes(state, chars, &mut fuel).unwrap();
            idle_states += u32::from(idle > 0);
            for more in texts.iter().filter(|more| more.len() <= 3) {
                let more: String = more.iter().collect();
                let mut after = state;
                for &byte in more.as_bytes() {
                    after = lexer.step(after, byte, &mut fuel).unwrap();
                }
                if (1..=idle as usize).contains(&more.len()) {
                    assert!(
                        !after.is_dead() && lexer.accept(after).is_none(),
                        "seed {seed}: {ast:?} after {text:?} and {more:?}"
                    );
                }
            }
        }
    }
    assert!(idle_states > 300, "{idle_states} states were seen to be idle");
}

/// Parts that begin alike are kept together: what is alive, and what is accepted, must be what
/// each part alone would say.
#[test]
fn parts_side_by_side_are_as_each_alone() {
    let texts = texts(&ALPHABET, 4);
    let (mut steps, mut shared) = (0, 0);
    for seed in 0..120 {
        let mut random = Random::new(seed + 40_000);
        let kinds = Kinds { booleans: true, assertions: false };
        let mut exprs = Exprs::new(RegexLimits::default());
        // Heads of several bytes, some spelled in two ways, each before several tails.
        let heads: Vec<ExprId> = (0..3)
            .map(|_| {
                let size = 1 + random.below(4);
                let head = lower_utf8(&mut exprs, &random.ast(&ALPHABET, size, kinds));
                let spelled = exprs.literal(b"ab\xc3\xa9");
                if random.below(2) == 0 { exprs.or(&[head, spelled]) } else { head }
            })
            .collect();
        let mut parts = Vec::new();
        for tag in 0..12 {
            let size = 1 + random.below(6);
            let tail = lower_utf8(&mut exprs, &random.ast(&ALPHABET, size, kinds));
            let head = heads[random.below(3) as usize];
            parts.push((3 * tag + 1, exprs.concat(&[head, tail])));
        }
        let mut fuel = Fuel::unlimited();
        let mut lexer = Lexer::new(exprs);
        let together = lexer.state(&parts, &mut fuel).unwrap();
        let alone: Vec<(u32, LexState)> =
            parts.iter().map(|&part| (part.0, lexer.state(&[part], &mut fuel).unwrap())).collect();
        for text in &texts {
            let bytes = text.iter().collect::<String>();
            let mut state = together;
            let mut each = alone.clone();
            for &byte in bytes.as_bytes() {
                state = lexer.step(state, byte, &mut fuel).unwrap();
                for (_, alone) in &mut each {
                    *alone = lexer.step(*alone, byte, &mut fuel).unwrap();
                }
                let alive: Vec<u32> =
                    each.iter().filter(|(_, s)| !s.is_dead()).map(|&(tag, _)| tag).collect();
                assert_eq!(lexer.tags(state), alive, "seed {seed} on {bytes:?}");
                assert_eq!(lexer.last_tag(state), alive.last().copied().unwrap_or(0));
                let accepted: Vec<u32> = each
                    .iter()
                    .filter(|(_, s)| lexer.accept(*s).is_some())
                    .map(|&(tag, _)| tag)
                    .collect();
                let accept = lexer.accept(state);
                assert_eq!(accept.map_or(&[][..], |a| lexer.accept_tags(a)), accepted);
                steps += 1;
                shared += u32::from(alive.len() > 1);
            }
            let parts = lexer.parts(state);
            assert_eq!(parts.len(), lexer.tags(state).len());
            for (tag, e) in parts {
                let state = each.iter().find(|(other, _)| *other == tag).unwrap().1;
                let length = lexer.shortest_len(state, None, &mut fuel).unwrap();
                assert_eq!(lexer.exprs.shortest_len(e, &mut fuel).unwrap(), length);
                let kept = lexer.shortest_len(state, Some(tag), &mut fuel).unwrap();
                assert_eq!(kept, length, "seed {seed}, {tag} after {bytes:?}");
            }
            let nearest = each
                .iter()
                .filter_map(|(_, s)| lexer.shortest_len(*s, None, &mut fuel).unwrap())
                .min();
            assert_eq!(lexer.shortest_len(state, None, &mut fuel).unwrap(), nearest);
        }
    }
    assert!(steps > 10_000 && shared > 1_000, "{steps} {shared}");
}
