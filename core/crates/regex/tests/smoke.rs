//! The public surface, end to end.

use structgen_automaton::{ByteAutomaton, Fuel};
use structgen_regex::{
    Ast, CharSet, Exprs, JsonSpelling, Lexer, RegexAutomaton, RegexLimits, lower_json, lower_utf8,
};

#[test]
fn any_json_text_is_a_small_automaton() {
    for spelling in [JsonSpelling::All, JsonSpelling::Minimal] {
        let mut exprs = Exprs::new(RegexLimits::default());
        let e = lower_json(&mut exprs, &Ast::any_text(), spelling);
        let mut fuel = Fuel::unlimited();
        let mut lexer = Lexer::new(exprs);
        let start = lexer.state(&[(0, e)], &mut fuel).unwrap();
        let mut queue = vec![start];
        let mut seen = std::collections::HashSet::from([start]);
        while let Some(state) = queue.pop() {
            for byte in 0..=255 {
                let next = lexer.step(state, byte, &mut fuel).unwrap();
                if !next.is_dead() && seen.insert(next) {
                    queue.push(next);
                }
            }
        }
        println!("{spelling:?} {} states", seen.len());
        assert!(seen.len() <= 25, "{}", seen.len());
    }
}

#[test]
fn a_pattern_with_a_length_and_a_complement() {
    let mut exprs = Exprs::new(RegexLimits::default());
    let letters = Ast::Class(CharSet::range('a', 'c')).repeat(0, None);
    let ast =
        Ast::And(vec![letters, Ast::text_of_length(3, Some(5)), Ast::literal("abc").negate()]);
    let e = lower_utf8(&mut exprs, &ast);
    let mut automaton = RegexAutomaton::new(exprs, e);
    let mut fuel = Fuel::unlimited();
    let start = automaton.start(&mut fuel).unwrap();
    let shortest = automaton.completion(start, &mut fuel).unwrap().unwrap();
    assert_eq!(shortest.len(), 3);
    let mut state = start;
    for &byte in b"abc" {
        state = automaton.step(state, byte, &mut fuel).unwrap();
    }
    assert!(!automaton.is_accepting(state, &mut fuel).unwrap());
    assert_eq!(automaton.completion(state, &mut fuel).unwrap().unwrap(), b"a");
}
