//! Regular languages over bytes: an algebra with `&`, `|` and `~`, lazily built automata over
//! it, and front ends for the regex dialects that schemas and grammars are written in.
//!
//! * [`Exprs`] is an arena of hash-consed expressions with Brzozowski derivatives.
//! * [`Lexer`] runs several expressions side by side as one lazily built DFA;
//!   [`RegexAutomaton`] is the byte automaton of a single one.
//! * [`parse`] reads ECMA-262, Python and Rust patterns into an [`Ast`] over code points;
//!   [`full_match`] and [`search`] turn an `Ast` with anchors and look-around into one
//!   without; [`lower_utf8`] and [`lower_json`] spell it in bytes.
//!
//! ```
//! use structgen_automaton::Fuel;
//! use structgen_regex::{Ast, CharSet, Exprs, Lexer, RegexLimits, lower_utf8};
//!
//! let mut exprs = Exprs::new(RegexLimits::default());
//! let digits = Ast::Class(CharSet::range('0', '9')).repeat(1, None);
//! let number = lower_utf8(&mut exprs, &digits);
//! let mut lexer = Lexer::new(exprs);
//! let mut fuel = Fuel::new("max_steps", 1_000);
//! let start = lexer.state(&[(7, number)], &mut fuel)?;
//! let after = lexer.step(start, b'4', &mut fuel)?;
//! assert_eq!(lexer.accept(after).map(|a| lexer.accept_tags(a).to_vec()), Some(vec![7]));
//! assert!(lexer.step(after, b'x', &mut fuel)?.is_dead());
//! # Ok::<(), structgen_automaton::AutomatonError>(())
//! ```

#[cfg(test)]
extern crate self as structgen_regex;

mod assertions;
mod ast;
mod automaton;
mod chardfa;
mod charset;
mod exprs;
mod lexer;
mod lower;
mod parse;

pub use assertions::{full_match, search};
pub use ast::Ast;
pub use automaton::RegexAutomaton;
pub use chardfa::CharDfa;
pub use charset::CharSet;
pub use exprs::{ExprId, Exprs, RegexLimits, WordCode};
pub use lexer::Lexer;
pub use lower::{JsonSpelling, lower_json, lower_json_char, lower_utf8, spell_json, spelled_len};
pub use parse::{Dialect, Flags, ParseLimits, RegexErrorKind, RegexSyntaxError, parse};
pub use structgen_automaton::ByteSet;
