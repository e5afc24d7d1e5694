use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySequence, PyString, PyTuple};
use structgen_automaton::Exactness;
use structgen_engine::{
    Compiled, EngineError, Escapes, Limits as EngineLimits, TextAutomaton, lock_unless_cancelled,
};

use crate::automaton::Automaton;
use crate::errors::{automaton_error, engine_error};
use crate::forks::detached;
use crate::limits::Limits;
use crate::pickling::{SourceOf, restorer};
use crate::vocabulary::Vocabulary;
use crate::workers::{LARGE, in_worker};

/// A constraint at text level: immutable, without a vocabulary.
#[pyclass(frozen, module = "structgen._core")]
pub struct Program {
    inner: Arc<structgen_engine::Program>,
    source: Source,
    /// Large, and made under limits of the caller's: workers build it.
    by_workers: bool,
    text: Mutex<Option<TextAutomaton>>,
}

/// The call that made a program: what it is pickled as.
struct Source {
    /// The static method.
    kind: &'static str,
    /// Its arguments, but for parts: those come after these, as the method wants them.
    args: Py<PyTuple>,
    /// Its keywords, but for `limits`.
    options: Py<PyDict>,
    parts: Vec<Py<Program>>,
}

impl Source {
    /// Of a method with arguments alone.
    fn of_args<'py>(
        kind: &'static str,
        args: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
        py: Python<'py>,
    ) -> PyResult<Self> {
        let args = args.into_pyobject(py)?.unbind();
        Ok(Source { kind, args, options: PyDict::new(py).unbind(), parts: Vec::new() })
    }

    /// Of a method that takes a list of programs.
    fn of_parts(kind: &'static str, parts: Vec<Py<Program>>, py: Python<'_>) -> Self {
        let (args, options) = (PyTuple::empty(py).unbind(), PyDict::new(py).unbind());
        Source { kind, args, options, parts }
    }
}

impl Program {
    fn wrap(
        py: Python<'_>,
        source: Source,
        limits: Option<&Limits>,
        build: impl FnOnce(&EngineLimits) -> Result<structgen_engine::Program, EngineError> + Send,
    ) -> PyResult<Self> {
        let limits = engine_limits(limits);
        let inner = detached(py, || build(&limits)).map_err(|error| engine_error(py, error))?;
        Ok(Program { inner: Arc::new(inner), source, by_workers: false, text: Mutex::new(None) })
    }

    /// Of a source of `size` bytes, `spent` of whose time is gone. Without limits of the caller's
    /// there is no token, and the time is so long that a late look is no matter.
    fn of_source(
        py: Python<'_>,
        source: Source,
        size: usize,
        (given, spent): (Option<&Limits>, Duration),
        build: impl FnOnce(&EngineLimits) -> Result<structgen_engine::Program, EngineError>
        + Send
        + 'static,
    ) -> PyResult<Self> {
        if given.is_none() || size < LARGE {
            return Self::wrap(py, source, given, build);
        }
        let limits = engine_limits(given);
        let under = limits.clone();
        let inner = in_worker(py, &limits, spent, move || build(&under))
            .map_err(|error| engine_error(py, error))?;
        Ok(Program { inner: Arc::new(inner), source, by_workers: true, text: Mutex::new(None) })
    }

    /// This program and all its parts, each after its own parts and only once, as
    /// `(kind, args, options, numbers of its parts, limits)`. A list, and not programs in one
    /// another: those that nest deeply would be too much for pickle.
    fn sources<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let sources = PyList::empty(py);
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut limits: Vec<Bound<'py, Limits>> = Vec::new();
        let mut stack = vec![(slf.clone(), false)];
        while let Some((program, parts_done)) = stack.pop() {
            let key = program.as_ptr() as usize;
            if numbers.contains_key(&key) {
                continue;
            }
            let Program { inner, source, .. } = program.get();
            if !parts_done {
                stack.push((program.clone(), true));
                stack.extend(source.parts.iter().rev().map(|part| (part.bind(py).clone(), false)));
                continue;
            }
            let under = match limits.iter().find(|known| known.get().inner == *inner.limits()) {
                Some(known) => known.clone(),
                None => {
                    let fresh = Bound::new(py, Limits { inner: inner.limits().clone() })?;
                    limits.push(fresh.clone());
                    fresh
                }
            };
            let parts: Vec<usize> =
                source.parts.iter().map(|part| numbers[&(part.as_ptr() as usize)]).collect();
            let (args, options) = (source.args.bind(py), source.options.bind(py));
            sources.append((source.kind, args, options, parts, under))?;
            numbers.insert(key, numbers.len());
        }
        Ok(sources)
    }

    fn on_text<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&mut TextAutomaton) -> Result<T, EngineError> + Send,
    ) -> PyResult<T> {
        self.build_text(py).map_err(|error| engine_error(py, error))?;
        detached(py, || {
            let cancel = self.inner.limits().cancel.as_ref();
            let mut text = lock_unless_cancelled(&self.text, cancel)?;
            let automaton = match text.as_mut() {
                Some(automaton) => automaton,
                None => text.insert(TextAutomaton::new(&self.inner)?),
            };
            let answer = ask(automaton);
            if automaton.is_spoilt() {
                *text = None;
            }
            answer
        })
        .map_err(|error| engine_error(py, error))
    }
}

impl Program {
    /// Has the automaton of [`Self::on_text`] built by a worker, if it is not there and workers
    /// build this. Two threads that come at once build two, of which one stays.
    fn build_text(&self, py: Python<'_>) -> Result<(), EngineError> {
        if !self.by_workers {
            return Ok(());
        }
        let limits = self.inner.limits();
        let text = || lock_unless_cancelled(&self.text, limits.cancel.as_ref());
        if detached(py, || text().map(|text| text.is_some()))? {
            return Ok(());
        }
        let program = self.inner.clone();
        let built = in_worker(py, limits, Duration::ZERO, move || TextAutomaton::new(&program))?;
        detached(py, || {
            text()?.get_or_insert(built);
            Ok(())
        })
    }
}

/// The option of [`Program::json_schema`] that [`Program::with_escapes`] fills in.
const ESCAPES: &str = "escapes";

fn escapes_by_name(name: &str) -> PyResult<Escapes> {
    match name {
        "all" => Ok(Escapes::All),
        "minimal" => Ok(Escapes::Minimal),
        _ => Err(PyValueError::new_err(format!("escapes are `all` or `minimal`, not `{name}`"))),
    }
}

fn engine_limits(limits: Option<&Limits>) -> EngineLimits {
    limits.map(|limits| limits.inner.clone()).unwrap_or_default()
}

fn inner(parts: &[Py<Program>]) -> Vec<Arc<structgen_engine::Program>> {
    parts.iter().map(|part| part.get().inner.clone()).collect()
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
        pattern: &Bound<'_, PyString>,
        dialect: &str,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let source = Source::of_args("regex", (pattern,), py)?;
        source.options.bind(py).set_item("dialect", dialect)?;
        let pattern = pattern.to_str()?.to_owned();
        let dialect =
            structgen_engine::dialect_by_name(dialect).map_err(|error| engine_error(py, error))?;
        let under = (limits, Duration::ZERO);
        Self::of_source(py, source, pattern.len(), under, move |limits| {
            structgen_engine::Program::regex(&pattern, dialect, limits)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (options, /, *, limits = None, spent_ms = 0))]
    fn choice(
        py: Python<'_>,
        options: &Bound<'_, PySequence>,
        limits: Option<&Limits>,
        spent_ms: u64,
    ) -> PyResult<Self> {
        let options = options.to_tuple()?;
        let source = Source::of_args("choice", (&options,), py)?;
        // Half a million texts take as long to copy as to compile.
        let engine = engine_limits(limits);
        let fuel = &mut engine.compile_fuel_after(Duration::from_millis(spent_ms));
        let mut texts = Vec::with_capacity(options.len());
        let mut size = 0;
        for text in options.iter_borrowed() {
            fuel.spend(4).map_err(|error| automaton_error(py, error))?;
            let text = text.extract::<String>()?;
            size += text.len();
            texts.push(text);
        }
        let spent = fuel.time_spent().saturating_sub(engine.giving_back());
        Self::of_source(py, source, size, (limits, spent), move |limits| {
            structgen_engine::Program::choice(texts, limits, spent)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (
        schema_json, options_json, /, *, escapes = None, limits = None, spent_ms = 0
    ))]
    fn json_schema(
        py: Python<'_>,
        schema_json: &Bound<'_, PyString>,
        options_json: &Bound<'_, PyString>,
        escapes: Option<&str>,
        limits: Option<&Limits>,
        spent_ms: u64,
    ) -> PyResult<Self> {
        let source = Source::of_args("json_schema", (schema_json, options_json), py)?;
        let [schema, settings] =
            [schema_json.to_str()?.to_owned(), options_json.to_str()?.to_owned()];
        if escapes.is_some() {
            source.options.bind(py).set_item(ESCAPES, escapes)?;
        }
        let escapes = escapes.map(escapes_by_name).transpose()?;
        let spent = Duration::from_millis(spent_ms);
        let size = schema.len() + settings.len();
        Self::of_source(py, source, size, (limits, spent), move |limits| {
            structgen_engine::Program::json_schema(&schema, &settings, escapes, limits, spent)
        })
    }

    fn with_escapes<'py>(slf: &Bound<'py, Self>, escapes: &str) -> PyResult<Bound<'py, PyAny>> {
        escapes_by_name(escapes)?;
        let py = slf.py();
        let sources = PyList::empty(py);
        let mut changed = false;
        for source in Self::sources(slf)?.iter() {
            let (kind, args, mut options, parts, limits): SourceOf<'py> = source.extract()?;
            if kind == "json_schema" && !options.contains(ESCAPES)? {
                options = options.copy()?;
                options.set_item(ESCAPES, escapes)?;
                changed = true;
            }
            sources.append((kind, args, options, parts, limits))?;
        }
        match changed {
            true => restorer(py, "_restore_program")?.call1((sources,)),
            false => Ok(slf.clone().into_any()),
        }
    }

    #[staticmethod]
    #[pyo3(signature = (ir_json, /, subprograms = None, *, limits = None, spent_ms = 0))]
    fn grammar(
        py: Python<'_>,
        ir_json: &Bound<'_, PyString>,
        subprograms: Option<BTreeMap<String, Py<Program>>>,
        limits: Option<&Limits>,
        spent_ms: u64,
    ) -> PyResult<Self> {
        let (names, parts): (Vec<_>, Vec<_>) = subprograms.unwrap_or_default().into_iter().unzip();
        let programs = names.iter().cloned().zip(inner(&parts)).collect();
        let mut source = Source::of_args("grammar", (ir_json, names), py)?;
        source.parts = parts;
        let ir = ir_json.to_str()?.to_owned();
        let spent = Duration::from_millis(spent_ms);
        Self::of_source(py, source, ir.len(), (limits, spent), move |limits| {
            structgen_engine::Program::grammar(&ir, programs, limits, spent)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (name, /, *, limits = None))]
    fn special_token(py: Python<'_>, name: &str, limits: Option<&Limits>) -> PyResult<Self> {
        let source = Source::of_args("special_token", (name,), py)?;
        Self::wrap(py, source, limits, |limits| {
            structgen_engine::Program::special_token(name, limits)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (parts, /, *, limits = None))]
    fn concatenate(
        py: Python<'_>,
        parts: Vec<Py<Program>>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let programs = inner(&parts);
        let source = Source::of_parts("concatenate", parts, py);
        Self::wrap(py, source, limits, |limits| {
            structgen_engine::Program::concatenate(programs, limits)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (parts, /, *, limits = None))]
    fn union(py: Python<'_>, parts: Vec<Py<Program>>, limits: Option<&Limits>) -> PyResult<Self> {
        let programs = inner(&parts);
        let source = Source::of_parts("union", parts, py);
        Self::wrap(py, source, limits, |limits| structgen_engine::Program::union(programs, limits))
    }

    #[staticmethod]
    #[pyo3(signature = (part, /, *, min = 0, max = None, limits = None))]
    fn repeat(
        py: Python<'_>,
        part: Py<Program>,
        min: u32,
        max: Option<u32>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let program = part.get().inner.clone();
        let source = Source::of_parts("repeat", vec![part], py);
        source.options.bind(py).set_item("min", min)?;
        source.options.bind(py).set_item("max", max)?;
        Self::wrap(py, source, limits, |limits| {
            structgen_engine::Program::repeat(program, min, max, limits)
        })
    }

    #[staticmethod]
    #[pyo3(signature = (parts, /, *, limits = None))]
    fn intersect(
        py: Python<'_>,
        parts: Vec<Py<Program>>,
        limits: Option<&Limits>,
    ) -> PyResult<Self> {
        let programs = inner(&parts);
        let source = Source::of_parts("intersect", parts, py);
        Self::wrap(py, source, limits, |limits| {
            structgen_engine::Program::intersect(programs, limits)
        })
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
    fn report_json(&self) -> String {
        self.inner.report().unwrap_or_else(|| "[]".to_owned())
    }

    #[getter]
    fn mistakes(&self) -> Vec<String> {
        self.inner.mistakes().to_vec()
    }

    #[pyo3(signature = (vocabulary, /, limits = None))]
    pub fn compile(
        slf: &Bound<'_, Self>,
        vocabulary: Py<Vocabulary>,
        limits: Option<&Limits>,
    ) -> PyResult<Automaton> {
        let (py, program) = (slf.py(), slf.get().inner.clone());
        let limits = limits.map_or_else(|| program.limits().clone(), |l| l.inner.clone());
        let shared = vocabulary.get().shared.clone();
        let compiled = if slf.get().by_workers {
            let under = limits.clone();
            in_worker(py, &limits, Duration::ZERO, move || Compiled::new(program, shared, under))
        } else {
            detached(py, || Compiled::new(program, shared, limits))
        }
        .map_err(|error| engine_error(py, error))?;
        Ok(Automaton::new(compiled, slf.clone().unbind(), vocabulary))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyList>,))> {
        Ok((restorer(slf.py(), "_restore_program")?, (Self::sources(slf)?,)))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (memo, /))]
    fn __deepcopy__(slf: Py<Self>, memo: &Bound<'_, PyAny>) -> Py<Self> {
        let _ = memo;
        slf
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
