//! Giving back what was built in vain.
//!
//! Work that runs out of time, or is cancelled, leaves behind what it has built so far: to free a
//! million small things takes a tenth of the time of making them, and the caller would wait for it.
//! So what took long to make goes to a thread of its own, where the host has one.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use std::time::Duration;

use crate::clock::thread_time;

/// Something to do once.
pub type Job = Box<dyn FnOnce() + Send>;

static APART: OnceLock<fn(Job)> = OnceLock::new();

/// Sets how something is done in a thread of its own; the first caller decides.
pub fn do_apart(run: fn(Job)) {
    // A second answer would come from the same host.
    let _ = APART.set(run);
}

/// What was made in less time is given back at once, in a tenth of it.
const AT_ONCE: Duration = Duration::from_millis(5);

/// A thing that is being built. If that does not end well after it has taken long, it is dropped
/// in a thread of its own.
#[derive(Debug)]
pub struct Returned<T: Send + 'static> {
    value: Option<T>,
    /// Time of the thread when it was begun: a thread for each of many small things would take
    /// longer than they did.
    begun: Duration,
}

impl<T: Send + 'static> Returned<T> {
    /// From now on.
    pub fn new(value: T) -> Self {
        Returned { value: Some(value), begun: thread_time() }
    }

    /// What has been built.
    pub fn into_inner(mut self) -> T {
        self.value.take().expect("taken only here")
    }
}

impl<T: Send + 'static> Deref for Returned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("taken only with all of it")
    }
}

impl<T: Send + 'static> DerefMut for Returned<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("taken only with all of it")
    }
}

impl<T: Send + 'static> Drop for Returned<T> {
    fn drop(&mut self) {
        let Some(value) = self.value.take() else { return };
        match APART.get() {
            Some(run) if thread_time().saturating_sub(self.begun) > AT_ONCE => {
                run(Box::new(move || drop(value)));
            }
            _ => drop(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::ThreadId;

    use super::*;

    static DROPPED: Mutex<Vec<(u32, ThreadId)>> = Mutex::new(Vec::new());

    struct Large(u32);

    impl Drop for Large {
        fn drop(&mut self) {
            DROPPED.lock().unwrap().push((self.0, std::thread::current().id()));
        }
    }

    #[test]
    fn what_took_long_is_given_back_apart() {
        do_apart(|job| std::thread::spawn(job).join().unwrap());
        let slow = Returned::new(Large(2));
        drop(Returned::new(Large(1)));
        while thread_time() - slow.begun < 2 * AT_ONCE {}
        drop(slow);
        std::mem::forget(Returned::new(Large(3)).into_inner());
        drop(Returned::new(Large(4)));
        let dropped = std::mem::take(&mut *DROPPED.lock().unwrap());
        let here = std::thread::current().id();
        let found: Vec<(u32, bool)> =
            dropped.into_iter().map(|(which, thread)| (which, thread == here)).collect();
        assert_eq!(found, [(1, true), (2, false), (4, true)]);
    }
}
