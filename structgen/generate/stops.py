"""Free text that ends at the first of some texts.

A token may hold the stop text and more; cutting the mask at the stop text would change the
model's law. So nothing is forbidden before the stop text appears; once it has, only the end may
follow, and what stands behind it is cut from the result. The text before the stop follows the
model exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen.samplers import FreeText, mask_words
from structgen.samplers.free import FreeMatcher
from structgen.types import Exactness


class StoppedText:
    """Any text up to and including the first of `stops`. A `Constraint`."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = tuple(stop.encode() for stop in stops)

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> CompiledStops:
        """Bind to a vocabulary; nothing here needs `limits`."""
        return CompiledStops(vocabulary, self.stops)


class CompiledStops:
    """`StoppedText` for one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, stops: Sequence[bytes]) -> None:
        self.free = FreeText(vocabulary)
        self.stops = tuple(stops)
        self.keep = max(map(len, self.stops)) - 1
        ends = np.zeros(mask_words(vocabulary.size), dtype=np.uint32)
        for token in vocabulary.eos_token_ids:
            ends[token // 32] |= np.uint32(1) << np.uint32(token % 32)
        self.end_words: npt.NDArray[np.int32] = ends.view(np.int32)

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self.free.vocabulary

    @property
    def exactness(self) -> Exactness:
        """Always exact."""
        return "exact"

    def matcher(self) -> StopMatcher:
        """A position at the start."""
        return StopMatcher(self, self.free.matcher(), [(b"", False)])


class StopMatcher:
    """A position: the last bytes, and whether a stop text has appeared."""

    __slots__ = ("_compiled", "_inner", "_trail")

    open_ended = True
    """A budget cuts the text."""

    def __init__(
        self, compiled: CompiledStops, inner: FreeMatcher, trail: list[tuple[bytes, bool]]
    ) -> None:
        self._compiled = compiled
        self._inner = inner
        self._trail = trail

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._compiled.vocabulary

    @property
    def exactness(self) -> Exactness:
        """Always exact."""
        return "exact"

    @property
    def tokens(self) -> list[int]:
        """Tokens committed so far."""
        return self._inner.tokens

    @property
    def stopped(self) -> bool:
        """Whether a stop text has appeared."""
        return self._trail[-1][1]

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """See `structgen.constraints.protocol.Matcher`."""
        if self.stopped and not self.is_terminated():
            mask[row] = self._compiled.end_words
        else:
            self._inner.fill_mask(mask, row)

    def allows(self, token_id: int, /) -> bool:
        """Anything, until a stop text has appeared; then an end token."""
        if self.stopped and token_id not in self._compiled.free.ends:
            return False
        return self._inner.allows(token_id)

    def advance(self, token_id: int, /) -> bool:
        """Commit a token."""
        if not self.allows(token_id) or not self._inner.advance(token_id):
            return False
        tail, stopped = self._trail[-1]
        seen = tail + (self.vocabulary.token_bytes(token_id) or b"")
        stopped = stopped or any(stop in seen for stop in self._compiled.stops)
        keep = self._compiled.keep
        self._trail.append((seen[len(seen) - keep :] if keep < len(seen) else seen, stopped))
        return True

    def validate(self, token_ids: Sequence[int], /) -> int:
        """How many of `token_ids` could be committed in order."""
        trial = self.fork()
        for index, token in enumerate(token_ids):
            if trial.is_terminated() or not trial.advance(token):
                return index
        return len(token_ids)

    def rollback(self, count: int, /) -> None:
        """Take back the last `count` tokens."""
        self._inner.rollback(count)
        if count:
            del self._trail[-count:]

    def fork(self) -> StopMatcher:
        """An independent copy."""
        return StopMatcher(self._compiled, self._inner.fork(), list(self._trail))

    def is_accepting(self) -> bool:
        """Always: free text is complete anywhere."""
        return True

    def is_terminated(self) -> bool:
        """Whether an end token was committed."""
        return self._inner.is_terminated()

    def forced_text(self) -> str:
        """Nothing is forced."""
        return ""

    def completion_tokens(self) -> list[int] | None:
        """None: free text is cut by the budget, not closed."""
        return None


def cut_at(text: str, stops: Sequence[str]) -> str:
    """`text` before the first occurrence of any of `stops`."""
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
