//! The engine from the outside: programs over small vocabularies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use structgen_automaton::Completions;
use structgen_engine::{
    Compiled, EngineError, Limits, Matcher, Program, SharedVocabulary, fill_rows, fill_tree,
};
use structgen_regex::Dialect;
use structgen_vocab::{TokenId, Vocabulary};

const EOS: TokenId = TokenId(0);
const CALL: TokenId = TokenId(1);

/// End token, one special token, then `texts`.
fn vocabulary(texts: &[&str]) -> Arc<SharedVocabulary> {
    let mut tokens: Vec<Option<Vec<u8>>> = vec![None, None];
    tokens.extend(texts.iter().map(|t| Some(t.as_bytes().to_vec())));
    let specials = BTreeMap::from([("<call>".to_owned(), CALL.0)]);
    let vocabulary = Vocabulary::new(&tokens, &[EOS.0], &specials, None).unwrap();
    Arc::new(SharedVocabulary::new(vocabulary))
}

/// All single lower-case letters, and some longer tokens.
fn letters() -> Arc<SharedVocabulary> {
    let mut texts: Vec<String> = ('a'..='z').map(String::from).collect();
    texts.extend(
        [
            "ab", "abc", "bc", "ba", "aa", "é", "1", "12", "a1", "z-", "\"", "b\"", "bc1", "1x",
            "\"x", "c\"x", "é\"", "~", "~ab", "\"xy\"", "ab\"x",
        ]
        .map(String::from),
    );
    vocabulary(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn regex(pattern: &str) -> Arc<Program> {
    Arc::new(Program::regex(pattern, Dialect::Python, &Limits::default()).unwrap())
}

fn matcher(program: Arc<Program>, vocabulary: &Arc<SharedVocabulary>) -> Matcher {
    limited(program, vocabulary, Limits::default())
}

fn limited(program: Arc<Program>, vocabulary: &Arc<SharedVocabulary>, limits: Limits) -> Matcher {
    Arc::new(Compiled::new(program, vocabulary.clone(), limits).unwrap()).matcher().unwrap()
}

fn token(vocabulary: &SharedVocabulary, text: &str) -> TokenId {
    (0..vocabulary.vocabulary.size() as u32)
        .map(TokenId)
        .find(|&t| vocabulary.vocabulary.text(t) == Some(text.as_bytes()))
        .unwrap()
}

fn allowed(matcher: &mut Matcher) -> Vec<u32> {
    let mask = matcher.mask().unwrap();
    (0..matcher.vocabulary().size() as u32).filter(|&t| mask.contains(TokenId(t))).collect()
}

fn probed(matcher: &mut Matcher) -> Vec<u32> {
    (0..matcher.vocabulary().size() as u32)
        .filter(|&t| matcher.allows(TokenId(t)).unwrap())
        .collect()
}

#[test]
fn masks_through_lexemes_equal_probing() {
    let vocabulary = letters();
    for pattern in ["[a-z]+", "[a-z]+1?2?", "([a-z]+-)*", "(?:[a-z]|é){2,5}", "[a-z]*a1", "[^a]*"]
    {
        let mut matcher = matcher(regex(pattern), &vocabulary);
        for text in ["z", "ab", "é", "1"] {
            assert_eq!(allowed(&mut matcher), probed(&mut matcher), "{pattern}");
            let _ = matcher.advance(token(&vocabulary, text)).unwrap();
        }
        assert_eq!(allowed(&mut matcher), probed(&mut matcher), "{pattern}");
    }
}

#[test]
fn end_tokens_roll_back_like_any_other() {
    let vocabulary = letters();
    let mut matcher = matcher(regex("ab?"), &vocabulary);
    assert!(!matcher.advance(EOS).unwrap());
    assert!(matcher.advance(token(&vocabulary, "a")).unwrap());
    let before = allowed(&mut matcher);
    assert!(matcher.advance(EOS).unwrap());
    assert!(matcher.is_terminated());
    assert_eq!(allowed(&mut matcher), Vec::<u32>::new());
    assert!(matches!(matcher.advance(EOS), Err(EngineError::Finished)));
    matcher.rollback(1).unwrap();
    assert_eq!(allowed(&mut matcher), before);
    assert!(matches!(matcher.rollback(2), Err(EngineError::RollbackTooFar { count: 2, held: 1 })));
}

#[test]
fn special_tokens_match_only_where_named() {
    let vocabulary = vocabulary(&["<call>", "<", "call>", "a"]);
    let limits = Limits::default();
    let special = Arc::new(Program::special_token("<call>", &limits).unwrap());
    let then = Program::concatenate(vec![regex("a*"), special, regex("a")], &limits).unwrap();
    let mut named = matcher(Arc::new(then), &vocabulary);
    assert_eq!(allowed(&mut named), [CALL.0, token(&vocabulary, "a").0]);
    assert!(named.advance(CALL).unwrap());
    assert_eq!(allowed(&mut named), [token(&vocabulary, "a").0]);

    let mut text = matcher(regex("<call>"), &vocabulary);
    assert_eq!(
        allowed(&mut text),
        [token(&vocabulary, "<call>").0, token(&vocabulary, "<").0],
        "the text of a special token is text"
    );
    let unknown = Arc::new(Program::special_token("<none>", &limits).unwrap());
    assert!(matches!(
        Compiled::new(unknown, vocabulary, limits),
        Err(EngineError::MissingSpecial { .. })
    ));
}

#[test]
fn forced_text_stops_at_the_first_choice() {
    let vocabulary = letters();
    let mut matcher = matcher(regex("abc(d|e)fgh"), &vocabulary);
    assert_eq!(matcher.forced().unwrap(), b"abc");
    assert_eq!(matcher.advance_bytes(b"abcd").unwrap(), 4);
    assert_eq!(matcher.forced().unwrap(), b"fgh");
    assert_eq!(matcher.advance_bytes(b"x").unwrap(), 0);
    assert_eq!(matcher.forced().unwrap(), b"fgh");
}

#[test]
fn a_followed_completion_always_gets_shorter() {
    let vocabulary = letters();
    for pattern in ["(abc|aab|z{7})bcabc", "[a-z]{5,9}", "(ab|ba){3,}c"] {
        let mut matcher = matcher(regex(pattern), &vocabulary);
        let mut left = matcher.completion().unwrap().unwrap().to_vec();
        while let Some(&next) = left.first() {
            assert!(matcher.advance(next).unwrap());
            let rest = matcher.completion().unwrap().unwrap().to_vec();
            assert!(rest.len() < left.len(), "{pattern}");
            left = rest;
        }
        assert!(matcher.is_accepting().unwrap());
    }
}

#[test]
fn batch_and_tree_equal_one_by_one() {
    let vocabulary = letters();
    let program = regex("(ab?c?)*z?");
    let mut base = matcher(program.clone(), &vocabulary);
    let mut moved = base.clone();
    assert!(moved.advance(token(&vocabulary, "ab")).unwrap());
    let words = vocabulary.vocabulary.size().div_ceil(32);
    let (here, there) = (base.cursor().unwrap(), moved.cursor().unwrap());
    let cursors: Vec<_> =
        (0..40).map(|i| if i % 2 == 0 { &here } else { &there }.clone()).collect();
    let mut mask = vec![u32::MAX; 40 * words];
    fill_rows(&cursors, &mut mask.chunks_mut(words).collect::<Vec<_>>(), 3).unwrap();
    for (i, row) in mask.chunks(words).enumerate() {
        let one = if i % 2 == 0 { &mut base } else { &mut moved };
        assert_eq!(row, one.mask().unwrap().words());
    }

    let tree: Vec<TokenId> =
        ["ab", "c", "z", "a", "z"].map(|text| token(&vocabulary, text)).to_vec();
    let parents = [None, Some(0), Some(1), Some(2), None];
    let mut mask = vec![u32::MAX; 5 * words];
    let mut fill = |parents: &[_], mask: &mut Vec<u32>| {
        let mut rows: Vec<_> = mask.chunks_mut(words).collect();
        base.ask(|automaton, root| fill_tree(automaton, root, &tree, parents, &mut rows))
    };
    let live = fill(&parents, &mut mask).unwrap();
    assert_eq!(live, [true, true, true, false, true]);
    assert_eq!(&mask[..words], moved.mask().unwrap().words());
    assert!(mask[3 * words..4 * words].iter().all(|&word| word == 0));
    let cyclic = [Some(3), None, None, None, None];
    let mut mask = vec![0; 5 * words];
    assert!(matches!(fill(&cyclic, &mut mask), Err(EngineError::MalformedTree { node: 0 })));
}

#[test]
fn intersections_are_exact_where_the_algebra_reaches() {
    let limits = Limits::default();
    let vocabulary = letters();
    let regular = Program::intersect(vec![regex("[ab]*"), regex("a*c|.*b")], &limits).unwrap();
    assert_eq!(regular.exactness(), structgen_automaton::Exactness::Exact);
    let conflict = Program::intersect(vec![regex("a+"), regex("b+")], &limits);
    assert!(matches!(conflict, Err(EngineError::Empty { .. })));

    let nested = r#"{"start": 0, "ignore": [], "terminals": [
        {"kind": "literal", "name": "A", "text": "a"}, {"kind": "literal", "name": "B", "text": "b"}],
        "rules": [{"name": "s", "alternatives": [[["t", 0], ["r", 0], ["t", 1]], []]}]}"#;
    let balanced =
        Arc::new(Program::grammar(nested, BTreeMap::new(), &limits, Duration::ZERO).unwrap());
    let product = Program::intersect(vec![balanced, regex("a{2}b*")], &limits).unwrap();
    assert_eq!(product.exactness(), structgen_automaton::Exactness::Superset);
    let mut matcher = matcher(Arc::new(product), &vocabulary);
    let completion: Vec<_> = matcher.completion().unwrap().unwrap().to_vec();
    for token in completion {
        assert!(matcher.advance(token).unwrap());
    }
    assert!(matcher.is_accepting().unwrap());
    assert_eq!(allowed(&mut matcher), [EOS.0]);
}

/// Two automata that live on without a common text: a search says so, and a completion that is
/// looked for is no promise.
#[test]
fn what_cannot_end_is_proven() {
    let limits = Limits::default();
    let vocabulary = letters();
    let nested = r#"{"start": 0, "ignore": [], "terminals": [
        {"kind": "literal", "name": "A", "text": "a"}, {"kind": "literal", "name": "B", "text": "b"}],
        "rules": [{"name": "s", "alternatives": [[["t", 0], ["r", 0], ["t", 1]], []]}]}"#;
    let balanced =
        Arc::new(Program::grammar(nested, BTreeMap::new(), &limits, Duration::ZERO).unwrap());
    let alone = Arc::clone(&balanced);
    let product = Program::intersect(vec![balanced, regex("a{1,3}b{2}|aab?")], &limits).unwrap();
    for (program, completions) in [
        (alone, Completions::Known),
        (regex("a*"), Completions::Known),
        (Arc::new(product), Completions::Sought),
    ] {
        let mut matcher = matcher(program, &vocabulary);
        assert_eq!(matcher.automaton().completions(), completions);
        assert!(matcher.advance(token(&vocabulary, "a")).unwrap());
        if completions == Completions::Sought {
            // "aabb" is the only text of both: "ab", "b" (or "a", "b", "b").
            assert_eq!(matcher.min_tokens_left(10_000).unwrap(), 2);
            for _ in 0..2 {
                assert!(matcher.advance(token(&vocabulary, "a")).unwrap());
            }
            // "aaabbb" is one of the one, "aaabb" of the other.
            assert_eq!(matcher.min_tokens_left(10_000).unwrap(), u32::MAX);
            assert_eq!(matcher.completion().unwrap(), None);
        }
    }
}

#[test]
fn limits_are_named() {
    let vocabulary = letters();
    let limits = Limits { mask_steps: 10, ..Limits::default() };
    let mut matcher = limited(regex("[a-z]+"), &vocabulary, limits);
    let error = matcher.mask().unwrap_err().to_string();
    assert!(error.contains("mask_steps"), "{error}");
    let limits = Limits { max_source_bytes: 3, ..Limits::default() };
    assert!(matches!(
        Program::regex("abcd", Dialect::Python, &limits),
        Err(EngineError::SourceTooLarge { given: 4, limit: 3 })
    ));
}

#[test]
fn repetitions_of_what_is_not_regular() {
    let limits = Limits::default();
    let vocabulary = letters();
    let nested = r#"{"start": 0, "terminals": [{"kind": "literal", "name": "A", "text": "a"},
        {"kind": "literal", "name": "B", "text": "b"}],
        "rules": [{"name": "s", "alternatives": [[["t", 0], ["r", 0], ["t", 1]], [["t", 0], ["t", 1]]]}]}"#;
    let balanced =
        Arc::new(Program::grammar(nested, BTreeMap::new(), &limits, Duration::ZERO).unwrap());
    for (min, max, good, bad) in [
        (0, None, vec!["", "ab", "abaabb"], vec!["a", "ba"]),
        (2, Some(3), vec!["abab", "aabbabab"], vec!["ab", "abababab"]),
        (1, Some(1), vec!["aabb"], vec!["", "abab"]),
    ] {
        let program = Program::repeat(balanced.clone(), min, max, &limits).unwrap();
        let compiled =
            Compiled::new(Arc::new(program), vocabulary.clone(), limits.clone()).unwrap();
        let compiled = Arc::new(compiled);
        for (texts, accepted) in [(good, true), (bad, false)] {
            for text in texts {
                let mut matcher = compiled.matcher().unwrap();
                let read = matcher.advance_bytes(text.as_bytes()).unwrap() == text.len();
                assert_eq!(
                    read && matcher.is_accepting().unwrap(),
                    accepted,
                    "{min} {max:?} {text}"
                );
            }
        }
    }
}

/// Numbers of which none comes twice: a text that leaves states behind, and needs few of them.
fn distinct() -> Arc<Program> {
    let schema = r#"{"type": "array", "items": {"type": "integer"}, "uniqueItems": true}"#;
    Arc::new(Program::json_schema(schema, "{}", None, &Limits::default(), Duration::ZERO).unwrap())
}

#[test]
fn long_texts_outlive_many_automata() {
    let mut texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    texts.extend(["[", "]", ",", " ", ", ", "-"].map(String::from));
    let vocabulary = vocabulary(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let limits = Limits { max_states: 20_000, ..Limits::default() };
    let mut short = limited(distinct(), &vocabulary, limits.clone());
    let mut long = matcher(distinct(), &vocabulary);
    let mut generations = BTreeSet::new();
    for i in 0..600 {
        for text in [if i == 0 { "[" } else { "," }.to_owned(), (i * 7 % 1000).to_string()] {
            assert_eq!(short.mask().unwrap(), long.mask().unwrap(), "{i} {text}");
            if i % 50 == 9 {
                // What was read as text is read again, too.
                assert_eq!(short.advance_bytes(text.as_bytes()).unwrap(), text.len());
                assert_eq!(long.advance_bytes(text.as_bytes()).unwrap(), text.len());
            } else {
                assert!(short.advance(token(&vocabulary, &text)).unwrap());
                assert!(long.advance(token(&vocabulary, &text)).unwrap());
            }
        }
        generations.insert(short.automaton().generation());
        // Where it goes back to may be a state of an automaton that is gone.
        if i % 100 == 99 {
            short.rollback(150).unwrap();
            long.rollback(150).unwrap();
            assert_eq!(short.mask().unwrap(), long.mask().unwrap());
            assert!(short.committed().eq(long.committed()));
        }
    }
    assert!(generations.len() >= 3, "{generations:?}");
    assert!(short.automaton().stats().states <= 20_000);
    assert!(long.automaton().stats().states > 20_000);
}

#[test]
fn strings_near_their_limit_equal_probing() {
    let vocabulary = vocabulary(&[
        "a",
        "ab",
        "abc",
        "abcd",
        "abcdefgh",
        "abcdefghijkl",
        "é",
        "éa",
        "aéé",
        "日本語",
        "日本語日本語",
        "a日b本c語",
        "𝄞",
        "𝄞𝄞𝄞",
        "\"",
        "a\"",
        "abc\"",
        "éé\"",
        "日\"",
        "\\n",
        "a\\",
        "\\u00",
        "\\u00e9b",
        "abcd\\nabcd",
        "\u{7f}",
        "a\u{7f}b",
        " ",
        "    ",
        "12",
        "123456",
        "-_-_-_-_-",
    ]);
    for (low, high) in [(0, 7), (3, 7), (7, 7), (0, 1), (2, 14)] {
        let schema = format!(r#"{{"type": "string", "minLength": {low}, "maxLength": {high}}}"#);
        let program =
            Program::json_schema(&schema, "{}", None, &Limits::default(), Duration::ZERO).unwrap();
        let mut matcher = matcher(Arc::new(program), &vocabulary);
        assert_eq!(matcher.advance_bytes(b"\"").unwrap(), 1);
        for i in 0..=high {
            assert_eq!(allowed(&mut matcher), probed(&mut matcher), "{low} {high} {i}");
            let next = ["a", "é", "日", "𝄞", "\\n"][i % 5].as_bytes();
            let read = matcher.advance_bytes(next).unwrap();
            assert_eq!(read, if i < high { next.len() } else { 0 });
        }
    }
    for pattern in ["[^b]{0,9}b", "[a-z]{2,11}[é]", "(?:[^\"]{0,6}\"){2}"] {
        let mut matcher = matcher(regex(pattern), &vocabulary);
        for text in ["a", "é", "a", "日本語", "123456"] {
            assert_eq!(allowed(&mut matcher), probed(&mut matcher), "{pattern}");
            let _ = matcher.advance_bytes(text.as_bytes()).unwrap();
        }
        assert_eq!(allowed(&mut matcher), probed(&mut matcher), "{pattern}");
    }
}
