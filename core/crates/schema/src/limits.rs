use serde::Deserialize;

/// Bounds on what one schema may cost. Each ends in a typed error that names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaLimits {
    /// Nesting of values in a document.
    pub max_depth: u32,
    /// Interned states.
    pub max_states: u32,
    /// Alternatives in the normal form of one value, or alive in one frame.
    pub max_alternatives: u32,
    /// Alternatives in the normal form of one value beyond which it is not computed: the part
    /// of the schema is judged at the end of the value instead, and masks are upper bounds.
    pub max_exact_alternatives: u32,
    /// Schema locations, and boolean combinations of them.
    pub max_nodes: u32,
    /// Kinds of keys that patterns tell apart.
    pub max_key_classes: u32,
    /// Members that an object may lack at some place. Each is written out when the shortest end
    /// of the object is asked for.
    pub max_missing_members: u32,
    /// States in which an array may be between two elements.
    pub max_array_states: u32,
    /// Applicators nested in place (`allOf` in `anyOf` in `not` ...).
    pub max_nesting: u32,
    /// Expressions of the regex algebra.
    pub max_exprs: u32,
    /// States of the lexer.
    pub max_lexer_states: u32,
}

impl Default for SchemaLimits {
    fn default() -> Self {
        SchemaLimits {
            max_depth: 1_000,
            max_states: 4_000_000,
            max_alternatives: 4_096,
            max_exact_alternatives: 256,
            max_nodes: 1_000_000,
            max_key_classes: 4_096,
            max_missing_members: 100_000,
            max_array_states: 50_000,
            max_nesting: 200,
            max_exprs: 4_000_000,
            max_lexer_states: 2_000_000,
        }
    }
}
