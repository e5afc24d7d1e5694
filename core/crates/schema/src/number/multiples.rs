//! Multiples: of powers of ten by their last digits, of anything else by residues.

use structgen_regex::{ByteSet, ExprId, Exprs};

use super::residues::Residues;
use super::{MANTISSA, Numbers, Side};
use crate::decimal::Decimal;

/// Residues that a regular expression of a divisibility is built for.
const MAX_RESIDUES: u64 = 5_000;

impl Numbers {
    pub(super) fn build_multiple(&self, exprs: &mut Exprs, step: &Decimal) -> Option<ExprId> {
        let low = step.point - step.digits.len() as i64;
        let mut factor = 0u64;
        for digit in &step.digits {
            factor = factor.checked_mul(10)?.checked_add(u64::from(*digit))?;
        }
        if factor == 1 {
            return Some(self.power_of_ten_multiple(exprs, low));
        }
        if factor > MAX_RESIDUES || low.unsigned_abs() > 400 {
            return None;
        }
        self.plain_multiple(exprs, factor, low)
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

    /// Plain decimals that are multiples of `factor * 10^low`: an automaton that carries the
    /// residue of the digits read.
    pub(super) fn plain_multiple(
        &self,
        exprs: &mut Exprs,
        factor: u64,
        low: i64,
    ) -> Option<ExprId> {
        let places = low.min(0).unsigned_abs();
        let modulus = match u32::try_from(low.max(0)) {
            Ok(zeros) => factor.checked_mul(10u64.checked_pow(zeros)?)?,
            Err(_) => return None,
        };
        // One row of residues before the point and after each place, and three single states.
        let rows = places.checked_add(1)?;
        if modulus.checked_mul(rows)? > MAX_RESIDUES {
            return None;
        }
        let mut table = Residues::new(modulus, places);
        table.build();
        let (states, accepting) = table.trimmed()?;
        let mut edges: Vec<Vec<(ExprId, u32)>> = Vec::with_capacity(states.len());
        for state in states {
            let mut lowered = Vec::with_capacity(state.len());
            for (bytes, target) in state {
                lowered.push((exprs.byte_set(ByteSet::of(&bytes)), target));
            }
            edges.push(lowered);
        }
        let unsigned = exprs.system(&edges, &accepting);
        Some(self.signed(exprs, unsigned))
    }
}
