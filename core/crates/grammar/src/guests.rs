//! Lexical views of nested automata, renamed so that they can stand beside our own: lexer
//! states, accepted lexemes and contexts of guests are numbered here, with a mark.

use rustc_hash::FxHashMap;
use structgen_automaton::{AcceptId, AutomatonError, ByteAutomaton, LexState};

use crate::limits::check;
use crate::sets::SetId;

/// Set in the ids of guests, never in our own.
const GUEST: u32 = 1 << 31;

/// A lexer state of the automaton of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GuestLex {
    pub terminal: u32,
    pub lex: LexState,
}

/// A context of the automaton of a terminal, and the set after that terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GuestContext {
    pub terminal: u32,
    pub context: u32,
    pub after: SetId,
}

/// Everything of guests that has been shown to the outside.
pub(crate) struct Guests {
    lexers: Vec<(GuestLex, Option<AcceptId>)>,
    lex_ids: FxHashMap<GuestLex, u32>,
    accepts: Vec<(u32, AcceptId)>,
    accept_ids: FxHashMap<(u32, AcceptId), u32>,
    contexts: Vec<GuestContext>,
    context_ids: FxHashMap<GuestContext, u32>,
    max_states: u64,
}

impl Guests {
    pub fn new(max_states: u32) -> Self {
        Guests {
            lexers: Vec::new(),
            lex_ids: FxHashMap::default(),
            accepts: Vec::new(),
            accept_ids: FxHashMap::default(),
            contexts: Vec::new(),
            context_ids: FxHashMap::default(),
            max_states: max_states.min(GUEST >> 1).into(),
        }
    }

    pub fn bytes(&self) -> usize {
        self.lexers.len() * 40 + self.accepts.len() * 24 + self.contexts.len() * 40
    }

    /// The name of `lex`, a live state of the automaton of `terminal`.
    pub fn name_lex(
        &mut self,
        automaton: &dyn ByteAutomaton,
        guest: GuestLex,
    ) -> Result<LexState, AutomatonError> {
        if let Some(known) = self.lex_ids.get(&guest) {
            return Ok(LexState(*known));
        }
        check("max_states", self.lexers.len() as u64 + 1, self.max_states)?;
        let accept = automaton.lex_accept(guest.lex).map(|a| self.name_accept(guest.terminal, a));
        let id = GUEST | self.lexers.len() as u32;
        self.lexers.push((guest, accept));
        self.lex_ids.insert(guest, id);
        Ok(LexState(id))
    }

    fn name_accept(&mut self, terminal: u32, accept: AcceptId) -> AcceptId {
        let next = GUEST | self.accepts.len() as u32;
        let id = *self.accept_ids.entry((terminal, accept)).or_insert(next);
        if id == next {
            self.accepts.push((terminal, accept));
        }
        AcceptId(id)
    }

    /// The number of a context.
    pub fn name_context(&mut self, context: GuestContext) -> Result<u32, AutomatonError> {
        if let Some(known) = self.context_ids.get(&context) {
            return Ok(*known);
        }
        check("max_states", self.contexts.len() as u64 + 1, self.max_states)?;
        let id = self.contexts.len() as u32;
        self.contexts.push(context);
        self.context_ids.insert(context, id);
        Ok(id)
    }

    /// Whose `lex` is, and how it may end; `None` if it is our own.
    #[inline]
    pub fn lex(&self, lex: LexState) -> Option<(GuestLex, Option<AcceptId>)> {
        if lex.0 & GUEST == 0 { None } else { self.lexers.get((lex.0 & !GUEST) as usize).copied() }
    }

    /// The terminal and its own name for `accept`; `None` if it is not of a guest.
    pub fn accept(&self, accept: AcceptId) -> Option<(u32, AcceptId)> {
        if accept.0 & GUEST == 0 {
            None
        } else {
            self.accepts.get((accept.0 & !GUEST) as usize).copied()
        }
    }

    /// The context with this number.
    pub fn context(&self, number: u32) -> Option<GuestContext> {
        self.contexts.get(number as usize).copied()
    }
}
