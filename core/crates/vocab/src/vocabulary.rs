use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::{TokenId, TokenMask, TokenTrie, VocabularyError};

/// Stands before and after the name of a special token in the byte language. It never occurs
/// in UTF-8, so text can never match a special token, nor a special token text.
pub const SPECIAL_MARKER: u8 = 0xFF;

/// Ids are numbered in 32 bits, special names after them.
const MAX_IDS: usize = 1 << 31;

/// The tokens of a model, with the trie over their bytes. Immutable.
#[derive(Debug)]
pub struct Vocabulary {
    pub(crate) texts: Texts,
    eos: Vec<TokenId>,
    specials: BTreeMap<String, TokenId>,
    special_names: FxHashMap<TokenId, String>,
    trie: TokenTrie,
    trie_tokens: TokenMask,
    fingerprint: u128,
}

/// The bytes of all tokens, one after the other; a token without any is not text.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Where each token begins, and the end of the last one.
    pub(crate) offsets: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
}

impl Texts {
    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn of(&self, id: usize) -> &[u8] {
        &self.bytes[self.offsets[id] as usize..self.offsets[id + 1] as usize]
    }

    /// Whether an automaton may read a token by its text.
    fn is_readable(&self) -> impl Fn(usize) -> bool {
        // PERF: one look at all bytes, instead of one at each text: most vocabularies have the
        // marker in one token, the byte itself.
        let all = self.bytes.iter().enumerate();
        let places = all.filter(|(_, byte)| **byte == SPECIAL_MARKER).map(|(place, _)| place);
        let mut marked: Vec<usize> = places
            .map(|place| self.offsets.partition_point(|&start| start as usize <= place) - 1)
            .collect();
        marked.dedup();
        move |id| !self.of(id).is_empty() && marked.binary_search(&id).is_err()
    }

    /// The readable tokens in the order of their bytes, and of their ids where these are equal.
    fn sorted(&self) -> Vec<TokenId> {
        // PERF: eight bytes at once tell most tokens apart, without a look at their text.
        let head = |bytes: &[u8]| {
            let mut head = [0; 8];
            let len = bytes.len().min(8);
            head[..len].copy_from_slice(&bytes[..len]);
            u64::from_be_bytes(head)
        };
        let text = |token: TokenId| self.of(token.0 as usize);
        let is_readable = self.is_readable();
        let readable = (0..self.len()).filter(|&id| is_readable(id)).map(|id| TokenId(id as u32));
        let mut keys: Vec<(u64, TokenId)> =
            readable.map(|token| (head(text(token)), token)).collect();
        keys.sort_unstable_by(|(a, first), (b, second)| {
            a.cmp(b).then_with(|| (text(*first), first).cmp(&(text(*second), second)))
        });
        keys.into_iter().map(|(_, token)| token).collect()
    }

    /// `order`, if it is that of [`Self::sorted`].
    fn checked(&self, order: Vec<TokenId>) -> Result<Vec<TokenId>, VocabularyError> {
        let is_readable = self.is_readable();
        let known = |token: &TokenId| {
            let id = token.0 as usize;
            id < self.len() && is_readable(id)
        };
        let key = |token: &TokenId| (self.of(token.0 as usize), *token);
        // INVARIANT: as many as there are, each one of them, each after the one before: so all of
        // them, once.
        let is_right = order.len() == (0..self.len()).filter(|&id| is_readable(id)).count()
            && order.iter().all(known)
            && order.is_sorted_by(|a, b| key(a) < key(b));
        match is_right {
            true => Ok(order),
            false => Err(VocabularyError::Unreadable {
                place: "the order of tokens".to_owned(),
                problem: "it is not that of their bytes".to_owned(),
            }),
        }
    }
}

impl Vocabulary {
    /// `tokens[i]` is the text of token i, None if it never stands for text. `size` is the
    /// width of the logits. A token without bytes, or with the byte 0xFF, is never allowed.
    pub fn new<T: AsRef<[u8]>>(
        tokens: &[Option<T>],
        eos: &[u32],
        specials: &BTreeMap<String, u32>,
        size: Option<usize>,
    ) -> Result<Self, VocabularyError> {
        let size = size.unwrap_or(tokens.len());
        if size < tokens.len() {
            return Err(VocabularyError::TooNarrow { tokens: tokens.len(), size });
        }
        let mut texts = Texts { offsets: Vec::new(), bytes: Vec::new() };
        texts.offsets.reserve_exact(size.min(MAX_IDS) + 1);
        texts.bytes.reserve_exact(tokens.iter().flatten().map(|t| t.as_ref().len()).sum());
        texts.offsets.push(0);
        for (id, token) in tokens.iter().enumerate() {
            let text = token.as_ref().map(AsRef::as_ref).unwrap_or_default();
            let too_long = text.len() > TokenTrie::MAX_TOKEN_BYTES;
            if too_long {
                return Err(VocabularyError::TokenTooLong { id: id as u32, len: text.len() });
            }
            texts.bytes.extend_from_slice(text);
            texts.offsets.push(texts.bytes.len() as u32);
        }
        Self::of_texts(texts, eos, specials, size, None)
    }

    /// Ids from those of `texts` on to `size` stand for nothing. `order` are the tokens of text in
    /// the order of their bytes, where that is known: whether it is right is looked at.
    pub(crate) fn of_texts(
        mut texts: Texts,
        eos: &[u32],
        specials: &BTreeMap<String, u32>,
        size: usize,
        order: Option<Vec<TokenId>>,
    ) -> Result<Self, VocabularyError> {
        let too_large = |what, given, limit| VocabularyError::TooLarge { what, given, limit };
        if size > MAX_IDS {
            return Err(too_large("ids", size, MAX_IDS));
        }
        if texts.bytes.len() > u32::MAX as usize {
            return Err(too_large("bytes of text", texts.bytes.len(), u32::MAX as usize));
        }
        texts.offsets.resize(size + 1, texts.bytes.len() as u32);
        let check = |role, id: u32| {
            if (id as usize) < size {
                Ok(TokenId(id))
            } else {
                Err(VocabularyError::OutOfRange { role, id, size })
            }
        };
        let eos = eos.iter().map(|&id| check("end", id)).collect::<Result<Vec<_>, _>>()?;
        let mut named = BTreeMap::new();
        let mut paths: Vec<(Vec<u8>, TokenId)> = Vec::with_capacity(specials.len());
        for (name, &id) in specials {
            if name.is_empty() {
                return Err(VocabularyError::BadName(name.clone()));
            }
            let token = check("special", id)?;
            if !texts.of(id as usize).is_empty() {
                return Err(VocabularyError::SpecialWithText { id, name: name.clone() });
            }
            let path = special_path(name);
            if path.len() > TokenTrie::MAX_TOKEN_BYTES {
                return Err(VocabularyError::TokenTooLong { id, len: path.len() });
            }
            paths.push((path, token));
            named.insert(name.clone(), token);
        }
        let order = match order {
            Some(order) => texts.checked(order)?,
            None => texts.sorted(),
        };
        // Paths begin with a byte that no text of the trie has: they come after all texts.
        paths.sort_unstable();
        let mut entries: Vec<(&[u8], TokenId)> = Vec::with_capacity(order.len() + paths.len());
        entries.extend(order.iter().map(|&token| (texts.of(token.0 as usize), token)));
        entries.extend(paths.iter().map(|(path, token)| (path.as_slice(), *token)));
        let trie = TokenTrie::of_sorted(entries.into_iter());
        let mut trie_tokens = TokenMask::none(size);
        for &token in trie.tokens_below(TokenTrie::ROOT) {
            trie_tokens.insert(token);
        }
        let special_names = named.iter().map(|(n, &id)| (id, n.clone())).collect();
        let fingerprint = fingerprint(&texts, &eos, &named);
        let specials = named;
        Ok(Vocabulary { texts, eos, specials, special_names, trie, trie_tokens, fingerprint })
    }

    /// Width of the logits.
    pub fn size(&self) -> usize {
        self.texts.len()
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
        if id >= self.size() {
            return None;
        }
        Some(self.texts.of(id)).filter(|text| !text.is_empty())
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

    /// Equal for equal vocabularies, in every process and version. Nobody can make two
    /// vocabularies share one.
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    /// The tokens of text in the order of their bytes.
    pub(crate) fn order(&self) -> impl Iterator<Item = TokenId> {
        let all = self.trie.tokens_below(TokenTrie::ROOT).iter().copied();
        all.filter(|token| !self.special_names.contains_key(token))
    }

    /// The memory held.
    pub fn bytes(&self) -> usize {
        let names: usize = self.specials.keys().map(|name| 2 * name.len() + 128).sum();
        size_of_val(self.texts.offsets.as_slice())
            + self.texts.bytes.len()
            + size_of_val(self.trie_tokens.words())
            + self.trie.bytes()
            + names
    }
}

/// BLAKE3: stable between processes and versions, unlike the standard hashers.
fn fingerprint(texts: &Texts, eos: &[TokenId], specials: &BTreeMap<String, TokenId>) -> u128 {
    let mut hasher = blake3::Hasher::new_derive_key("structgen vocabulary 1");
    let number = |hasher: &mut blake3::Hasher, number: usize| {
        hasher.update(&(number as u64).to_le_bytes());
    };
    number(&mut hasher, texts.len());
    let ends: Vec<u8> = texts.offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    hasher.update(&ends);
    hasher.update(&texts.bytes);
    number(&mut hasher, eos.len());
    for id in eos {
        number(&mut hasher, id.0 as usize);
    }
    for (name, id) in specials {
        number(&mut hasher, name.len());
        hasher.update(name.as_bytes());
        number(&mut hasher, id.0 as usize);
    }
    let mut print = [0; 16];
    hasher.finalize_xof().fill(&mut print);
    u128::from_le_bytes(print)
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
