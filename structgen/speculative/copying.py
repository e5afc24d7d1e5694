"""Drafting by copying from the context: prompt lookup, filtered by the constraint.

If the last tokens occurred before, in the prompt or in what was drawn, what followed them there
is proposed again (prompt lookup decoding; CopySpec, arXiv 2502.08923; suffix decoding,
arXiv 2411.04975). Under a constraint most such continuations are illegal: the prompt is prose,
the output is JSON. So occurrences are *skipped* until one continues legally, rather than the
first one being cut where it becomes illegal.

Deviation from the papers: no n-gram table is kept. One vectorised comparison per token of suffix
over the whole history costs about 10 us for 10,000 tokens, and needs no upkeep under rollback.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen.speculative.draft import EMPTY, Draft, DraftContext, VerifiedRow


class CopyDrafter:
    """Proposes what followed earlier occurrences of the current suffix.

    Args:
        max_suffix: longest suffix compared, in tokens; longer agreement counts as this.
        branches: how many different continuations to propose.
        max_length: longest continuation, in tokens, for a suffix that agreed to the full; a
            suffix of k tokens is trusted for at most ``4 * k``.
        max_tries: occurrences examined with the constraint per position.

    A node's source is ``"copy/k"`` with k the length of the agreeing suffix, at most 4.
    """

    def __init__(
        self,
        *,
        max_suffix: int = 16,
        branches: int = 2,
        max_length: int = 16,
        max_tries: int = 16,
    ) -> None:
        if min(max_suffix, branches, max_length, max_tries) < 1:
            raise ValueError("max_suffix, branches, max_length and max_tries must be positive")
        self._max_suffix = max_suffix
        self._branches = branches
        self._max_length = max_length
        self._max_tries = max_tries

    @property
    def name(self) -> str:
        """See `Drafter`."""
        return "copy"

    @property
    def costly(self) -> bool:
        """See `Drafter`."""
        return False

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        """Nothing to forget: the history is in the context."""

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        """Nothing to learn: the history is in the context."""

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        """See `Drafter`."""
        if limit <= 0:
            return EMPTY
        text = np.concatenate([context.history, np.asarray(context.path, dtype=np.int64)])
        ends, agreed = occurrences(text, self._max_suffix)
        tokens: list[int] = []
        parents: list[int] = []
        sources: list[str] = []
        firsts: set[int] = set()
        for end, k in zip(
            ends[: self._max_tries].tolist(), agreed[: self._max_tries].tolist(), strict=True
        ):
            room = min(limit - len(tokens), self._max_length, 4 * k)
            if room <= 0 or len(firsts) == self._branches:
                break
            source = text[end : end + room].tolist()
            if source[0] in firsts:
                continue
            source = source[: context.matcher.validate(source)]
            if not source:
                continue
            firsts.add(source[0])
            at = len(tokens)
            tokens += source
            parents += [-1, *range(at, at + len(source) - 1)]
            sources += [f"copy/{min(k, 4)}"] * len(source)
        return Draft(tokens=tuple(tokens), parents=tuple(parents), sources=tuple(sources))


def occurrences(
    text: npt.NDArray[np.int64], max_suffix: int, /
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the last tokens of `text` occurred before.

    Returns the index after each earlier occurrence of the last token (so ``text[index]`` is what
    followed it) and how many tokens of suffix agree there (1 to `max_suffix`), the longest
    agreement first, then the most recent. Cost: O(n) for the first token, then the survivors only.
    """
    n = len(text)
    empty = np.zeros(0, dtype=np.int64)
    if n < 2:
        return empty, empty
    ends = np.flatnonzero(text[:-1] == text[-1]) + 1
    agreed = np.ones(len(ends), dtype=np.int64)
    alive = np.arange(len(ends))
    for k in range(2, max_suffix + 1):
        alive = alive[ends[alive] >= k]
        alive = alive[text[ends[alive] - k] == text[n - k]] if len(alive) else alive
        if not len(alive):
            break
        agreed[alive] = k
    order = np.lexsort((-ends, -agreed))
    return ends[order], agreed[order]
