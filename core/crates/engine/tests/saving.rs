//! What a vocabulary has learnt, in a file: the same masks without the work, and no harm from any
//! bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use structgen_engine::{Compiled, Limits, Program, SharedVocabulary};
use structgen_regex::Dialect;
use structgen_vocab::{TokenId, Vocabulary, VocabularyError};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("structgen-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All bytes, and longer tokens of letters, quotes and punctuation.
fn vocabulary() -> Vocabulary {
    let mut tokens: Vec<Option<Vec<u8>>> = (0..=255).map(|byte| Some(vec![byte])).collect();
    for first in ["a", "the ", "\"", ", \"", "é", "12", "x\"", ":"] {
        for second in ["b", " of", "\": ", "}", "3-", "\\n", "é\"", "some more than twenty-four"] {
            tokens.push(Some(format!("{first}{second}").into_bytes()));
        }
    }
    tokens.push(None);
    let end = tokens.len() as u32 - 1;
    Vocabulary::new(&tokens, &[end], &BTreeMap::new(), None).unwrap()
}

fn programs() -> Vec<Arc<Program>> {
    let limits = Limits::default();
    let schemas = [
        r#"{"type":"object","properties":{"a":{"type":"string","maxLength":40},"b":{"type":"number"}},"required":["a","b"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"string","maxLength":41},"b":{"format":"date","type":"string"}},"required":["a","b"]}"#,
        r#"{"type":"array","items":{"enum":["abc","abd",12,null]}}"#,
    ];
    let mut programs: Vec<Program> = schemas
        .iter()
        .map(|schema| Program::json_schema(schema, "{}", None, &limits, Duration::ZERO).unwrap())
        .collect();
    for pattern in ["[a-z ]+(, [a-zé]{2,30})*", "[^x]{3,9}\"?", "(?=.*3)[0-9a-f]+"] {
        programs.push(Program::regex(pattern, Dialect::Python, &limits).unwrap());
    }
    programs.into_iter().map(Arc::new).collect()
}

/// Masks along texts that the masks themselves spell; and what the vocabulary then holds.
fn masks(vocabulary: &Arc<SharedVocabulary>) -> (Vec<Vec<u32>>, usize) {
    let mut masks = Vec::new();
    let mut known = 0;
    for program in programs() {
        let compiled =
            Arc::new(Compiled::new(program, vocabulary.clone(), Limits::default()).unwrap());
        for seed in 0..4 {
            let mut matcher = compiled.matcher().unwrap();
            for step in 0..20usize {
                let mask = matcher.mask().unwrap();
                masks.push(mask.words().to_vec());
                let allowed: Vec<TokenId> = mask.iter().collect();
                if allowed.is_empty() || matcher.is_terminated() {
                    break;
                }
                // A mask of entries that were tampered with may allow too much.
                let _ = matcher.advance(allowed[(step * 31 + seed * 17) % allowed.len()]);
            }
        }
        known = compiled.tokens().stats().lexical_entries;
    }
    (masks, known)
}

#[test]
fn what_was_learnt_is_known_again() {
    let folder = Folder::new("learnt");
    let (with, without) = (folder.0.join("with"), folder.0.join("without"));
    let first = Arc::new(SharedVocabulary::new(vocabulary()));
    let (expected, known) = masks(&first);
    assert!(known > 20, "{known}");
    first.save(&with, true).unwrap();
    first.save(&without, false).unwrap();

    let second = SharedVocabulary::load(&with).unwrap();
    assert_eq!(second.saved_entries(), known);
    // They serve: what asks for fewer of them leaves the others where they are.
    let second = Arc::new(second);
    assert_eq!(masks(&second), (expected.clone(), known));
    // What was never asked for is kept for the next file as well.
    let third = SharedVocabulary::load(&with).unwrap();
    let again = folder.0.join("again");
    third.save(&again, true).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&with).unwrap());
    second.save(&again, true).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&with).unwrap());

    let plain = Arc::new(SharedVocabulary::load(&without).unwrap());
    assert_eq!(plain.saved_entries(), 0);
    assert_eq!(masks(&plain), (expected, known));
    assert!(fs::metadata(&without).unwrap().len() < fs::metadata(&with).unwrap().len());
}

/// A file, where its entries' content begins, and where their hash is.
fn parts(bytes: &[u8]) -> (usize, usize) {
    let magic = b"lexical entries\0";
    let at = bytes.windows(16).rposition(|window| window == magic).unwrap() + 16;
    let stamp = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let hash = at + 4 + stamp + 8;
    (hash + 16, hash)
}

fn rehashed(bytes: &mut [u8]) {
    let (content, hash) = parts(bytes);
    let right = blake3::hash(&bytes[content..]);
    bytes[hash..hash + 16].copy_from_slice(&right.as_bytes()[..16]);
}

#[test]
fn another_version_has_learnt_something_else() {
    let folder = Folder::new("version");
    let path = folder.0.join("v");
    let first = Arc::new(SharedVocabulary::new(vocabulary()));
    let (expected, _) = masks(&first);
    first.save(&path, true).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let stamp = bytes.windows(9).rposition(|window| window == b"structgen").unwrap();
    bytes[stamp] = b'S';
    fs::write(&path, &bytes).unwrap();
    let other = Arc::new(SharedVocabulary::load(&path).unwrap());
    assert_eq!(other.saved_entries(), 0);
    assert_eq!(masks(&other).0, expected);
}

#[test]
fn entries_mean_what_they_meant() {
    // What `MEANING` in `lexical/store.rs` stands for. If this fails, raise it, so that files of
    // before are not taken at their word, and put the new hash here.
    let folder = Folder::new("meaning");
    let path = folder.0.join("v");
    let first = Arc::new(SharedVocabulary::new(vocabulary()));
    masks(&first);
    first.save(&path, true).unwrap();
    let bytes = fs::read(&path).unwrap();
    let hash = blake3::hash(&bytes[parts(&bytes).0..]).to_hex();
    assert_eq!(&hash[..16], "4390e0cc02385d92");
}

#[test]
fn damaged_entries_are_refused_and_crafted_ones_do_no_harm() {
    let folder = Folder::new("crafted");
    let path = folder.0.join("v");
    let first = Arc::new(SharedVocabulary::new(vocabulary()));
    let (_, known) = masks(&first);
    first.save(&path, true).unwrap();
    let whole = fs::read(&path).unwrap();
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        SharedVocabulary::load(&path)
    };
    let (content, _) = parts(&whole);
    let vocabulary_ends = content - 16 - 8 - 16 - 4;
    for length in (vocabulary_ends + 1 - 40..whole.len()).step_by(101) {
        assert!(load(&whole[..length]).is_err(), "{length}");
    }
    for extra in [&b"x"[..], &whole[content..]] {
        assert!(load(&[&whole, extra].concat()).is_err());
    }
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let mut kept = 0;
    for round in 0..150 {
        let mut bytes = whole.clone();
        for _ in 0..1 + next(4) {
            let at = content + next(bytes.len() - content);
            bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, bytes[at] ^ 1 << next(8)][next(6)];
        }
        if bytes == whole {
            continue;
        }
        match load(&bytes) {
            Err(VocabularyError::Unreadable { .. }) => {}
            other => panic!("{round}: {:?}", other.err()),
        }
        // Nor with a hash that is right for it.
        rehashed(&mut bytes);
        match load(&bytes) {
            Ok(shared) => {
                kept += 1;
                assert!(shared.saved_entries() <= known);
                masks(&Arc::new(shared));
            }
            Err(VocabularyError::Unreadable { problem, .. }) => {
                assert!(problem.contains("damaged"), "{problem}");
            }
            Err(other) => panic!("{round}: {other}"),
        }
    }
    assert!(kept > 50, "{kept}");
}
