use structgen_vocab::{TokenId, TokenMask};

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

    /// The tokens, in no particular order.
    pub(super) fn tokens(&self) -> Vec<TokenId> {
        match self {
            TokenSet::Dense(tokens) => tokens.iter().collect(),
            TokenSet::Sparse(tokens) => tokens.to_vec(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            TokenSet::Dense(tokens) => size_of_val(tokens.words()),
            TokenSet::Sparse(tokens) => size_of_val(&tokens[..]),
        }
    }
}
