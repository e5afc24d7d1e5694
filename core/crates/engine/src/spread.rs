//! Jobs on a few threads that stay.
//!
//! A thread that is started for a call costs more than 64 memoised masks do, and one that is woken
//! some ten microseconds. So a call does not wait for its helpers to come: it begins at once, whoever
//! is woken in time takes jobs, too, and whoever comes late finds the call gone. That is why this is
//! no `rayon` scope, which ends when every helper has had its turn.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// More than this many threads are never started.
const MOST_THREADS: usize = 64;

/// How long a call that has no job left looks for its helpers' end before it sleeps: to be woken
/// takes about as long.
const PATIENCE: Duration = Duration::from_micros(30);

/// As many threads as the machine has; asked once, since the system reads files to answer.
pub(crate) fn all_threads() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

/// Does every job, on at most `threads` threads, this one among them: a host may only tell its own
/// thread of an interrupt. The first error is returned; other jobs may have been done.
pub(crate) fn spread<T: Send, E: Send>(
    jobs: Vec<T>,
    threads: usize,
    work: impl Fn(T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let threads = threads.min(jobs.len()).min(MOST_THREADS);
    if threads < 2 {
        return jobs.into_iter().try_for_each(work);
    }
    let jobs: Vec<Mutex<Option<T>>> = jobs.into_iter().map(|job| Mutex::new(Some(job))).collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let toil = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let taken = job.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(Err(error)) = taken.map(&work) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                // Nobody will look at what the other jobs write.
                next.store(jobs.len(), Ordering::Relaxed);
            }
        }
    };
    Pool::of_this_process().run(threads - 1, &toil);
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// What all helpers of a call do until nothing is left.
type Toil<'a> = dyn Fn() + Sync + 'a;

/// The helpers of a process.
struct Pool {
    process: u32,
    call: Mutex<Call>,
    /// A call wants helpers.
    wanted: Condvar,
    /// The last helper of a call has ended.
    ended: Condvar,
    /// Helpers at work; changed only under the lock.
    busy: AtomicUsize,
}

/// The call that is served, if any.
#[derive(Default)]
struct Call {
    /// INVARIANT: taken back before the closure ends, and [`Pool::run`] waits for whoever has
    /// copied it; so it never outlives what it points to, whatever its type says.
    toil: Option<&'static Toil<'static>>,
    /// Helpers that may still join.
    places: usize,
    /// Threads that were started.
    started: usize,
    panic: Option<Box<dyn Any + Send>>,
}

impl Pool {
    /// After a fork none of the parent's threads live, and one of them may have held the lock: the
    /// child gets a pool of its own, and the parent's is left as it is.
    fn of_this_process() -> &'static Pool {
        static CURRENT: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());
        let process = std::process::id();
        loop {
            let current = CURRENT.load(Ordering::Acquire);
            // SAFETY: pools are leaked, so a pointer that was stored is valid for ever.
            if let Some(pool) = unsafe { current.as_ref() }
                && pool.process == process
            {
                return pool;
            }
            let fresh = Box::into_raw(Box::new(Pool {
                process,
                call: Mutex::default(),
                wanted: Condvar::new(),
                ended: Condvar::new(),
                busy: AtomicUsize::new(0),
            }));
            let stored =
                CURRENT.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire);
            if stored.is_err() {
                // SAFETY: nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `toil` on this thread, and on up to `helpers` more while it does. On this one alone if
    /// another call has them.
    fn run(&'static self, helpers: usize, toil: &Toil<'_>) {
        let mut call = self.lock();
        if call.toil.is_some() {
            drop(call);
            return toil();
        }
        while call.started < helpers {
            let helper = std::thread::Builder::new().name("structgen-masks".into());
            if helper.spawn(|| self.help()).is_err() {
                break; // The system has no more; those that there are will do.
            }
            call.started += 1;
        }
        // SAFETY: only the lifetime changes; see `Call::toil`. Nothing between here and `finish`
        // can unwind.
        call.toil = Some(unsafe { std::mem::transmute::<&Toil<'_>, &'static Toil<'static>>(toil) });
        call.places = helpers;
        drop(call);
        match helpers {
            1 => self.wanted.notify_one(),
            _ => self.wanted.notify_all(),
        }
        let own = catch_unwind(AssertUnwindSafe(toil));
        let theirs = self.finish();
        if let Some(panic) = own.err().or(theirs) {
            resume_unwind(panic);
        }
    }

    /// Ends a call: no helper joins any more, and those that have are waited for.
    fn finish(&self) -> Option<Box<dyn Any + Send>> {
        self.lock().places = 0;
        let since = Instant::now();
        while self.busy.load(Ordering::Acquire) > 0 && since.elapsed() < PATIENCE {
            std::hint::spin_loop();
        }
        let mut call = self.lock();
        while self.busy.load(Ordering::Relaxed) > 0 {
            call = self.ended.wait(call).unwrap_or_else(PoisonError::into_inner);
        }
        call.toil = None;
        call.panic.take()
    }

    /// A helper's life.
    fn help(&self) {
        let mut call = self.lock();
        loop {
            let Some(toil) = call.toil.filter(|_| call.places > 0) else {
                call = self.wanted.wait(call).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            call.places -= 1;
            self.busy.fetch_add(1, Ordering::Relaxed);
            drop(call);
            let done = catch_unwind(AssertUnwindSafe(toil));
            call = self.lock();
            if let Err(panic) = done {
                call.panic = Some(panic);
            }
            if self.busy.fetch_sub(1, Ordering::Release) == 1 {
                self.ended.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn every_job_is_done_once_whoever_helps() {
        for threads in [1, 2, 5, 1000] {
            for jobs in [0, 1, 2, 300] {
                let done: Vec<AtomicU32> = (0..jobs).map(|_| AtomicU32::new(0)).collect();
                let work = |i: usize| {
                    done[i].fetch_add(1, Ordering::Relaxed);
                    Ok::<(), ()>(())
                };
                spread((0..jobs).collect(), threads, work).unwrap();
                assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn calls_from_many_threads_do_not_wait_for_each_other() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for round in 0..200 {
                        let sum = AtomicUsize::new(0);
                        let add = |i: usize| {
                            sum.fetch_add(i, Ordering::Relaxed);
                            if i == 7 && round % 3 == 0 { Err(i) } else { Ok(()) }
                        };
                        let result = spread((0..20).collect(), 3, add);
                        match round % 3 {
                            0 => assert_eq!(result, Err(7)),
                            _ => assert_eq!(sum.load(Ordering::Relaxed), 190),
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_comes_to_the_caller_and_ends_nothing_else() {
        let caught = catch_unwind(|| {
            spread(
                (0..50).collect(),
                4,
                |i: i32| if i == 31 { panic!("no") } else { Ok::<(), ()>(()) },
            )
        });
        assert!(caught.is_err());
        spread((0..50).collect(), 4, |_: i32| Ok::<(), ()>(())).unwrap();
    }
}
