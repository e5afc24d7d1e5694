"""Small vocabularies for the tests of this room."""

from __future__ import annotations

from structgen._core import Vocabulary

SPECIALS = {"<|end|>": 300, "<|call|>": 301}
END = 300


def byte_vocabulary(*words: str | bytes) -> Vocabulary:
    """All bytes (ids 0 to 255), `words` from 256 on (44 at most), and two special tokens."""
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    tokens += [word.encode() if isinstance(word, str) else word for word in words]
    tokens += [None] * (302 - len(tokens))
    return Vocabulary(tokens, eos_token_ids=[END], special_tokens=SPECIALS, size=320)


def ids(text: str | bytes) -> list[int]:
    """Text as one token per byte."""
    return list(text.encode() if isinstance(text, str) else text)
