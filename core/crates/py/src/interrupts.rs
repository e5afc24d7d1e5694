//! Ctrl-C, and whatever else Python's signal handlers raise, while the core works without the GIL.

use std::cell::RefCell;

use pyo3::prelude::*;

use crate::workers::left;

thread_local! {
    /// What a signal handler raised during the work of this thread.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Lets long work ask Python for pending signals, of which Python tells its main thread alone; a
/// worker asks whether its caller has gone.
pub fn listen() {
    structgen_engine::ask_for_interrupts(|| left().unwrap_or_else(pending));
}

/// Whether a signal handler raised something now, which is kept for the caller of the work.
pub fn pending() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => false,
        Err(error) => {
            RAISED.with(|raised| raised.replace(Some(error)));
            true
        }
    })
}

/// What the handler raised, for the caller of the work that it ended.
pub fn raised() -> Option<PyErr> {
    RAISED.with(RefCell::take)
}
