use structgen_automaton::Fuel;

use super::{direct, explore, full_match, search};
use crate::{Ast, CharSet, Exprs, RegexLimits, lower_utf8};

#[path = "../../tests/common/mod.rs"]
mod common;

use common::{Kinds, Random, full_matches, is_found, texts};

const ALPHABET: [char; 3] = ['a', 'b', '-'];

fn agrees(name: &str, seed: u64, ast: &Ast, resolved: &Ast, expected: impl Fn(&[char]) -> bool) {
    assert!(!resolved.has_assertions());
    let mut exprs = Exprs::new(RegexLimits::default());
    let e = lower_utf8(&mut exprs, resolved);
    let mut fuel = Fuel::unlimited();
    for text in texts(&ALPHABET, 4) {
        let bytes: String = text.iter().collect();
        let matched = exprs.matches(e, bytes.as_bytes(), &mut fuel).unwrap();
        assert_eq!(matched, expected(&text), "{name}, seed {seed}: {ast:?} on {bytes:?}");
    }
    // Every state of an automaton is live, and the lengths are right.
    if let Some(member) = exprs.shortest(e, &mut fuel).unwrap() {
        assert!(exprs.matches(e, &member, &mut fuel).unwrap());
    } else {
        assert!(exprs.is_empty(e, &mut fuel).unwrap());
    }
}

#[test]
fn both_ways_agree_with_the_reference() {
    let (mut in_place, mut explored) = (0, 0);
    for seed in 0..350 {
        let mut random = Random::new(seed);
        let size = 2 + random.below(8);
        let ast = random.ast(&ALPHABET, size, Kinds { booleans: false, assertions: true });
        if !ast.has_assertions() {
            continue;
        }
        let any = Ast::any_text();
        for found in [false, true] {
            let parts: &[&Ast] = if found { &[&any, &ast, &any] } else { &[&ast] };
            let expected = |text: &[char]| {
                if found { is_found(&ast, text) } else { full_matches(&ast, text) }
            };
            if let Ok(resolved) =
                direct::resolve(&parts.iter().map(|&part| part.clone()).collect::<Vec<_>>())
            {
                agrees("direct", seed, &ast, &resolved, expected);
                in_place += 1;
            }
            let whole = Ast::Concat(parts.iter().map(|&part| part.clone()).collect());
            let resolved = explore::resolve(&whole).unwrap();
            agrees("explore", seed, &ast, &resolved, expected);
            explored += 1;
        }
    }
    assert!(in_place > 100 && explored > 250, "{in_place} {explored}");
}

#[test]
fn a_tempered_dot_is_regular() {
    let end = Ast::literal("b-");
    let not_end = Ast::Look { inner: Box::new(end.clone()), ahead: true, negate: true };
    let body = Ast::Concat(vec![not_end, Ast::any_char()]).repeat(0, None);
    let ast = Ast::Concat(vec![body, end]);
    agrees("full", 0, &ast, &full_match(ast.clone()).unwrap(), |text| full_matches(&ast, text));
    agrees("search", 0, &ast, &search(ast.clone()).unwrap(), |text| is_found(&ast, text));
    match full_match(ast.clone()).unwrap() {
        Ast::Automaton(dfa) => assert_eq!(dfa.len(), 3),
        other => panic!("{other:?}"),
    }
}

#[test]
fn counts_stay_symbolic_beside_assertions() {
    let long = Ast::Class(CharSet::range('a', 'z')).repeat(0, Some(1_000_000));
    let ast = Ast::Concat(vec![Ast::Start, long, Ast::End]);
    let resolved = search(ast.clone()).unwrap();
    let mut exprs = Exprs::new(RegexLimits::default());
    lower_utf8(&mut exprs, &resolved);
    assert!(exprs.len() < 50);
}

#[test]
fn iterations_that_match_nothing_count_towards_the_minimum() {
    let look =
        |text: &str| Ast::Look { inner: Box::new(Ast::literal(text)), ahead: true, negate: false };
    for (min, max) in [(2, Some(2)), (2, None), (3, Some(4)), (4, Some(6))] {
        for seen in ["a", "b", "ab", "ba"] {
            let body = Ast::Alternate(vec![look(seen), Ast::literal("b"), Ast::literal("a-")]);
            let ast = Ast::Concat(vec![body.repeat(min, max), Ast::literal("a").repeat(0, None)]);
            agrees("full", 0, &ast, &full_match(ast.clone()).unwrap(), |text| {
                full_matches(&ast, text)
            });
            agrees("search", 0, &ast, &search(ast.clone()).unwrap(), |text| is_found(&ast, text));
        }
    }
}
