//! Languages of JSON numbers, as expressions over their spellings.
//!
//! Whether a spelling denotes a number of some interval, or a multiple of something, is
//! only regular if exponents are tamed: `d.ddd e x` with one digit before the point can be
//! compared digit by digit, `ddd e x` cannot. The *universe* holds the spellings on which
//! every predicate is exact: plain decimals, and normalised scientific notation with a
//! bounded mantissa (which is how programs write floats). The language of a predicate is
//! exact on the universe and sound outside it; so are its unions, intersections and, taken
//! relative to the universe, complements.

use rustc_hash::FxHashMap;
use structgen_regex::{ByteSet, ExprId, Exprs};

use crate::decimal::Decimal;

/// Digits after the point in a scientific mantissa: floats need 16.
const MANTISSA: usize = 19;

/// The greatest exponent that is written. Beyond it, the programs that read the document make
/// an infinity of the number, or zero.
const MAX_EXPONENT: u64 = 307;

/// Digits that a float needs, and those before the point when a fraction follows.
const FLOAT_DIGITS: u32 = 17;
const FLOAT_WHOLE: u32 = 12;

/// Residues that a regular expression of a divisibility is built for.
const MAX_RESIDUES: u64 = 5_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Equal,
    Above,
}

/// Builds expressions over spellings of numbers.
pub(crate) struct Numbers {
    /// Every JSON number.
    pub(crate) all: ExprId,
    /// The spellings on which predicates are exact.
    universe: ExprId,
    scientific: bool,
    /// Whether every number has one spelling alone: no exponent, no zeros at the end of a
    /// fraction.
    canonical: bool,
    digit: ExprId,
    digits: ExprId,
    nonzero: ExprId,
    minus: ExprId,
    point: ExprId,
    /// `(\.[0-9]+)?`
    fraction: ExprId,
    /// `(\.0+)?`
    zero_fraction: ExprId,
    exponent_mark: ExprId,
    multiples: FxHashMap<Decimal, Option<ExprId>>,
}

impl Numbers {
    /// `exponents`: whether they may be written at all; `mixed`: whether predicates occur
    /// that are not regular over them.
    pub(crate) fn new(exprs: &mut Exprs, exponents: bool, mixed: bool) -> Self {
        let digit = exprs.byte_set(ByteSet::range(b'0', b'9'));
        let digits = exprs.repeat(digit, 0, None);
        let nonzero = exprs.byte_set(ByteSet::range(b'1', b'9'));
        let zero = exprs.literal(b"0");
        let minus = exprs.literal(b"-");
        let point = exprs.literal(b".");
        let some_digits = exprs.repeat(digit, 1, None);
        let fraction = exprs.concat(&[point, some_digits]);
        let fraction = exprs.repeat(fraction, 0, Some(1));
        let some_zeros = exprs.repeat(zero, 1, None);
        let zero_fraction = exprs.concat(&[point, some_zeros]);
        let zero_fraction = exprs.repeat(zero_fraction, 0, Some(1));
        let exponent_mark = exprs.byte_set(ByteSet::of(b"eE"));
        let mut this = Numbers {
            all: Exprs::EMPTY,
            universe: Exprs::EMPTY,
            scientific: exponents && !mixed,
            canonical: !exponents,
            digit,
            digits,
            nonzero,
            minus,
            point,
            fraction,
            zero_fraction,
            exponent_mark,
            multiples: FxHashMap::default(),
        };
        let plain = this.plain_all(exprs);
        let mut unsigned = vec![if this.canonical {
            this.canonical_all(exprs)
        } else {
            this.plain_of_float(exprs)
        }];
        if this.scientific {
            let mantissa = this.mantissa_all(exprs);
            let exponent = this.exponent_any(exprs);
            unsigned.push(exprs.concat(&[mantissa, exponent]));
        }
        let unsigned = exprs.or(&unsigned);
        this.universe = this.signed(exprs, unsigned);
        this.all = if exponents {
            let exponent = this.exponent_any(exprs);
            let exponent = exprs.repeat(exponent, 0, Some(1));
            let unsigned = exprs.concat(&[plain, exponent]);
            this.signed(exprs, unsigned)
        } else {
            this.universe
        };
        this
    }

    /// The numbers outside `language`.
    pub(crate) fn complement(&self, exprs: &mut Exprs, language: ExprId) -> ExprId {
        if language == Exprs::EMPTY {
            return self.all;
        }
        if language == self.all {
            return Exprs::EMPTY;
        }
        let outside = exprs.not(language);
        exprs.and(&[self.universe, outside])
    }

    /// Whole numbers; in draft 4 only if they look like ones.
    pub(crate) fn integer(&self, exprs: &mut Exprs, by_spelling: bool) -> ExprId {
        let whole = self.whole(exprs);
        if by_spelling || self.canonical {
            return self.signed(exprs, whole);
        }
        self.power_of_ten_multiple(exprs, 0)
    }

    /// Numbers on one side of `bound`.
    pub(crate) fn bounded(
        &self,
        exprs: &mut Exprs,
        bound: &Decimal,
        lower: bool,
        exclusive: bool,
    ) -> ExprId {
        let equal = if exclusive { Exprs::EMPTY } else { self.equal(exprs, bound) };
        let magnitude = bound.abs();
        let zero = Decimal::zero();
        let toward = if lower { Side::Above } else { Side::Below };
        let strict = if bound.is_zero() {
            let beyond = self.magnitude(exprs, &zero, Side::Above);
            if lower { beyond } else { exprs.concat(&[self.minus, beyond]) }
        } else if bound.negative == lower {
            // Everything on the far side of zero, zero, and the part up to the bound.
            let near = self.magnitude(exprs, &magnitude, Side::Below);
            let far = self.magnitude_any(exprs);
            let (positive, negative) = if lower { (far, near) } else { (near, far) };
            let zeros = self.equal(exprs, &zero);
            let negative = exprs.concat(&[self.minus, negative]);
            if lower {
                exprs.or(&[positive, zeros, negative])
            } else {
                // `negative` is everything below zero, `positive` what is below the bound.
                exprs.or(&[negative, zeros, positive])
            }
        } else {
            let beyond = self.magnitude(
                exprs,
                &magnitude,
                if bound.negative { flip(toward) } else { toward },
            );
            if bound.negative { exprs.concat(&[self.minus, beyond]) } else { beyond }
        };
        exprs.or(&[equal, strict])
    }

    /// The spellings of one number.
    pub(crate) fn equal(&self, exprs: &mut Exprs, value: &Decimal) -> ExprId {
        let magnitude = self.magnitude(exprs, &value.abs(), Side::Equal);
        let language = if value.is_zero() {
            self.signed(exprs, magnitude)
        } else if value.negative {
            exprs.concat(&[self.minus, magnitude])
        } else {
            magnitude
        };
        self.canonically(exprs, language)
    }

    /// Multiples of `step`; `None` where that takes more residues than are affordable.
    pub(crate) fn multiple(&mut self, exprs: &mut Exprs, step: &Decimal) -> Option<ExprId> {
        if let Some(known) = self.multiples.get(step) {
            return *known;
        }
        let language = self.build_multiple(exprs, step);
        let language = language.map(|language| self.canonically(exprs, language));
        self.multiples.insert(step.clone(), language);
        language
    }

    fn build_multiple(&self, exprs: &mut Exprs, step: &Decimal) -> Option<ExprId> {
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

    fn signed(&self, exprs: &mut Exprs, unsigned: ExprId) -> ExprId {
        let sign = exprs.repeat(self.minus, 0, Some(1));
        exprs.concat(&[sign, unsigned])
    }

    /// `0|[1-9][0-9]*`
    fn whole(&self, exprs: &mut Exprs) -> ExprId {
        let zero = exprs.literal(b"0");
        let positive = exprs.concat(&[self.nonzero, self.digits]);
        exprs.or(&[zero, positive])
    }

    fn plain_all(&self, exprs: &mut Exprs) -> ExprId {
        let whole = self.whole(exprs);
        exprs.concat(&[whole, self.fraction])
    }

    /// Plain decimals that a binary float tells apart: with a fraction, no more than 17
    /// digits, and no more than 12 before the point. Readers turn a number with a fraction
    /// into a float, and beyond that would see another number than the one that is written.
    fn plain_of_float(&self, exprs: &mut Exprs) -> ExprId {
        let whole = self.whole(exprs);
        let mut options = vec![whole];
        let zero = exprs.literal(b"0");
        let tiny = exprs.repeat(self.digit, 1, Some(FLOAT_DIGITS + 4));
        options.push(exprs.concat(&[zero, self.point, tiny]));
        for length in 1..=FLOAT_WHOLE {
            let tail = exprs.repeat(self.digit, length - 1, Some(length - 1));
            let fraction = exprs.repeat(self.digit, 1, Some(FLOAT_DIGITS - length));
            options.push(exprs.concat(&[self.nonzero, tail, self.point, fraction]));
        }
        options.push(self.float_integer(exprs));
        exprs.or(&options)
    }

    /// Whole numbers, with a fraction of zeros only where a float holds them exactly.
    fn float_integer(&self, exprs: &mut Exprs) -> ExprId {
        let zero = exprs.literal(b"0");
        let tail = exprs.repeat(self.digit, 0, Some(FLOAT_DIGITS - 2));
        let short = exprs.concat(&[self.nonzero, tail]);
        let short = exprs.or(&[zero, short]);
        let short = exprs.concat(&[short, self.zero_fraction]);
        let whole = self.whole(exprs);
        exprs.or(&[whole, short])
    }

    /// The part of `language` on which readers agree.
    pub(crate) fn within_universe(&self, exprs: &mut Exprs, language: ExprId) -> ExprId {
        exprs.and(&[language, self.universe])
    }

    /// The canonical spellings in `language`, where there is one spelling alone.
    fn canonically(&self, exprs: &mut Exprs, language: ExprId) -> ExprId {
        if self.canonical { self.within_universe(exprs, language) } else { language }
    }

    /// `(0|[1-9][0-9]*)(\.[0-9]*[1-9])?`
    fn canonical_all(&self, exprs: &mut Exprs) -> ExprId {
        let whole = self.whole(exprs);
        let fraction = exprs.concat(&[self.point, self.digits, self.nonzero]);
        let fraction = exprs.repeat(fraction, 0, Some(1));
        exprs.concat(&[whole, fraction])
    }

    fn mantissa_all(&self, exprs: &mut Exprs) -> ExprId {
        let digits = exprs.repeat(self.digit, 1, Some(MANTISSA as u32));
        let fraction = exprs.concat(&[self.point, digits]);
        let fraction = exprs.repeat(fraction, 0, Some(1));
        exprs.concat(&[self.nonzero, fraction])
    }

    fn magnitude_any(&self, exprs: &mut Exprs) -> ExprId {
        self.magnitude(exprs, &Decimal::zero(), Side::Above)
    }

    /// Unsigned spellings of numbers on one side of `bound`, which is not negative.
    fn magnitude(&self, exprs: &mut Exprs, bound: &Decimal, side: Side) -> ExprId {
        let (whole, fraction) = bound.plain_digits();
        let plain = self.plain(exprs, &whole, &fraction, side);
        if !self.scientific {
            return plain;
        }
        let scientific = self.scientific(exprs, bound, side);
        exprs.or(&[plain, scientific])
    }

    // -- plain decimals -------------------------------------------------------------------

    /// Unsigned plain decimals on one side of `whole.fraction`.
    fn plain(&self, exprs: &mut Exprs, whole: &[u8], fraction: &[u8], side: Side) -> ExprId {
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

    fn digits_beside(&self, exprs: &mut Exprs, digit: u8, least: u8, side: Side) -> ExprId {
        let (first, last) = match side {
            Side::Below if digit > least => (least, digit - 1),
            Side::Above if digit < 9 => (digit + 1, 9),
            _ => return Exprs::EMPTY,
        };
        exprs.byte_set(ByteSet::range(b'0' + first, b'0' + last))
    }

    /// Fractions (with their point, or nothing) on one side of `digits`.
    fn fraction_side(&self, exprs: &mut Exprs, digits: &[u8], side: Side) -> ExprId {
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

    // -- scientific notation --------------------------------------------------------------

    fn scientific(&self, exprs: &mut Exprs, bound: &Decimal, side: Side) -> ExprId {
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

    fn exponent_any(&self, exprs: &mut Exprs) -> ExprId {
        let sign = exprs.byte_set(ByteSet::of(b"+-"));
        let sign = exprs.repeat(sign, 0, Some(1));
        let digits = self.natural(exprs, MAX_EXPONENT + 1, Side::Below);
        exprs.concat(&[self.exponent_mark, sign, digits])
    }

    /// `e` and an exponent on one side of `value`.
    fn exponent(&self, exprs: &mut Exprs, value: i64, side: Side) -> ExprId {
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

    // -- multiples ------------------------------------------------------------------------

    /// Multiples of `10^low`.
    fn power_of_ten_multiple(&self, exprs: &mut Exprs, low: i64) -> ExprId {
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
    fn plain_multiple(&self, exprs: &mut Exprs, factor: u64, low: i64) -> Option<ExprId> {
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

/// The automaton of [`Numbers::plain_multiple`].
struct Residues {
    modulus: u64,
    places: u64,
    /// By state, the next state by byte (digits, and 10 for the point).
    next: Vec<[Option<u32>; 11]>,
    accepting: Vec<bool>,
}

impl Residues {
    fn new(modulus: u64, places: u64) -> Self {
        Residues { modulus, places, next: Vec::new(), accepting: Vec::new() }
    }

    fn add(&mut self, accepting: bool) -> u32 {
        self.next.push([None; 11]);
        self.accepting.push(accepting);
        self.next.len() as u32 - 1
    }

    /// Whether `residue`, with `missing` more places of zeros, is a multiple.
    fn fits(&self, residue: u64, missing: u64) -> bool {
        let mut value = residue;
        for _ in 0..missing {
            value = value * 10 % self.modulus;
        }
        value == 0
    }

    fn build(&mut self) {
        let start = self.add(false);
        let zero = self.add(true);
        // Nothing but zeros may follow the last place.
        let zeros = self.add(true);
        self.next[zeros as usize][0] = Some(zeros);
        let modulus = self.modulus;
        let whole: Vec<u32> = (0..modulus).map(|r| self.add(self.fits(r, self.places))).collect();
        let row = |r: u64, d: u64| ((r * 10 + d) % modulus) as usize;
        for d in 0..10u64 {
            self.next[start as usize][d as usize] =
                Some(if d == 0 { zero } else { whole[(d % modulus) as usize] });
            for r in 0..modulus {
                self.next[whole[r as usize] as usize][d as usize] = Some(whole[row(r, d)]);
            }
        }
        // After the point and each place: by residue. The state after the point itself does
        // not accept, whatever the residue.
        let mut before: Vec<u32> = Vec::new();
        for r in 0..modulus {
            let point = self.add(false);
            self.next[whole[r as usize] as usize][10] = Some(point);
            before.push(point);
        }
        self.next[zero as usize][10] = before.first().copied();
        for place in 1..=self.places {
            let missing = self.places - place;
            let here: Vec<u32> = (0..modulus).map(|r| self.add(self.fits(r, missing))).collect();
            for r in 0..modulus {
                for d in 0..10u64 {
                    self.next[before[r as usize] as usize][d as usize] = Some(here[row(r, d)]);
                }
            }
            before = here;
        }
        if let Some(last) = before.first() {
            self.next[*last as usize][0] = Some(zeros);
        }
    }

    /// The states that lead somewhere, edges to one state in one set; `None` if there is none.
    #[allow(clippy::type_complexity)]
    fn trimmed(&self) -> Option<(Vec<Vec<(Vec<u8>, u32)>>, Vec<bool>)> {
        let mut live = self.accepting.clone();
        loop {
            let mut changed = false;
            for state in (0..self.next.len()).rev() {
                if !live[state] && self.next[state].iter().flatten().any(|t| live[*t as usize]) {
                    live[state] = true;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        if !live.first().copied()? {
            return None;
        }
        let mut number = vec![u32::MAX; self.next.len()];
        let mut kept = 0;
        for (state, live) in live.iter().enumerate() {
            if *live {
                number[state] = kept;
                kept += 1;
            }
        }
        let mut states = Vec::new();
        let mut accepting = Vec::new();
        for (state, row) in self.next.iter().enumerate() {
            if !live[state] {
                continue;
            }
            let mut edges: Vec<(Vec<u8>, u32)> = Vec::new();
            for (symbol, target) in row.iter().enumerate() {
                let Some(target) = target.filter(|target| live[*target as usize]) else {
                    continue;
                };
                let target = number[target as usize];
                let byte = if symbol == 10 { b'.' } else { b'0' + symbol as u8 };
                match edges.iter_mut().find(|(_, other)| *other == target) {
                    Some((bytes, _)) => bytes.push(byte),
                    None => edges.push((vec![byte], target)),
                }
            }
            states.push(edges);
            accepting.push(self.accepting[state]);
        }
        Some((states, accepting))
    }
}

fn flip(side: Side) -> Side {
    match side {
        Side::Below => Side::Above,
        Side::Above => Side::Below,
        Side::Equal => Side::Equal,
    }
}
