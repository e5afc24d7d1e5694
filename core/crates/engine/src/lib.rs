//! Recogniser x trie -> token masks; interning, caches, budgets; composition of constraints.
//!
//! [`Program`] describes a set of texts. [`Compiled`] binds it to a vocabulary, where it is an
//! automaton over *tokens* whose positions are values ([`Tokens`], [`Position`]). [`Matcher`] is
//! one sequence's stack of positions.

mod batch;
mod closing;
mod compiled;
mod error;
mod ir;
mod lexical;
mod limits;
mod locks;
mod logits;
mod masks;
mod matcher;
mod memo;
mod moving;
mod product;
mod program;
mod resting;
mod shared;
mod spread;
mod text;
mod walk;

pub use batch::{fill_rows, fill_tree};
pub use closing::Closing;
pub use compiled::{Compiled, Position, Stats, Tokens};
pub use error::EngineError;
pub use limits::Limits;
pub use locks::lock_unless_cancelled;
pub use logits::{Logit, MaskedRow, apply_rows};
pub use matcher::{Cursor, Matcher};
pub use program::{Program, dialect_by_name};
pub use shared::SharedVocabulary;
pub use structgen_automaton::{CancelToken, ask_for_interrupts};
pub use structgen_schema::Escapes;
pub use text::TextAutomaton;
