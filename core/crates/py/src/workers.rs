//! Building in a thread for which the caller need not wait.
//!
//! The core looks at its budget every fraction of a millisecond, but some single steps grow with
//! the source: a table that is made larger, a pattern that is copied, a million things that are
//! freed. Of 4 MB such a step takes up to 0.2 s. So whoever sets limits for a large source has it
//! built by a worker: the caller goes on when the token is cancelled or the time is over, and the
//! worker ends, and frees what it has built, when it looks next.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use structgen_automaton::AutomatonError;
use structgen_engine::{EngineError, Limits};

use crate::forks::{AtWork, detached};
use crate::interrupts;

/// Bytes of a source from which on a worker is worth its start, some 50 us.
pub const LARGE: usize = 50_000;

/// Time between two looks of the caller.
const LOOK: Duration = Duration::from_millis(2);

/// Time between two questions to Python, which may have to wait for the GIL.
const ASK: Duration = Duration::from_millis(30);

/// What a worker may take beyond its time before the caller ends it.
const LATE: Duration = Duration::from_millis(4);

/// As the main thread of a process has: sources nest by recursion.
const STACK: usize = 8 << 20;

thread_local! {
    /// In a worker: whether its caller has gone.
    static LEFT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Whether the caller of this thread's work has gone; `None` where it is no worker.
pub fn left() -> Option<bool> {
    LEFT.with(|left| left.borrow().as_ref().map(|left| left.load(Ordering::Relaxed)))
}

/// Does `work`, which keeps to `limits` itself, in a worker. `spent` of the time is gone already.
pub fn in_worker<T: Send + 'static>(
    py: Python<'_>,
    limits: &Limits,
    spent: Duration,
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let (sender, receiver) = channel();
    let left = Arc::new(AtomicBool::new(false));
    let work = Arc::new(Mutex::new(Some(work)));
    let taken =
        |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let worker = Builder::new().name("structgen".to_owned()).stack_size(STACK).spawn({
        let (left, work) = (left.clone(), work.clone());
        move || {
            let _at_work = AtWork::begin();
            LEFT.set(Some(left));
            if let Some(work) = taken(&work) {
                // To nobody, if the caller has gone: the answer is freed here.
                let _ = sender.send(work());
            }
        }
    });
    let Ok(worker) = worker else {
        // No more threads: as a small source.
        let work = taken(&work).expect("no worker has taken it");
        return detached(py, work);
    };
    let thread = &worker;
    let ended = py.detach(move || {
        let mut asked = Instant::now();
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let over = if limits.cancel.as_ref().is_some_and(|token| token.is_cancelled()) {
                AutomatonError::Cancelled
            } else if time_of(thread).is_some_and(|time| spent + time > allowed(limits) + LATE) {
                AutomatonError::Deadline { name: "compile_ms", millis: limits.compile_ms }
            } else if asked.elapsed() > ASK && interrupts::pending() {
                AutomatonError::Interrupted
            } else {
                if asked.elapsed() > ASK {
                    asked = Instant::now();
                }
                continue;
            };
            left.store(true, Ordering::Relaxed);
            return Some(Err(over.into()));
        }
    });
    ended.unwrap_or_else(|| match worker.join() {
        Err(panic) => resume_unwind(panic),
        Ok(()) => unreachable!("a worker answers or panics"),
    })
}

fn allowed(limits: &Limits) -> Duration {
    Duration::from_millis(limits.compile_ms)
}

/// Processor time of a worker, where the system tells.
#[cfg(target_os = "linux")]
fn time_of(worker: &JoinHandle<()>) -> Option<Duration> {
    use std::os::unix::thread::JoinHandleExt;

    let mut clock = 0;
    // SAFETY: the handle is alive, so the thread has not been joined or detached, and its name is
    // valid, also when it has ended; `clock` is a valid place to write to.
    if unsafe { libc::pthread_getcpuclockid(worker.as_pthread_t(), &mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write one `timespec` to, which is all the call does.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) } != 0;
    (!failed).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Elsewhere the worker's own looks have to do.
#[cfg(not(target_os = "linux"))]
fn time_of(_: &JoinHandle<()>) -> Option<Duration> {
    None
}
