"""A constraint asked token by token although it has masks.

`sampler="awrs"` is for constraints whose masks cost more than a few probes. The wrapped matcher
declares itself ``"probe"`` and offers the vocabulary as its mask, so that adaptive rejection
decides; the law of the text is that of exact masks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Vocabulary
from structgen.constraints.completions import (
    closes,
    completion_within,
    least_tokens,
    may_complete,
    may_complete_after,
    open_ended,
)
from structgen.constraints.protocol import Compiled, Matcher
from structgen.samplers import FreeText
from structgen.types import Exactness


class Probed:
    """`compiled`, without its masks."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._words = FreeText(compiled.vocabulary).words

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._compiled.vocabulary

    @property
    def exactness(self) -> Exactness:
        """Always ``"probe"``."""
        return "probe"

    def matcher(self) -> ProbedMatcher:
        """A position at the start."""
        return ProbedMatcher(self._compiled.matcher(), self._words)


class ProbedMatcher:
    """Delegates everything but the mask; see `structgen.constraints.protocol.Matcher`."""

    __slots__ = ("_inner", "_words")

    def __init__(self, inner: Matcher, words: npt.NDArray[np.int32]) -> None:
        self._inner = inner
        self._words = words

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._inner.vocabulary

    @property
    def exactness(self) -> Exactness:
        """Always ``"probe"``."""
        return "probe"

    @property
    def closes(self) -> bool:
        """As the constraint does: `allows` tells the same truth."""
        return closes(self._inner)

    @property
    def open_ended(self) -> bool:
        """As the constraint is."""
        return open_ended(self._inner)

    def may_complete(self, within: int, /) -> bool:
        """See `structgen.constraints.completions`."""
        return may_complete(self._inner, within)

    def may_complete_after(self, token_id: int, within: int, /) -> bool:
        """See `structgen.constraints.completions`."""
        return may_complete_after(self._inner, token_id, within)

    def completion_within(self, within: int, /) -> list[int] | None:
        """See `structgen.constraints.completions`."""
        return completion_within(self._inner, within)

    def min_tokens_left(self) -> int:
        """See `structgen.constraints.completions`."""
        return least_tokens(self._inner)

    @property
    def tokens(self) -> list[int]:
        """Tokens committed so far."""
        return self._inner.tokens

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """Every token of the vocabulary: an upper bound of what is allowed."""
        mask[row] = 0 if self._inner.is_terminated() else self._words

    def allows(self, token_id: int, /) -> bool:
        """The truth."""
        return self._inner.allows(token_id)

    def advance(self, token_id: int, /) -> bool:
        """Commit a token."""
        return self._inner.advance(token_id)

    def validate(self, token_ids: Sequence[int], /) -> int:
        """How many of `token_ids` could be committed in order."""
        return self._inner.validate(token_ids)

    def rollback(self, count: int, /) -> None:
        """Take back the last `count` tokens."""
        self._inner.rollback(count)

    def fork(self) -> ProbedMatcher:
        """An independent copy."""
        return ProbedMatcher(self._inner.fork(), self._words)

    def is_accepting(self) -> bool:
        """Whether the text so far is complete."""
        return self._inner.is_accepting()

    def is_terminated(self) -> bool:
        """Whether an end token was committed."""
        return self._inner.is_terminated()

    def forced_text(self) -> str:
        """The text that must come next."""
        return self._inner.forced_text()

    def completion_tokens(self) -> list[int] | None:
        """A short completion."""
        return self._inner.completion_tokens()
