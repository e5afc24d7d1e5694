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
    bytes: usize,
}

/// All places where the same lexemes may end.
struct Exit {
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
    fn build(
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        fuel: &mut Fuel,
    ) -> Result<Self, AutomatonError> {
        let trie = vocabulary.trie();
        let mut inside = TokenMask::none(vocabulary.size());
        let mut ends: FxHashMap<AcceptId, Vec<NodeId>> = FxHashMap::default();
        let mut walker = LexSteps { automaton, fuel };
        trie.walk(TokenTrie::ROOT, lex, &mut walker, &mut Vec::new(), |walker, node, state| {
            for &token in trie.tokens_at(node) {
                inside.insert(token);
            }
            if let Some(accept) = walker.automaton.lex_accept(state) {
                ends.entry(accept).or_default().push(node);
            }
            Ok(true)
        })?;
        let mut exits: Vec<Exit> = Vec::with_capacity(ends.len());
        for nodes in ends.into_values() {
            exits.push(Exit::new(vocabulary, &nodes));
        }
        let bytes = (1 + exits.len()) * (vocabulary.size() / 8 + 64)
            + exits.iter().flat_map(|e| &e.rests).map(|r| 64 + 4 * r.nodes.len()).sum::<usize>();
        Ok(LexicalEntry { inside, exits, bytes })
    }

    /// Adds to `mask` the tokens that may follow where a lexeme in state `lex`, followed by
    /// `context`, is open. The case that the lexeme ends before the token's first byte is the
    /// caller's.
    pub(crate) fn add_to(
        &self,
        mask: &mut TokenMask,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        context: u32,
        fuel: &mut Fuel,
    ) -> Result<(), AutomatonError> {
        mask.union_with(&self.inside);
        for exit in &self.exits {
            let mut at = lex;
            for &byte in &exit.witness {
                at = automaton.lex_step(at, byte, fuel)?;
            }
            let Some(accept) = automaton.lex_accept(at) else { continue };
            let end = automaton.lex_end(context, accept, fuel)?;
            if end.is_dead() {
                continue;
            }
            mask.union_with(&exit.ending);
            for rest in &exit.rests {
                fuel.spend(1)?;
                let after = automaton.step(end, rest.byte, fuel)?;
                if !after.is_dead() {
                    rest.add_to(mask, vocabulary, automaton, after, fuel)?;
                }
            }
        }
        Ok(())
    }
}

impl Exit {
    fn new(vocabulary: &Vocabulary, nodes: &[NodeId]) -> Self {
        let trie = vocabulary.trie();
        let mut ending = TokenMask::none(vocabulary.size());
        let mut rests: FxHashMap<u8, Vec<NodeId>> = FxHashMap::default();
        for &node in nodes {
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
        Exit { witness: path_to(vocabulary, nodes[0]), ending, rests }
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
        let entry = Arc::new(LexicalEntry::build(vocabulary, automaton, lex, fuel)?);
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
