use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::{BitAnd, BitOr, Not, Sub};
use std::sync::Arc;

use crate::ByteSet;

const LAST: u32 = 0x10FFFF;
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);

/// Ranges from which on they are counted in place of sorted.
const MANY: usize = 1 << 15;

/// A set of Unicode scalar values (code points without surrogates), held as sorted,
/// disjoint, non-adjacent ranges.
///
/// PERF: most sets of a pattern are one character, of which there may be millions: a single range
/// needs no memory of its own, so that they are made, copied and given back in no time.
#[derive(Clone, Debug, Default)]
pub struct CharSet {
    ranges: Ranges,
}

#[derive(Clone, Debug)]
enum Ranges {
    One([(u32, u32); 1]),
    /// Shared by its copies: an arena that is copied has some hundreds.
    Many(Arc<[(u32, u32)]>),
}

impl Default for Ranges {
    fn default() -> Self {
        Ranges::Many(Arc::default())
    }
}

impl PartialEq for CharSet {
    fn eq(&self, other: &Self) -> bool {
        self.ranges() == other.ranges()
    }
}

impl Eq for CharSet {}

impl Hash for CharSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ranges().hash(state);
    }
}

impl Ord for CharSet {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ranges().cmp(other.ranges())
    }
}

impl PartialOrd for CharSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl CharSet {
    /// The set of these ranges, which are as [`Self::ranges`] has them.
    fn of_ranges(ranges: Vec<(u32, u32)>) -> Self {
        let ranges = match ranges[..] {
            [one] => Ranges::One([one]),
            _ => Ranges::Many(ranges.into()),
        };
        CharSet { ranges }
    }

    /// No character.
    pub fn empty() -> Self {
        CharSet::default()
    }

    /// Every character.
    pub fn any() -> Self {
        CharSet::from_code_points([(0, LAST)])
    }

    /// The set `{c}`.
    pub fn single(c: char) -> Self {
        CharSet { ranges: Ranges::One([(c as u32, c as u32)]) }
    }

    /// The characters from `first` to `last`, both included; empty if `first > last`.
    pub fn range(first: char, last: char) -> Self {
        CharSet::from_code_points([(first as u32, last as u32)])
    }

    /// The characters of `text`.
    pub fn of(text: &str) -> Self {
        CharSet::from_code_points(text.chars().map(|c| (c as u32, c as u32)))
    }

    /// The characters with the code points `bytes`, which are below 0x80.
    pub(crate) fn of_ascii(bytes: ByteSet) -> Self {
        CharSet::from_code_points(bytes.iter().map(|byte| (byte.into(), byte.into())))
    }

    /// The union of ranges of code points, in any order; surrogates and numbers beyond
    /// Unicode are left out.
    pub fn from_code_points(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut cut = Vec::new();
        for (first, last) in ranges {
            let last = last.min(LAST);
            let below = (first, last.min(SURROGATES.0 - 1));
            let above = (first.max(SURROGATES.1 + 1), last);
            cut.extend([below, above].into_iter().filter(|(first, last)| first <= last));
        }
        if cut.len() > MANY {
            return CharSet::of_many(&cut);
        }
        cut.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(cut.len());
        for (first, last) in cut {
            match merged.last_mut() {
                Some(top) if first <= top.1.saturating_add(1) => top.1 = top.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        CharSet::of_ranges(merged)
    }

    /// The union of many ranges, by how many begin and end at each code point: a sort of a million
    /// takes ten times as long, and cannot be given up.
    fn of_many(ranges: &[(u32, u32)]) -> Self {
        let mut changes = vec![0i32; LAST as usize + 2];
        for &(first, last) in ranges {
            changes[first as usize] += 1;
            changes[last as usize + 1] -= 1;
        }
        let mut merged: Vec<(u32, u32)> = Vec::new();
        let (mut depth, mut begun) = (0, 0);
        for (at, &change) in changes.iter().enumerate() {
            let before = depth;
            depth += change;
            match (before > 0, depth > 0) {
                (false, true) => begun = at as u32,
                (true, false) => merged.push((begun, at as u32 - 1)),
                _ => {}
            }
        }
        CharSet::of_ranges(merged)
    }

    /// The ranges of code points, sorted, disjoint, not adjacent, without surrogates.
    pub fn ranges(&self) -> &[(u32, u32)] {
        match &self.ranges {
            Ranges::One(range) => range,
            Ranges::Many(ranges) => ranges,
        }
    }

    /// Whether no character is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges().is_empty()
    }

    /// The number of characters.
    pub fn len(&self) -> usize {
        self.ranges().iter().map(|(first, last)| (last - first + 1) as usize).sum()
    }

    /// Whether `c` is in the set.
    pub fn contains(&self, c: char) -> bool {
        let c = c as u32;
        let after = self.ranges().partition_point(|range| range.0 <= c);
        after > 0 && c <= self.ranges()[after - 1].1
    }

    /// The only member, if there is exactly one.
    pub fn only(&self) -> Option<char> {
        match self.ranges()[..] {
            [(first, last)] if first == last => char::from_u32(first),
            _ => None,
        }
    }

    /// Whether every member is in `other`.
    pub fn is_subset(&self, other: &CharSet) -> bool {
        (self - other).is_empty()
    }

    /// Every character that is not in the set.
    pub fn complement(&self) -> CharSet {
        let mut gaps = Vec::with_capacity(self.ranges().len() + 1);
        let mut next = 0;
        for &(first, last) in self.ranges() {
            if next < first {
                gaps.push((next, first - 1));
            }
            next = last + 1;
        }
        if next <= LAST {
            gaps.push((next, LAST));
        }
        CharSet::from_code_points(gaps)
    }
}

impl BitOr for &CharSet {
    type Output = CharSet;
    fn bitor(self, other: &CharSet) -> CharSet {
        CharSet::from_code_points(self.ranges().iter().chain(other.ranges()).copied())
    }
}

impl BitAnd for &CharSet {
    type Output = CharSet;
    fn bitand(self, other: &CharSet) -> CharSet {
        let mut both = Vec::new();
        let (mut i, mut j) = (0, 0);
        while let (Some(a), Some(b)) = (self.ranges().get(i), other.ranges().get(j)) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        CharSet::of_ranges(both)
    }
}

impl Sub for &CharSet {
    type Output = CharSet;
    fn sub(self, other: &CharSet) -> CharSet {
        let outside = other.complement();
        self.bitand(&outside)
    }
}

impl Not for &CharSet {
    type Output = CharSet;
    fn not(self) -> CharSet {
        self.complement()
    }
}

impl FromIterator<(char, char)> for CharSet {
    fn from_iter<I: IntoIterator<Item = (char, char)>>(ranges: I) -> Self {
        CharSet::from_code_points(ranges.into_iter().map(|(a, b)| (a as u32, b as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algebra() {
        let letters = CharSet::range('a', 'z');
        let vowels = CharSet::of("aeiou");
        let rest = &letters - &vowels;
        assert_eq!(rest.len(), 21);
        assert_eq!(&rest | &vowels, letters);
        assert!((&rest & &vowels).is_empty());
        assert!(vowels.is_subset(&letters) && !letters.is_subset(&vowels));
        assert_eq!(letters.complement().complement(), letters);
        assert_eq!(CharSet::any().len(), 0x110000 - 2048);
        assert!(CharSet::any().complement().is_empty());
        assert_eq!(CharSet::empty().complement(), CharSet::any());
        assert_eq!(CharSet::single('é').only(), Some('é'));
    }

    #[test]
    fn many_are_as_few() {
        let ranges: Vec<(u32, u32)> = (0..2 * MANY as u32)
            .map(|i| (i.wrapping_mul(0x9E37_79B9) % 0x120000, i % 7))
            .map(|(first, more)| (first, first + more))
            .collect();
        let many = CharSet::from_code_points(ranges.clone());
        let member = |c: u32| ranges.iter().any(|&(first, last)| first <= c && c <= last);
        for c in (0..0x110000).step_by(997).filter_map(char::from_u32) {
            assert_eq!(many.contains(c), member(c.into()), "{c:?}");
        }
        assert!(many.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
    }

    #[test]
    fn surrogates_are_never_members() {
        assert_eq!(
            CharSet::from_code_points([(0xD000, 0xE001)]).ranges(),
            [(0xD000, 0xD7FF), (0xE000, 0xE001)]
        );
        assert!(CharSet::from_code_points([(0xD800, 0xDFFF), (0x110000, u32::MAX)]).is_empty());
    }
}
