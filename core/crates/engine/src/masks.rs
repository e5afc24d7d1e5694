//! From a state to the tokens that may follow it.
//!
//! The vocabulary's trie is walked with the automaton. Where a state is inside a lexeme, what the
//! vocabulary knows of that lexeme ([`crate::lexical`]) takes the place of the walk, at the root
//! and at every inner node with enough below it.

use std::sync::Arc;

use structgen_automaton::{
    AutomatonError, ByteAutomaton, EndKnowledge, Fuel, LEX_HORIZON, LexicalView, Resting, StateId,
};
use structgen_vocab::{NodeId, TokenMask, TokenTrie};

use crate::SharedVocabulary;
use crate::lexical::{LexicalEntry, Open};
use crate::resting::{Differences, resting_state};
use crate::walk::{Steps, add_walked};

/// A lexer state that cannot end here is worth an entry at the root if at least this many bytes
/// continue it: a narrow state (inside a literal, say) is walked faster than it is looked up. At
/// sixteen the first byte of any JSON value would do, and `grammars/json` took twice the time.
const WIDE: usize = 24;

/// The same for an inner node: of its children, with at least [`MANY`] tokens below it.
const WIDE_BELOW: usize = 12;
const MANY: usize = 128;

/// The same where texts matter, and a walk leaves a state at each node: the digits of a number are
/// worth it.
const WIDE_TEXTS: usize = 8;
const MANY_TEXTS: usize = 32;

/// Names that a lexeme may still become beyond which they are not looked at one by one.
const FEW_NAMES: usize = 1024;

/// Tokens below a node up to which it is worth to see whether the mask has one of them.
const FEW_TOKENS: usize = 4096;

/// How often a state may be "a lexeme that has ended before the token began" in a row.
const MAX_ENDED: u32 = 4;

/// Makes of `mask` the tokens whose bytes keep `state` alive (end tokens not included).
pub(crate) fn live_tokens(
    mask: &mut TokenMask,
    shared: &SharedVocabulary,
    automaton: &mut dyn ByteAutomaton,
    state: StateId,
    fuel: &mut Fuel,
) -> Result<(), AutomatonError> {
    mask.clear();
    Filling { shared, automaton, fuel, mask }.add_all(state, 0)
}

/// A mask that is being filled.
struct Filling<'a> {
    shared: &'a SharedVocabulary,
    automaton: &'a mut dyn ByteAutomaton,
    fuel: &'a mut Fuel,
    mask: &'a mut TokenMask,
}

impl Filling<'_> {
    fn trie(&self) -> &TokenTrie {
        self.shared.vocabulary.trie()
    }

    /// The lexical readings of `state`; none where it has to be walked.
    fn views(&mut self, state: StateId) -> Vec<LexicalView> {
        let mut views = Vec::new();
        // Entries are shared by what can be seen within the horizon.
        if self.trie().height() > LEX_HORIZON as usize
            || !self.automaton.lexical_views(state, &mut views)
        {
            views.clear();
        }
        views
    }

    /// Adds what `state` allows at the root.
    fn add_all(&mut self, state: StateId, ended: u32) -> Result<(), AutomatonError> {
        let views = if ended < MAX_ENDED { self.views(state) } else { Vec::new() };
        // Whether the mask is still empty.
        let fresh = ended == 0;
        if !self.any_wide(&views)? {
            return self.add_subtree(TokenTrie::ROOT, state, fresh);
        }
        self.add_views(TokenTrie::ROOT, state, views, fresh, ended)
    }

    /// Adds what `state` allows at `node`, below the root.
    fn add_below(
        &mut self,
        node: NodeId,
        state: StateId,
        ended: u32,
    ) -> Result<(), AutomatonError> {
        let views = if ended < MAX_ENDED { self.views(state) } else { Vec::new() };
        let trie = self.shared.vocabulary.trie();
        if !is_worth(trie, node, &views, self.automaton, self.fuel)? {
            return self.add_subtree(node, state, false);
        }
        self.add_views(node, state, views, false, ended)
    }

    /// Whether the mask has no token below `node`; false where there are many to look at.
    fn has_none_below(&self, node: NodeId) -> bool {
        let tokens = self.trie().tokens_strictly_below(node);
        tokens.len() <= FEW_TOKENS && !tokens.iter().any(|&token| self.mask.contains(token))
    }

    /// Adds the tokens at and below `root` that `views`, which are all readings of `state`, allow;
    /// `fresh` if the mask has none of them yet.
    fn add_views(
        &mut self,
        root: NodeId,
        state: StateId,
        views: Vec<LexicalView>,
        fresh: bool,
        ended: u32,
    ) -> Result<(), AutomatonError> {
        let alone = views.len() == 1 && (fresh || self.has_none_below(root));
        for view in views {
            let open = Open { root, state, view };
            self.add_lexeme(open, alone)?;
            self.add_ended(open, ended)?;
        }
        Ok(())
    }

    /// Adds the tokens that go on with the open lexeme, `alone` if nothing else has added any at
    /// or below its node: then it may be read as another one that is almost the same, and what
    /// that adds too much be taken out again.
    fn add_lexeme(&mut self, open: Open, alone: bool) -> Result<(), AutomatonError> {
        let LexicalView { lex, context } = open.view;
        if alone
            && let Some(Resting { lex, names }) = self.automaton.lex_resting(open.state, FEW_NAMES)
        {
            let entry = self.add_entry(Open { view: LexicalView { lex, context }, ..open })?;
            let (vocabulary, mask) = (&self.shared.vocabulary, &mut *self.mask);
            let (automaton, fuel) = (&mut *self.automaton, &mut *self.fuel);
            let found = Differences::of_names(vocabulary, &entry, open, &names, automaton, fuel)?;
            return found.correct(mask, vocabulary, open, automaton, fuel);
        }
        if alone
            && let Some(rest) = resting_state(self.automaton, lex, self.fuel)?
            && rest != lex
        {
            let trie = self.shared.vocabulary.trie();
            let pair = (lex, rest);
            let found = Differences::find(trie, open.root, pair, self.automaton, self.fuel)?;
            if let Some(differences) = found {
                self.add_entry(Open { view: LexicalView { lex: rest, context }, ..open })?;
                let (vocabulary, mask) = (&self.shared.vocabulary, &mut *self.mask);
                return differences.correct(mask, vocabulary, open, self.automaton, self.fuel);
            }
        }
        self.add_entry(open)?;
        Ok(())
    }

    fn add_entry(&mut self, open: Open) -> Result<Arc<LexicalEntry>, AutomatonError> {
        let SharedVocabulary { vocabulary, lexical } = self.shared;
        let entry = lexical.get(vocabulary, self.automaton, open.view.lex, open.root, self.fuel)?;
        let later = entry.add_to(&mut *self.mask, vocabulary, self.automaton, open, self.fuel)?;
        for (node, state) in later {
            self.add_below(node, state, 0)?;
        }
        Ok(entry)
    }

    /// Adds the tokens before whose first byte, from the root on, the lexeme has ended.
    fn add_ended(
        &mut self,
        Open { root, state, view: LexicalView { lex, context } }: Open,
        ended: u32,
    ) -> Result<(), AutomatonError> {
        let Some(accept) = self.automaton.lex_accept(lex) else { return Ok(()) };
        let knowledge = self.automaton.end_knowledge(context);
        self.automaton.take_doubt();
        let end = self.automaton.lex_end(context, accept, self.fuel)?;
        let known = knowledge != EndKnowledge::Unknown && !self.automaton.take_doubt();
        if known && end.is_dead() {
            return Ok(());
        }
        if knowledge == EndKnowledge::Exact && root == TokenTrie::ROOT {
            return self.add_all(end, ended + 1);
        }
        if knowledge == EndKnowledge::Exact {
            return self.add_below(root, end, ended + 1);
        }
        // `state` itself knows the text of the lexeme that ends here.
        let shared = self.shared;
        for (byte, child) in shared.vocabulary.trie().children(root) {
            if known
                && self.automaton.step(end, byte, self.fuel)?.is_dead()
                && !self.automaton.take_doubt()
            {
                continue;
            }
            let after = self.automaton.step(state, byte, self.fuel)?;
            if !after.is_dead() {
                self.add_subtree(child, after, false)?;
            }
        }
        Ok(())
    }

    /// Adds the tokens at and below `root` that keep `state`, the state at `root`, alive; `fresh`
    /// if the mask has none of them yet.
    fn add_subtree(
        &mut self,
        root: NodeId,
        state: StateId,
        fresh: bool,
    ) -> Result<(), AutomatonError> {
        let shared = self.shared;
        let trie = shared.vocabulary.trie();
        if trie.tokens_below(root).len() < MANY {
            return add_walked(&mut *self.mask, trie, root, state, self.automaton, self.fuel);
        }
        for &token in trie.tokens_at(root) {
            self.mask.insert(token);
        }
        // Subtrees that wait for their entries: the walk holds the automaton.
        let mut waiting: Vec<(NodeId, StateId, Vec<LexicalView>)> = Vec::new();
        let mut views = Vec::new();
        let mask = &mut *self.mask;
        let within_horizon = trie.height() <= LEX_HORIZON as usize;
        let mut walker = Steps { automaton: self.automaton, fuel: self.fuel };
        trie.walk(root, state, &mut walker, |walker, node, state| {
            for &token in trie.tokens_at(node) {
                mask.insert(token);
            }
            if !within_horizon
                || trie.places_below(node).len() < MANY_TEXTS
                || walker.automaton.live_bytes(state).len() < WIDE_TEXTS
            {
                return Ok(true);
            }
            views.clear();
            let wide = walker.automaton.lexical_views(state, &mut views)
                && is_worth(trie, node, &views, walker.automaton, walker.fuel)?;
            if wide {
                waiting.push((node, state, std::mem::take(&mut views)));
            }
            Ok(!wide)
        })?;
        for (node, state, views) in waiting {
            self.add_views(node, state, views, fresh, 0)?;
        }
        Ok(())
    }

    fn any_wide(&mut self, views: &[LexicalView]) -> Result<bool, AutomatonError> {
        for view in views {
            // Where the text matters, a walk leaves a state for each text that it tries.
            let exact = self.automaton.end_knowledge(view.context) == EndKnowledge::Exact;
            let wide = match (exact, self.automaton.lex_accept(view.lex)) {
                // It may end before the next byte or go on: digits, spaces. A walk would leave a
                // state for each number of them.
                (true, Some(_)) => 1,
                (true, None) => WIDE,
                (false, _) => WIDE_BELOW,
            };
            let bytes = self.automaton.lex_live_bytes(view.lex);
            if bytes.len() < wide {
                continue;
            }
            let mut live = 0;
            for byte in bytes.iter() {
                let next = self.automaton.lex_step(view.lex, byte, self.fuel)?;
                live += usize::from(!next.is_dead());
                if live >= wide {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Whether entries for `views`, below the root, are worth more than to walk.
fn is_worth(
    trie: &TokenTrie,
    node: NodeId,
    views: &[LexicalView],
    automaton: &mut dyn ByteAutomaton,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    let below = trie.places_below(node).len();
    let mut wide = false;
    for view in views {
        let (many, enough) = match automaton.end_knowledge(view.context) {
            EndKnowledge::Unknown => return Ok(false),
            EndKnowledge::Exact => (MANY, WIDE_BELOW),
            EndKnowledge::Doubtful | EndKnowledge::Distinct => (MANY_TEXTS, WIDE_TEXTS),
        };
        if below < many {
            return Ok(false);
        }
        if automaton.lex_live_bytes(view.lex).len() < enough {
            continue;
        }
        let mut live = 0;
        for (byte, _) in trie.children(node) {
            let next = automaton.lex_step(view.lex, byte, fuel)?;
            live += usize::from(!next.is_dead());
        }
        wide |= live >= enough;
    }
    Ok(wide)
}
