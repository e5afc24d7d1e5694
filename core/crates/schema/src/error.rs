use structgen_automaton::AutomatonError;
use thiserror::Error;

/// Why a schema does not become a recogniser.
#[derive(Clone, Debug, Error)]
pub enum SchemaError {
    /// The schema breaks the rules of its own draft.
    #[error("`{keyword}` at `{pointer}` is malformed: {message}")]
    Malformed {
        /// JSON pointer of the schema that holds the keyword.
        pointer: String,
        /// The keyword.
        keyword: String,
        /// What was found and what was needed.
        message: String,
    },
    /// The schema asks for something that is not enforced exactly, so it is refused.
    #[error("`{keyword}` at `{pointer}` is not supported: {hint}")]
    Unsupported {
        /// JSON pointer of the schema that holds the keyword.
        pointer: String,
        /// The keyword.
        keyword: String,
        /// What would work instead.
        hint: String,
    },
    /// A reference leads nowhere.
    #[error("`{reference}` at `{pointer}` cannot be resolved: {message}")]
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
    #[error("the schema at `{pointer}` refers to itself without consuming any of the document")]
    Recursion {
        /// JSON pointer of a schema on the circle.
        pointer: String,
    },
    /// No document is valid.
    #[error("no document satisfies the schema: {}", describe_conflict(.pointers))]
    Empty {
        /// The schemas that conflict.
        pointers: Vec<String>,
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
            | SchemaError::Unresolved { pointer, .. }
            | SchemaError::Recursion { pointer } => Some(pointer),
            SchemaError::Empty { pointers } => pointers.first().map(String::as_str),
            SchemaError::Narrowed { .. } | SchemaError::Automaton(_) => None,
        }
    }
}

fn describe_conflict(pointers: &[String]) -> String {
    match pointers {
        [] => "its parts contradict each other".to_owned(),
        [one] => format!("`{one}` allows nothing"),
        many => format!("{} contradict each other", quoted(many)),
    }
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
