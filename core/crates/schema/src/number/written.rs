//! The spellings that are written, of those that mean what a language asks for.
//!
//! Under the plain spelling, a number is written as programs write floats, and a whole number,
//! where nothing else is allowed, as they write integers. That narrows languages whose meaning is
//! settled; nothing negates them any more.

use std::sync::Arc;

use structgen_regex::{ByteSet, ExprId, Exprs};

use super::few::Range;
use super::multiples::Step;
use super::{FLOAT_DIGITS, FLOAT_WHOLE, Numbers};
use crate::decimal::Decimal;
use crate::location::NumberRules;

/// The plain spellings.
#[derive(Clone, Copy)]
pub(super) struct Plain {
    /// Of all numbers.
    pub(super) all: ExprId,
    /// Of whole numbers where nothing else is allowed.
    pub(super) whole: ExprId,
}

/// What is known of a language beside its expression.
#[derive(Clone, Copy, Default)]
pub(super) struct Traits {
    /// It says that numbers are whole: an `integer`, a step that is one, constants that are.
    whole: bool,
    /// Whole by their spelling (draft 4).
    by_spelling: bool,
    /// Constants, so that digits need no bound.
    listed: bool,
    /// They are multiples of it.
    step: Option<Step>,
    /// What it says among plain spellings, those of whole numbers if it is about them: less than
    /// the language itself has to say.
    bare: Option<ExprId>,
}

/// What [`Numbers::rules`] makes of the same.
pub(super) struct Common {
    rules: NumberRules,
    integer: Option<bool>,
    language: ExprId,
}

impl Numbers {
    /// Within the reach: `-?(0|[1-9][0-9]*)(\.[0-9]+)?` with as many digits as floats tell apart,
    /// zeros at the end included, `-?[1-9](\.[0-9]+)?[eE][+-]?[0-9]{1,3}`, and for whole numbers
    /// `0|-?[1-9][0-9]*`.
    pub(super) fn plain_spellings(&self, exprs: &mut Exprs) -> Plain {
        let mut unsigned = vec![self.decimals(exprs, Some(self.reach.digits))];
        if self.scientific {
            let fraction = self.fraction_up_to(exprs, FLOAT_DIGITS - 1);
            let exponent = self.written_exponent(exprs);
            unsigned.push(exprs.concat(&[self.nonzero, fraction, exponent]));
        }
        let unsigned = exprs.or(&unsigned);
        let rest = exprs.repeat(self.digit, 0, Some(self.reach.digits - 1));
        let positive = exprs.concat(&[self.nonzero, rest]);
        let positive = self.signed(exprs, positive);
        let zero = exprs.literal(b"0");
        Plain { all: self.signed(exprs, unsigned), whole: exprs.or(&[zero, positive]) }
    }

    /// `[eE][+-]?` and up to three digits, within the reach.
    fn written_exponent(&self, exprs: &mut Exprs) -> ExprId {
        let short = exprs.repeat(self.digit, 1, Some(3));
        let most = i64::from(self.reach.exponent) + 1;
        let within = self.exponent(exprs, most, super::Side::Below);
        let sign = exprs.byte_set(ByteSet::of(b"+-"));
        let sign = exprs.repeat(sign, 0, Some(1));
        let spelled = exprs.concat(&[self.exponent_mark, sign, short]);
        exprs.and(&[spelled, within])
    }

    // -- languages of keywords --------------------------------------------------------------

    /// What the keywords of one schema say of numbers. `integer`: whether the type asks for whole
    /// ones, and whether by their spelling (draft 4).
    pub(crate) fn rules(
        &mut self,
        exprs: &mut Exprs,
        rules: &NumberRules,
        integer: Option<bool>,
    ) -> ExprId {
        let known = self.common.iter().find(|c| c.integer == integer && c.rules == *rules);
        if let Some(known) = known {
            return known.language;
        }
        let mut parts = Vec::new();
        for bound in &rules.lower {
            parts.push(self.bounded(exprs, &bound.value, true, bound.exclusive));
        }
        for bound in &rules.upper {
            parts.push(self.bounded(exprs, &bound.value, false, bound.exclusive));
        }
        let mut whole = integer.is_some();
        if let Some(step) = &rules.multiple_of {
            // Steps without a language are refused when the schema is compiled.
            parts.push(self.multiple(exprs, step).unwrap_or(Exprs::EMPTY));
            whole |= step.is_integer();
        }
        if parts.is_empty() && integer.is_none() {
            return self.all;
        }
        let range = Range::of(rules, integer.is_some());
        if let Some(values) = range.as_ref().and_then(Range::multiples) {
            let by_spelling = integer == Some(true);
            return self.few(exprs, &values, by_spelling, whole || integer.is_some());
        }
        let bare = match parts.is_empty() {
            true => self.universe,
            false if whole && self.is_plain() => self.whole_rules(exprs, rules),
            false => exprs.and(&parts),
        };
        let language = match integer {
            Some(by_spelling) => {
                parts.push(self.integer(exprs, by_spelling));
                exprs.and(&parts)
            }
            None => {
                let language = exprs.and(&parts);
                self.within_universe(exprs, language)
            }
        };
        let step = rules.multiple_of.as_ref().and_then(Step::of);
        let by_spelling = integer == Some(true);
        let bare = Some(bare);
        self.traits
            .insert(language, Traits { whole, by_spelling, step, bare, ..Traits::default() });
        if let Some(range) = range.filter(|_| language != Exprs::EMPTY) {
            self.ranges.insert(language, range);
        }
        language
    }

    /// These numbers, which are all that bounds and steps allow. `by_spelling`: if spelled as whole.
    fn few(
        &mut self,
        exprs: &mut Exprs,
        values: &[Decimal],
        by_spelling: bool,
        whole: bool,
    ) -> ExprId {
        let spellings: Vec<ExprId> = values.iter().map(|value| self.equal(exprs, value)).collect();
        let mut language = exprs.or(&spellings);
        if by_spelling {
            let integers = self.integer(exprs, true);
            language = exprs.and(&[language, integers]);
        }
        let language = self.within_universe(exprs, language);
        if language == Exprs::EMPTY {
            return language;
        }
        let bare = (whole && self.is_plain()).then(|| {
            let texts: Vec<String> = values.iter().map(Decimal::plain_text).collect();
            let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            exprs.literals(&texts)
        });
        self.traits.insert(language, Traits { whole, by_spelling, bare, ..Traits::default() });
        language
    }

    /// [`Self::rules`] of what copies will often be asked for.
    pub(crate) fn prepare(
        &mut self,
        exprs: &mut Exprs,
        rules: NumberRules,
        integer: Option<bool>,
    ) -> ExprId {
        let language = self.rules(exprs, &rules, integer);
        let common = Arc::get_mut(&mut self.common);
        common
            .into_iter()
            .for_each(|all| all.push(Common { rules: rules.clone(), integer, language }));
        language
    }

    /// What the keywords say of numbers that are spelled as whole ones: with bounds that have no
    /// fractions, so that their lengths tell what is out of reach.
    fn whole_rules(&mut self, exprs: &mut Exprs, rules: &NumberRules) -> ExprId {
        let kept = (self.fraction, self.zero_fraction, self.scientific);
        (self.fraction, self.zero_fraction, self.scientific) =
            (Exprs::EPSILON, Exprs::EPSILON, false);
        let mut parts = Vec::new();
        for (bounds, lower) in [(&rules.lower, true), (&rules.upper, false)] {
            for bound in bounds {
                parts.push(self.bounded(exprs, &bound.value, lower, bound.exclusive));
            }
        }
        (self.fraction, self.zero_fraction, self.scientific) = kept;
        if let Some(step) = &rules.multiple_of {
            parts.extend(self.multiple(exprs, step));
        }
        exprs.and(&parts)
    }

    /// These numbers. `pointed`: whether one is given with a point or an exponent (`1.0`), so that
    /// it is not as a whole number that it is written.
    pub(crate) fn listed(
        &mut self,
        exprs: &mut Exprs,
        values: &[Decimal],
        pointed: bool,
    ) -> ExprId {
        let mut spellings = Vec::with_capacity(values.len());
        for value in values {
            if exprs.gives_up(2) {
                return Exprs::EMPTY;
            }
            spellings.push(self.equal(exprs, value));
        }
        let language = exprs.or(&spellings);
        if language == Exprs::EMPTY {
            return language;
        }
        // Beyond floats that are written without an exponent, either will do.
        let short = |value: &Decimal| value.is_integer() && value.point <= i64::from(FLOAT_WHOLE);
        let whole = !pointed && values.iter().all(short);
        let bare = (whole && self.plain.is_some()).then(|| {
            let texts: Vec<String> = values.iter().map(Decimal::plain_text).collect();
            let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            exprs.literals(&texts)
        });
        self.traits.insert(language, Traits { whole, listed: true, bare, ..Traits::default() });
        language
    }

    pub(crate) fn intersect(&mut self, exprs: &mut Exprs, a: ExprId, b: ExprId) -> ExprId {
        if a == self.all || a == b {
            return b;
        }
        if b == self.all {
            return a;
        }
        let range = match (self.ranges.get(&a), self.ranges.get(&b)) {
            (Some(a), Some(b)) => a.and(b),
            _ => None,
        };
        if let Some(values) = range.as_ref().and_then(Range::multiples) {
            let (a, b) = (self.traits_of(a), self.traits_of(b));
            return self.few(exprs, &values, a.by_spelling || b.by_spelling, a.whole || b.whole);
        }
        let mut both = exprs.and(&[a, b]);
        if both != a && both != b && both != Exprs::EMPTY {
            let (a_traits, b_traits) = (self.traits_of(a), self.traits_of(b));
            let parts = [a_traits.bare.unwrap_or(a), b_traits.bare.unwrap_or(b)];
            let mut bare = self.conjunction(exprs, parts);
            // Two large steps have to be told together how far they are from a multiple of both:
            // to search for it would take as many digits as that has, in all ways.
            let common = match (a_traits.step, b_traits.step) {
                (Some(a), Some(b)) if a != b => a.common(b).filter(|common| common.is_large()),
                _ => None,
            };
            if let Some(common) = common {
                let multiples = self.plain_multiple(exprs, common);
                both = exprs.and(&[both, multiples]);
                bare = exprs.and(&[bare, multiples]);
            }
            let step = common.or(a_traits.step).or(b_traits.step);
            let whole = a_traits.whole || b_traits.whole;
            let listed = a_traits.listed || b_traits.listed;
            let by_spelling = a_traits.by_spelling || b_traits.by_spelling;
            let bare = Some(bare);
            self.traits.insert(both, Traits { whole, by_spelling, listed, step, bare });
            if let Some(range) = range {
                self.ranges.insert(both, range);
            }
        }
        both
    }

    fn conjunction(&self, exprs: &mut Exprs, [a, b]: [ExprId; 2]) -> ExprId {
        match (a == self.universe, b == self.universe) {
            (true, _) => b,
            (_, true) => a,
            _ => exprs.and(&[a, b]),
        }
    }

    pub(crate) fn unite(&mut self, exprs: &mut Exprs, a: ExprId, b: ExprId) -> ExprId {
        if a == self.all || b == self.all {
            return self.all;
        }
        let any = exprs.or(&[a, b]);
        let (a_traits, b_traits) = (self.traits_of(a), self.traits_of(b));
        if any != a && any != b && any != self.all {
            let whole = a_traits.whole && b_traits.whole;
            let listed = a_traits.listed && b_traits.listed;
            let bare = whole.then(|| {
                let parts = [a_traits.bare.unwrap_or(a), b_traits.bare.unwrap_or(b)];
                exprs.or(&parts)
            });
            self.traits.insert(any, Traits { whole, listed, bare, ..Traits::default() });
        }
        any
    }

    /// The numbers outside `language`.
    pub(crate) fn complement(&mut self, exprs: &mut Exprs, language: ExprId) -> ExprId {
        if language == Exprs::EMPTY {
            return self.all;
        }
        if language == self.all {
            return Exprs::EMPTY;
        }
        let bare = exprs.not(language);
        let outside = exprs.and(&[self.universe, bare]);
        if outside != Exprs::EMPTY {
            let known = Traits { bare: Some(bare), ..Traits::default() };
            self.traits.entry(outside).or_insert(known);
        }
        outside
    }

    fn traits_of(&self, language: ExprId) -> Traits {
        self.traits.get(&language).copied().unwrap_or_default()
    }

    // -- what is written ----------------------------------------------------------------------

    /// The spellings of `language` that are written where no other numbers may come.
    pub(crate) fn written(&self, exprs: &mut Exprs, language: ExprId) -> ExprId {
        if self.plain.is_none() {
            return language;
        }
        let Traits { whole, bare, .. } = self.traits_of(language);
        self.spelled(exprs, bare.unwrap_or(language), whole)
    }

    /// The spellings of `language` that have a meaning for every language, and that are written
    /// beside others: as those of whole numbers, if they all are.
    pub(crate) fn legible(&self, exprs: &mut Exprs, language: ExprId, whole: bool) -> ExprId {
        let traits = self.traits_of(language);
        // What is left out where only whole numbers are spelled has to be said where others are.
        let bare = if traits.whole && !(whole && self.is_plain()) { None } else { traits.bare };
        self.spelled(exprs, bare.unwrap_or(language), whole)
    }

    fn spelled(&self, exprs: &mut Exprs, language: ExprId, whole: bool) -> ExprId {
        let spelled = match self.plain {
            Some(plain) if whole => plain.whole,
            Some(plain) => plain.all,
            None => self.universe,
        };
        match language {
            Exprs::EMPTY => language,
            _ if language == self.all || language == self.universe => spelled,
            _ => exprs.and(&[language, spelled]),
        }
    }

    /// Whether the languages say that all their numbers are whole. Then a point would lead
    /// nowhere; else it may be followed by zeros, for `1.0` must not be a dead end where `1.5`
    /// is right.
    pub(crate) fn are_whole(&self, mut languages: impl Iterator<Item = ExprId>) -> bool {
        languages.all(|language| language == Exprs::EMPTY || self.traits_of(language).whole)
    }

    /// Whether the language is one of constants.
    pub(crate) fn is_listed(&self, language: ExprId) -> bool {
        self.traits_of(language).listed
    }

    /// Whether only plain spellings are written.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// Whether every number is allowed, or written.
    pub(crate) fn is_anything(&self, language: ExprId) -> bool {
        language == self.all || self.plain.is_some_and(|plain| language == plain.all)
    }
}
