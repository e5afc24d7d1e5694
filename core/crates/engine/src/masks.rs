//! From a state to the tokens that may follow it.

use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LEX_HORIZON, LexicalView, StateId};
use structgen_vocab::{TokenMask, TokenTrie};

use crate::SharedVocabulary;
use crate::lexical::add_subtree;

/// A lexer state is worth a shared entry if at least this many bytes continue it: a narrow
/// state (inside a literal, say) is walked faster than it is looked up.
const WIDE: usize = 32;

/// How often a state may be "a lexeme that has ended before the token began" in a row.
const MAX_ENDED: u32 = 4;

/// The tokens whose bytes keep `state` alive (end tokens not included).
pub(crate) fn live_tokens(
    vocabulary: &SharedVocabulary,
    automaton: &mut dyn ByteAutomaton,
    state: StateId,
    fuel: &mut Fuel,
) -> Result<TokenMask, AutomatonError> {
    let mut mask = TokenMask::none(vocabulary.vocabulary.size());
    add_live(&mut mask, vocabulary, automaton, state, 0, fuel)?;
    Ok(mask)
}

fn add_live(
    mask: &mut TokenMask,
    shared: &SharedVocabulary,
    automaton: &mut dyn ByteAutomaton,
    state: StateId,
    ended: u32,
    fuel: &mut Fuel,
) -> Result<(), AutomatonError> {
    let vocabulary = &shared.vocabulary;
    let mut views: Vec<LexicalView> = Vec::new();
    // Entries are shared by what can be seen within the horizon.
    if ended >= MAX_ENDED
        || vocabulary.trie().height() > LEX_HORIZON as usize
        || !automaton.lexical_views(state, &mut views)
        || !any_wide(automaton, &views, fuel)?
    {
        return add_subtree(mask, vocabulary.trie(), TokenTrie::ROOT, state, automaton, fuel);
    }
    for LexicalView { lex, context } in views {
        let entry = shared.lexical.get(vocabulary, automaton, lex, fuel)?;
        entry.add_to(mask, vocabulary, automaton, state, lex, context, fuel)?;
        let Some(accept) = automaton.lex_accept(lex) else { continue };
        let end = automaton.lex_end(context, accept, fuel)?;
        if end.is_dead() {
            continue;
        }
        if automaton.lex_end_is_exact(context) {
            add_live(mask, shared, automaton, end, ended + 1, fuel)?;
        } else {
            add_after_end(mask, shared, automaton, state, end, fuel)?;
        }
    }
    Ok(())
}

/// Adds the tokens that begin with a byte that `end` takes, walked from `state` itself, which
/// knows the text of the lexeme that ends there.
fn add_after_end(
    mask: &mut TokenMask,
    shared: &SharedVocabulary,
    automaton: &mut dyn ByteAutomaton,
    state: StateId,
    end: StateId,
    fuel: &mut Fuel,
) -> Result<(), AutomatonError> {
    let trie = shared.vocabulary.trie();
    for (byte, child) in trie.children(TokenTrie::ROOT) {
        if automaton.step(end, byte, fuel)?.is_dead() {
            continue;
        }
        let after = automaton.step(state, byte, fuel)?;
        if !after.is_dead() {
            add_subtree(mask, trie, child, after, automaton, fuel)?;
        }
    }
    Ok(())
}

fn any_wide(
    automaton: &mut dyn ByteAutomaton,
    views: &[LexicalView],
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    for view in views {
        let mut live = 0;
        for byte in 0..=u8::MAX {
            live += usize::from(!automaton.lex_step(view.lex, byte, fuel)?.is_dead());
        }
        if live >= WIDE {
            return Ok(true);
        }
    }
    Ok(false)
}
