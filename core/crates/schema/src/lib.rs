//! JSON Schema as a byte automaton.
//!
//! A schema is read as a boolean formula over its locations ([`reader`]), interned as nodes
//! and normalised per JSON type when a document comes to a place that needs it ([`algebra`]).
//! The recogniser ([`machine`]) is a persistent stack of frames, each of which holds the
//! alternatives that are still alive ([`frames`]). A state is live if and only if some
//! continuation is a document of the schema.
//!
//! ```
//! use structgen_automaton::{ByteAutomaton, Fuel};
//! use structgen_schema::{SchemaAutomaton, SchemaLimits, SchemaOptions};
//!
//! let schema = serde_json::json!({"type": "array", "items": {"enum": [1, "a"]}, "maxItems": 2});
//! let mut fuel = Fuel::new("max_steps", 1_000_000);
//! let mut automaton = SchemaAutomaton::new(
//!     &schema, &SchemaOptions::default(), &SchemaLimits::default(), &mut fuel)?;
//! let mut state = automaton.start(&mut fuel)?;
//! for byte in br#"[1, "a""# {
//!     state = automaton.step(state, *byte, &mut fuel)?;
//! }
//! assert!(automaton.step(state, b',', &mut fuel)?.is_dead());
//! assert_eq!(automaton.completion(state, &mut fuel)?, Some(b"]".to_vec()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algebra;
mod basis;
mod decimal;
mod diagnosis;
mod error;
mod format;
mod frames;
mod json;
mod layout;
mod limits;
mod location;
mod machine;
mod number;
mod options;
mod reader;
mod report;
mod resources;
mod string;
mod uri;
mod vocabulary;

pub use error::SchemaError;
pub use json::{JsonError, read_json};
pub use limits::SchemaLimits;
pub use machine::SchemaAutomaton;
pub use options::{
    Bounds, Draft, Escapes, NumberSpelling, PropertyOrder, SchemaOptions, Whitespace,
};
pub use report::{Report, ReportEntry, Status};
