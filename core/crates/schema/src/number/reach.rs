//! How many digits numbers may have where nothing bounds them.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use serde_json::Value;
use structgen_automaton::{AutomatonError, pace};

use super::{FLOAT_DIGITS, FLOAT_PLACES, FLOAT_WHOLE, MAX_EXPONENT};
use crate::decimal::Decimal;
use crate::location::Schema;
use crate::options::{NumberSpelling, SchemaOptions};

/// Digits of the greatest integer that readers hold in 64 bits, `2^64 - 1`.
const INTEGER_DIGITS: u32 = 20;

/// Digits of numbers. What a schema names itself is within reach, however long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reach {
    /// Before the point.
    pub(super) digits: u32,
    /// After the point, for the sake of constants that are beyond floats; else 0.
    pub(super) places: u32,
    /// The greatest exponent.
    pub(super) exponent: u32,
}

impl Default for Reach {
    fn default() -> Self {
        Reach { digits: INTEGER_DIGITS, places: 0, exponent: MAX_EXPONENT as u32 }
    }
}

impl Reach {
    /// For `schemas` under `options`. `scientific`: whether exponents may be written.
    ///
    /// INVARIANT: a whole number that some combination of the schemas allows, and that is written
    /// with an exponent, has a like with `digits` digits and none. A combination repeats itself
    /// beyond its greatest constant with the least common multiple of its steps, which has no
    /// more digits than they have together.
    pub(crate) fn of(
        schemas: &[Arc<Schema>],
        options: &SchemaOptions,
        scientific: bool,
    ) -> Result<Self, AutomatonError> {
        let mut needs = Needs { scientific, ..Needs::default() };
        for schema in schemas {
            pace(0)?;
            let rules = &schema.number;
            for bound in rules.lower.iter().chain(&rules.upper) {
                needs.constant(&bound.value);
            }
            if let Some(step) = &rules.multiple_of {
                needs.constant(step);
                if step.digits != [1] && needs.steps.insert(step.digits.clone()) {
                    needs.step_digits += step.digits.len() as u32;
                }
            }
            for value in schema.values.iter().flat_map(|values| values.iter()) {
                needs.value(value)?;
            }
        }
        let mut reach = Reach { places: needs.places, ..Reach::default() };
        if options.number_spelling == NumberSpelling::Plain {
            let own = options.bounds.max_integer_digits;
            let needed = needs.digits + 1 + needs.step_digits;
            reach.digits = own.unwrap_or(INTEGER_DIGITS).max(needed);
            if let Some(most) = own {
                reach.exponent = reach.exponent.min(most.saturating_sub(1));
            }
        }
        Ok(reach)
    }
}

#[derive(Default)]
struct Needs {
    scientific: bool,
    digits: u32,
    places: u32,
    steps: FxHashSet<Vec<u8>>,
    step_digits: u32,
}

impl Needs {
    fn value(&mut self, value: &Value) -> Result<(), AutomatonError> {
        pace(0)?;
        match value {
            Value::Number(number) => {
                if let Ok(value) = Decimal::parse(number) {
                    self.constant(&value);
                }
            }
            Value::Array(elements) => elements.iter().try_for_each(|e| self.value(e))?,
            Value::Object(members) => members.values().try_for_each(|m| self.value(m))?,
            _ => {}
        }
        Ok(())
    }

    fn constant(&mut self, value: &Decimal) {
        let digits = value.digits.len() as i64;
        let whole = value.point.max(0) as u32;
        let places = (digits - value.point).max(0) as u32;
        self.digits = self.digits.max(whole);
        let float = self.scientific
            && digits <= i64::from(FLOAT_DIGITS)
            && value.point.unsigned_abs() < MAX_EXPONENT;
        let plain = whole <= FLOAT_WHOLE && whole + places <= FLOAT_DIGITS;
        let tiny = whole == 0 && places <= FLOAT_PLACES;
        if places > 0 && !float && !plain && !tiny {
            // One more, so that there is something between two neighbours.
            self.places = self.places.max(places + 1);
        }
    }
}
