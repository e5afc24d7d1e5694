//! Time that a thread has worked.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long the clock on the wall stands in for that of the thread, which it may overtake by this.
const TRUSTED: Duration = Duration::from_millis(1);

thread_local! {
    /// A moment, and the processor time of this thread then.
    static READ: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
    /// What was answered last: time does not go back where the clock on the wall had overtaken.
    static ANSWERED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// What this thread had worked when it was another process, from which this one was forked.
    static BEFORE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Processor time of this thread so far, up to [`TRUSTED`] too much. What it waits for, and what
/// else the machine does meanwhile, is not in it: a budget of so many milliseconds buys the same
/// work on a busy machine.
///
/// PERF: the clock of a thread is a system call on Linux, 0.5 to 1 us, the clock on the wall takes
/// 0.03. Compiling a small schema looks nine times: with the thread's clock alone it took 13 % more.
pub(crate) fn thread_time() -> Duration {
    let time = estimate().max(ANSWERED.get());
    ANSWERED.set(time);
    time
}

fn estimate() -> Duration {
    let now = Instant::now();
    if let Some((moment, time)) = READ.get() {
        let since = now.saturating_duration_since(moment);
        if since < TRUSTED {
            return time + since;
        }
    }
    let mut time = BEFORE.get() + processor_time();
    // In the child of a fork the clock of its only thread begins at zero.
    if let Some(lost) = ANSWERED.get().checked_sub(time + TRUSTED) {
        BEFORE.set(BEFORE.get() + lost);
        time += lost;
    }
    READ.set(Some((now, time)));
    time
}

#[cfg(unix)]
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place to write one `timespec` to, which is all the call does.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0;
    if failed {
        return wall_time();
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Elsewhere the clock on the wall: that of a Windows thread moves by 15 ms at a time.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    wall_time()
}

fn wall_time() -> Duration {
    use std::sync::OnceLock;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn waiting_takes_no_time_of_the_thread() {
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(60));
        assert!(thread_time() - before < Duration::from_millis(30));
        let wall = std::time::Instant::now();
        let before = thread_time();
        while wall.elapsed() < Duration::from_millis(20) {}
        assert!(thread_time() > before);
    }

    #[test]
    fn a_clock_that_begins_anew_goes_on() {
        let long = Duration::from_secs(1000);
        ANSWERED.set(long);
        READ.set(None);
        let first = thread_time();
        assert!(first >= long && first < long + Duration::from_secs(1));
        let wall = std::time::Instant::now();
        while wall.elapsed() < Duration::from_millis(20) {}
        assert!(thread_time() > first + Duration::from_millis(1));
    }
}
