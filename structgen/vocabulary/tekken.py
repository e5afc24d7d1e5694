"""Vocabularies of Mistral's Tekken tokenizers (``tekken.json``)."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from structgen._core import Vocabulary
from structgen.errors import VocabularyError
from structgen.vocabulary.table import TableBuilder, TokenTable

# Files up to version v7 do not list their special tokens; these are the first ones of all.
_EARLY_SPECIAL_TOKENS = (
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
)
_END = "</s>"


@runtime_checkable
class Tekkenizer(Protocol):
    """What is read of `mistral_common`'s tokenizer object."""

    @property
    def n_words(self) -> int:
        """How many tokens, special ones included."""
        ...

    @property
    def num_special_tokens(self) -> int:
        """How many special tokens; theirs are the first ids."""
        ...

    @property
    def eos_id(self) -> int:
        """The end token."""
        ...

    def id_to_piece(self, token_id: int, /) -> str:
        """A token's spelling."""
        ...

    def id_to_byte_piece(self, token_id: int, /) -> bytes:
        """A text token's bytes."""
        ...


def from_tekken(
    source: str | Path | Tekkenizer,
    *,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a ``tekken.json`` (file, or folder with one), or of a `Tekkenizer` object
    of `mistral_common`. Reading the file needs no package. About 0.2 s for 131,072 tokens."""
    builder = TableBuilder()
    if isinstance(source, (str, Path)):
        path = Path(source)
        _read_file(path / "tekken.json" if path.is_dir() else path, builder)
        end = builder.special_tokens.get(_END)
        table = builder.table(eos_token_ids=() if end is None else (end,))
    elif isinstance(cast(object, source), Tekkenizer):
        table = table_of(source)
    else:
        raise VocabularyError(
            f"a path to a `tekken.json` or a Tekkenizer is needed, not {type(source).__name__}"
        )
    return table.build(eos_token_ids=eos_token_ids, size=size)


def table_of(tokenizer: Tekkenizer) -> TokenTable:
    """Tokens of a `Tekkenizer` object."""
    builder = TableBuilder()
    builder.reserve(tokenizer.n_words)
    for i in range(tokenizer.num_special_tokens):
        builder.special(i, tokenizer.id_to_piece(i))
    ids = range(tokenizer.num_special_tokens, tokenizer.n_words)
    builder.texts((i, tokenizer.id_to_byte_piece(i)) for i in ids)
    return builder.table(eos_token_ids=(tokenizer.eos_id,))


def _read_file(file: Path, builder: TableBuilder) -> None:
    try:
        data = json.loads(file.read_bytes())
        config = data["config"]
        size = int(config["default_vocab_size"])
        specials = int(config["default_num_special_tokens"])
        vocab = cast(Sequence[Mapping[str, object]], data["vocab"])
        listed = cast(Sequence[Mapping[str, object]] | None, data.get("special_tokens"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VocabularyError(
            f"`{file}` cannot be read as a Tekken tokenizer: {error!r}"
        ) from error
    if not 0 <= specials < size <= specials + len(vocab):
        raise VocabularyError(
            f"`{file}` announces {size} tokens with {specials} special ones and lists {len(vocab)}"
        )
    builder.reserve(size)
    names = {i: f"<SPECIAL_{i}>" for i in range(specials)}
    if listed is None:
        names.update(dict(enumerate(_EARLY_SPECIAL_TOKENS[:specials])))
    try:
        for entry in listed or ():
            names[int(cast(int, entry["rank"]))] = str(entry["token_str"])
        for i, name in names.items():
            builder.special(i, name)
        # The list is longer than the vocabulary: it is cut to what the model was trained with.
        entries = cast(Sequence[Mapping[str, str]], vocab[: size - specials])
        builder.texts(
            (specials + int(entry["rank"]), a2b_base64(entry["token_bytes"], strict_mode=True))
            for entry in entries
        )
    except (KeyError, TypeError, ValueError) as error:  # of base64 too
        raise VocabularyError(f"`{file}` has a malformed token entry: {error!r}") from error
