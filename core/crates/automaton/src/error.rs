use thiserror::Error;

/// What can go wrong while an automaton is explored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AutomatonError {
    /// A budget ran out.
    #[error("limit `{name}` reached: the constraint needs more than {limit}")]
    Limit {
        /// The name of the limit, as users set it.
        name: &'static str,
        /// Its value.
        limit: u64,
    },
    /// A deadline passed.
    #[error("the time limit of {millis} ms passed")]
    Deadline {
        /// The time allowed.
        millis: u64,
    },
}
