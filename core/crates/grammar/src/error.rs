use structgen_automaton::AutomatonError;
use thiserror::Error;

/// Why a grammar has no automaton.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GrammarError {
    /// An index points nowhere.
    #[error("malformed grammar: {what}")]
    Malformed {
        /// The place and the index.
        what: String,
    },
    /// The start rule derives no text at all.
    #[error("the grammar derives no text: {}", describe_empty(.names))]
    Empty {
        /// The rules and terminals that derive nothing, the start rule first.
        names: Vec<String>,
    },
    /// A limit or a deadline.
    #[error(transparent)]
    Automaton(#[from] AutomatonError),
}

fn describe_empty(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text =
        names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text.push_str(if names.len() == 1 { " never ends" } else { " never end" });
    text
}
