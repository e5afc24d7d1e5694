"""The one shape every tokenizer is read into, and the way from there to a `Vocabulary`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from structgen._core import Vocabulary
from structgen.errors import VocabularyError


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTable:
    """What a tokenizer's files say about its tokens.

    Attributes:
        tokens: per id the text of the token as bytes; None if it never stands for text.
        special_tokens: name to id of the tokens that steer the model (``<|im_start|>``).
        eos_token_ids: ids that end a text.
    """

    tokens: Sequence[bytes | None]
    special_tokens: dict[str, int] = field(default_factory=dict[str, int])
    eos_token_ids: Sequence[int] = ()

    def build(
        self, *, eos_token_ids: Sequence[int] | None = None, size: int | None = None
    ) -> Vocabulary:
        """The compiled vocabulary.

        `eos_token_ids` replaces what the tokenizer says. `size` is the width of the model's
        logits: ids from there on do not exist for the model and are left out; ids between the
        tokenizer's last one and `size` are tokens without text.

        Costs one pass over the tokens: about 0.03 s per 100,000. Raises `VocabularyError` if there
        is no end token, or one that the logits do not have.
        """
        eos = tuple(dict.fromkeys(self.eos_token_ids if eos_token_ids is None else eos_token_ids))
        if not eos:
            raise VocabularyError(
                "the tokenizer names no end-of-sequence token, and at least one is needed",
                hint="pass `eos_token_ids=[...]`, the ids that end an answer of the model",
            )
        if size is not None and size < 1:
            raise VocabularyError(f"`size` is {size}; the width of the logits is at least 1")
        width = max(len(self.tokens), max(eos) + 1) if size is None else size
        outside = [i for i in eos if not 0 <= i < width]
        if outside:
            raise VocabularyError(
                f"end token ids {outside} lie outside the vocabulary of {width} tokens"
            )
        tokens: list[bytes | None] = [token or None for token in self.tokens[:width]]
        if not any(tokens):
            raise VocabularyError(f"none of the {len(tokens)} tokens stands for text")
        # An end token is a decision, never text, even where a tokenizer files it under text.
        for i in eos:
            if i < len(tokens):
                tokens[i] = None
        special = {name: i for name, i in self.special_tokens.items() if i < width}
        for i in special.values():
            if i < len(tokens):
                tokens[i] = None
        return Vocabulary(tokens, eos_token_ids=eos, special_tokens=special, size=width)


def from_bytes(
    tokens: Sequence[bytes | None],
    *,
    eos_token_ids: Sequence[int],
    special_tokens: dict[str, int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """A vocabulary from the bytes of its tokens; None for a token that is not text.

    `size` is the width of the model's logits where that differs from ``len(tokens)``.
    """
    table = TokenTable(
        tokens=tokens, special_tokens=dict(special_tokens or {}), eos_token_ids=eos_token_ids
    )
    return table.build(size=size)


class TableBuilder:
    """Collects tokens by id from the several places where tokenizers keep them."""

    def __init__(self, *, max_id: int = 1 << 24) -> None:
        self._tokens: list[bytes | None] = []
        self._max_id = max_id
        self.special_tokens: dict[str, int] = {}

    def reserve(self, size: int) -> None:
        """Make room for ids below `size`."""
        if size > self._max_id:
            raise VocabularyError(
                f"token id {size - 1} found; ids must be below {self._max_id} to be a vocabulary's"
            )
        if size > len(self._tokens):
            self._tokens.extend([None] * (size - len(self._tokens)))

    def text(self, token_id: int, content: bytes | None) -> None:
        """Token `token_id` stands for `content`."""
        if not 0 <= token_id < len(self._tokens):
            if token_id < 0:
                raise VocabularyError(f"token id {token_id} is negative")
            self.reserve(token_id + 1)
        self._tokens[token_id] = content

    def has_text(self, token_id: int) -> bool:
        """Whether `token_id` stands for a text so far."""
        return 0 <= token_id < len(self._tokens) and self._tokens[token_id] is not None

    def texts(self, entries: Iterable[tuple[int, bytes]]) -> None:
        """`text` of many tokens ``(id, content)``, without a call for each whose room is there."""
        tokens = self._tokens
        for token_id, content in entries:
            if 0 <= token_id < len(tokens):
                tokens[token_id] = content
            else:
                self.text(token_id, content)

    def special(self, token_id: int, name: str) -> None:
        """Token `token_id` is no text but the special token `name`."""
        self.text(token_id, None)
        self.special_tokens[name] = token_id

    def table(self, *, eos_token_ids: Sequence[int] = ()) -> TokenTable:
        """All that was collected."""
        return TokenTable(
            tokens=self._tokens,
            special_tokens=self.special_tokens,
            eos_token_ids=tuple(eos_token_ids),
        )
