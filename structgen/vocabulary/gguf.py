"""Vocabularies out of GGUF model files.

Only the file's header is read, by a reader of the format's few lines (the `gguf` package spends
seconds on wrapping each string of a vocabulary in an array). Format: a magic, a version, two
counts, then typed key-value pairs; all little-endian.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from structgen._core import Vocabulary
from structgen.errors import VocabularyError
from structgen.vocabulary.pieces import PieceDecoder, byte_level, byte_token
from structgen.vocabulary.table import TableBuilder, TokenTable

# Token types of llama.cpp.
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = range(1, 7)
_END_KEYS = ("eos_token_id", "eot_token_id", "eom_token_id")
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_MAX_ITEMS = 1 << 24


def from_gguf(
    path: str | Path,
    *,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a GGUF file's tokenizer (byte-level BPE and SentencePiece kinds).

    End tokens are the file's end-of-sequence, end-of-turn and end-of-message ids. Reads the
    header only: about 0.2 s for 50,000 tokens.
    """
    return table_of(read_metadata(path), str(path)).build(eos_token_ids=eos_token_ids, size=size)


def table_of(metadata: Mapping[str, object], name: str) -> TokenTable:
    """Tokens of a header; `name` is for error messages."""
    kind = metadata.get("tokenizer.ggml.model")
    pieces = metadata.get("tokenizer.ggml.tokens")
    types = metadata.get("tokenizer.ggml.token_type")
    if not isinstance(pieces, list):
        raise VocabularyError(f"`{name}` has no tokens (`tokenizer.ggml.tokens`)")
    pieces = cast(list[object], pieces)
    if types is None:
        types = [_NORMAL] * len(pieces)
    if not isinstance(types, list) or len(cast(list[object], types)) != len(pieces):
        raise VocabularyError(f"`{name}` does not give a type for each of its {len(pieces)} tokens")
    decode: PieceDecoder
    if kind == "gpt2":
        decode = byte_level
    elif kind == "llama":
        decode = _spaces
    else:
        raise VocabularyError(
            f"`{name}` has a tokenizer of kind {kind!r}; read are 'gpt2' (byte-level BPE) and "
            "'llama' (SentencePiece)"
        )
    builder = TableBuilder()
    for i, (raw, token_type) in enumerate(zip(pieces, cast(list[int], types), strict=True)):
        if not isinstance(raw, bytes):
            raise VocabularyError(f"token {i} of `{name}` is no string")
        if token_type in (_UNKNOWN, _CONTROL):
            builder.special(i, raw.decode("utf-8", "replace"))
        elif token_type == _UNUSED:
            builder.text(i, None)
        elif token_type == _USER_DEFINED:
            builder.text(i, raw if kind == "gpt2" else _added_text(raw))
        elif token_type == _BYTE:
            builder.text(i, byte_token(raw.decode("utf-8", "replace")))
        else:
            try:
                builder.text(i, decode(raw.decode("utf-8")))
            except UnicodeDecodeError:
                builder.text(i, raw)
    ends = [i for i in end_tokens(metadata) if i < len(pieces)]
    return builder.table(eos_token_ids=ends)


def end_tokens(metadata: Mapping[str, object]) -> list[int]:
    """Ids that a header gives as ends: of sequence, of turn, of message."""
    ends = (metadata.get(f"tokenizer.ggml.{key}") for key in _END_KEYS)
    return list(dict.fromkeys(i for i in ends if type(i) is int))


def _added_text(raw: bytes) -> bytes:
    """A user-defined token of a SentencePiece model, by the rule of
    `structgen.vocabulary.pieces`."""
    lone = byte_token(raw.decode("utf-8", "replace"))
    return raw.replace("▁".encode(), b" ") if lone is None else lone


def _spaces(piece: str) -> bytes:
    return piece.replace("▁", " ").encode()


def read_metadata(path: str | Path) -> dict[str, object]:
    """Key-value pairs of a GGUF header; strings as bytes inside arrays, as str elsewhere."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Header(data, str(path)).read()
    except struct.error as error:
        raise VocabularyError(f"`{path}` ends inside its header") from error
    except (OSError, ValueError) as error:
        if isinstance(error, VocabularyError):
            raise
        raise VocabularyError(f"`{path}` cannot be read as a GGUF file: {error}") from error


class _Header:
    def __init__(self, data: mmap.mmap, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 0

    def read(self) -> dict[str, object]:
        if self._data[:4] != b"GGUF":
            raise VocabularyError(f"`{self._name}` is no GGUF file: its first bytes are not 'GGUF'")
        self._at = 4
        version = self._number("<I")
        if version not in (2, 3):
            raise VocabularyError(f"`{self._name}` is GGUF version {version}; 2 and 3 are read")
        self._number("<Q")  # tensors
        pairs = self._count(self._number("<Q"))
        result: dict[str, object] = {}
        for _ in range(pairs):
            key = self._string().decode("utf-8", "replace")
            result[key] = self._value(int(self._number("<I")))
        return result

    def _value(self, kind: int) -> object:
        if kind == _STRING:
            return self._string().decode("utf-8", "replace")
        if kind == _ARRAY:
            of = int(self._number("<I"))
            count = self._count(self._number("<Q"))
            if of == _STRING:
                read: Callable[[], bytes] = self._string
                return [read() for _ in range(count)]
            if of in _SCALARS:
                return self._numbers(_SCALARS[of][1], count)
        elif kind in _SCALARS:
            return self._number(_SCALARS[kind])
        raise VocabularyError(f"`{self._name}` has a value of unknown type {kind} in its header")

    def _count(self, count: float) -> int:
        if count > _MAX_ITEMS:
            raise VocabularyError(
                f"`{self._name}` announces {count} items in its header; {_MAX_ITEMS} are allowed"
            )
        return int(count)

    def _number(self, layout: str) -> int | float | bool:
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return value

    def _numbers(self, code: str, count: int) -> list[int | float | bool]:
        layout = f"<{count}{code}"
        values = list(struct.unpack_from(layout, self._data, self._at))
        self._at += struct.calcsize(layout)
        return values

    def _string(self) -> bytes:
        (length,) = struct.unpack_from("<Q", self._data, self._at)
        start = self._at + 8
        end = start + length
        if end > len(self._data):
            raise VocabularyError(f"`{self._name}` ends inside a string of its header")
        self._at = end
        return self._data[start:end]
