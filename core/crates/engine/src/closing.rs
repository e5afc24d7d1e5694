//! How many tokens it takes to end a text: a bound from below, and often the best way.
//!
//! A breadth-first search over positions, one token at a time. All positions that `k` tokens can
//! lead to are looked at before any that needs `k + 1`; so whenever the search stops, every
//! completion is known to take as many tokens as levels were finished without finding one. Where
//! it ends by itself the answer is exact, and the tokens are at hand.

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, StateId};
use structgen_vocab::{TokenId, TokenTrie, Vocabulary};

use crate::walk::Steps;

/// What is known of the tokens to the end of a text, the end token not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// No completion takes fewer tokens; `u32::MAX` if there is none at all.
    pub at_least: u32,
    /// A completion of exactly that many tokens, if the search came to one.
    pub tokens: Option<Vec<TokenId>>,
}

/// Why a walk over the trie ends before its end.
enum Halt {
    /// The effort is spent.
    Tired,
    Failed(AutomatonError),
}

impl From<AutomatonError> for Halt {
    fn from(error: AutomatonError) -> Self {
        Halt::Failed(error)
    }
}

/// Searches from `start`, within `effort` steps of the automaton.
pub(crate) fn search(
    vocabulary: &Vocabulary,
    automaton: &mut dyn ByteAutomaton,
    start: StateId,
    effort: u64,
    fuel: &mut Fuel,
) -> Result<Closing, AutomatonError> {
    if automaton.is_accepting(start, fuel)? {
        return Ok(Closing { at_least: 0, tokens: Some(Vec::new()) });
    }
    let mut from: FxHashMap<StateId, (StateId, TokenId)> = FxHashMap::default();
    let mut level = vec![start];
    let mut left = effort;
    let mut depth = 0;
    while !level.is_empty() {
        // No position of this level is the end: it takes one more token at least.
        depth += 1;
        let mut next = Vec::new();
        for &state in &level {
            match expand(vocabulary, automaton, start, state, &mut from, &mut next, &mut left, fuel)
            {
                Ok(None) => {}
                Ok(Some(end)) => {
                    let tokens = path(&from, start, end);
                    // An end token inside a text that is not over yet: nobody plans that.
                    let plain = !tokens.iter().any(|token| vocabulary.is_eos(*token));
                    return Ok(Closing { at_least: depth, tokens: plain.then_some(tokens) });
                }
                Err(Halt::Tired) => return Ok(Closing { at_least: depth, tokens: None }),
                Err(Halt::Failed(error)) => return Err(error),
            }
        }
        level = next;
    }
    // No way leads to an end: a dead end of a superset automaton.
    Ok(Closing { at_least: u32::MAX, tokens: None })
}

/// Adds to `next` the positions one token after `state` that are new; returns one that is
/// complete.
#[allow(clippy::too_many_arguments)] // the parts of the search
fn expand(
    vocabulary: &Vocabulary,
    automaton: &mut dyn ByteAutomaton,
    start: StateId,
    state: StateId,
    from: &mut FxHashMap<StateId, (StateId, TokenId)>,
    next: &mut Vec<StateId>,
    left: &mut u64,
    fuel: &mut Fuel,
) -> Result<Option<StateId>, Halt> {
    let trie = vocabulary.trie();
    let mut end = None;
    let live = automaton.live_bytes(state);
    for (byte, child) in trie.children(TokenTrie::ROOT) {
        if !live.contains(byte) {
            continue;
        }
        *left = left.checked_sub(1).ok_or(Halt::Tired)?;
        let first = automaton.step(state, byte, fuel)?;
        if first.is_dead() {
            continue;
        }
        let mut walker = Effort { steps: Steps { automaton, fuel }, left };
        let mut visit = |walker: &mut Effort<'_>, node, at: StateId| {
            let Some(&token) = trie.tokens_at(node).first() else { return Ok(true) };
            if at != start && !from.contains_key(&at) {
                from.insert(at, (state, token));
                next.push(at);
                let Steps { automaton, fuel } = &mut walker.steps;
                if automaton.is_accepting(at, fuel)? {
                    end = Some(at);
                }
            }
            Ok(end.is_none())
        };
        if visit(&mut walker, child, first)? {
            trie.walk(child, first, &mut walker, visit)?;
        }
        if end.is_some() {
            break;
        }
    }
    Ok(end)
}

/// The tokens from `start` to `end`.
fn path(
    from: &FxHashMap<StateId, (StateId, TokenId)>,
    start: StateId,
    end: StateId,
) -> Vec<TokenId> {
    let mut tokens = Vec::new();
    let mut at = end;
    while at != start
        && let Some(&(before, token)) = from.get(&at)
    {
        tokens.push(token);
        at = before;
    }
    tokens.reverse();
    tokens
}

/// Steps that are counted.
struct Effort<'a> {
    steps: Steps<'a>,
    left: &'a mut u64,
}

impl structgen_vocab::ByteWalker for Effort<'_> {
    type State = StateId;
    type Error = Halt;

    #[inline]
    fn step(&mut self, state: StateId, byte: u8) -> Result<Option<StateId>, Halt> {
        *self.left = self.left.checked_sub(1).ok_or(Halt::Tired)?;
        Ok(self.steps.step(state, byte)?)
    }

    #[inline]
    fn live(&mut self, state: StateId) -> [u64; 4] {
        self.steps.live(state)
    }
}
