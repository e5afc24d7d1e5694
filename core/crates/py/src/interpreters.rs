//! One interpreter of a process has the core.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Refuses a second interpreter of this process.
///
/// The classes of the core are made once in a process, and objects of one interpreter must not be
/// used in another. Python 3.12 and later refuse such modules themselves.
pub fn claim(_py: Python<'_>) -> PyResult<()> {
    static OWNER: AtomicI64 = AtomicI64::new(-1);
    // SAFETY: this thread is attached to an interpreter, as `_py` shows.
    let current = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    let owner = OWNER.compare_exchange(-1, current, Ordering::Relaxed, Ordering::Relaxed);
    match owner {
        Err(owner) if owner != current => Err(PyImportError::new_err(
            "structgen is in use in another interpreter of this process and does not support \
             subinterpreters: use one interpreter, or a process for each (with mod_wsgi: \
             WSGIApplicationGroup %{GLOBAL})",
        )),
        _ => Ok(()),
    }
}
