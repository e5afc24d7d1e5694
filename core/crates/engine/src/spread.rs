//! Jobs on a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Below this many jobs a second thread costs more than it brings: a warm row is a copy of
/// some 16 KiB, a thread some 20 us.
const JOBS_PER_THREAD: usize = 16;

/// Does every job, on `threads` threads; 0 takes one thread up to a handful of jobs, then as many
/// as the machine has. The first error is returned; other jobs may have been done.
pub(crate) fn spread<T: Send, E: Send>(
    jobs: Vec<T>,
    threads: usize,
    work: impl Fn(T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let threads = match threads {
        0 if jobs.len() < JOBS_PER_THREAD => 1,
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    }
    .min(jobs.len().max(1));
    if threads == 1 {
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
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(toil);
        }
        // This thread works, too: a host may only tell its own thread of an interrupt.
        toil();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
