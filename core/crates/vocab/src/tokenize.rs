//! Splitting bytes into tokens without a tokenizer: for completions, where any tokenization
//! will do and a short one is best.

use crate::{TokenId, TokenTrie, Vocabulary};

impl Vocabulary {
    /// Greedy longest match; None at the first place where no token fits.
    pub fn longest_match(&self, path: &[u8]) -> Option<Vec<TokenId>> {
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < path.len() {
            let (len, token) = self.matches_at(&path[at..]).pop()?;
            tokens.push(token);
            at += len;
        }
        Some(tokens)
    }

    /// A tokenization with the fewest tokens; None if there is none at all.
    ///
    /// Cost: `O(bytes * longest token)`.
    pub fn fewest_tokens(&self, path: &[u8]) -> Option<Vec<TokenId>> {
        const UNREACHED: u32 = u32::MAX;
        // best[i] = fewest tokens for path[i..], and the first of them.
        let mut best = vec![(UNREACHED, 0usize, TokenId(0)); path.len() + 1];
        best[path.len()].0 = 0;
        for at in (0..path.len()).rev() {
            for (len, token) in self.matches_at(&path[at..]) {
                let rest = best[at + len].0;
                if rest != UNREACHED && rest + 1 < best[at].0 {
                    best[at] = (rest + 1, len, token);
                }
            }
        }
        if best[0].0 == UNREACHED {
            return None;
        }
        let mut tokens = Vec::with_capacity(best[0].0 as usize);
        let mut at = 0;
        while at < path.len() {
            tokens.push(best[at].2);
            at += best[at].1;
        }
        Some(tokens)
    }

    /// `(length, token)` of tokens that start `path`, shortest first, one per length.
    fn matches_at(&self, path: &[u8]) -> Vec<(usize, TokenId)> {
        let trie = self.trie();
        let mut found = Vec::new();
        let mut node = TokenTrie::ROOT;
        for (depth, &byte) in path.iter().enumerate() {
            match trie.child(node, byte) {
                Some(child) => node = child,
                None => break,
            }
            if let Some(&token) = trie.tokens_at(node).first() {
                found.push((depth + 1, token));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn fewest_beats_greedy_where_greedy_fails() {
        let tokens: Vec<Option<Vec<u8>>> =
            ["a", "ab", "bcd"].iter().map(|t| Some(t.as_bytes().to_vec())).collect();
        let vocabulary = Vocabulary::new(&tokens, &[], &BTreeMap::new(), None).unwrap();
        assert_eq!(vocabulary.longest_match(b"abcd"), None);
        assert_eq!(vocabulary.fewest_tokens(b"abcd"), Some(vec![TokenId(0), TokenId(2)]));
        assert_eq!(vocabulary.fewest_tokens(b"abd"), None);
        assert_eq!(vocabulary.fewest_tokens(b""), Some(vec![]));
    }
}
