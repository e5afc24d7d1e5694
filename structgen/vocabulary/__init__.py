"""Vocabularies: the bytes behind the token ids of a language model.

Each function reads one kind of tokenizer and returns the compiled `Vocabulary`; the class has most
of them as static constructors too (`Vocabulary.from_transformers`). Text tokens are bytes (not
strings: a token may hold half a character), tokens that never stand for text are None, special
tokens have names.

======================== =============================================================
`from_transformers`      tokenizer objects of `transformers` and `tokenizers`
`from_tokenizer_json`    a folder with ``tokenizer.json``, needs no package
`from_tiktoken`          tiktoken encodings, ``.tiktoken`` files
`from_tekken`            Mistral's ``tekken.json``
`from_sentencepiece`     SentencePiece models
`from_gguf`              GGUF files
`from_bytes`             anything else
======================== =============================================================
"""

from structgen._core import Vocabulary
from structgen.vocabulary.gguf import from_gguf
from structgen.vocabulary.huggingface import from_transformers
from structgen.vocabulary.sentencepiece import from_sentencepiece
from structgen.vocabulary.table import from_bytes
from structgen.vocabulary.tekken import from_tekken
from structgen.vocabulary.tiktoken import from_tiktoken
from structgen.vocabulary.tokenizer_json import from_tokenizer_json

__all__ = [
    "Vocabulary",
    "from_bytes",
    "from_gguf",
    "from_sentencepiece",
    "from_tekken",
    "from_tiktoken",
    "from_tokenizer_json",
    "from_transformers",
]
