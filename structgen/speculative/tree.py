"""Merging drafts into one tree of nodes, each with its expected survival."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from structgen.models.protocol import TokenTree


class DraftTree:
    """A trie of proposed tokens below one root (the row's last drawn token).

    INVARIANT: ``parents[i] < i``, and no two children of a node carry the same token.
    INVARIANT: a node's survival is at most its parent's, so that any set of nodes chosen by
    falling survival (ties by index) contains the ancestors of its members.

    `masks`, once known, holds the packed token mask after every node, shape
    ``(len(tree), ceil(V/32))``.
    """

    ROOT = -1

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.sources: list[str] = []
        self.survival: list[float] = []
        self.depths: list[int] = []
        self.masks: npt.NDArray[np.int32] | None = None
        self._children: dict[int, dict[int, int]] = {}

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, parent: int, token: int, source: str, chance: float) -> int:
        """Propose `token` after node `parent`, accepted with probability `chance` if `parent`
        is. Returns the node; if another drafter had the same idea, that node, with the better
        of the two survivals and the first one's source."""
        upper = 1.0 if parent == self.ROOT else self.survival[parent]
        survival = min(max(chance, 0.0), 1.0) * upper
        siblings = self._children.setdefault(parent, {})
        node = siblings.get(token)
        if node is not None:
            self.survival[node] = max(self.survival[node], survival)
            return node
        node = len(self.tokens)
        siblings[token] = node
        self.tokens.append(token)
        self.parents.append(parent)
        self.sources.append(source)
        self.survival.append(survival)
        self.depths.append(1 if parent == self.ROOT else self.depths[parent] + 1)
        return node

    def child(self, parent: int, token: int) -> int | None:
        """The child of `parent` that carries `token`."""
        siblings = self._children.get(parent)
        return None if siblings is None else siblings.get(token)

    def children(self, parent: int) -> Iterable[int]:
        """The children of `parent`, in order of proposal."""
        siblings = self._children.get(parent)
        return () if siblings is None else siblings.values()

    def path(self, node: int) -> tuple[int, ...]:
        """Tokens from below the root down to `node`."""
        tokens: list[int] = []
        while node != self.ROOT:
            tokens.append(self.tokens[node])
            node = self.parents[node]
        return tuple(reversed(tokens))

    def subset(self, keep: Sequence[bool]) -> DraftTree:
        """The tree of the nodes with ``keep[i]`` whose ancestors are all kept too."""
        tree = DraftTree()
        renamed: dict[int, int] = {self.ROOT: self.ROOT}
        for i, token in enumerate(self.tokens):
            parent = renamed.get(self.parents[i])
            if not keep[i] or parent is None:
                continue
            node = tree.add(parent, token, self.sources[i], 1.0)
            tree.survival[node] = self.survival[i]
            renamed[i] = node
        if self.masks is not None:
            tree.masks = self.masks[[i for i in renamed if i != self.ROOT]]
        return tree

    def below(self, token: int) -> TokenTree:
        """As a `TokenTree` whose node 0 is `token`, the root, and node ``i + 1`` is node i."""
        return TokenTree(
            tokens=(token, *self.tokens),
            parents=(-1, *(parent + 1 for parent in self.parents)),
        )
