//! Automata as the trie sees them.

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState, StateId};
use structgen_vocab::ByteWalker;

/// Steps whole states.
pub(crate) struct Steps<'a> {
    pub automaton: &'a mut dyn ByteAutomaton,
    pub fuel: &'a mut Fuel,
}

impl ByteWalker for Steps<'_> {
    type State = StateId;
    type Error = AutomatonError;

    #[inline]
    fn step(&mut self, state: StateId, byte: u8) -> Result<Option<StateId>, AutomatonError> {
        self.fuel.spend(1)?;
        let next = self.automaton.step(state, byte, self.fuel)?;
        Ok((!next.is_dead()).then_some(next))
    }
}

/// Steps the lexer alone.
pub(crate) struct LexSteps<'a> {
    pub automaton: &'a mut dyn ByteAutomaton,
    pub fuel: &'a mut Fuel,
}

impl ByteWalker for LexSteps<'_> {
    type State = LexState;
    type Error = AutomatonError;

    #[inline]
    fn step(&mut self, state: LexState, byte: u8) -> Result<Option<LexState>, AutomatonError> {
        self.fuel.spend(1)?;
        let next = self.automaton.lex_step(state, byte, self.fuel)?;
        Ok((!next.is_dead()).then_some(next))
    }
}
