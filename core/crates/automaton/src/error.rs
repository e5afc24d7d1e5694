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
    #[error("limit `{name}` reached: it took more than {millis} ms")]
    Deadline {
        /// The name of the limit, as users set it.
        name: &'static str,
        /// The time allowed.
        millis: u64,
    },
    /// Somebody cancelled the [`CancelToken`](crate::CancelToken) that the work watched.
    #[error("the work was cancelled")]
    Cancelled,
    /// The process wants its work to end; see [`ask_for_interrupts`](crate::ask_for_interrupts).
    #[error("the work was interrupted")]
    Interrupted,
}
