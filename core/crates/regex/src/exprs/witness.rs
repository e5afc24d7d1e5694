//! Members that were found once, tried again.
//!
//! Whether a conjunction is empty takes a search. But the conjunctions that come up in a row are
//! derivatives of one another, and what is a member of one is mostly a member of the next. To try
//! a text is cheap: each part of a conjunction is asked alone, and remembers its answer.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel, ShardedMap};

use super::{Exprs, Node};
use crate::ExprId;

/// A text, interned: its first byte and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Word(u32);

impl Word {
    pub const EMPTY: Word = Word(0);
}

/// Longer texts are not tried.
pub(super) const MAX_WORD: usize = 100;
/// Texts that are tried.
const MAX_RECENT: usize = 8;
/// Answers remembered before that memo is started anew.
const MAX_VERDICTS: usize = 1 << 20;

/// Whether an expression has members, once known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Empty,
    Live,
    /// This is one.
    Member(Word),
}

/// Texts, and of which expressions they are members.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// Of the words from number 1 on.
    links: Vec<(u8, Word)>,
    lengths: Vec<u32>,
    ids: FxHashMap<(u8, Word), Word>,
    /// The texts that are tried, the last that helped first.
    recent: Vec<Word>,
    verdicts: ShardedMap<u64, bool>,
}

impl Words {
    /// `byte` and then `rest`.
    pub fn before(&mut self, byte: u8, rest: Word) -> Word {
        let length = self.length(rest).saturating_add(1);
        let Words { links, lengths, .. } = self;
        *self.ids.entry((byte, rest)).or_insert_with(|| {
            links.push((byte, rest));
            lengths.push(length);
            Word(links.len() as u32)
        })
    }

    pub fn length(&self, word: Word) -> u32 {
        (word.0 as usize).checked_sub(1).map_or(0, |at| self.lengths[at])
    }

    fn split(&self, word: Word) -> Option<(u8, Word)> {
        let at = (word.0 as usize).checked_sub(1)?;
        Some(self.links[at])
    }

    /// Tries `word` first from now on, unless that takes longer than a search.
    pub fn favour(&mut self, word: Word) {
        if self.recent.first() == Some(&word) || self.length(word) as usize > MAX_WORD {
            return;
        }
        self.recent.retain(|&other| other != word);
        self.recent.insert(0, word);
        self.recent.truncate(MAX_RECENT);
    }

    pub fn bytes(&self) -> usize {
        self.links.capacity() * 12 + self.ids.capacity() * 16 + self.verdicts.len() * 18
    }
}

impl Exprs {
    /// A text known from elsewhere that is a member of `e`, if one is found.
    pub(super) fn known_member(
        &mut self,
        e: ExprId,
        fuel: &mut Fuel,
    ) -> Result<Option<Word>, AutomatonError> {
        for i in 0..self.words.recent.len() {
            let word = self.words.recent[i];
            if self.has_member(e, word, fuel)? {
                self.words.favour(word);
                return Ok(Some(word));
            }
        }
        Ok(None)
    }

    /// Whether `word` is a member of `e`.
    pub(super) fn has_member(
        &mut self,
        e: ExprId,
        word: Word,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let (mut at, mut left) = (e, word);
        let mut asked: Vec<u64> = Vec::new();
        let verdict = loop {
            let Some((byte, rest)) = self.words.split(left) else { break self.nullable(at) };
            match self.node(at) {
                Node::Empty | Node::Epsilon => break false,
                _ if at == Exprs::ANYTHING => break true,
                Node::And(start, len) => {
                    let mut all = true;
                    for i in start..start + len {
                        let kid = self.children[i as usize];
                        all = all && self.has_member(kid, left, fuel)?;
                    }
                    break all;
                }
                _ => {}
            }
            let key = u64::from(at.0) << 32 | u64::from(left.0);
            if let Some(&known) = self.words.verdicts.get(&key) {
                break known;
            }
            asked.push(key);
            at = self.paid_derivative(at, byte, fuel)?;
            left = rest;
        };
        if self.words.verdicts.len() >= MAX_VERDICTS {
            self.words.verdicts.clear();
        }
        for key in asked {
            self.words.verdicts.insert(key, verdict);
        }
        Ok(verdict)
    }

    /// A member of `e`, which is known to be live, if one is at hand and short.
    pub(super) fn member_at_hand(
        &mut self,
        e: ExprId,
        fuel: &mut Fuel,
    ) -> Result<Option<Word>, AutomatonError> {
        let mut read = Vec::new();
        let mut at = e;
        let end = loop {
            if self.nullable(at) {
                break Word::EMPTY;
            }
            if let Some(&Life::Member(word)) = self.live.get(&at) {
                break word;
            }
            if read.len() > MAX_WORD || !self.pure(at) {
                return Ok(None);
            }
            fuel.spend(1)?;
            let (byte, next) = self.nearest_step(at);
            self.check()?;
            if next == Exprs::EMPTY {
                return Ok(None);
            }
            read.push(byte);
            at = next;
        };
        let before = |rest, &byte: &u8| self.words.before(byte, rest);
        Ok(Some(read.iter().rev().fold(end, before)))
    }
}
