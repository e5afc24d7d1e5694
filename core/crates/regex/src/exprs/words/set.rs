use std::sync::OnceLock;

use structgen_automaton::{AutomatonError, ByteSet, pace};

use super::cursor::Cursor;
use super::escapes::{After, Escape, escaped_len, is_escaped};
use crate::exprs::lasting_print;
use crate::exprs::node::{fold, seed};

/// How words are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordCode {
    /// By their bytes.
    Bytes,
    /// As bodies of JSON string literals, in every legal spelling. Words are UTF-8.
    Json,
}

/// Bytes that are copied in the time of a step of the watch.
const COPIED_PER_STEP: u32 = 1024;

/// Words whose lengths are summed up as one.
const BLOCK: usize = 64;

/// The most bytes by which one byte of a word is spelled: `\u0061`.
const WIDEST: u32 = 6;

/// Words, sorted by their bytes, each once.
#[derive(Debug)]
pub(super) struct WordSet {
    code: WordCode,
    /// One word after the other.
    bytes: Box<[u8]>,
    /// Where each word ends.
    ends: Box<[u32]>,
    /// Before each byte: how many bytes more than there are the shortest spellings take. Empty if
    /// no byte has to be escaped.
    extra: Box<[u32]>,
    /// The least and the greatest length of the words of each block, as the shortest spelling has
    /// it, and in bytes.
    blocks: Box<[(u32, u32)]>,
    print: u128,
    lasting: OnceLock<u128>,
}

impl WordSet {
    /// `None` if there are too many bytes to be numbered; an error if the thread is out of time.
    pub fn new<T: AsRef<[u8]>>(
        texts: &[T],
        code: WordCode,
    ) -> Result<Option<Self>, AutomatonError> {
        let total: usize = texts.iter().map(|text| text.as_ref().len()).sum();
        if u32::try_from(total).ok().and_then(|total| total.checked_mul(WIDEST)).is_none() {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(total);
        let mut ends = Vec::with_capacity(texts.len());
        for text in texts {
            pace(text.as_ref().len() as u32 / COPIED_PER_STEP)?;
            bytes.extend_from_slice(text.as_ref());
            ends.push(bytes.len() as u32);
        }
        let mut set = WordSet {
            code,
            print: print_of(&bytes, &ends, code)?,
            extra: Box::default(),
            blocks: Box::default(),
            bytes: bytes.into(),
            ends: ends.into(),
            lasting: OnceLock::new(),
        };
        if code == WordCode::Json && set.bytes.iter().any(|&byte| is_escaped(byte)) {
            let mut sum = 0;
            let mut sums = Vec::with_capacity(set.bytes.len() + 1);
            sums.push(0);
            for chunk in set.bytes.chunks(COPIED_PER_STEP as usize) {
                pace(1)?;
                sums.extend(chunk.iter().map(|&byte| {
                    sum += if is_escaped(byte) { escaped_len(byte) - 1 } else { 0 };
                    sum
                }));
            }
            set.extra = sums.into();
        }
        let words: Vec<u32> = (0..texts.len() as u32).collect();
        let block = |words: &[u32]| {
            let least = words.iter().map(|&word| set.spelled_len(word)).min();
            let most = words.iter().map(|&word| set.word(word).len() as u32).max();
            (least.unwrap_or(0), most.unwrap_or(0))
        };
        let mut blocks = Vec::with_capacity(words.len() / BLOCK + 1);
        for words in words.chunks(BLOCK) {
            pace(1)?;
            blocks.push(block(words));
        }
        set.blocks = blocks.into();
        Ok(Some(set))
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.bytes.len() + 4 * (self.ends.len() + self.extra.len()) + 8 * self.blocks.len()
    }

    /// A hash of the words and their spelling; see [`crate::Exprs::fingerprint`].
    pub fn print(&self) -> u128 {
        self.print
    }

    pub fn same(&self, other: &WordSet) -> bool {
        (self.code, &self.bytes, &self.ends) == (other.code, &other.bytes, &other.ends)
    }

    pub fn has_lasting(&self) -> bool {
        self.lasting.get().is_some()
    }

    /// The same for every process.
    pub fn lasting(&self) -> u128 {
        *self.lasting.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&self.bytes);
            let mut ends = blake3::Hasher::new();
            for end in &self.ends {
                ends.update(&end.to_le_bytes());
            }
            let half = |hash: blake3::Hash| {
                let mut half = [0; 16];
                half.copy_from_slice(&hash.as_bytes()[..16]);
                u128::from_le_bytes(half)
            };
            let code = u128::from(self.code == WordCode::Json);
            lasting_print(14, &[code, half(hasher.finalize()), half(ends.finalize())])
        })
    }

    #[inline]
    fn start(&self, word: u32) -> usize {
        (word as usize).checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }

    fn word(&self, word: u32) -> &[u8] {
        &self.bytes[self.start(word)..self.ends[word as usize] as usize]
    }

    /// What is left of the only word at the cursor, where its bytes are its shortest spelling.
    pub fn rest(&self, cursor: Cursor) -> Option<&[u8]> {
        let Cursor { from, to, depth, escape, .. } = cursor;
        let plain = escape == Escape::NONE && self.extra.is_empty();
        (plain && to == from + 1).then(|| &self.word(from)[depth as usize..])
    }

    /// The byte at `depth` of a word that has it.
    #[inline]
    fn byte(&self, word: u32, depth: u32) -> u8 {
        self.bytes[self.start(word) + depth as usize]
    }

    /// Whether a word ends at the cursor. It is the first one: the others go on.
    #[inline]
    pub fn ends(&self, cursor: Cursor) -> bool {
        let Cursor { from, depth, escape, .. } = cursor;
        escape == Escape::NONE
            && self.start(from) + depth as usize == self.ends[from as usize] as usize
    }

    /// Whether nothing may follow.
    pub fn is_read(&self, cursor: Cursor) -> bool {
        cursor.to == cursor.from + 1 && self.ends(cursor)
    }

    /// The first word in `from..to`, all of which have the byte at `depth`, where it is at least
    /// `byte`. Near words are looked at first.
    fn first_from(&self, from: u32, to: u32, depth: u32, byte: u8) -> u32 {
        let (mut low, mut step) = (from, 1);
        let mut high = to;
        while low + step < to {
            if self.byte(low + step, depth) >= byte {
                high = low + step;
                break;
            }
            low += step;
            step *= 2;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.byte(middle, depth) < byte {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The words of the cursor that go on.
    fn going_on(&self, cursor: Cursor) -> (u32, u32) {
        let ended = Cursor { escape: Escape::NONE, ..cursor };
        (cursor.from + u32::from(self.ends(ended)), cursor.to)
    }

    /// The words that go on with `byte`.
    fn narrow(&self, cursor: Cursor, byte: u8) -> Option<Cursor> {
        let (from, to) = self.going_on(cursor);
        if from == to {
            return None;
        }
        let from = self.first_from(from, to, cursor.depth, byte);
        if from == to || self.byte(from, cursor.depth) != byte {
            return None;
        }
        let to = match byte {
            u8::MAX => to,
            _ => self.first_from(from, to, cursor.depth, byte + 1),
        };
        Some(Cursor { from, to, depth: cursor.depth + 1, escape: Escape::NONE, ..cursor })
    }

    /// The words that go on with the character `c`.
    fn narrow_char(&self, cursor: Cursor, c: char) -> Option<Cursor> {
        let mut buffer = [0; 4];
        let spelled = c.encode_utf8(&mut buffer).bytes();
        spelled.into_iter().try_fold(cursor, |cursor, byte| self.narrow(cursor, byte))
    }

    /// Whether a character may begin here, escaped or not.
    fn is_boundary(&self, cursor: Cursor) -> bool {
        let (from, to) = self.going_on(cursor);
        from < to && self.byte(from, cursor.depth) & 0xC0 != 0x80
    }

    /// After one more byte; `None` if no word goes on so.
    pub fn step(&self, cursor: Cursor, byte: u8) -> Option<Cursor> {
        if self.code == WordCode::Bytes {
            return self.narrow(cursor, byte);
        }
        if cursor.escape == Escape::NONE {
            return match byte {
                b'\\' => {
                    let begun = Cursor { escape: Escape::BEGUN, ..cursor };
                    self.is_boundary(cursor).then_some(begun)
                }
                _ if is_escaped(byte) => None,
                _ => self.narrow(cursor, byte),
            };
        }
        match cursor.escape.step(byte)? {
            After::Read(c) => self.narrow_char(cursor, c),
            After::Open(escape) => {
                let next = Cursor { escape, ..cursor };
                self.next_char(next, 0).is_some().then_some(next)
            }
        }
    }

    /// The least character, from `least` on, with which a word goes on and which the open escape may
    /// become, and the words that go on with it.
    fn next_char(&self, cursor: Cursor, least: u32) -> Option<(char, Cursor)> {
        let plain = Cursor { escape: Escape::NONE, ..cursor };
        let (from, to) = self.going_on(plain);
        let mut best: Option<(char, Cursor)> = None;
        for (first, last) in cursor.escape.targets() {
            let first = first.max(least);
            let first = (first..=last).find_map(char::from_u32);
            let Some(first) = first else { continue };
            let mut buffer = [0; 4];
            let spelled = first.encode_utf8(&mut buffer).as_bytes();
            // Words are in the order of their characters.
            let (mut low, mut high) = (from, to);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.word(middle)[cursor.depth as usize..] < *spelled {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if low == to {
                continue;
            }
            let Some(c) = self.char_at(low, cursor.depth) else { continue };
            if u32::from(c) > last || best.is_some_and(|(other, _)| other <= c) {
                continue;
            }
            best = self.narrow_char(plain, c).map(|words| (c, words));
        }
        best
    }

    /// The character at `depth` of a word.
    fn char_at(&self, word: u32, depth: u32) -> Option<char> {
        let rest = &self.word(word)[depth as usize..];
        let length = match rest.first()? {
            0..0x80 => 1,
            0..0xE0 => 2,
            0..0xF0 => 3,
            _ => 4,
        };
        std::str::from_utf8(rest.get(..length)?).ok()?.chars().next()
    }

    /// The bytes that lead somewhere.
    pub fn live_bytes(&self, cursor: Cursor) -> ByteSet {
        if cursor.escape != Escape::NONE {
            let may = cursor.escape.may_follow().iter().copied();
            return may.filter(|&byte| self.step(cursor, byte).is_some()).collect();
        }
        let mut live = ByteSet::EMPTY;
        let (mut from, to) = self.going_on(cursor);
        while from < to {
            let byte = self.byte(from, cursor.depth);
            if self.code == WordCode::Bytes || !is_escaped(byte) {
                live.insert(byte);
            }
            let Some(next) = byte.checked_add(1) else { break };
            from = self.first_from(from, to, cursor.depth, next);
        }
        if self.code == WordCode::Json && self.is_boundary(cursor) {
            live.insert(b'\\');
        }
        live
    }

    /// The length of the shortest spelling of a word.
    fn spelled_len(&self, word: u32) -> u32 {
        self.spelled(word, self.word(word).len() as u32)
    }

    /// The same for its first `depth` bytes.
    fn spelled(&self, word: u32, depth: u32) -> u32 {
        if self.extra.is_empty() {
            return depth;
        }
        let start = self.start(word);
        depth + self.extra[start + depth as usize] - self.extra[start]
    }

    /// The least and the greatest length of the words in `from..to`.
    fn lengths(&self, from: u32, to: u32) -> (u32, u32) {
        let join = |a: (u32, u32), b: (u32, u32)| (a.0.min(b.0), a.1.max(b.1));
        let one = |word: u32| (self.spelled_len(word), self.word(word).len() as u32);
        let none = (u32::MAX, 0);
        let (first, last) = ((from as usize).div_ceil(BLOCK), to as usize / BLOCK);
        if first >= last {
            return (from..to).map(one).fold(none, join);
        }
        let inner = self.blocks[first..last].iter().copied().fold(none, join);
        let before = (from..(first * BLOCK) as u32).map(one).fold(inner, join);
        ((last * BLOCK) as u32..to).map(one).fold(before, join)
    }

    /// The length of the shortest rest.
    pub fn shortest(&self, cursor: Cursor) -> u32 {
        if cursor.escape == Escape::NONE {
            return self.lengths(cursor.from, cursor.to).0
                - self.spelled(cursor.from, cursor.depth);
        }
        let (mut best, mut least) = (u32::MAX, 0);
        while let Some((c, words)) = self.next_char(cursor, least) {
            best = best.min(cursor.escape.missing(c) + self.shortest(words));
            least = u32::from(c) + 1;
        }
        best
    }

    /// A bound of the length of every rest.
    pub fn longest(&self, cursor: Cursor) -> u32 {
        let bytes = self.lengths(cursor.from, cursor.to).1 - cursor.depth;
        match self.code {
            WordCode::Bytes => bytes,
            // An escape that is open has been paid for by its first byte.
            WordCode::Json => bytes.saturating_mul(WIDEST),
        }
    }
}

/// A hash of a set, sixteen bytes at a time.
fn print_of(bytes: &[u8], ends: &[u32], code: WordCode) -> Result<u128, AutomatonError> {
    let mut print = fold(seed(), ends.len() as u128 * 2 + u128::from(code == WordCode::Json), 20);
    for part in bytes.chunks(COPIED_PER_STEP as usize) {
        pace(1)?;
        for chunk in part.chunks(16) {
            let mut value = [0; 16];
            value[..chunk.len()].copy_from_slice(chunk);
            print = fold(print, u128::from_le_bytes(value), 20);
        }
    }
    for chunk in ends.chunks(4) {
        let value = chunk.iter().fold(0, |value, &end| value << 32 | u128::from(end));
        print = fold(print, value, 21);
    }
    Ok(print)
}
