use std::ops::{BitOr, BitOrAssign};

/// A set of groups of characters that lexemes tend to treat alike: lower case, upper case,
/// digits, the space, `-` and `_`, other punctuation, everything beyond ASCII, and the rest:
/// quotes, backslashes, controls, and bytes that are no complete character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CharGroups(u8);

impl CharGroups {
    /// No group.
    pub const NONE: CharGroups = CharGroups(0);
    /// All complete characters beyond ASCII.
    pub const NON_ASCII: CharGroups = CharGroups(1 << 6);
    /// Characters of which each tends to have a meaning of its own, and what is no character.
    pub const OTHER: CharGroups = CharGroups(1 << 7);

    /// All but [`Self::OTHER`].
    pub const COMPLETE: CharGroups = CharGroups((1 << 7) - 1);
    /// The same without what is beyond ASCII.
    pub const ASCII_COMPLETE: CharGroups = CharGroups((1 << 6) - 1);

    /// The groups of ASCII characters whose members may be exchanged for one another.
    pub const ASCII: [CharGroups; 6] = [
        CharGroups(1),
        CharGroups(1 << 1),
        CharGroups(1 << 2),
        CharGroups(1 << 3),
        CharGroups(1 << 4),
        CharGroups(1 << 5),
    ];

    /// The group of an ASCII character; [`Self::OTHER`] for any other byte.
    #[inline]
    pub fn of_ascii(byte: u8) -> CharGroups {
        CharGroups(match byte {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 1 << 1,
            b'0'..=b'9' => 1 << 2,
            b' ' => 1 << 3,
            b'-' | b'_' => 1 << 4,
            b'"' | b'\\' => return CharGroups::OTHER,
            b'!'..=b'~' => 1 << 5,
            _ => return CharGroups::OTHER,
        })
    }

    /// The groups of the characters of every suffix of `bytes`: `out[i]` is for `bytes[i..]`.
    pub fn of_suffixes(bytes: &[u8], out: &mut Vec<CharGroups>) {
        out.clear();
        out.resize(bytes.len() + 1, CharGroups::NONE);
        if bytes.is_ascii() {
            let mut below = CharGroups::NONE;
            for (place, &byte) in out.iter_mut().zip(bytes).rev() {
                below |= CharGroups::of_ascii(byte);
                *place = below;
            }
            return;
        }
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            for char in chunk.valid().chars() {
                if char.is_ascii() {
                    out[at] = CharGroups::of_ascii(char as u8);
                } else {
                    out[at] = CharGroups::NON_ASCII;
                }
                at += char.len_utf8();
            }
            for _ in chunk.invalid() {
                out[at] = CharGroups::OTHER;
                at += 1;
            }
        }
        let mut below = CharGroups::NONE;
        for (place, &byte) in out.iter_mut().zip(bytes).rev() {
            below |= *place;
            let inside_character = byte & 0xC0 == 0x80;
            *place = if inside_character { below | CharGroups::OTHER } else { below };
        }
    }

    /// Whether all groups of `self` are in `other`.
    #[inline]
    pub fn within(self, other: CharGroups) -> bool {
        self.0 & !other.0 == 0
    }

    /// The groups, one by one.
    pub fn each(self) -> impl Iterator<Item = CharGroups> {
        (0..8).map(|bit| CharGroups(1 << bit)).filter(move |group| group.within(self))
    }

    /// Whether there is no group.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for CharGroups {
    type Output = CharGroups;
    fn bitor(self, other: CharGroups) -> CharGroups {
        CharGroups(self.0 | other.0)
    }
}

impl BitOrAssign for CharGroups {
    fn bitor_assign(&mut self, other: CharGroups) {
        self.0 |= other.0;
    }
}
