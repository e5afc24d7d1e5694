"""Vocabularies of tiktoken encodings, and of the files that encodings are made of."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from structgen._core import Vocabulary
from structgen.errors import MissingExtraError, VocabularyError
from structgen.vocabulary.table import TableBuilder

_SUFFIX = ".tiktoken"
_END = "<|endoftext|>"


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
    encoding: str | Path | Encoding,
    *,
    special_tokens: Mapping[str, int] | None = None,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a `tiktoken.Encoding`; of one named like ``"o200k_base"`` (which tiktoken
    fetches on first use); or of a file of ranks, which needs no package.

        from_tiktoken("qwen.tiktoken", special_tokens={"<|endoftext|>": 151643})

    Args:
        encoding: an encoding or its name; or a file with a line ``base64 rank`` for each token: a
            `Path`, or a str that ends in ``.tiktoken``.
        special_tokens: name to id of special tokens. A file has none of its own; those of an
            encoding are kept, and these come on top.
        eos_token_ids: the end tokens; default: ``<|endoftext|>``. Chat models end turns with
            others.
        size: the width of the model's logits, where it is not one more than the largest id.

    Ids between the tokens stand for nothing. Takes 0.1 s for the 200,019
    tokens of an encoding, 0.25 s for those of a file.

    Raises:
        VocabularyError: the file is malformed, no end token is known, or a special token has the
            id of another token.
        MissingExtraError: a name was given, and tiktoken is not installed.
    """
    builder = TableBuilder()
    if isinstance(encoding, Path) or (isinstance(encoding, str) and encoding.endswith(_SUFFIX)):
        _add_ranks(builder, _read_ranks(Path(encoding)))
    else:
        _add_encoding(builder, _named(encoding) if isinstance(encoding, str) else encoding)
    for name, token_id in (special_tokens or {}).items():
        if builder.special_tokens.get(name, token_id) != token_id or builder.has_text(token_id):
            raise VocabularyError(
                f"the special token {name!r} cannot have id {token_id}: the tokenizer has given "
                "another id to that name, or that id to another token"
            )
        builder.special(token_id, name)
    end = builder.special_tokens.get(_END)
    table = builder.table(eos_token_ids=() if end is None else (end,))
    return table.build(eos_token_ids=eos_token_ids, size=size)


def _named(name: str) -> Encoding:
    try:
        from tiktoken import get_encoding
    except ImportError as error:
        raise MissingExtraError.of(error, "tiktoken", extra="tiktoken") from error
    try:
        return cast(Encoding, get_encoding(name))
    except ValueError as error:
        raise VocabularyError(
            str(error), hint=f"a file of ranks is named `*{_SUFFIX}`, or given as a `Path`"
        ) from error


def _add_encoding(builder: TableBuilder, encoding: Encoding) -> None:
    if not isinstance(cast(object, encoding), Encoding):
        raise VocabularyError(
            f"a tiktoken Encoding, its name or a file is needed, not {type(encoding).__name__}"
        )
    builder.reserve(encoding.n_vocab)
    ranks: object = getattr(encoding, "_mergeable_ranks", None)
    if isinstance(ranks, dict):
        _add_ranks(builder, cast(dict[bytes, int], ranks))
    else:  # public, and three times as slow
        for i in range(encoding.n_vocab):
            try:
                builder.text(i, encoding.decode_single_token_bytes(i))
            except KeyError:  # a gap in the ids
                continue
    for name in sorted(encoding.special_tokens_set):
        builder.special(encoding.encode_single_token(name), name)


def _add_ranks(builder: TableBuilder, ranks: Mapping[bytes, int]) -> None:
    builder.reserve(max(ranks.values(), default=-1) + 1)
    builder.texts((rank, token) for token, rank in ranks.items())


def _read_ranks(file: Path) -> dict[bytes, int]:
    """The ranks by the bytes of a token."""
    try:
        lines = [line for line in file.read_bytes().splitlines() if line]
    except OSError as error:
        raise VocabularyError(f"`{file}` cannot be read: {error}") from error
    ranks: dict[bytes, int] = {}
    for line in lines:
        try:
            token, rank = line.split()
            ranks[a2b_base64(token, strict_mode=True)] = int(rank)
        except ValueError as error:  # of base64 too
            raise VocabularyError(
                f"`{file}` has a line {line[:80]!r}, which is not a token in base64 and its rank"
            ) from error
    distinct = len(set(ranks.values()))
    if not len(lines) == len(ranks) == distinct:
        raise VocabularyError(
            f"`{file}` has {len(lines)} lines, but {len(ranks)} different tokens and {distinct} "
            "different ranks; each line has a token and a rank of its own"
        )
    if not ranks:
        raise VocabularyError(f"`{file}` holds no tokens")
    return ranks
