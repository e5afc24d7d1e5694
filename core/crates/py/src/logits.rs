use half::slice::HalfBitsSliceExt;
use half::{bf16, f16};
use numpy::{Element, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use structgen_engine::{Logit, MaskedRow, apply_rows};

use crate::forks::detached;
use crate::masks::pick;

/// Which rows of logits get which masks, and how.
struct Plan<'a> {
    rows: Vec<usize>,
    masks: Vec<&'a [u32]>,
    temperatures: Vec<f32>,
    size: usize,
    threads: usize,
}

/// Set what masks forbid to minus infinity, in place, and divide the rest by temperatures.
#[pyfunction]
#[pyo3(signature = (logits, mask, /, *, dtype = "float32", rows = None, mask_rows = None,
                    temperatures = None, size = None, threads = 0))]
#[allow(clippy::too_many_arguments)] // they are Python's keywords
pub fn apply_masks(
    py: Python<'_>,
    logits: &Bound<'_, PyAny>,
    mask: PyReadonlyArray2<'_, i32>,
    dtype: &str,
    rows: Option<Vec<usize>>,
    mask_rows: Option<Vec<usize>>,
    temperatures: Option<Vec<f32>>,
    size: Option<usize>,
    threads: usize,
) -> PyResult<()> {
    let (given, words) = (mask.shape()[0], mask.shape()[1]);
    let packed =
        mask.as_slice().map_err(|_| PyValueError::new_err("the mask must be C-contiguous"))?;
    // SAFETY: i32 and u32 have the same size, alignment and valid bit patterns, and the slice
    // is borrowed for as long as the result lives.
    let packed = unsafe { std::slice::from_raw_parts(packed.as_ptr().cast::<u32>(), packed.len()) };
    let mask_rows = mask_rows.unwrap_or_else(|| (0..given).collect());
    let masks = mask_rows
        .iter()
        .map(|&row| {
            packed.get(row * words..(row + 1) * words).filter(|_| row < given).ok_or_else(|| {
                PyValueError::new_err(format!("there is no mask {row}: there are {given}"))
            })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let rows = rows.unwrap_or_else(|| (0..masks.len()).collect());
    let temperatures = temperatures.unwrap_or_else(|| vec![1.0; rows.len()]);
    if masks.len() != rows.len() || temperatures.len() != rows.len() {
        return Err(PyValueError::new_err(format!(
            "{} rows of logits, {} masks and {} temperatures",
            rows.len(),
            masks.len(),
            temperatures.len()
        )));
    }
    if let Some(bad) = temperatures.iter().find(|&&t| !(t > 0.0 && t.is_finite())) {
        return Err(PyValueError::new_err(format!(
            "temperature {bad}: logits are divided by it, so it must be positive; for the likeliest \
             token take the argmax of the masked row"
        )));
    }
    let size = size.unwrap_or(words * 32);
    let plan = Plan { rows, masks, temperatures, size, threads };
    match dtype {
        "float32" => {
            let mut logits: PyReadwriteArray2<'_, f32> = logits.extract()?;
            let width = logits.shape()[1];
            plan.apply(py, contiguous(&mut logits)?, width)
        }
        "float16" | "bfloat16" => {
            let mut logits: PyReadwriteArray2<'_, u16> = logits.extract()?;
            let width = logits.shape()[1];
            let bits = contiguous(&mut logits)?;
            if dtype == "float16" {
                plan.apply(py, bits.reinterpret_cast_mut::<f16>(), width)
            } else {
                plan.apply(py, bits.reinterpret_cast_mut::<bf16>(), width)
            }
        }
        other => Err(PyValueError::new_err(format!(
            "logits of {other} are not known here: float32, float16 and bfloat16 are"
        ))),
    }
}

fn contiguous<'a, T: Element>(array: &'a mut PyReadwriteArray2<'_, T>) -> PyResult<&'a mut [T]> {
    array.as_slice_mut().map_err(|_| PyValueError::new_err("the logits must be C-contiguous"))
}

impl Plan<'_> {
    fn apply<T: Logit>(self, py: Python<'_>, all: &mut [T], width: usize) -> PyResult<()> {
        if width == 0 {
            return Ok(());
        }
        let rows = pick(all.chunks_exact_mut(width).collect(), &self.rows)?;
        let rows: Vec<_> = rows
            .into_iter()
            .zip(self.masks)
            .zip(self.temperatures)
            .map(|((logits, mask), temperature)| MaskedRow {
                logits,
                mask,
                size: self.size,
                temperature,
            })
            .collect();
        detached(py, || apply_rows(rows, self.threads));
        Ok(())
    }
}
