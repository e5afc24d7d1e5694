//! Entries of lexer states as bytes, for the file of a vocabulary.
//!
//! All numbers are little-endian; *varints* are seven bits a byte, lowest first; *ranges* are their
//! count, and for each the gap after the one before and its length, all as varints.
//!
//! ```text
//! "lexical entries\0"    16 bytes
//! length of a stamp      u32, and the stamp: the version of whoever wrote this
//! length of the rest     u64
//! hash of the rest       16 bytes of BLAKE3
//! exits                  u32; each: length u32, then root and places as ranges of trie nodes
//! entries                u32; each: length u32, then
//!     fingerprints       two of u128: see `ByteAutomaton::lex_lasting_fingerprints`
//!     root               varint
//!     exits              count and numbers, as varints
//!     tokens inside      1 and ranges of places in the trie's order, or 2 and a packed mask
//! ```
//!
//! An entry decides masks: whoever can write the file decides what is allowed. Yet no bytes do
//! harm beyond that: an entry is looked at as a whole when it is first asked for, and left out if
//! anything in it is not of this vocabulary.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use structgen_vocab::{ByteReader, NodeId, TokenMask, TokenTrie, Vocabulary};

use super::LexicalEntry;
use super::exit::Exit;
use super::ranges::Ranges;
use super::token_set::TokenSet;

const MAGIC: &[u8; 16] = b"lexical entries\0";

/// Raised whenever entries of the same fingerprint come to mean something else: when prints are
/// made differently, when the walk of a lexer state finds something else, or when the bytes change.
const MEANING: u32 = 2;

const PLACES: u8 = 1;
const PACKED: u8 = 2;

/// The entries of a file, made when asked for.
#[derive(Default)]
pub(crate) struct Saved {
    bytes: Vec<u8>,
    exits: Vec<SavedExit>,
    entries: FxHashMap<(u128, NodeId), SavedEntry>,
    /// At the root, by the nearer fingerprint.
    near: FxHashMap<u128, u128>,
}

struct SavedExit {
    at: Range<usize>,
    /// Made when first wanted, and shared; `None` if it is not of this vocabulary.
    made: OnceLock<Option<Arc<Exit>>>,
}

#[derive(Clone)]
struct SavedEntry {
    near: u128,
    /// Behind the fingerprints and the root.
    at: Range<usize>,
}

impl Saved {
    /// The entries of [`Writer::finish`]; none if another version has written them, which may have
    /// meant something else. Says what is wrong with other bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = ByteReader(bytes);
        if reader.array().as_ref() != Some(MAGIC) {
            return Err("something else comes after it");
        }
        const SHORT: &str = "its lexical entries end too early";
        let length = reader.u32().ok_or(SHORT)?;
        let written_by = reader.take(length as usize).ok_or(SHORT)?;
        let length = reader.array().map(u64::from_le_bytes).ok_or(SHORT)?;
        let hash: [u8; 16] = reader.array().ok_or(SHORT)?;
        let Ok(length) = usize::try_from(length) else { return Err(SHORT) };
        if reader.0.len() < length {
            return Err(SHORT);
        }
        if reader.0.len() > length || hash != hash_of(reader.0) {
            return Err("its lexical entries are not what was saved");
        }
        if written_by != stamp().as_bytes() {
            return Ok(Saved::default());
        }
        Self::index(reader.0.to_vec()).ok_or("its lexical entries are damaged")
    }

    /// Finds out what is where.
    fn index(bytes: Vec<u8>) -> Option<Self> {
        let mut saved = Saved::default();
        let mut reader = ByteReader(&bytes);
        let at = |reader: &ByteReader| bytes.len() - reader.0.len();
        for _ in 0..reader.u32()? {
            let length = reader.u32()? as usize;
            let start = at(&reader);
            reader.take(length)?;
            let at = start..start + length;
            saved.exits.push(SavedExit { at, made: OnceLock::new() });
        }
        for _ in 0..reader.u32()? {
            let length = reader.u32()? as usize;
            let end = at(&reader).checked_add(length)?;
            let mut entry = ByteReader(reader.take(length)?);
            let print = entry.array().map(u128::from_le_bytes)?;
            let near = entry.array().map(u128::from_le_bytes)?;
            let root = varint(&mut entry)?;
            if root == TokenTrie::ROOT {
                saved.near.entry(near).or_insert(print);
            }
            let at = end - entry.0.len()..end;
            saved.entries.insert((print, root), SavedEntry { near, at });
        }
        reader.0.is_empty().then_some(())?;
        saved.bytes = bytes;
        Some(saved)
    }

    /// Of how many states there are entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Memory held, but for what was made of it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
            + self.exits.len() * size_of::<SavedExit>()
            + self.entries.len() * size_of::<((u128, NodeId), SavedEntry)>()
            + self.near.len() * size_of::<(u128, u128)>()
    }

    /// Both fingerprints and the root of every entry, in the file's order.
    pub(super) fn keys(&self) -> impl Iterator<Item = ([u128; 2], NodeId)> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_unstable_by_key(|(_, entry)| entry.at.start);
        all.into_iter().map(|(&(print, root), entry)| ([print, entry.near], root))
    }

    /// The entry of this fingerprint and root.
    pub(super) fn entry(
        &self,
        key: (u128, NodeId),
        vocabulary: &Vocabulary,
    ) -> Option<LexicalEntry> {
        let saved = self.entries.get(&key)?;
        let mut reader = ByteReader(self.bytes.get(saved.at.clone())?);
        self.made(&mut reader, key.1, vocabulary)
    }

    /// An entry at the root with this nearer fingerprint.
    pub(super) fn like(&self, near: u128, vocabulary: &Vocabulary) -> Option<LexicalEntry> {
        self.entry((*self.near.get(&near)?, TokenTrie::ROOT), vocabulary)
    }

    fn made(
        &self,
        reader: &mut ByteReader,
        root: NodeId,
        vocabulary: &Vocabulary,
    ) -> Option<LexicalEntry> {
        let trie = vocabulary.trie();
        if root as usize >= trie.len() {
            return None;
        }
        let (mut exits, mut own) = (Vec::new(), 0);
        for _ in 0..varint(reader)? {
            let saved = self.exits.get(varint(reader)? as usize)?;
            let make = || {
                let exit =
                    read_exit(ByteReader(self.bytes.get(saved.at.clone())?), root, vocabulary)?;
                own += exit.bytes();
                Some(Arc::new(exit))
            };
            exits.push(saved.made.get_or_init(make).clone()?);
        }
        let [kind] = reader.array()?;
        let inside = match kind {
            PLACES => {
                let places = ranges(reader, trie.places(root))?;
                TokenSet::of_places(&places.0, root, vocabulary)
            }
            PACKED => TokenSet::Dense(packed(reader, vocabulary)?),
            _ => return None,
        };
        reader.0.is_empty().then_some(())?;
        let bytes = 128 + inside.bytes() + own;
        Some(LexicalEntry { bytes, inside, exits, asked: OnceLock::new() })
    }
}

/// An exit of an entry at `root`, which the bytes begin with.
fn read_exit(mut reader: ByteReader, root: NodeId, vocabulary: &Vocabulary) -> Option<Exit> {
    (varint(&mut reader)? == root).then_some(())?;
    let places = ranges(&mut reader, root + 1..vocabulary.trie().end(root))?;
    (reader.0.is_empty() && !places.0.is_empty()).then_some(())?;
    Some(Exit::new(vocabulary, root, places))
}

/// A mask of tokens that are in the trie.
fn packed(reader: &mut ByteReader, vocabulary: &Vocabulary) -> Option<TokenMask> {
    let known = vocabulary.trie_tokens().words();
    let words: Box<[u32]> = reader.u32s(known.len())?.collect();
    let is_known = words.iter().zip(known).all(|(word, known)| word & !known == 0);
    is_known.then(|| TokenMask::of_words(words))
}

fn varint(reader: &mut ByteReader) -> Option<u32> {
    let mut number = 0u64;
    for shift in (0..35).step_by(7) {
        let [byte] = reader.array()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return u32::try_from(number).ok();
        }
    }
    None
}

/// Ranges within `within`; none is empty, and none touches the next.
fn ranges(reader: &mut ByteReader, within: Range<u32>) -> Option<Ranges> {
    let count = varint(reader)?;
    let mut ranges = Ranges(Vec::with_capacity((count as usize).min(reader.0.len() / 2)));
    let mut from = within.start;
    for at in 0..count {
        let (gap, length) = (varint(reader)?, varint(reader)?);
        let start = from.checked_add(gap)?;
        from = start.checked_add(length)?;
        if length == 0 || (gap == 0 && at > 0) || from > within.end {
            return None;
        }
        ranges.0.push(start..from);
    }
    Some(ranges)
}

/// Gathers entries for [`Saved::read`].
pub(super) struct Writer {
    exits: Vec<u8>,
    entries: Vec<u8>,
    /// By where they are in memory: an entry's exits may be another's as well. Held, so that no
    /// two of them are in one place.
    known_exits: FxHashMap<*const Exit, (u32, Arc<Exit>)>,
    known: FxHashMap<(u128, NodeId), ()>,
    max_bytes: usize,
}

impl Writer {
    pub(super) fn new(max_bytes: usize) -> Self {
        Writer {
            exits: Vec::new(),
            entries: Vec::new(),
            known_exits: FxHashMap::default(),
            known: FxHashMap::default(),
            max_bytes,
        }
    }

    /// Adds the entry of these fingerprints, if there is none of them yet, and as long as there is
    /// room.
    pub(super) fn add(
        &mut self,
        lasting: [u128; 2],
        root: NodeId,
        entry: &LexicalEntry,
        vocabulary: &Vocabulary,
    ) {
        let full = self.exits.len() + self.entries.len() >= self.max_bytes;
        if full || self.known.insert((lasting[0], root), ()).is_some() {
            return;
        }
        let mut out: Vec<u8> = lasting.iter().flat_map(|print| print.to_le_bytes()).collect();
        write_varint(root, &mut out);
        write_varint(entry.exits.len() as u32, &mut out);
        for exit in &entry.exits {
            let number = self.exit(root, exit);
            write_varint(number, &mut out);
        }
        write_inside(&entry.inside, root, vocabulary, &mut out);
        self.entries.extend_from_slice(&(out.len() as u32).to_le_bytes());
        self.entries.append(&mut out);
    }

    fn exit(&mut self, root: NodeId, exit: &Arc<Exit>) -> u32 {
        if let Some((number, _)) = self.known_exits.get(&Arc::as_ptr(exit)) {
            return *number;
        }
        let mut out = Vec::new();
        write_varint(root, &mut out);
        write_ranges(&exit.places, root + 1, &mut out);
        self.exits.extend_from_slice(&(out.len() as u32).to_le_bytes());
        self.exits.append(&mut out);
        let number = self.known_exits.len() as u32;
        self.known_exits.insert(Arc::as_ptr(exit), (number, exit.clone()));
        number
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let stamp = stamp();
        let mut content = Vec::with_capacity(8 + self.exits.len() + self.entries.len());
        content.extend_from_slice(&(self.known_exits.len() as u32).to_le_bytes());
        content.extend_from_slice(&self.exits);
        content.extend_from_slice(&(self.known.len() as u32).to_le_bytes());
        content.extend_from_slice(&self.entries);
        let mut out = Vec::with_capacity(64 + content.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&(stamp.len() as u32).to_le_bytes());
        out.extend_from_slice(stamp.as_bytes());
        out.extend_from_slice(&(content.len() as u64).to_le_bytes());
        out.extend_from_slice(&hash_of(&content));
        out.append(&mut content);
        out
    }
}

/// What has to be equal for entries to mean the same.
fn stamp() -> String {
    format!("structgen {} meaning {MEANING}", env!("CARGO_PKG_VERSION"))
}

fn hash_of(content: &[u8]) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(content).as_bytes()[..16]);
    hash
}

fn write_varint(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_ranges(ranges: &Ranges, mut from: u32, out: &mut Vec<u8>) {
    write_varint(ranges.0.len() as u32, out);
    for range in &ranges.0 {
        write_varint(range.start - from, out);
        write_varint(range.end - range.start, out);
        from = range.end;
    }
}

/// In the shorter of two ways.
fn write_inside(inside: &TokenSet, root: NodeId, vocabulary: &Vocabulary, out: &mut Vec<u8>) {
    let trie = vocabulary.trie();
    let all = trie.places(root);
    let mut places = Ranges::default();
    for (place, &token) in all.clone().zip(trie.tokens_in(all.clone())) {
        if inside.contains(token) {
            places.add(place..place + 1);
        }
    }
    let mut listed = vec![PLACES];
    write_ranges(&places, all.start, &mut listed);
    match inside {
        TokenSet::Dense(mask) if size_of_val(mask.words()) < listed.len() => {
            out.push(PACKED);
            out.extend(mask.words().iter().flat_map(|word| word.to_le_bytes()));
        }
        _ => out.append(&mut listed),
    }
}
