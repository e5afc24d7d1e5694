use std::time::Duration;

use structgen_automaton::{AutomatonError, CancelToken, Fuel};

/// Budgets of one compiled constraint. What runs out ends in an error with its field's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Wall-clock time of one compilation, in milliseconds.
    pub compile_ms: u64,
    /// Elementary steps for one mask, one token or one completion.
    pub mask_steps: u64,
    /// Wall-clock time of one mask, one token or one completion, in milliseconds.
    pub mask_ms: u64,
    /// Interned states of one automaton.
    pub max_states: u32,
    /// Memory of one compiled constraint (states and masks), in MiB.
    pub max_memory_mb: u64,
    /// Nesting: of patterns, schemas, grammars, and of the generated documents.
    pub max_depth: u32,
    /// Size of a pattern, schema or grammar, in bytes.
    pub max_source_bytes: usize,
    /// For schemas: alternatives in the normal form of one value, or alive at one place.
    pub max_alternatives: u32,
    /// For schemas: alternatives in the normal form of one value beyond which that part is
    /// judged at the end of the value, and masks are upper bounds.
    pub max_exact_alternatives: u32,
    /// Expressions of the regex algebra, some 100 bytes each.
    pub max_exprs: u32,
    /// Stops whatever runs under these limits.
    pub cancel: Option<CancelToken>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            compile_ms: 2000,
            mask_steps: 20_000_000,
            mask_ms: 2000,
            max_states: 2_000_000,
            max_memory_mb: 400,
            max_depth: 1000,
            max_source_bytes: 16_000_000,
            max_alternatives: 4096,
            max_exact_alternatives: 256,
            max_exprs: 4_000_000,
            cancel: None,
        }
    }
}

impl Limits {
    /// Fuel for one compilation.
    pub fn compile_fuel(&self) -> Fuel {
        Fuel::new("compile_ms", u64::MAX)
            .with_deadline("compile_ms", Duration::from_millis(self.compile_ms))
            .with_cancel(self.cancel.clone())
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
