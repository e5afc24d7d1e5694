//! Where a lexeme may end inside a token, and what of the token stands after it.

use std::borrow::Cow;
use std::sync::OnceLock;

use structgen_automaton::{AcceptId, AutomatonError, ByteAutomaton, Fuel, LexState};
use structgen_vocab::{NodeId, TokenId, TokenMask, Vocabulary};

use super::ranges::Ranges;
use super::rests::Rests;
use super::token_set::TokenSet;
use super::{LexicalEntry, Open, path_between};
use crate::walk::add_walked;

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
    rests: OnceLock<Rests>,
    /// Those with a text that is not a string in its plainest spelling; found when first wanted.
    odd: OnceLock<Box<[NodeId]>>,
    /// Those beyond the nearer horizon; found when first wanted.
    pub(super) far: OnceLock<Ranges>,
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
    /// Whether the lexeme may end nearly everywhere, inside a name say.
    pub(super) fn is_crowded(&self) -> bool {
        self.count > MAX_PLACES
    }

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

    /// Adds what the state before the lexeme's end comes to at each place: for contexts in which the
    /// text of the lexeme matters, and differs from place to place.
    pub(super) fn add_stepped(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        for place in self.places.iter() {
            let at = open.at(vocabulary, automaton, place, fuel)?;
            if !at.is_dead() {
                add_walked(mask, vocabulary.trie(), place, at, automaton, fuel)?;
            }
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

    /// What stands after the end, by its first byte, of an exit of `entry` at `root`.
    pub(super) fn rests(
        &self,
        vocabulary: &Vocabulary,
        root: NodeId,
        entry: &LexicalEntry,
    ) -> &Rests {
        self.rests.get_or_init(|| {
            let asked = || entry.asked(vocabulary, root);
            Rests::new(vocabulary, &self.places, asked)
        })
    }

    pub(super) fn bytes(&self) -> usize {
        160 + self.ending.bytes() + 8 * self.places.0.len() + 8 * self.count.min(MAX_PLACES)
    }
}
