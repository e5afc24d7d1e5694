"""From the spelling of a token in a tokenizer's files to the bytes it stands for.

Tokenizers spell tokens in their own alphabets: byte-level BPE writes byte 0x20 as ``Ġ``,
SentencePiece writes a space as ``▁`` and a lone byte as ``<0x0A>``. Which alphabet is in use is
not guessed from names: the tokenizer's decoder says it, in the JSON of Hugging Face `tokenizers`.

A token's bytes are those it has *inside* a text. Decoders that strip a leading space do that at
the start of the text only, where SentencePiece had put one; that is no property of the token.

**Added tokens.** A token that was added to those of the model is matched in the text itself, so it
is not spelled in the byte alphabet: it stands for its content, ``więc`` for ``więc``. All other
steps of the decoder work on it as on any piece (``▁`` is a space, ``<0x0A>`` a line end). This is
`tokenizers`' rule but for one thing: its byte-level decoder reads added tokens in the byte alphabet
too (``więc`` comes out as ``wi\\x19c``, their issues 1392, 1915, 1996), which nobody means.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from structgen.errors import VocabularyError

Json = object
PieceDecoder = Callable[[str], bytes]
"""Bytes of a token, given its spelling."""

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_MAX_DEPTH = 16
_SUPPORTED = "ByteLevel, ByteFallback, Metaspace, Replace, Strip, Fuse and sequences of them"


def _byte_alphabet() -> dict[str, int]:
    """The alphabet of byte-level BPE (GPT-2): printable bytes spell themselves, the other 68
    take the code points from U+0100 on, in order."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [b for b in range(256) if b not in printable]
    alphabet = {chr(b): b for b in printable}
    alphabet.update({chr(0x100 + i): b for i, b in enumerate(others)})
    return alphabet


BYTE_ALPHABET: Mapping[str, int] = _byte_alphabet()
_CODE_POINTS = {ord(char): byte for char, byte in BYTE_ALPHABET.items()}


def byte_level(piece: str) -> bytes:
    """Bytes of a byte-level BPE token. A piece with a character outside the alphabet (an added
    token with a plain space, say) stands for itself, as in `tokenizers`."""
    # Within ASCII, characters of the alphabet spell themselves, and others stand for themselves.
    if piece.isascii():
        return piece.encode()
    try:
        # A third of the time of a look-up for each character in Python.
        return codecs.charmap_encode(piece, "strict", _CODE_POINTS)[0]
    except UnicodeEncodeError:
        return piece.encode("utf-8", "surrogatepass")


def byte_token(piece: str) -> bytes | None:
    """The byte that a SentencePiece byte token (``<0x0A>``) stands for; None for other pieces."""
    match = _BYTE_TOKEN.fullmatch(piece) if len(piece) == 6 else None
    return bytes([int(match[1], 16)]) if match else None


def sentencepiece(piece: str) -> bytes:
    """Bytes of a SentencePiece token with byte fallback."""
    lone = byte_token(piece)
    return piece.replace("▁", " ").encode("utf-8", "surrogatepass") if lone is None else lone


def decoder_of(tokenizer: Mapping[str, Json]) -> PieceDecoder:
    """The piece decoder that a parsed ``tokenizer.json`` prescribes.

    Read from ``decoder``; where that is absent, from the pre-tokenizer or normalizer that put the
    alphabet there. Raises `VocabularyError` for decoders that are no function of the token alone
    (CTC, WordPiece with its clean-up), since then tokens have no bytes of their own.
    """
    return _compose(_steps(tokenizer))


def added_decoder_of(tokenizer: Mapping[str, Json]) -> PieceDecoder:
    """The decoder of added tokens, see above. Raises what `decoder_of` raises."""
    steps = _steps(tokenizer)
    kinds = [step.get("type") for step in steps]
    if "ByteLevel" in kinds:
        steps = steps[: kinds.index("ByteLevel")]
    return _compose(steps)


def _steps(tokenizer: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    decoder = tokenizer.get("decoder")
    if decoder is not None:
        steps = _flatten(decoder, "decoders", 0)
    else:
        steps = [
            step
            for part, children in (
                ("normalizer", "normalizers"),
                ("pre_tokenizer", "pretokenizers"),
            )
            for step in _flatten(tokenizer.get(part), children, 0)
            if step.get("type") in ("ByteLevel", "Metaspace")
        ]
        model = tokenizer.get("model")
        if isinstance(model, Mapping) and cast(Mapping[str, Json], model).get("byte_fallback"):
            steps.append({"type": "ByteFallback"})
        if not steps:
            raise VocabularyError(
                "the tokenizer has no decoder, so how its tokens join to text is not known; "
                f"needed is one of {_SUPPORTED}"
            )
    return steps


def _flatten(node: Json, children: str, depth: int) -> list[Mapping[str, Json]]:
    if node is None:
        return []
    if not isinstance(node, Mapping) or depth > _MAX_DEPTH:
        raise VocabularyError(f"`{children}` of the tokenizer is not a component tree")
    node = cast(Mapping[str, Json], node)
    if node.get("type") != "Sequence":
        return [node]
    parts = node.get(children)
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise VocabularyError(f"a Sequence in the tokenizer lacks its list `{children}`")
    return [
        step for part in cast(Sequence[Json], parts) for step in _flatten(part, children, depth + 1)
    ]


def _compose(steps: Sequence[Mapping[str, Json]]) -> PieceDecoder:
    """One function for a decoder's steps, in their order."""
    edits: list[Callable[[str], str]] = []
    fallback = False
    fused = False
    for step in steps:
        kind = step.get("type")
        if kind == "ByteLevel":
            # Whatever follows works on decoded text of a whole sequence.
            return _with_edits(edits, byte_level)
        if kind == "ByteFallback":
            fallback = True
        elif kind == "Fuse":
            fused = True
        elif kind == "Metaspace":
            edits.append(_replacer(_string(step, "replacement", "▁"), " "))
        elif kind == "Replace":
            edits.append(_replacement(step))
        elif kind == "Strip":
            if not fused:
                edits.append(_stripper(step))
        else:
            raise VocabularyError(
                f"the tokenizer's decoder has a step of type `{kind}`, under which a token has no "
                f"bytes of its own; supported are {_SUPPORTED}"
            )
    if not fallback:
        return _with_edits(edits, content)
    plain = _with_edits(edits, content)

    def with_fallback(piece: str) -> bytes:
        lone = byte_token(piece)
        return plain(piece) if lone is None else lone

    return with_fallback


def content(piece: str) -> bytes:
    """Bytes of a token that stands for its spelling."""
    return piece.encode("utf-8", "surrogatepass")


def _with_edits(edits: Sequence[Callable[[str], str]], last: PieceDecoder) -> PieceDecoder:
    if not edits:
        return last
    if len(edits) == 1:
        (edit,) = edits
        return lambda piece: last(edit(piece))

    def run(piece: str) -> bytes:
        for edit in edits:
            piece = edit(piece)
        return last(piece)

    return run


def _replacement(step: Mapping[str, Json]) -> Callable[[str], str]:
    pattern = step.get("pattern")
    replacement = _string(step, "content", None)
    if isinstance(pattern, Mapping):
        literal = cast(Mapping[str, Json], pattern).get("String")
        if isinstance(literal, str) and literal:
            return _replacer(literal, replacement)
    raise VocabularyError(
        f"the tokenizer's decoder replaces the pattern {pattern!r}; only literal strings are read"
    )


def _replacer(old: str, new: str) -> Callable[[str], str]:
    return lambda piece: piece.replace(old, new)


def _stripper(step: Mapping[str, Json]) -> Callable[[str], str]:
    stripped = _string(step, "content", " ")
    start, stop = _count(step, "start"), _count(step, "stop")

    def strip(piece: str) -> str:
        for _ in range(start):
            piece = piece.removeprefix(stripped)
        for _ in range(stop):
            piece = piece.removesuffix(stripped)
        return piece

    return strip


def _string(step: Mapping[str, Json], key: str, default: str | None) -> str:
    value = step.get(key, default)
    if not isinstance(value, str):
        raise VocabularyError(f"`{key}` of a {step.get('type')} decoder is {value!r}, not a string")
    return value


def _count(step: Mapping[str, Json], key: str) -> int:
    value = step.get(key, 0)
    if not isinstance(value, int) or not 0 <= value < 1024:
        raise VocabularyError(f"`{key}` of a {step.get('type')} decoder is {value!r}, not a count")
    return value
