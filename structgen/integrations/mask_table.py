"""Token masks that stay on the device: a step sends row numbers instead of masks.

    table = MaskTable(vocabulary.size, capacity=1024, device="cuda")
    rows = table.rows(matchers)
    apply_mask_(logits, table.masks, mask_rows=rows, temperature=0.7)

States of an automaton are shared by all texts that may go on in the same way, so a warm server asks
for the same masks again and again; each is uploaded once, until the table needs its row.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

from structgen._core import Matcher, fill_masks

# First, since it says what to install where torch is missing.
from structgen.integrations.torch import to_device

import torch  # isort: skip

Key: TypeAlias = "tuple[int, int]"
"""Generation of an automaton's states, which is unique in the process, and a state of it."""


class MaskTable:
    """A table of packed masks on a device, filled as states are met.

    Not to be shared between threads; on a CUDA device, to be used on one stream.

    Args:
        vocab_size: the width of the logits, `Vocabulary.size`.
        capacity: masks that it holds, of ``4 * ceil(vocab_size / 32)`` bytes each: 16 MB for a
            thousand masks of 128,000 tokens. The least recently used leaves first.
        device: where it is.
        staging: masks that are uploaded at a time, at most, and for which there is memory on the
            host; pinned where the device is a CUDA device, so that the host does not wait for it.
        threads: that compute masks; 0 takes as many as there are cores.

    Attributes:
        masks: the table, int32 of shape ``(capacity, words)``, for `apply_mask_`.
        hits, misses, evictions: states that were there, states that were uploaded, and masks
            that left for them, since the table was made.

    Raises:
        ValueError: a size is not positive.
    """

    def __init__(
        self,
        vocab_size: int,
        capacity: int,
        *,
        device: torch.device | str = "cuda",
        staging: int = 64,
        threads: int = 0,
    ) -> None:
        if min(vocab_size, capacity, staging) < 1:
            raise ValueError(
                f"`vocab_size` {vocab_size}, `capacity` {capacity} and `staging` {staging} must "
                "be positive"
            )
        self.vocab_size = vocab_size
        self.capacity = capacity
        self.hits = self.misses = self.evictions = 0
        words = (vocab_size + 31) // 32
        self.masks = torch.zeros((capacity, words), dtype=torch.int32, device=device)
        self._staging = staging
        self._threads = threads
        self._rows: OrderedDict[Key, int] = OrderedDict()  # the least recently used first
        self._free = list(range(capacity - 1, -1, -1))

    def __len__(self) -> int:
        """Masks that are there."""
        return len(self._rows)

    def row_of(self, matcher: Matcher) -> int:
        """The row of `masks` that holds the mask of this matcher's state; see `rows`."""
        return self._row_numbers([matcher])[0]

    def rows(self, matchers: Sequence[Matcher]) -> torch.Tensor:
        """For each matcher the row of `masks` with the mask of its state: int64, on the device.

        They hold until the next call. Masks that are not there are computed and uploaded; for the
        others, a look-up each is all.

        Raises:
            ValueError: the matchers are in more states than the table has rows, or of another
                vocabulary size.
            LimitExceeded, MatcherFinished and others: what `fill_masks` raises; masks that were
                uploaded before stay.
        """
        return to_device(self._row_numbers(matchers), self.masks.device)

    def clear(self) -> None:
        """Forget all masks, which does not count as evictions. The memory of the table stays."""
        self._rows.clear()
        self._free = list(range(self.capacity - 1, -1, -1))

    def _row_numbers(self, matchers: Sequence[Matcher]) -> list[int]:
        keys = [_key(matcher) for matcher in matchers]
        missing: dict[Key, Matcher] = {}
        for key, matcher in zip(keys, matchers, strict=True):
            if key in self._rows:
                self._rows.move_to_end(key)
                self.hits += 1
            elif key in missing:
                self.hits += 1
            elif matcher.vocabulary.size == self.vocab_size:
                missing[key] = matcher
            else:
                raise ValueError(
                    f"a matcher of {matcher.vocabulary.size} tokens, in a table of masks of "
                    f"{self.vocab_size}"
                )
        if missing:
            states = len(set(keys))
            if states > self.capacity:
                raise ValueError(
                    f"{states} states in one call, but the table has {self.capacity} rows; give it "
                    "a greater `capacity`"
                )
            wanted = list(missing.items())
            for start in range(0, len(wanted), self._staging):
                self._upload(wanted[start : start + self._staging])
        return [self._rows[key] for key in keys]

    def _upload(self, wanted: list[tuple[Key, Matcher]]) -> None:
        """Compute and upload masks.

        What is evicted was not asked for in this call: that was moved to the end.
        """
        # Pinned memory is torch's: it is used again when the device has read it.
        staged = torch.empty(
            (len(wanted), self.masks.shape[1]), dtype=torch.int32, pin_memory=self.masks.is_cuda
        )
        fill_masks([matcher for _, matcher in wanted], staged.numpy(), threads=self._threads)
        for key, _ in wanted:
            if not self._free:
                _, row = self._rows.popitem(last=False)
                self._free.append(row)
                self.evictions += 1
            self._rows[key] = self._free.pop()
        self.misses += len(wanted)
        device = self.masks.device
        rows = to_device([self._rows[key] for key, _ in wanted], device)
        self.masks.index_copy_(0, rows, staged.to(device, non_blocking=True))


def _key(matcher: Matcher) -> Key:
    """States are numbers that mean something only to the automaton, and to its generation of
    states, that handed them out."""
    return matcher.generation, matcher.state


__all__ = ["MaskTable"]
