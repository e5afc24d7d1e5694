//! Sets of texts as one expression: enumerations of thousands of values.
//!
//! As an alternation of concatenations such a set takes a node, with all that is known of it, for
//! each byte of each text, and each state an alternation of what is left of the texts. Here the
//! texts are one sorted array, and a state is a [`Cursor`]: the range of the texts that begin with
//! what has been read. That is a trie which nobody builds: a derivative is a binary search, what
//! is asked of a state is found from its range, and an expression is made for a state when it is
//! met.

mod cursor;
mod escapes;
mod set;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_automaton::ByteSet;

pub(crate) use cursor::Cursor;
pub(crate) use escapes::{escaped_len, is_escaped};
pub use set::WordCode;
use set::WordSet;

use super::classes::Partition;
use super::node::{Meta, fold, seed};
use super::{Exprs, Node};
use crate::ExprId;
use crate::exprs::lasting_print;

/// Bytes of texts from which on they are kept as a set: below, an alternation takes no longer to
/// build, and states that mean the same for other reasons are one.
pub(crate) const WORTH_A_SET: usize = 2_048;

/// Bytes of a set that are hashed for files in the time of one expression.
const BYTES_A_STEP: usize = 64;

/// The sets of an arena, and the states of them that were met as expressions.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    sets: Vec<Arc<WordSet>>,
    set_ids: FxHashMap<u128, u32>,
    cursors: Vec<Cursor>,
    ids: FxHashMap<Cursor, u32>,
}

impl Words {
    /// The number of a cursor.
    fn intern(&mut self, cursor: Cursor) -> u32 {
        let Words { cursors, ids, .. } = self;
        *ids.entry(cursor).or_insert_with(|| {
            cursors.push(cursor);
            cursors.len() as u32 - 1
        })
    }

    #[inline]
    fn set(&self, cursor: Cursor) -> &WordSet {
        &self.sets[cursor.set as usize]
    }

    pub fn bytes(&self) -> usize {
        let sets: usize = self.sets.iter().map(|set| set.size() + 64).sum();
        sets + self.cursors.capacity() * size_of::<Cursor>() + self.ids.capacity() * 25
    }
}

impl Exprs {
    /// Any of `texts`, which are sorted by their bytes, each once, in the spellings of `code`.
    /// Cost: linear in their bytes, whatever is asked of it later; few or short ones become an
    /// ordinary expression by `other`.
    pub fn words<T: AsRef<[u8]>>(
        &mut self,
        texts: &[T],
        code: WordCode,
        other: impl FnOnce(&mut Exprs) -> ExprId,
    ) -> ExprId {
        let total: usize = texts.iter().map(|text| text.as_ref().len()).sum();
        if total < WORTH_A_SET { other(self) } else { self.word_set(texts, code) }
    }

    /// [`Self::words`], however few they are.
    pub(crate) fn word_set<T: AsRef<[u8]>>(&mut self, texts: &[T], code: WordCode) -> ExprId {
        debug_assert!(texts.windows(2).all(|pair| pair[0].as_ref() < pair[1].as_ref()));
        if texts.is_empty() {
            return Exprs::EMPTY;
        }
        let set = match WordSet::new(texts, code) {
            Ok(Some(set)) => set,
            Ok(None) => {
                self.poison("max_exprs", self.limits.max_exprs.into());
                return Exprs::EMPTY;
            }
            Err(error) => {
                self.poison.get_or_insert(error);
                return Exprs::EMPTY;
            }
        };
        self.work += set.size() as u64 / 16;
        let id = match self.sets_of_words.set_ids.get(&set.print()) {
            // Two sets with one 128-bit print: never seen, but sound all the same.
            Some(&id) if self.sets_of_words.sets[id as usize].same(&set) => id,
            _ => {
                let id = self.sets_of_words.sets.len() as u32;
                self.sets_of_words.set_ids.insert(set.print(), id);
                self.sets_of_words.sets.push(Arc::new(set));
                id
            }
        };
        self.words_at(Cursor::start(id, texts.len() as u32))
    }

    /// What is left to read at `cursor`.
    pub(crate) fn words_at(&mut self, cursor: Cursor) -> ExprId {
        if self.sets_of_words.set(cursor).is_read(cursor) {
            return Exprs::EPSILON;
        }
        let id = self.sets_of_words.intern(cursor);
        self.intern(Node::Words(id))
    }

    /// The cursor of `e`, if it is the rest of a set of words.
    pub(crate) fn cursor(&self, e: ExprId) -> Option<Cursor> {
        match self.node(e) {
            Node::Words(id) => Some(self.sets_of_words.cursors[id as usize]),
            _ => None,
        }
    }

    /// The derivative of the rest of a set of words.
    pub(super) fn words_after(&mut self, id: u32, byte: u8) -> ExprId {
        self.work += 1;
        match self.cursor_after(self.sets_of_words.cursors[id as usize], byte) {
            Some(next) => self.words_at(next),
            None => Exprs::EMPTY,
        }
    }

    /// Where one more byte leads; `None` if to no word.
    pub(crate) fn cursor_after(&self, cursor: Cursor, byte: u8) -> Option<Cursor> {
        self.sets_of_words.set(cursor).step(cursor, byte)
    }

    /// The one word that is left at `cursor`, from there on, if it is spelled in its bytes.
    pub(super) fn rest_of_word(&self, cursor: Cursor) -> Option<&[u8]> {
        self.sets_of_words.set(cursor).rest(cursor)
    }

    /// Whether a word has been read, and nothing may follow.
    pub(crate) fn cursor_is_read(&self, cursor: Cursor) -> bool {
        self.sets_of_words.set(cursor).is_read(cursor)
    }

    /// Whether a word ends at `cursor`.
    pub(crate) fn cursor_ends(&self, cursor: Cursor) -> bool {
        self.sets_of_words.set(cursor).ends(cursor)
    }

    /// The bytes that lead somewhere.
    pub(crate) fn cursor_bytes(&self, cursor: Cursor) -> ByteSet {
        self.sets_of_words.set(cursor).live_bytes(cursor)
    }

    /// The length of the shortest rest.
    pub(crate) fn cursor_len(&self, cursor: Cursor) -> u32 {
        self.sets_of_words.set(cursor).shortest(cursor)
    }

    /// A hash of what is left to read; see [`Exprs::fingerprint`].
    pub(crate) fn cursor_print(&self, cursor: Cursor) -> u128 {
        let set = self.sets_of_words.set(cursor).print();
        cursor.numbers().into_iter().fold(fold(seed(), set, 22), |print, n| fold(print, n, 22))
    }

    /// The same for every process. `None` if that takes more than `most` steps.
    pub(crate) fn cursor_lasting(&self, cursor: Cursor, most: &mut usize) -> Option<u128> {
        let set = self.sets_of_words.set(cursor);
        let cost = if set.has_lasting() { 1 } else { 1 + set.size() / BYTES_A_STEP };
        *most = most.checked_sub(cost)?;
        let [range, place] = cursor.numbers();
        Some(lasting_print(13, &[set.lasting(), range, place]))
    }

    pub(super) fn words_print(&self, id: u32) -> u128 {
        self.cursor_print(self.sets_of_words.cursors[id as usize])
    }

    pub(super) fn words_meta(&self, id: u32) -> Meta {
        let cursor = self.sets_of_words.cursors[id as usize];
        let set = self.sets_of_words.set(cursor);
        let longest = set.longest(cursor);
        Meta {
            nullable: set.ends(cursor),
            pure: true,
            depth: 0,
            min_len: set.shortest(cursor),
            max_len: longest,
            need: longest,
        }
    }

    pub(super) fn words_bytes(&self, id: u32) -> ByteSet {
        self.cursor_bytes(self.sets_of_words.cursors[id as usize])
    }

    /// Each byte that leads somewhere is a class of its own.
    pub(super) fn words_look(&mut self, id: u32) -> Partition {
        let live = self.words_bytes(id);
        let mut labels = [0; 256];
        if live.len() == 256 {
            labels = std::array::from_fn(|byte| byte as u8);
        } else {
            for (class, byte) in live.iter().enumerate() {
                labels[usize::from(byte)] = class as u8 + 1;
            }
        }
        self.classes.number(&labels)
    }
}
