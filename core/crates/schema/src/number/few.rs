//! Multiples of a large step between two bounds: few of them, and listed.
//!
//! As an intersection of languages, remainders and digits that have to stay within bounds are told
//! apart all together: a search for a multiple where there is none would go through all numbers
//! between the bounds. How many there are is arithmetic.

use crate::decimal::Decimal;
use crate::location::{Bound, NumberRules};

use super::multiples::Step;

/// Multiples that are listed. Where there are more, some are near every beginning of a number but
/// those next to the bounds.
const MOST: i128 = 1_000;

/// The numbers between bounds that are multiples of a step.
///
/// INVARIANT: a language that has a range is that of all these numbers, not of some of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Range {
    lower: Vec<Bound>,
    upper: Vec<Bound>,
    step: Option<Step>,
}

impl Range {
    /// `None` where a step takes more than 64 bits.
    pub(super) fn of(rules: &NumberRules, whole: bool) -> Option<Self> {
        let step = match &rules.multiple_of {
            Some(step) => Some(Step::scaled(step)?),
            None => None,
        };
        let range = Range { lower: rules.lower.clone(), upper: rules.upper.clone(), step };
        range.with_step(whole.then_some(Step::ONE))
    }

    /// What both say.
    pub(super) fn and(&self, other: &Range) -> Option<Range> {
        let joined = |a: &[Bound], b: &[Bound]| a.iter().chain(b).cloned().collect();
        let (lower, upper) = (joined(&self.lower, &other.lower), joined(&self.upper, &other.upper));
        Range { lower, upper, step: self.step }.with_step(other.step)
    }

    fn with_step(self, other: Option<Step>) -> Option<Range> {
        let step = match (self.step, other) {
            (Some(a), Some(b)) => Some(a.common(b)?),
            (a, b) => a.or(b),
        };
        Some(Range { step, ..self })
    }

    /// All multiples, if the step is large and they are few.
    pub(super) fn multiples(&self) -> Option<Vec<Decimal>> {
        let step = self.step.filter(|step| step.is_large())?;
        let (mut first, mut last) = (None::<i128>, None::<i128>);
        for bound in &self.lower {
            let (above, met) = step.divide(&bound.value)?;
            let least = if met { above + i128::from(bound.exclusive) } else { above + 1 };
            first = Some(first.map_or(least, |first| first.max(least)));
        }
        for bound in &self.upper {
            let (below, met) = step.divide(&bound.value)?;
            let most = if met && bound.exclusive { below - 1 } else { below };
            last = Some(last.map_or(most, |last| last.min(most)));
        }
        let (first, last) = (first?, last?);
        if last.checked_sub(first)? >= MOST {
            return None;
        }
        (first..=last).map(|times| step.times(times)).collect()
    }
}
