//! What of a token stands after the end of a lexeme.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use structgen_automaton::{AutomatonError, LEX_NEAR_HORIZON, StateId};
use structgen_vocab::{NodeId, TokenId, TokenMask, TokenTrie, Vocabulary};

use super::exit::{Unsure, Walk};
use super::ranges::Ranges;
use super::token_set::TokenSet;
use crate::walk::{add_sure, add_walked};

/// Rests of tokens from which on it is worth to find out which of them are to be looked at.
const WORTH_A_COUNT: usize = 1 << 13;

/// Tokens of rests beyond which they stay where they are: to merge a thousand takes the better part
/// of a millisecond.
const MOST_MERGED: usize = 1 << 10;

/// How often subtrees are walked one by one before they are merged: to merge them takes as long as
/// some such walks, and most entries of patterns are never met again.
const WALKS_APART: u32 = 3;

/// Tokens below a place from which on its rests are left where they are. To merge them would gain
/// nothing: most tokens with a space in front are below the one place after it.
const LARGE: usize = 256;

/// The rests of all tokens in which a lexeme may end, by their first bytes.
///
/// Tokens that may be read as a part of the lexeme are left out where they are many: nobody asks
/// whether they may be read in another way, too. A name ends after each of its letters, and where
/// another name may follow, every ending of every word would be a rest. Only tokens within the
/// nearer horizon are left out, of which entries that share an exit say the same.
pub(super) struct Rests {
    /// Places with many tokens below.
    pub(super) large: Vec<NodeId>,
    /// What stands after the others.
    pub(super) by_byte: Vec<Rest>,
    asked: Option<Arc<Asked>>,
}

/// The rests that begin with `byte`.
pub(super) struct Rest {
    pub(super) byte: u8,
    /// Trie nodes reached by `byte` from a place where the lexeme may end.
    nodes: Vec<NodeId>,
    /// The tokens at and below them.
    count: usize,
    /// The subtrees under `nodes`, merged; built when they are wanted again and again.
    merged: OnceLock<TokenTrie>,
    /// How often they were walked one by one.
    walks: AtomicU32,
}

/// Which tokens of an entry are asked for.
pub(super) struct Asked {
    /// The place of the first token below the entry's node.
    start: u32,
    /// A bit for each place of the trie's order from there on.
    places: TokenMask,
    /// How many bits are set before each word of the mask.
    before: Vec<u32>,
}

impl Asked {
    /// Of the tokens at and below `root`, those that are not in `inside` or may not be in that of
    /// another entry with the same exits.
    pub(super) fn new(vocabulary: &Vocabulary, root: NodeId, inside: &TokenSet) -> Self {
        let trie = vocabulary.trie();
        let tokens = trie.tokens_below(root);
        let mut places = TokenMask::none(tokens.len());
        for (place, &token) in tokens.iter().enumerate() {
            let long = || {
                let text = vocabulary.text(token);
                text.is_none_or(|text| text.len() > LEX_NEAR_HORIZON as usize)
            };
            if !inside.contains(token) || long() {
                places.insert(TokenId(place as u32));
            }
        }
        let mut count = 0;
        let mut before = Vec::with_capacity(places.words().len() + 1);
        for word in places.words() {
            before.push(count);
            count += word.count_ones();
        }
        before.push(count);
        Asked { start: trie.places(root).start, places, before }
    }

    /// How many are at places before this one.
    fn count_before(&self, place: u32) -> u32 {
        let place = place - self.start;
        let (word, bit) = (place as usize / 32, place % 32);
        let part = self.places.words().get(word).map_or(0, |w| w & ((1 << bit) - 1));
        self.before[word] + part.count_ones()
    }

    /// Whether there is one at or below `node`.
    pub(super) fn any_below(&self, trie: &TokenTrie, node: NodeId) -> bool {
        let places = trie.places(node);
        self.count_before(places.start) < self.count_before(places.end)
    }
}

impl Rests {
    /// After lexemes that end at `places`.
    pub(super) fn new(
        vocabulary: &Vocabulary,
        places: &Ranges,
        asked: impl FnOnce() -> Arc<Asked>,
    ) -> Self {
        let trie = vocabulary.trie();
        let count: usize = places.iter().map(|place| trie.places_below(place).len()).sum();
        let asked = (count >= WORTH_A_COUNT).then(asked);
        let mut nodes: Vec<Vec<NodeId>> = vec![Vec::new(); 256];
        let mut large = Vec::new();
        for place in places.iter() {
            if trie.places_below(place).len() >= LARGE {
                large.push(place);
                continue;
            }
            for (byte, child) in trie.children(place) {
                if asked.as_ref().is_none_or(|asked| asked.any_below(trie, child)) {
                    nodes[usize::from(byte)].push(child);
                }
            }
        }
        let rest = |(byte, nodes): (u8, Vec<NodeId>)| {
            let count = nodes.iter().map(|&node| trie.places(node).len()).sum();
            Rest { byte, nodes, count, merged: OnceLock::new(), walks: AtomicU32::new(0) }
        };
        let rests = (0..=u8::MAX).zip(nodes).filter(|(_, nodes)| !nodes.is_empty());
        Rests { large, by_byte: rests.map(rest).collect(), asked }
    }
}

impl Rest {
    /// Tokens that are looked at one by one to walk them.
    pub(super) fn apart(&self) -> usize {
        if self.nodes.len() < 2 || self.merged.get().is_some() { 0 } else { self.count }
    }

    /// The subtrees to walk, each a trie and a node: one, if they are or should be merged.
    fn subtrees<'a>(
        &'a self,
        vocabulary: &'a Vocabulary,
        all: &Rests,
    ) -> (&'a TokenTrie, &'a [NodeId]) {
        let alone = self.nodes.len() == 1
            || self.count > MOST_MERGED
            || (self.merged.get().is_none()
                && self.walks.fetch_add(1, Ordering::Relaxed) < WALKS_APART);
        match alone {
            true => (vocabulary.trie(), &self.nodes),
            false => {
                let merged = self.merged.get_or_init(|| self.merge(vocabulary, all));
                (merged, &[TokenTrie::ROOT])
            }
        }
    }

    pub(super) fn tokens<'a>(
        &'a self,
        vocabulary: &'a Vocabulary,
    ) -> impl Iterator<Item = TokenId> + 'a {
        self.nodes.iter().flat_map(|&node| vocabulary.trie().tokens_below(node)).copied()
    }

    pub(super) fn add_to(
        &self,
        walk: &mut Walk,
        vocabulary: &Vocabulary,
        all: &Rests,
        state: StateId,
    ) -> Result<(), AutomatonError> {
        let (trie, nodes) = self.subtrees(vocabulary, all);
        for &node in nodes {
            add_walked(walk.mask, trie, node, state, walk.automaton, walk.fuel)?;
        }
        Ok(())
    }

    /// The same, where the automaton may be in doubt: such tokens are for the caller to judge.
    pub(super) fn add_surely(
        &self,
        walk: &mut Walk,
        vocabulary: &Vocabulary,
        all: &Rests,
        state: StateId,
        unsure: &mut Unsure,
    ) -> Result<(), AutomatonError> {
        let (trie, nodes) = self.subtrees(vocabulary, all);
        let Walk { mask, automaton, fuel } = walk;
        for &node in nodes {
            add_sure(mask, trie, node, state, *automaton, fuel, &mut unsure.tokens)?;
        }
        Ok(())
    }

    fn merge(&self, vocabulary: &Vocabulary, all: &Rests) -> TokenTrie {
        let trie = vocabulary.trie();
        let wanted = |node| all.asked.as_ref().is_none_or(|asked| asked.any_below(trie, node));
        let rests: Vec<_> =
            self.nodes.iter().flat_map(|&node| trie.suffixes(node, wanted)).collect();
        TokenTrie::new(rests.iter().map(|(bytes, token)| (bytes.as_slice(), *token)).collect())
    }
}
