//! A vocabulary with what was learnt about it, in memory and in a file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustc_hash::FxHashMap;
use structgen_vocab::{Vocabulary, VocabularyError, read_file, write_file};

use crate::lexical::{LexicalCache, Saved};

/// A vocabulary with what was learnt about it, shared by all constraints.
pub struct SharedVocabulary {
    /// The tokens.
    pub vocabulary: Vocabulary,
    pub(crate) lexical: LexicalCache,
}

impl SharedVocabulary {
    /// Wraps a vocabulary.
    pub fn new(vocabulary: Vocabulary) -> Self {
        Self::with(vocabulary, Saved::default())
    }

    fn with(vocabulary: Vocabulary, saved: Saved) -> Self {
        SharedVocabulary { vocabulary, lexical: LexicalCache::new(saved) }
    }

    /// Writes the vocabulary to a file, as a whole or not at all; with what was learnt about it, if
    /// `entries`.
    pub fn save(&self, path: &Path, entries: bool) -> Result<(), VocabularyError> {
        let learnt = match entries {
            true => self.lexical.to_store(&self.vocabulary),
            false => Vec::new(),
        };
        write_file(path, &[&self.vocabulary.to_store(), &learnt])
    }

    /// The vocabulary of a file that [`Self::save`] wrote; any other is refused. What another
    /// version has learnt is left out.
    pub fn load(path: &Path) -> Result<Self, VocabularyError> {
        let bytes = read_file(path)?;
        let place = format!("`{}`", path.display());
        let (vocabulary, learnt) = Vocabulary::from_store(&bytes, &place)?;
        let saved = match learnt {
            [] => Saved::default(),
            learnt => Saved::read(learnt).map_err(|problem| VocabularyError::Unreadable {
                place,
                problem: problem.to_owned(),
            })?,
        };
        Ok(Self::with(vocabulary, saved))
    }

    /// How many lexer states the file knew that the vocabulary came from.
    pub fn saved_entries(&self) -> usize {
        self.lexical.saved_entries()
    }

    /// The same, to be found by [`Self::unpickled`] for as long as it is held. One that is held
    /// already, and equal, goes on to be the one that is found.
    pub fn known(self) -> Arc<Self> {
        let shared = Arc::new(self);
        KNOWN.first(&shared);
        shared
    }

    /// The vocabulary of [`Vocabulary::to_store`], as it comes with each constraint that was
    /// bound to it: the one that is held already, if it is. All constraints then share it, and what
    /// was learnt about it.
    pub fn unpickled(bytes: &[u8]) -> Result<Arc<Self>, VocabularyError> {
        let fingerprint = Vocabulary::claimed_fingerprint(bytes);
        if let Some(known) = fingerprint.and_then(|fingerprint| KNOWN.get(fingerprint)) {
            return Ok(known);
        }
        let (vocabulary, _) = Vocabulary::from_store(bytes, "the pickle")?;
        Ok(KNOWN.first(&Arc::new(SharedVocabulary::new(vocabulary))))
    }
}

/// The vocabularies of the process by fingerprint, as long as somebody holds them.
struct Known(Mutex<Option<FxHashMap<u128, Weak<SharedVocabulary>>>>);

static KNOWN: Known = Known(Mutex::new(None));

impl Known {
    fn get(&self, fingerprint: u128) -> Option<Arc<SharedVocabulary>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref()?.get(&fingerprint)?.upgrade()
    }

    /// The first of those equal to `shared` that is still held, `shared` itself included.
    fn first(&self, shared: &Arc<SharedVocabulary>) -> Arc<SharedVocabulary> {
        let fingerprint = shared.vocabulary.fingerprint();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some(first) = known.get(&fingerprint).and_then(Weak::upgrade) {
            return first;
        }
        known.retain(|_, vocabulary| vocabulary.strong_count() > 0);
        known.insert(fingerprint, Arc::downgrade(shared));
        shared.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn vocabulary(token: &str) -> SharedVocabulary {
        let tokens = [Some(token), None];
        let built = Vocabulary::new(&tokens, &[1], &BTreeMap::new(), None).unwrap();
        SharedVocabulary::new(built)
    }

    #[test]
    fn pickles_share_a_vocabulary_while_it_is_held() {
        let first = vocabulary("shared").known();
        let bytes = first.vocabulary.to_store();
        let second = vocabulary("shared").known();
        // Built on purpose, so not the same; but a pickle is not another.
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&SharedVocabulary::unpickled(&bytes).unwrap(), &first));
        drop((first, second));
        let held: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| SharedVocabulary::unpickled(&bytes).unwrap()))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert!(held.iter().all(|other| Arc::ptr_eq(other, &held[0])));
        let other = vocabulary("other").vocabulary.to_store();
        assert!(!Arc::ptr_eq(&SharedVocabulary::unpickled(&other).unwrap(), &held[0]));
    }

    #[test]
    fn a_pickle_that_is_none_is_refused() {
        let error = SharedVocabulary::unpickled(b"nonsense").err().unwrap().to_string();
        assert!(error.contains("the pickle"), "{error}");
    }
}
