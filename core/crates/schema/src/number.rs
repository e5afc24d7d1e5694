//! Languages of JSON numbers, as expressions over their spellings.
//!
//! Whether a spelling denotes a number of some interval, or a multiple of something, is
//! only regular if exponents are tamed: `d.ddd e x` with one digit before the point can be
//! compared digit by digit, `ddd e x` cannot. The *universe* holds the spellings on which
//! every predicate is exact: plain decimals, and normalised scientific notation with a
//! bounded mantissa (which is how programs write floats). The language of a predicate is
//! exact on the universe and sound outside it; so are its unions, intersections and, taken
//! relative to the universe, complements.
//!
//! Which of the spellings are *written* is another question, and is asked last (`written`): an
//! integer without a point, a fraction of so many digits. To narrow before a complement is taken
//! would widen what it allows.

mod few;
mod multiples;
mod plain;
mod reach;
mod scientific;
mod written;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use structgen_regex::{ByteSet, ExprId, Exprs};

use crate::decimal::Decimal;

use few::Range;
pub(crate) use reach::Reach;
use written::{Common, Plain, Traits};

/// Digits after the point in a scientific mantissa: floats need 16.
const MANTISSA: usize = 19;

/// The greatest exponent that is written. Beyond it, the programs that read the document make
/// an infinity of the number, or zero.
const MAX_EXPONENT: u64 = 307;

/// Digits that a float needs: every one of them is the nearest to some decimal of so many.
const FLOAT_DIGITS: u32 = 17;
/// Digits before the point up to which so many may be written. Beyond, floats are so far from
/// each other that a reader might see another number at the point where it matters.
const FLOAT_LONG: u32 = 12;
/// Digits of decimals that floats tell apart, whichever.
const FLOAT_EXACT: u32 = 15;
/// Digits before the point when a fraction follows, if only of zeros: floats hold integers of
/// about so many, and print them so.
const FLOAT_WHOLE: u32 = 16;
/// Digits after the point of a number below one. `JSON.stringify` writes an exponent below
/// `1e-6`, Python below `1e-4`: up to there a float has five zeros and its 17 digits.
const FLOAT_PLACES: u32 = 23;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Below,
    Equal,
    Above,
}

/// Builds expressions over spellings of numbers.
#[derive(Clone)]
pub(crate) struct Numbers {
    /// Every JSON number.
    pub(crate) all: ExprId,
    /// The spellings on which predicates are exact.
    universe: ExprId,
    scientific: bool,
    /// Digits of constants that are beyond floats.
    reach: Reach,
    /// What is written under the plain spelling.
    plain: Option<Plain>,
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
    /// Whole numbers by value, and by their spelling.
    integers: [Option<ExprId>; 2],
    /// What is known of languages beside their expressions.
    traits: FxHashMap<ExprId, Traits>,
    ranges: FxHashMap<ExprId, Range>,
    /// Languages of rules that many schemas have.
    common: Arc<Vec<Common>>,
}

impl Numbers {
    /// `plain`: whether only plain spellings are written; `mixed`: whether predicates occur that
    /// are not regular over exponents.
    pub(crate) fn new(exprs: &mut Exprs, plain: bool, mixed: bool, reach: Reach) -> Self {
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
            scientific: !mixed,
            reach,
            plain: None,
            digit,
            digits,
            nonzero,
            minus,
            point,
            fraction,
            zero_fraction,
            exponent_mark,
            multiples: FxHashMap::default(),
            integers: [None; 2],
            traits: FxHashMap::default(),
            ranges: FxHashMap::default(),
            common: Arc::default(),
        };
        let mut unsigned = vec![this.decimals(exprs, None)];
        if this.scientific {
            let mantissa = this.mantissa_all(exprs);
            let exponent = this.exponent_any(exprs);
            unsigned.push(exprs.concat(&[mantissa, exponent]));
        }
        let unsigned = exprs.or(&unsigned);
        this.universe = this.signed(exprs, unsigned);
        this.all = if plain {
            this.plain = Some(this.plain_spellings(exprs));
            this.universe
        } else {
            let plain = this.plain_all(exprs);
            let exponent = this.exponent_any(exprs);
            let exponent = exprs.repeat(exponent, 0, Some(1));
            let unsigned = exprs.concat(&[plain, exponent]);
            this.signed(exprs, unsigned)
        };
        this
    }

    /// Whole numbers; in draft 4 only if they look like ones.
    fn integer(&mut self, exprs: &mut Exprs, by_spelling: bool) -> ExprId {
        if let Some(known) = self.integers[usize::from(by_spelling)] {
            return known;
        }
        let language = if by_spelling {
            let whole = self.whole(exprs);
            self.signed(exprs, whole)
        } else {
            self.power_of_ten_multiple(exprs, 0)
        };
        self.integers[usize::from(by_spelling)] = Some(language);
        language
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
        if value.is_zero() {
            self.signed(exprs, magnitude)
        } else if value.negative {
            exprs.concat(&[self.minus, magnitude])
        } else {
            magnitude
        }
    }

    /// Multiples of `step`; `None` where that takes more residues than are affordable.
    pub(crate) fn multiple(&mut self, exprs: &mut Exprs, step: &Decimal) -> Option<ExprId> {
        if let Some(known) = self.multiples.get(step) {
            return *known;
        }
        let language = self.build_multiple(exprs, step);
        self.multiples.insert(step.clone(), language);
        language
    }

    fn signed(&self, exprs: &mut Exprs, unsigned: ExprId) -> ExprId {
        let sign = exprs.repeat(self.minus, 0, Some(1));
        exprs.concat(&[sign, unsigned])
    }

    /// The part of `language` on which predicates are exact.
    fn within_universe(&self, exprs: &mut Exprs, language: ExprId) -> ExprId {
        if language == self.universe { language } else { exprs.and(&[language, self.universe]) }
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
}

fn flip(side: Side) -> Side {
    match side {
        Side::Below => Side::Above,
        Side::Above => Side::Below,
        Side::Equal => Side::Equal,
    }
}
