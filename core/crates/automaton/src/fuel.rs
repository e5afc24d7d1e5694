use std::time::{Duration, Instant};

use crate::AutomatonError;

/// Work that may still be spent, in elementary steps (about a hash look-up each), and
/// optionally a point in time.
#[derive(Clone, Debug)]
pub struct Fuel {
    name: &'static str,
    limit: u64,
    left: u64,
    deadline: Option<(Instant, Duration)>,
    until_clock: u32,
}

/// Steps between two looks at the clock: at some 20 ns a step, well under a millisecond.
const CLOCK_PERIOD: u32 = 4096;

impl Fuel {
    /// `limit` steps under the name that an error will carry.
    pub fn new(name: &'static str, limit: u64) -> Self {
        Fuel { name, limit, left: limit, deadline: None, until_clock: CLOCK_PERIOD }
    }

    /// No bound: for tests.
    pub fn unlimited() -> Self {
        Fuel::new("unlimited", u64::MAX)
    }

    /// Adds a deadline `after` from now.
    pub fn with_deadline(mut self, after: Duration) -> Self {
        self.deadline = Some((Instant::now() + after, after));
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
        if self.deadline.is_some() {
            self.until_clock = self.until_clock.saturating_sub(steps.min(u32::MAX as u64) as u32);
            if self.until_clock == 0 {
                return self.look_at_clock();
            }
        }
        Ok(())
    }

    #[cold]
    fn look_at_clock(&mut self) -> Result<(), AutomatonError> {
        self.until_clock = CLOCK_PERIOD;
        match self.deadline {
            Some((at, after)) if Instant::now() > at => {
                Err(AutomatonError::Deadline { millis: after.as_millis() as u64 })
            }
            _ => Ok(()),
        }
    }

    /// Steps left.
    pub fn left(&self) -> u64 {
        self.left
    }
}
