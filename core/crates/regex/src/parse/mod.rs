//! Patterns as people write them, in three dialects.

mod class;
mod error;
mod escape;
mod fold;
mod hints;
mod parser;
mod rust;
mod tables;

pub use error::{RegexErrorKind, RegexSyntaxError};

use structgen_automaton::pace;

use crate::Ast;

/// Whose rules a pattern follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// ECMA-262 with the `u` flag, as JSON Schema asks for, plus what Annex B adds for the
    /// web where patterns in the wild need it: escaped punctuation (`\-`), lone `{`, `}` and
    /// `]`, quantified look-ahead, and a leading `(?i)`.
    ///
    /// What is an error by ECMA-262 and means one thing wherever it is known is read so:
    /// `(?P<name>..)`, `(?#..)`, `\A`, `\z`, `\a`, `\e`, `\x{..}`, `\U........`, the flag `x` and
    /// flags from the middle of an alternative on. What engines read in different ways
    /// (`[[:digit:]]`, `[a-z&&[^b]]`, `[a-z--b]`, `\Z`, `\h`) is refused.
    Ecma,
    /// Python's `re`, for `str` patterns, with `(?<name>..)` and `\z`. Classes that `re` warns of,
    /// since they may come to mean set operations, are refused as above.
    Python,
    /// Rust's `regex` crate.
    Rust,
}

/// Flags that hold from the start of the pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// `i`: letters match in either case (simple case folding).
    pub ignore_case: bool,
    /// `m`: `^` and `$` match at lines.
    pub multi_line: bool,
    /// `s`: `.` matches line terminators too.
    pub dot_all: bool,
    /// `x`: white space and comments are skipped (Python, Rust).
    pub verbose: bool,
    /// `a`: `\w`, `\d`, `\s`, `\b` and case folding are those of ASCII (Python).
    pub ascii: bool,
}

impl Flags {
    /// Flags from their letters; `u` is always on and may be given. The error is the first
    /// letter that the dialect does not have.
    pub fn from_letters(letters: &str, dialect: Dialect) -> Result<Flags, char> {
        let mut flags = Flags::default();
        for letter in letters.chars() {
            match (letter, dialect) {
                ('i', _) => flags.ignore_case = true,
                ('m', _) => flags.multi_line = true,
                ('s', _) => flags.dot_all = true,
                ('x', Dialect::Python | Dialect::Rust) => flags.verbose = true,
                ('a', Dialect::Python) => flags.ascii = true,
                ('u', _) => {}
                _ => return Err(letter),
            }
        }
        Ok(flags)
    }
}

/// Bounds of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Groups within groups.
    pub max_nesting: u32,
}

impl Default for ParseLimits {
    fn default() -> Self {
        ParseLimits { max_nesting: 200 }
    }
}

/// Characters that are looked at between two looks at the watch.
const CHARS_AT_ONCE: usize = 1024;

/// Reads `pattern`. Linear in its length, except for `\p{..}`, which costs its table.
///
/// The result may hold assertions; see [`full_match`](crate::full_match) and
/// [`search`](crate::search). Back-references, atomic groups, possessive quantifiers and
/// conditionals are refused as unsupported; laziness does not change the language.
pub fn parse(
    pattern: &str,
    dialect: Dialect,
    flags: Flags,
    limits: ParseLimits,
) -> Result<Ast, RegexSyntaxError> {
    let mut chars: Vec<char> = Vec::with_capacity(pattern.len());
    for (at, c) in pattern.chars().enumerate() {
        if at % CHARS_AT_ONCE == 0 {
            pace(8).map_err(RegexSyntaxError::stopped)?;
        }
        chars.push(c);
    }
    match dialect {
        Dialect::Rust => rust::parse(pattern, &chars, flags, limits),
        Dialect::Ecma | Dialect::Python => {
            parser::Parser::new(&chars, dialect, flags, limits).pattern()
        }
    }
}
