//! Giving back what was built in vain.
//!
//! Work that runs out of time, or is cancelled, leaves behind what it has built so far: to free a
//! million small things takes a tenth of the time of making them, and the caller would wait for it.
//! So what took long to make goes to a thread of its own, where the host has one.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;
use std::time::Duration;

use crate::watch::watched_for;

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

/// Drops `value`: in a thread of its own, if the work that this thread is watched for has taken
/// long.
pub fn give_back<T: Send + 'static>(value: T) {
    match APART.get() {
        Some(run) if watched_for() > AT_ONCE => run(Box::new(move || drop(value))),
        _ => drop(value),
    }
}

/// A large thing that is being built, which is given back by [`give_back`] if that does not end
/// well.
#[derive(Debug)]
pub struct Returned<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Returned<T> {
    /// From now on.
    pub fn new(value: T) -> Self {
        Returned(Some(value))
    }

    /// What has been built.
    pub fn into_inner(mut self) -> T {
        self.0.take().expect("taken only here")
    }
}

impl<T: Send + 'static> Deref for Returned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("taken only with all of it")
    }
}

impl<T: Send + 'static> DerefMut for Returned<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("taken only with all of it")
    }
}

impl<T: Send + 'static> Drop for Returned<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            give_back(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::ThreadId;

    use super::*;
    use crate::Fuel;
    use crate::clock::thread_time;

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
        Fuel::unlimited().watched(|_| {
            drop(Returned::new(Large(1)));
            let begun = thread_time();
            while thread_time() - begun < 2 * AT_ONCE {}
            drop(Returned::new(Large(2)));
            std::mem::forget(Returned::new(Large(3)).into_inner());
        });
        drop(Returned::new(Large(4)));
        let dropped = std::mem::take(&mut *DROPPED.lock().unwrap());
        let here = std::thread::current().id();
        let found: Vec<(u32, bool)> =
            dropped.into_iter().map(|(which, thread)| (which, thread == here)).collect();
        assert_eq!(found, [(1, true), (2, false), (4, true)]);
    }
}
