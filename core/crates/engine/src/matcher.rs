//! One sequence's position, and how it got there.

use std::sync::Arc;

use structgen_vocab::{TokenId, TokenMask, Vocabulary};

use crate::EngineError;
use crate::compiled::{Position, Tokens};

/// A position with the automaton that it belongs to; cheap to copy.
#[derive(Clone)]
pub struct Cursor {
    /// The automaton.
    pub tokens: Arc<Tokens>,
    /// The position.
    pub at: Position,
}

/// A stack of positions over a shared automaton: forking copies the stack, rolling back pops it.
#[derive(Clone)]
pub struct Matcher {
    tokens: Arc<Tokens>,
    /// `history[i]` is the position before the token i.
    history: Vec<(TokenId, Position)>,
    at: Position,
    /// Tokens of a completion of `at` that is known to exist; see [`Matcher::completion`].
    plan: Option<Vec<TokenId>>,
}

impl Matcher {
    /// Before the first token.
    pub fn new(tokens: Arc<Tokens>) -> Self {
        let at = tokens.start();
        Matcher { tokens, history: Vec::new(), at, plan: None }
    }

    /// The automaton.
    pub fn automaton(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// The vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        self.tokens.vocabulary()
    }

    /// The current position.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Tokens committed so far.
    pub fn committed(&self) -> impl ExactSizeIterator<Item = TokenId> + '_ {
        self.history.iter().map(|(token, _)| *token)
    }

    /// The current position with its automaton: all that a mask depends on.
    pub fn cursor(&self) -> Cursor {
        Cursor { tokens: self.tokens.clone(), at: self.at }
    }

    /// The mask of the current position.
    pub fn mask(&self) -> Result<Arc<TokenMask>, EngineError> {
        self.tokens.mask(self.at)
    }

    /// Commits a token; false, and nothing changes, if it is not allowed.
    pub fn advance(&mut self, token: TokenId) -> Result<bool, EngineError> {
        if self.is_terminated() {
            return Err(EngineError::Finished);
        }
        let next = self.tokens.advance(self.at, token)?;
        if next == Position::DEAD {
            return Ok(false);
        }
        self.plan = self.plan.take().and_then(|mut plan| {
            (plan.first() == Some(&token)).then(|| {
                plan.remove(0);
                plan
            })
        });
        self.history.push((token, self.at));
        self.at = next;
        Ok(true)
    }

    /// Whether `token` may come next.
    pub fn allows(&self, token: TokenId) -> Result<bool, EngineError> {
        Ok(self.tokens.advance(self.at, token)? != Position::DEAD)
    }

    /// How many of `tokens` could be committed in order. Does not advance.
    pub fn validate(&self, tokens: &[TokenId]) -> Result<usize, EngineError> {
        let mut at = self.at;
        for (i, &token) in tokens.iter().enumerate() {
            at = self.tokens.advance(at, token)?;
            if at == Position::DEAD {
                return Ok(i);
            }
        }
        Ok(tokens.len())
    }

    /// Takes back the last `count` tokens.
    pub fn rollback(&mut self, count: usize) -> Result<(), EngineError> {
        let held = self.history.len();
        if count > held {
            return Err(EngineError::RollbackTooFar { count, held });
        }
        if let Some(&(_, before)) = self.history.get(held - count) {
            self.at = before;
            self.history.truncate(held - count);
            self.plan = None;
        }
        Ok(())
    }

    /// Goes back to before the first token.
    pub fn reset(&mut self) {
        self.at = self.tokens.start();
        self.history.clear();
        self.plan = None;
    }

    /// Whether the text so far is complete.
    pub fn is_accepting(&self) -> Result<bool, EngineError> {
        self.tokens.is_accepting(self.at)
    }

    /// Whether an end token was committed.
    pub fn is_terminated(&self) -> bool {
        self.at == Position::TERMINATED
    }

    /// The bytes that must come next; see [`Tokens::forced`].
    pub fn forced(&self) -> Result<Vec<u8>, EngineError> {
        self.tokens.forced(self.at, MAX_FORCED)
    }

    /// Tokens, without the end token, that complete the text; None if none are known.
    ///
    /// INVARIANT: after committing the first of them, the answer is at least one shorter.
    /// The automaton promises that for bytes, not for tokens, so the rest of the last answer
    /// is kept as long as it is followed, and stands unless a shorter one is found.
    pub fn completion(&mut self) -> Result<Option<&[TokenId]>, EngineError> {
        if self.is_terminated() {
            return Ok(Some(&[]));
        }
        let fresh = self.tokens.completion_tokens(self.at)?;
        self.keep(fresh);
        Ok(self.plan.as_deref())
    }

    /// A number of tokens, the end token not counted, that every completion takes at least.
    /// Searches within `effort` steps; 0 only where the text is complete.
    ///
    /// Where the search comes to an end, the answer is exact and [`Self::completion`] is as short.
    pub fn min_tokens_left(&mut self, effort: u64) -> Result<u32, EngineError> {
        if self.is_terminated() {
            return Ok(0);
        }
        let closing = self.tokens.closing(self.at, effort)?;
        self.keep(closing.tokens);
        Ok(closing.at_least)
    }

    /// Keeps the shorter plan.
    fn keep(&mut self, fresh: Option<Vec<TokenId>>) {
        self.plan = match (self.plan.take(), fresh) {
            (Some(kept), Some(fresh)) => Some(if fresh.len() < kept.len() { fresh } else { kept }),
            (kept, fresh) => kept.or(fresh),
        };
    }

    /// Reads text, byte by byte, as if it had been generated; how many bytes were read. All or
    /// nothing: on a refusal the position does not change. Text read in this way is not a token
    /// and cannot be rolled back.
    pub fn advance_bytes(&mut self, text: &[u8]) -> Result<usize, EngineError> {
        if self.is_terminated() {
            return Err(EngineError::Finished);
        }
        let (at, read) = self.tokens.advance_bytes(self.at, text)?;
        if read == text.len() {
            self.at = at;
            self.plan = None;
        }
        Ok(read)
    }
}

/// Forced text is a hint; a longer one is found piece by piece.
const MAX_FORCED: usize = 4096;
