use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::hints;
use super::parser::look;
use super::tables::{ascii_word, unicode_class};
use super::{Flags, ParseLimits, RegexErrorKind, RegexSyntaxError};
use crate::{Ast, CharSet};

/// Characters of a pattern: the parser looks at no clock, and takes some 10 ms for as many.
const MAX_PATTERN: usize = 100_000;

/// The `regex` crate's own parser reads its dialect.
pub(super) fn parse(
    pattern: &str,
    chars: &[char],
    flags: Flags,
    limits: ParseLimits,
) -> Result<Ast, RegexSyntaxError> {
    if chars.len() > MAX_PATTERN {
        let kind = RegexErrorKind::Limit { name: "max_pattern", limit: MAX_PATTERN as u64 };
        let message = format!("the pattern has {} characters", chars.len());
        return Err(RegexSyntaxError::new(kind, message, &chars[..1], 0));
    }
    let parsed = ParserBuilder::new()
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .ignore_whitespace(flags.verbose)
        .nest_limit(limits.max_nesting)
        .build()
        .parse(pattern);
    let hir = parsed.map_err(|error| refuse(pattern, chars, &error))?;
    convert(&hir)
}

fn refuse(pattern: &str, chars: &[char], error: &regex_syntax::Error) -> RegexSyntaxError {
    use regex_syntax::ast::ErrorKind;
    let (message, offset, kind) = match error {
        regex_syntax::Error::Parse(error) => {
            let kind = match error.kind() {
                ErrorKind::NestLimitExceeded(limit) => {
                    RegexErrorKind::Limit { name: "max_nesting", limit: (*limit).into() }
                }
                ErrorKind::UnsupportedLookAround => {
                    RegexErrorKind::Unsupported { feature: "look-around groups" }
                }
                ErrorKind::UnsupportedBackreference => {
                    RegexErrorKind::Unsupported { feature: "back-references" }
                }
                _ => RegexErrorKind::Syntax,
            };
            (error.kind().to_string(), error.span().start.offset, kind)
        }
        regex_syntax::Error::Translate(error) => {
            (error.kind().to_string(), error.span().start.offset, RegexErrorKind::Syntax)
        }
        other => (other.to_string(), 0, RegexErrorKind::Syntax),
    };
    let at = pattern.get(..offset).map_or(0, |before| before.chars().count());
    let hint = match &kind {
        RegexErrorKind::Unsupported { feature: "look-around groups" } => {
            Some("use the dialect of Python or ECMA-262, which have look-around".to_owned())
        }
        RegexErrorKind::Unsupported { .. } => {
            Some("write the group out again where it may differ".to_owned())
        }
        _ => match chars.get(at..).unwrap_or_default() {
            ['\\', c, ..] if c.is_ascii_alphanumeric() => {
                Some(hints::of_escape(*c, super::Dialect::Rust))
            }
            _ => None,
        },
    };
    let error = RegexSyntaxError::new(kind, message, chars, at);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Recursion is bounded: the parser limits the nesting of what it returns.
fn convert(hir: &Hir) -> Result<Ast, RegexSyntaxError> {
    let all = |parts: &[Hir]| -> Result<Vec<Ast>, RegexSyntaxError> {
        parts.iter().map(convert).collect()
    };
    Ok(match hir.kind() {
        HirKind::Empty => Ast::Epsilon,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Ast::literal(text),
            Err(_) => return Err(bytes_only()),
        },
        HirKind::Class(Class::Unicode(class)) => {
            Ast::Class(class.ranges().iter().map(|r| (r.start(), r.end())).collect())
        }
        HirKind::Class(Class::Bytes(class)) => {
            if !class.is_ascii() {
                return Err(bytes_only());
            }
            let ranges = class.ranges().iter();
            Ast::Class(ranges.map(|r| (char::from(r.start()), char::from(r.end()))).collect())
        }
        HirKind::Repetition(repetition) => {
            convert(&repetition.sub)?.repeat(repetition.min, repetition.max)
        }
        HirKind::Capture(capture) => convert(&capture.sub)?,
        HirKind::Concat(parts) => Ast::sequence(all(parts)?),
        HirKind::Alternation(parts) => Ast::Alternate(all(parts)?),
        HirKind::Look(kind) => assertion(*kind)?,
    })
}

fn bytes_only() -> RegexSyntaxError {
    let feature = "patterns over bytes that are no UTF-8";
    let kind = RegexErrorKind::Unsupported { feature };
    RegexSyntaxError::of_the_whole(kind, format!("{feature} are not supported"))
}

fn assertion(kind: Look) -> Result<Ast, RegexSyntaxError> {
    let newline = || Ast::Class(CharSet::single('\n').complement());
    let unicode = || unicode_class("\\w").unwrap_or_default();
    let behind = |word: CharSet, negate: bool| look(Ast::Class(word), false, negate);
    let ahead = |word: CharSet, negate: bool| look(Ast::Class(word), true, negate);
    Ok(match kind {
        Look::Start => Ast::Start,
        Look::End => Ast::End,
        Look::StartLF => look(newline(), false, true),
        Look::EndLF => look(newline(), true, true),
        Look::StartCRLF | Look::EndCRLF => {
            let feature = "line anchors with the flag R";
            let kind = RegexErrorKind::Unsupported { feature };
            let message = format!("{feature} are not supported");
            return Err(RegexSyntaxError::of_the_whole(kind, message));
        }
        Look::WordAscii => Ast::WordBoundary { negate: false, word: ascii_word() },
        Look::WordAsciiNegate => Ast::WordBoundary { negate: true, word: ascii_word() },
        Look::WordUnicode => Ast::WordBoundary { negate: false, word: unicode() },
        Look::WordUnicodeNegate => Ast::WordBoundary { negate: true, word: unicode() },
        Look::WordStartAscii => {
            Ast::Concat(vec![behind(ascii_word(), true), ahead(ascii_word(), false)])
        }
        Look::WordEndAscii => {
            Ast::Concat(vec![behind(ascii_word(), false), ahead(ascii_word(), true)])
        }
        Look::WordStartUnicode => {
            Ast::Concat(vec![behind(unicode(), true), ahead(unicode(), false)])
        }
        Look::WordEndUnicode => Ast::Concat(vec![behind(unicode(), false), ahead(unicode(), true)]),
        Look::WordStartHalfAscii => behind(ascii_word(), true),
        Look::WordEndHalfAscii => ahead(ascii_word(), true),
        Look::WordStartHalfUnicode => behind(unicode(), true),
        Look::WordEndHalfUnicode => ahead(unicode(), true),
    })
}
