use numpy::{PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use structgen_engine::EngineError;
use structgen_vocab::TokenId;

use crate::errors::engine_error;
use crate::matcher::Matcher;

/// The rows of a mask array, checked against the vocabulary.
pub fn rows_of<'a>(
    mask: &'a mut PyReadwriteArray2<'_, i32>,
    vocabulary_size: usize,
) -> PyResult<Vec<&'a mut [u32]>> {
    let words = vocabulary_size.div_ceil(32);
    let (rows, columns) = (mask.shape()[0], mask.shape()[1]);
    if columns != words {
        return Err(PyValueError::new_err(format!(
            "the mask has {columns} words a row, the vocabulary of {vocabulary_size} needs {words}"
        )));
    }
    let all =
        mask.as_slice_mut().map_err(|_| PyValueError::new_err("the mask must be C-contiguous"))?;
    if rows == 0 || words == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: i32 and u32 have the same size, alignment and valid bit patterns, and the slice
    // is borrowed mutably for as long as the result lives.
    let all = unsafe { std::slice::from_raw_parts_mut(all.as_mut_ptr().cast::<u32>(), all.len()) };
    Ok(all.chunks_exact_mut(words).collect())
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
    mut mask: PyReadwriteArray2<'_, i32>,
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
    let mut rows = pick(rows_of(&mut mask, first)?, &wanted)?;
    let mut fill = || -> PyResult<Result<(), EngineError>> {
        // Each in turn: a matcher may be named twice.
        let cursors: Vec<_> = matchers
            .iter()
            .map(|matcher| match matcher.lock(py).light_cursor() {
                Some(cursor) => Ok(cursor),
                None => matcher.ask(py, |matcher| matcher.cursor()),
            })
            .collect::<PyResult<_>>()?;
        Ok(py.detach(|| structgen_engine::fill_rows(&cursors, &mut rows, threads)))
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
    mut mask: PyReadwriteArray2<'_, i32>,
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
    let mut rows = rows_of(&mut mask, size)?;
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
