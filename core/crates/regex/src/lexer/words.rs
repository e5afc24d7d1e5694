//! States that read nothing but the rest of a set of words.
//!
//! A token mask meets a state for each beginning of a word that is also one of a token: tens of
//! thousands. Such a state is a [`Cursor`] and what follows the words. It has no expression, no row of
//! transitions and no partition of the bytes: a step is a binary search, and what else is asked of
//! it is found from the set.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use structgen_automaton::{AutomatonError, Fuel, LexState, ShardedTable};

use super::{Cold, Hot, Lexer, Run, UNBUILT};
use crate::exprs::{Cursor, Partition, lasting_print};
use crate::{ByteSet, ExprId, Exprs};

/// `Cold::len` of a state whose `start` is the number of a [`WordPart`].
pub(super) const WORDS: u32 = u32::MAX;

/// The rest of a word and then a text of `tail`, for one tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WordPart {
    cursor: Cursor,
    tail: ExprId,
    pub(super) tag: u32,
}

/// The parts of all such states.
#[derive(Debug, Default)]
pub(super) struct WordStates {
    parts: Vec<(WordPart, LexState)>,
    ids: ShardedTable<u32>,
}

impl WordStates {
    pub fn bytes(&self) -> usize {
        self.parts.capacity() * size_of::<(WordPart, LexState)>() + self.ids.len() * 8
    }
}

fn hash_of(part: &WordPart) -> u64 {
    let mut hasher = FxHasher::default();
    part.hash(&mut hasher);
    hasher.finish()
}

impl Lexer {
    /// The part of a state that reads words.
    #[inline]
    pub(super) fn word_part(&self, state: LexState) -> Option<WordPart> {
        let Cold { start, len, .. } = self.cold[state.0 as usize];
        (len == WORDS).then(|| self.words.parts[start as usize].0)
    }

    /// The words that are all that `runs` read, if it is so.
    pub(super) fn as_words(&self, runs: &[Run]) -> Option<WordPart> {
        let [Run { head, tails }] = *runs else { return None };
        let [(tag, tail)] = *self.tails.get(tails) else { return None };
        // A head that may be empty has its tail with it.
        let (head, tail) = match self.exprs.split(head) {
            (first, rest) if tail == Exprs::EPSILON => (first, rest),
            _ => (head, tail),
        };
        self.exprs.cursor(head).map(|cursor| WordPart { cursor, tail, tag })
    }

    /// The state of `part`.
    pub(super) fn words_state(&mut self, part: WordPart) -> Result<LexState, AutomatonError> {
        let hash = hash_of(&part);
        let known = self.words.ids.find(hash, |&id| self.words.parts[id as usize].0 == part);
        if let Some(&id) = known {
            return Ok(self.words.parts[id as usize].1);
        }
        if self.cold.len() > self.exprs.limits().max_states as usize {
            return Err(self.too_many());
        }
        let ends = self.exprs.cursor_ends(part.cursor) && self.exprs.nullable(part.tail);
        let accept = ends.then(|| self.intern_accept(vec![part.tag]));
        let state = LexState(self.cold.len() as u32);
        let start = self.words.parts.len() as u32;
        self.words.parts.push((part, state));
        self.cold.push(Cold { start, len: WORDS, last_tag: part.tag, accept, prints: [0; 2] });
        self.hot.push(Hot { partition: Partition::TRIVIAL, row: UNBUILT });
        let parts = &self.words.parts;
        self.words.ids.insert_unique(hash, start, |&id| hash_of(&parts[id as usize].0));
        Ok(state)
    }

    /// The state after one more byte.
    pub(super) fn step_words(
        &mut self,
        part: WordPart,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        fuel.spend(1)?;
        let WordPart { cursor, tail, tag } = part;
        let next = self.exprs.cursor_after(cursor, byte);
        let mut after = match self.exprs.cursor_ends(cursor) {
            true => self.exprs.paid_derivative(tail, byte, fuel)?,
            false => Exprs::EMPTY,
        };
        if after != Exprs::EMPTY && !self.exprs.is_live(after, fuel)? {
            after = Exprs::EMPTY;
        }
        match next {
            None if after == Exprs::EMPTY => return Ok(LexState::DEAD),
            Some(cursor) if after == Exprs::EMPTY && !self.exprs.cursor_is_read(cursor) => {
                return self.words_state(WordPart { cursor, ..part });
            }
            Some(cursor) => {
                let words = self.exprs.words_at(cursor);
                let words = self.exprs.then(words, tail);
                after = self.exprs.or(&[words, after]);
                self.exprs.check()?;
            }
            None => {}
        }
        let (head, tail) = self.head_of(after);
        self.scratch.runs.clear();
        self.scratch.parts.clear();
        self.scratch.parts.push((head, tag, tail));
        self.gather()
    }

    /// The bytes that may follow.
    pub(super) fn bytes_of_words(&self, part: WordPart) -> ByteSet {
        let live = self.exprs.cursor_bytes(part.cursor);
        match self.exprs.cursor_ends(part.cursor) {
            true => live | self.exprs.first_bytes(part.tail),
            false => live,
        }
    }

    /// What completes the state, as an expression.
    pub(super) fn expr_of_words(&mut self, part: WordPart) -> ExprId {
        let words = self.exprs.words_at(part.cursor);
        self.exprs.then(words, part.tail)
    }

    /// Whether what comes after the words shows that no member ends with one of `chars`.
    pub(super) fn words_end_otherwise(
        &self,
        part: WordPart,
        chars: structgen_automaton::CharSelection,
    ) -> bool {
        self.exprs.ends_otherwise(part.tail, chars)
    }

    /// The length of the shortest rest, as far as the syntax tells.
    pub(super) fn words_min_len(&self, part: WordPart) -> u32 {
        self.exprs.cursor_len(part.cursor).saturating_add(self.exprs.min_len(part.tail))
    }

    /// See [`Lexer::fingerprint`] and [`Lexer::near_fingerprint`].
    pub(super) fn words_prints(&self, part: WordPart) -> [u128; 2] {
        let words = self.exprs.cursor_print(part.cursor);
        self.exprs.followed_prints(words, part.tail)
    }

    /// See [`Lexer::lasting_fingerprints`].
    pub(super) fn words_lasting(&mut self, part: WordPart, most: &mut usize) -> Option<[u128; 2]> {
        let words = self.exprs.cursor_lasting(part.cursor, most)?;
        let tails = self.exprs.lasting_prints(part.tail, most)?;
        Some(tails.map(|tail| lasting_print(15, &[words, tail])))
    }
}
