use std::fmt;
use std::ops::{BitAnd, BitOr, Not, Sub};

/// A set of bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// No byte.
    pub const EMPTY: ByteSet = ByteSet([0; 4]);
    /// All 256 bytes.
    pub const FULL: ByteSet = ByteSet([u64::MAX; 4]);

    /// The set `{byte}`.
    pub const fn single(byte: u8) -> Self {
        ByteSet::of(&[byte])
    }

    /// The bytes from `first` to `last`, both included; empty if `first > last`.
    pub fn range(first: u8, last: u8) -> Self {
        let mut set = ByteSet::EMPTY;
        for byte in first..=last {
            set.insert(byte);
        }
        set
    }

    /// The bytes listed.
    pub const fn of(bytes: &[u8]) -> Self {
        let mut words = [0; 4];
        let mut i = 0;
        while i < bytes.len() {
            words[(bytes[i] >> 6) as usize] |= 1 << (bytes[i] & 63);
            i += 1;
        }
        ByteSet(words)
    }

    /// Adds `byte`.
    #[inline]
    pub fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// Whether `byte` is in the set.
    #[inline]
    pub fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// Whether there is no byte in the set.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// The number of bytes in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether every byte of `self` is in `other`.
    pub fn is_subset(&self, other: &ByteSet) -> bool {
        (*self - *other).is_empty()
    }

    /// The least byte.
    pub fn first(&self) -> Option<u8> {
        self.iter().next()
    }

    /// The bytes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> + use<> {
        let mut words = self.0;
        let mut at = 0usize;
        std::iter::from_fn(move || {
            while at < 4 && words[at] == 0 {
                at += 1;
            }
            if at == 4 {
                return None;
            }
            let bit = words[at].trailing_zeros();
            words[at] &= words[at] - 1;
            Some((at as u32 * 64 + bit) as u8)
        })
    }

    /// A bit for each byte.
    #[inline]
    pub fn words(&self) -> [u64; 4] {
        self.0
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        let mut set = ByteSet::EMPTY;
        for byte in bytes {
            set.insert(byte);
        }
        set
    }
}

impl BitOr for ByteSet {
    type Output = ByteSet;
    fn bitor(self, other: ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }
}

impl BitAnd for ByteSet {
    type Output = ByteSet;
    fn bitand(self, other: ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }
}

impl Sub for ByteSet {
    type Output = ByteSet;
    fn sub(self, other: ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }
}

impl Not for ByteSet {
    type Output = ByteSet;
    fn not(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }
}

impl fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        let mut bytes = self.iter().peekable();
        while let Some(first) = bytes.next() {
            let mut last = first;
            while bytes.peek().is_some_and(|&next| next == last.wrapping_add(1)) {
                last = bytes.next().unwrap_or(last);
            }
            write!(f, "{}", std::ascii::escape_default(first))?;
            if last > first {
                write!(f, "-{}", std::ascii::escape_default(last))?;
            }
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave_as_sets() {
        let letters = ByteSet::range(b'a', b'z');
        assert_eq!(letters.len(), 26);
        assert_eq!(letters.first(), Some(b'a'));
        assert!(letters.contains(b'q') && !letters.contains(b'Q'));
        assert_eq!((!letters).len(), 230);
        assert!((letters & !letters).is_empty());
        assert_eq!(letters | !letters, ByteSet::FULL);
        assert!(ByteSet::single(b'k').is_subset(&letters));
        assert_eq!(ByteSet::FULL.iter().count(), 256);
        assert_eq!(ByteSet::range(255, 255).iter().collect::<Vec<_>>(), [255]);
        assert!(ByteSet::range(2, 1).is_empty());
        assert_eq!(format!("{:?}", ByteSet::of(b"abcx")), "[a-cx]");
    }
}
