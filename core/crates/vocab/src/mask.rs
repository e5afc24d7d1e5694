use crate::TokenId;

/// A set of token ids, packed as every host engine expects it: 32 ids a word, least
/// significant bit first, 1 = allowed.
///
/// PERF: in which of 64 runs of words something was written is kept beside them. To clear, scan
/// and copy a mask of ten tokens among 128,000 took as long as to find these tokens.
#[derive(Clone, Debug)]
pub struct TokenMask {
    words: Box<[u32]>,
    /// A bit for each run that may have a bit.
    written: u64,
    /// The logarithm of the words of a run.
    run: u32,
}

impl PartialEq for TokenMask {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for TokenMask {}

impl TokenMask {
    /// The empty set for a vocabulary of `size` ids.
    pub fn none(size: usize) -> Self {
        TokenMask { written: 0, ..TokenMask::of_words(vec![0; size.div_ceil(32)].into()) }
    }

    /// The set of packed words.
    pub fn of_words(words: Box<[u32]>) -> Self {
        let run = words.len().div_ceil(64).next_power_of_two().trailing_zeros();
        TokenMask { words, written: u64::MAX, run }
    }

    /// Takes all ids out.
    pub fn clear(&mut self) {
        let (run, len) = (self.run, self.words.len());
        for index in bits(std::mem::take(&mut self.written)) {
            self.words[words_of(index, run, len)].fill(0);
        }
    }

    /// Adds an id.
    #[inline]
    pub fn insert(&mut self, token: TokenId) {
        let word = token.0 as usize / 32;
        self.words[word] |= 1 << (token.0 % 32);
        self.written |= 1 << (word >> self.run & 63);
    }

    /// Takes an id out.
    #[inline]
    pub fn remove(&mut self, token: TokenId) {
        self.words[token.0 as usize / 32] &= !(1 << (token.0 % 32));
    }

    /// Whether `token` is in the set; false for an id beyond the vocabulary.
    #[inline]
    pub fn contains(&self, token: TokenId) -> bool {
        self.words.get(token.0 as usize / 32).is_some_and(|w| w >> (token.0 % 32) & 1 == 1)
    }

    /// Adds all ids of `other`, a mask of the same vocabulary.
    pub fn union_with(&mut self, other: &TokenMask) {
        for (a, b) in self.words.iter_mut().zip(other.words.iter()) {
            *a |= b;
        }
        self.written |= other.written;
    }

    /// Writes the packed words into `row`, which is as long.
    pub fn write_to(&self, row: &mut [u32]) {
        if self.written.count_ones() > 32 {
            row.copy_from_slice(&self.words);
            return;
        }
        row.fill(0);
        for (start, words) in self.runs() {
            row[start..start + words.len()].copy_from_slice(words);
        }
    }

    /// The runs of words that may have a bit, each after the number of its first word.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let ranges = bits(self.written).map(|index| words_of(index, self.run, self.words.len()));
        ranges.filter(|range| !range.is_empty()).map(|range| (range.start, &self.words[range]))
    }

    /// The packed words.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The ids in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = TokenId> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let set = (0..32).filter(move |bit| word >> bit & 1 == 1);
            set.map(move |bit| TokenId(index as u32 * 32 + bit))
        })
    }

    /// How many ids are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }
}

/// The words of a run.
fn words_of(index: usize, run: u32, len: usize) -> std::ops::Range<usize> {
    (index << run).min(len)..((index + 1) << run).min(len)
}

/// The numbers of the bits of `word`, ascending.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_packed_lsb_first() {
        let mut mask = TokenMask::none(70);
        for id in [0, 31, 32, 69] {
            mask.insert(TokenId(id));
        }
        assert_eq!(mask.words(), [0x8000_0001, 1, 1 << 5]);
        assert_eq!(mask.count(), 4);
        assert_eq!(mask.iter().map(|token| token.0).collect::<Vec<_>>(), [0, 31, 32, 69]);
        assert!(mask.contains(TokenId(69)) && !mask.contains(TokenId(68)));
        assert!(!mask.contains(TokenId(4000)));
    }

    #[test]
    fn runs_have_all_words_with_bits() {
        for size in [0, 1, 2048, 2049, 128_256, 262_144] {
            let mut mask = TokenMask::none(size);
            for round in 0..3 {
                let ids = (0..size as u32).filter(|id| id % (1 + 700 * round) == round);
                let ids: Vec<u32> = ids.take(3000).collect();
                ids.iter().for_each(|&id| mask.insert(TokenId(id)));
                let mut row = vec![7; size.div_ceil(32)];
                mask.write_to(&mut row);
                assert_eq!(row, mask.words());
                let in_runs: u32 =
                    mask.runs().flat_map(|(_, words)| words).map(|word| word.count_ones()).sum();
                assert_eq!(in_runs as usize, ids.len());
                let mut union = TokenMask::none(size);
                union.union_with(&mask);
                union.write_to(&mut row);
                assert_eq!(row, mask.words());
                assert_eq!(TokenMask::of_words(row.into()), mask);
                mask.clear();
                assert_eq!((mask.count(), mask.runs().count()), (0, 0));
            }
        }
    }
}
