use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use structgen_automaton::Completions;
use structgen_engine::{EngineError, lock_unless_cancelled};
use structgen_vocab::TokenId;

use crate::automaton::Automaton;
use crate::errors::{Field, engine_error, raise};
use crate::forks::detached;
use crate::masks::MaskArray;
use crate::pickling::{not_picklable, restorer};
use crate::program::exactness_name;
use crate::vocabulary::Vocabulary;

/// A position in the automaton that remembers how it got there.
#[pyclass(frozen, module = "structgen._core")]
pub struct Matcher {
    inner: Mutex<structgen_engine::Matcher>,
    automaton: Py<Automaton>,
}

impl Matcher {
    pub fn new(inner: structgen_engine::Matcher, automaton: Py<Automaton>) -> Self {
        Matcher { inner: Mutex::new(inner), automaton }
    }

    /// After these tokens of another matcher.
    pub fn replayed(automaton: &Bound<'_, Automaton>, tokens: &[u32]) -> PyResult<Self> {
        let matcher = Automaton::matcher(automaton)?;
        for (position, &id) in tokens.iter().enumerate() {
            if !matcher.ask(automaton.py(), |inner| inner.advance(TokenId(id)))? {
                let message = format!(
                    "the constraint does not allow token {id} at {position}, which the pickled \
                     matcher had read"
                );
                let fields = [
                    ("token_id", Field::Number(id.into())),
                    ("position", Field::Number(position as u64)),
                ];
                return Err(raise(automaton.py(), "TokenRejected", &message, &fields));
            }
        }
        Ok(matcher)
    }

    /// For callers that hold the GIL: it is released while they wait, since whoever has the lock
    /// may be long, and needs the GIL to ask for signals. The lock itself is taken under the GIL:
    /// a thread that held it while it waits for the GIL could be overtaken by a fork.
    pub fn lock(&self, py: Python<'_>) -> MutexGuard<'_, structgen_engine::Matcher> {
        loop {
            match self.inner.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => detached(py, || drop(self.inner.lock())),
            }
        }
    }

    pub fn ask<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&mut structgen_engine::Matcher) -> Result<T, EngineError> + Send,
    ) -> PyResult<T> {
        let cancel = self.automaton.get().limits().cancel.as_ref();
        detached(py, || ask(&mut *lock_unless_cancelled(&self.inner, cancel)?))
            .map_err(|error| engine_error(py, error))
    }
}

/// Ids that no vocabulary has are refused as tokens, not as arguments.
fn token(id: i64) -> TokenId {
    TokenId(u32::try_from(id).unwrap_or(u32::MAX))
}

/// What builds it anew, from what.
type Reduced<'py> = (Bound<'py, PyAny>, (Py<Automaton>, Vec<u32>));

#[pymethods]
impl Matcher {
    #[getter]
    fn vocabulary(&self, py: Python<'_>) -> Py<Vocabulary> {
        self.automaton.get().bound_to(py).clone().unbind()
    }

    #[getter]
    fn exactness(&self, py: Python<'_>) -> &'static str {
        exactness_name(self.lock(py).automaton().exactness())
    }

    #[getter]
    fn closes(&self, py: Python<'_>) -> bool {
        self.lock(py).automaton().completions() == Completions::Known
    }

    #[getter]
    fn state(&self, py: Python<'_>) -> u32 {
        self.lock(py).position().0
    }

    #[getter]
    fn generation(&self, py: Python<'_>) -> u64 {
        self.lock(py).automaton().generation()
    }

    #[getter]
    fn tokens(&self, py: Python<'_>) -> Vec<u32> {
        self.lock(py).committed().map(|t| t.0).collect()
    }

    #[pyo3(signature = (mask, row = 0, /))]
    fn fill_mask(&self, py: Python<'_>, mut mask: MaskArray<'_>, row: usize) -> PyResult<()> {
        let size = self.lock(py).vocabulary().size();
        let mut rows = mask.rows(size)?;
        let count = rows.len();
        let Some(words) = rows.get_mut(row) else {
            return Err(PyValueError::new_err(format!("row {row} of a mask of {count} rows")));
        };
        self.ask(py, |matcher| matcher.ask(|automaton, at| automaton.fill_mask(at, words)))
    }

    #[pyo3(signature = (token_id, /))]
    fn advance(&self, py: Python<'_>, token_id: i64) -> PyResult<bool> {
        self.ask(py, |matcher| matcher.advance(token(token_id)))
    }

    #[pyo3(signature = (token_id, /))]
    fn allows(&self, py: Python<'_>, token_id: i64) -> PyResult<bool> {
        self.ask(py, |matcher| matcher.allows(token(token_id)))
    }

    #[pyo3(signature = (token_ids, /))]
    fn validate(&self, py: Python<'_>, token_ids: Vec<i64>) -> PyResult<usize> {
        let tokens: Vec<TokenId> = token_ids.into_iter().map(token).collect();
        self.ask(py, |matcher| matcher.validate(&tokens))
    }

    #[pyo3(signature = (count, /))]
    fn rollback(&self, py: Python<'_>, count: i64) -> PyResult<()> {
        let count = usize::try_from(count).map_err(|_| {
            PyValueError::new_err(format!("cannot roll back {count} tokens: a count is 0 or more"))
        })?;
        self.ask(py, |matcher| matcher.rollback(count))
    }

    fn reset(&self, py: Python<'_>) {
        self.lock(py).reset();
    }

    fn fork(&self, py: Python<'_>) -> Matcher {
        Matcher::new(self.lock(py).clone(), self.automaton.clone_ref(py))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let inner = self.lock(py);
        if inner.has_read_text() {
            return Err(not_picklable(
                py,
                "a matcher that has read text by `advance_text` cannot be pickled, since it would \
                 be lost: pickle the automaton with the text and the tokens, and have a new \
                 matcher read them again",
            ));
        }
        let tokens = inner.committed().map(|token| token.0).collect();
        Ok((restorer(py, "_restore_matcher")?, (self.automaton.clone_ref(py), tokens)))
    }

    fn __copy__(&self, py: Python<'_>) -> Matcher {
        self.fork(py)
    }

    #[pyo3(signature = (memo, /))]
    fn __deepcopy__(&self, py: Python<'_>, memo: &Bound<'_, PyAny>) -> Matcher {
        let _ = memo;
        self.fork(py)
    }

    fn is_accepting(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, |matcher| matcher.is_accepting())
    }

    fn is_terminated(&self, py: Python<'_>) -> bool {
        self.lock(py).is_terminated()
    }

    fn forced_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let text = self.ask(py, |matcher| matcher.forced())?;
        Ok(PyBytes::new(py, &text))
    }

    fn forced_text(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = self.ask(py, |matcher| matcher.forced())?;
        // Inside a code point already: its remaining bytes are no text of their own.
        let skip = text.iter().take_while(|&&b| b & 0xC0 == 0x80).count();
        if skip > 0 {
            return Ok(String::new());
        }
        if let Err(error) = std::str::from_utf8(&text) {
            text.truncate(error.valid_up_to());
        }
        Ok(String::from_utf8(text).unwrap_or_default())
    }

    fn completion<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let text = self.ask(py, |matcher| matcher.ask(structgen_engine::Tokens::completion))?;
        Ok(text.map(|text| PyBytes::new(py, &text)))
    }

    fn completion_tokens(&self, py: Python<'_>) -> PyResult<Option<Vec<u32>>> {
        self.ask(py, |matcher| {
            Ok(matcher.completion()?.map(|tokens| tokens.iter().map(|t| t.0).collect()))
        })
    }

    #[pyo3(signature = (*, effort = 50_000))]
    fn min_tokens_left(&self, py: Python<'_>, effort: u64) -> PyResult<u32> {
        self.ask(py, |matcher| matcher.min_tokens_left(effort))
    }

    #[pyo3(signature = (text, /))]
    fn advance_text(&self, py: Python<'_>, text: &[u8]) -> PyResult<usize> {
        self.ask(py, |matcher| matcher.advance_bytes(text))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let matcher = self.lock(py);
        format!(
            "Matcher(tokens={}, state={}, terminated={})",
            matcher.committed().len(),
            matcher.position().0,
            if matcher.is_terminated() { "True" } else { "False" }
        )
    }
}
