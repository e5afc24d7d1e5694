use std::time::Duration;

use structgen_automaton::{AutomatonError, CancelToken, Fuel};

/// Budgets of one compiled constraint. What runs out ends in an error with its field's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Processor time of one compilation, in milliseconds.
    pub compile_ms: u64,
    /// Elementary steps for one mask, one token or one completion.
    pub mask_steps: u64,
    /// Processor time of one mask, one token or one completion, in milliseconds.
    pub mask_ms: u64,
    /// Interned states of one automaton.
    pub max_states: u32,
    /// Memory of one compiled constraint (states and masks), in MiB.
    pub max_memory_mb: u64,
    /// Nesting: of patterns, schemas, grammars, and of the generated documents.
    pub max_depth: u32,
    /// Nesting of arrays and objects in the JSON text of a schema.
    pub max_source_depth: u32,
    /// Size of a pattern, schema or grammar, in bytes.
    pub max_source_bytes: usize,
    /// For schemas: alternatives in the normal form of one value, or alive at one place.
    pub max_alternatives: u32,
    /// For schemas: alternatives in the normal form of one value beyond which that part is
    /// judged at the end of the value, and masks are upper bounds.
    pub max_exact_alternatives: u32,
    /// Expressions of the regex algebra, some 100 bytes each.
    pub max_exprs: u32,
    /// Nesting in place, which is worked through by recursion: groups of a pattern, applicators of
    /// a schema (`allOf` in `anyOf` in `not` ...), constraints in constraints. At most 400.
    pub max_nesting: u32,
    /// For schemas: places, and boolean combinations of them.
    pub max_nodes: u32,
    /// For schemas: kinds of keys that patterns tell apart.
    pub max_key_classes: u32,
    /// For schemas: members that an object may lack at some place (`minProperties`).
    pub max_missing_members: u32,
    /// For schemas: states in which an array may be between two elements (`contains`).
    pub max_array_states: u32,
    /// For grammars: rules.
    pub max_rules: u32,
    /// For grammars: terminals.
    pub max_terminals: u32,
    /// For grammars: symbols of all right-hand sides, alternatives counted as one more each.
    pub max_symbols: u32,
    /// For grammars: item sets (positions in the grammar with what follows them).
    pub max_sets: u32,
    /// For grammars: items in one set, or how ambiguous a place in the text may be.
    pub max_items_per_set: u32,
    /// For grammars: items of all sets, some 16 bytes each.
    pub max_items: u64,
    /// Symbols of a repetition of something that is not regular, which is written out.
    pub max_unrolled_repeats: u32,
    /// Stops whatever runs under these limits.
    pub cancel: Option<CancelToken>,
}

/// The greatest `max_nesting` that counts: some 2 KiB of stack a level, of the 2 MiB that threads of
/// Rust have.
const DEEPEST: u32 = 400;

/// The part of the time of a compilation that is kept for giving back what it has built, if it does
/// not end in time: to free a million small things takes a tenth of the time of making them.
const GIVING_BACK: u32 = 10;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            compile_ms: 2000,
            mask_steps: 20_000_000,
            mask_ms: 2000,
            max_states: 2_000_000,
            max_memory_mb: 400,
            max_depth: 1000,
            max_source_depth: 512,
            max_source_bytes: 16_000_000,
            max_alternatives: 4096,
            max_exact_alternatives: 256,
            max_exprs: 4_000_000,
            max_nesting: 200,
            max_nodes: 1_000_000,
            max_key_classes: 4096,
            max_missing_members: 100_000,
            max_array_states: 50_000,
            max_rules: 100_000,
            max_terminals: 50_000,
            max_symbols: 1_000_000,
            max_sets: 1_000_000,
            max_items_per_set: 50_000,
            max_items: 8_000_000,
            max_unrolled_repeats: 10_000,
            cancel: None,
        }
    }
}

impl Limits {
    /// [`Self::max_nesting`], as far as the stack of a thread goes.
    pub fn nesting(&self) -> u32 {
        self.max_nesting.min(DEEPEST)
    }

    /// Fuel for one compilation.
    pub fn compile_fuel(&self) -> Fuel {
        self.compile_fuel_after(Duration::ZERO)
    }

    /// The same for a compilation of which something has been done already, for so long.
    pub fn compile_fuel_after(&self, spent: Duration) -> Fuel {
        Fuel::new("compile_ms", u64::MAX)
            .with_deadline("compile_ms", Duration::from_millis(self.compile_ms))
            .with_cancel(self.cancel.clone())
            // What was built is given back in time as well.
            .started(spent + self.giving_back())
    }

    /// The part of `compile_ms` in which nothing more is built.
    pub fn giving_back(&self) -> Duration {
        Duration::from_millis(self.compile_ms) / GIVING_BACK
    }

    /// Fuel for one mask, token or completion.
    pub fn step_fuel(&self) -> Fuel {
        Fuel::new("mask_steps", self.mask_steps)
            .with_deadline("mask_ms", Duration::from_millis(self.mask_ms))
            .with_cancel(self.cancel.clone())
    }

    /// What is raised when an automaton outgrows `max_memory_mb`.
    pub(crate) fn memory_exceeded(&self) -> AutomatonError {
        AutomatonError::Limit { name: "max_memory_mb", limit: self.max_memory_mb }
    }

    /// `max_memory_mb` in bytes.
    pub fn max_memory_bytes(&self) -> usize {
        (self.max_memory_mb as usize).saturating_mul(1 << 20)
    }
}
