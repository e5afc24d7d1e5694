//! Escapes of JSON strings that are half read.

use std::ops::RangeInclusive;

/// The bytes of an escape that have been read, from its backslash on: a kind, and the value of its
/// hexadecimal digits so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Escape(u32);

/// What one more byte makes of an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Open(Escape),
    Read(char),
}

const BACKSLASH: u32 = 1;
/// `\u` and up to three digits: kinds 2 to 5.
const UNIT: u32 = 2;
/// `\uD800` to `\uDBFF`, then `\`, `u`, and up to three digits of the second half: kinds 6 to 11.
const PAIR: u32 = 6;
/// The first kind that has `\u` of the second half.
const SECOND: u32 = PAIR + 2;

/// First halves of characters beyond U+FFFF, and second ones.
const HIGH: RangeInclusive<u32> = 0xD800..=0xDBFF;
const LOW: RangeInclusive<u32> = 0xDC00..=0xDFFF;

impl Escape {
    /// None is open.
    pub const NONE: Escape = Escape(0);
    pub const BEGUN: Escape = Escape::of(BACKSLASH, 0);

    const fn of(kind: u32, value: u32) -> Self {
        Escape(kind << 24 | value)
    }

    fn kind(self) -> u32 {
        self.0 >> 24
    }

    fn value(self) -> u32 {
        self.0 & 0xFF_FFFF
    }

    pub fn number(self) -> u32 {
        self.0
    }

    /// One more byte; `None` where no escape goes on so.
    pub fn step(self, byte: u8) -> Option<After> {
        let (kind, value) = (self.kind(), self.value());
        let digit = || char::from(byte).to_digit(16);
        match kind {
            BACKSLASH => match byte {
                b'u' => Some(After::Open(Escape::of(UNIT, 0))),
                _ => short_escape(byte).map(After::Read),
            },
            UNIT..PAIR => {
                let value = value << 4 | digit()?;
                match kind + 1 {
                    PAIR if HIGH.contains(&value) => {
                        Some(After::Open(Escape::of(PAIR, value - HIGH.start())))
                    }
                    PAIR => char::from_u32(value).map(After::Read),
                    next => Some(After::Open(Escape::of(next, value))),
                }
            }
            PAIR if byte == b'\\' => Some(After::Open(Escape::of(PAIR + 1, value))),
            7 if byte == b'u' => Some(After::Open(Escape::of(SECOND, value << 12))),
            // The value: ten bits of the first half, and the digits of the second, of which the last
            // one completes the character.
            SECOND..=11 => {
                let (high, low) = (value >> 12, (value & 0xFFF) << 4 | digit()?);
                if kind < 11 {
                    return Some(After::Open(Escape::of(kind + 1, high << 12 | low)));
                }
                LOW.contains(&low).then(|| joined(high, low)).flatten().map(After::Read)
            }
            _ => None,
        }
    }

    /// The characters that the escape may become, in ranges of code points. Surrogates are among
    /// them, which no word has.
    pub fn targets(self) -> Vec<(u32, u32)> {
        let (kind, value) = (self.kind(), self.value());
        match kind {
            UNIT..PAIR => {
                let bits = 4 * (PAIR - kind);
                let (first, last) = (value << bits, ((value + 1) << bits) - 1);
                let (high, low) = (first.max(*HIGH.start()), last.min(*HIGH.end()));
                let mut found = vec![(first, last)];
                if high <= low {
                    let (high, low) = (high - HIGH.start(), low - HIGH.start());
                    found.push((plane(high), plane(low + 1) - 1));
                }
                found
            }
            PAIR | 7 => vec![(plane(value), plane(value + 1) - 1)],
            SECOND..=11 => {
                let bits = 4 * (12 - kind);
                let (high, digits) = (value >> 12, value & 0xFFF);
                let (first, last) = (digits << bits, ((digits + 1) << bits) - 1);
                let (first, last) = (first.max(*LOW.start()), last.min(*LOW.end()));
                if first > last {
                    return Vec::new();
                }
                let at = |low: u32| plane(high) + (low - LOW.start());
                vec![(at(first), at(last))]
            }
            _ => vec![(0, 0x10_FFFF)],
        }
    }

    /// The bytes by which the escape may go on; perhaps others, too.
    pub fn may_follow(self) -> &'static [u8] {
        match self.kind() {
            BACKSLASH => b"\"\\/bfnrtu",
            PAIR => b"\\",
            7 => b"u",
            _ => b"0123456789abcdefABCDEF",
        }
    }

    /// The fewest bytes that make `c` of it, which it may become.
    pub fn missing(self, c: char) -> u32 {
        let units = if u32::from(c) > 0xFFFF { 2 } else { 1 };
        match self.kind() {
            BACKSLASH if has_short_escape(c) => 1,
            BACKSLASH if units == 2 => 11,
            BACKSLASH => 5,
            kind if kind < PAIR => PAIR - kind + if units == 2 { 6 } else { 0 },
            kind => 12 - kind,
        }
    }
}

/// The first character beyond U+FFFF whose first half has the ten bits `high`.
fn plane(high: u32) -> u32 {
    0x1_0000 + (high << 10)
}

fn joined(high: u32, low: u32) -> Option<char> {
    char::from_u32(plane(high) + (low - LOW.start()))
}

fn short_escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'"' | b'\\' | b'/' => char::from(letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

pub(super) fn has_short_escape(c: char) -> bool {
    matches!(c, '"' | '\\' | '/' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t')
}

/// Whether a string may have the byte only as an escape.
pub(crate) fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// The fewest bytes by which a byte that [`is_escaped`] is spelled.
pub(crate) fn escaped_len(byte: u8) -> u32 {
    if has_short_escape(char::from(byte)) { 2 } else { 6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every spelling of a character is read as that character and no other; what an escape may
    /// become holds on the whole way, and the fewest bytes are those of the shortest spelling.
    #[test]
    fn escapes_are_read() {
        let mut chars: Vec<char> = (0..0x300).filter_map(char::from_u32).collect();
        chars.extend("\u{d7ff}\u{e000}\u{ffff}\u{10000}😀\u{10ffff}\u{103ff}\u{10400}".chars());
        for c in chars {
            let units: Vec<String> =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let mut spellings =
                vec![units.concat(), units.concat().to_uppercase().replace('U', "u")];
            let short = b"\"\\/bfnrt".iter().find(|letter| short_escape(**letter) == Some(c));
            spellings.extend(short.map(|letter| format!("\\{}", char::from(*letter))));
            let fewest = spellings.iter().map(String::len).min().unwrap() as u32;
            for spelling in &spellings {
                let mut at = Escape::BEGUN;
                assert_eq!(at.missing(c) + 1, fewest);
                for (index, &byte) in spelling.as_bytes().iter().enumerate().skip(1) {
                    let may_become =
                        at.targets().iter().any(|range| (range.0..=range.1).contains(&c.into()));
                    assert!(may_become && at.may_follow().contains(&byte));
                    if index > 1 {
                        assert_eq!(at.missing(c) as usize, spelling.len() - index);
                    }
                    match at.step(byte) {
                        Some(After::Open(next)) => at = next,
                        read => {
                            assert_eq!((read, index), (Some(After::Read(c)), spelling.len() - 1))
                        }
                    }
                }
            }
        }
        assert_eq!(Escape::BEGUN.step(b'x'), None);
        // A second half alone is no character.
        let read = b"udc00".iter().try_fold(Escape::BEGUN, |at, &byte| match at.step(byte)? {
            After::Open(next) => Some(next),
            After::Read(_) => panic!(),
        });
        assert_eq!(read, None);
    }
}
