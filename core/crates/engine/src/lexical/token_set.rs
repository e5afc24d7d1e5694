use std::ops::Range;

use structgen_vocab::{NodeId, TokenId, TokenMask, TokenTrie, Vocabulary};

/// A set of tokens in the smaller of two forms.
pub(super) enum TokenSet {
    Dense(TokenMask),
    Sparse(Box<[TokenId]>),
}

impl TokenSet {
    /// `tokens` of a vocabulary of `size`, in any order.
    pub(super) fn new(mut tokens: Vec<TokenId>, size: usize) -> Self {
        if tokens.len() < size / 64 {
            tokens.sort_unstable();
            return TokenSet::Sparse(tokens.into_boxed_slice());
        }
        let mut mask = TokenMask::none(size);
        for token in tokens {
            mask.insert(token);
        }
        TokenSet::Dense(mask)
    }

    /// The tokens below `root` at these places of the trie's order, which ascend.
    pub(super) fn of_places(places: &[Range<u32>], root: NodeId, vocabulary: &Vocabulary) -> Self {
        let trie = vocabulary.trie();
        let count: u32 = places.iter().map(|range| range.end - range.start).sum();
        let all = trie.places(TokenTrie::ROOT).end;
        if root != TokenTrie::ROOT || count < all / 2 {
            let tokens = places.iter().flat_map(|range| trie.tokens_in(range.clone()));
            return TokenSet::new(tokens.copied().collect(), vocabulary.size());
        }
        // Fewer are left out than are in.
        let mut mask = vocabulary.trie_tokens().clone();
        let mut from = 0;
        for end in places.iter().chain([&(all..all)]) {
            for &token in trie.tokens_in(from..end.start) {
                mask.remove(token);
            }
            from = end.end;
        }
        TokenSet::Dense(mask)
    }

    /// The set without some tokens, which are sorted.
    pub(super) fn without(&self, gone: &[TokenId]) -> Self {
        match self {
            TokenSet::Dense(tokens) => {
                let mut mask = tokens.clone();
                gone.iter().for_each(|&token| mask.remove(token));
                TokenSet::Dense(mask)
            }
            TokenSet::Sparse(tokens) => {
                let kept = tokens.iter().filter(|token| gone.binary_search(token).is_err());
                TokenSet::Sparse(kept.copied().collect())
            }
        }
    }

    /// The set, and the tokens at these places of the trie's order.
    pub(super) fn and_places(self, places: &[Range<u32>], vocabulary: &Vocabulary) -> Self {
        let trie = vocabulary.trie();
        let more = places.iter().flat_map(|range| trie.tokens_in(range.clone())).copied();
        match self {
            TokenSet::Dense(mut mask) => {
                more.for_each(|token| mask.insert(token));
                TokenSet::Dense(mask)
            }
            TokenSet::Sparse(tokens) => {
                let mut tokens = tokens.into_vec();
                tokens.extend(more);
                tokens.sort_unstable();
                tokens.dedup();
                TokenSet::new(tokens, vocabulary.size())
            }
        }
    }

    pub(super) fn add_to(&self, mask: &mut TokenMask) {
        match self {
            TokenSet::Dense(tokens) => mask.union_with(tokens),
            TokenSet::Sparse(tokens) => {
                for &token in tokens {
                    mask.insert(token);
                }
            }
        }
    }

    pub(super) fn contains(&self, token: TokenId) -> bool {
        match self {
            TokenSet::Dense(tokens) => tokens.contains(token),
            TokenSet::Sparse(tokens) => tokens.binary_search(&token).is_ok(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            TokenSet::Dense(tokens) => size_of_val(tokens.words()),
            TokenSet::Sparse(tokens) => size_of_val(&tokens[..]),
        }
    }
}
