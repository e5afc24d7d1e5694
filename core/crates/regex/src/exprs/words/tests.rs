//! Against the alternation of the words, one after the other.

use structgen_automaton::{Fuel, LexState};

use super::*;
use crate::{Ast, JsonSpelling, Lexer, RegexLimits, lower_json};

/// A linear congruential generator is random enough here.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) as usize % end
    }
}

/// Few characters, so that words begin alike; with some that are escaped, and of all lengths.
const ALPHABET: &[char] =
    &['a', 'b', 'n', '"', '\\', '/', '\n', '\u{1}', 'é', 'ê', '\u{d7ff}', '\u{ffff}', '😀', '😁'];

fn random_words(random: &mut Random) -> Vec<String> {
    let letters = 1 + random.below(ALPHABET.len());
    let mut words: Vec<String> = (0..1 + random.below(12))
        .map(|_| (0..random.below(5)).map(|_| ALPHABET[random.below(letters)]).collect())
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn both(exprs: &mut Exprs, words: &[String], code: WordCode) -> (ExprId, ExprId) {
    let options: Vec<ExprId> = words
        .iter()
        .map(|word| match code {
            WordCode::Bytes => exprs.literal(word.as_bytes()),
            WordCode::Json => lower_json(exprs, &Ast::literal(word), JsonSpelling::All),
        })
        .collect();
    (exprs.word_set(words, code), exprs.or(&options))
}

/// Bytes that words are spelled with, and one that none is.
fn bytes_of(words: &[String]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.bytes()).collect();
    bytes.extend(b"\\unrbft\"/0123456789abcdefABCDEFx\x01");
    bytes.sort_unstable();
    bytes.dedup();
    bytes
}

#[test]
fn sets_are_unions_of_their_words() {
    let mut random = Random(7);
    let mut pairs = 0;
    for round in 0..600 {
        let code = if round % 3 == 0 { WordCode::Bytes } else { WordCode::Json };
        let words = random_words(&mut random);
        let mut exprs = Exprs::new(RegexLimits::default());
        let (set, union) = both(&mut exprs, &words, code);
        let bytes = bytes_of(&words);
        let mut open = vec![(set, union)];
        let mut seen = std::collections::HashSet::new();
        while let Some((set, union)) = open.pop() {
            if !seen.insert((set, union)) || seen.len() > 400 {
                continue;
            }
            pairs += 1;
            assert_eq!(exprs.nullable(set), exprs.nullable(union), "{words:?}");
            assert_eq!(exprs.min_len(set), exprs.min_len(union), "{words:?}");
            assert!(exprs.meta(set).max_len >= exprs.meta(union).max_len);
            let live = exprs.first_bytes(set);
            let partition = exprs.partition([set]);
            for byte in 0..=u8::MAX {
                let next = (exprs.derivative(set, byte), exprs.derivative(union, byte));
                assert_eq!(next.0 == Exprs::EMPTY, next.1 == Exprs::EMPTY, "{words:?} {byte}");
                assert_eq!(live.contains(byte), next.0 != Exprs::EMPTY);
                let reader = exprs.byte_classes().reader(partition, byte);
                assert_eq!(exprs.derivative(set, reader), next.0);
                if next.0 != Exprs::EMPTY && bytes.contains(&byte) {
                    open.push(next);
                }
            }
        }
        exprs.check().unwrap();
    }
    assert!(pairs > 20_000, "{pairs}");
}

#[test]
fn lexers_run_sets_as_they_run_unions() {
    let mut random = Random(8);
    let fuel = &mut Fuel::unlimited();
    let mut ended = 0;
    for round in 0..400 {
        let code = if round % 3 == 0 { WordCode::Bytes } else { WordCode::Json };
        let words = random_words(&mut random);
        let mut exprs = Exprs::new(RegexLimits::default());
        let (set, union) = both(&mut exprs, &words, code);
        // What follows: nothing, a quote, or something that words may go on with, too.
        let tail = match round % 4 {
            0 => Exprs::EPSILON,
            1 | 2 => exprs.literal(b"\""),
            _ => {
                let a = exprs.literal(b"a");
                exprs.repeat(a, 0, Some(2))
            }
        };
        let (set, union) = (exprs.then(set, tail), exprs.then(union, tail));
        let mut lexer = Lexer::new(exprs);
        let first = lexer.state(&[(3, set)], fuel).unwrap();
        let second = lexer.state(&[(3, union)], fuel).unwrap();
        let bytes = bytes_of(&words);
        for _ in 0..30 {
            let (mut a, mut b) = (first, second);
            while !a.is_dead() {
                let accepts = |lexer: &Lexer, state| {
                    lexer.accept(state).map(|accept| lexer.accept_tags(accept).to_vec())
                };
                ended += usize::from(lexer.accept(a).is_some());
                assert_eq!(accepts(&lexer, a), accepts(&lexer, b), "{words:?}");
                assert_eq!(lexer.live_bytes(a), lexer.live_bytes(b), "{words:?}");
                assert_eq!(lexer.min_len(a), lexer.min_len(b), "{words:?}");
                assert_eq!(lexer.goes_on(a), lexer.goes_on(b), "{words:?}");
                assert_eq!((lexer.sole_tag(a), lexer.tags(a)), (Some(3), vec![3]));
                let shortest = lexer.shortest(a, None, fuel).unwrap().unwrap();
                assert_eq!(
                    lexer.shortest_len(b, Some(3), fuel).unwrap(),
                    Some(shortest.len() as u32)
                );
                assert_eq!(lexer.shortest(a, Some(2), fuel).unwrap(), None);
                let end = shortest.iter().try_fold(a, |at, &byte| lexer.step(at, byte, fuel));
                assert!(lexer.accept(end.unwrap()).is_some());
                let live: Vec<u8> = lexer.live_bytes(a).iter().collect();
                let byte = match live.len() {
                    0 => bytes[random.below(bytes.len())],
                    count if random.below(8) > 0 => live[random.below(count)],
                    _ => bytes[random.below(bytes.len())],
                };
                a = lexer.step(a, byte, fuel).unwrap();
                b = lexer.step(b, byte, fuel).unwrap();
                assert_eq!(a.is_dead(), b.is_dead(), "{words:?} {byte}");
            }
        }
    }
    assert!(ended > 5_000, "{ended}");
}

#[test]
fn sets_compose_with_the_algebra() {
    let mut random = Random(9);
    let fuel = &mut Fuel::unlimited();
    for _ in 0..300 {
        let mut exprs = Exprs::new(RegexLimits::default());
        let words = [random_words(&mut random), random_words(&mut random)];
        let [a, b] = words.map(|words| both(&mut exprs, &words, WordCode::Json));
        let any = lower_json(&mut exprs, &Ast::any_text(), JsonSpelling::All);
        let build = |exprs: &mut Exprs, a: ExprId, b: ExprId| {
            let outside = exprs.not(b);
            vec![
                exprs.and(&[a, b]),
                exprs.or(&[a, b]),
                exprs.and(&[a, outside]),
                exprs.and(&[any, outside]),
                exprs.concat(&[a, b]),
                exprs.repeat(a, 1, Some(2)),
                exprs.and(&[any, a]),
            ]
        };
        let sets = build(&mut exprs, a.0, b.0);
        let unions = build(&mut exprs, a.1, b.1);
        for (set, union) in sets.into_iter().zip(unions) {
            assert!(exprs.contains(set, union, fuel).unwrap());
            assert!(exprs.contains(union, set, fuel).unwrap());
            assert_eq!(
                exprs.shortest_len(set, fuel).unwrap(),
                exprs.shortest_len(union, fuel).unwrap()
            );
        }
    }
}

/// `count` words of `length` letters.
fn letters(count: usize, length: usize) -> Vec<String> {
    let mut random = Random(3);
    let mut word = || (0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
    let mut words: Vec<String> = (0..count).map(|_| word()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[test]
fn work_and_memory_are_linear_in_the_text() {
    let measure = |count: usize| {
        let words = letters(count, 30);
        let mut exprs = Exprs::new(RegexLimits::default());
        let set = exprs.word_set(&words, WordCode::Json);
        let quote = exprs.literal(b"\"");
        let root = exprs.then(set, quote);
        let mut lexer = Lexer::new(exprs);
        let mut fuel = Fuel::unlimited();
        let start = lexer.state(&[(0, root)], &mut fuel).unwrap();
        for word in &words {
            let mut at = start;
            for byte in word.bytes().chain(*b"\"") {
                at = lexer.step(at, byte, &mut fuel).unwrap();
            }
            assert!(lexer.accept(at).is_some());
        }
        (lexer.bytes() as u64, lexer.exprs.work + fuel.spent(), lexer.exprs.len())
    };
    let (small, large) = (measure(1_000), measure(8_000));
    assert!(large.0 < 10 * small.0 && large.1 < 10 * small.1, "{small:?} {large:?}");
    // No expression is made for a state.
    assert!(large.2 < 30, "{large:?}");
}

#[test]
fn equal_sets_are_known_by_equal_prints_in_every_arena() {
    let words = letters(200, 20);
    let mut found = Vec::new();
    for extra in [0, 3] {
        let mut exprs = Exprs::new(RegexLimits::default());
        for at in 0..extra {
            exprs.word_set(&words[at..at + 2], WordCode::Bytes);
        }
        let set = exprs.word_set(&words, WordCode::Json);
        let mut lexer = Lexer::new(exprs);
        let mut fuel = Fuel::unlimited();
        let start = lexer.state(&[(0, set)], &mut fuel).unwrap();
        let next = lexer.step(start, words[9].as_bytes()[0], &mut fuel).unwrap();
        let prints = |lexer: &mut Lexer, at: LexState| {
            (lexer.fingerprint(at), lexer.near_fingerprint(at), lexer.lasting_fingerprints(at))
        };
        let (a, b) = (prints(&mut lexer, start), prints(&mut lexer, next));
        assert_ne!(a, b);
        assert!(a.2.is_some() && b.2.is_some());
        found.push((a, b));
    }
    assert_eq!(found[0], found[1]);
    let mut exprs = Exprs::new(RegexLimits::default());
    let sets = [WordCode::Json, WordCode::Bytes].map(|code| exprs.word_set(&words[..100], code));
    assert_ne!(exprs.fingerprint(sets[0]), exprs.fingerprint(sets[1]));
}
