use thiserror::Error;

use crate::TokenTrie;

/// Why a vocabulary cannot be built, saved or read.
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
    /// More ids or bytes than can be numbered.
    #[error("the vocabulary has {given} {what}, at most {limit} can be stored")]
    TooLarge {
        /// "ids" or "bytes of text".
        what: &'static str,
        /// How many there are.
        given: usize,
        /// How many there may be.
        limit: usize,
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
    /// A token of text, or the name of a special one, that is too long.
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
    /// Bytes that are no saved vocabulary of this format.
    #[error("{place} cannot be read as a saved vocabulary: {problem}")]
    Unreadable {
        /// The file, or where else the bytes came from.
        place: String,
        /// What is wrong with them.
        problem: String,
    },
    /// What the system says of a file.
    #[error("`{path}` cannot be {doing}: {error}")]
    File {
        /// The file.
        path: String,
        /// "read" or "written".
        doing: &'static str,
        /// The system's words.
        error: String,
    },
}
