use std::time::{Duration, Instant};

use crate::stop::interrupted;
use crate::{AutomatonError, CancelToken};

/// Work that may still be spent, in elementary steps (about a hash look-up each), and
/// optionally a point in time and a token that somebody may cancel.
#[derive(Clone, Debug)]
pub struct Fuel {
    name: &'static str,
    limit: u64,
    left: u64,
    deadline: Option<Deadline>,
    cancel: Option<CancelToken>,
    until_clock: u32,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    name: &'static str,
    at: Instant,
    after: Duration,
}

/// Steps between two looks at the clock: at some 20 ns a step, well under a millisecond.
const CLOCK_PERIOD: u32 = 4096;

impl Fuel {
    /// `limit` steps under the name that an error will carry.
    pub fn new(name: &'static str, limit: u64) -> Self {
        Fuel { name, limit, left: limit, deadline: None, cancel: None, until_clock: CLOCK_PERIOD }
    }

    /// No bound: for tests.
    pub fn unlimited() -> Self {
        Fuel::new("unlimited", u64::MAX)
    }

    /// Adds a deadline `after` from now, under the name that an error will carry.
    pub fn with_deadline(mut self, name: &'static str, after: Duration) -> Self {
        // A point in time that cannot be represented never comes.
        self.deadline = Instant::now().checked_add(after).map(|at| Deadline { name, at, after });
        self
    }

    /// Ends when `token` is cancelled; at once if it has been.
    pub fn with_cancel(mut self, token: Option<CancelToken>) -> Self {
        if token.as_ref().is_some_and(CancelToken::is_cancelled) {
            self.until_clock = 0;
        }
        self.cancel = token;
        self
    }

    /// Pays `steps`.
    #[inline]
    pub fn spend(&mut self, steps: u64) -> Result<(), AutomatonError> {
        if steps > self.left {
            self.left = 0;
            return Err(AutomatonError::Limit { name: self.name, limit: self.limit });
        }
        self.left -= steps;
        self.until_clock = self.until_clock.saturating_sub(steps.min(u32::MAX as u64) as u32);
        if self.until_clock == 0 {
            return self.look_around();
        }
        Ok(())
    }

    /// Steps that were paid so far.
    pub fn spent(&self) -> u64 {
        self.limit - self.left
    }

    #[cold]
    fn look_around(&mut self) -> Result<(), AutomatonError> {
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(AutomatonError::Cancelled);
        }
        let now = Instant::now();
        if let Some(Deadline { name, at, after }) = self.deadline
            && now > at
        {
            return Err(AutomatonError::Deadline { name, millis: after.as_millis() as u64 });
        }
        if interrupted(now) {
            return Err(AutomatonError::Interrupted);
        }
        // Not before: what was to end must not go on when it is asked again.
        self.until_clock = CLOCK_PERIOD;
        Ok(())
    }

    /// At most `steps` of what is left, under the same deadline: for work that may be given
    /// up. What it takes has to be paid for here as well.
    pub fn part(&self, steps: u64) -> Fuel {
        let steps = steps.min(self.left);
        Fuel { limit: steps, left: steps, ..self.clone() }
    }

    /// Steps left.
    pub fn left(&self) -> u64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend_all(fuel: &mut Fuel) -> AutomatonError {
        loop {
            if let Err(error) = fuel.spend(10) {
                return error;
            }
        }
    }

    #[test]
    fn steps_run_out() {
        let error = spend_all(&mut Fuel::new("max_steps", 1000));
        assert_eq!(error, AutomatonError::Limit { name: "max_steps", limit: 1000 });
    }

    #[test]
    fn time_runs_out_and_stays_out() {
        let after = Duration::from_millis(5);
        let mut fuel = Fuel::unlimited().with_deadline("mask_ms", after);
        let error = AutomatonError::Deadline { name: "mask_ms", millis: 5 };
        assert_eq!(spend_all(&mut fuel), error);
        assert_eq!(fuel.spend(1), Err(error));
        assert!(Fuel::unlimited().with_deadline("far", Duration::MAX).spend(1 << 20).is_ok());
    }

    #[test]
    fn a_cancelled_token_stops_at_once_and_later() {
        let token = CancelToken::new();
        let mut fuel = Fuel::unlimited().with_cancel(Some(token.clone()));
        assert!(fuel.spend(1 << 20).is_ok());
        token.cancel();
        assert_eq!(spend_all(&mut fuel), AutomatonError::Cancelled);
        let mut late = Fuel::unlimited().with_cancel(Some(token));
        assert_eq!(late.spend(1), Err(AutomatonError::Cancelled));
    }
}
