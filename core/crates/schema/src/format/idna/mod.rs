//! Internationalised names of hosts: IDNA2008.
//!
//! A U-label is a string of allowed code points (RFC 5892) that satisfies the contextual rules
//! of its appendix A, is in the normal form NFC, does not begin with a mark, has hyphens in
//! proper places, and whose A-label is no longer than 63 octets; where a name has characters
//! that are written from right to left, each label also satisfies the Bidi rule (RFC 5893).
//! Each of these is a small automaton, and a label is in all of them.
//!
//! Three are stricter than the RFCs, since the exact language is out of reach of automata of
//! any practical size: the length of an A-label is bounded from above by the number of
//! characters and their block, a combining mark that composes with some letter is refused
//! after every letter that composes with some mark, and the joining types are those that
//! presentation forms tell. A-labels themselves (`xn--`) are refused.

mod tables;

use structgen_regex::{Ast, CharDfa, CharSet};

use crate::string::compile_full;
use structgen_regex::RegexSyntaxError;

/// Every automaton here has a few hundred states at most.
const MAX_STATES: usize = 20_000;

fn set(ranges: &[(u32, u32)]) -> CharSet {
    CharSet::from_code_points(ranges.iter().copied())
}

fn class(pattern: &str) -> Result<CharSet, RegexSyntaxError> {
    match compile_full(pattern)? {
        Ast::Class(set) => Ok(set),
        _ => Ok(CharSet::empty()),
    }
}

/// An automaton as a language; the empty one where it is too large, which a test rules out.
fn language(found: Option<CharDfa>) -> Ast {
    match found {
        Some(dfa) if !dfa.is_empty() => Ast::Automaton(dfa.into()),
        _ => Ast::Empty,
    }
}

/// Names of labels joined by `separator`, of ASCII labels and U-labels.
pub(super) fn names(separator: &str) -> Result<Ast, RegexSyntaxError> {
    let separator = compile_full(separator)?;
    let ascii = ascii_label()?;
    let label = u_label()?;
    let right = set(&[tables::RIGHT_TO_LEFT, tables::ARABIC_NUMBERS].concat());
    let from_left = Ast::Class(right.complement()).repeat(1, None);
    let directed = bidi_rule();
    let kinds = [from_left, directed].map(|rule| {
        let kind = |inner: &Ast| Ast::And(vec![inner.clone(), rule.clone()]);
        joined(Ast::any_of(vec![kind(&ascii), kind(&label)]), &separator, None)
    });
    let [from_left, directed] = kinds;
    Ok(Ast::any_of(vec![
        Ast::And(vec![joined(ascii, &separator, None), Ast::text_of_length(1, Some(253))]),
        Ast::And(vec![Ast::any_of(vec![from_left, directed]), short(&separator)]),
    ]))
}

fn joined(label: Ast, separator: &Ast, more: Option<u32>) -> Ast {
    let again = Ast::sequence(vec![separator.clone(), label.clone()]);
    Ast::sequence(vec![label, again.repeat(0, more)])
}

/// What surely has no more than 253 octets once labels are encoded: three labels (of 63
/// octets and a dot each), or 40 characters, since a character costs five octets at most
/// beside its share of `xn--` and hyphen, which is less than one.
fn short(separator: &Ast) -> Ast {
    let any = Ast::any_char().repeat(1, None);
    let label = match separator {
        Ast::Class(set) => Ast::Class(set.complement()).repeat(1, None),
        _ => any,
    };
    Ast::any_of(vec![joined(label, separator, Some(2)), Ast::text_of_length(1, Some(40))])
}

/// Letters, digits and hyphens, and no encoding.
fn ascii_label() -> Result<Ast, RegexSyntaxError> {
    Ok(Ast::And(vec![
        compile_full("[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")?,
        Ast::Not(Box::new(compile_full("[^][^]--[^]*")?)),
    ]))
}

fn u_label() -> Result<Ast, RegexSyntaxError> {
    let usable = set(tables::USABLE);
    let hyphen = CharSet::single('-');
    let inner = Ast::Class(usable.clone()).repeat(0, None);
    let edge = &usable - &hyphen;
    let first = &edge - &class("\\p{M}")?;
    let rest = Ast::sequence(vec![inner, Ast::Class(edge)]).repeat(0, Some(1));
    Ok(Ast::And(vec![
        Ast::sequence(vec![Ast::Class(first), rest]),
        Ast::Not(Box::new(compile_full("[^][^]--[^]*")?)),
        context_rules()?,
        normal_form(),
        bounded_length(),
    ]))
}

/// What has been read of a label, as far as RFC 5892 appendix A asks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Context {
    last: Last,
    /// A letter that joins on its left, then transparent ones: what may precede U+200C.
    joins: bool,
    /// U+200C waits for a letter that joins on its right.
    needs_join: bool,
    kana: Kana,
    digits: Option<bool>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Last {
    #[default]
    Other,
    SmallL,
    /// MIDDLE DOT, which waits for an `l`.
    MiddleDot,
    /// KERAIA, which waits for a Greek character.
    Keraia,
    Hebrew,
    Virama,
}

/// KATAKANA MIDDLE DOT asks for a character of Hiragana, Katakana or Han anywhere.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Kana {
    #[default]
    None,
    Asked,
    Seen,
}

fn context_rules() -> Result<Ast, RegexSyntaxError> {
    let one = |c: char| CharSet::single(c);
    let marks = class("[\\p{Mn}\\p{Me}\\p{Cf}]")?;
    let joiners = CharSet::of("\u{200C}\u{200D}");
    let sets = [
        one('l'),
        one('\u{B7}'),
        one('\u{375}'),
        class("\\p{Script=Greek}")?,
        CharSet::of("\u{5F3}\u{5F4}"),
        class("\\p{Script=Hebrew}")?,
        one('\u{30FB}'),
        class("[\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Han}]")?,
        CharSet::range('\u{660}', '\u{669}'),
        CharSet::range('\u{6F0}', '\u{6F9}'),
        one('\u{200C}'),
        one('\u{200D}'),
        set(tables::VIRAMA),
        set(tables::DUAL_JOINING),
        set(tables::RIGHT_JOINING),
        &marks - &joiners,
    ];
    let step = |state: &Context, member: &[bool]| {
        let &[
            small_l,
            dot,
            keraia,
            greek,
            geresh,
            hebrew,
            kana_dot,
            kana,
            arabic,
            persian,
            non_joiner,
            joiner,
            virama,
            dual,
            right,
            transparent,
        ] = member
        else {
            return None;
        };
        let last = state.last;
        let refused = (last == Last::MiddleDot && !small_l)
            || (last == Last::Keraia && !greek)
            || (dot && last != Last::SmallL)
            || (geresh && last != Last::Hebrew)
            || (joiner && last != Last::Virama)
            || (non_joiner && last != Last::Virama && !state.joins)
            || (state.needs_join && !(dual || right || transparent))
            || (arabic && state.digits == Some(true))
            || (persian && state.digits == Some(false));
        if refused {
            return None;
        }
        Some(Context {
            last: if small_l {
                Last::SmallL
            } else if dot {
                Last::MiddleDot
            } else if keraia {
                Last::Keraia
            } else if hebrew {
                Last::Hebrew
            } else if virama {
                Last::Virama
            } else {
                Last::Other
            },
            joins: dual || (transparent && state.joins),
            needs_join: if non_joiner {
                last != Last::Virama
            } else {
                state.needs_join && transparent
            },
            kana: match state.kana {
                _ if kana => Kana::Seen,
                Kana::None if kana_dot => Kana::Asked,
                before => before,
            },
            digits: if arabic {
                Some(false)
            } else if persian {
                Some(true)
            } else {
                state.digits
            },
        })
    };
    let accepts = |state: &Context| {
        !matches!(state.last, Last::MiddleDot | Last::Keraia)
            && !state.needs_join
            && state.kana != Kana::Asked
    };
    Ok(language(CharDfa::explore(&sets, Context::default(), step, accepts, MAX_STATES)))
}

/// NFC: marks in canonical order, and nothing left to compose. Exact in the first; where a
/// mark composes with some letter, it is refused after every letter that composes.
fn normal_form() -> Ast {
    let mut sets = vec![set(tables::COMPOSED_WITH), set(tables::COMPOSES)];
    sets.extend(tables::COMBINING.iter().map(|(_, members)| set(members)));
    // Whether the last letter composes, and the place in the order of the last mark.
    type State = (bool, Option<usize>);
    let step = |&(composed, last): &State, member: &[bool]| -> Option<State> {
        let (&[composed_with, composes], orders) = member.split_first_chunk()?;
        if composes && composed {
            return None;
        }
        match orders.iter().position(|&found| found) {
            None => Some((composed_with, None)),
            Some(order) if last.is_some_and(|last| last > order) => None,
            Some(order) => Some((composed, Some(order))),
        }
    };
    language(CharDfa::explore(&sets, (false, None), step, |_| true, MAX_STATES))
}

/// At most as many characters as an A-label of 63 octets surely holds.
fn bounded_length() -> Ast {
    let mut sets = vec![CharSet::range('\0', '\u{7F}')];
    sets.extend(tables::BLOCKS.iter().map(|&(first, last, _)| set(&[(first, last)])));
    let every: u64 = (1 << tables::BLOCKS.len()) - 1;
    let most = |blocks: u64| {
        let held = tables::BLOCKS.iter().enumerate();
        let held = held.filter(|(block, _)| blocks >> block & 1 == 1).map(|(_, found)| found.2);
        held.max().unwrap_or(0).max(tables::MIXED)
    };
    // The blocks that have all characters so far, and the number of characters.
    let step = |&(blocks, count): &(u64, u32), member: &[bool]| {
        let mut left = blocks;
        if !member[0] {
            for (block, found) in member[1..].iter().enumerate() {
                if !found {
                    left &= !(1 << block);
                }
            }
        }
        (count < most(left)).then_some((left, count + 1))
    };
    language(CharDfa::explore(&sets, (every, 0), step, |_| true, MAX_STATES))
}

/// RFC 5893 section 2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Direction {
    Start,
    Left { ends: bool },
    Right { ends: bool, numbers: Option<bool> },
}

fn bidi_rule() -> Ast {
    let right = set(tables::RIGHT_TO_LEFT);
    let arabic = set(tables::ARABIC_NUMBERS);
    let european = set(tables::EUROPEAN_NUMBERS);
    let nonspacing = set(tables::NONSPACING);
    let neutral = set(tables::NEUTRAL);
    // These ask for characters that are written from left to right.
    let bound = CharSet::of("\u{B7}\u{375}\u{30FB}");
    let sets = [right, arabic, european, nonspacing, neutral, bound];
    let step = |state: &Direction, member: &[bool]| {
        let &[right, arabic, european, nonspacing, neutral, bound] = member else { return None };
        let left = !(right || arabic || european || nonspacing || neutral);
        match *state {
            Direction::Start if left => Some(Direction::Left { ends: true }),
            Direction::Start if right => Some(Direction::Right { ends: true, numbers: None }),
            Direction::Start => None,
            Direction::Left { .. } if right || arabic => None,
            Direction::Left { ends } => {
                Some(Direction::Left { ends: left || european || (nonspacing && ends) })
            }
            Direction::Right { .. } if left || bound => None,
            Direction::Right { ends, numbers } => {
                let numbers = match numbers {
                    Some(false) if arabic => return None,
                    Some(true) if european => return None,
                    _ if arabic => Some(true),
                    _ if european => Some(false),
                    known => known,
                };
                let ends = right || arabic || european || (nonspacing && ends);
                Some(Direction::Right { ends, numbers })
            }
        }
    };
    let accepts = |state: &Direction| {
        matches!(state, Direction::Left { ends: true } | Direction::Right { ends: true, .. })
    };
    language(CharDfa::explore(&sets, Direction::Start, step, accepts, MAX_STATES))
}
