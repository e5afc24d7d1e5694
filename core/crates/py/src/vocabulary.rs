use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PySequence, PyTuple};
use structgen_engine::SharedVocabulary;
use structgen_vocab::TokenId;

use crate::errors::{Field, raise, vocabulary_error};
use crate::forks::detached;
use crate::pickling::restorer;

/// An LLM vocabulary: the bytes of every token, in a trie.
#[pyclass(frozen, module = "structgen._core")]
pub struct Vocabulary {
    pub shared: Arc<SharedVocabulary>,
}

impl Vocabulary {
    fn inner(&self) -> &structgen_vocab::Vocabulary {
        &self.shared.vocabulary
    }

    fn check(&self, token_id: i64) -> PyResult<TokenId> {
        match u32::try_from(token_id) {
            Ok(id) if (id as usize) < self.inner().size() => Ok(TokenId(id)),
            _ => Err(PyIndexError::new_err(format!(
                "token id {token_id} is outside the vocabulary of {}",
                self.inner().size()
            ))),
        }
    }
}

/// Readers of tokenizers are written in Python, a floor above; they are looked up when called.
fn reader<'py>(
    py: Python<'py>,
    name: &str,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("structgen.vocabulary")?.getattr(name)?.call(args, kwargs)
}

macro_rules! readers {
    ($($name:ident),* $(,)?) => {
        #[pymethods]
        impl Vocabulary {
            $(
                #[staticmethod]
                #[pyo3(signature = (*args, **kwargs))]
                fn $name<'py>(
                    py: Python<'py>,
                    args: &Bound<'py, PyTuple>,
                    kwargs: Option<&Bound<'py, PyDict>>,
                ) -> PyResult<Bound<'py, PyAny>> {
                    reader(py, stringify!($name), args, kwargs)
                }
            )*

            #[new]
            #[pyo3(signature = (tokens, *, eos_token_ids, special_tokens = None, size = None))]
            fn new(
                py: Python<'_>,
                tokens: &Bound<'_, PyAny>,
                eos_token_ids: Vec<u32>,
                special_tokens: Option<BTreeMap<String, u32>>,
                size: Option<usize>,
            ) -> PyResult<Self> {
                let tokens = tokens.extract().or_else(|_| Err(no_tokens(py, tokens)))?;
                let tokens: Vec<Option<PyBackedBytes>> = tokens;
                let specials = special_tokens.unwrap_or_default();
                let build =
                    || structgen_vocab::Vocabulary::new(&tokens, &eos_token_ids, &specials, size);
                let vocabulary = detached(py, build)
                    .map_err(|error| vocabulary_error(py, error))?;
                Ok(Vocabulary { shared: SharedVocabulary::new(vocabulary).known() })
            }

            #[staticmethod]
            #[pyo3(signature = (path, /))]
            fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
                let shared = detached(py, || SharedVocabulary::load(&path))
                    .map_err(|error| vocabulary_error(py, error))?;
                Ok(Vocabulary { shared: shared.known() })
            }

            #[pyo3(signature = (path, /, *, entries = true))]
            fn save(&self, py: Python<'_>, path: PathBuf, entries: bool) -> PyResult<()> {
                detached(py, || self.shared.save(&path, entries)).map_err(|error| vocabulary_error(py, error))
            }

            fn __reduce__<'py>(
                &self,
                py: Python<'py>,
            ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
                let bytes = detached(py, || self.inner().to_store());
                Ok((restorer(py, "_restore_vocabulary")?, (PyBytes::new(py, &bytes),)))
            }

            fn __copy__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            #[pyo3(signature = (memo, /))]
            fn __deepcopy__(slf: Py<Self>, memo: &Bound<'_, PyAny>) -> Py<Self> {
                let _ = memo;
                slf
            }

            #[getter]
            fn nbytes(&self) -> usize {
                self.inner().bytes()
            }

            #[getter]
            fn size(&self) -> usize {
                self.inner().size()
            }

            #[getter]
            fn mask_words(&self) -> usize {
                self.inner().size().div_ceil(32)
            }

            #[getter]
            fn eos_token_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
                PyTuple::new(py, self.inner().eos().iter().map(|t| t.0))
            }

            #[getter]
            fn special_tokens(&self) -> BTreeMap<String, u32> {
                self.inner().specials().iter().map(|(name, id)| (name.clone(), id.0)).collect()
            }

            #[getter]
            fn fingerprint(&self) -> String {
                format!("{:032x}", self.inner().fingerprint())
            }

            #[pyo3(signature = (token_id, /))]
            fn token_bytes<'py>(
                &self,
                py: Python<'py>,
                token_id: i64,
            ) -> PyResult<Option<Bound<'py, PyBytes>>> {
                let token = self.check(token_id)?;
                Ok(self.inner().text(token).map(|text| PyBytes::new(py, text)))
            }

            #[pyo3(signature = (token_ids, /))]
            fn decode<'py>(
                &self,
                py: Python<'py>,
                token_ids: Vec<i64>,
            ) -> PyResult<Bound<'py, PyBytes>> {
                let mut text = Vec::new();
                for id in token_ids {
                    text.extend_from_slice(self.inner().text(self.check(id)?).unwrap_or_default());
                }
                Ok(PyBytes::new(py, &text))
            }

            #[pyo3(signature = (text, /))]
            fn longest_match(&self, py: Python<'_>, text: &[u8]) -> PyResult<Vec<u32>> {
                match self.inner().longest_match(text) {
                    Some(tokens) => Ok(tokens.into_iter().map(|t| t.0).collect()),
                    None => Err(crate::errors::raise(
                        py,
                        "VocabularyError",
                        "the vocabulary has no tokens for some byte of the text",
                        &[],
                    )),
                }
            }

            #[pyo3(signature = (text, /))]
            fn tokens_with_prefix(&self, text: &[u8]) -> Vec<u32> {
                let trie = self.inner().trie();
                let mut node = structgen_vocab::TokenTrie::ROOT;
                for &byte in text {
                    match trie.child(node, byte) {
                        Some(child) => node = child,
                        None => return Vec::new(),
                    }
                }
                let mut found: Vec<u32> = trie.tokens_below(node).iter().map(|t| t.0).collect();
                found.retain(|&id| self.inner().text(TokenId(id)).is_some());
                found.sort_unstable();
                found
            }

            fn __len__(&self) -> usize {
                self.inner().size()
            }

            fn __repr__(&self) -> String {
                let v = self.inner();
                format!(
                    "Vocabulary(size={}, eos_token_ids={:?}, special_tokens={})",
                    v.size(),
                    v.eos().iter().map(|t| t.0).collect::<Vec<_>>(),
                    v.specials().len()
                )
            }
        }
    };
}

/// What is wrong with `tokens`, which are no list of bytes and None.
fn no_tokens(py: Python<'_>, tokens: &Bound<'_, PyAny>) -> PyErr {
    let shown = |what: &Bound<'_, PyAny>| -> PyResult<String> {
        let text = what.repr()?.to_string();
        let text: String = text.chars().take(60).collect();
        Ok(format!("{text} ({})", what.get_type().name()?))
    };
    let describe = || -> PyResult<String> {
        if let Ok(list) = tokens.cast::<PySequence>() {
            for (id, token) in list.try_iter()?.enumerate() {
                let token = token?;
                if token.extract::<Option<PyBackedBytes>>().is_err() {
                    return Ok(format!("token {id} is bytes or None, not {}", shown(&token)?));
                }
            }
        }
        Ok(format!("`tokens` is a list of bytes and None, by id, not {}", shown(tokens)?))
    };
    let hint = "text.encode() for each; or sg.Vocabulary.from_transformers(tokenizer), which knows \
                how a tokenizer spells bytes";
    match describe() {
        Ok(message) => {
            raise(py, "OptionTypeError", &message, &[("hint", Field::Text(hint.to_owned()))])
        }
        Err(error) => error,
    }
}

readers!(
    from_transformers,
    from_tiktoken,
    from_tekken,
    from_bytes,
    from_tokenizer_json,
    from_gguf,
    from_sentencepiece
);
