# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false
# (triton has no types)
"""The Triton kernel behind `structgen.integrations.torch.apply_mask_` on CUDA devices.

One program masks one block of one row. Without a temperature, or at 1, the logits are not read and
only forbidden columns are written: 32 tokens that are allowed at once cost their word of the mask.
With one, what is written again is read; 32 tokens that are forbidden at once are only written.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
"""Logits that the kernel takes."""

BLOCK_WORDS = 64
"""Words of the mask, of 32 tokens each, that one program looks at."""


@triton.jit
def mask_kernel(
    logits,  # pyright: ignore
    row_stride,  # pyright: ignore
    column_stride,  # pyright: ignore
    height,  # pyright: ignore
    width,  # pyright: ignore
    rows,  # pyright: ignore
    masks,  # pyright: ignore
    mask_stride,  # pyright: ignore
    mask_height,  # pyright: ignore
    mask_rows,  # pyright: ignore
    temperatures,  # pyright: ignore
    temperature_stride,  # pyright: ignore
    size,  # pyright: ignore
    block_words: tl.constexpr,
):
    """Rows and mask rows are those of the index tensors, or counted where these are None.

    Indices are not known to the host, so the kernel guards itself: it leaves alone what is no row
    of the logits, and allows nothing by what is no row of the masks.
    """
    number = tl.program_id(0)
    row = number.to(tl.int64)
    if rows is not None:
        row = tl.load(rows + number).to(tl.int64)
    source = number.to(tl.int64)
    if mask_rows is not None:
        source = tl.load(mask_rows + number).to(tl.int64)
    words = tl.program_id(1) * block_words + tl.arange(0, block_words)
    reach = tl.where((source >= 0) & (source < mask_height), size, 0)
    packed = tl.load(masks + source * mask_stride + words, mask=words * 32 < reach, other=0)
    bits = tl.arange(0, 32)[None, :]
    columns = words[:, None] * 32 + bits
    allowed = (((packed[:, None] >> bits) & 1) != 0) & (columns < size)
    inside = columns < tl.where((row >= 0) & (row < height), width, 0)
    places = logits + row * row_stride + columns.to(tl.int64) * column_stride
    forbidden = tl.full((block_words, 32), float("-inf"), logits.dtype.element_ty)
    # Words that forbid all of their tokens apart: there a store is as wide as the machine's.
    empty = (packed == 0)[:, None]
    tl.store(places, forbidden, mask=inside & empty)
    scale = 1.0
    if temperatures is not None:
        scale = tl.load(temperatures + number * temperature_stride)
    if scale == 1.0:
        tl.store(places, forbidden, mask=inside & ~empty & ~allowed)
    else:
        found = tl.load(places, mask=inside & ~empty, other=0.0).to(tl.float32)
        # `div_rn` rounds as torch and the core do; `/` may be two places off.
        scaled = tl.div_rn(found, scale).to(logits.dtype.element_ty)
        tl.store(places, tl.where(allowed, scaled, forbidden), mask=inside & ~empty)


def apply_packed_(
    logits: torch.Tensor,
    masks: torch.Tensor,
    *,
    rows: torch.Tensor | None,
    mask_rows: torch.Tensor | None,
    temperatures: torch.Tensor | None,
    size: int,
) -> None:
    """Mask rows of `logits` in place, as `apply_mask_` says, on the current stream.

    Args:
        logits: ``(n, width)``, one of `DTYPES`, of any strides.
        masks: ``(m, words)``, int32, with the words of a row next to each other.
        rows, mask_rows: integers, one for each row that is masked; None: all in order. A row
            that `logits` lacks is left out; where `masks` lacks the row, all tokens are forbidden.
        temperatures: float32, one for each row that is masked; of any stride.
        size: tokens from here on are forbidden; at most ``32 * words``.

    All tensors live on the device of the logits; nothing waits for it.
    """
    height, width = logits.shape
    count = height if rows is None else rows.shape[0]
    blocks = triton.cdiv(width, 32 * BLOCK_WORDS)
    if not count or not blocks:
        return
    with torch.cuda.device_of(logits):
        mask_kernel[(count, blocks)](
            logits,
            logits.stride(0),
            logits.stride(1),
            height,
            width,
            rows,
            masks,
            masks.stride(0),
            masks.shape[0],
            mask_rows,
            temperatures,
            0 if temperatures is None else temperatures.stride(0),
            size,
            block_words=BLOCK_WORDS,  # pyright: ignore[reportArgumentType]
        )


__all__ = ["BLOCK_WORDS", "DTYPES", "apply_packed_", "mask_kernel"]
