use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

use crate::{CharSet, Dialect};

/// The class that `pattern`, a single class of the `regex` crate's syntax, stands for.
pub(crate) fn unicode_class(pattern: &str) -> Option<CharSet> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => {
            Some(class.ranges().iter().map(|range| (range.start(), range.end())).collect())
        }
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(CharSet::of(text))
        }
        _ => None,
    }
}

/// `\p{name}` or `\p{name=value}`.
pub(crate) fn property(name: &str) -> Option<CharSet> {
    // Nothing but a name reaches the other parser.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '=' | ' ' | '-' | '.');
    if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
        return None;
    }
    unicode_class(&format!("\\p{{{name}}}"))
}

fn cached(cell: &'static OnceLock<CharSet>, build: impl FnOnce() -> CharSet) -> CharSet {
    cell.get_or_init(build).clone()
}

pub(crate) fn ascii_digit() -> CharSet {
    CharSet::range('0', '9')
}

pub(crate) fn ascii_word() -> CharSet {
    [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')].into_iter().collect()
}

pub(crate) fn digit(dialect: Dialect, ascii: bool) -> CharSet {
    static UNICODE: OnceLock<CharSet> = OnceLock::new();
    if ascii || dialect == Dialect::Ecma {
        return ascii_digit();
    }
    cached(&UNICODE, || property("Nd").unwrap_or_default())
}

pub(crate) fn word(dialect: Dialect, ascii: bool, ignore_case: bool) -> CharSet {
    static PYTHON: OnceLock<CharSet> = OnceLock::new();
    if dialect == Dialect::Ecma {
        // With `u` and `i` together, `\w` has what folds to a word character.
        return if ignore_case {
            &ascii_word() | &CharSet::of("\u{17F}\u{212A}")
        } else {
            ascii_word()
        };
    }
    if ascii {
        return ascii_word();
    }
    // str.isalnum() or the underscore.
    cached(&PYTHON, || {
        let letters = property("L").unwrap_or_default();
        let numbers = property("N").unwrap_or_default();
        &(&letters | &numbers) | &CharSet::single('_')
    })
}

pub(crate) fn space(dialect: Dialect, ascii: bool) -> CharSet {
    static ECMA: OnceLock<CharSet> = OnceLock::new();
    static PYTHON: OnceLock<CharSet> = OnceLock::new();
    let ascii_space = || CharSet::of("\t\n\u{B}\u{C}\r ");
    if dialect == Dialect::Ecma {
        return cached(&ECMA, || {
            let separators = property("Zs").unwrap_or_default();
            &(&separators | &ascii_space()) | &CharSet::of("\u{FEFF}\u{2028}\u{2029}")
        });
    }
    if ascii {
        return ascii_space();
    }
    // str.isspace(): separators, and controls whose bidirectional class is WS, B or S.
    cached(&PYTHON, || {
        let separators = property("Z").unwrap_or_default();
        &(&separators | &ascii_space()) | &CharSet::of("\u{1C}\u{1D}\u{1E}\u{1F}\u{85}")
    })
}

/// What `.` leaves out and `^`, `$` look for with the flag `m`.
pub(crate) fn line_ends(dialect: Dialect) -> CharSet {
    match dialect {
        Dialect::Ecma => CharSet::of("\n\r\u{2028}\u{2029}"),
        Dialect::Python | Dialect::Rust => CharSet::single('\n'),
    }
}
