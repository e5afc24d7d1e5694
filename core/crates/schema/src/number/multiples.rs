//! Multiples: of powers of ten by their last digits, of anything else by remainders.

use structgen_regex::{ExprId, Exprs};

use super::{MANTISSA, Numbers, Side};
use crate::decimal::Decimal;

/// Places of a step: those of the least float that has all its digits.
const MAX_PLACES: u32 = 400;

/// A step: `factor / 10^places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    factor: u64,
    places: u32,
}

impl Step {
    pub(super) const ONE: Step = Step { factor: 1, places: 0 };

    /// `None` for powers of ten, and for what has too many digits.
    pub(super) fn of(step: &Decimal) -> Option<Self> {
        if step.digits == [1] { None } else { Step::scaled(step) }
    }

    /// `None` for what has too many digits.
    pub(super) fn scaled(step: &Decimal) -> Option<Self> {
        let low = step.point - step.digits.len() as i64;
        let zeros = u32::try_from(low.max(0)).ok()?;
        let mut factor = 10u64.checked_pow(zeros)?;
        let mut digits = 0u64;
        for digit in &step.digits {
            digits = digits.checked_mul(10)?.checked_add(u64::from(*digit))?;
        }
        factor = factor.checked_mul(digits)?;
        let places = u32::try_from((-low).max(0)).ok().filter(|places| *places <= MAX_PLACES)?;
        Some(Step { factor, places })
    }

    /// Whether a search does not soon see all of its remainders.
    pub(super) fn is_large(self) -> bool {
        self.factor > 10_000
    }

    /// The greatest number of steps that is not above `value`, and whether that is `value` itself.
    /// `None` if it takes more than 128 bits to say so.
    pub(super) fn divide(self, value: &Decimal) -> Option<(i128, bool)> {
        let low = value.point - value.digits.len() as i64;
        let places = u32::try_from((-low).max(0)).ok()?.max(self.places);
        let mut number = 0i128;
        for digit in &value.digits {
            number = number.checked_mul(10)?.checked_add(i128::from(*digit))?;
        }
        let power = |exponent: i64| 10i128.checked_pow(u32::try_from(exponent).ok()?);
        if !value.is_zero() {
            number = number.checked_mul(power(i64::from(places) + low)?)?;
        }
        if value.negative {
            number = -number;
        }
        let step = power(i64::from(places - self.places))?.checked_mul(i128::from(self.factor))?;
        Some((number.div_euclid(step), number.rem_euclid(step) == 0))
    }

    pub(super) fn times(self, times: i128) -> Option<Decimal> {
        let factor = times.checked_mul(i128::from(self.factor))?;
        Decimal::parse_text(&format!("{factor}e-{}", self.places)).ok()
    }

    /// The least number that is a multiple of both.
    pub(super) fn common(self, other: Step) -> Option<Step> {
        let places = self.places.max(other.places);
        let scaled = |step: Step| {
            let more = 10u64.checked_pow(places - step.places)?;
            step.factor.checked_mul(more)
        };
        let (a, b) = (scaled(self)?, scaled(other)?);
        let (mut divisor, mut rest) = (a, b);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let factor = (a / divisor).checked_mul(b)?;
        Some(Step { factor, places })
    }
}

impl Numbers {
    /// `None` where a step has too many digits.
    pub(super) fn build_multiple(&self, exprs: &mut Exprs, step: &Decimal) -> Option<ExprId> {
        if step.digits == [1] {
            return Some(self.power_of_ten_multiple(exprs, step.point - 1));
        }
        Step::of(step).map(|step| self.plain_multiple(exprs, step))
    }

    /// Multiples of `10^low`.
    pub(super) fn power_of_ten_multiple(&self, exprs: &mut Exprs, low: i64) -> ExprId {
        let zero = exprs.literal(b"0");
        let plain = if low == 0 {
            self.float_integer(exprs)
        } else if low > 0 {
            let zeros = exprs.repeat(zero, low as u32, Some(low as u32));
            let positive = exprs.concat(&[self.nonzero, self.digits, zeros]);
            let whole = exprs.or(&[zero, positive]);
            exprs.concat(&[whole, self.zero_fraction])
        } else {
            let places = (-low) as u32;
            let digits = exprs.repeat(self.digit, 1, Some(places));
            let zeros = exprs.repeat(zero, 0, None);
            let fraction = exprs.concat(&[self.point, digits, zeros]);
            let fraction = exprs.repeat(fraction, 0, Some(1));
            let whole = self.whole(exprs);
            exprs.concat(&[whole, fraction])
        };
        let mut options = vec![plain];
        if self.scientific {
            for significant in 0..=MANTISSA {
                let mantissa = self.mantissa_with(exprs, significant);
                let least = low + significant as i64;
                let above = self.exponent(exprs, least - 1, Side::Above);
                options.push(exprs.concat(&[mantissa, above]));
            }
        }
        let unsigned = exprs.or(&options);
        self.signed(exprs, unsigned)
    }

    /// Mantissas whose last digit that is not zero is the `significant`-th after the point.
    fn mantissa_with(&self, exprs: &mut Exprs, significant: usize) -> ExprId {
        let zero = exprs.literal(b"0");
        let room = (MANTISSA - significant) as u32;
        if significant == 0 {
            let zeros = exprs.repeat(zero, 1, Some(room));
            let fraction = exprs.concat(&[self.point, zeros]);
            let fraction = exprs.repeat(fraction, 0, Some(1));
            return exprs.concat(&[self.nonzero, fraction]);
        }
        let before = (significant - 1) as u32;
        let digits = exprs.repeat(self.digit, before, Some(before));
        let zeros = exprs.repeat(zero, 0, Some(room));
        exprs.concat(&[self.nonzero, self.point, digits, self.nonzero, zeros])
    }

    /// Plain decimals that are multiples of `step`.
    pub(super) fn plain_multiple(&self, exprs: &mut Exprs, step: Step) -> ExprId {
        let unsigned = exprs.multiples(step.factor, step.places);
        self.signed(exprs, unsigned)
    }
}
