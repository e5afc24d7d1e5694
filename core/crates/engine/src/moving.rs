//! A matcher's move to a fresh automaton.

use std::sync::Arc;

use structgen_vocab::TokenId;

use crate::EngineError;
use crate::compiled::{Position, Tokens};

/// What a sequence consists of, as its matcher keeps it.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    /// Tokens, each with the position before it.
    pub history: &'a [(TokenId, Position)],
    /// Texts that were read without tokens, each with the number of tokens before it.
    pub texts: &'a [(usize, Arc<[u8]>)],
}

/// How far a sequence has been read again in another automaton.
///
/// PERF: to read 26,000 tokens of a hostile schema takes 70 ms, for which a server would hold its
/// batch back. A few at a time are read before each question to the old automaton, which has room
/// for thousands more.
#[derive(Clone)]
pub(crate) struct Move {
    pub tokens: Arc<Tokens>,
    /// As far as it has been read.
    pub history: Vec<(TokenId, Position)>,
    /// How many texts have been read.
    texts: usize,
    pub at: Position,
}

impl Move {
    /// To the beginning of `tokens`.
    pub fn new(tokens: Arc<Tokens>) -> Self {
        let at = tokens.start();
        Move { tokens, history: Vec::new(), texts: 0, at }
    }

    /// Reads on, `most` tokens and the texts between them; whether all of `read` has been read.
    pub fn go_on(&mut self, read: Read<'_>, most: usize) -> Result<bool, EngineError> {
        let until = read.history.len().min(self.history.len().saturating_add(most));
        loop {
            while let Some((_, text)) =
                read.texts.get(self.texts).filter(|(before, _)| *before == self.history.len())
            {
                self.at = self.tokens.advance_bytes(self.at, text)?.0;
                self.texts += 1;
            }
            if self.history.len() >= until {
                return Ok(until == read.history.len());
            }
            let (token, _) = read.history[self.history.len()];
            let next = self.tokens.advance(self.at, token)?;
            self.history.push((token, self.at));
            self.at = next;
        }
    }

    /// What was read after the first `count` tokens is taken back; of texts, `texts` are left.
    pub fn rollback(&mut self, count: usize, texts: usize) {
        if let Some(&(_, before)) = self.history.get(count) {
            self.at = before;
            self.history.truncate(count);
            self.texts = texts;
        }
    }
}
