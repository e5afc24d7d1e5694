use structgen_automaton::AutomatonError;
use structgen_grammar::GrammarError;
use structgen_regex::{RegexErrorKind, RegexSyntaxError};
use structgen_schema::SchemaError;
use thiserror::Error;

/// Everything that can go wrong between a constraint's source and a token mask.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A pattern is malformed or uses an unsupported feature.
    #[error("{error}")]
    Regex {
        /// The terminal or part that holds the pattern, if it has a name.
        place: Option<String>,
        /// What is wrong.
        error: Box<RegexSyntaxError>,
    },
    /// A grammar is malformed or empty.
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    /// A schema is malformed, unsupported or empty.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A budget ran out.
    #[error(transparent)]
    Automaton(#[from] AutomatonError),
    /// A grammar in the interchange format is not of its form.
    #[error("malformed grammar: {0}")]
    MalformedGrammar(String),
    /// JSON text that is none.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// No text satisfies the constraint.
    #[error("no text satisfies the constraint")]
    Empty {
        /// The parts in conflict, if known.
        parts: Vec<String>,
    },
    /// A special token that the vocabulary lacks.
    #[error("the constraint needs the special token `{name}`, which the vocabulary does not have")]
    MissingSpecial {
        /// Its name.
        name: String,
    },
    /// A source text beyond `max_source_bytes`.
    #[error("limit `max_source_bytes` reached: {given} bytes were given, at most {limit} are read")]
    SourceTooLarge {
        /// Bytes given.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// Constraints nested beyond `max_nesting`.
    #[error("limit `max_nesting` reached: constraints may be nested {limit} deep")]
    TooDeep {
        /// The limit.
        limit: u32,
    },
    /// An earlier question ran out of time inside what cannot be given up halfway.
    #[error("an earlier question to this automaton ran out of time, and left it of no further use")]
    Spoilt,
    /// A matcher was advanced after an end token.
    #[error("the sequence has ended: an end token was committed")]
    Finished,
    /// More tokens were to be taken back than were committed.
    #[error("cannot roll back {count} tokens: only {held} were committed")]
    RollbackTooFar {
        /// Tokens to take back.
        count: usize,
        /// Tokens committed.
        held: usize,
    },
    /// A draft tree whose node comes before its parent.
    #[error("node {node} of the draft tree has a parent that does not come before it")]
    MalformedTree {
        /// The node.
        node: usize,
    },
}

impl EngineError {
    /// What is wrong with a pattern, of the terminal `place` if it has a name.
    pub(crate) fn of_regex(place: Option<&str>, error: RegexSyntaxError) -> Self {
        match error.kind {
            RegexErrorKind::Stopped(stop) => stop.into(),
            _ => EngineError::Regex { place: place.map(str::to_owned), error: Box::new(error) },
        }
    }

    /// Whether an automaton has no room for another state, or is of no further use.
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            EngineError::Spoilt
                | EngineError::Automaton(AutomatonError::Limit {
                    name: "max_states" | "max_memory_mb" | "max_exprs",
                    ..
                })
        )
    }
}
