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
//! Many states are almost another one: inside a key that may still become one of the schema's
//! own, almost every token leads to where any key goes. Such a *resting* state comes back to
//! itself after a character. Where the walk from `q` meets it at a trie node at which the walk
//! from the resting state itself is at rest, everything below is the same and is copied.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use structgen_automaton::{AcceptId, AutomatonError, ByteAutomaton, Fuel, LexState, StateId};
use structgen_vocab::{NodeId, TokenMask, TokenTrie, Vocabulary};

use crate::walk::{LexSteps, Steps};

/// The classes of tokens for one lexer state.
pub(crate) struct LexicalEntry {
    /// Tokens that leave the lexeme open, with a completion.
    inside: TokenMask,
    /// Ways in which the lexeme may end inside or at the end of a token.
    exits: Vec<Exit>,
    /// Trie nodes at which the state itself is back, for resting states.
    rests_at: Option<NodeSet>,
    bytes: usize,
}

/// A set of trie nodes, one bit each.
struct NodeSet(Box<[u64]>);

impl NodeSet {
    fn new(nodes: usize) -> Self {
        NodeSet(vec![0; nodes.div_ceil(64)].into_boxed_slice())
    }

    fn insert(&mut self, node: NodeId) {
        self.0[node as usize / 64] |= 1 << (node % 64);
    }

    fn contains(&self, node: NodeId) -> bool {
        self.0[node as usize / 64] >> (node % 64) & 1 == 1
    }
}

/// Characters that no key of a schema is likely to go on with, all of which a free text takes.
const PROBES: [u8; 3] = *b"~^|";

/// The resting state that `lex` falls into when nothing special is read, if there is one.
fn resting_state(
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

/// All places where the same lexemes may end.
struct Exit {
    /// The places, in order.
    nodes: Vec<NodeId>,
    /// Bytes that lead the lexer to such a place: replayed to find the accepted lexemes in
    /// the asking constraint's own numbering.
    witness: Vec<u8>,
    /// Tokens that end exactly there, if any.
    ending: TokenMask,
    /// What stands after the end, by its first byte.
    rests: Vec<Rest>,
}

struct Rest {
    byte: u8,
    /// Trie nodes reached by `byte` from a place where the lexeme may end.
    nodes: Vec<NodeId>,
    /// The subtrees under `nodes`, merged; built when first wanted.
    merged: OnceLock<TokenTrie>,
}

impl LexicalEntry {
    /// `base` is another resting state with its entry, if `lex` falls into one.
    fn build(
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        base: Option<(LexState, &LexicalEntry)>,
        is_resting: bool,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let trie = vocabulary.trie();
        let mut inside = TokenMask::none(vocabulary.size());
        let mut rests_at = is_resting.then(|| NodeSet::new(trie.len()));
        let mut ends: FxHashMap<AcceptId, Vec<NodeId>> = FxHashMap::default();
        let mut same_below: Vec<NodeId> = Vec::new();
        let base = base.and_then(|(rest, entry)| Some((rest, entry, entry.rests_at.as_ref()?)));
        let mut walker = LexSteps { automaton, fuel };
        trie.walk(TokenTrie::ROOT, lex, &mut walker, &mut Vec::new(), |walker, node, state| {
            for &token in trie.tokens_at(node) {
                inside.insert(token);
            }
            if let Some(accept) = walker.automaton.lex_accept(state) {
                ends.entry(accept).or_default().push(node);
            }
            if let Some(nodes) = &mut rests_at
                && state == lex
            {
                nodes.insert(node);
            }
            if let Some((rest, _, nodes)) = base
                && state == rest
                && nodes.contains(node)
            {
                same_below.push(node);
                return Ok(false);
            }
            Ok(true)
        })?;
        if let Some((rest, entry, _)) = base {
            for &node in &same_below {
                let below = trie.tokens_below(node);
                fuel.spend(below.len() as u64 / 16)?;
                for &token in below {
                    if entry.inside.contains(token) {
                        inside.insert(token);
                    }
                }
            }
            for exit in &entry.exits {
                let Some(accept) = exit.accept(automaton, rest, fuel)? else { continue };
                let found = ends.entry(accept).or_default();
                for &node in &same_below {
                    let from = exit.nodes.partition_point(|&at| at <= node);
                    let to = exit.nodes.partition_point(|&at| at < trie.end(node));
                    found.extend_from_slice(&exit.nodes[from..to]);
                }
            }
        }
        ends.retain(|_, nodes| !nodes.is_empty());
        let mut exits: Vec<Exit> = Vec::with_capacity(ends.len());
        for mut nodes in ends.into_values() {
            nodes.sort_unstable();
            exits.push(Exit::new(vocabulary, nodes));
        }
        let bytes = (1 + exits.len()) * (vocabulary.size() / 8 + 64)
            + exits.iter().map(|e| 4 * e.nodes.len()).sum::<usize>()
            + exits.iter().flat_map(|e| &e.rests).map(|r| 64 + 4 * r.nodes.len()).sum::<usize>()
            + if is_resting { trie.len() / 8 } else { 0 };
        Ok(LexicalEntry { inside, exits, rests_at, bytes })
    }

    /// Adds to `mask` the tokens that may follow `state`, where a lexeme in state `lex`, followed
    /// by `context`, is open. The case that the lexeme ends before the token's first byte is the
    /// caller's.
    #[allow(clippy::too_many_arguments)] // a view with all that it belongs to
    pub(crate) fn add_to(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        state: StateId,
        lex: LexState,
        context: u32,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let exact = automaton.lex_end_is_exact(context);
        mask.union_with(&self.inside);
        for exit in &self.exits {
            let Some(accept) = exit.accept(automaton, lex, fuel)? else { continue };
            let end = automaton.lex_end(context, accept, fuel)?;
            if end.is_dead() {
                continue;
            }
            mask.union_with(&exit.ending);
            for rest in &exit.rests {
                fuel.spend(1)?;
                let after = automaton.step(end, rest.byte, fuel)?;
                if after.is_dead() {
                    continue;
                }
                if exact {
                    rest.add_to(mask, vocabulary, automaton, after, fuel)?;
                } else {
                    rest.add_after(mask, vocabulary, automaton, state, fuel)?;
                }
            }
        }
        Ok(())
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

    /// `nodes`, in order, are not empty.
    fn new(vocabulary: &Vocabulary, nodes: Vec<NodeId>) -> Self {
        let trie = vocabulary.trie();
        let mut ending = TokenMask::none(vocabulary.size());
        let mut rests: FxHashMap<u8, Vec<NodeId>> = FxHashMap::default();
        for &node in &nodes {
            for &token in trie.tokens_at(node) {
                ending.insert(token);
            }
            for (byte, child) in trie.children(node) {
                rests.entry(byte).or_default().push(child);
            }
        }
        let mut rests: Vec<Rest> = rests
            .into_iter()
            .map(|(byte, nodes)| Rest { byte, nodes, merged: OnceLock::new() })
            .collect();
        rests.sort_unstable_by_key(|rest| rest.byte);
        Exit { witness: path_to(vocabulary, nodes[0]), nodes, ending, rests }
    }
}

impl Rest {
    fn add_to(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        let (trie, root) = match self.nodes[..] {
            [only] => (vocabulary.trie(), only),
            _ => (self.merged.get_or_init(|| self.merge(vocabulary)), TokenTrie::ROOT),
        };
        add_subtree(mask, trie, root, state, automaton, fuel)
    }

    /// The same, by what `state`, before the lexeme's end, itself comes to: for contexts in which
    /// the text of the lexeme matters, and differs from place to place.
    fn add_after(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        state: StateId,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        for &node in &self.nodes {
            let mut at = state;
            for &byte in &path_to(vocabulary, node) {
                fuel.spend(1)?;
                at = automaton.step(at, byte, fuel)?;
                if at.is_dead() {
                    break;
                }
            }
            if !at.is_dead() {
                add_subtree(mask, vocabulary.trie(), node, at, automaton, fuel)?;
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

/// The bytes from the root to `node`.
fn path_to(vocabulary: &Vocabulary, node: NodeId) -> Vec<u8> {
    let trie = vocabulary.trie();
    trie.tokens_below(node)
        .first()
        .and_then(|&token| vocabulary.path(token))
        .map(|path| path[..trie.depth(node)].to_vec())
        .unwrap_or_default()
}

/// Adds the tokens at and below `root` whose bytes keep `state` (the state *at* `root`) alive.
pub(crate) fn add_subtree(
    mask: &mut TokenMask,
    trie: &TokenTrie,
    root: NodeId,
    state: StateId,
    automaton: &mut dyn ByteAutomaton,
    fuel: &mut Fuel,
) -> Result<(), AutomatonError> {
    for &token in trie.tokens_at(root) {
        mask.insert(token);
    }
    let mut walker = Steps { automaton, fuel };
    trie.walk(root, state, &mut walker, &mut Vec::new(), |_, node, _| {
        for &token in trie.tokens_at(node) {
            mask.insert(token);
        }
        Ok(true)
    })
}

/// Entries by fingerprint, within a memory budget.
pub(crate) struct LexicalCache {
    entries: Mutex<CacheEntries>,
    max_bytes: usize,
}

#[derive(Default)]
struct CacheEntries {
    by_fingerprint: FxHashMap<u128, Arc<LexicalEntry>>,
    bytes: usize,
    cleared: u64,
}

/// Memory of one vocabulary's lexical entries: a few thousand at 128k tokens.
const MAX_CACHE_BYTES: usize = 96 << 20;

impl LexicalCache {
    pub(crate) fn new() -> Self {
        LexicalCache { entries: Mutex::default(), max_bytes: MAX_CACHE_BYTES }
    }

    /// The entry for `lex`, built if need be.
    pub(crate) fn get(
        &self,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Arc<LexicalEntry>, AutomatonError> {
        let fingerprint = automaton.lex_fingerprint(lex);
        // A poisoned lock only means that another thread panicked between two complete
        // insertions; the map itself is sound.
        let lock = || self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = lock().by_fingerprint.get(&fingerprint) {
            return Ok(entry.clone());
        }
        let rest = resting_state(automaton, lex, fuel)?;
        let is_resting = rest == Some(lex);
        let base = match rest {
            // A resting state rests in itself: the recursion ends there.
            Some(rest) if !is_resting => Some((rest, self.get(vocabulary, automaton, rest, fuel)?)),
            _ => None,
        };
        let base = base.as_ref().map(|(rest, entry)| (*rest, &**entry));
        let entry = LexicalEntry::build(vocabulary, automaton, lex, base, is_resting, fuel)?;
        let entry = Arc::new(entry);
        let mut entries = lock();
        if entries.bytes + entry.bytes > self.max_bytes {
            entries.by_fingerprint.clear();
            entries.bytes = 0;
            entries.cleared += 1;
        }
        entries.bytes += entry.bytes;
        entries.by_fingerprint.insert(fingerprint, entry.clone());
        Ok(entry)
    }

    /// Entries, bytes held, and how often the cache was cleared.
    pub(crate) fn usage(&self) -> (usize, usize, u64) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        (entries.by_fingerprint.len(), entries.bytes, entries.cleared)
    }
}
