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
mod loops;
mod token_set;

pub(crate) use cache::LexicalCache;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use structgen_automaton::{
    AcceptId, AutomatonError, ByteAutomaton, EndKnowledge, Fuel, LEX_NEAR_HORIZON, LexState,
    LexicalView, StateId,
};
use structgen_vocab::{CharGroups, NodeId, TokenId, TokenMask, TokenTrie, Vocabulary};

use loops::Loops;
use token_set::TokenSet;

use crate::walk::{LexSteps, add_sure, add_walked};

/// Places of one exit beyond which a lexeme may end nearly everywhere: no string ends in more of
/// the tokens, and no number.
const MAX_PLACES: usize = 1 << 13;

/// Tokens below a node from which on alternatives are looked at one by one: each has to be made a
/// state of its own first.
const WORTH_ALTERNATIVES: usize = 8;

/// Numbers gathered in their order: nodes, or places of tokens in the order of their bytes.
#[derive(Default, PartialEq, Eq)]
struct Ranges(Vec<Range<u32>>);

impl Ranges {
    #[inline]
    fn add(&mut self, range: Range<u32>) {
        match self.0.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => self.0.push(range),
        }
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().cloned().flatten()
    }

    fn len(&self) -> usize {
        self.0.iter().map(|range| range.len()).sum()
    }

    /// Those for which `keep` holds.
    fn filter(&self, mut keep: impl FnMut(u32) -> bool) -> Ranges {
        let mut kept = Ranges::default();
        self.iter().filter(|&number| keep(number)).for_each(|n| kept.add(n..n + 1));
        kept
    }

    fn union(&self, other: &Ranges) -> Ranges {
        let mut ranges: Vec<&Range<u32>> = self.0.iter().chain(&other.0).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut union = Ranges::default();
        ranges.into_iter().for_each(|range| union.add(range.clone()));
        union
    }
}

/// What a walk with a lexer state finds.
struct Found {
    /// Tokens that leave the lexeme open, by their places.
    inside: Ranges,
    /// Where lexemes may end.
    ends: Vec<(AcceptId, Ranges)>,
}

/// The classes of tokens for one lexer state.
pub(crate) struct LexicalEntry {
    /// Tokens that leave the lexeme open, with a completion.
    inside: TokenSet,
    /// Ways in which the lexeme may end inside or at the end of a token.
    exits: Vec<Arc<Exit>>,
    bytes: usize,
}

/// All places where the same lexemes may end.
struct Exit {
    /// Bytes that lead the lexer to such a place: replayed to find the accepted lexemes in
    /// the asking constraint's own numbering.
    witness: Vec<u8>,
    /// Tokens that end exactly there, if any.
    ending: TokenSet,
    /// The nodes where the lexeme may end, and how many these are.
    places: Ranges,
    count: usize,
    /// What stands after the end, by its first byte; found when first wanted.
    rests: OnceLock<Vec<Rest>>,
    /// Those with a text that is not a string in its plainest spelling; found when first wanted.
    odd: OnceLock<Box<[NodeId]>>,
    /// Those beyond the nearer horizon; found when first wanted.
    far: OnceLock<Ranges>,
}

struct Rest {
    byte: u8,
    /// Trie nodes reached by `byte` from a place where the lexeme may end.
    nodes: Vec<NodeId>,
    /// The subtrees under `nodes`, merged; built when first wanted.
    merged: OnceLock<TokenTrie>,
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
        let exits: Vec<_> = ends
            .into_iter()
            .map(|(_, places)| Arc::new(Exit::new(vocabulary, root, places)))
            .collect();
        let inside = TokenSet::of_places(&inside.0, root, vocabulary);
        let bytes = 128 + inside.bytes() + exits.iter().map(|exit| exit.bytes()).sum::<usize>();
        Ok(LexicalEntry { inside, exits, bytes })
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
        let mut bytes = 128 + inside.bytes();
        let mut exits = Vec::with_capacity(base.exits.len());
        for (exit, accept) in base.exits.iter().zip(accepts) {
            let at = ends.iter().position(|(other, _)| *other == accept);
            let far = at.map(|at| ends.swap_remove(at).1.filter(is_far)).unwrap_or_default();
            if *exit.far.get_or_init(|| exit.places.filter(is_far)) == far {
                exits.push(exit.clone());
                continue;
            }
            let places = exit.places.filter(|node| !is_far(node)).union(&far);
            if !places.0.is_empty() {
                exits.push(Arc::new(Exit::new(vocabulary, root, places)));
                bytes += exits.last().map_or(0, |exit| exit.bytes());
            }
        }
        for (_, places) in ends {
            let places = places.filter(is_far);
            if !places.0.is_empty() {
                exits.push(Arc::new(Exit::new(vocabulary, root, places)));
                bytes += exits.last().map_or(0, |exit| exit.bytes());
            }
        }
        Ok(Some(LexicalEntry { inside, exits, bytes }))
    }

    /// Where the lexeme may end with a text that is not a string in its plainest spelling.
    pub(crate) fn odd_ends(&self, vocabulary: &Vocabulary, root: NodeId) -> Vec<NodeId> {
        self.exits.iter().flat_map(|exit| exit.odd(vocabulary, root)).copied().collect()
    }

    /// Adds to `mask` the tokens that may follow an open lexeme. The case that it ends before
    /// the first byte is the caller's.
    pub(crate) fn add_to(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        open: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let LexicalView { lex, context } = open.view;
        self.inside.add_to(mask);
        let knowledge = automaton.end_knowledge(context);
        if knowledge == EndKnowledge::Unknown {
            for exit in &self.exits {
                exit.add_stepped(mask, vocabulary, automaton, open, fuel)?;
            }
            return Ok(());
        }
        let mut unsure = Unsure::default();
        for exit in &self.exits {
            let Some(accept) = exit.accept(automaton, lex, fuel)? else { continue };
            automaton.take_doubt();
            let end = automaton.lex_end(context, accept, fuel)?;
            let compared = knowledge == EndKnowledge::Distinct;
            if automaton.take_doubt() || (compared && exit.count > MAX_PLACES) {
                exit.add_stepped(mask, vocabulary, automaton, open, fuel)?;
                continue;
            }
            if end.is_dead() {
                continue;
            }
            exit.ending.add_to(mask);
            let mut follows = [false; 256];
            for rest in exit.rests_after(vocabulary, automaton, end, fuel)? {
                fuel.spend(1)?;
                let after = automaton.step(end, rest.byte, fuel)?;
                if automaton.take_doubt() {
                    unsure.tokens.extend(rest.tokens(vocabulary));
                } else if !after.is_dead() {
                    follows[usize::from(rest.byte)] = true;
                    let mut walk = Walk { mask, automaton, fuel };
                    match knowledge {
                        EndKnowledge::Exact => rest.add_to(&mut walk, vocabulary, after)?,
                        _ => rest.add_surely(&mut walk, vocabulary, after, &mut unsure)?,
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
        unsure.judge(mask, vocabulary, automaton, open, fuel)
    }
}

impl Found {
    /// Walks `lex` from `root` on the ways to tokens of more than `least` bytes; of others, some
    /// may be found or not.
    fn beyond(
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
        trie.walk_beyond(least, root, lex, &mut walker, &mut Vec::new(), |walker, node, state| {
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
            let idle = loops.idle_bytes(*automaton, state, groups, fuel)? >= height
                || loops.hold(*automaton, state, groups, height, tokens, fuel)?
                || (tokens >= WORTH_ALTERNATIVES
                    && loops.any_holds(*automaton, state, groups, height, tokens, fuel)?);
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
        })?;
        Ok(Found { inside, ends })
    }
}

impl Exit {
    /// The lexemes that end here, as `automaton` numbers them, for an entry of `lex`.
    fn accept(
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
    fn doubt_repeats(
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
        let others: Vec<NodeId> = match plain {
            Some(_) => self.odd(vocabulary, root).to_vec(),
            None => self.places.iter().collect(),
        };
        for node in others {
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
    fn add_stepped(
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
    fn new(vocabulary: &Vocabulary, root: NodeId, places: Ranges) -> Self {
        let trie = vocabulary.trie();
        let witness = path_between(vocabulary, root, places.0[0].start);
        let mut ending = Ranges::default();
        places.0.iter().for_each(|nodes| ending.add(trie.places_at_all(nodes.clone())));
        let ending = TokenSet::of_places(&ending.0, root, vocabulary);
        let (rests, odd, far) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Exit { witness, ending, count: places.len(), places, rests, odd, far }
    }

    /// The places with a text that is not a string in its plainest spelling.
    fn odd(&self, vocabulary: &Vocabulary, root: NodeId) -> &[NodeId] {
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
    fn rests_after(
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

    fn bytes(&self) -> usize {
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

    fn tokens<'a>(&'a self, vocabulary: &'a Vocabulary) -> impl Iterator<Item = TokenId> + 'a {
        self.nodes.iter().flat_map(|&node| vocabulary.trie().tokens_below(node)).copied()
    }

    fn add_to(
        &self,
        walk: &mut Walk,
        vocabulary: &Vocabulary,
        state: StateId,
    ) -> Result<(), AutomatonError> {
        let (trie, root) = self.trie(vocabulary);
        add_walked(walk.mask, trie, root, state, walk.automaton, walk.fuel)
    }

    /// The same, where the automaton may be in doubt: such tokens are for the caller to judge.
    fn add_surely(
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
        Open { root, state, .. }: Open,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        for &node in &self.nodes {
            let mut at = state;
            for &byte in &path_between(vocabulary, root, node) {
                fuel.spend(1)?;
                at = automaton.step(at, byte, fuel)?;
                if at.is_dead() {
                    break;
                }
            }
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

/// What was found of the end of a lexeme.
struct After<'a> {
    /// The bytes that may follow it.
    follows: [bool; 256],
    /// Tokens that have another way to be read.
    inside: &'a TokenSet,
}

/// What a walk works with.
struct Walk<'a> {
    mask: &'a mut TokenMask,
    automaton: &'a mut dyn ByteAutomaton,
    fuel: &'a mut Fuel,
}

/// Tokens that only the bytes themselves can judge.
#[derive(Default)]
struct Unsure {
    tokens: Vec<TokenId>,
}

impl Unsure {
    fn judge(
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
        let mut at = self.state;
        for &byte in &path[vocabulary.trie().depth(self.root)..] {
            fuel.spend(1)?;
            at = automaton.step(at, byte, fuel)?;
            if at.is_dead() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether some byte continues the lexeme.
fn goes_on(
    automaton: &mut dyn ByteAutomaton,
    lex: LexState,
    fuel: &mut Fuel,
) -> Result<bool, AutomatonError> {
    for byte in 0..=u8::MAX {
        if !automaton.lex_step(lex, byte, fuel)?.is_dead() {
            return Ok(true);
        }
    }
    Ok(false)
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
