//! One sequence's position, and how it got there.

use std::sync::Arc;

use structgen_automaton::AutomatonError;
use structgen_vocab::{TokenId, TokenMask, Vocabulary};

use crate::EngineError;
use crate::compiled::{Compiled, HEAVY, Position, Tokens};
use crate::moving::{Move, Read};

/// A position with the automaton that it belongs to; cheap to copy.
#[derive(Clone)]
pub struct Cursor {
    /// The automaton.
    pub tokens: Arc<Tokens>,
    /// The position.
    pub at: Position,
}

/// A stack of positions over a shared automaton: forking copies the stack, rolling back pops it.
///
/// When the automaton has used half of its budget, the matcher moves to a fresh one, in which its
/// text is read again: what it needs of the old states is few, most of them were tried for masks of
/// long ago. So memory stays bounded in a sequence of any length, and the time per token flat: texts
/// are read again only after the states have at least doubled, and a few tokens at a time.
#[derive(Clone)]
pub struct Matcher {
    compiled: Arc<Compiled>,
    tokens: Arc<Tokens>,
    /// `history[i]` is the position before the token i.
    history: Vec<(TokenId, Position)>,
    /// Texts that were read without tokens, each with the number of tokens before it.
    texts: Vec<(usize, Arc<[u8]>)>,
    at: Position,
    /// Beyond this [`Tokens::used`] a fresh automaton is worth its price.
    renew_beyond: u32,
    /// The move that has begun, from four fifths of that on.
    moving: Option<Box<Move>>,
    /// Tokens of a completion of `at` that is known to exist; see [`Matcher::completion`].
    plan: Option<Vec<TokenId>>,
}

impl Matcher {
    /// Before the first token of an automaton of `compiled`.
    pub(crate) fn new(compiled: Arc<Compiled>, tokens: Arc<Tokens>) -> Self {
        let at = tokens.start();
        let renew_beyond = HEAVY.max(2 * tokens.used());
        Matcher {
            compiled,
            tokens,
            history: Vec::new(),
            texts: Vec::new(),
            at,
            renew_beyond,
            moving: None,
            plan: None,
        }
    }

    /// Asks the automaton about the current position, in a fresh one if this one is heavy.
    pub fn ask<T>(
        &mut self,
        mut ask: impl FnMut(&Tokens, Position) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.renew_if_heavy()?;
        let answer = ask(&self.tokens, self.at);
        match answer {
            Err(error) if error.is_full() => {
                if self.renew_if_full()? {
                    ask(&self.tokens, self.at)
                } else {
                    Err(error)
                }
            }
            answer => answer,
        }
    }

    /// After a step that found the automaton full: whether there is another one now.
    pub fn renew_if_full(&mut self) -> Result<bool, EngineError> {
        let generation = self.tokens.generation();
        self.tokens.weigh();
        self.renew_if_heavy()?;
        Ok(self.tokens.generation() != generation)
    }

    /// Moves to an automaton with room if this one is heavy, or a little on the way there if it will
    /// be. Where the text itself takes most of the room, nothing happens.
    fn renew_if_heavy(&mut self) -> Result<(), EngineError> {
        if !self.is_nearly_heavy() || self.is_terminated() {
            return Ok(());
        }
        let most = match self.tokens.used() > self.renew_beyond {
            true => usize::MAX,
            false => READ_AGAIN.max(self.history.len() / READ_AGAIN_PART),
        };
        match self.move_on(most) {
            Ok(()) => {}
            Err(EngineError::Automaton(
                stop @ (AutomatonError::Cancelled | AutomatonError::Interrupted),
            )) => return Err(stop.into()),
            Err(_) => {
                self.renew_beyond = u32::MAX;
                self.moving = None;
            }
        }
        Ok(())
    }

    fn is_nearly_heavy(&self) -> bool {
        self.tokens.used() > self.renew_beyond / 5 * 4
    }

    /// Reads `most` tokens in another automaton, and is there once all are read.
    fn move_on(&mut self, most: usize) -> Result<(), EngineError> {
        let moving = match &mut self.moving {
            Some(moving) => moving,
            none => {
                // There are two automata until the last matcher has moved.
                self.tokens.forget_masks();
                let tokens = self.compiled.roomy(self.tokens.generation())?;
                none.insert(Box::new(Move::new(tokens)))
            }
        };
        let arrived = moving.go_on(Read { history: &self.history, texts: &self.texts }, most)?;
        if arrived && let Some(moving) = self.moving.take() {
            let Move { tokens, history, at, .. } = *moving;
            self.renew_beyond = HEAVY.max(2 * tokens.used());
            (self.tokens, self.history, self.at) = (tokens, history, at);
        }
        Ok(())
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

    /// Whether text was read that is in none of the tokens.
    pub fn has_read_text(&self) -> bool {
        !self.texts.is_empty()
    }

    /// The current position with its automaton: all that a mask depends on. May move to a fresh
    /// automaton first.
    pub fn cursor(&mut self) -> Result<Cursor, EngineError> {
        self.renew_if_heavy()?;
        Ok(self.here())
    }

    /// The same where nothing has to be done first: None if the automaton is nearly heavy.
    pub fn light_cursor(&self) -> Option<Cursor> {
        (!self.is_nearly_heavy()).then(|| self.here())
    }

    fn here(&self) -> Cursor {
        Cursor { tokens: self.tokens.clone(), at: self.at }
    }

    /// The mask of the current position.
    pub fn mask(&mut self) -> Result<TokenMask, EngineError> {
        self.ask(Tokens::mask)
    }

    /// Commits a token; false, and nothing changes, if it is not allowed.
    pub fn advance(&mut self, token: TokenId) -> Result<bool, EngineError> {
        if self.is_terminated() {
            return Err(EngineError::Finished);
        }
        let next = self.ask(|tokens, at| tokens.advance(at, token))?;
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
    pub fn allows(&mut self, token: TokenId) -> Result<bool, EngineError> {
        self.ask(|tokens, at| Ok(tokens.advance(at, token)? != Position::DEAD))
    }

    /// How many of `tokens` could be committed in order. Does not advance.
    pub fn validate(&mut self, tokens: &[TokenId]) -> Result<usize, EngineError> {
        self.ask(|automaton, mut at| {
            for (i, &token) in tokens.iter().enumerate() {
                at = automaton.advance(at, token)?;
                if at == Position::DEAD {
                    return Ok(i);
                }
            }
            Ok(tokens.len())
        })
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
            self.texts.retain(|(before, _)| *before <= held - count);
            self.plan = None;
            if let Some(moving) = &mut self.moving {
                moving.rollback(self.history.len(), self.texts.len());
            }
        }
        Ok(())
    }

    /// Goes back to before the first token.
    pub fn reset(&mut self) {
        self.at = self.tokens.start();
        self.history.clear();
        self.texts.clear();
        self.plan = None;
        self.moving = None;
    }

    /// Whether the text so far is complete.
    pub fn is_accepting(&mut self) -> Result<bool, EngineError> {
        self.ask(Tokens::is_accepting)
    }

    /// Whether an end token was committed.
    pub fn is_terminated(&self) -> bool {
        self.at == Position::TERMINATED
    }

    /// The bytes that must come next; see [`Tokens::forced`].
    pub fn forced(&mut self) -> Result<Vec<u8>, EngineError> {
        self.ask(|tokens, at| tokens.forced(at, MAX_FORCED))
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
        let fresh = self.ask(Tokens::completion_tokens)?;
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
        let closing = self.ask(|tokens, at| tokens.closing(at, effort))?;
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
        let (at, read) = self.ask(|tokens, at| tokens.advance_bytes(at, text))?;
        if read == text.len() && read > 0 {
            self.texts.push((self.history.len(), text.into()));
            self.at = at;
            self.plan = None;
        }
        Ok(read)
    }
}

/// Tokens that are read again at once on the way to a fresh automaton: some 50 us; and of long texts
/// one in so many, so that a move is over before the old automaton is full.
const READ_AGAIN: usize = 16;
const READ_AGAIN_PART: usize = 1000;

/// Forced text is a hint; a longer one is found piece by piece.
const MAX_FORCED: usize = 4096;
