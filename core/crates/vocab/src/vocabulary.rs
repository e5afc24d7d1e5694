use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::{TokenId, TokenMask, TokenTrie};

/// Stands before and after the name of a special token in the byte language. It never occurs
/// in UTF-8, so text can never match a special token, nor a special token text.
pub const SPECIAL_MARKER: u8 = 0xFF;

/// Why a vocabulary cannot be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VocabularyError {
    /// Logits narrower than the token list.
    #[error("the vocabulary has {tokens} tokens but `size` is {size}")]
    TooNarrow {
        /// Tokens given.
        tokens: usize,
        /// Width given.
        size: usize,
    },
    /// An end or special token outside the vocabulary.
    #[error("{role} token id {id} is outside the vocabulary of {size}")]
    OutOfRange {
        /// "end" or "special".
        role: &'static str,
        /// The id given.
        id: u32,
        /// The width of the vocabulary.
        size: usize,
    },
    /// A token of text that is too long.
    #[error("token {id} has {len} bytes, at most {} can be stored", TokenTrie::MAX_TOKEN_BYTES)]
    TokenTooLong {
        /// The id.
        id: u32,
        /// Its length.
        len: usize,
    },
    /// A special token that also stands for text.
    #[error("token {id} is given as special `{name}` but also has text bytes")]
    SpecialWithText {
        /// The id.
        id: u32,
        /// Its name.
        name: String,
    },
    /// Names are spelled between markers.
    #[error("special token name `{0}` is empty")]
    BadName(String),
}

/// The tokens of a model, with the trie over their bytes. Immutable.
#[derive(Debug)]
pub struct Vocabulary {
    offsets: Vec<u32>,
    bytes: Vec<u8>,
    is_text: Vec<bool>,
    size: usize,
    eos: Vec<TokenId>,
    specials: BTreeMap<String, TokenId>,
    special_names: FxHashMap<TokenId, String>,
    trie: TokenTrie,
    trie_tokens: TokenMask,
    fingerprint: u128,
}

impl Vocabulary {
    /// `tokens[i]` is the text of token i, None if it never stands for text. `size` is the
    /// width of the logits. A token without bytes, or with the byte 0xFF, is never allowed.
    pub fn new(
        tokens: &[Option<Vec<u8>>],
        eos: &[u32],
        specials: &BTreeMap<String, u32>,
        size: Option<usize>,
    ) -> Result<Self, VocabularyError> {
        let size = size.unwrap_or(tokens.len());
        if size < tokens.len() {
            return Err(VocabularyError::TooNarrow { tokens: tokens.len(), size });
        }
        let check = |role, id: u32| {
            if (id as usize) < size {
                Ok(TokenId(id))
            } else {
                Err(VocabularyError::OutOfRange { role, id, size })
            }
        };
        let eos = eos.iter().map(|&id| check("end", id)).collect::<Result<Vec<_>, _>>()?;
        let mut named = BTreeMap::new();
        for (name, &id) in specials {
            if name.is_empty() {
                return Err(VocabularyError::BadName(name.clone()));
            }
            let token = check("special", id)?;
            if tokens.get(id as usize).is_some_and(|t| t.is_some()) {
                return Err(VocabularyError::SpecialWithText { id, name: name.clone() });
            }
            named.insert(name.clone(), token);
        }
        let mut offsets = Vec::with_capacity(size + 1);
        let mut bytes = Vec::new();
        let mut is_text = Vec::with_capacity(size);
        for id in 0..size {
            offsets.push(bytes.len() as u32);
            let text = tokens.get(id).and_then(|t| t.as_deref());
            if let Some(text) = text {
                if text.len() > TokenTrie::MAX_TOKEN_BYTES {
                    return Err(VocabularyError::TokenTooLong { id: id as u32, len: text.len() });
                }
                bytes.extend_from_slice(text);
            }
            is_text.push(text.is_some_and(|t| !t.is_empty()));
        }
        offsets.push(bytes.len() as u32);
        let paths: Vec<(Vec<u8>, TokenId)> =
            named.iter().map(|(name, &id)| (special_path(name), id)).collect();
        let mut entries: Vec<(&[u8], TokenId)> = Vec::with_capacity(size);
        for id in 0..size {
            let text = &bytes[offsets[id] as usize..offsets[id + 1] as usize];
            if is_text[id] && !text.contains(&SPECIAL_MARKER) {
                entries.push((text, TokenId(id as u32)));
            }
        }
        entries.extend(paths.iter().map(|(path, id)| (path.as_slice(), *id)));
        let trie = TokenTrie::new(entries);
        let mut trie_tokens = TokenMask::none(size);
        for &token in trie.tokens_below(TokenTrie::ROOT) {
            trie_tokens.insert(token);
        }
        let special_names = named.iter().map(|(n, &id)| (id, n.clone())).collect();
        let mut vocabulary = Vocabulary {
            offsets,
            bytes,
            is_text,
            size,
            eos,
            specials: named,
            special_names,
            trie,
            trie_tokens,
            fingerprint: 0,
        };
        vocabulary.fingerprint = vocabulary.hash();
        Ok(vocabulary)
    }

    /// Width of the logits.
    pub fn size(&self) -> usize {
        self.size
    }

    /// End-of-sequence tokens.
    pub fn eos(&self) -> &[TokenId] {
        &self.eos
    }

    /// Whether `token` ends a sequence.
    pub fn is_eos(&self, token: TokenId) -> bool {
        self.eos.contains(&token)
    }

    /// Special tokens by name.
    pub fn specials(&self) -> &BTreeMap<String, TokenId> {
        &self.specials
    }

    /// The text of a token; None for one that never stands for text.
    pub fn text(&self, token: TokenId) -> Option<&[u8]> {
        let id = token.0 as usize;
        self.is_text
            .get(id)?
            .then(|| &self.bytes[self.offsets[id] as usize..self.offsets[id + 1] as usize])
    }

    /// The bytes that an automaton reads for a token: its text, or a special token's marked
    /// name. None if no automaton ever allows it.
    pub fn path(&self, token: TokenId) -> Option<std::borrow::Cow<'_, [u8]>> {
        if let Some(text) = self.text(token) {
            return (!text.contains(&SPECIAL_MARKER)).then(|| text.into());
        }
        self.special_names.get(&token).map(|name| special_path(name).into())
    }

    /// The trie over all paths.
    pub fn trie(&self) -> &TokenTrie {
        &self.trie
    }

    /// All tokens of the trie.
    pub fn trie_tokens(&self) -> &TokenMask {
        &self.trie_tokens
    }

    /// Equal for equal vocabularies, in every process.
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    /// FNV-1a, 128 bits: stable between processes and versions, unlike the standard hashers.
    fn hash(&self) -> u128 {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
        let mut h: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        let mut feed = |bytes: &[u8]| {
            for &b in bytes {
                h = (h ^ b as u128).wrapping_mul(PRIME);
            }
        };
        feed(&(self.size as u64).to_le_bytes());
        for id in 0..self.size {
            let text = &self.bytes[self.offsets[id] as usize..self.offsets[id + 1] as usize];
            feed(&(text.len() as u32).to_le_bytes());
            feed(text);
        }
        for id in &self.eos {
            feed(&id.0.to_le_bytes());
        }
        for (name, id) in &self.specials {
            feed(name.as_bytes());
            feed(&id.0.to_le_bytes());
        }
        h
    }
}

fn special_path(name: &str) -> Vec<u8> {
    let mut path = vec![SPECIAL_MARKER];
    path.extend_from_slice(name.as_bytes());
    path.push(SPECIAL_MARKER);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specials_and_text_cannot_be_confused() {
        let tokens: Vec<Option<Vec<u8>>> =
            vec![Some(b"<eot>".to_vec()), None, Some(vec![0xFF]), Some(vec![])];
        let specials = BTreeMap::from([("<eot>".to_owned(), 1)]);
        let vocabulary = Vocabulary::new(&tokens, &[1], &specials, Some(40)).unwrap();
        assert_eq!(vocabulary.path(TokenId(0)).unwrap().as_ref(), b"<eot>");
        assert_eq!(vocabulary.path(TokenId(1)).unwrap().as_ref(), b"\xff<eot>\xff");
        for never in [2, 3, 39] {
            assert_eq!(vocabulary.path(TokenId(never)), None);
        }
        assert_eq!(vocabulary.size(), 40);
    }

    #[test]
    fn bad_input_is_a_typed_error() {
        let tokens = vec![Some(b"a".to_vec())];
        let none = BTreeMap::new();
        assert!(matches!(
            Vocabulary::new(&tokens, &[7], &none, None),
            Err(VocabularyError::OutOfRange { id: 7, .. })
        ));
        assert!(matches!(
            Vocabulary::new(&tokens, &[], &none, Some(0)),
            Err(VocabularyError::TooNarrow { .. })
        ));
        let clash = BTreeMap::from([("a".to_owned(), 0)]);
        assert!(matches!(
            Vocabulary::new(&tokens, &[], &clash, None),
            Err(VocabularyError::SpecialWithText { .. })
        ));
    }
}
