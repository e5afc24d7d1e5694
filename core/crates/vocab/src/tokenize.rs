//! Splitting bytes into tokens without a tokenizer: for completions, where any tokenization
//! will do and a short one is best.

use crate::{TokenId, TokenTrie, Vocabulary};

impl Vocabulary {
    /// Greedy longest match; None at the first place where no token fits.
    pub fn longest_match(&self, path: &[u8]) -> Option<Vec<TokenId>> {
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < path.len() {
            let mut longest = None;
            self.matches_at(&path[at..], |len, token| longest = Some((len, token)));
            let (len, token) = longest?;
            tokens.push(token);
            at += len;
        }
        Some(tokens)
    }

    /// A tokenization with the fewest tokens; None if there is none at all.
    ///
    /// Cost: `O(bytes * longest token)`, of which `spend` is told as it comes, and may end it.
    pub fn fewest_tokens<E>(
        &self,
        path: &[u8],
        mut spend: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<Option<Vec<TokenId>>, E> {
        const UNREACHED: u32 = u32::MAX;
        // Fewest tokens for what follows each of the last places, where the longest token ends at
        // the furthest; and for all places, from the last to the first, the first of those tokens
        // with its length. The text may have millions of bytes.
        let window = (self.trie().height_below(TokenTrie::ROOT) + 1).next_power_of_two();
        let mut fewest = vec![UNREACHED; window];
        fewest[path.len() % window] = 0;
        let mut first: Vec<(TokenId, u16)> = Vec::with_capacity(path.len());
        for at in (0..path.len()).rev() {
            let mut found = (UNREACHED, (TokenId(0), 0));
            let looked_at = self.matches_at(&path[at..], |len, token| {
                let rest = fewest[(at + len) % window];
                if rest != UNREACHED && rest + 1 < found.0 {
                    found = (rest + 1, (token, len as u16));
                }
            });
            fewest[at % window] = found.0;
            first.push(found.1);
            spend(1 + looked_at)?;
        }
        let count = fewest[0];
        if count == UNREACHED {
            return Ok(None);
        }
        let mut tokens = Vec::with_capacity(count as usize);
        let mut at = 0;
        while at < path.len() {
            let (token, length) = first[path.len() - 1 - at];
            tokens.push(token);
            at += usize::from(length);
            spend(1)?;
        }
        Ok(Some(tokens))
    }

    /// Calls `found` with `(length, token)` of tokens that start `path`, shortest first, one per
    /// length; returns the bytes looked at.
    fn matches_at(&self, path: &[u8], mut found: impl FnMut(usize, TokenId)) -> u64 {
        let trie = self.trie();
        let mut node = TokenTrie::ROOT;
        for (depth, &byte) in path.iter().enumerate() {
            match trie.child(node, byte) {
                Some(child) => node = child,
                None => return depth as u64,
            }
            if let Some(&token) = trie.tokens_at(node).first() {
                found(depth + 1, token);
            }
        }
        path.len() as u64
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
        let fewest = |path: &[u8]| vocabulary.fewest_tokens::<()>(path, |_| Ok(())).unwrap();
        assert_eq!(fewest(b"abcd"), Some(vec![TokenId(0), TokenId(2)]));
        assert_eq!(fewest(b"abd"), None);
        assert_eq!(fewest(b""), Some(vec![]));
        assert_eq!(vocabulary.fewest_tokens(b"ab", |_| Err("enough")), Err("enough"));
    }
}
