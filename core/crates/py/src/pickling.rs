//! Pickles: how what is in them is built again. `__reduce__` stands with each class.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use structgen_engine::SharedVocabulary;

use crate::automaton::Automaton;
use crate::errors::{raise, vocabulary_error};
use crate::forks::detached;
use crate::limits::Limits;
use crate::matcher::Matcher;
use crate::program::Program;
use crate::vocabulary::Vocabulary;

/// A function of [`add_restorers`], for `__reduce__`.
pub fn restorer<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("structgen._core")?.getattr(name)
}

pub fn not_picklable(py: Python<'_>, message: &str) -> PyErr {
    raise(py, "NotPicklableError", message, &[])
}

/// Of equal vocabularies a process has one, and so all constraints share what is learnt about it.
#[pyfunction]
#[pyo3(name = "_restore_vocabulary")]
fn vocabulary(py: Python<'_>, bytes: &[u8]) -> PyResult<Vocabulary> {
    let shared = detached(py, || SharedVocabulary::unpickled(bytes))
        .map_err(|error| vocabulary_error(py, error))?;
    Ok(Vocabulary { shared })
}

#[pyfunction]
#[pyo3(name = "_restore_limits")]
fn limits<'py>(py: Python<'py>, fields: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    py.get_type::<Limits>().call((), Some(fields))
}

/// What one program was made of: the name of its constructor, its arguments and options, the
/// numbers of its parts, and its limits.
pub type SourceOf<'py> =
    (String, Bound<'py, PyTuple>, Bound<'py, PyDict>, Vec<usize>, Bound<'py, PyAny>);

/// Of a program and its parts, each after its own parts; see [`Program::sources`].
#[pyfunction]
#[pyo3(name = "_restore_program")]
fn program<'py>(py: Python<'py>, sources: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyAny>> {
    let class = py.get_type::<Program>();
    let built = PyList::empty(py);
    for source in sources.iter() {
        let (kind, args, options, parts, limits): SourceOf<'py> = source.extract()?;
        let parts = parts.iter().map(|&at| built.get_item(at)).collect::<PyResult<Vec<_>>>()?;
        let call = class.getattr(kind.as_str())?;
        let options = options.copy()?;
        options.set_item("limits", limits)?;
        let made = match (kind.as_str(), args.len()) {
            // The text, and the names of the parts.
            ("grammar", 2) => {
                let named = PyDict::new(py);
                for (name, part) in args.get_item(1)?.try_iter()?.zip(parts) {
                    named.set_item(name?, part)?;
                }
                call.call((args.get_item(0)?, named), Some(&options))?
            }
            ("repeat", _) => call.call(PyTuple::new(py, parts)?, Some(&options))?,
            (_, 0) => call.call((parts,), Some(&options))?,
            _ => call.call(args, Some(&options))?,
        };
        built.append(made)?;
    }
    built.get_item(built.len().saturating_sub(1))
}

#[pyfunction]
#[pyo3(name = "_restore_automaton")]
fn automaton(
    program: &Bound<'_, Program>,
    vocabulary: Py<Vocabulary>,
    limits: &Bound<'_, Limits>,
) -> PyResult<Automaton> {
    Program::compile(program, vocabulary, Some(limits.get()))
}

#[pyfunction]
#[pyo3(name = "_restore_matcher")]
fn matcher(automaton: &Bound<'_, Automaton>, tokens: Vec<u32>) -> PyResult<Matcher> {
    Matcher::replayed(automaton, &tokens)
}

/// Pickles name these functions: they stay. They are not among the names that the module exports.
pub fn add_restorers(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.setattr("_restore_vocabulary", wrap_pyfunction!(vocabulary, module)?)?;
    module.setattr("_restore_limits", wrap_pyfunction!(limits, module)?)?;
    module.setattr("_restore_program", wrap_pyfunction!(program, module)?)?;
    module.setattr("_restore_automaton", wrap_pyfunction!(automaton, module)?)?;
    module.setattr("_restore_matcher", wrap_pyfunction!(matcher, module)?)
}
