use std::sync::Arc;

use crate::{CharDfa, CharSet};

/// A regular expression over code points.
///
/// What [`parse`](crate::parse) returns may hold the assertions at the end of the list;
/// [`full_match`](crate::full_match) and [`search`](crate::search) remove them, and only then
/// can it be lowered to bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ast {
    /// The empty language.
    Empty,
    /// The empty string.
    Epsilon,
    /// One character of the set.
    Class(CharSet),
    /// One after the other.
    Concat(Vec<Ast>),
    /// Any of them.
    Alternate(Vec<Ast>),
    /// All of them at once.
    And(Vec<Ast>),
    /// Every text that is not in the language.
    Not(Box<Ast>),
    /// `min` to `max` times.
    Repeat {
        /// What is repeated.
        inner: Box<Ast>,
        /// The least count.
        min: u32,
        /// The greatest count, if there is one.
        max: Option<u32>,
    },
    /// The language of an automaton over characters, where
    /// [`full_match`](crate::full_match) and [`search`](crate::search) found no expression.
    Automaton(Arc<CharDfa>),
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
    /// Between a character of `word` and one that is not (or the edge of the text).
    WordBoundary {
        /// Everywhere else instead.
        negate: bool,
        /// The word characters.
        word: CharSet,
    },
    /// The text here, read forwards or backwards, does (not) start with `inner`.
    Look {
        /// What is looked for.
        inner: Box<Ast>,
        /// Forwards.
        ahead: bool,
        /// Must not be found.
        negate: bool,
    },
}

impl Ast {
    /// Exactly `text`.
    pub fn literal(text: &str) -> Ast {
        Ast::sequence(text.chars().map(|c| Ast::Class(CharSet::single(c))).collect())
    }

    /// Any one character.
    pub fn any_char() -> Ast {
        Ast::Class(CharSet::any())
    }

    /// Any text.
    pub fn any_text() -> Ast {
        Ast::any_char().repeat(0, None)
    }

    /// The parts one after the other.
    pub fn sequence(mut parts: Vec<Ast>) -> Ast {
        parts.retain(|part| *part != Ast::Epsilon);
        match parts.len() {
            0 => Ast::Epsilon,
            1 => parts.remove(0),
            _ => Ast::Concat(parts),
        }
    }

    /// Any of the options.
    pub fn any_of(mut options: Vec<Ast>) -> Ast {
        options.retain(|option| *option != Ast::Empty);
        match options.len() {
            0 => Ast::Empty,
            1 => options.remove(0),
            _ => Ast::Alternate(options),
        }
    }

    /// `self`, `min` to `max` times.
    pub fn repeat(self, min: u32, max: Option<u32>) -> Ast {
        Ast::Repeat { inner: Box::new(self), min, max }
    }

    /// Every text that is not in `self`.
    pub fn negate(self) -> Ast {
        Ast::Not(Box::new(self))
    }

    /// Texts of `min` to `max` characters (code points).
    pub fn text_of_length(min: u32, max: Option<u32>) -> Ast {
        Ast::any_char().repeat(min, max)
    }

    /// Whether an anchor, word boundary or look-around stands anywhere inside.
    pub fn has_assertions(&self) -> bool {
        match self {
            Ast::Empty | Ast::Epsilon | Ast::Class(_) | Ast::Automaton(_) => false,
            Ast::Concat(parts) | Ast::Alternate(parts) | Ast::And(parts) => {
                parts.iter().any(Ast::has_assertions)
            }
            Ast::Not(inner) | Ast::Repeat { inner, .. } => inner.has_assertions(),
            Ast::Start | Ast::End | Ast::WordBoundary { .. } | Ast::Look { .. } => true,
        }
    }
}
