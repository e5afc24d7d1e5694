//! Entries of lexer states, shared by all constraints of a vocabulary.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LexState};
use structgen_vocab::{NodeId, Vocabulary};

use super::LexicalEntry;

/// Entries by fingerprint, within a memory budget.
pub(crate) struct LexicalCache {
    entries: Mutex<CacheEntries>,
    max_bytes: usize,
}

#[derive(Default)]
struct CacheEntries {
    by_state: FxHashMap<(u128, NodeId), Arc<LexicalEntry>>,
    bytes: usize,
    cleared: u64,
}

/// Memory of one vocabulary's lexical entries: a few thousand at 128k tokens.
const MAX_CACHE_BYTES: usize = 96 << 20;

impl LexicalCache {
    pub(crate) fn new() -> Self {
        LexicalCache { entries: Mutex::default(), max_bytes: MAX_CACHE_BYTES }
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
        let entry = Arc::new(LexicalEntry::build(vocabulary, automaton, lex, root, fuel)?);
        let mut entries = lock();
        if entries.bytes + entry.bytes > self.max_bytes {
            entries.by_state.clear();
            entries.bytes = 0;
            entries.cleared += 1;
        }
        entries.bytes += entry.bytes;
        entries.by_state.insert(key, entry.clone());
        Ok(entry)
    }

    /// Entries, bytes held, and how often the cache was cleared.
    pub(crate) fn usage(&self) -> (usize, usize, u64) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        (entries.by_state.len(), entries.bytes, entries.cleared)
    }
}
