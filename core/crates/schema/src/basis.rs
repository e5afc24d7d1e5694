//! What the arena of every schema begins with: any string, any number.

use std::sync::OnceLock;

use structgen_automaton::Fuel;
use structgen_regex::{ExprId, Exprs, JsonSpelling, Lexer, RegexLimits};

use crate::limits::SchemaLimits;
use crate::location::Schema;
use crate::number::Numbers;
use crate::options::{Escapes, NumberSpelling, SchemaOptions};
use crate::string::Strings;

/// What the names of keys are made of, mostly.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_- $";

/// States of a lexer up to which derivatives are worked out beforehand.
const MOST_STATES: usize = 100;

/// An arena in which the strings and numbers of JSON are known.
///
/// PERF: to build them took two fifths of the time of an ordinary schema. They are built once in a
/// process, for each way to spell them, and copied.
#[derive(Clone)]
pub(crate) struct Basis {
    pub(crate) exprs: Exprs,
    pub(crate) strings: Strings,
    pub(crate) numbers: Numbers,
}

impl Basis {
    /// For `schemas` under `options`, within `limits`.
    pub(crate) fn of(schemas: &[Schema], options: &SchemaOptions, limits: &SchemaLimits) -> Self {
        static BUILT: [OnceLock<Basis>; 8] = [const { OnceLock::new() }; 8];
        let minimal = options.escapes == Escapes::Minimal;
        let exponents = options.number_spelling == NumberSpelling::All;
        // Multiples of anything but powers of ten are only regular over plain decimals.
        let mixed = schemas.iter().any(|schema| {
            schema.number.multiple_of.as_ref().is_some_and(|step| step.digits != [1])
        });
        let number = usize::from(minimal) | usize::from(exponents) << 1 | usize::from(mixed) << 2;
        let built = BUILT[number].get_or_init(|| Basis::build(minimal, exponents, mixed));
        let exprs = built.exprs.within(RegexLimits {
            max_exprs: limits.max_exprs,
            max_states: limits.max_lexer_states,
            ..RegexLimits::default()
        });
        Basis { exprs, strings: built.strings.clone(), numbers: built.numbers.clone() }
    }

    fn build(minimal: bool, exponents: bool, mixed: bool) -> Self {
        let mut exprs = Exprs::new(RegexLimits::default());
        let spelling = if minimal { JsonSpelling::Minimal } else { JsonSpelling::All };
        let strings = Strings::new(&mut exprs, spelling);
        let numbers = Numbers::new(&mut exprs, exponents, mixed);
        let quote = exprs.literal(b"\"");
        let string = exprs.concat(&[strings.all, quote]);
        let mut lexemes = vec![string, numbers.all];
        for letter in LETTERS.chars() {
            lexemes.push(strings.ended(&mut exprs, letter.encode_utf8(&mut [0; 4])));
        }
        let exprs = derived(exprs, &lexemes);
        Basis { exprs, strings, numbers }
    }
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
