//! Plain decimals on one side of a bound.

use structgen_regex::{ByteSet, ExprId, Exprs};

use super::{FLOAT_DIGITS, FLOAT_EXACT, FLOAT_LONG, FLOAT_PLACES, FLOAT_WHOLE, Numbers, Side};

impl Numbers {
    /// `0|[1-9][0-9]*`
    pub(super) fn whole(&self, exprs: &mut Exprs) -> ExprId {
        let zero = exprs.literal(b"0");
        let positive = exprs.concat(&[self.nonzero, self.digits]);
        exprs.or(&[zero, positive])
    }

    pub(super) fn plain_all(&self, exprs: &mut Exprs) -> ExprId {
        let whole = self.whole(exprs);
        exprs.concat(&[whole, self.fraction])
    }

    /// Plain decimals that a binary float tells apart: with a fraction, no more than 17 digits,
    /// or 15 where the fraction is the smaller part. Readers turn a number with a fraction into a
    /// float, and beyond that would see another number than the one that is written. Constants of
    /// the schema that have more digits may be written all the same.
    ///
    /// `most`: digits before the point; `None` is for the universe, in which fractions of zeros
    /// have no bound either.
    pub(super) fn decimals(&self, exprs: &mut Exprs, most: Option<u32>) -> ExprId {
        let zero = exprs.literal(b"0");
        let below_one = self.float_fraction(exprs, 0, most.is_some());
        let mut options = vec![exprs.concat(&[zero, below_one])];
        let last = most.map_or(FLOAT_WHOLE, |most| most.min(FLOAT_WHOLE));
        // From the last digit to the first, so that what may follow is shared.
        let more = exprs.repeat(self.digit, 1, most.map(|most| (most - last).max(1)));
        let mut tail = if most == Some(last) {
            Exprs::EMPTY
        } else {
            let long = self.fraction_up_to(exprs, self.reach.places);
            exprs.concat(&[more, long])
        };
        for length in (1..=last).rev() {
            let fraction = self.float_fraction(exprs, length, most.is_some());
            tail = exprs.or(&[fraction, tail]);
            if length > 1 {
                tail = exprs.concat(&[self.digit, tail]);
            }
        }
        options.push(exprs.concat(&[self.nonzero, tail]));
        exprs.or(&options)
    }

    /// What may follow `length` digits (0: a zero): nothing, or a point and digits.
    fn float_fraction(&self, exprs: &mut Exprs, length: u32, bounded: bool) -> ExprId {
        let digits = match length {
            0 => FLOAT_PLACES,
            1..=FLOAT_LONG => FLOAT_DIGITS - length,
            _ => FLOAT_EXACT.saturating_sub(length),
        };
        let mut options = vec![self.fraction_up_to(exprs, digits.max(self.reach.places))];
        options.push(if bounded { exprs.literal(b".0") } else { self.zero_fraction });
        exprs.or(&options)
    }

    /// Nothing, or a point and up to `most` digits.
    pub(super) fn fraction_up_to(&self, exprs: &mut Exprs, most: u32) -> ExprId {
        if most == 0 {
            return Exprs::EPSILON;
        }
        let digits = exprs.repeat(self.digit, 1, Some(most));
        let fraction = exprs.concat(&[self.point, digits]);
        exprs.repeat(fraction, 0, Some(1))
    }

    /// Whole numbers, with a fraction of zeros only where a float holds them exactly.
    pub(super) fn float_integer(&self, exprs: &mut Exprs) -> ExprId {
        let zero = exprs.literal(b"0");
        let tail = exprs.repeat(self.digit, 0, Some(FLOAT_WHOLE - 1));
        let short = exprs.concat(&[self.nonzero, tail]);
        let short = exprs.or(&[zero, short]);
        let short = exprs.concat(&[short, self.zero_fraction]);
        let whole = self.whole(exprs);
        exprs.or(&[whole, short])
    }

    /// Unsigned plain decimals on one side of `whole.fraction`.
    pub(super) fn plain(
        &self,
        exprs: &mut Exprs,
        whole: &[u8],
        fraction: &[u8],
        side: Side,
    ) -> ExprId {
        let length = whole.len() as u32;
        let mut options = Vec::new();
        match side {
            Side::Below if length > 1 => {
                let zero = exprs.literal(b"0");
                let tail = exprs.repeat(self.digit, 0, Some(length - 2));
                let shorter = exprs.concat(&[self.nonzero, tail]);
                let shorter = exprs.or(&[zero, shorter]);
                options.push(exprs.concat(&[shorter, self.fraction]));
            }
            Side::Above => {
                let tail = exprs.repeat(self.digit, length, None);
                options.push(exprs.concat(&[self.nonzero, tail, self.fraction]));
            }
            _ => {}
        }
        // Same number of digits: from the last digit to the first.
        let mut same = self.fraction_side(exprs, fraction, side);
        for (index, digit) in whole.iter().enumerate().rev() {
            let least = if index == 0 && whole.len() > 1 { 1 } else { 0 };
            let here = exprs.literal(&[b'0' + digit]);
            let mut next = vec![exprs.concat(&[here, same])];
            let beside = self.digits_beside(exprs, *digit, least, side);
            if beside != Exprs::EMPTY {
                let rest = (whole.len() - 1 - index) as u32;
                let tail = exprs.repeat(self.digit, rest, Some(rest));
                next.push(exprs.concat(&[beside, tail, self.fraction]));
            }
            same = exprs.or(&next);
        }
        options.push(same);
        exprs.or(&options)
    }

    pub(super) fn digits_beside(
        &self,
        exprs: &mut Exprs,
        digit: u8,
        least: u8,
        side: Side,
    ) -> ExprId {
        let (first, last) = match side {
            Side::Below if digit > least => (least, digit - 1),
            Side::Above if digit < 9 => (digit + 1, 9),
            _ => return Exprs::EMPTY,
        };
        exprs.byte_set(ByteSet::range(b'0' + first, b'0' + last))
    }

    /// Fractions (with their point, or nothing) on one side of `digits`.
    pub(super) fn fraction_side(&self, exprs: &mut Exprs, digits: &[u8], side: Side) -> ExprId {
        let zero = exprs.literal(b"0");
        let zeros = exprs.repeat(zero, 0, None);
        // What may follow when all of `digits` have been read.
        let beyond = {
            let some = exprs.concat(&[zeros, self.nonzero, self.digits]);
            match side {
                Side::Equal => zeros,
                Side::Above => some,
                Side::Below => Exprs::EMPTY,
            }
        };
        if digits.is_empty() {
            let point = exprs.concat(&[self.point, beyond]);
            return match side {
                Side::Equal => self.zero_fraction,
                Side::Above => point,
                Side::Below => Exprs::EMPTY,
            };
        }
        // The last digit is not zero, so that stopping early always means less.
        let mut tail = beyond;
        for (index, digit) in digits.iter().enumerate().rev() {
            let here = exprs.literal(&[b'0' + digit]);
            let mut next = vec![exprs.concat(&[here, tail])];
            let beside = self.digits_beside(exprs, *digit, 0, side);
            if beside != Exprs::EMPTY {
                next.push(exprs.concat(&[beside, self.digits]));
            }
            if side == Side::Below && index > 0 {
                next.push(Exprs::EPSILON);
            }
            tail = exprs.or(&next);
        }
        let written = exprs.concat(&[self.point, tail]);
        if side == Side::Below { exprs.or(&[Exprs::EPSILON, written]) } else { written }
    }
}
