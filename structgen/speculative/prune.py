"""Pruning a draft tree by the constraint, before the target sees it.

A node that the constraint does not allow after its ancestors has probability zero under the
target: verifying it, or anything below it, is wasted. It is taken out here, and since every
guess is one-hot as far as verification is concerned (the sampler draws, the draft is compared),
taking it out changes no probability. (With *sampled* drafts and ratio tests it would; see
`structgen.speculative.rsd`.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Matcher as NativeMatcher
from structgen._core import fill_tree_masks
from structgen.constraints.protocol import Matcher


def tree_masks(
    matcher: Matcher,
    tokens: Sequence[int],
    parents: Sequence[int],
    mask: npt.NDArray[np.int32],
    /,
) -> list[bool]:
    """Which nodes the constraint allows, and the mask after each of them.

    Args:
        matcher: the position before the tree; it stays there.
        tokens: the nodes, parents first.
        parents: ``parents[i] < i``, -1 for the root position.
        mask: int32, shape ``(len(tokens), ceil(V/32))``; row i is written with what may follow
            node i, zero for a node that is not allowed.

    Returns:
        Per node, whether it and all its ancestors are allowed.

    Cost: one native call for native matchers; a fork and one step per node otherwise.
    """
    if isinstance(matcher, NativeMatcher):
        return fill_tree_masks(matcher, tokens, parents, mask)
    kept = [False] * len(tokens)
    # Depth first with one fork: advance into a child, fill its row, descend, step back.
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        children.setdefault(parent, []).append(node)
    mask[: len(tokens)] = 0
    walker = matcher.fork()
    stack: list[tuple[int, bool]] = [(node, False) for node in reversed(children.get(-1, []))]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            walker.rollback(1)
            continue
        if not walker.advance(tokens[node]):
            continue
        kept[node] = True
        stack.append((node, True))
        if walker.is_terminated():  # nothing follows an end token
            continue
        walker.fill_mask(mask, node)
        stack.extend((child, False) for child in reversed(children.get(node, [])))
    return kept
