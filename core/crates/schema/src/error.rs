use structgen_automaton::AutomatonError;
use thiserror::Error;

/// Why a schema does not become a recogniser.
#[derive(Clone, Debug, Error)]
pub enum SchemaError {
    /// The schema breaks the rules of its own draft.
    #[error("`{keyword}` at `{}` is malformed: {message}", shown(.pointer))]
    Malformed {
        /// JSON pointer of the schema that holds the keyword.
        pointer: String,
        /// The keyword.
        keyword: String,
        /// What was found and what was needed.
        message: String,
    },
    /// The schema asks for something that is not enforced exactly, so it is refused.
    #[error("`{keyword}` at `{}` is not supported: {hint}", shown(.pointer))]
    Unsupported {
        /// JSON pointer of the schema that holds the keyword.
        pointer: String,
        /// The keyword.
        keyword: String,
        /// What would work instead.
        hint: String,
    },
    /// A pattern is none of ECMA-262, or is none that is enforced.
    #[error("`{keyword}` at `{}`: {message}", shown(.pointer))]
    Pattern {
        /// JSON pointer of the schema that holds the keyword.
        pointer: String,
        /// The keyword.
        keyword: String,
        /// What is wrong with the pattern, and where in it.
        message: String,
        /// How to write what was probably meant.
        hint: Option<String>,
        /// It is a pattern, of a language that is not enforced.
        unsupported: bool,
    },
    /// A reference leads nowhere.
    #[error("`{reference}` at `{}` cannot be resolved: {message}", shown(.pointer))]
    Unresolved {
        /// JSON pointer of the schema that holds the reference.
        pointer: String,
        /// The reference as written.
        reference: String,
        /// Why not.
        message: String,
        /// The URI of the document that is not there, if it is a whole document.
        document: Option<String>,
    },
    /// A schema applies itself to the same value, for ever.
    #[error("the schema at `{}` refers to itself without consuming any of the document", shown(.pointer))]
    Recursion {
        /// JSON pointer of a schema on the circle.
        pointer: String,
    },
    /// No document is valid.
    #[error("no document satisfies the schema: {reason}")]
    Empty {
        /// The schemas that conflict.
        pointers: Vec<String>,
        /// What they say, with their values.
        reason: String,
    },
    /// Documents are valid, and the options exclude all of them.
    #[error("no document that satisfies the schema keeps to {}", quoted(.options))]
    Narrowed {
        /// Options without one of which there are documents, or else all that narrow.
        options: Vec<String>,
    },
    /// A budget ran out.
    #[error(transparent)]
    Automaton(#[from] AutomatonError),
}

impl SchemaError {
    /// A stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            SchemaError::Malformed { .. } => "schema_malformed",
            SchemaError::Unsupported { .. } => "schema_unsupported",
            SchemaError::Pattern { unsupported: false, .. } => "schema_malformed",
            SchemaError::Pattern { .. } => "schema_unsupported",
            SchemaError::Unresolved { .. } => "schema_unresolved",
            SchemaError::Recursion { .. } => "schema_recursion",
            SchemaError::Empty { .. } => "schema_empty",
            SchemaError::Narrowed { .. } => "schema_narrowed",
            SchemaError::Automaton(_) => "limit",
        }
    }

    /// The place in the schema, where there is a single one.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            SchemaError::Malformed { pointer, .. }
            | SchemaError::Unsupported { pointer, .. }
            | SchemaError::Pattern { pointer, .. }
            | SchemaError::Unresolved { pointer, .. }
            | SchemaError::Recursion { pointer } => Some(pointer),
            SchemaError::Empty { pointers, .. } => pointers.first().map(String::as_str),
            SchemaError::Narrowed { .. } | SchemaError::Automaton(_) => None,
        }
    }
}

/// A pointer for people: that of the root is empty.
pub(crate) fn shown(pointer: &str) -> &str {
    if pointer.is_empty() { "(root)" } else { pointer }
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
