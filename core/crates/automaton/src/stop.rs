//! Ways to stop work from outside.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Lets one thread stop the work of others: whatever watches the token ends, soon after it was
/// cancelled, in [`AutomatonError::Cancelled`](crate::AutomatonError::Cancelled).
///
/// Clones are the same token; equality is identity.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that nobody has cancelled yet.
    pub fn new() -> Self {
        CancelToken::default()
    }

    /// Stops everything that watches this token, now and later.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for CancelToken {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CancelToken {}

impl Hash for CancelToken {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        Arc::as_ptr(&self.0).hash(hasher);
    }
}

static INTERRUPTED: OnceLock<fn() -> bool> = OnceLock::new();

/// Sets what long work asks, every few hundredths of a second, to learn whether the process
/// wants it to end (by Ctrl-C, say); the first caller decides. Work then ends in
/// [`AutomatonError::Interrupted`](crate::AutomatonError::Interrupted).
pub fn ask_for_interrupts(interrupted: fn() -> bool) {
    // A second answer would come from the same host.
    let _ = INTERRUPTED.set(interrupted);
}

thread_local! {
    /// When this thread asked last.
    static ASKED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Time of work between two questions to the host, which may have to wait for a lock of its own.
const ASK_PERIOD: Duration = Duration::from_millis(30);

/// Whether the host wants the work of this thread to end, asked at `now` of the thread's time.
pub(crate) fn interrupted(now: Duration) -> bool {
    let Some(ask) = INTERRUPTED.get() else { return false };
    let asked = ASKED.get();
    if asked.is_some_and(|asked| now.saturating_sub(asked) < ASK_PERIOD) {
        return false;
    }
    ASKED.set(Some(now));
    ask()
}
