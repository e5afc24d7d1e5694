use numpy::{PyArray2, PyArrayMethods, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use structgen_engine::EngineError;
use structgen_vocab::TokenId;

use crate::errors::engine_error;
use crate::forks::detached;
use crate::matcher::Matcher;

/// An array of token masks that is written to: int32, one row a mask.
pub struct MaskArray<'py>(PyReadwriteArray2<'py, i32>);

impl<'py> FromPyObject<'_, 'py> for MaskArray<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(array) = given.cast::<PyArray2<i32>>() else {
            return Err(PyTypeError::new_err(format!(
                "a mask is a numpy array of int32 with two dimensions, as structgen.allocate_mask \
                 makes it, not {}",
                described(&given)
            )));
        };
        match array.try_readwrite() {
            Ok(array) => Ok(MaskArray(array)),
            Err(_) if !writeable(&given) => {
                Err(PyValueError::new_err("the mask is read-only: give a copy of it"))
            }
            Err(_) => Err(PyValueError::new_err("another call is writing to this mask")),
        }
    }
}

impl MaskArray<'_> {
    /// The rows, checked against the size of the vocabulary.
    pub fn rows(&mut self, vocabulary_size: usize) -> PyResult<Vec<&mut [u32]>> {
        let words = vocabulary_size.div_ceil(32);
        let (rows, columns) = (self.0.shape()[0], self.0.shape()[1]);
        if columns != words {
            return Err(PyValueError::new_err(format!(
                "the mask has {columns} words a row, the vocabulary of {vocabulary_size} needs \
                 {words}"
            )));
        }
        let Ok(all) = self.0.as_slice_mut() else {
            return Err(PyValueError::new_err("the mask must be C-contiguous"));
        };
        if rows == 0 || words == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: i32 and u32 have the same size, alignment and valid bit patterns, and the slice
        // is borrowed mutably for as long as the result lives.
        let all =
            unsafe { std::slice::from_raw_parts_mut(all.as_mut_ptr().cast::<u32>(), all.len()) };
        Ok(all.chunks_exact_mut(words).collect())
    }
}

/// What was given in place of a mask: its type, and what arrays and tensors say of themselves.
fn described(given: &Bound<'_, PyAny>) -> String {
    let kind = given.get_type().name().map_or_else(|_| "it".to_owned(), |name| name.to_string());
    match (given.getattr("dtype"), given.getattr("shape")) {
        (Ok(dtype), Ok(shape)) => format!("{kind} of {dtype} with shape {shape}"),
        _ => kind,
    }
}

fn writeable(array: &Bound<'_, PyAny>) -> bool {
    let flag = array.getattr("flags").and_then(|flags| flags.getattr("writeable"));
    flag.and_then(|flag| flag.extract()).unwrap_or(true)
}

/// Takes the wanted rows out of `rows`, in the order wanted.
pub fn pick<'a, T>(rows: Vec<&'a mut [T]>, wanted: &[usize]) -> PyResult<Vec<&'a mut [T]>> {
    let count = rows.len();
    let mut slots: Vec<Option<&'a mut [T]>> = rows.into_iter().map(Some).collect();
    wanted
        .iter()
        .map(|&row| {
            slots.get_mut(row).and_then(Option::take).ok_or_else(|| {
                PyValueError::new_err(format!(
                    "row {row} is named twice or is not one of the {count} rows"
                ))
            })
        })
        .collect()
}

/// Write the mask of every matcher into its row, in parallel.
#[pyfunction]
#[pyo3(signature = (matchers, mask, /, rows = None, *, threads = 0))]
pub fn fill_masks(
    py: Python<'_>,
    matchers: Vec<PyRef<'_, Matcher>>,
    mut mask: MaskArray<'_>,
    rows: Option<Vec<usize>>,
    threads: usize,
) -> PyResult<()> {
    let size = |matcher: &PyRef<'_, Matcher>| matcher.lock(py).vocabulary().size();
    let Some(first) = matchers.first().map(size) else { return Ok(()) };
    if matchers.iter().any(|matcher| size(matcher) != first) {
        return Err(PyValueError::new_err("the matchers have vocabularies of different sizes"));
    }
    let wanted = rows.unwrap_or_else(|| (0..matchers.len()).collect());
    if wanted.len() != matchers.len() {
        return Err(PyValueError::new_err(format!(
            "{} rows are named for {} matchers",
            wanted.len(),
            matchers.len()
        )));
    }
    let mut rows = pick(mask.rows(first)?, &wanted)?;
    let mut fill = || -> PyResult<Result<(), EngineError>> {
        // Each in turn: a matcher may be named twice.
        let cursors: Vec<_> = matchers
            .iter()
            .map(|matcher| {
                // Its own statement, so that the lock is given back before it is asked for again.
                let light = matcher.lock(py).light_cursor();
                light.map_or_else(|| matcher.ask(py, |matcher| matcher.cursor()), Ok)
            })
            .collect::<PyResult<_>>()?;
        Ok(detached(py, || structgen_engine::fill_rows(&cursors, &mut rows, threads)))
    };
    match fill()? {
        Err(error) if error.is_full() => {
            let mut renewed = false;
            for matcher in &matchers {
                renewed |= matcher.ask(py, |matcher| matcher.renew_if_full())?;
            }
            if renewed { fill()? } else { Err(error) }
        }
        other => other,
    }
    .map_err(|error| engine_error(py, error))
}

/// Write the masks after every node of a draft tree; which nodes are allowed.
#[pyfunction]
#[pyo3(signature = (matcher, tokens, parents, mask, /))]
pub fn fill_tree_masks(
    py: Python<'_>,
    matcher: PyRef<'_, Matcher>,
    tokens: Vec<u32>,
    parents: Vec<i64>,
    mut mask: MaskArray<'_>,
) -> PyResult<Vec<bool>> {
    if tokens.len() != parents.len() {
        return Err(PyValueError::new_err(format!(
            "{} tokens but {} parents",
            tokens.len(),
            parents.len()
        )));
    }
    let size = matcher.lock(py).vocabulary().size();
    let parents: Vec<Option<usize>> =
        parents.into_iter().map(|p| usize::try_from(p).ok()).collect();
    let tokens: Vec<TokenId> = tokens.into_iter().map(TokenId).collect();
    let mut rows = mask.rows(size)?;
    if rows.len() < tokens.len() {
        return Err(PyValueError::new_err(format!(
            "{} nodes need as many rows; the mask has {}",
            tokens.len(),
            rows.len()
        )));
    }
    rows.truncate(tokens.len());
    matcher.ask(py, |matcher| {
        matcher.ask(|automaton, root| {
            structgen_engine::fill_tree(automaton, root, &tokens, &parents, &mut rows)
        })
    })
}
