use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use structgen_automaton::Exactness;
use structgen_engine::{Compiled, EngineError, Limits as EngineLimits, TextAutomaton};

use crate::automaton::Automaton;
use crate::errors::engine_error;
use crate::limits::Limits;
use crate::vocabulary::Vocabulary;

/// A constraint at text level: immutable, without a vocabulary.
#[pyclass(frozen, module = "structgen._core")]
pub struct Program {
    inner: Arc<structgen_engine::Program>,
    text: Mutex<Option<TextAutomaton>>,
}

impl Program {
    fn wrap(
        py: Python<'_>,
        limits: Option<&Limits>,
        build: impl FnOnce(&EngineLimits) -> Result<structgen_engine::Program, EngineError> + Send,
    ) -> PyResult<Self> {
        let limits = limits.map(|limits| limits.inner.clone()).unwrap_or_default();
        let inner = py.detach(|| build(&limits)).map_err(|error| engine_error(py, error))?;
        Ok(Program { inner: Arc::new(inner), text: Mutex::new(None) })
    }

    fn on_text<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&mut TextAutomaton) -> Result<T, EngineError> + Send,
    ) -> PyResult<T> {
        py.detach(|| {
            let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
            match text.as_mut() {
                Some(automaton) => ask(automaton),
                None => {
                    let fresh = TextAutomaton::new(&self.inner)?;
                    ask(text.insert(fresh))
                }
            }
        })
        .map_err(|error| engine_error(py, error))
    }
}

fn inner(parts: &[PyRef<'_, Program>]) -> Vec<Arc<structgen_engine::Program>> {
    parts.iter().map(|part| part.inner.clone()).collect()
}

/// As Python spells it.
pub fn exactness_name(exactness: Exactness) -> &'static str {
    match exactness {
        Exactness::Exact => "exact",
        Exactness::Superset => "superset",
    }
}

#[pymethods]
impl Program {
    #[staticmethod]
    #[pyo3(signature = (pattern, /, *, dialect = "python", limits = None))]
    fn regex(
        py: Python<'_>,
        pattern: &str,
        dialect: &str,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let dialect =
            structgen_engine::dialect_by_name(dialect).map_err(|error| engine_error(py, error))?;
        Self::wrap(py, limits, |limits| structgen_engine::Program::regex(pattern, dialect, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (options, /, *, limits = None))]
    fn choice(py: Python<'_>, options: Vec<String>, limits: Option<&Limits>) -> PyResult<Self> {
        Self::wrap(py, limits, |limits| structgen_engine::Program::choice(options, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (schema_json, options_json, /, *, limits = None))]
    fn json_schema(
        py: Python<'_>,
        schema_json: &str,
        options_json: &str,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        Self::wrap(py, limits, |limits| {
            structgen_engine::Program::json_schema(schema_json, options_json, limits)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (ir_json, /, subprograms = None, *, limits = None))]
    fn grammar(
        py: Python<'_>,
        ir_json: &str,
        subprograms: Option<BTreeMap<String, PyRef<'_, Program>>>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let programs = subprograms
            .unwrap_or_default()
            .into_iter()
            .map(|(name, program)| (name, program.inner.clone()))
            .collect();
        Self::wrap(py, limits, |limits| {
            structgen_engine::Program::grammar(ir_json, programs, limits)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (name, /, *, limits = None))]
    fn special_token(py: Python<'_>, name: &str, limits: Option<&Limits>) -> PyResult<Self> {
        Self::wrap(py, limits, |limits| structgen_engine::Program::special_token(name, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (parts, /, *, limits = None))]
    fn concatenate(
        py: Python<'_>,
        parts: Vec<PyRef<'_, Program>>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let parts = inner(&parts);
        Self::wrap(py, limits, |limits| structgen_engine::Program::concatenate(parts, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (parts, /, *, limits = None))]
    fn union(
        py: Python<'_>,
        parts: Vec<PyRef<'_, Program>>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let parts = inner(&parts);
        Self::wrap(py, limits, |limits| structgen_engine::Program::union(parts, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (part, /, *, min = 0, max = None, limits = None))]
    fn repeat(
        py: Python<'_>,
        part: PyRef<'_, Program>,
        min: u32,
        max: Option<u32>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let part = part.inner.clone();
        Self::wrap(py, limits, |limits| structgen_engine::Program::repeat(part, min, max, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (parts, /, *, limits = None))]
    fn intersect(
        py: Python<'_>,
        parts: Vec<PyRef<'_, Program>>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let parts = inner(&parts);
        Self::wrap(py, limits, |limits| structgen_engine::Program::intersect(parts, limits))
    }

    #[getter]
    fn exactness(&self) -> &'static str {
        exactness_name(self.inner.exactness())
    }

    #[getter]
    fn limits(&self) -> Limits {
        Limits { inner: self.inner.limits().clone() }
    }

    #[getter]
    fn report_json(&self) -> &str {
        self.inner.report().unwrap_or("[]")
    }

    #[pyo3(signature = (vocabulary, /, limits = None))]
    fn compile(
        &self,
        py: Python<'_>,
        vocabulary: Py<Vocabulary>,
        limits: Option<&Limits>,
    ) -> PyResult<Automaton> {
        let limits = limits.map_or_else(|| self.inner.limits().clone(), |l| l.inner.clone());
        let shared = vocabulary.get().shared.clone();
        let program = self.inner.clone();
        let compiled = py
            .detach(|| Compiled::new(program, shared, limits))
            .map_err(|error| engine_error(py, error))?;
        Ok(Automaton::new(compiled, vocabulary))
    }

    #[pyo3(signature = (text, /))]
    fn accepts(&self, py: Python<'_>, text: &[u8]) -> PyResult<bool> {
        Ok(self.on_text(py, |automaton| automaton.read(text))?.1)
    }

    #[pyo3(signature = (text, /))]
    fn live_prefix(&self, py: Python<'_>, text: &[u8]) -> PyResult<usize> {
        Ok(self.on_text(py, |automaton| automaton.read(text))?.0)
    }

    #[pyo3(signature = (*, seed, max_bytes = 400))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        seed: u64,
        max_bytes: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        match self.on_text(py, |automaton| automaton.sample(seed, max_bytes))? {
            Some(text) => Ok(PyBytes::new(py, &text)),
            None => Err(crate::errors::raise(
                py,
                "DeadEnd",
                "the random walk came to a dead end: parts of the intersection conflict",
                &[],
            )),
        }
    }
}
