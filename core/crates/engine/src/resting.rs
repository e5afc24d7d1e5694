//! States that are almost another one.
//!
//! Inside a key that may still become one of the schema's own, almost every token leads to where
//! any key goes. Such a *resting* state comes back to itself after a character, and is the same in
//! every schema: the vocabulary knows its entry. What is left are the few nodes of the trie where
//! the two differ. Some automata know these: only where one of some names ends. For others the
//! trie is walked with both states.

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState};
use structgen_vocab::{NodeId, TokenMask, TokenTrie, Vocabulary};

use crate::lexical::{LexicalEntry, Open, path_between};
use crate::walk::add_walked;

/// Trie nodes at which a state may differ from the one that it is almost.
const FEW: usize = 2048;

/// Characters that no key of a schema is likely to go on with, all of which a free text takes.
const PROBES: [u8; 3] = *b"~^|";

/// The state into which `lex` falls when nothing special is read, if there is one.
pub(crate) fn resting_state(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    fuel: &mut Fuel,
) -> Result<Option<LexState>, AutomatonError> {
    let rest = automaton.lex_step(lex, PROBES[0], fuel)?;
    if rest.is_dead() {
        return Ok(None);
    }
    for byte in PROBES {
        if automaton.lex_step(lex, byte, fuel)? != rest
            || automaton.lex_step(rest, byte, fuel)? != rest
        {
            return Ok(None);
        }
    }
    Ok(Some(rest))
}

/// Where, below a node, a lexer state differs from its resting state.
pub(crate) struct Differences(Vec<(NodeId, Difference)>);

#[derive(Clone, Copy)]
enum Difference {
    /// The lexeme is still open, in another state.
    Open,
    /// It cannot go on here.
    Dead,
    /// It may end here.
    Ended,
}

impl Differences {
    /// The differences of `lex` and `rest`, both at `root`; `None` if there are too many. Where
    /// both have come to the same, so will everything below.
    pub(crate) fn find(
        trie: &TokenTrie,
        root: NodeId,
        (lex, rest): (LexState, LexState),
        automaton: &mut dyn ByteAutomaton,
        fuel: &mut Fuel,
    ) -> Result<Option<Self>, AutomatonError> {
        let base = trie.depth(root);
        let mut stack = vec![(lex, rest)];
        let mut found = Vec::new();
        let mut node = root + 1;
        while node < trie.end(root) {
            let level = trie.depth(node) - base;
            let byte = trie.byte(node);
            fuel.spend(1)?;
            let (lex, rest) = stack[level - 1];
            let lex = automaton.lex_step(lex, byte, fuel)?;
            let rest = match rest.is_dead() {
                true => rest,
                false => automaton.lex_step(rest, byte, fuel)?,
            };
            if lex == rest {
                node = trie.end(node);
                continue;
            }
            if found.len() == FEW {
                return Ok(None);
            }
            let ends = |lex: LexState| !lex.is_dead() && automaton.lex_accept(lex).is_some();
            if ends(lex) || ends(rest) {
                found.push((node, Difference::Ended));
                node = trie.end(node);
            } else if lex.is_dead() {
                found.push((node, Difference::Dead));
                node = trie.end(node);
            } else {
                found.push((node, Difference::Open));
                stack.truncate(level);
                stack.push((lex, rest));
                node += 1;
            }
        }
        Ok(Some(Differences(found)))
    }

    /// Where texts that are meant by name end below `open.root`, which otherwise goes on as `entry`
    /// says.
    pub(crate) fn of_names(
        vocabulary: &Vocabulary,
        entry: &LexicalEntry,
        open: Open,
        names: &[Vec<u8>],
        automaton: &mut dyn ByteAutomaton,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let trie = vocabulary.trie();
        let mut found = Vec::new();
        for name in names {
            fuel.spend(1)?;
            found.extend(trie.descend(open.root, name));
        }
        for node in entry.odd_ends(vocabulary, open.root) {
            fuel.spend(1)?;
            if automaton.lex_names(open.state, &path_between(vocabulary, open.root, node)) {
                found.push(node);
            }
        }
        Ok(Differences(found.into_iter().map(|node| (node, Difference::Ended)).collect()))
    }

    /// Judges anew the tokens below `open.root` that tell the two apart, where the mask holds what
    /// `open` would allow if its lexer were in the resting state.
    ///
    /// A lexeme that is open has a completion, whatever its state. Only where it ends does it
    /// matter which it is; there the bits are those of `open.state`.
    pub(crate) fn correct(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        open: Open,
        automaton: &mut dyn ByteAutomaton,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let trie = vocabulary.trie();
        for &(node, difference) in &self.0 {
            fuel.spend(1)?;
            if matches!(difference, Difference::Open) {
                trie.tokens_at(node).iter().for_each(|&token| mask.insert(token));
                continue;
            }
            trie.tokens_below(node).iter().for_each(|&token| mask.remove(token));
            if matches!(difference, Difference::Ended) {
                let at = open.at(vocabulary, automaton, node, fuel)?;
                if !at.is_dead() {
                    add_walked(mask, trie, node, at, automaton, fuel)?;
                }
            }
        }
        Ok(())
    }
}
