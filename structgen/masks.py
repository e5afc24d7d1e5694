"""Arrays of token masks, in the layout that host engines expect."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from structgen._core import fill_masks, fill_tree_masks

ALL_TOKENS = np.int32(-1)
"""A mask word with all 32 bits set."""


def allocate_mask(rows: int, vocab_size: int) -> npt.NDArray[np.int32]:
    """A mask that allows every token, shape ``(rows, ceil(vocab_size / 32))``, int32.

    Bit ``t % 32`` of word ``t // 32``, least significant first, says whether token t is allowed:
    the layout of llguidance, xgrammar, vLLM and SGLang. Every bit is set, padding bits past
    `vocab_size` too, so that a row nobody fills constrains nothing. `vocab_size` is the width of
    the logits, `Vocabulary.size`.

    Raises:
        ValueError: `rows` is negative, or `vocab_size` is not positive.
    """
    if rows < 0 or vocab_size < 1:
        raise ValueError(f"a mask needs rows >= 0 and vocab_size >= 1, got {rows}, {vocab_size}")
    return np.full((rows, (vocab_size + 31) // 32), ALL_TOKENS, dtype=np.int32)


def allowed_tokens(
    mask: npt.NDArray[np.int32], vocab_size: int, row: int = 0
) -> npt.NDArray[np.intp]:
    """The ids that ``mask[row]`` allows, ascending. Cost: one pass over `vocab_size` bits."""
    octets = np.ascontiguousarray(mask[row]).view(np.uint8)
    return np.flatnonzero(np.unpackbits(octets, count=vocab_size, bitorder="little"))


__all__ = ["ALL_TOKENS", "allocate_mask", "allowed_tokens", "fill_masks", "fill_tree_masks"]
