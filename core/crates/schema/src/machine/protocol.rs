//! The machine as a byte automaton.

use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, Exactness, Fuel, LexState, LexicalView, StateId, Usage,
};

use super::SchemaAutomaton;
use super::stack::{Cell, Context, Phase, State, TextId};
use crate::frames::Frame;

impl ByteAutomaton for SchemaAutomaton {
    fn start(&mut self, _fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        Ok(self.start)
    }

    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(&found) = self.states.get(state.0 as usize).filter(|_| !state.is_dead()) else {
            return Ok(StateId::DEAD);
        };
        if !found.phase.may_read(byte) {
            return Ok(StateId::DEAD);
        }
        // Inside a string the lexer's table is the memo.
        if let Phase::Text { .. } = found.phase {
            return self.cold_step(found, byte, fuel);
        }
        if let Some(next) = self.steps.get(&(state, byte)) {
            return Ok(*next);
        }
        fuel.spend(1)?;
        let next = self.cold_step(found, byte, fuel)?;
        // Most bytes are dead nearly everywhere: to remember them would take most of the memory.
        if !next.is_dead() {
            self.steps.insert((state, byte), next);
        }
        Ok(next)
    }

    fn is_accepting(&mut self, state: StateId, fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        fuel.spend(1)?;
        let Some(&State { cell, phase, .. }) = self.states.get(state.0 as usize) else {
            return Ok(false);
        };
        if state.is_dead() {
            return Ok(false);
        }
        Ok(match phase {
            Phase::Done { .. } => true,
            Phase::Number { lex } => {
                matches!(&*self.frame(cell), Frame::Root { .. })
                    && self.frames.algebra.lexer.accept(lex).is_some()
            }
            _ => false,
        })
    }

    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        if state.is_dead() || state.0 as usize >= self.states.len() {
            return Ok(None);
        }
        self.complete(state, fuel)
    }

    fn exactness(&self) -> Exactness {
        // Whether an element equals one before it, or what is deferred holds, may only show at
        // the end. What has not been looked at may have to be deferred.
        let algebra = &self.frames.algebra;
        if !self.surveyed || algebra.compares_elements() || algebra.defers() {
            Exactness::Superset
        } else {
            Exactness::Exact
        }
    }

    fn usage(&self) -> Usage {
        let (items, bytes) = self.frames.algebra.usage();
        let states = self.states.len() + self.cells.len() + self.frames.len();
        Usage {
            states: states + items,
            bytes: bytes
                + self.frames.bytes()
                + states * 96
                + self.steps.len() * 24
                + self.texts.len() * 32,
        }
    }

    fn lexical_views(&mut self, state: StateId, out: &mut Vec<LexicalView>) -> bool {
        let Some(&State { cell, phase, .. }) = self.states.get(state.0 as usize) else {
            return false;
        };
        let (lex, key) = match phase {
            _ if state.is_dead() => return false,
            Phase::Text { lex } | Phase::Number { lex } => (lex, false),
            Phase::Key { lex, .. } => (lex, true),
            _ => return false,
        };
        let context = self.context(Context { cell, key });
        out.push(LexicalView { lex, context });
        true
    }

    fn lex_step(
        &mut self,
        lex: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.frames.algebra.lexer.step(lex, byte, fuel)
    }

    fn lex_accept(&self, lex: LexState) -> Option<AcceptId> {
        self.frames.algebra.lexer.accept(lex)
    }

    fn lex_fingerprint(&self, lex: LexState) -> u128 {
        self.frames.algebra.lexer.fingerprint(lex)
    }

    /// A key that only its text identifies is not known here: the state that is returned
    /// refuses a second key of that kind in the same object, which only matters to tokens
    /// that span both.
    fn lex_end(
        &mut self,
        context: u32,
        accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let Some(&Context { cell, key }) = self.contexts.get(context as usize) else {
            return Ok(StateId::DEAD);
        };
        let Cell { mark, kept, .. } = self.at(cell);
        let text = if kept || mark != TextId::NONE { TextId::BLURRED } else { TextId::NONE };
        if key {
            return self.end_key(cell, accept, None, text, fuel);
        }
        let tags = self.frames.accepted(accept);
        self.end_value(cell, tags, text)
    }

    /// Where parts are judged at the end of a value, the texts of keys and elements that are
    /// kept may decide about them.
    fn lex_end_is_known(&mut self, context: u32) -> bool {
        !self.frames.algebra.defers() || self.lex_end_is_exact(context)
    }

    fn lex_end_is_exact(&mut self, context: u32) -> bool {
        self.contexts.get(context as usize).is_none_or(|&Context { cell, key }| {
            let Cell { mark, kept, .. } = self.at(cell);
            !key && !kept && mark == TextId::NONE
        })
    }
}
