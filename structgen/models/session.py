"""Rows of sequences over a transformers model with a key-value cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import torch

from structgen.errors import BackendError
from structgen.models.attention import Sight
from structgen.models.cache import RowCache
from structgen.models.protocol import TokenTree
from structgen.models.trees import Nodes, chain, check_path, check_tree, forest

Floats = npt.NDArray[np.float32]

_PREFILL = 1024
"""Prompt tokens per forward pass: bounds the mask (this times the prompt) and activations."""


class Output(Protocol):
    """What a causal language model of `transformers` returns."""

    @property
    def logits(self) -> torch.Tensor:
        """Shape ``(rows, tokens, V)``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A causal language model of `transformers`, as a session needs it.

    Attributes:
        forward: the model itself.
        device: where its inputs go.
        dtype: of its activations, hence of additive masks.
        width: of its logits.
        max_positions: longest sequence it was made for; None if it has no such bound.
        sight: which attention masks its layers take.
        keeps_logits: whether it can compute the logits of the last token alone.
        cache_name: what its key-value cache is called among its arguments.
    """

    forward: Callable[..., Output]
    device: torch.device
    dtype: torch.dtype
    width: int
    max_positions: int | None
    sight: Sight
    keeps_logits: bool
    cache_name: str


@dataclass(frozen=True, slots=True)
class _Expansion:
    """A scored tree per row, until it is committed or left."""

    trees: tuple[TokenTree, ...]
    logits: list[Floats]


class TransformersSession:
    """See `structgen.models.protocol.Session`. Rows may have different lengths.

    Memory: keys and values of every row (rows are copied, not shared), plus ``rows * V`` floats
    of logits; `expand` holds ``rows * T * V`` floats until the next operation.
    """

    def __init__(self, network: Network, prompt_ids: Sequence[int], *, rows: int = 1) -> None:
        if rows < 1:
            raise BackendError(f"a session needs at least one row, not {rows}")
        if not prompt_ids:
            raise BackendError(
                "the prompt has no tokens, so there is nothing to predict from",
                hint="begin it with the model's beginning-of-sequence token",
            )
        self._network = network
        self._cache = RowCache()
        self._lengths = [0]
        self._forwards = 0
        self._expansion: _Expansion | None = None
        self._logits: Floats = np.empty((0, network.width), dtype=np.float32)
        for start in range(0, len(prompt_ids), _PREFILL):
            part = list(prompt_ids[start : start + _PREFILL])
            self._logits = self._run(chain([part], self._lengths), [0], last_only=True)[:, -1]
            self._lengths = [start + len(part)]
        if rows > 1:
            self.select([0] * rows)

    @property
    def rows(self) -> int:
        """How many sequences."""
        return len(self._lengths)

    @property
    def forwards(self) -> int:
        """Forward passes so far; a prompt takes one per 1,024 tokens."""
        return self._forwards

    @property
    def lengths(self) -> tuple[int, ...]:
        """Committed tokens per row, the prompt's included."""
        return tuple(self._lengths)

    def logits(self) -> Floats:
        """Next-token logits after each row, shape ``(rows, V)``; not to be written to."""
        return self._logits

    def append(self, token_ids: Sequence[int | None], /) -> None:
        """Commit one token to every row in one forward pass; None leaves a row as it is and
        costs nothing."""
        self._check_rows(token_ids, "tokens")
        rows = [b for b, token in enumerate(token_ids) if token is not None]
        self._expansion = None
        if not rows:
            return
        tokens = [[cast(int, token_ids[b])] for b in rows]
        new = self._run(chain(tokens, [self._lengths[b] for b in rows]), rows, last_only=True)
        self._set_logits(rows, new[:, -1])
        for b in rows:
            self._lengths[b] += 1

    def select(self, rows: Sequence[int], /) -> None:
        """Row i becomes a copy of the old row ``rows[i]``. Costs a copy of the cache, unless rows
        only stay where they are."""
        rows = list(rows)
        if not rows or not all(0 <= b < self.rows for b in rows):
            raise BackendError(f"rows {rows} are selected of {self.rows}")
        self._expansion = None
        if rows == list(range(self.rows)):
            return
        with torch.inference_mode():
            self._cache.select(rows)
        self._lengths = [self._lengths[b] for b in rows]
        self._logits = self._logits[rows]

    def expand(self, trees: Sequence[TokenTree], /) -> list[Floats]:
        """Score one tree per row in one forward pass, without committing anything."""
        self._check_rows(trees, "trees")
        for tree in trees:
            check_tree(tree)
        rows = [b for b, tree in enumerate(trees) if tree.tokens]
        results: list[Floats] = [
            np.empty((0, self._network.width), dtype=np.float32) for _ in trees
        ]
        self._expansion = None
        if rows:
            nodes = forest([trees[b] for b in rows], [self._lengths[b] for b in rows])
            logits = self._run(nodes, rows, last_only=False)
            for b, row in zip(rows, logits, strict=True):
                results[b] = row[: len(trees[b].tokens)]
        self._expansion = _Expansion(tuple(trees), results)
        return list(results)

    def commit(self, paths: Sequence[Sequence[int]], /) -> None:
        """Keep, per row, the nodes of the last `expand` named root to leaf. No forward pass;
        moves the kept entries of the cache only."""
        expansion = self._expansion
        if expansion is None:
            raise BackendError("nothing to commit: `expand` was not the last operation")
        self._check_rows(paths, "paths")
        for tree, path in zip(expansion.trees, paths, strict=True):
            check_path(tree, path)
        self._expansion = None
        rows = [b for b, path in enumerate(paths) if len(path)]
        if not rows:
            return
        slots = [[n + i for i in path] for n, path in zip(self._lengths, paths, strict=True)]
        with torch.inference_mode():
            self._cache.move(slots, self._lengths)
        self._set_logits(rows, np.stack([expansion.logits[b][paths[b][-1]] for b in rows]))
        for b in rows:
            self._lengths[b] += len(paths[b])

    def _set_logits(self, rows: Sequence[int], new: Floats) -> None:
        # A new array each time: who still holds the old one sees no change.
        if len(rows) == self.rows:
            self._logits = np.ascontiguousarray(new)
        else:
            logits = self._logits.copy()
            logits[rows] = new
            self._logits = logits

    def _check_rows(self, given: Sequence[object], what: str) -> None:
        if len(given) != self.rows:
            raise BackendError(f"{len(given)} {what} for {self.rows} rows")

    def _run(self, nodes: Nodes, rows: Sequence[int], *, last_only: bool) -> Floats:
        """One forward pass; logits of shape ``(rows, nodes, V)``, or ``(rows, 1, V)``."""
        net = self._network
        longest = int(nodes.positions.max()) + 1
        if net.max_positions is not None and longest > net.max_positions:
            raise BackendError(
                f"{longest} tokens are more than the model's context of {net.max_positions}",
                hint="shorten the prompt, or lower `max_tokens`",
            )
        if nodes.tokens.min() < 0 or nodes.tokens.max() >= net.width:
            raise BackendError(
                f"a token id lies outside the model's vocabulary of {net.width} tokens"
            )
        more: dict[str, object] = {net.cache_name: self._cache}
        if last_only and net.keeps_logits:
            more["logits_to_keep"] = 1
        with _inference():
            self._cache.prepare(nodes.slots, rows)
            output = net.forward(
                input_ids=torch.as_tensor(nodes.tokens).to(net.device),
                position_ids=torch.as_tensor(nodes.positions).to(net.device),
                attention_mask=net.sight.masks(nodes, net.dtype, net.device),
                use_cache=True,
                **more,
            )
            logits = output.logits[:, -1:] if last_only else output.logits
            result = logits.float().cpu().numpy()
        self._forwards += 1
        return result


def _inference() -> AbstractContextManager[object]:
    return cast(AbstractContextManager[object], torch.inference_mode())
