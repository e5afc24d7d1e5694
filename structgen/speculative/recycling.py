"""Drafting from recycled logits: what the target would have said after the same token.

Token Recycling (arXiv 2408.08696) keeps, for every token, the eight most likely successors that
the target gave it last, and drafts a tree of them. Training free, about 1.5 MB for a vocabulary
of 50,000 tokens.

Deviations: the tree is not a fixed template; children are those of the eight that the constraint
allows, and the planner chooses nodes by expected survival. A row recycles its *allowed* successors
(the mask is at hand where a row is verified), since the others can never be drawn in a state
like that one. Only rows on the accepted path are recycled: rows of rejected nodes follow text
that was not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Matcher
from structgen.speculative.draft import EMPTY, Draft, DraftContext, VerifiedRow


class RecyclingDrafter:
    """Proposes recent successors of the last token, level by level.

    Args:
        successors: how many successors are kept per token.
        breadth: how many allowed successors are proposed at the first level; halved per level.
        depth: levels.

    A node's source is ``"recycling/r"``, r its rank among the kept successors.
    """

    def __init__(self, *, successors: int = 8, breadth: int = 3, depth: int = 4) -> None:
        if min(successors, breadth, depth) < 1:
            raise ValueError("successors, breadth and depth must be positive")
        self._successors = successors
        self._breadth = breadth
        self._depth = depth
        self._table: npt.NDArray[np.int32] | None = None

    @property
    def name(self) -> str:
        """See `Drafter`."""
        return "recycling"

    @property
    def costly(self) -> bool:
        """See `Drafter`."""
        return False

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        """The table outlives sequences: what a model says after a token hardly depends on the
        sequence. It is dropped only for a vocabulary of another size."""

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        """See `Drafter`."""
        for verified in rows:
            size = len(verified.logits)
            if self._table is None or len(self._table) != size:
                self._table = np.full((size, self._successors), -1, dtype=np.int32)
            top = _likeliest(verified, self._successors)
            entry = self._table[verified.last_token]
            entry[:] = -1
            entry[: len(top)] = top

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        """See `Drafter`."""
        table = self._table
        last = context.last_token
        if table is None or last is None or not 0 <= last < len(table):
            return EMPTY
        tokens: list[int] = []
        parents: list[int] = []
        sources: list[str] = []
        end_tokens = context.matcher.vocabulary.eos_token_ids
        level: list[tuple[int, int, Matcher]] = [(-1, last, context.matcher)]
        breadth = self._breadth
        for _ in range(self._depth):
            below: list[tuple[int, int, Matcher]] = []
            for parent, token, matcher in level:
                taken = 0
                for rank, successor in enumerate(table[token].tolist()):
                    if taken == breadth or len(tokens) >= limit or successor < 0:
                        break
                    if successor in end_tokens or not matcher.allows(successor):
                        continue
                    taken += 1
                    fork = matcher.fork()
                    fork.advance(successor)
                    below.append((len(tokens), successor, fork))
                    tokens.append(successor)
                    parents.append(parent)
                    sources.append(f"recycling/{rank}")
            level = below
            breadth = max(1, breadth // 2)
        return Draft(tokens=tuple(tokens), parents=tuple(parents), sources=tuple(sources))


def _likeliest(verified: VerifiedRow, count: int) -> npt.NDArray[np.intp]:
    """The `count` likeliest allowed tokens of a row, likeliest first."""
    logits = verified.logits
    if verified.allowed is None:
        ids = np.arange(len(logits))
    else:
        ids = np.flatnonzero(verified.allowed)
        logits = logits[ids]
    if len(ids) > count:
        top = np.argpartition(logits, len(ids) - count)[len(ids) - count :]
        ids, logits = ids[top], logits[top]
    order = np.argsort(-logits, kind="stable")
    return ids[order[np.isfinite(logits[order])]]
