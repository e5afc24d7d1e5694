//! LLM vocabularies: token ids, the bytes of tokens, the trie over them, packed masks.
//!
//! Nothing here knows what a constraint is. The trie can be walked by anything that follows
//! bytes, through [`ByteWalker`].

mod error;
mod groups;
mod mask;
mod store;
mod tokenize;
mod trie;
mod vocabulary;

pub use error::VocabularyError;
pub use groups::CharGroups;
pub use mask::TokenMask;
pub use store::{ByteReader, read_file, write_file};
pub use trie::{ByteWalker, NodeId, TokenTrie};
pub use vocabulary::{SPECIAL_MARKER, Vocabulary};

/// An id in a model's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub u32);
