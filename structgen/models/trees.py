"""Attention masks and positions for token trees over rows of different lengths.

Layout of a forward pass. Row ``b`` has its committed tokens in cache slots ``[0, n_b)``; the new
nodes are written to slots ``n_b + i``. A node sees the committed tokens of its row, its ancestors
and itself. Rotary and learned positions come from `position_ids` (``n_b`` plus depth), so the
slot a node lies in does not matter to the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from structgen.errors import BackendError
from structgen.models.protocol import TokenTree

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """New nodes of some rows, padded to the same number `T` of nodes per row.

    Attributes:
        tokens: token ids, shape ``(rows, T)``; padding is 0.
        positions: position ids, shape ``(rows, T)``.
        slots: cache slots the nodes are written to, shape ``(rows, T)``.
        lengths: committed tokens per row, shape ``(rows,)``.
        ancestors: ``[b, i, j]`` whether node i sees node j, shape ``(rows, T, T)``.
    """

    tokens: Ints
    positions: Ints
    slots: Ints
    lengths: Ints
    ancestors: Bools

    @property
    def used(self) -> int:
        """Cache slots needed."""
        return int(self.slots.max()) + 1

    def visible(self, *, window: int | None = None, chunk: int | None = None) -> Bools:
        """``[b, i, s]``: whether node i of row b sees cache slot s, shape ``(rows, T, used)``.

        `window` limits sight to that many positions back, the node's own included; `chunk` to the
        node's block of that many positions.
        """
        rows, count = self.tokens.shape
        slot = _count(self.used)
        mask = np.broadcast_to(
            slot[None, None, :] < self.lengths[:, None, None], (rows, count, self.used)
        ).copy()
        place = _count(rows).reshape(rows, 1, 1)
        mask[place, _count(count)[None, :, None], self.slots[:, None, :]] = self.ancestors
        if window is None and chunk is None:
            return mask
        at = np.broadcast_to(slot, (rows, self.used)).copy()
        np.put_along_axis(at, self.slots, self.positions, axis=1)
        query, key = self.positions[:, :, None], at[:, None, :]
        if window is not None:
            mask &= query - key < window
        if chunk is not None:
            mask &= query // chunk == key // chunk
        return mask


def chain(tokens: Sequence[Sequence[int]], lengths: Sequence[int]) -> Nodes:
    """Nodes that follow each other, as many in every row."""
    ids = np.array(tokens, dtype=np.int64)
    base = np.array(lengths, dtype=np.int64)
    slots = base.reshape(len(ids), 1) + _count(ids.shape[1])
    order = np.tril(np.ones((ids.shape[1], ids.shape[1]), dtype=np.bool_))
    return Nodes(
        tokens=ids,
        positions=slots,
        slots=slots,
        lengths=base,
        ancestors=np.broadcast_to(order, (len(ids), *order.shape)),
    )


def forest(trees: Sequence[TokenTree], lengths: Sequence[int]) -> Nodes:
    """Nodes of one tree per row; rows with fewer nodes are padded with nodes that see only
    their row's committed tokens and themselves, and are seen by none."""
    rows, count = len(trees), max(len(tree.tokens) for tree in trees)
    tokens = np.zeros((rows, count), dtype=np.int64)
    depth = np.zeros((rows, count), dtype=np.int64)
    ancestors = np.broadcast_to(np.eye(count, dtype=np.bool_), (rows, count, count)).copy()
    for b, tree in enumerate(trees):
        check_tree(tree)
        tokens[b, : len(tree.tokens)] = tree.tokens
        for i, parent in enumerate(tree.parents):
            if parent >= 0:
                ancestors[b, i] |= ancestors[b, parent]
                depth[b, i] = depth[b, parent] + 1
    base = np.array(lengths, dtype=np.int64)
    return Nodes(
        tokens=tokens,
        positions=base[:, None] + depth,
        slots=base[:, None] + _count(count),
        lengths=base,
        ancestors=ancestors,
    )


def check_tree(tree: TokenTree) -> None:
    """Raise unless every node's parent comes before it."""
    if len(tree.tokens) != len(tree.parents):
        raise BackendError(
            f"a token tree has {len(tree.tokens)} tokens and {len(tree.parents)} parents"
        )
    for i, parent in enumerate(tree.parents):
        if not -1 <= parent < i:
            raise BackendError(
                f"node {i} of a token tree has parent {parent}; needed is -1 to {i - 1}"
            )


def check_path(tree: TokenTree, path: Sequence[int]) -> None:
    """Raise unless `path` goes from the root down the tree, node by node."""
    parent = -1
    for node in path:
        if not 0 <= node < len(tree.tokens) or tree.parents[node] != parent:
            raise BackendError(f"{list(path)} is no path from the root of the expanded tree")
        parent = node


def _count(n: int) -> Ints:
    return np.fromiter(range(n), dtype=np.int64, count=n)
