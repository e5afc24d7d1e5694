use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, ByteSet, CharSelection, Completions, Exactness, Fuel,
    LexState, LexicalView, StateId, Usage,
};

use crate::{ExprId, Exprs, Lexer};

/// The byte automaton of one expression. Exact.
///
/// Its states are states of a [`Lexer`] with a single part. As a sequence of lexemes the
/// whole text is one lexeme: after it ends, nothing follows but the end of the text, which is
/// the state of the empty string.
#[derive(Debug)]
pub struct RegexAutomaton {
    lexer: Lexer,
    root: ExprId,
    ended: Option<LexState>,
}

impl RegexAutomaton {
    /// The automaton of `root`, an expression of `exprs`.
    pub fn new(exprs: Exprs, root: ExprId) -> Self {
        RegexAutomaton { lexer: Lexer::new(exprs), root, ended: None }
    }

    /// The lexer that the states belong to.
    pub fn lexer(&self) -> &Lexer {
        &self.lexer
    }
}

impl ByteAutomaton for RegexAutomaton {
    fn start(&mut self, fuel: &mut Fuel) -> Result<StateId, AutomatonError> {
        let start = self.lexer.state(&[(0, self.root)], fuel)?;
        Ok(StateId(start.0))
    }

    #[inline]
    fn step(
        &mut self,
        state: StateId,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let next = self.lexer.step(LexState(state.0), byte, fuel)?;
        Ok(StateId(next.0))
    }

    fn is_accepting(&mut self, state: StateId, _fuel: &mut Fuel) -> Result<bool, AutomatonError> {
        Ok(self.lexer.accept(LexState(state.0)).is_some())
    }

    fn completion(
        &mut self,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<Option<Vec<u8>>, AutomatonError> {
        self.lexer.shortest(LexState(state.0), None, fuel)
    }

    #[inline]
    fn live_bytes(&mut self, state: StateId) -> ByteSet {
        self.lexer.live_bytes(LexState(state.0))
    }

    fn completions(&self) -> Completions {
        Completions::Known
    }

    fn exactness(&self) -> Exactness {
        Exactness::Exact
    }

    fn is_spoilt(&self) -> bool {
        self.lexer.exprs.check().is_err()
    }

    fn usage(&self) -> Usage {
        Usage { states: self.lexer.len(), bytes: self.lexer.bytes() }
    }

    fn lexical_views(&mut self, state: StateId, out: &mut Vec<LexicalView>) -> bool {
        if !state.is_dead() {
            out.push(LexicalView { lex: LexState(state.0), context: 0 });
        }
        true
    }

    #[inline]
    fn lex_step(
        &mut self,
        lex: LexState,
        byte: u8,
        fuel: &mut Fuel,
    ) -> Result<LexState, AutomatonError> {
        self.lexer.step(lex, byte, fuel)
    }

    #[inline]
    fn lex_live_bytes(&mut self, lex: LexState) -> ByteSet {
        self.lexer.live_bytes(lex)
    }

    #[inline]
    fn lex_accept(&self, lex: LexState) -> Option<AcceptId> {
        self.lexer.accept(lex)
    }

    fn lex_idle_bytes(
        &mut self,
        lex: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<u32, AutomatonError> {
        self.lexer.idle_bytes(lex, chars, fuel)
    }

    fn lex_room(&mut self, lex: LexState, chars: CharSelection) -> Option<u32> {
        self.lexer.exact_room(lex, chars)
    }

    fn lex_alternatives(
        &mut self,
        lex: LexState,
        chars: CharSelection,
        fuel: &mut Fuel,
    ) -> Result<Vec<LexState>, AutomatonError> {
        self.lexer.alternatives(lex, chars, fuel)
    }

    #[inline]
    fn lex_fingerprint(&self, lex: LexState) -> u128 {
        self.lexer.fingerprint(lex)
    }

    fn lex_near_fingerprint(&self, lex: LexState) -> Option<u128> {
        Some(self.lexer.near_fingerprint(lex))
    }

    fn lex_lasting_fingerprints(&mut self, lex: LexState) -> Option<[u128; 2]> {
        self.lexer.lasting_fingerprints(lex)
    }

    fn lex_end(
        &mut self,
        _context: u32,
        _accept: AcceptId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let ended = match self.ended {
            Some(ended) => ended,
            None => {
                let ended = self.lexer.state(&[(0, Exprs::EPSILON)], fuel)?;
                *self.ended.insert(ended)
            }
        };
        Ok(StateId(ended.0))
    }
}
