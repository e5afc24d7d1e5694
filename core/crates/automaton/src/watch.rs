//! What a thread may still take, for builders that cannot fail.
//!
//! The smart constructors of expressions return expressions, not results: an arena that has grown
//! too large is poisoned, and says so when it is asked next. Time is looked after likewise. Who
//! works under a [`Fuel`] has the thread watched by [`Fuel::watched`]; whatever is called below
//! may ask [`pace`] as often as it does something, and poisons its arena when the answer is an
//! error.
//!
//! Poison lasts, and what is paid for from the fuel itself ends without: so the watch gives
//! [`GRACE`] to those who look for themselves before it speaks up.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::clock::thread_time;
use crate::{AutomatonError, Fuel};

/// Work after the end of the time, or after the token was seen to be cancelled, before the watch
/// says so.
pub const GRACE: Duration = Duration::from_millis(2);

/// Steps between two looks. Those of builders take up to some microseconds.
const PERIOD: u32 = 256;

thread_local! {
    static UNTIL_LOOK: Cell<u32> = const { Cell::new(u32::MAX) };
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

struct Watch {
    fuel: Fuel,
    /// The first error, and when it came.
    late: Option<(AutomatonError, Duration)>,
}

/// Puts the watch before it back, also when the work panics.
struct Restore(Option<Watch>);

impl Drop for Restore {
    fn drop(&mut self) {
        set(self.0.take());
    }
}

fn set(watch: Option<Watch>) -> Option<Watch> {
    UNTIL_LOOK.set(if watch.is_some() { PERIOD } else { u32::MAX });
    WATCH.with(|cell| std::mem::replace(&mut *cell.borrow_mut(), watch))
}

impl Fuel {
    /// Does `work` with this thread watched for the time and the token of this fuel.
    pub fn watched<T>(&mut self, work: impl FnOnce(&mut Fuel) -> T) -> T {
        let fuel = self.of_time();
        let _restore = Restore(set(Some(Watch { fuel, late: None })));
        work(self)
    }
}

/// Does `work` with nobody watching: for what outlives the one who was watched.
pub fn unwatched<T>(work: impl FnOnce() -> T) -> T {
    let _restore = Restore(set(None));
    work()
}

/// Whether the thread may go on after `steps` more, as far as whoever watches it says. A step is
/// meant to take no more than some microseconds.
#[inline]
pub fn pace(steps: u32) -> Result<(), AutomatonError> {
    let left = UNTIL_LOOK.get();
    if let Some(left) = left.checked_sub(steps.saturating_add(1)) {
        UNTIL_LOOK.set(left);
        return Ok(());
    }
    look()
}

#[cold]
fn look() -> Result<(), AutomatonError> {
    WATCH.with(|cell| {
        let mut watch = cell.borrow_mut();
        let Some(Watch { fuel, late, .. }) = &mut *watch else {
            UNTIL_LOOK.set(u32::MAX);
            return Ok(());
        };
        UNTIL_LOOK.set(PERIOD);
        if late.is_none() {
            let Err(error) = fuel.look_around() else { return Ok(()) };
            *late = Some((error, thread_time()));
        }
        match late {
            Some((error, since)) if thread_time() > *since + GRACE => {
                // Whoever goes on regardless is told each time.
                UNTIL_LOOK.set(0);
                Err(error.clone())
            }
            _ => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CancelToken;

    fn paced() -> AutomatonError {
        loop {
            if let Err(error) = pace(10) {
                return error;
            }
        }
    }

    #[test]
    fn the_innermost_watch_decides_and_ends_with_its_work() {
        let token = CancelToken::new();
        token.cancel();
        let mut outer = Fuel::unlimited().with_deadline("compile_ms", Duration::from_millis(20));
        let mut inner = Fuel::unlimited().with_cancel(Some(token));
        let late = outer.watched(|_| {
            assert_eq!(inner.watched(|_| paced()), AutomatonError::Cancelled);
            paced()
        });
        assert_eq!(late, AutomatonError::Deadline { name: "compile_ms", millis: 20 });
        assert_eq!(pace(u32::MAX), Ok(()));
    }

    #[test]
    fn what_nobody_watches_is_never_late() {
        let token = CancelToken::new();
        token.cancel();
        Fuel::unlimited().with_cancel(Some(token)).watched(|_| {
            assert_eq!(paced(), AutomatonError::Cancelled);
            unwatched(|| (0..9 * PERIOD).for_each(|_| assert_eq!(pace(9), Ok(()))));
            assert_eq!(paced(), AutomatonError::Cancelled);
        });
    }

    #[test]
    fn who_looks_himself_is_first() {
        let mut fuel = Fuel::unlimited().with_deadline("mask_ms", Duration::from_millis(5));
        fuel.watched(|fuel| {
            loop {
                assert_eq!(pace(1), Ok(()));
                if fuel.spend(8).is_err() {
                    break;
                }
            }
        });
    }
}
