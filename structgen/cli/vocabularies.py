"""Vocabularies for the command line, without loading a model."""

from __future__ import annotations

from pathlib import Path

import click

from structgen import vocabulary as room
from structgen._core import Vocabulary
from structgen.models.embedded import fetch_embedded


def vocabulary_named(spec: str) -> Vocabulary:
    """The vocabulary that `spec` names; see ``structgen mask --help``.

    Raises:
        click.UsageError: nothing is there.
        VocabularyError: it cannot be read.
    """
    if spec == "bytes":
        return byte_vocabulary()
    if spec == "default":
        # The tokenizer alone: listing tokens needs neither torch nor the weights in memory.
        return room.from_tokenizer_json(fetch_embedded())
    path = Path(spec).expanduser()
    if not path.exists():
        raise click.UsageError(
            f"the tokenizer `{spec}` is no file or folder\n\nhint: bytes, default, a tokenizer "
            "folder, a tokenizer.json, tekken.json or .gguf file"
        )
    if path.suffix == ".gguf":
        return room.from_gguf(path)
    if path.name.startswith("tekken"):
        return room.from_tekken(path)
    return room.from_tokenizer_json(path)


def byte_vocabulary() -> Vocabulary:
    """256 tokens of one byte each, and an end token."""
    return Vocabulary([bytes([b]) for b in range(256)], eos_token_ids=[256], size=257)
