//! Texts that a conjunction of demands reads without taking note.
//!
//! In `.*a.*` & `.*b.*` & `.{0,60}`, whatever is read may meet demands, but never raises one: a
//! member stays a member as long as there is room for it. That is seen without the states that
//! tell the demands apart, of which there are as many as subsets.

use structgen_automaton::{AutomatonError, CharSelection, Fuel, LexState};

use super::witness::{Life, Word};
use super::{Exprs, INFINITE, Node};
use crate::lower::Encoding;
use crate::{CharSet, ExprId, Lexer};

impl Lexer {
    /// A number of bytes, as great as is plain to see: every text of at most that many bytes, all
    /// of whose characters are in `chars`, leads to a state that is neither dead nor accepting.
    pub fn idle_bytes(
        &mut self,
        state: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        if self.reads_words(state) {
            return Ok(0);
        }
        // No part has a member that short, or that ends so.
        let most = match self.ends_otherwise(state, chars) {
            true => u32::MAX,
            false => self.min_len(state).saturating_sub(1),
        };
        let mut idle = 0;
        let mut number = 0;
        while idle < most
            && let Some(e) = self.first_part(state, number)
        {
            // One part that goes on is enough.
            number += 1;
            idle = idle.max(self.exprs.room(e, chars, fuel)?);
        }
        Ok(idle.min(most))
    }
}

impl Lexer {
    /// A number of characters, if it is plain to see: texts of at most so many characters, all in
    /// `chars`, lead to states that are neither dead nor accepting, and longer ones to dead ones.
    pub fn exact_room(&mut self, state: LexState, chars: CharSelection) -> Option<u32> {
        if self.reads_words(state) {
            return None;
        }
        let (_, e) = self.sole_part(state)?;
        let exprs = &mut self.exprs;
        let (head, tail) = exprs.split(e);
        // X{a,b} y, each X one character: codes are prefix codes, so that a text is so many of X and
        // no other number, and what does not fit would have to be read by y.
        match (exprs.node(head), exprs.node(tail)) {
            (Node::Repeat(body, _, max), Node::Set(_))
                if max != INFINITE
                    && exprs.ends_otherwise(tail, chars)
                    && exprs.is_one_character(body)
                    && exprs.reads(body, chars) =>
            {
                Some(max)
            }
            _ => None,
        }
    }
}

/// Alternatives beyond which a state is not taken apart.
const MAX_ALTERNATIVES: u32 = 64;

impl Lexer {
    /// The states of the alternatives of which `state` is a choice, the empty one left out, if no
    /// member ends with one of `chars`. Empty if there is no such choice.
    pub fn alternatives(
        &mut self,
        state: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<Vec<LexState>, AutomatonError> {
        if self.reads_words(state) {
            return Ok(Vec::new());
        }
        let Some((tag, e)) = self.sole_part(state) else { return Ok(Vec::new()) };
        let (head, tail) = self.exprs.split(e);
        let head = match self.exprs.node(head) {
            Node::Repeat(body, 0, 1) => body,
            _ => head,
        };
        let Node::Or(start, len) = self.exprs.node(head) else { return Ok(Vec::new()) };
        if len > MAX_ALTERNATIVES || !self.ends_otherwise(state, chars) {
            return Ok(Vec::new());
        }
        let mut states = Vec::with_capacity(len as usize);
        for i in start..start + len {
            let kid = self.exprs.children[i as usize];
            let e = self.exprs.then(kid, tail);
            states.push(self.state(&[(tag, e)], fuel)?);
        }
        states.retain(|state| !state.is_dead());
        Ok(states)
    }
}

/// A member of an expression, by its length in bytes and as far as it is spelled out.
#[derive(Clone, Copy)]
struct Member {
    length: u32,
    word: Option<Word>,
}

impl Exprs {
    /// How many characters of `chars` may be read at least, whichever they are, before members
    /// of `e` could run out of room. 0 where that is not plain to see.
    fn room(
        &mut self,
        e: ExprId,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        // What comes after a conjunction has a member all the same.
        let e = match self.split(e) {
            (head, _) if matches!(self.node(head), Node::And(..)) => head,
            _ => e,
        };
        let member = match self.live.get(&e) {
            _ if self.pure(e) => Member { length: self.min_len(e), word: None },
            Some(&Life::Member(word)) => {
                Member { length: self.words.length(word), word: Some(word) }
            }
            _ => return Ok(0),
        };
        let Node::And(start, len) = self.node(e) else {
            return self.room_before(e, member, chars, fuel);
        };
        let mut room = u32::MAX;
        for i in start..start + len {
            let kid = self.children[i as usize];
            room = room.min(self.room_before(kid, member, chars, fuel)?);
            if room == 0 {
                break;
            }
        }
        Ok(room)
    }

    /// Whether it is plain to see that no member of `e` ends with one of `chars`.
    pub(crate) fn ends_otherwise(&self, mut e: ExprId, chars: CharSelection) -> bool {
        while let Node::Concat(_, tail) = self.node(e) {
            e = tail;
        }
        match self.node(e) {
            Node::Set(set) => self.set(set).iter().all(|byte| !chars.ends_with(byte)),
            _ => false,
        }
    }

    /// How many characters of `chars` may stand before `member` such that all is one of `e`.
    fn room_before(
        &mut self,
        e: ExprId,
        member: Member,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        fuel.spend(1)?;
        // X{a,b} y: more of X may come before, up to b in all. `member` has no more characters
        // than bytes.
        match self.node(self.split(e).0) {
            Node::Repeat(body, _, max) if self.reads(body, chars) => {
                return Ok(if max == INFINITE { max } else { max.saturating_sub(member.length) });
            }
            // One alternative with room is enough.
            Node::Or(start, len) if member.word.is_none() => {
                let mut most = 0;
                for i in start..start + len {
                    let kid = self.children[i as usize];
                    let room = match self.node(self.split(kid).0) {
                        Node::Repeat(body, _, max) if self.reads(body, chars) => match max {
                            INFINITE => max,
                            max => max.saturating_sub(self.min_len(kid)),
                        },
                        _ => 0,
                    };
                    most = most.max(room);
                }
                return Ok(most);
            }
            _ => {}
        }
        let (Node::Or(start, len), Some(word)) = (self.node(e), member.word) else {
            return Ok(0);
        };
        for i in start..start + len {
            let kid = self.children[i as usize];
            if !matches!(self.node(kid), Node::Or(..)) {
                let room = self.room_before(kid, member, chars, fuel)?;
                if room > 0 && self.has_member(kid, word, fuel)? {
                    return Ok(room);
                }
            }
        }
        Ok(0)
    }

    /// Whether each of `chars`, as it stands in a text, is a member of `class`.
    fn reads(&mut self, class: ExprId, chars: CharSelection) -> bool {
        if let Some(&known) = self.readers.get(&(class, chars)) {
            return known;
        }
        let bits = (0..0x80).filter(|bit| chars.ascii >> bit & 1 == 1);
        let mut set = CharSet::from_code_points(bits.map(|bit| (bit, bit)));
        if chars.beyond_ascii {
            set = &set | &CharSet::from_code_points([(0x80, 0x10_FFFF)]);
        }
        let found = Encoding::ALL.into_iter().any(|code| {
            (&set & &code.escaped()).is_empty()
                && self.class_in(code, class).is_some_and(|class| set.is_subset(&class))
        });
        self.readers.insert((class, chars), found);
        found
    }
}
