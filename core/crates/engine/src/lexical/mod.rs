//! What a vocabulary knows about a lexer state, whoever asks.
//!
//! For a lexer state `q` every token falls into one or both of two classes: it *stays inside*
//! the lexeme, or the lexeme *may end* after some of its bytes and the rest of the token has to
//! be read by what follows. The first is a mask. The second is kept as trie nodes where the
//! lexeme may end, by the first byte of the rest, so that a constraint that goes on with `,`
//! never looks at the others; their rests are merged into one trie when first wanted.
//!
//! An entry depends on `q`'s fingerprint alone and is shared by all constraints of the
//! vocabulary.
//!
//! Entries are also kept for inner nodes of the trie, where a token brings a lexeme's beginning
//! after something else: `": "` and the first letters of a string. Then "a token" is what is left
//! of it below that node.
//!
//! Most of a walk would be spent where nothing happens: letters upon letters inside a string.
//! [`Loops`] tell where a lexer state does nothing else for whole subtrees.

mod cache;
mod exit;
mod found;
mod loops;
mod ranges;
mod rests;
mod store;
mod token_set;

pub(crate) use cache::LexicalCache;
pub(crate) use store::Saved;

use std::sync::{Arc, OnceLock};

use structgen_automaton::{
    AutomatonError, ByteAutomaton, EndKnowledge, Fuel, LEX_NEAR_HORIZON, LexState, LexicalView,
    StateId,
};
use structgen_vocab::{NodeId, TokenId, TokenMask, TokenTrie, Vocabulary};

use crate::walk::add_wanted;
use exit::{After, Exit, MAX_PLACES, Unsure, Walk};
use found::Found;
use ranges::Ranges;
use rests::{Asked, Rest};
use token_set::TokenSet;

/// Tokens of rests beyond which the state itself is walked: that looks at each token once.
const MAX_APART: usize = 1 << 13;

/// The classes of tokens for one lexer state.
pub(crate) struct LexicalEntry {
    /// Tokens that leave the lexeme open, with a completion.
    inside: TokenSet,
    /// Ways in which the lexeme may end inside or at the end of a token.
    exits: Vec<Arc<Exit>>,
    /// Which tokens are asked for after an exit; found when first wanted.
    asked: OnceLock<Arc<Asked>>,
    bytes: usize,
}

impl LexicalEntry {
    /// What the vocabulary knows of `lex` at the trie node `root`.
    fn build(
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        root: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let Found { inside, ends } = Found::beyond(0, vocabulary, automaton, lex, root, fuel)?;
        let inside = TokenSet::of_places(&inside.0, root, vocabulary);
        let ends = ends.into_iter().map(|(_, places)| places);
        Ok(LexicalEntry::new(vocabulary, root, inside, Vec::new(), ends))
    }

    /// With exits that another entry has as well, and others, whose places are not empty.
    fn new(
        vocabulary: &Vocabulary,
        root: NodeId,
        inside: TokenSet,
        mut exits: Vec<Arc<Exit>>,
        others: impl Iterator<Item = Ranges>,
    ) -> Self {
        let shared = exits.len();
        exits.extend(others.map(|places| Arc::new(Exit::new(vocabulary, root, places))));
        let own: usize = exits[shared..].iter().map(|exit| exit.bytes()).sum();
        let bytes = 128 + inside.bytes() + own;
        LexicalEntry { bytes, inside, exits, asked: OnceLock::new() }
    }

    /// The same at the root, for a state that no text within the nearer horizon can tell from that
    /// of `base`: only longer tokens are looked at, of which `long` are all. `None` if more than
    /// that would have to be.
    ///
    /// A string of limited length is another one after each character. But as long as there is
    /// room for 24 of them, nearly all tokens are what they are in any string.
    fn build_like(
        base: &LexicalEntry,
        long: &[TokenId],
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Option<Self>, AutomatonError> {
        let (trie, root, near) = (vocabulary.trie(), TokenTrie::ROOT, LEX_NEAR_HORIZON as usize);
        let mut accepts = Vec::with_capacity(base.exits.len());
        for exit in &base.exits {
            if exit.witness.len() > near || exit.count > MAX_PLACES {
                return Ok(None);
            }
            let Some(accept) = exit.accept(automaton, lex, fuel)? else { return Ok(None) };
            accepts.push(accept);
        }
        let Found { inside, mut ends } =
            Found::beyond(near, vocabulary, automaton, lex, root, fuel)?;
        let is_far = |node: NodeId| trie.depth(node) > near;
        let inside = base.inside.without(long).and_places(&inside.0, vocabulary);
        let (mut shared, mut others) = (Vec::with_capacity(base.exits.len()), Vec::new());
        for (exit, accept) in base.exits.iter().zip(accepts) {
            let at = ends.iter().position(|(other, _)| *other == accept);
            let far = at.map(|at| ends.swap_remove(at).1.filter(is_far)).unwrap_or_default();
            if *exit.far.get_or_init(|| exit.places.filter(is_far)) == far {
                shared.push(exit.clone());
            } else {
                others.push(exit.places.filter(|node| !is_far(node)).union(&far));
            }
        }
        others.extend(ends.iter().map(|(_, places)| places.filter(is_far)));
        let others = others.into_iter().filter(|places| !places.0.is_empty());
        Ok(Some(LexicalEntry::new(vocabulary, root, inside, shared, others)))
    }

    /// Where the lexeme may end with a text that is not a string in its plainest spelling.
    pub(crate) fn odd_ends(
        &self,
        vocabulary: &Vocabulary,
        root: NodeId,
    ) -> impl Iterator<Item = NodeId> {
        self.exits.iter().flat_map(move |exit| exit.odd(vocabulary, root)).copied()
    }

    fn asked(&self, vocabulary: &Vocabulary, root: NodeId) -> Arc<Asked> {
        self.asked.get_or_init(|| Arc::new(Asked::new(vocabulary, root, &self.inside))).clone()
    }

    /// Adds to `mask` the tokens that may follow an open lexeme. The case that it ends before
    /// the first byte is the caller's, and so are the tokens below the nodes that are returned, each
    /// with its state: there the lexeme has ended.
    pub(crate) fn add_to(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<Vec<(NodeId, StateId)>, AutomatonError> {
        let LexicalView { lex, context } = open.view;
        let mut later = Vec::new();
        self.inside.add_to(mask);
        let knowledge = automaton.end_knowledge(context);
        // Where a lexeme may end nearly everywhere, and something may follow, all endings of all
        // tokens would be rests: then the state itself is walked.
        let mut crowded: Vec<&Exit> = Vec::new();
        let mut apart = 0;
        let mut unsure = Unsure::default();
        for exit in &self.exits {
            if knowledge == EndKnowledge::Unknown {
                match exit.is_crowded() {
                    true => crowded.push(exit),
                    false => exit.add_stepped(mask, vocabulary, automaton, open, fuel)?,
                }
                continue;
            }
            let Some(accept) = exit.accept(automaton, lex, fuel)? else { continue };
            automaton.take_doubt();
            let end = automaton.lex_end(context, accept, fuel)?;
            let compared = knowledge == EndKnowledge::Distinct;
            let doubt = automaton.take_doubt();
            if exit.is_crowded() {
                if doubt || compared || anything_follows(automaton, end, fuel)? {
                    crowded.push(exit);
                } else if !end.is_dead() {
                    exit.ending.add_to(mask);
                }
                continue;
            }
            if doubt {
                exit.add_stepped(mask, vocabulary, automaton, open, fuel)?;
                continue;
            }
            if end.is_dead() {
                continue;
            }
            let mut follows = [false; 256];
            let rests = exit.rests(vocabulary, open.root, self);
            let live = automaton.live_bytes(end);
            let may_follow = |rest: &&Rest| live.contains(rest.byte);
            apart += rests.by_byte.iter().filter(may_follow).map(Rest::apart).sum::<usize>();
            if apart > MAX_APART {
                crowded.push(exit);
                continue;
            }
            exit.ending.add_to(mask);
            for &place in &rests.large {
                let at = match knowledge {
                    EndKnowledge::Exact => end,
                    _ => open.at(vocabulary, automaton, place, fuel)?,
                };
                if !at.is_dead() {
                    later.push((place, at));
                }
            }
            for rest in rests.by_byte.iter().filter(may_follow) {
                fuel.spend(1)?;
                let after = automaton.step(end, rest.byte, fuel)?;
                if automaton.take_doubt() {
                    unsure.tokens.extend(rest.tokens(vocabulary));
                } else if !after.is_dead() {
                    follows[usize::from(rest.byte)] = true;
                    let mut walk = Walk { mask, automaton, fuel };
                    match knowledge {
                        EndKnowledge::Exact => rest.add_to(&mut walk, vocabulary, rests, after)?,
                        _ => rest.add_surely(&mut walk, vocabulary, rests, after, &mut unsure)?,
                    }
                }
            }
            if compared {
                let after = After { follows, inside: &self.inside };
                exit.doubt_repeats(vocabulary, automaton, open, &after, &mut unsure, fuel)?;
            }
        }
        // What is inside is in the mask whatever becomes of other ways to read it.
        unsure.tokens.retain(|token| !self.inside.contains(*token));
        unsure.judge(mask, vocabulary, automaton, open, fuel)?;
        if !crowded.is_empty() {
            self.add_asked(mask, vocabulary, &crowded, automaton, open, fuel)?;
        }
        Ok(later)
    }

    /// Adds the tokens in which a lexeme may end as `exits` say, by what `open.state` comes to; but
    /// for those inside it.
    fn add_asked(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        exits: &[&Exit],
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let trie = vocabulary.trie();
        let asked = self.asked(vocabulary, open.root);
        for (byte, child) in trie.children(open.root) {
            fuel.spend(1)?;
            let nodes = child..trie.end(child);
            if !exits.iter().any(|exit| exit.places.meets(nodes.clone())) {
                continue;
            }
            let state = automaton.step(open.state, byte, fuel)?;
            if !state.is_dead() {
                let wanted = |node| asked.any_below(trie, node);
                add_wanted(mask, trie, child, state, automaton, fuel, wanted)?;
            }
        }
        // The state itself knows what texts lead to.
        automaton.take_doubt();
        Ok(())
    }
}

/// Whether anything may come after `end`.
fn anything_follows(
    automaton: &mut dyn ByteAutomaton,
    end: StateId,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    if end.is_dead() {
        return Ok(false);
    }
    let live = automaton.live_bytes(end);
    for byte in live.iter() {
        if !automaton.step(end, byte, fuel)?.is_dead() || automaton.take_doubt() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A lexeme that is open at a node of the trie.
#[derive(Clone, Copy)]
pub(crate) struct Open {
    pub(crate) root: NodeId,
    /// The state at `root`.
    pub(crate) state: StateId,
    /// How it is read.
    pub(crate) view: LexicalView,
}

impl Open {
    /// Whether `token`, from the root on, keeps the state alive.
    fn survives(
        self,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        token: TokenId,
        fuel: &mut Fuel,
    ) -> Result<bool, AutomatonError> {
        let Some(path) = vocabulary.path(token) else { return Ok(false) };
        let rest = &path[vocabulary.trie().depth(self.root)..];
        Ok(!self.after(automaton, rest, fuel)?.is_dead())
    }

    /// The state at `node`, below the root.
    pub(crate) fn at(
        self,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        node: NodeId,
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        self.after(automaton, &path_between(vocabulary, self.root, node), fuel)
    }

    /// The state after `bytes`.
    fn after(
        self,
        automaton: &mut dyn ByteAutomaton,
        bytes: &[u8],
        fuel: &mut Fuel,
    ) -> Result<StateId, AutomatonError> {
        let mut at = self.state;
        for &byte in bytes {
            fuel.spend(1)?;
            at = automaton.step(at, byte, fuel)?;
            if at.is_dead() {
                break;
            }
        }
        Ok(at)
    }
}

/// The bytes from `root` down to `node`.
pub(crate) fn path_between(vocabulary: &Vocabulary, root: NodeId, node: NodeId) -> Vec<u8> {
    let trie = vocabulary.trie();
    trie.tokens_below(node)
        .first()
        .and_then(|&token| vocabulary.path(token))
        .map(|path| path[trie.depth(root)..trie.depth(node)].to_vec())
        .unwrap_or_default()
}
