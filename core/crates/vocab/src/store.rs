//! A vocabulary as bytes, and in a file.
//!
//! All numbers are little-endian:
//!
//! ```text
//! "structgen-vocab\0"   16 bytes
//! version               u32
//! fingerprint           u128, of everything below
//! ids, bytes of text, end tokens, special tokens, tokens of the trie   u32 each
//! length of each token  u16 each
//! the texts             one after the other
//! end tokens            u32 each
//! special tokens        u32 id, u16 length of the name, and the name, by name
//! tokens of the trie    u32 each, in the order of their bytes
//! ```
//!
//! What comes after is not the vocabulary's.
//!
//! The order of tokens is what takes time to find. The nodes of the trie follow from it in one
//! pass, which costs no more than looking whether nodes in a file are right, and leaves no file
//! with a trie that is not that of its tokens.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::vocabulary::Texts;
use crate::{TokenId, Vocabulary, VocabularyError};

const MAGIC: &[u8; 16] = b"structgen-vocab\0";

/// Raised whenever the meaning of the bytes changes.
const VERSION: u32 = 1;

/// Takes bytes from the front of others, and never more than there are.
#[derive(Clone, Copy)]
pub struct ByteReader<'a>(pub &'a [u8]);

impl<'a> ByteReader<'a> {
    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next bytes, as many as the array has.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A number of 32 bits.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// `count` numbers of 32 bits.
    pub fn u32s(&mut self, count: usize) -> Option<impl ExactSizeIterator<Item = u32> + use<'a>> {
        let bytes = self.take(count.checked_mul(4)?)?;
        Some(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
    }
}

impl Vocabulary {
    /// The vocabulary as bytes, for [`Self::from_store`].
    pub fn to_store(&self) -> Vec<u8> {
        let Texts { offsets, bytes } = &self.texts;
        let order: Vec<TokenId> = self.order().collect();
        let mut out = Vec::with_capacity(64 + 2 * offsets.len() + bytes.len() + 4 * order.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.fingerprint().to_le_bytes());
        let counts =
            [self.size(), bytes.len(), self.eos().len(), self.specials().len(), order.len()];
        let ids = |ids: &[TokenId], out: &mut Vec<u8>| {
            out.extend(ids.iter().flat_map(|token| token.0.to_le_bytes()));
        };
        out.extend(counts.iter().flat_map(|&count| (count as u32).to_le_bytes()));
        // INVARIANT: no text and no name is longer than 16 bits can say.
        out.extend(offsets.windows(2).flat_map(|pair| ((pair[1] - pair[0]) as u16).to_le_bytes()));
        out.extend_from_slice(bytes);
        ids(self.eos(), &mut out);
        for (name, id) in self.specials() {
            ids(&[*id], &mut out);
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
        }
        ids(&order, &mut out);
        out
    }

    /// The vocabulary at the front of bytes, which may be any, and the bytes after it. `place`
    /// is for messages.
    ///
    /// Cost: linear in the bytes, in time and memory.
    pub fn from_store<'a>(
        bytes: &'a [u8],
        place: &str,
    ) -> Result<(Self, &'a [u8]), VocabularyError> {
        let unreadable =
            |problem: String| VocabularyError::Unreadable { place: place.to_owned(), problem };
        let mut reader = ByteReader(bytes);
        let fingerprint = header(&mut reader).map_err(unreadable)?;
        let Some(parts) = Parts::read(&mut reader) else {
            return Err(unreadable("it ends too early".to_owned()));
        };
        let Parts { texts, eos, specials, order } = parts.map_err(unreadable)?;
        let size = texts.len();
        let read = Vocabulary::of_texts(texts, &eos, &specials, size, Some(order))
            .map_err(|error| unreadable(format!("its content is damaged ({error})")))?;
        if read.fingerprint() != fingerprint {
            return Err(unreadable("its content is not what was saved".to_owned()));
        }
        Ok((read, reader.0))
    }

    /// The fingerprint that bytes of [`Self::to_store`] claim to have, without reading further.
    pub fn claimed_fingerprint(bytes: &[u8]) -> Option<u128> {
        header(&mut ByteReader(bytes)).ok()
    }
}

fn header(reader: &mut ByteReader) -> Result<u128, String> {
    if reader.array().as_ref() != Some(MAGIC) {
        return Err("it is something else".to_owned());
    }
    match reader.u32() {
        Some(VERSION) => {}
        Some(other) => {
            return Err(format!("it has format {other}, and format {VERSION} is needed"));
        }
        None => return Err("it ends too early".to_owned()),
    }
    reader.array().map(u128::from_le_bytes).ok_or_else(|| "it ends too early".to_owned())
}

struct Parts {
    texts: Texts,
    eos: Vec<u32>,
    specials: BTreeMap<String, u32>,
    order: Vec<TokenId>,
}

impl Parts {
    /// `None` if there are too few bytes. Nothing is allocated that they do not fill.
    fn read(reader: &mut ByteReader) -> Option<Result<Self, String>> {
        let mut count = || Some(reader.u32()? as usize);
        let (ids, text_bytes, ends, names, tokens) =
            (count()?, count()?, count()?, count()?, count()?);
        let lengths = reader.take(ids.checked_mul(2)?)?;
        let mut offsets = Vec::with_capacity(ids + 1);
        let mut end = 0usize;
        offsets.push(0);
        for length in lengths.chunks_exact(2) {
            end += usize::from(u16::from_le_bytes([length[0], length[1]]));
            offsets.push(end as u32);
        }
        if end != text_bytes {
            return Some(Err(format!("its tokens take {end} bytes, and it holds {text_bytes}")));
        }
        let bytes = reader.take(text_bytes)?.to_vec();
        let eos = reader.u32s(ends)?.collect();
        let mut specials = BTreeMap::new();
        for _ in 0..names {
            let id = reader.u32()?;
            let length = reader.array().map(u16::from_le_bytes)?;
            let Ok(name) = std::str::from_utf8(reader.take(length.into())?) else {
                return Some(Err("the name of a special token is not UTF-8".to_owned()));
            };
            specials.insert(name.to_owned(), id);
        }
        if specials.len() != names {
            return Some(Err("two special tokens have one name".to_owned()));
        }
        let order = reader.u32s(tokens)?.map(TokenId).collect();
        Some(Ok(Parts { texts: Texts { offsets, bytes }, eos, specials, order }))
    }
}

/// All of a file.
pub fn read_file(path: &Path) -> Result<Vec<u8>, VocabularyError> {
    fs::read(path).map_err(|error| file_error(path, "read", error))
}

/// Writes a file as a whole or not at all: whoever reads it, now or after a crash, finds what was
/// there before or all of `parts`.
pub fn write_file(path: &Path, parts: &[&[u8]]) -> Result<(), VocabularyError> {
    let beside = beside(path);
    let write = || {
        let mut file = File::create_new(&beside)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&beside);
        file_error(path, "written", error)
    })
}

/// A name in the same folder that nobody else uses.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    // Processes of two machines may have one number.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{number}.{now:x}.part", std::process::id()));
    path.with_file_name(name)
}

fn file_error(path: &Path, doing: &'static str, error: std::io::Error) -> VocabularyError {
    VocabularyError::File { path: path.display().to_string(), doing, error: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vocabulary {
        let words = ["a", "ab", "", "b", "ab", "\u{e4}", "</s>", "\u{ff}"];
        let mut tokens: Vec<Option<Vec<u8>>> =
            words.iter().map(|word| Some(word.as_bytes().to_vec())).collect();
        tokens.push(Some(vec![0xFF, b'x']));
        tokens.push(Some(vec![0xC3]));
        let specials = [("<end>", 12), ("<other>", 11), ("<e", 12)];
        let specials = specials.into_iter().map(|(name, id)| (name.to_owned(), id)).collect();
        Vocabulary::new(&tokens, &[12, 6], &specials, Some(40)).unwrap()
    }

    /// All that can be asked of both.
    fn assert_equal(a: &Vocabulary, b: &Vocabulary) {
        assert_eq!((a.size(), a.eos(), a.specials()), (b.size(), b.eos(), b.specials()));
        assert_eq!((a.trie_tokens(), a.fingerprint()), (b.trie_tokens(), b.fingerprint()));
        for id in (0..a.size() as u32 + 2).map(TokenId) {
            assert_eq!((a.text(id), a.path(id)), (b.text(id), b.path(id)));
        }
        assert_eq!(a.trie().len(), b.trie().len());
        for node in 0..a.trie().len() as u32 {
            let all = |v: &Vocabulary| {
                let trie = v.trie();
                let about = (trie.byte(node), trie.depth(node), trie.end(node));
                let below = (trie.height_below(node), trie.groups_below(node), trie.places(node));
                (about, below, trie.tokens_at(node).to_vec())
            };
            assert_eq!(all(a), all(b));
        }
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let saved = sample();
        let mut bytes = saved.to_store();
        assert_eq!(Vocabulary::claimed_fingerprint(&bytes), Some(saved.fingerprint()));
        bytes.extend_from_slice(b"more");
        let (read, rest) = Vocabulary::from_store(&bytes, "a test").unwrap();
        assert_equal(&saved, &read);
        assert_eq!(rest, b"more");
        assert_eq!(read.to_store(), saved.to_store());
    }

    #[test]
    fn fingerprints_do_not_change_between_versions() {
        // Files and pickles of other processes name vocabularies by it.
        assert_eq!(sample().fingerprint(), 0xb85a70e8aa32500eb7774f0b19380bf3);
    }

    #[test]
    fn fingerprints_tell_vocabularies_apart() {
        let none = BTreeMap::new();
        let of = |tokens: &[Option<&str>], eos: &[u32], specials: &BTreeMap<String, u32>| {
            Vocabulary::new(tokens, eos, specials, Some(4)).unwrap().fingerprint()
        };
        let named = |name: &str, id| BTreeMap::from([(name.to_owned(), id)]);
        let prints = [
            of(&[Some("ab"), Some("c")], &[3], &none),
            of(&[Some("a"), Some("bc")], &[3], &none),
            of(&[Some("ab"), None, Some("c")], &[3], &none),
            of(&[Some("ab"), Some("c")], &[2], &none),
            of(&[Some("ab"), Some("c")], &[3, 2], &none),
            of(&[Some("ab"), Some("c")], &[3], &named("x", 2)),
            of(&[Some("ab"), Some("c")], &[3], &named("x", 3)),
            of(&[Some("ab"), Some("c")], &[3], &named("y", 3)),
        ];
        for (i, print) in prints.iter().enumerate() {
            assert!(!prints[..i].contains(print), "{i}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let saved = sample();
        let whole = saved.to_store();
        for length in 0..whole.len() {
            assert!(Vocabulary::from_store(&whole[..length], "a test").is_err(), "{length}");
        }
        // A linear congruential generator: the same bytes in every run.
        let mut state = 1u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        let (mut read, mut refused) = (0, 0);
        for _ in 0..50_000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + next(3) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] ^= 1 << next(8),
                    1 => bytes[at] = [0, 1, 0x7F, 0xFF][next(4)],
                    2 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, next(256) as u8),
                }
            }
            match Vocabulary::from_store(&bytes, "a test") {
                Ok((same, _)) => {
                    assert_equal(&saved, &same);
                    read += 1;
                }
                Err(VocabularyError::Unreadable { place, .. }) => {
                    assert_eq!(place, "a test");
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(read > 0 && refused > 40_000, "{read} {refused}");
    }

    #[test]
    fn a_crafted_file_has_no_trie_but_that_of_its_tokens() {
        let whole = sample().to_store();
        // The fingerprint does not cover the order, which is looked at as it is.
        let order = whole.len() - 4 * sample().order().count();
        let ids: Vec<u32> = ByteReader(&whole[order..]).u32s(5).unwrap().collect();
        for (at, id) in [(0, ids[1]), (0, 2), (0, 8), (1, 39), (2, 40), (3, u32::MAX)] {
            let mut bytes = whole.clone();
            bytes[order + 4 * at..][..4].copy_from_slice(&id.to_le_bytes());
            let error = Vocabulary::from_store(&bytes, "a test").unwrap_err();
            assert!(matches!(error, VocabularyError::Unreadable { .. }), "{at} {id}");
        }
    }

    #[test]
    fn counts_of_a_crafted_file_allocate_nothing() {
        let whole = sample().to_store();
        for at in 0..5 {
            let mut bytes = whole.clone();
            bytes[36 + 4 * at..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
            assert!(Vocabulary::from_store(&bytes, "a test").is_err(), "{at}");
        }
    }

    #[test]
    fn files_are_written_as_a_whole() {
        let folder = std::env::temp_dir().join(format!("structgen-store-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("v.bin");
        write_file(&path, &[b"old"]).unwrap();
        write_file(&path, &[b"ne", b"w"]).unwrap();
        assert_eq!(read_file(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        // A folder is in the way: the error names the file, and nothing is left beside it.
        let blocked = folder.join("blocked");
        fs::create_dir(&blocked).unwrap();
        fs::write(blocked.join("x"), b"").unwrap();
        let error = write_file(&blocked, &[b"new"]).unwrap_err().to_string();
        assert!(error.contains("blocked") && error.contains("written"), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        assert!(matches!(
            read_file(&folder.join("absent")),
            Err(VocabularyError::File { doing: "read", .. })
        ));
        fs::remove_dir_all(&folder).unwrap();
    }
}
