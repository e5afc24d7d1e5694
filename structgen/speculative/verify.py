"""Verification by sample-then-match.

At every row that the target has scored, the ordinary constrained sampler draws the next token,
with the random keys of that position. If the token is one of the node's children, its row has
been scored as well and the walk goes on there; else it ends, and the token drawn is the first of
the next pass. So the text, its law and its weights are those of the sampler, token by token: one
factor per committed token, from the target's raw row, whoever proposed the token. A draft is no
more than a guess at which rows will be needed.

The probability that a pass goes on is the target's masked mass on the children, which is the best
possible for children that are not random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Matcher
from structgen.samplers import Draw, Greedy, Keyed, LogitRow, Noise, Walk, truncate, unpack_mask
from structgen.speculative.draft import SharedDraw, VerifiedRow
from structgen.speculative.tree import DraftTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What one pass has settled for one row.

    Attributes:
        path: nodes of ``tree.below(pending)`` whose tokens are committed, root to leaf.
        draws: the tokens drawn, in order; a dead end is left out.
        rows: the rows that they were drawn from, for drafters to learn from.
        reached: the draft nodes whose rows were used (`DraftTree.ROOT` first).
        accepted: draft nodes accepted.
    """

    path: tuple[int, ...]
    draws: tuple[Draw, ...]
    rows: tuple[VerifiedRow, ...]
    reached: tuple[int, ...]
    accepted: int


def verify(
    walk: Walk, tree: DraftTree, logits: npt.NDArray[np.float32], /, *, row: int, last_token: int
) -> Verified:
    """Advance `walk` as far as the scored rows reach: by at least one token.

    Args:
        walk: the sequence; its last token is the tree's root.
        tree: the draft.
        logits: target rows, shape ``(len(tree) + 1, V)``: after the root, then after each node.
        row: which row of the batch, for the record.
        last_token: the token at the root, for the record.
    """
    node = DraftTree.ROOT
    path = [0]
    draws: list[Draw] = []
    used: list[VerifiedRow] = []
    reached: list[int] = []
    while True:
        mask = walk.mask() if node == DraftTree.ROOT or tree.masks is None else tree.masks[node]
        scored = logits[node + 1]
        drawn = walk.draw(scored, mask)
        if drawn.token >= 0:
            exact = walk.matcher.exactness == "exact"
            allowed = unpack_mask(mask, len(scored)) if exact else None
            draws.append(drawn)
            used.append(
                VerifiedRow(
                    row=row,
                    last_token=last_token,
                    logits=scored,
                    allowed=allowed,
                    drawn=drawn.token,
                )
            )
            reached.append(node)
        walk.commit(drawn)
        child = tree.child(node, drawn.token) if walk.alive else None
        if child is None:
            break
        node, last_token = child, drawn.token
        path.append(child + 1)
    return Verified(
        path=tuple(path),
        draws=tuple(draws),
        rows=tuple(used),
        reached=tuple(reached),
        accepted=len(path) - 1,
    )


def noise(walk: Walk, position: int) -> Noise:
    """The random numbers of `walk` at a position, its current one or one to come."""
    if walk.config.params.greedy:
        return Greedy()
    return Keyed(walk.config.keys, walk.particle, position)


def shared_draw(walk: Walk) -> SharedDraw:
    """What `walk`'s sampler would draw from another model's row at a position to come.

    The token budget is left out: near the end of the budget a draft may differ from what the
    target draws, which costs speed and nothing else.
    """

    def draw(row: npt.NDArray[np.float32], matcher: Matcher, position: int, /) -> int | None:
        params = walk.config.params
        vocabulary = matcher.vocabulary
        mask = np.zeros((1, vocabulary.mask_words), dtype=np.int32)
        matcher.fill_mask(mask, 0)
        logits = LogitRow(row, params.temperature)
        kept = truncate(logits.support(unpack_mask(mask[0], vocabulary.size)), params)
        race = noise(walk, position).race(logits, kept)
        while (arrival := race.draw()) is not None:
            if matcher.exactness == "exact" or matcher.allows(arrival[0]):
                return arrival[0]
        return None

    return draw
