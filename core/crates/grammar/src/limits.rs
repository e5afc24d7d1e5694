use structgen_automaton::AutomatonError;

/// What a grammar and its automaton may take. Reaching a limit is
/// [`AutomatonError::Limit`] with the name of the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrammarLimits {
    /// Rules of the grammar.
    pub max_rules: u32,
    /// Terminals of the grammar.
    pub max_terminals: u32,
    /// Symbols on all right-hand sides together, alternatives counted as one more each.
    pub max_symbols: u32,
    /// States of the byte automaton.
    pub max_states: u32,
    /// Interned item sets (positions in the grammar with what follows them).
    pub max_sets: u32,
    /// Items in one set: how ambiguous a place in the text may be.
    pub max_items_per_set: u32,
    /// Items of all sets and tables together: some 16 bytes each.
    pub max_items: u64,
    /// The longest completion that is spelled out, in bytes.
    pub max_completion_bytes: u64,
}

impl Default for GrammarLimits {
    fn default() -> Self {
        GrammarLimits {
            max_rules: 100_000,
            max_terminals: 50_000,
            max_symbols: 1_000_000,
            max_states: 1_000_000,
            max_sets: 1_000_000,
            max_items_per_set: 50_000,
            max_items: 8_000_000,
            max_completion_bytes: 1 << 20,
        }
    }
}

/// `Err` if `used` exceeds the limit called `name`.
#[inline]
pub(crate) fn check(name: &'static str, used: u64, limit: u64) -> Result<(), AutomatonError> {
    if used > limit { Err(AutomatonError::Limit { name, limit }) } else { Ok(()) }
}
