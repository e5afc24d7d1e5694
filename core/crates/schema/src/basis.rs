//! What the arena of every schema begins with: any string, any number.

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use structgen_automaton::{AutomatonError, Fuel, unwatched};
use structgen_regex::{ExprId, Exprs, JsonSpelling, Lexer, RegexLimits};

use crate::decimal::Decimal;
use crate::format::Format;
use crate::limits::SchemaLimits;
use crate::location::{Bound, NumberRules, Schema};
use crate::number::{Numbers, Reach};
use crate::options::{Escapes, NumberSpelling, SchemaOptions};
use crate::string::Strings;

/// What the names of keys are made of, mostly.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz_";

/// States of a lexer up to which derivatives are worked out beforehand.
const MOST_STATES: usize = 300;

/// Arenas that are kept, of less than a megabyte each. Beyond, formats are built for each schema.
const MOST_KEPT: usize = 32;

/// Formats of tens of thousands of expressions, which few schemas have: for those that come to them.
const HEAVY: [Format; 3] = [Format::Regex, Format::IdnEmail, Format::IdnHostname];

/// An arena in which the strings and numbers of JSON are known.
///
/// PERF: to build them took two fifths of the time of an ordinary schema, and to build the format
/// `date-time` more than all the rest. They are built once in a process, for each way to spell them
/// and each choice of formats, and copied.
#[derive(Clone)]
pub(crate) struct Basis {
    pub(crate) exprs: Exprs,
    pub(crate) strings: Strings,
    pub(crate) numbers: Numbers,
}

/// What is built.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    minimal: bool,
    /// Whether only plain spellings of numbers are written.
    plain: bool,
    /// Multiples of anything but powers of ten are only regular over plain decimals.
    mixed: bool,
    /// Each once, in the order of their first use.
    formats: Vec<Format>,
}

impl Basis {
    /// For `schemas` under `options`, within `limits`.
    pub(crate) fn of(
        schemas: &[Arc<Schema>],
        options: &SchemaOptions,
        limits: &SchemaLimits,
    ) -> Result<Self, AutomatonError> {
        let mut formats = Vec::new();
        for format in schemas.iter().filter_map(|schema| schema.string.format) {
            if !HEAVY.contains(&format) && !formats.contains(&format) {
                formats.push(format);
            }
        }
        let steps = || schemas.iter().filter_map(|schema| schema.number.multiple_of.as_ref());
        let wanted = Wanted {
            minimal: options.escapes == Escapes::Minimal,
            plain: options.number_spelling == NumberSpelling::Plain,
            mixed: steps().any(|step| step.digits != [1]),
            formats,
        };
        let reach = Reach::of(schemas, options, !wanted.mixed)?;
        let limits = RegexLimits {
            max_exprs: limits.max_exprs,
            max_states: limits.max_lexer_states,
            ..RegexLimits::default()
        };
        // What is kept for all must not end with the time of one.
        let basis = unwatched(|| Basis::kept(wanted.clone()));
        let mut exprs = basis.exprs.within(limits);
        // Schemas with constants of many digits are rare, and of many kinds.
        let numbers = match reach == Reach::default() {
            true => basis.numbers.clone(),
            false => Numbers::new(&mut exprs, wanted.plain, wanted.mixed, reach),
        };
        Ok(Basis { exprs, strings: basis.strings.clone(), numbers })
    }

    /// With the formats that are wanted, if they are kept or may be.
    fn kept(wanted: Wanted) -> Arc<Basis> {
        static KEPT: LazyLock<RwLock<FxHashMap<Wanted, Arc<Basis>>>> =
            LazyLock::new(Default::default);
        let kept = || KEPT.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&wanted) {
            return known.clone();
        }
        let mut basis = match wanted.formats.is_empty() {
            true => Basis::build(&wanted),
            false => {
                let plain = Basis::kept(Wanted { formats: Vec::new(), ..wanted.clone() });
                if kept().len() >= MOST_KEPT {
                    return plain;
                }
                let mut basis = (*plain).clone();
                for &format in &wanted.formats {
                    let language = basis.strings.format(&mut basis.exprs, format);
                    // Remembered; only fuel can run out.
                    let _ = basis.exprs.shortest_len(language, &mut Fuel::unlimited());
                }
                basis
            }
        };
        basis.exprs.share();
        let basis = Arc::new(basis);
        KEPT.write().unwrap_or_else(PoisonError::into_inner).insert(wanted, basis.clone());
        basis
    }

    /// Without formats.
    fn build(wanted: &Wanted) -> Self {
        let mut exprs = Exprs::new(RegexLimits::default());
        let spelling = if wanted.minimal { JsonSpelling::Minimal } else { JsonSpelling::All };
        let strings = Strings::new(&mut exprs, spelling);
        let mut numbers = Numbers::new(&mut exprs, wanted.plain, wanted.mixed, Reach::default());
        let quote = exprs.literal(b"\"");
        let mut lexemes = vec![exprs.concat(&[strings.all, quote])];
        lexemes.push(numbers.written(&mut exprs, numbers.all));
        for by_spelling in [false, true] {
            let rules = NumberRules::default();
            let integers = numbers.rules(&mut exprs, &rules, Some(by_spelling));
            if wanted.plain {
                lexemes.push(numbers.written(&mut exprs, integers));
            }
        }
        for positive in [false, true] {
            for integer in [Some(false), Some(true), None] {
                let language = numbers.prepare(&mut exprs, at_least(positive), integer);
                let written = numbers.written(&mut exprs, language);
                // Remembered; only fuel can run out.
                let _ = exprs.shortest_len(written, &mut Fuel::unlimited());
            }
        }
        for letter in LETTERS.chars() {
            lexemes.push(strings.ended(&mut exprs, letter.encode_utf8(&mut [0; 4])));
        }
        let exprs = derived(exprs, &lexemes);
        Basis { exprs, strings, numbers }
    }
}

/// `minimum` of one or zero: a third of all rules of numbers are one of these.
fn at_least(positive: bool) -> NumberRules {
    let one = Decimal { negative: false, digits: vec![1], point: 1 };
    let value = if positive { one } else { Decimal::zero() };
    NumberRules { lower: vec![Bound { value, exclusive: false }], ..NumberRules::default() }
}

/// The arena, once each of `lexemes` has been read from end to end.
fn derived(exprs: Exprs, lexemes: &[ExprId]) -> Exprs {
    let mut lexer = Lexer::new(exprs);
    let fuel = &mut Fuel::unlimited();
    for &lexeme in lexemes {
        let Ok(start) = lexer.state(&[(0, lexeme)], fuel) else { continue };
        let mut open = vec![start];
        let mut seen = open.clone();
        while let Some(state) = open.pop() {
            for byte in 0..=u8::MAX {
                let Ok(next) = lexer.step(state, byte, fuel) else { continue };
                if !next.is_dead() && !seen.contains(&next) && seen.len() < MOST_STATES {
                    open.push(next);
                    seen.push(next);
                }
            }
        }
    }
    lexer.exprs
}
