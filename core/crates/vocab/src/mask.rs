use crate::TokenId;

/// A set of token ids, packed as every host engine expects it: 32 ids a word, least
/// significant bit first, 1 = allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenMask {
    words: Box<[u32]>,
}

impl TokenMask {
    /// The empty set for a vocabulary of `size` ids.
    pub fn none(size: usize) -> Self {
        TokenMask { words: vec![0; size.div_ceil(32)].into_boxed_slice() }
    }

    /// Takes all ids out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// The set of packed words.
    pub fn of_words(words: Box<[u32]>) -> Self {
        TokenMask { words }
    }

    /// Adds an id.
    #[inline]
    pub fn insert(&mut self, token: TokenId) {
        self.words[token.0 as usize / 32] |= 1 << (token.0 % 32);
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
}
