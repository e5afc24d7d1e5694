//! The walk of a lexer state over the trie.

use rustc_hash::FxHashMap;
use structgen_automaton::{AcceptId, AutomatonError, ByteAutomaton, Fuel, LexState};
use structgen_vocab::{CharGroups, NodeId, Vocabulary};

use super::loops::Loops;
use super::ranges::Ranges;
use crate::walk::LexSteps;

/// Tokens below a node from which on alternatives are looked at one by one: each has to be made a
/// state of its own first.
const WORTH_ALTERNATIVES: usize = 8;

/// Bytes by which a lexeme may go on below which others are not looked at, and below which no group
/// of characters can be told as a whole.
const NARROW_BYTES: usize = 64;
const FEW_BYTES: usize = 8;

/// What a walk with a lexer state finds.
pub(super) struct Found {
    /// Tokens that leave the lexeme open, by their places.
    pub(super) inside: Ranges,
    /// Where lexemes may end.
    pub(super) ends: Vec<(AcceptId, Ranges)>,
}

impl Found {
    /// Walks `lex` from `root` on the ways to tokens of more than `least` bytes; of others, some
    /// may be found or not.
    pub(super) fn beyond(
        least: usize,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        root: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let narrow = least == 0 && automaton.lex_live_bytes(lex).len() < NARROW_BYTES;
        let walk = if narrow { Found::walk::<true> } else { Found::walk::<false> };
        walk(least, vocabulary, automaton, lex, root, fuel)
    }

    /// The same, looking at bytes that may live alone if `NARROW`.
    fn walk<const NARROW: bool>(
        least: usize,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        root: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let trie = vocabulary.trie();
        let mut inside = Ranges::default();
        let mut ends: Vec<(AcceptId, Ranges)> = Vec::new();
        let mut ends_of: FxHashMap<AcceptId, usize> = FxHashMap::default();
        let mut loops = Loops::default();
        let mut may_go_on: FxHashMap<LexState, bool> = FxHashMap::default();
        // Of the state seen last, mostly the next one too: where its ends go, and whether it is
        // open.
        let mut seen: (LexState, Option<usize>, bool) = (LexState::DEAD, None, false);
        let mut walker = LexSteps { automaton, fuel };
        let visit = |walker: &mut LexSteps, node: NodeId, state: LexState| {
            if seen.0 != state {
                // A lexeme that has ended, and cannot go on, is not open: whether its end is good
                // is for what follows to say.
                let accept = walker.automaton.lex_accept(state);
                let open = match (accept, may_go_on.get(&state)) {
                    (None, _) => true,
                    (_, Some(&known)) => known,
                    _ => {
                        let known = goes_on(walker.automaton, state, walker.fuel)?;
                        may_go_on.insert(state, known);
                        known
                    }
                };
                let end = accept.map(|accept| {
                    *ends_of.entry(accept).or_insert_with(|| {
                        ends.push((accept, Ranges::default()));
                        ends.len() - 1
                    })
                });
                seen = (state, end, open);
            }
            let (_, end, open) = seen;
            let far = trie.depth(node) > least;
            if let Some(end) = end.filter(|_| far) {
                ends[end].1.add(node..node + 1);
            }
            if open && far {
                inside.add(trie.places_at(node));
            }
            let below = trie.places_below(node);
            let groups = trie.groups_below(node);
            if below.is_empty() || CharGroups::OTHER.within(groups) {
                return Ok(true);
            }
            let (height, tokens) = (trie.height_below(node) as u32, below.len());
            let LexSteps { automaton, fuel } = walker;
            if NARROW && automaton.lex_live_bytes(state).len() < FEW_BYTES {
                return Ok(true);
            }
            let at_sight = loops.idle_bytes(*automaton, state, groups, fuel)?;
            // What is left of a string near its limit: tokens are in or out by their length.
            if at_sight > 0
                && at_sight < height
                && let Some(room) = loops.room(*automaton, state)
            {
                let before = u32::from(trie.chars(node));
                let lengths = trie.chars_in(below.clone());
                for (place, &length) in below.zip(lengths) {
                    if u32::from(length) - before <= room {
                        inside.add(place..place + 1);
                    }
                }
                return Ok(false);
            }
            // Where any characters do for a while, some characters hardly do for longer.
            let idle = at_sight >= height
                || (at_sight == 0
                    && (loops.hold(*automaton, state, groups, height, tokens, fuel)?
                        || (tokens >= WORTH_ALTERNATIVES
                            && loops
                                .any_holds(*automaton, state, groups, height, tokens, fuel)?)));
            if idle {
                inside.add(below);
                return Ok(false);
            }
            // Or it may end everywhere.
            if let Some(end) = end.filter(|_| groups.within(CharGroups::ASCII_COMPLETE))
                && loops.stay(walker.automaton, state, groups, walker.fuel)?
            {
                inside.add(below);
                ends[end].1.add(node + 1..trie.end(node));
                return Ok(false);
            }
            Ok(true)
        };
        match NARROW {
            true => trie.walk(root, lex, &mut walker, visit)?,
            false => trie.walk_beyond(least, root, lex, &mut walker, visit)?,
        }
        Ok(Found { inside, ends })
    }
}

/// Whether some byte continues the lexeme.
fn goes_on(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    let live = automaton.lex_live_bytes(lex);
    for byte in live.iter() {
        if !automaton.lex_step(lex, byte, fuel)?.is_dead() {
            return Ok(true);
        }
    }
    Ok(false)
}
