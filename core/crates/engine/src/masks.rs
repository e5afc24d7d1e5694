//! From a state to the tokens that may follow it.
//!
//! The vocabulary's trie is walked with the automaton. Where a state is inside a lexeme, what the
//! vocabulary knows of that lexeme ([`crate::lexical`]) takes the place of the walk, at the root
//! and at every inner node with enough below it.

use structgen_automaton::{
    AutomatonError, ByteAutomaton, EndKnowledge, Fuel, LEX_HORIZON, LexState, LexicalView, StateId,
};
use structgen_vocab::{NodeId, TokenMask, TokenTrie};

use crate::SharedVocabulary;
use crate::lexical::Open;
use crate::walk::{Steps, add_walked};

/// A lexer state that cannot end here is worth an entry at the root if at least this many bytes
/// continue it: a narrow state (inside a literal, say) is walked faster than it is looked up.
const WIDE: usize = 32;

/// The same for an inner node: of its children, with at least [`MANY`] tokens below it.
const WIDE_BELOW: usize = 12;
const MANY: usize = 128;

/// The same where texts matter, and a walk leaves a state at each node: the digits of a number are
/// worth it.
const WIDE_TEXTS: usize = 8;
const MANY_TEXTS: usize = 32;

/// Trie nodes at which a state may differ from the one that it is almost.
const FEW: usize = 2048;

/// How often a state may be "a lexeme that has ended before the token began" in a row.
const MAX_ENDED: u32 = 4;

/// The tokens whose bytes keep `state` alive (end tokens not included).
pub(crate) fn live_tokens(
    shared: &SharedVocabulary,
    automaton: &mut dyn ByteAutomaton,
    state: StateId,
    fuel: &mut Fuel,
) -> Result<TokenMask, AutomatonError> {
    let mask = TokenMask::none(shared.vocabulary.size());
    let mut filling = Filling { shared, automaton, fuel, mask };
    filling.add_all(state, 0)?;
    Ok(filling.mask)
}

/// A mask that is being filled.
struct Filling<'a> {
    shared: &'a SharedVocabulary,
    automaton: &'a mut dyn ByteAutomaton,
    fuel: &'a mut Fuel,
    mask: TokenMask,
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
        if !self.any_wide(&views)? {
            return self.add_subtree(TokenTrie::ROOT, state);
        }
        if let [LexicalView { lex, context }] = views[..]
            && ended == 0
            && let Some(rest) = self.resting_state(lex)?
            && rest != lex
            && self.differ_little(lex, rest)?
        {
            let root = TokenTrie::ROOT;
            self.add_entry(Open { root, state, view: LexicalView { lex: rest, context } })?;
            self.correct(state, lex, rest)?;
            return self.add_ended(Open { root, state, view: views[0] }, ended);
        }
        for view in views {
            let open = Open { root: TokenTrie::ROOT, state, view };
            self.add_entry(open)?;
            self.add_ended(open, ended)?;
        }
        Ok(())
    }

    fn add_entry(&mut self, open: Open) -> Result<(), AutomatonError> {
        let SharedVocabulary { vocabulary, lexical } = self.shared;
        let entry = lexical.get(vocabulary, self.automaton, open.view.lex, open.root, self.fuel)?;
        entry.add_to(&mut self.mask, vocabulary, self.automaton, open, self.fuel)
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
            let trie = self.shared.vocabulary.trie();
            return add_walked(&mut self.mask, trie, root, end, self.automaton, self.fuel);
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
                self.add_subtree(child, after)?;
            }
        }
        Ok(())
    }

    /// Adds the tokens at and below `root` that keep `state`, the state at `root`, alive.
    fn add_subtree(&mut self, root: NodeId, state: StateId) -> Result<(), AutomatonError> {
        let shared = self.shared;
        let trie = shared.vocabulary.trie();
        if trie.tokens_below(root).len() < MANY {
            return add_walked(&mut self.mask, trie, root, state, self.automaton, self.fuel);
        }
        for &token in trie.tokens_at(root) {
            self.mask.insert(token);
        }
        // Subtrees that wait for their entries: the walk holds the automaton.
        let mut waiting: Vec<(NodeId, StateId, Vec<LexicalView>)> = Vec::new();
        let mask = &mut self.mask;
        let within_horizon = trie.height() <= LEX_HORIZON as usize;
        let mut walker = Steps { automaton: self.automaton, fuel: self.fuel };
        trie.walk(root, state, &mut walker, &mut Vec::new(), |walker, node, state| {
            for &token in trie.tokens_at(node) {
                mask.insert(token);
            }
            let below = trie.tokens_strictly_below(node).len();
            if !within_horizon || below < MANY_TEXTS {
                return Ok(true);
            }
            let mut views = Vec::new();
            if !walker.automaton.lexical_views(state, &mut views) {
                return Ok(true);
            }
            let mut wide = false;
            for view in &views {
                let (many, enough) = match walker.automaton.end_knowledge(view.context) {
                    EndKnowledge::Unknown => return Ok(true),
                    EndKnowledge::Exact => (MANY, WIDE_BELOW),
                    EndKnowledge::Doubtful | EndKnowledge::Distinct => (MANY_TEXTS, WIDE_TEXTS),
                };
                if below < many {
                    return Ok(true);
                }
                let mut live = 0;
                for (byte, _) in trie.children(node) {
                    let next = walker.automaton.lex_step(view.lex, byte, walker.fuel)?;
                    live += usize::from(!next.is_dead());
                }
                wide |= live >= enough;
            }
            if wide {
                waiting.push((node, state, views));
            }
            Ok(!wide)
        })?;
        for (node, state, views) in waiting {
            for view in views {
                let open = Open { root: node, state, view };
                self.add_entry(open)?;
                self.add_ended(open, 0)?;
            }
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
            let mut live = 0;
            for byte in 0..=u8::MAX {
                let next = self.automaton.lex_step(view.lex, byte, self.fuel)?;
                live += usize::from(!next.is_dead());
                if live >= wide {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    // -- almost another state -------------------------------------------------------------

    /// The state into which `lex` falls when nothing special is read, if there is one.
    ///
    /// Many states are almost another one: inside a key that may still become one of the
    /// schema's own, almost every token leads to where any key goes. Such a *resting* state
    /// comes back to itself after a character.
    fn resting_state(&mut self, lex: LexState) -> Result<Option<LexState>, AutomatonError> {
        let (automaton, fuel) = (&mut *self.automaton, &mut *self.fuel);
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

    /// Whether [`Filling::correct`] has only few nodes to look at. Each of them leaves a state
    /// where texts matter, and an entry of `lex` itself serves again.
    fn differ_little(&mut self, lex: LexState, rest: LexState) -> Result<bool, AutomatonError> {
        let trie = self.shared.vocabulary.trie();
        let (automaton, fuel) = (&mut *self.automaton, &mut *self.fuel);
        let mut stack = vec![(lex, rest)];
        let mut left = FEW;
        let mut node = TokenTrie::ROOT + 1;
        while node < trie.end(TokenTrie::ROOT) {
            let level = trie.depth(node);
            let byte = trie.byte(node);
            fuel.spend(1)?;
            let mut step = |lex: LexState| {
                if lex.is_dead() { Ok(lex) } else { automaton.lex_step(lex, byte, fuel) }
            };
            let (lex, rest) = stack[level - 1];
            let (lex, rest) = (step(lex)?, step(rest)?);
            if lex == rest || lex.is_dead() {
                node = trie.end(node);
                continue;
            }
            left -= 1;
            if left == 0 {
                return Ok(false);
            }
            stack.truncate(level);
            stack.push((lex, rest));
            node += 1;
        }
        Ok(true)
    }

    /// Judges anew the tokens that tell `lex` from `rest`, where the mask holds what `state`
    /// would allow if its lexer were in `rest`.
    ///
    /// The trie is walked with both lexer states and with `state`. Where both have come to the
    /// same, and have accepted the same on the way, so will everything below. Elsewhere the
    /// bits are those of `state`.
    fn correct(
        &mut self,
        state: StateId,
        lex: LexState,
        rest: LexState,
    ) -> Result<(), AutomatonError> {
        #[derive(Clone, Copy)]
        struct Place {
            state: StateId,
            lex: LexState,
            rest: LexState,
            /// The two have accepted different lexemes above.
            apart: bool,
        }
        let trie = self.shared.vocabulary.trie();
        let (automaton, fuel, mask) = (&mut *self.automaton, &mut *self.fuel, &mut self.mask);
        let mut stack = vec![Place { state, lex, rest, apart: false }];
        let mut node = TokenTrie::ROOT + 1;
        let end = trie.end(TokenTrie::ROOT);
        while node < end {
            let level = trie.depth(node);
            let byte = trie.byte(node);
            let above = stack[level - 1];
            fuel.spend(1)?;
            let mut step = |lex: LexState, fuel: &mut Fuel| {
                if lex.is_dead() { Ok(lex) } else { automaton.lex_step(lex, byte, fuel) }
            };
            let lex = step(above.lex, fuel)?;
            let rest = step(above.rest, fuel)?;
            if lex == rest && !above.apart {
                node = trie.end(node);
                continue;
            }
            let state = automaton.step(above.state, byte, fuel)?;
            if state.is_dead() {
                for &token in trie.tokens_below(node) {
                    mask.remove(token);
                }
                node = trie.end(node);
                continue;
            }
            for &token in trie.tokens_at(node) {
                mask.insert(token);
            }
            let accept =
                |lex: LexState| if lex.is_dead() { None } else { automaton.lex_accept(lex) };
            let apart = above.apart || accept(lex) != accept(rest);
            stack.truncate(level);
            stack.push(Place { state, lex, rest, apart });
            node += 1;
        }
        Ok(())
    }
}

/// Characters that no key of a schema is likely to go on with, all of which a free text takes.
const PROBES: [u8; 3] = *b"~^|";
