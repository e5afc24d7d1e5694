"""What samplers need of a language model: next-token logits, and a cache that branches.

A `Session` holds rows of token sequences that share a prompt. All heavy state (the KV cache)
stays inside; what crosses is numpy. Every operation is defined by what the logits are afterwards,
so that an exact toy model and a transformers model are interchangeable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from structgen._core import Vocabulary

Message = Mapping[str, object]
"""A chat message: ``{"role": ..., "content": ...}`` and what chat templates add to it."""


@dataclass(frozen=True, slots=True)
class TokenTree:
    """Tokens proposed after a row's committed text.

    ``parents[i] < i`` is the index of node i's parent in the tree; -1 is the row's last committed
    token. A chain has ``parents = (-1, 0, 1, ...)``. May be empty.
    """

    tokens: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()


class Session(Protocol):
    """Rows of sequences after a shared prompt."""

    @property
    def rows(self) -> int:
        """How many sequences."""
        ...

    @property
    def forwards(self) -> int:
        """Forward passes spent so far by this session, the prompt's included."""
        ...

    def logits(self) -> npt.NDArray[np.float32]:
        """Next-token logits after each row's committed tokens, shape ``(rows, V)`` with
        ``V = vocabulary.size``. The array must not be written to; it is valid until the next
        operation."""
        ...

    def append(self, token_ids: Sequence[int | None], /) -> None:
        """Commit one token to every row, in one forward pass; None leaves a row as it is."""
        ...

    def select(self, rows: Sequence[int], /) -> None:
        """Row i becomes a copy of the old row ``rows[i]`` (resampling, beams); the number of rows
        may change. Copies share storage until they differ where the backend can."""
        ...

    def expand(self, trees: Sequence[TokenTree], /) -> list[npt.NDArray[np.float32]]:
        """Score one tree per row in one forward pass, without committing anything.

        Returns per row the logits *after* each node, shape ``(len(tree.tokens), V)``.
        `logits()` stays what it was.
        """
        ...

    def commit(self, paths: Sequence[Sequence[int]], /) -> None:
        """Keep, per row, the nodes of the last `expand` named root to leaf; drop the others.

        Costs no forward pass. Rows may have different lengths afterwards.
        """
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """A model with its tokenizer.

    A model made for conversations may say so by a further member ``has_chat_template: bool``:
    `structgen.generate` then takes a prompt that is a str as the user's message.
    """

    @property
    def name(self) -> str: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    def encode(self, text: str, /) -> list[int]:
        """Canonical token ids of `text`, without special tokens added around it."""
        ...

    def decode(self, token_ids: Sequence[int], /) -> str:
        """Text of `token_ids`, special tokens left out; bytes that are not UTF-8 become U+FFFD."""
        ...

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """Token ids of a prompt: a string is taken as it is (with the tokenizer's own leading
        special tokens), messages go through the chat template."""
        ...

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> Session:
        """A session after `prompt_ids`, with `rows` copies."""
        ...
