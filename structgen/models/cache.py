"""A key-value cache whose rows have lengths of their own.

The caches of `transformers` grow all rows together and copy everything on each step. Here keys
and values lie in preallocated storage; a forward pass writes each row's new entries to that row's
next slots, and committing the path of a tree moves only the tree's entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from transformers.cache_utils import Cache

_GROWTH = 128  # slots; storage grows by half, and at least by this much


class RowCache(Cache):
    """Keys and values of `rows` sequences, per layer of shape ``(rows, heads, slots, width)``.

    `prepare` says where the next forward pass writes; `transformers` then calls `update` once per
    layer. Slots beyond a row's length hold leftovers: the attention mask must hide them.
    """

    def __init__(self) -> None:
        super().__init__(layers=[])
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []
        self._rows = 1
        self._capacity = 0
        self._used = 0
        self._active: torch.Tensor | None = None
        self._slots: torch.Tensor | None = None
        self._start: int | None = None

    def prepare(self, slots: npt.NDArray[np.int64], rows: Sequence[int]) -> None:
        """The next pass runs `rows` (all of them, in order, or some) and writes the entries of
        row ``rows[i]`` to ``slots[i]``; `slots` has the shape ``(rows, entries)``."""
        flat = torch.as_tensor(slots)
        self._used = int(flat.max()) + 1
        count = flat.shape[1]
        everyone = list(rows) == list(range(self._rows))
        self._active = None if everyone else torch.tensor(rows, dtype=torch.long)
        first = int(flat[0, 0])
        same = bool((flat == torch.arange(first, first + count)).all())
        self._start = first if same and everyone else None
        self._slots = flat
        if self._used > self._capacity:
            self._grow(max(self._used, self._capacity + max(_GROWTH, self._capacity // 2)))

    def update(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *args: object,
        **kwargs: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store a layer's new entries; returns all entries of the rows in this pass."""
        while len(self._keys) <= layer_idx:
            self._keys.append(key_states.new_empty(0))
            self._values.append(value_states.new_empty(0))
        return (
            self._store(self._keys, layer_idx, key_states),
            self._store(self._values, layer_idx, value_states),
        )

    def _store(self, storage: list[torch.Tensor], layer: int, new: torch.Tensor) -> torch.Tensor:
        held = storage[layer]
        if held.numel() == 0:
            # Zeros, not garbage: a masked slot is multiplied by zero, and 0 * NaN is NaN.
            held = new.new_zeros(self._rows, new.shape[1], self._capacity, new.shape[3])
            storage[layer] = held
        if self._start is not None:
            held[:, :, self._start : self._start + new.shape[2]] = new
            return held[:, :, : self._used]
        rows = torch.arange(self._rows) if self._active is None else self._active
        rows = rows.to(held.device)
        slots = cast(torch.Tensor, self._slots).to(held.device)
        held[rows[:, None], :, slots] = new.transpose(1, 2)
        if self._active is None:
            return held[:, :, : self._used]
        return held[:, :, : self._used].index_select(0, rows)

    def _grow(self, capacity: int) -> None:
        for storage in (self._keys, self._values):
            for i, held in enumerate(storage):
                if held.numel():
                    wider = held.new_zeros(held.shape[0], held.shape[1], capacity, held.shape[3])
                    wider[:, :, : held.shape[2]] = held
                    storage[i] = wider
        self._capacity = capacity

    def select(self, rows: Sequence[int]) -> None:
        """Row i becomes a copy of row ``rows[i]``."""
        for storage in (self._keys, self._values):
            for i, held in enumerate(storage):
                if held.numel():
                    storage[i] = held.index_select(0, torch.tensor(rows, device=held.device))
        self._rows = len(rows)

    def move(self, sources: Sequence[Sequence[int]], starts: Sequence[int]) -> None:
        """In each row b, bring slots ``sources[b]`` to ``starts[b]`` and the slots after it.

        Rows may name different numbers of slots. Costs the entries moved, not the whole cache.
        """
        count = max(len(row) for row in sources)
        if all(
            list(row) == list(range(s, s + len(row)))
            for row, s in zip(sources, starts, strict=True)
        ):
            return
        target = torch.tensor(starts)[:, None] + torch.arange(count)
        source = target.clone()
        for b, row in enumerate(sources):
            source[b, : len(row)] = torch.tensor(row)
        # Padding copies slots to themselves; they may lie beyond the storage.
        target.clamp_(max=self._capacity - 1)
        source.clamp_(max=self._capacity - 1)
        rows = torch.arange(self._rows)[:, None]
        for storage in (self._keys, self._values):
            for held in storage:
                if held.numel():
                    at = rows.to(held.device)
                    held[at, :, target.to(held.device)] = held[at, :, source.to(held.device)]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Slots in use."""
        return self._used

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """Number and offset of the slots that the next pass sees."""
        return self._used, 0

    def nbytes(self) -> int:
        """Bytes of storage held."""
        return sum(t.numel() * t.element_size() for t in (*self._keys, *self._values))
