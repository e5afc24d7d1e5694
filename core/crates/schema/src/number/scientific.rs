//! Normalised scientific notation on one side of a bound.

use structgen_regex::{ByteSet, ExprId, Exprs};

use super::{MANTISSA, MAX_EXPONENT, Numbers, Side};
use crate::decimal::Decimal;

impl Numbers {
    pub(super) fn mantissa_all(&self, exprs: &mut Exprs) -> ExprId {
        let digits = exprs.repeat(self.digit, 1, Some(MANTISSA as u32));
        let fraction = exprs.concat(&[self.point, digits]);
        let fraction = exprs.repeat(fraction, 0, Some(1));
        exprs.concat(&[self.nonzero, fraction])
    }

    pub(super) fn scientific(&self, exprs: &mut Exprs, bound: &Decimal, side: Side) -> ExprId {
        let mantissa = self.mantissa_all(exprs);
        if bound.is_zero() {
            let any = self.exponent_any(exprs);
            return if side == Side::Above { exprs.concat(&[mantissa, any]) } else { Exprs::EMPTY };
        }
        let exponent = bound.point - 1;
        let same = self.exponent(exprs, exponent, Side::Equal);
        let first = bound.digits.first().copied().unwrap_or(0);
        let mut beside = vec![{
            let here = exprs.literal(&[b'0' + first]);
            let rest = self.fraction_side(exprs, bound.digits.get(1..).unwrap_or(&[]), side);
            exprs.concat(&[here, rest])
        }];
        let others = self.digits_beside(exprs, first, 1, side);
        beside.push(exprs.concat(&[others, self.fraction]));
        let near = exprs.or(&beside);
        let near = exprs.concat(&[near, same]);
        if side == Side::Equal {
            return near;
        }
        let far = self.exponent(exprs, exponent, side);
        let far = exprs.concat(&[mantissa, far]);
        exprs.or(&[near, far])
    }

    pub(super) fn exponent_any(&self, exprs: &mut Exprs) -> ExprId {
        let sign = exprs.byte_set(ByteSet::of(b"+-"));
        let sign = exprs.repeat(sign, 0, Some(1));
        let digits = self.natural(exprs, MAX_EXPONENT + 1, Side::Below);
        exprs.concat(&[self.exponent_mark, sign, digits])
    }

    /// `e` and an exponent on one side of `value`.
    pub(super) fn exponent(&self, exprs: &mut Exprs, value: i64, side: Side) -> ExprId {
        let any = self.natural(exprs, MAX_EXPONENT + 1, Side::Below);
        let magnitude = value.unsigned_abs();
        let zeros = self.natural(exprs, 0, Side::Equal);
        let (positive, negative) = match (side, value) {
            (Side::Equal, 0) => (zeros, zeros),
            (Side::Equal, 1..) => (self.natural(exprs, magnitude, side), Exprs::EMPTY),
            (Side::Equal, _) => (Exprs::EMPTY, self.natural(exprs, magnitude, side)),
            (Side::Below, 1..) => (self.natural(exprs, magnitude, Side::Below), any),
            (Side::Below, _) => (Exprs::EMPTY, self.natural(exprs, magnitude, Side::Above)),
            (Side::Above, 0..) => (self.natural(exprs, magnitude, Side::Above), Exprs::EMPTY),
            (Side::Above, _) => (any, self.natural(exprs, magnitude, Side::Below)),
        };
        let positive = exprs.and(&[positive, any]);
        let negative = exprs.and(&[negative, any]);
        let plus = exprs.literal(b"+");
        let plus = exprs.repeat(plus, 0, Some(1));
        let positive = exprs.concat(&[plus, positive]);
        let negative = exprs.concat(&[self.minus, negative]);
        let either = exprs.or(&[positive, negative]);
        exprs.concat(&[self.exponent_mark, either])
    }

    /// Natural numbers, leading zeros allowed, on one side of `value`.
    fn natural(&self, exprs: &mut Exprs, value: u64, side: Side) -> ExprId {
        let zero = exprs.literal(b"0");
        let zeros = exprs.repeat(zero, 0, None);
        let some_zeros = exprs.repeat(zero, 1, None);
        if value == 0 {
            return match side {
                Side::Equal => some_zeros,
                Side::Above => exprs.concat(&[zeros, self.nonzero, self.digits]),
                Side::Below => Exprs::EMPTY,
            };
        }
        let digits: Vec<u8> = value.to_string().bytes().map(|byte| byte - b'0').collect();
        let length = digits.len() as u32;
        let mut same = Exprs::EPSILON;
        if side != Side::Equal {
            same = Exprs::EMPTY;
        }
        for (index, digit) in digits.iter().enumerate().rev() {
            let here = exprs.literal(&[b'0' + digit]);
            let mut next = vec![exprs.concat(&[here, same])];
            let beside = self.digits_beside(exprs, *digit, u8::from(index == 0), side);
            let rest = length - 1 - index as u32;
            let tail = exprs.repeat(self.digit, rest, Some(rest));
            next.push(exprs.concat(&[beside, tail]));
            same = exprs.or(&next);
        }
        let mut options = vec![exprs.concat(&[zeros, same])];
        match side {
            Side::Below => {
                options.push(some_zeros);
                if length > 1 {
                    let tail = exprs.repeat(self.digit, 0, Some(length - 2));
                    options.push(exprs.concat(&[zeros, self.nonzero, tail]));
                }
            }
            Side::Above => {
                let tail = exprs.repeat(self.digit, length, None);
                options.push(exprs.concat(&[zeros, self.nonzero, tail]));
            }
            Side::Equal => {}
        }
        exprs.or(&options)
    }
}
