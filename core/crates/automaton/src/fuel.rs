use std::time::Duration;

use crate::clock::thread_time;
use crate::stop::interrupted;
use crate::{AutomatonError, CancelToken};

/// Work that may still be spent, in elementary steps (about a hash look-up each), and
/// optionally an amount of processor time and a token that somebody may cancel.
///
/// Time is that of the thread which spends: work that moves to another thread takes a new fuel.
#[derive(Clone, Debug)]
pub struct Fuel {
    name: &'static str,
    limit: u64,
    left: u64,
    deadline: Option<Deadline>,
    cancel: Option<CancelToken>,
    /// Whether the host may interrupt it.
    heeds_host: bool,
    until_clock: u32,
    /// Steps between two looks at the clock.
    period: u32,
    /// The time of the last look.
    looked: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    name: &'static str,
    after: Duration,
    /// In time of the thread; not known before the first look at the clock.
    at: Option<Duration>,
}

/// Steps before the first look at the clock, which starts the time. Most masks and tokens take
/// fewer, and never look.
const FIRST_PERIOD: u32 = 1024;

/// Bounds of the steps between two looks. A step is meant to take some 20 ns, but one that
/// copies a large set takes much longer: the time between two looks decides.
const PERIODS: (u32, u32) = (16, 1024);

/// Looks come at least so far apart on average, or the period doubles; half a microsecond each,
/// they cost less than half a percent.
const OFTEN: Duration = Duration::from_micros(150);

/// Beyond this, the period shrinks.
const SELDOM: Duration = Duration::from_micros(600);

impl Fuel {
    /// `limit` steps under the name that an error will carry.
    pub fn new(name: &'static str, limit: u64) -> Self {
        Fuel {
            name,
            limit,
            left: limit,
            deadline: None,
            cancel: None,
            heeds_host: true,
            until_clock: FIRST_PERIOD,
            period: FIRST_PERIOD,
            looked: None,
        }
    }

    /// No bound, and not to be interrupted: for tests, and for what is done once for all.
    pub fn unlimited() -> Self {
        Fuel { heeds_host: false, ..Fuel::new("unlimited", u64::MAX) }
    }

    /// Adds an amount of processor time, under the name that an error will carry. It begins with
    /// [`Self::started`], or else at the first look at the clock, after some thousand steps.
    pub fn with_deadline(mut self, name: &'static str, after: Duration) -> Self {
        self.deadline = Some(Deadline { name, after, at: None });
        self
    }

    /// Begins to count the time now, of which `spent` is gone already.
    pub fn started(mut self, spent: Duration) -> Self {
        let now = thread_time();
        self.start(now);
        if let Some(Deadline { at: Some(at), .. }) = &mut self.deadline {
            *at = at.saturating_sub(spent);
        }
        self
    }

    fn start(&mut self, now: Duration) {
        self.looked = Some(now);
        if let Some(deadline) = &mut self.deadline
            && deadline.at.is_none()
        {
            // A time that cannot be represented never comes.
            deadline.at = Some(now.checked_add(deadline.after).unwrap_or(Duration::MAX));
        }
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

    /// Pays for `bytes` that are copied, hashed or compared at once.
    #[inline]
    pub fn spend_bytes(&mut self, bytes: usize) -> Result<(), AutomatonError> {
        self.spend(1 + bytes as u64 / BYTES_PER_STEP)
    }

    /// Steps that were paid so far.
    pub fn spent(&self) -> u64 {
        self.limit - self.left
    }

    /// Looks at the clock and at the token, whatever was paid.
    #[cold]
    pub fn look_around(&mut self) -> Result<(), AutomatonError> {
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            self.until_clock = 0;
            return Err(AutomatonError::Cancelled);
        }
        let now = thread_time();
        if let Some(looked) = self.looked {
            let (least, most) = PERIODS;
            match now.saturating_sub(looked) {
                passed if passed < OFTEN => self.period = (self.period * 2).min(most),
                passed if passed > SELDOM => self.period = (self.period / 4).max(least),
                _ => {}
            }
        }
        self.start(now);
        if let Some(Deadline { name, after, at: Some(at) }) = self.deadline
            && now > at
        {
            self.until_clock = 0;
            return Err(AutomatonError::Deadline { name, millis: after.as_millis() as u64 });
        }
        if self.heeds_host && interrupted(now) {
            self.until_clock = 0;
            return Err(AutomatonError::Interrupted);
        }
        // Not before: what was to end must not go on when it is asked again.
        self.until_clock = self.period;
        Ok(())
    }

    /// Whether `after` more of the thread's time is left, for work that cannot be ended: the deadline's
    /// error, if not.
    pub fn is_time_for(&self, after: Duration) -> Result<(), AutomatonError> {
        match self.deadline {
            Some(Deadline { name, after: allowed, at: Some(at) }) if thread_time() + after > at => {
                Err(AutomatonError::Deadline { name, millis: allowed.as_millis() as u64 })
            }
            _ => Ok(()),
        }
    }

    /// At most `steps` of what is left, within the same time: for work that may be given
    /// up. What it takes has to be paid for here as well.
    pub fn part(&mut self, steps: u64) -> Fuel {
        if self.looked.is_none() {
            self.start(thread_time());
        }
        let steps = steps.min(self.left);
        Fuel { limit: steps, left: steps, ..self.clone() }
    }

    /// The time and the token alone, without a bound of steps.
    pub(crate) fn of_time(&self) -> Fuel {
        Fuel { limit: u64::MAX, left: u64::MAX, period: FIRST_PERIOD, ..self.clone() }
    }

    /// Time of the thread since it began, as far as it has begun.
    pub fn time_spent(&self) -> Duration {
        let begun = self.deadline.and_then(|Deadline { at, after, .. }| at?.checked_sub(after));
        begun.map_or(Duration::ZERO, |begun| thread_time().saturating_sub(begun))
    }

    /// Steps left.
    pub fn left(&self) -> u64 {
        self.left
    }
}

/// Bytes that are copied or hashed in the time of a step.
const BYTES_PER_STEP: u64 = 32;

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
    fn what_cannot_be_ended_needs_its_time_beforehand() {
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(5));
        let fuel = Fuel::unlimited().with_deadline("mask_ms", long).started(Duration::ZERO);
        assert_eq!(fuel.is_time_for(short), Ok(()));
        assert_eq!(
            fuel.is_time_for(2 * long),
            Err(AutomatonError::Deadline { name: "mask_ms", millis: 5000 })
        );
        assert_eq!(Fuel::unlimited().is_time_for(2 * long), Ok(()));
    }

    #[test]
    fn a_part_has_no_more_time_than_the_whole() {
        let after = Duration::from_millis(5);
        let mut fuel = Fuel::unlimited().with_deadline("mask_ms", after);
        let mut part = fuel.part(u64::MAX);
        spend_all(&mut part);
        assert!(matches!(fuel.look_around(), Err(AutomatonError::Deadline { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn waiting_is_not_working() {
        let after = Duration::from_millis(30);
        let mut fuel = Fuel::unlimited().with_deadline("mask_ms", after).started(Duration::ZERO);
        std::thread::sleep(2 * after);
        assert!(fuel.look_around().is_ok());
    }

    #[test]
    fn long_steps_are_looked_at_more_often() {
        let after = Duration::from_millis(20);
        let mut fuel = Fuel::unlimited().with_deadline("compile_ms", after).started(Duration::ZERO);
        let begun = thread_time();
        // Steps of some 10 us, five hundred times what they are meant to take.
        while fuel.spend(1).is_ok() {
            let at = thread_time();
            while thread_time() - at < Duration::from_micros(10) {}
        }
        let late = thread_time() - begun - after;
        assert!(late < Duration::from_millis(15), "{late:?}");
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
