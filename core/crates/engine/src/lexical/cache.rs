//! Entries of lexer states, shared by all constraints of a vocabulary.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, ByteAutomaton, Fuel, LEX_NEAR_HORIZON, LexState};
use structgen_vocab::{NodeId, TokenId, TokenTrie, Vocabulary};

use super::LexicalEntry;
use super::store::{Saved, Writer};

/// Entries by fingerprint, within a memory budget.
pub(crate) struct LexicalCache {
    entries: Mutex<CacheEntries>,
    max_bytes: usize,
    /// Tokens beyond the nearer horizon, sorted.
    long: OnceLock<Vec<TokenId>>,
    /// What came from a file.
    saved: Saved,
}

#[derive(Default)]
struct CacheEntries {
    by_state: FxHashMap<(u128, NodeId), Known>,
    /// At the root, by the fingerprint that more states share: one entry for all of them.
    near: FxHashMap<u128, Arc<LexicalEntry>>,
    bytes: usize,
    cleared: u64,
}

struct Known {
    entry: Arc<LexicalEntry>,
    /// The fingerprints for files, where they are known.
    lasting: Option<[u128; 2]>,
}

/// Memory of one vocabulary's lexical entries: a few thousand at 128k tokens.
const MAX_CACHE_BYTES: usize = 96 << 20;

/// Of a file with entries; they take a fraction of their memory there.
const MAX_FILE_BYTES: usize = 32 << 20;

impl LexicalCache {
    /// With what a file has, if anything.
    pub(crate) fn new(saved: Saved) -> Self {
        LexicalCache {
            entries: Mutex::default(),
            max_bytes: MAX_CACHE_BYTES,
            long: OnceLock::new(),
            saved,
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
        if let Some(known) = lock().by_state.get(&key) {
            return Ok(known.entry.clone());
        }
        let before = fuel.spent();
        let looks_up = self.saved.len() > 0;
        let mut lasting = None;
        if looks_up {
            lasting = automaton.lex_lasting_fingerprints(lex);
        }
        let near = automaton.lex_near_fingerprint(lex).filter(|_| root == TokenTrie::ROOT);
        let saved = lasting.and_then(|[print, _]| self.saved.entry((print, root), vocabulary));
        let entry = match saved {
            Some(entry) => entry,
            None => {
                let base = near.and_then(|near| lock().near.get(&near).cloned());
                let saved_base = || self.saved.like(lasting?[1], vocabulary).map(Arc::new);
                match base.or_else(|| near.and_then(|_| saved_base())) {
                    Some(base) => {
                        let long = self.long.get_or_init(|| long_tokens(vocabulary));
                        LexicalEntry::build_like(&base, long, vocabulary, automaton, lex, fuel)?
                    }
                    None => None,
                }
                .map_or_else(|| LexicalEntry::build(vocabulary, automaton, lex, root, fuel), Ok)?
            }
        };
        let steps = fuel.spent() - before;
        if !looks_up && steps >= worth_saving(vocabulary.trie()) {
            lasting = automaton.lex_lasting_fingerprints(lex);
        }
        // All constraints share entries, and not every answer of a spoilt automaton is an error.
        if automaton.is_spoilt() {
            fuel.look_around()?;
            return Err(AutomatonError::Limit { name: "mask_ms", limit: 0 });
        }
        let entry = Arc::new(entry);
        let mut entries = lock();
        if entries.bytes + entry.bytes > self.max_bytes {
            entries.by_state.clear();
            entries.near.clear();
            entries.bytes = 0;
            entries.cleared += 1;
        }
        entries.bytes += entry.bytes;
        entries.by_state.insert(key, Known { entry: entry.clone(), lasting });
        if let Some(near) = near {
            entries.near.entry(near).or_insert_with(|| entry.clone());
        }
        Ok(entry)
    }

    /// Entries, bytes held, and how often the cache was cleared.
    pub(crate) fn usage(&self) -> (usize, usize, u64) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = entries.bytes + self.saved.bytes();
        (entries.by_state.len(), bytes, entries.cleared)
    }

    /// Of how many states a file has entries.
    pub(crate) fn saved_entries(&self) -> usize {
        self.saved.len()
    }

    /// What is known, and what was known to the file that all began with, for another file.
    pub(crate) fn to_store(&self, vocabulary: &Vocabulary) -> Vec<u8> {
        let mut writer = Writer::new(MAX_FILE_BYTES);
        let mut known: Vec<_> = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let named = entries.by_state.iter().filter_map(|(&(_, root), known)| {
                Some((known.lasting?, root, known.entry.clone()))
            });
            named.collect()
        };
        known.sort_unstable_by_key(|(lasting, root, _)| (*lasting, *root));
        for (lasting, root, entry) in known {
            writer.add(lasting, root, &entry, vocabulary);
        }
        for (lasting, root) in self.saved.keys() {
            if let Some(entry) = self.saved.entry((lasting[0], root), vocabulary) {
                writer.add(lasting, root, &entry, vocabulary);
            }
        }
        writer.finish()
    }
}

/// An entry is worth a file if to build it took more than so many steps, for a trie of so many nodes:
/// what a vocabulary would have to look at to find it there costs as much. In a small one all are.
fn worth_saving(trie: &TokenTrie) -> u64 {
    (trie.len() as u64 / 256).saturating_sub(8)
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
