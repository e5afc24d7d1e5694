//! Entries of lexer states, shared by all constraints of a vocabulary.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LEX_NEAR_HORIZON, LexState};
use structgen_vocab::{NodeId, TokenId, TokenTrie, Vocabulary};

use super::LexicalEntry;

/// Entries by fingerprint, within a memory budget.
pub(crate) struct LexicalCache {
    entries: Mutex<CacheEntries>,
    max_bytes: usize,
    /// Tokens beyond the nearer horizon, sorted.
    long: OnceLock<Vec<TokenId>>,
}

#[derive(Default)]
struct CacheEntries {
    by_state: FxHashMap<(u128, NodeId), Arc<LexicalEntry>>,
    /// At the root, by the fingerprint that more states share: one entry for all of them.
    near: FxHashMap<u128, Arc<LexicalEntry>>,
    bytes: usize,
    cleared: u64,
}

/// Memory of one vocabulary's lexical entries: a few thousand at 128k tokens.
const MAX_CACHE_BYTES: usize = 96 << 20;

impl LexicalCache {
    pub(crate) fn new() -> Self {
        LexicalCache {
            entries: Mutex::default(),
            max_bytes: MAX_CACHE_BYTES,
            long: OnceLock::new(),
        }
    }

    /// The entry for `lex` at the trie node `root`, built if need be.
    pub(crate) fn get(
        &self,
        vocabulary: &Vocabulary,
        automaton: &mut dyn ByteAutomaton,
        lex: LexState,
        root: NodeId,
        fuel: &mut Fuel,
    ) -> Result<Arc<LexicalEntry>, AutomatonError> {
        let key = (automaton.lex_fingerprint(lex), root);
        // A poisoned lock only means that another thread panicked between two complete
        // insertions; the map itself is sound.
        let lock = || self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = lock().by_state.get(&key) {
            return Ok(entry.clone());
        }
        let near = automaton.lex_near_fingerprint(lex).filter(|_| root == TokenTrie::ROOT);
        let base = near.and_then(|near| lock().near.get(&near).cloned());
        let like = match base {
            Some(base) => {
                let long = self.long.get_or_init(|| long_tokens(vocabulary));
                LexicalEntry::build_like(&base, long, vocabulary, automaton, lex, fuel)?
            }
            None => None,
        };
        let entry = match like {
            Some(entry) => entry,
            None => LexicalEntry::build(vocabulary, automaton, lex, root, fuel)?,
        };
        let entry = Arc::new(entry);
        let mut entries = lock();
        if entries.bytes + entry.bytes > self.max_bytes {
            entries.by_state.clear();
            entries.near.clear();
            entries.bytes = 0;
            entries.cleared += 1;
        }
        entries.bytes += entry.bytes;
        entries.by_state.insert(key, entry.clone());
        if let Some(near) = near {
            entries.near.entry(near).or_insert_with(|| entry.clone());
        }
        Ok(entry)
    }

    /// Entries, bytes held, and how often the cache was cleared.
    pub(crate) fn usage(&self) -> (usize, usize, u64) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        (entries.by_state.len(), entries.bytes, entries.cleared)
    }
}

/// The tokens beyond the nearer horizon, sorted.
fn long_tokens(vocabulary: &Vocabulary) -> Vec<TokenId> {
    let trie = vocabulary.trie();
    let far = |node: &NodeId| trie.depth(*node) > LEX_NEAR_HORIZON as usize;
    let nodes = (0..trie.len() as NodeId).filter(far);
    let mut long: Vec<TokenId> = nodes.flat_map(|node| trie.tokens_at(node)).copied().collect();
    long.sort_unstable();
    long
}
