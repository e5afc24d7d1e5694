use structgen_automaton::AutomatonError;
use thiserror::Error;

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexErrorKind {
    /// It is not a pattern of the dialect.
    Syntax,
    /// It is one, but asks for something that is not regular or not implemented.
    Unsupported {
        /// The feature, in the dialect's words.
        feature: &'static str,
    },
    /// The budget of who reads it ran out.
    Stopped(AutomatonError),
    /// It is too large.
    Limit {
        /// The name of the limit.
        name: &'static str,
        /// Its value.
        limit: u64,
    },
}

/// A pattern that cannot be used, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}{}", self.place())]
pub struct RegexSyntaxError {
    /// The class of the error.
    pub kind: RegexErrorKind,
    /// What is wrong.
    pub message: String,
    /// The place, in characters from the start of the pattern.
    pub offset: usize,
    /// The line of the place, from 1.
    pub line: usize,
    /// The column of the place, from 1, in characters.
    pub column: usize,
    /// The pattern around the place; empty if the error is of the pattern as a whole.
    pub excerpt: String,
    /// How to write what was probably meant.
    pub hint: Option<Box<str>>,
}

/// Characters of the pattern shown before and after the place of an error.
const EXCERPT: usize = 20;

impl RegexSyntaxError {
    /// Empty for an error of the pattern as a whole.
    fn place(&self) -> String {
        if self.excerpt.is_empty() {
            return String::new();
        }
        let RegexSyntaxError { offset, line, column, excerpt, .. } = self;
        format!(" at offset {offset} (line {line}, column {column}) of the pattern `{excerpt}`")
    }

    /// The thread that reads may not go on.
    pub(crate) fn stopped(error: AutomatonError) -> Self {
        let message = error.to_string();
        RegexSyntaxError::of_the_whole(RegexErrorKind::Stopped(error), message)
    }

    /// An error that no single place of the pattern causes.
    pub(crate) fn of_the_whole(kind: RegexErrorKind, message: impl Into<String>) -> Self {
        RegexSyntaxError::new(kind, message, &[], 0)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn new(
        kind: RegexErrorKind,
        message: impl Into<String>,
        pattern: &[char],
        offset: usize,
    ) -> Self {
        let offset = offset.min(pattern.len());
        let before = &pattern[..offset];
        let line = 1 + before.iter().filter(|&&c| c == '\n').count();
        let column = 1 + before.iter().rev().take_while(|&&c| c != '\n').count();
        let around =
            &pattern[offset.saturating_sub(EXCERPT)..(offset + EXCERPT).min(pattern.len())];
        let excerpt = around.iter().map(|&c| visible(c)).collect();
        let message = message.into();
        RegexSyntaxError { kind, message, offset, line, column, excerpt, hint: None }
    }
}

/// The character as it stands in a message: a backslash of the pattern stays one.
fn visible(c: char) -> String {
    if matches!(c, '\\' | '"' | '\'') { c.to_string() } else { c.escape_debug().to_string() }
}
