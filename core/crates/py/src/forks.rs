//! Work without the GIL, and what a fork of the process may meet of it.
//!
//! A child has one thread, the one that forked. A lock that another thread held at that moment (of
//! an automaton, of a process-wide table, of the allocator) would stay locked in the child for
//! ever. So all native work without the GIL goes through [`detached`], which shares a gate, and a
//! fork takes the gate for itself: it waits until no thread is at work, which the budgets bound, and
//! new work waits until the fork is done. A thread holds none of these locks while it holds the GIL,
//! but for moments in which it cannot be interrupted, so with the GIL and the gate in the hands of
//! the thread that forks, nothing is locked.
//!
//! PERF: the gate is one atomic increment and one decrement, some 10 ns of a call.

use std::cell::{Cell, RefCell};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict};
use structgen_automaton::{Job, do_apart};

static GATE: RwLock<()> = RwLock::new(());

thread_local! {
    /// How many calls of [`detached`] this thread is in: a signal handler may call back.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The gate, while this thread forks.
    static CLOSED: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Counts one call of [`detached`], also when it unwinds.
pub(crate) struct AtWork {
    /// The outermost call holds the share: one thread must not ask for a second one, since a fork
    /// that waits in between would let neither go on.
    _share: Option<RwLockReadGuard<'static, ()>>,
}

impl AtWork {
    pub(crate) fn begin() -> Self {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        let share = (depth == 0).then(|| GATE.read().unwrap_or_else(PoisonError::into_inner));
        AtWork { _share: share }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Runs `work` without the GIL, and not during a fork.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        let _at_work = AtWork::begin();
        work()
    })
}

/// Does `job` in a thread of its own, and not during a fork; at once where there are no threads.
fn apart(job: Job) {
    let work = || {
        let _at_work = AtWork::begin();
        job();
    };
    // Whoever cannot have a thread gets the error, and the job is dropped: with what it was to drop.
    let _ = std::thread::Builder::new().name("structgen".to_owned()).spawn(work);
}

/// Lets Python tell when it forks (`os.fork`, `multiprocessing`).
pub fn listen(py: Python<'_>) -> PyResult<()> {
    do_apart(apart);
    let handler = |act: fn(Python<'_>)| {
        PyCFunction::new_closure(py, None, None, move |args, _| act(args.py()))
    };
    let handlers = PyDict::new(py);
    handlers.set_item("before", handler(close)?)?;
    handlers.set_item("after_in_parent", handler(open)?)?;
    handlers.set_item("after_in_child", handler(open)?)?;
    let os = py.import("os")?;
    if os.hasattr("register_at_fork")? {
        os.call_method("register_at_fork", (), Some(&handlers))?;
    }
    Ok(())
}

/// Waits until no other thread is at work, and lets none begin.
fn close(py: Python<'_>) {
    if DEPTH.get() > 0 {
        // A signal handler forks in the middle of this thread's own work. This thread goes on in
        // the child, and gives back what it holds; only what others hold cannot be waited for.
        return;
    }
    py.detach(|| {
        let guard = GATE.write().unwrap_or_else(PoisonError::into_inner);
        CLOSED.set(Some(guard));
    });
}

fn open(_: Python<'_>) {
    CLOSED.take();
}
