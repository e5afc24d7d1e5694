use std::sync::{Arc, Mutex, PoisonError};

use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use structgen_engine::{Compiled, EngineError, Position, Tokens};
use structgen_vocab::TokenId;

use crate::errors::engine_error;
use crate::forks::detached;
use crate::limits::Limits;
use crate::matcher::Matcher;
use crate::pickling::restorer;
use crate::program::{Program, exactness_name};
use crate::vocabulary::Vocabulary;

/// A constraint compiled for one vocabulary.
#[pyclass(frozen, module = "structgen._core")]
pub struct Automaton {
    compiled: Arc<Compiled>,
    program: Py<Program>,
    vocabulary: Py<Vocabulary>,
    /// The automaton that state numbers belong to: fixed until `clear_cache`, whatever
    /// matchers do.
    pinned: Mutex<Arc<Tokens>>,
}

impl Automaton {
    pub fn new(compiled: Compiled, program: Py<Program>, vocabulary: Py<Vocabulary>) -> Self {
        let pinned = Mutex::new(compiled.tokens());
        Automaton { compiled: Arc::new(compiled), program, vocabulary, pinned }
    }

    pub fn bound_to<'py>(&self, py: Python<'py>) -> &Bound<'py, Vocabulary> {
        self.vocabulary.bind(py)
    }

    pub fn limits(&self) -> &structgen_engine::Limits {
        self.compiled.limits()
    }

    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&Tokens) -> Result<T, EngineError> + Send,
    ) -> PyResult<T> {
        let tokens = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        detached(py, || ask(&tokens)).map_err(|error| engine_error(py, error))
    }

    fn at(&self, py: Python<'_>, state: u32) -> PyResult<Position> {
        let at = Position(state);
        if self.ask(py, |tokens| Ok(tokens.knows(at)))? {
            Ok(at)
        } else {
            Err(PyValueError::new_err(format!("{state} is not a state of this automaton")))
        }
    }
}

/// What builds it anew, from what.
type Reduced<'py> = (Bound<'py, PyAny>, (Py<Program>, Py<Vocabulary>, Limits));

#[pymethods]
impl Automaton {
    #[getter]
    fn vocabulary(&self, py: Python<'_>) -> Py<Vocabulary> {
        self.vocabulary.clone_ref(py)
    }

    #[getter]
    fn exactness(&self) -> &'static str {
        exactness_name(self.compiled.tokens().exactness())
    }

    #[getter]
    fn generation(&self) -> u64 {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner).generation()
    }

    #[getter]
    fn start(&self, py: Python<'_>) -> PyResult<u32> {
        self.ask(py, |tokens| Ok(tokens.start().0))
    }

    #[pyo3(signature = (state, token_id, /))]
    fn advance(&self, py: Python<'_>, state: u32, token_id: u32) -> PyResult<u32> {
        let at = self.at(py, state)?;
        self.ask(py, |tokens| Ok(tokens.advance(at, TokenId(token_id))?.0))
    }

    #[pyo3(signature = (state, token_id, /))]
    fn allows(&self, py: Python<'_>, state: u32, token_id: u32) -> PyResult<bool> {
        Ok(self.advance(py, state, token_id)? != Position::DEAD.0)
    }

    #[pyo3(signature = (state, /))]
    fn accepts(&self, py: Python<'_>, state: u32) -> PyResult<bool> {
        let at = self.at(py, state)?;
        self.ask(py, |tokens| tokens.is_accepting(at))
    }

    #[pyo3(signature = (state, /))]
    fn mask<'py>(&self, py: Python<'py>, state: u32) -> PyResult<Bound<'py, PyArray1<i32>>> {
        let at = self.at(py, state)?;
        let mask = self.ask(py, |tokens| tokens.mask(at))?;
        let words: Vec<i32> = mask.words().iter().map(|&word| word as i32).collect();
        let array = PyArray1::from_vec(py, words);
        array.readwrite().make_nonwriteable();
        Ok(array)
    }

    #[pyo3(signature = (state, /))]
    fn forced<'py>(&self, py: Python<'py>, state: u32) -> PyResult<Bound<'py, PyBytes>> {
        let at = self.at(py, state)?;
        let text = self.ask(py, |tokens| tokens.forced(at, 4096))?;
        Ok(PyBytes::new(py, &text))
    }

    #[pyo3(signature = (state, /))]
    fn completion<'py>(
        &self,
        py: Python<'py>,
        state: u32,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let at = self.at(py, state)?;
        let text = self.ask(py, |tokens| tokens.completion(at))?;
        Ok(text.map(|text| PyBytes::new(py, &text)))
    }

    pub fn matcher(slf: &Bound<'_, Self>) -> PyResult<Matcher> {
        let (py, automaton) = (slf.py(), slf.get());
        let inner = detached(py, || automaton.compiled.matcher())
            .map_err(|error| engine_error(py, error))?;
        Ok(Matcher::new(inner, slf.clone().unbind()))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let limits = Limits { inner: self.compiled.limits().clone() };
        let parts = (self.program.clone_ref(py), self.vocabulary.clone_ref(py), limits);
        Ok((restorer(py, "_restore_automaton")?, parts))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (memo, /))]
    fn __deepcopy__(slf: Py<Self>, memo: &Bound<'_, PyAny>) -> Py<Self> {
        let _ = memo;
        slf
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = detached(py, || self.compiled.stats());
        let counters = PyDict::new(py);
        counters.set_item("states", stats.states)?;
        counters.set_item("state_bytes", stats.state_bytes)?;
        counters.set_item("masks", stats.masks)?;
        counters.set_item("mask_bytes", stats.mask_bytes)?;
        counters.set_item("lexical_entries", stats.lexical_entries)?;
        counters.set_item("lexical_bytes", stats.lexical_bytes)?;
        counters.set_item("lexical_cleared", stats.lexical_cleared)?;
        counters.set_item("mask_hits", stats.mask_hits)?;
        counters.set_item("mask_misses", stats.mask_misses)?;
        counters.set_item("masks_cleared", stats.masks_cleared)?;
        counters.set_item("renewals", stats.renewals)?;
        Ok(counters)
    }

    fn clear_cache(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.compiled.clear()).map_err(|error| engine_error(py, error))?;
        *self.pinned.lock().unwrap_or_else(PoisonError::into_inner) = self.compiled.tokens();
        Ok(())
    }
}
