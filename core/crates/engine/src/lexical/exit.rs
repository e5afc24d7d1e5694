//! Where a lexeme may end inside a token, and what of the token stands after it.

use std::borrow::Cow;
use std::sync::OnceLock;

use structgen_automaton::{AcceptId, AutomatonError, ByteAutomaton, Fuel, LexState, StateId};
use structgen_vocab::{NodeId, TokenId, TokenMask, TokenTrie, Vocabulary};

use super::ranges::Ranges;
use super::token_set::TokenSet;
use super::{Open, path_between};
use crate::walk::{add_sure, add_walked};

/// Places of one exit beyond which a lexeme may end nearly everywhere: no string ends in more of
/// the tokens, and no number.
pub(super) const MAX_PLACES: usize = 1 << 13;

/// All places where the same lexemes may end.
pub(super) struct Exit {
    /// Bytes that lead the lexer to such a place: replayed to find the accepted lexemes in
    /// the asking constraint's own numbering.
    pub(super) witness: Vec<u8>,
    /// Tokens that end exactly there, if any.
    pub(super) ending: TokenSet,
    /// The nodes where the lexeme may end, and how many these are.
    pub(super) places: Ranges,
    pub(super) count: usize,
    /// What stands after the end, by its first byte; found when first wanted.
    rests: OnceLock<Vec<Rest>>,
    /// Those with a text that is not a string in its plainest spelling; found when first wanted.
    odd: OnceLock<Box<[NodeId]>>,
    /// Those beyond the nearer horizon; found when first wanted.
    pub(super) far: OnceLock<Ranges>,
}

pub(super) struct Rest {
    pub(super) byte: u8,
    /// Trie nodes reached by `byte` from a place where the lexeme may end.
    nodes: Vec<NodeId>,
    /// The subtrees under `nodes`, merged; built when first wanted.
    merged: OnceLock<TokenTrie>,
}

/// What was found of the end of a lexeme.
pub(super) struct After<'a> {
    /// The bytes that may follow it.
    pub(super) follows: [bool; 256],
    /// Tokens that have another way to be read.
    pub(super) inside: &'a TokenSet,
}

/// What a walk works with.
pub(super) struct Walk<'a> {
    pub(super) mask: &'a mut TokenMask,
    pub(super) automaton: &'a mut dyn ByteAutomaton,
    pub(super) fuel: &'a mut Fuel,
}

/// Tokens that only the bytes themselves can judge.
#[derive(Default)]
pub(super) struct Unsure {
    pub(super) tokens: Vec<TokenId>,
}

impl Unsure {
    pub(super) fn judge(
        self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        for token in self.tokens {
            if open.survives(vocabulary, automaton, token, fuel)? {
                mask.insert(token);
            } else {
                mask.remove(token);
            }
        }
        Ok(())
    }
}

impl Exit {
    /// The lexemes that end here, as `automaton` numbers them, for an entry of `lex`.
    pub(super) fn accept(
        &self,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Option<AcceptId>, AutomatonError> {
        let mut at = lex;
        for &byte in &self.witness {
            at = automaton.lex_step(at, byte, fuel)?;
        }
        Ok(automaton.lex_accept(at))
    }

    /// Adds the tokens, where the lexeme ends here, that make of it what must not be repeated.
    pub(super) fn doubt_repeats(
        &self,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        Open { root, state, .. }: Open,
        after: &After<'_>,
        unsure: &mut Unsure,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let trie = vocabulary.trie();
        let mut places = Vec::new();
        let plain = automaton.lex_repeating(state, self.count / 4);
        for rest in plain.iter().flatten() {
            fuel.spend(1)?;
            places.extend(trie.descend(root, rest));
        }
        let others: Cow<[NodeId]> = match plain {
            Some(_) => self.odd(vocabulary, root).into(),
            None => self.places.iter().collect(),
        };
        for &node in others.iter() {
            fuel.spend(1)?;
            let judged = trie.tokens_at(node).iter().any(|token| !after.inside.contains(*token))
                || trie.children(node).any(|(byte, _)| after.follows[usize::from(byte)]);
            if judged && automaton.lex_repeats(state, &path_between(vocabulary, root, node)) {
                places.push(node);
            }
        }
        for node in places {
            unsure.tokens.extend_from_slice(trie.tokens_at(node));
            for (byte, child) in trie.children(node) {
                if after.follows[usize::from(byte)] {
                    unsure.tokens.extend_from_slice(trie.tokens_below(child));
                }
            }
        }
        Ok(())
    }

    /// Adds what the state before the lexeme's end comes to at each place.
    pub(super) fn add_stepped(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        for token in self.ending.tokens() {
            if open.survives(vocabulary, automaton, token, fuel)? {
                mask.insert(token);
            }
        }
        for rest in self.rests(vocabulary) {
            rest.add_after(mask, vocabulary, automaton, open, fuel)?;
        }
        Ok(())
    }

    /// `places` are not empty.
    pub(super) fn new(vocabulary: &Vocabulary, root: NodeId, places: Ranges) -> Self {
        let trie = vocabulary.trie();
        let witness = path_between(vocabulary, root, places.0[0].start);
        let mut ending = Ranges::default();
        places.0.iter().for_each(|nodes| ending.add(trie.places_at_all(nodes.clone())));
        let ending = TokenSet::of_places(&ending.0, root, vocabulary);
        let (rests, odd, far) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Exit { witness, ending, count: places.len(), places, rests, odd, far }
    }

    /// The places with a text that is not a string in its plainest spelling.
    pub(super) fn odd(&self, vocabulary: &Vocabulary, root: NodeId) -> &[NodeId] {
        self.odd.get_or_init(|| {
            let is_odd = |node: &NodeId| {
                let path = path_between(vocabulary, root, *node);
                path.contains(&b'\\') || !path.ends_with(b"\"")
            };
            self.places.iter().filter(is_odd).collect()
        })
    }

    /// What stands after the end, by its first byte.
    fn rests(&self, vocabulary: &Vocabulary) -> &[Rest] {
        self.rests.get_or_init(|| {
            let mut nodes: Vec<Vec<NodeId>> = vec![Vec::new(); 256];
            for place in self.places.iter() {
                for (byte, child) in vocabulary.trie().children(place) {
                    nodes[usize::from(byte)].push(child);
                }
            }
            let rest = |(byte, nodes)| Rest { byte, nodes, merged: OnceLock::new() };
            let rests = (0..=u8::MAX).zip(nodes).filter(|(_, nodes)| !nodes.is_empty());
            rests.map(rest).collect()
        })
    }

    /// The same, for a lexeme with `end` after it. Where it may end nearly everywhere they are
    /// many, and mostly in vain: a text that makes up the whole output has nothing after it.
    pub(super) fn rests_after(
        &self,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        end: StateId,
        fuel: &mut Fuel,
    ) -> Result<&[Rest], AutomatonError> {
        if self.rests.get().is_none() && self.count > MAX_PLACES {
            let mut follows = false;
            for byte in 0..=u8::MAX {
                follows = follows || !automaton.step(end, byte, fuel)?.is_dead();
                follows = automaton.take_doubt() || follows;
            }
            if !follows {
                return Ok(&[]);
            }
        }
        Ok(self.rests(vocabulary))
    }

    pub(super) fn bytes(&self) -> usize {
        160 + self.ending.bytes() + 8 * self.places.0.len() + 8 * self.count.min(MAX_PLACES)
    }
}

impl Rest {
    /// The rests as one trie, and its root.
    fn trie<'a>(&'a self, vocabulary: &'a Vocabulary) -> (&'a TokenTrie, NodeId) {
        match self.nodes[..] {
            [only] => (vocabulary.trie(), only),
            _ => (self.merged.get_or_init(|| self.merge(vocabulary)), TokenTrie::ROOT),
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
        state: StateId,
    ) -> Result<(), AutomatonError> {
        let (trie, root) = self.trie(vocabulary);
        add_walked(walk.mask, trie, root, state, walk.automaton, walk.fuel)
    }

    /// The same, where the automaton may be in doubt: such tokens are for the caller to judge.
    pub(super) fn add_surely(
        &self,
        walk: &mut Walk,
        vocabulary: &Vocabulary,
        state: StateId,
        unsure: &mut Unsure,
    ) -> Result<(), AutomatonError> {
        let (trie, root) = self.trie(vocabulary);
        let Walk { mask, automaton, fuel } = walk;
        add_sure(mask, trie, root, state, *automaton, fuel, &mut unsure.tokens)
    }

    /// The same, by what the state before the lexeme's end itself comes to: for contexts in which
    /// the text of the lexeme matters, and differs from place to place.
    fn add_after(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        for &node in &self.nodes {
            let at = open.at(vocabulary, automaton, node, fuel)?;
            if !at.is_dead() {
                add_walked(mask, vocabulary.trie(), node, at, automaton, fuel)?;
            }
        }
        Ok(())
    }

    fn merge(&self, vocabulary: &Vocabulary) -> TokenTrie {
        let rests: Vec<_> =
            self.nodes.iter().flat_map(|&node| vocabulary.trie().suffixes(node)).collect();
        TokenTrie::new(rests.iter().map(|(bytes, token)| (bytes.as_slice(), *token)).collect())
    }
}
