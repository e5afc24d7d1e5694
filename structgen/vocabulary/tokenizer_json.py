"""Vocabularies from the files of Hugging Face tokenizers, without its packages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from structgen._core import Vocabulary
from structgen.errors import VocabularyError
from structgen.vocabulary.pieces import Json, added_decoder_of, decoder_of
from structgen.vocabulary.table import TableBuilder, TokenTable

# The merges of BPE are most of a file and not needed here. The pattern spans exactly one JSON
# array of strings and string pairs, and cannot start inside a string: there, the quote before
# the colon would be escaped.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PAIR = rb"\[\s*+" + _STRING + rb"\s*+,\s*+" + _STRING + rb"\s*+\]"
_MERGES = re.compile(
    rb'"merges"\s*+:\s*+(\[(?:\s*+(?:' + _PAIR + rb"|" + _STRING + rb")\s*+,?+)*+\s*+\])"
)


def from_tokenizer_json(
    path: str | Path,
    *,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a folder with a ``tokenizer.json``, or of that file.

    Beside it are read, where present: ``tokenizer_config.json`` and ``generation_config.json``
    for the end tokens, ``config.json`` for the width of the logits. `eos_token_ids` and `size`
    override them. Takes about 0.6 s for 262,144 tokens.
    """
    path = Path(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise VocabularyError(f"there is no `{file}`")
    data = _read_object(file, without_merges=True)
    folder = file.parent
    table = table_of(data)
    if eos_token_ids is None:
        eos_token_ids = _end_tokens(folder, table, data)
    if size is None:
        size = _logits_width(folder, table)
    return table.build(eos_token_ids=eos_token_ids, size=size)


def table_of(data: Mapping[str, Json]) -> TokenTable:
    """Tokens of a parsed ``tokenizer.json``; it does not say which of them are end tokens."""
    model = data.get("model")
    if not isinstance(model, Mapping):
        raise VocabularyError("`tokenizer.json` has no `model`")
    model = cast(Mapping[str, Json], model)
    added: list[tuple[int, str, bool]] = []
    for entry in _objects(data.get("added_tokens"), "added_tokens"):
        token_id, content = entry.get("id"), entry.get("content")
        if not isinstance(token_id, int) or not isinstance(content, str):
            raise VocabularyError(f"an added token lacks its id or content: {dict(entry)!r}")
        added.append((token_id, content, bool(entry.get("special"))))
    pieces, unknown = model_pieces(model)
    return assemble(pieces, added, data, unknown=unknown)


def assemble(
    pieces: Iterable[tuple[str, int]],
    added: Iterable[tuple[int, str, bool]],
    components: Mapping[str, Json],
    *,
    unknown: str | None = None,
) -> TokenTable:
    """A table from the model's pieces ``(spelling, id)`` and the added tokens
    ``(id, content, is special)``.

    `components` are the parts of a ``tokenizer.json`` that say how pieces are spelled. `unknown`,
    the piece that stands for what has none, is no text.
    """
    decode, decode_added = decoder_of(components), added_decoder_of(components)
    builder = TableBuilder()
    in_model: set[int] = set()
    for piece, token_id in pieces:
        if piece == unknown:
            builder.special(token_id, piece)
        else:
            builder.text(token_id, decode(piece))
        in_model.add(token_id)
    for token_id, content, special in added:
        if special:
            builder.special(token_id, content)
        elif token_id in in_model:
            # Spelled in the model's alphabet; what it decodes to is already there.
            continue
        else:
            builder.text(token_id, decode_added(content))
    return builder.table()


def model_pieces(model: Mapping[str, Json]) -> tuple[Iterable[tuple[str, int]], str | None]:
    """The model's pieces with their ids, and the spelling of its unknown token."""
    vocab = model.get("vocab")
    unknown = model.get("unk_token")
    for affix in ("continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(affix) and model.get("type") == "BPE":
            raise VocabularyError(
                f"the tokenizer's BPE model has `{affix}` = {model[affix]!r}; word-bound pieces "
                "have no bytes of their own"
            )
    if isinstance(vocab, Mapping):
        entries = cast(Mapping[str, Json], vocab)
        if not all(type(i) is int for i in entries.values()):
            raise VocabularyError("`model.vocab` of the tokenizer maps tokens to other than ids")
        name = unknown if isinstance(unknown, str) else None
        return cast(Mapping[str, int], entries).items(), name
    if isinstance(vocab, Sequence) and not isinstance(vocab, str):  # Unigram: [piece, score]
        pieces: list[tuple[str, int]] = []
        for i, entry in enumerate(cast(Sequence[Json], vocab)):
            piece = cast(Sequence[Json], entry)[0] if isinstance(entry, list) and entry else None
            if not isinstance(piece, str):
                raise VocabularyError(
                    f"entry {i} of `model.vocab` is {entry!r}, not [token, score]"
                )
            pieces.append((piece, i))
        unk_id = model.get("unk_id")
        known = isinstance(unk_id, int) and 0 <= unk_id < len(pieces)
        return pieces, pieces[unk_id][0] if known and isinstance(unk_id, int) else None
    raise VocabularyError(
        f"`model.vocab` of the tokenizer (model type {model.get('type')!r}) is neither a mapping "
        "nor a list"
    )


def _end_tokens(folder: Path, table: TokenTable, data: Mapping[str, Json]) -> Sequence[int]:
    """End token ids that the files beside ``tokenizer.json`` name."""
    ids: list[int] = []
    config = _read_optional(folder / "tokenizer_config.json")
    name = config.get("eos_token")
    if isinstance(name, Mapping):  # an AddedToken written out
        name = cast(Mapping[str, Json], name).get("content")
    if isinstance(name, str):
        by_name = table.special_tokens.get(name)
        if by_name is None:
            by_name = _id_of(data, name)
        if by_name is None:
            raise VocabularyError(f"the tokenizer's end token {name!r} is not in its vocabulary")
        ids.append(by_name)
    listed = _read_optional(folder / "generation_config.json").get("eos_token_id")
    listed = cast(Sequence[Json], listed) if isinstance(listed, list) else [listed]
    return [*ids, *(i for i in listed if type(i) is int and i >= 0)]


def _id_of(data: Mapping[str, Json], content: str) -> int | None:
    """Id of a token by its spelling, added tokens first."""
    for entry in _objects(data.get("added_tokens"), "added_tokens"):
        if entry.get("content") == content:
            return cast(int, entry["id"])
    pieces, _ = model_pieces(cast(Mapping[str, Json], data["model"]))
    return next((i for piece, i in pieces if piece == content), None)


def _logits_width(folder: Path, table: TokenTable) -> int | None:
    """Width of the logits from ``config.json``, if the folder has a whole model."""
    config = _read_optional(folder / "config.json")
    text_config = config.get("text_config")
    for part in (config, text_config):
        if isinstance(part, Mapping):
            width = cast(Mapping[str, Json], part).get("vocab_size")
            if type(width) is int and width > 0:
                return max(width, len(table.tokens))
    return None


def _objects(value: Json, where: str) -> list[Mapping[str, Json]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise VocabularyError(f"`{where}` of the tokenizer is not a list")
    entries = cast(list[Json], value)
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise VocabularyError(f"`{where}` of the tokenizer holds something else than objects")
    return cast(list[Mapping[str, Json]], entries)


def _read_object(file: Path, *, without_merges: bool = False) -> Mapping[str, Json]:
    try:
        raw = file.read_bytes()
        if without_merges and (match := _MERGES.search(raw)):
            raw = raw[: match.start(1)] + b"[]" + raw[match.end(1) :]
        data: Json = json.loads(raw)
    except (ValueError, RecursionError, OSError) as error:
        raise VocabularyError(f"`{file}` cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise VocabularyError(f"`{file}` holds no JSON object")
    return cast(Mapping[str, Json], data)


def _read_optional(file: Path) -> Mapping[str, Json]:
    return _read_object(file) if file.is_file() else {}
