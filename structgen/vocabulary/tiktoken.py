"""Vocabularies of tiktoken encodings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast, runtime_checkable

from structgen._core import Vocabulary
from structgen.errors import MissingExtraError, VocabularyError
from structgen.vocabulary.table import TableBuilder


@runtime_checkable
class Encoding(Protocol):
    """What is read of a `tiktoken.Encoding`."""

    @property
    def n_vocab(self) -> int:
        """One more than the largest id."""
        ...

    @property
    def special_tokens_set(self) -> set[str]:
        """Names of the special tokens."""
        ...

    def encode_single_token(self, text_or_bytes: str | bytes, /) -> int:
        """A token's id."""
        ...

    def decode_single_token_bytes(self, token: int, /) -> bytes:
        """A token's bytes; KeyError if there is no such id."""
        ...


def from_tiktoken(
    encoding: str | Encoding,
    *,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a `tiktoken.Encoding`, or of one named like ``"o200k_base"`` (which
    tiktoken fetches on first use).

    The end token is ``<|endoftext|>`` unless `eos_token_ids` says otherwise; chat models end
    turns with others. Ids between an encoding's tokens stand for nothing.
    """
    if isinstance(encoding, str):
        try:
            from tiktoken import get_encoding
        except ImportError as error:
            raise MissingExtraError("tiktoken", extra="tiktoken") from error
        try:
            encoding = cast(Encoding, get_encoding(encoding))
        except ValueError as error:
            raise VocabularyError(str(error)) from error
    if not isinstance(cast(object, encoding), Encoding):
        raise VocabularyError(
            f"a tiktoken Encoding or its name is needed, not {type(encoding).__name__}"
        )
    builder = TableBuilder()
    builder.reserve(encoding.n_vocab)
    for name in sorted(encoding.special_tokens_set):
        builder.special(encoding.encode_single_token(name), name)
    special = set(builder.special_tokens.values())
    for i in range(encoding.n_vocab):
        if i in special:
            continue
        try:
            builder.text(i, encoding.decode_single_token_bytes(i))
        except KeyError:  # a gap in the ids
            continue
    end = builder.special_tokens.get("<|endoftext|>")
    table = builder.table(eos_token_ids=() if end is None else (end,))
    return table.build(eos_token_ids=eos_token_ids, size=size)
