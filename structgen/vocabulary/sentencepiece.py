"""Vocabularies of SentencePiece models (``tokenizer.model``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from structgen._core import Vocabulary
from structgen.errors import MissingExtraError, VocabularyError
from structgen.vocabulary.pieces import byte_token
from structgen.vocabulary.table import TableBuilder, TokenTable


@runtime_checkable
class SentencePiece(Protocol):
    """What is read of a `sentencepiece.SentencePieceProcessor`."""

    def get_piece_size(self) -> int:
        """How many pieces."""
        ...

    def id_to_piece(self, token_id: int, /) -> str:
        """A piece's spelling."""
        ...

    def is_unknown(self, token_id: int, /) -> bool:
        """Whether it stands for what has no piece."""
        ...

    def is_control(self, token_id: int, /) -> bool:
        """Whether it steers and is no text."""
        ...

    def is_unused(self, token_id: int, /) -> bool:
        """Whether it is a placeholder."""
        ...

    def is_byte(self, token_id: int, /) -> bool:
        """Whether it is a lone byte."""
        ...

    def eos_id(self) -> int:
        """The end token, or -1."""
        ...


def from_sentencepiece(
    source: str | Path | SentencePiece,
    *,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a SentencePiece model file or processor (needs `sentencepiece`)."""
    if isinstance(source, (str, Path)):
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise MissingExtraError.of(error, "sentencepiece", extra="transformers") from error
        try:
            source = cast(SentencePiece, SentencePieceProcessor(model_file=str(source)))
        except (OSError, RuntimeError) as error:
            raise VocabularyError(f"`{source}` is no SentencePiece model: {error}") from error
    if not isinstance(cast(object, source), SentencePiece):
        raise VocabularyError(
            f"a SentencePiece model or its path is needed, not {type(source).__name__}"
        )
    return table_of(source).build(eos_token_ids=eos_token_ids, size=size)


def table_of(processor: SentencePiece) -> TokenTable:
    """Tokens of a processor, by the types that the model file gives them."""
    builder = TableBuilder()
    for i in range(processor.get_piece_size()):
        piece = processor.id_to_piece(i)
        if processor.is_unknown(i) or processor.is_control(i):
            builder.special(i, piece)
        elif processor.is_unused(i):
            builder.text(i, None)
        elif processor.is_byte(i):
            builder.text(i, byte_token(piece))
        else:
            builder.text(i, piece.replace("▁", " ").encode())
    end = processor.eos_id()
    return builder.table(eos_token_ids=() if end < 0 else (end,))
