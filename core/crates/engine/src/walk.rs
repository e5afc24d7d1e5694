//! Automata as the trie sees them.

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState, StateId};
use structgen_vocab::{ByteWalker, NodeId, TokenId, TokenMask, TokenTrie};

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

    #[inline]
    fn live(&mut self, state: StateId) -> [u64; 4] {
        self.automaton.live_bytes(state).words()
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

    #[inline]
    fn live(&mut self, state: LexState) -> [u64; 4] {
        self.automaton.lex_live_bytes(state).words()
    }
}

/// Adds the tokens at and below `root` whose bytes keep `state` (the state *at* `root`) alive.
pub(crate) fn add_walked(
    mask: &mut TokenMask,
    trie: &TokenTrie,
    root: NodeId,
    state: StateId,
    automaton: &mut dyn ByteAutomaton,
    fuel: &mut Fuel,
) -> Result<(), AutomatonError> {
    add_wanted(mask, trie, root, state, automaton, fuel, |_| true)
}

/// The same on the ways below `root` that are `wanted`.
pub(crate) fn add_wanted(
    mask: &mut TokenMask,
    trie: &TokenTrie,
    root: NodeId,
    state: StateId,
    automaton: &mut dyn ByteAutomaton,
    fuel: &mut Fuel,
    wanted: impl Fn(NodeId) -> bool,
) -> Result<(), AutomatonError> {
    for &token in trie.tokens_at(root) {
        mask.insert(token);
    }
    let mut walker = Steps { automaton, fuel };
    trie.walk(root, state, &mut walker, |_, node, _| {
        for &token in trie.tokens_at(node) {
            mask.insert(token);
        }
        Ok(wanted(node))
    })
}

/// A state, or [`StateId::DEAD`] where the automaton is in doubt.
struct Sure<'a> {
    automaton: &'a mut dyn ByteAutomaton,
    fuel: &'a mut Fuel,
}

impl ByteWalker for Sure<'_> {
    type State = StateId;
    type Error = AutomatonError;

    fn step(&mut self, state: StateId, byte: u8) -> Result<Option<StateId>, AutomatonError> {
        self.fuel.spend(1)?;
        let next = self.automaton.step(state, byte, self.fuel)?;
        if self.automaton.take_doubt() {
            return Ok(Some(StateId::DEAD));
        }
        Ok((!next.is_dead()).then_some(next))
    }

    fn live(&mut self, state: StateId) -> [u64; 4] {
        self.automaton.live_bytes(state).words()
    }
}

/// [`add_walked`], but for what the automaton is in doubt about: such tokens go to `unsure`.
pub(crate) fn add_sure(
    mask: &mut TokenMask,
    trie: &TokenTrie,
    root: NodeId,
    state: StateId,
    automaton: &mut dyn ByteAutomaton,
    fuel: &mut Fuel,
    unsure: &mut Vec<TokenId>,
) -> Result<(), AutomatonError> {
    for &token in trie.tokens_at(root) {
        mask.insert(token);
    }
    let mut walker = Sure { automaton, fuel };
    trie.walk(root, state, &mut walker, |_, node, state| {
        if state.is_dead() {
            unsure.extend_from_slice(trie.tokens_below(node));
            return Ok(false);
        }
        for &token in trie.tokens_at(node) {
            mask.insert(token);
        }
        Ok(true)
    })
}
