//! What options leave of a normal form.
//!
//! Options that narrow are no part of the algebra: under a negation they would widen. They are
//! applied where a document is read, to the normal form of the whole value, once everything
//! that schemas say about it is in. So is the plain spelling of numbers.
//!
//! INVARIANT: with `n` for narrowing, `n(a) & b` lies in `n(a & b)`. So if `n(a & b)` is empty,
//! no document of `a` that is still written is one of `b`, and shortcuts may take them apart.
//! With the plain spelling that holds of values rather than of spellings: what a number of `a`
//! means, some spelling in `n(a & b)` means as well, or another number is in there (see `Reach`).

use std::sync::Arc;

use structgen_automaton::Fuel;
use structgen_regex::{ByteSet, ExprId, Exprs};

use super::evaluate::Mode;
use super::{Algebra, ArrayId, Halt, NodeId, Normal, ObjectId, StringSet};
use crate::options::{Bounds, SchemaOptions};
use crate::string::Strings;

/// The options that narrow, and what they have narrowed.
pub(super) struct Narrowing {
    /// Strings and keys without a bound of their own.
    strings: Option<ExprId>,
    numbers: Option<ExprId>,
    max_array_length: Option<u32>,
    /// Keys of which no schema says anything are not written.
    pub(super) closes_objects: bool,
}

impl Narrowing {
    /// `None` where no option narrows.
    pub(super) fn new(
        exprs: &mut Exprs,
        strings: &Strings,
        options: &SchemaOptions,
    ) -> Option<Self> {
        let bounds = &options.bounds;
        let closes_objects = !options.additional_properties_default;
        if *bounds == Bounds::default() && !closes_objects {
            return None;
        }
        Some(Narrowing {
            strings: bounds.max_string_length.map(|max| strings.of_length(exprs, 0, Some(max))),
            numbers: bounds.digits().then(|| spellings(exprs, bounds)),
            max_array_length: bounds.max_array_length,
            closes_objects,
        })
    }
}

/// The spellings of numbers with so many digits at most.
fn spellings(exprs: &mut Exprs, bounds: &Bounds) -> ExprId {
    let digit = exprs.byte_set(ByteSet::range(b'0', b'9'));
    let minus = exprs.literal(b"-");
    let sign = exprs.repeat(minus, 0, Some(1));
    let whole = exprs.repeat(digit, 1, bounds.max_integer_digits.map(|max| max.max(1)));
    let point = exprs.literal(b".");
    let fraction = part(exprs, digit, point, bounds.max_fraction_digits);
    let mark = exprs.byte_set(ByteSet::of(b"eE"));
    let sign_of_exponent = exprs.byte_set(ByteSet::of(b"+-"));
    let sign_of_exponent = exprs.repeat(sign_of_exponent, 0, Some(1));
    let mark = exprs.concat(&[mark, sign_of_exponent]);
    let exponent = part(exprs, digit, mark, bounds.max_exponent_digits);
    exprs.concat(&[sign, whole, fraction, exponent])
}

/// Nothing, or `head` and up to `max` digits.
fn part(exprs: &mut Exprs, digit: ExprId, head: ExprId, max: Option<u32>) -> ExprId {
    if max == Some(0) {
        return Exprs::EPSILON;
    }
    let digits = exprs.repeat(digit, 1, max);
    let part = exprs.concat(&[head, digits]);
    exprs.repeat(part, 0, Some(1))
}

impl Algebra {
    /// The normal form of `node`, as far as the options let documents of it be written.
    pub(crate) fn normal(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<Arc<Normal>, Halt> {
        if self.narrowing.is_none() && !self.numbers.is_plain() {
            return self.evaluate(node, Mode::Plain, fuel);
        }
        if let Some(known) = self.narrowed.get(&node) {
            return Ok(known.clone());
        }
        let mut normal = self.evaluate(node, Mode::Plain, fuel)?;
        let numbers = self.written_numbers(normal.numbers);
        if self.narrowing.is_some() {
            normal = Arc::new(Normal { numbers, ..self.narrow(&normal)? });
        } else if numbers != normal.numbers {
            normal = Arc::new(Normal { numbers, ..(*normal).clone() });
        }
        self.narrowed.insert(node, normal.clone());
        Ok(normal)
    }

    /// What the node says of numbers, whether or not that is how they are written.
    pub(crate) fn numbers_of(&mut self, node: NodeId, fuel: &mut Fuel) -> Result<ExprId, Halt> {
        let mode = if self.is_deferred(node) { Mode::Scalars } else { Mode::Plain };
        Ok(self.evaluate(node, mode, fuel)?.numbers)
    }

    fn written_numbers(&mut self, language: ExprId) -> ExprId {
        let written = self.numbers.written(&mut self.lexer.exprs, language);
        self.short_numbers(language, written)
    }

    /// The same of what may come beside other numbers, some of which are not whole.
    pub(crate) fn mixed_numbers(&mut self, language: ExprId) -> ExprId {
        let written = self.numbers.legible(&mut self.lexer.exprs, language, false);
        self.short_numbers(language, written)
    }

    /// The part of what is `written` of a language that has no more digits than the options let.
    fn short_numbers(&mut self, language: ExprId, written: ExprId) -> ExprId {
        let exprs = &mut self.lexer.exprs;
        match self.narrowing.as_ref().and_then(|narrowing| narrowing.numbers) {
            Some(short) if !self.numbers.is_listed(language) && !exprs.is_bounded(language) => {
                exprs.and(&[written, short])
            }
            _ => written,
        }
    }

    /// Strings, arrays and objects, as far as the options let them be written.
    fn narrow(&mut self, normal: &Normal) -> Result<Normal, Halt> {
        let mut narrow = normal.clone();
        let strings = self.narrowing.as_ref().and_then(|narrowing| narrowing.strings);
        if let (Some(strings), StringSet::Language(language)) = (strings, &narrow.strings) {
            narrow.strings = StringSet::Language(self.shortened(*language, strings));
        }
        narrow.arrays = self.narrow_arrays(narrow.arrays)?;
        narrow.objects = self.narrow_objects(narrow.objects)?;
        Ok(narrow)
    }

    /// `language`, within `short` unless it has a bound of its own.
    fn shortened(&mut self, language: ExprId, short: ExprId) -> ExprId {
        if self.lexer.exprs.is_bounded(language) {
            language
        } else if language == self.strings.all {
            short
        } else {
            self.lexer.exprs.and(&[language, short])
        }
    }

    fn narrow_arrays(&mut self, arrays: Vec<ArrayId>) -> Result<Vec<ArrayId>, Halt> {
        let Some(max) = self.narrowing.as_ref().and_then(|n| n.max_array_length) else {
            return Ok(arrays);
        };
        let mut out = Vec::with_capacity(arrays.len());
        for id in arrays {
            let mut shape = (*self.array_shape(id)).clone();
            shape.max = shape.max.or(Some(max));
            out.extend(self.array(shape)?);
        }
        Ok(out)
    }

    fn narrow_objects(&mut self, objects: Vec<ObjectId>) -> Result<Vec<ObjectId>, Halt> {
        let Some(narrowing) = &self.narrowing else { return Ok(objects) };
        let (short, closes) = (narrowing.strings, narrowing.closes_objects);
        if short.is_none() && !closes {
            return Ok(objects);
        }
        let mut out = Vec::with_capacity(objects.len());
        for id in objects {
            let mut shape = (*self.object_shape(id)).clone();
            for class in &mut shape.classes {
                if closes && class.node == NodeId::UNSAID {
                    class.node = NodeId::FALSE;
                }
                if let Some(short) = short {
                    class.keys.base = self.shortened(class.keys.base, short);
                }
            }
            out.extend(self.object(shape)?);
        }
        Ok(out)
    }
}
