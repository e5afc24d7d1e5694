//! Waiting for others.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use structgen_automaton::{AutomatonError, CancelToken};

/// Time between two looks at the token of who waits.
const LOOK: Duration = Duration::from_millis(1);

/// The lock, waited for no longer than until `cancel`: whoever has it may work for as long as its
/// own budget allows, which says nothing of who waits.
pub fn lock_unless_cancelled<'a, T>(
    mutex: &'a Mutex<T>,
    cancel: Option<&CancelToken>,
) -> Result<MutexGuard<'a, T>, AutomatonError> {
    let Some(cancel) = cancel else {
        return Ok(mutex.lock().unwrap_or_else(PoisonError::into_inner));
    };
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => {
                return Err(AutomatonError::Cancelled);
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_can_be_called_off() {
        let (mutex, token) = (Mutex::new(1), CancelToken::new());
        let held = mutex.lock().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| lock_unless_cancelled(&mutex, Some(&token)).map(|g| *g));
            std::thread::sleep(Duration::from_millis(20));
            token.cancel();
            assert_eq!(waiting.join().unwrap(), Err(AutomatonError::Cancelled));
        });
        drop(held);
        // What is free is had, cancelled or not: the work itself looks at the token.
        assert_eq!(*lock_unless_cancelled(&mutex, Some(&token)).unwrap(), 1);
    }
}
