"""Token masks on logits of `torch`.

    mask = sg.allocate_mask(len(matchers), vocabulary.size)
    sg.fill_masks(matchers, mask)
    apply_mask_(logits, mask, temperature=0.7)
    torch.multinomial(logits.softmax(-1), 1)

A mask is what `structgen.allocate_mask` makes, as an array or as a tensor of any device. On the CPU
the core does the work, on CUDA devices a Triton kernel, elsewhere operations of torch. Masks that
come again and again can stay on the device: see `structgen.integrations.mask_table`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from structgen._core import apply_masks
from structgen.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError.of(error, "torch", extra="transformers") from error

Mask: TypeAlias = "npt.NDArray[np.int32] | torch.Tensor"
Rows: TypeAlias = "Sequence[int] | torch.Tensor"

_NATIVE = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}


def apply_mask_(
    logits: torch.Tensor,
    mask: Mask,
    *,
    rows: Rows | None = None,
    mask_rows: Rows | None = None,
    temperature: float | Sequence[float] | torch.Tensor | None = None,
    vocab_size: int | None = None,
    threads: int = 0,
) -> torch.Tensor:
    """Set what masks forbid to minus infinity, in place, and divide the rest by a temperature.

    Args:
        logits: shape ``(n, width)``, or ``(width,)`` for one row; any floating type.
        mask: shape ``(m, words)``, int32, or ``(words,)``: packed masks, as `allocate_mask` says.
        rows: the rows of `logits` that are masked, each at most once; others stay as they are.
            Default: all, in order.
        mask_rows: for each of them its row of `mask`; rows may share one, so a table of masks can
            stay where it is and only indices change from step to step. Default: the first, the
            second, and so on.
        temperature: what the logits of the masked rows are divided by, one for all or one each;
            positive. Default: they keep their bits.
        vocab_size: tokens from here on are forbidden; default: those beyond ``32 * words``.
        threads: on the CPU; 0 takes one up to 16 rows, then as many as there are cores.

    Returns `logits`. Cost on the CPU: one pass over the rows, in which words of the mask that
    forbid or allow 32 tokens at once are not looked at bit by bit. On a CUDA device, where triton
    is installed and the logits are float32, float16 or bfloat16: one kernel, which without a
    temperature reads the mask and writes what is forbidden. Otherwise, by operations of torch,
    several passes and copies of the rows; the result is the same. The host does not wait for a
    CUDA device if the masks are there, or in pinned memory.

    What is on another device than the CPU is not looked at here: of `rows`, `mask_rows` and
    `temperature` there, only the shapes are checked. The kernel leaves out a row that does not
    exist, and forbids every token where the row of the mask does not exist.

    Raises:
        ValueError: shapes do not fit, a row is named twice or does not exist (checked where
            the indices are on the CPU), a temperature is not positive (likewise).
        TypeError: the logits are no floating numbers, or the mask is not int32.
    """
    if not logits.is_floating_point():
        raise TypeError(f"logits of {logits.dtype}: floating numbers are needed")
    if logits.requires_grad:
        raise ValueError("these logits take part in a gradient; mask `logits.detach()` instead")
    packed = torch.as_tensor(mask)
    if packed.dtype != torch.int32:
        raise TypeError(f"a mask of {packed.dtype}: packed words of torch.int32 are needed")
    if not (1 <= logits.dim() <= 2 and 1 <= packed.dim() <= 2):
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} and a mask of shape {tuple(packed.shape)}: "
            "both must be rows, or one row"
        )
    table = logits.unsqueeze(0) if logits.dim() == 1 else logits
    packed = packed.unsqueeze(0) if packed.dim() == 1 else packed
    words = packed.shape[1]
    size = min(words * 32, table.shape[1]) if vocab_size is None else vocab_size
    if not 0 <= size <= words * 32:
        raise ValueError(f"a mask of {words} words a row does not reach to `vocab_size` {size}")
    chosen = _host(rows, table.shape[0], "row of logits")
    sources = _host(mask_rows, packed.shape[0], "mask")
    if isinstance(chosen, list) and len(set(chosen)) != len(chosen):
        raise ValueError("a row of logits is named twice")
    count = table.shape[0] if chosen is None else len(chosen)
    given = packed.shape[0] if sources is None else len(sources)
    if given != count:
        raise ValueError(
            f"{count} rows of logits, but {given} masks; name them by `rows` and `mask_rows`"
        )
    scale = _temperatures(temperature, count)
    if (
        table.device.type == packed.device.type == "cpu"
        and not isinstance(chosen, torch.Tensor)
        and not isinstance(sources, torch.Tensor)
        and not isinstance(scale, torch.Tensor)
        and table.dtype in _NATIVE
        and table.is_contiguous()
    ):
        bits = table if table.dtype == torch.float32 else table.view(torch.uint16)
        apply_masks(
            bits.numpy(),
            packed.contiguous().numpy(),
            dtype=_NATIVE[table.dtype],
            rows=chosen,
            mask_rows=sources,
            temperatures=scale,
            size=size,
            threads=threads,
        )
    elif table.is_cuda and table.dtype in _NATIVE and _kernel_is_there():
        _apply_kernel(table, packed, chosen, sources, scale, size)
    else:
        _apply(table, packed, chosen, sources, scale, size)
    return logits


def unpack_mask(mask: torch.Tensor) -> torch.Tensor:
    """The bits of packed masks: int32 ``(m, words)`` to bool ``(m, 32 * words)``."""
    places = torch.arange(32, dtype=torch.int32, device=mask.device)
    return ((mask[:, :, None] >> places) & 1).flatten(1).to(torch.bool)


def to_device(
    values: Sequence[int] | Sequence[float] | torch.Tensor,
    device: torch.device,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """Numbers on a device, as they are or of one type; a list without a type becomes int64. The
    host does not wait for a CUDA device: lists go through pinned memory, which torch keeps until
    they are there."""
    if not isinstance(values, torch.Tensor):
        pinned = device.type == "cuda"
        values = torch.tensor(values, dtype=dtype or torch.int64, pin_memory=pinned)
    return values.to(device, dtype, non_blocking=True)


def _host(rows: Rows | None, count: int, what: str) -> list[int] | torch.Tensor | None:
    """Indices as a list, checked, unless a device has them: to look at them is to wait for it."""
    if rows is None or (isinstance(rows, torch.Tensor) and rows.device.type != "cpu"):
        return rows
    indices = cast("list[int]", _listed(rows)) if isinstance(rows, torch.Tensor) else list(rows)
    for index in indices:
        if not 0 <= index < count:
            raise ValueError(f"there is no {what} {index}: there are {count}")
    return indices


def _temperatures(
    given: float | Sequence[float] | torch.Tensor | None, count: int
) -> list[float] | torch.Tensor | None:
    if given is None:
        return None
    if isinstance(given, torch.Tensor) and given.device.type != "cpu":
        if given.numel() not in (1, count):
            raise ValueError(f"{given.numel()} temperatures for {count} rows")
        return given
    if isinstance(given, torch.Tensor):
        given = cast("float | list[float]", _listed(given))
    each = [float(one) for one in given] if isinstance(given, Sequence) else [float(given)] * count
    # As they are divided by: what is tiny or huge to a double may be zero or infinite there.
    each = cast("list[float]", _listed(torch.tensor(each, dtype=torch.float32)))
    if len(each) != count:
        raise ValueError(f"{len(each)} temperatures for {count} rows")
    for one in each:
        if not 0 < one < float("inf"):
            raise ValueError(
                f"temperature {one}: logits are divided by it, so it must be positive; for the "
                "likeliest token take the argmax of the masked row"
            )
    return each


def _listed(numbers: torch.Tensor) -> object:
    return numbers.numpy().tolist()


@cache
def _kernel_is_there() -> bool:
    return find_spec("triton") is not None


def _apply_kernel(
    logits: torch.Tensor,
    mask: torch.Tensor,
    rows: list[int] | torch.Tensor | None,
    mask_rows: list[int] | torch.Tensor | None,
    temperatures: list[float] | torch.Tensor | None,
    size: int,
) -> None:
    """The same by the Triton kernel."""
    from structgen.integrations.triton import apply_packed_

    device = logits.device
    if temperatures is not None:
        scale = to_device(temperatures, device, torch.float32).reshape(-1)
        temperatures = scale.expand(logits.shape[0] if rows is None else len(rows))
    apply_packed_(
        logits,
        mask.to(device, non_blocking=True).contiguous(),
        rows=None if rows is None else to_device(rows, device),
        mask_rows=None if mask_rows is None else to_device(mask_rows, device),
        temperatures=temperatures,
        size=size,
    )


def _apply(
    logits: torch.Tensor,
    mask: torch.Tensor,
    rows: list[int] | torch.Tensor | None,
    mask_rows: list[int] | torch.Tensor | None,
    temperatures: list[float] | torch.Tensor | None,
    size: int,
) -> None:
    """The same by operations of torch, on the device of the logits."""
    device = logits.device
    mask = mask.to(device, non_blocking=True)
    if mask_rows is not None:
        mask = mask[to_device(mask_rows, device)]
    index = None if rows is None else to_device(rows, device)
    found = logits if index is None else logits[index]
    width = min(size, logits.shape[1])
    if temperatures is not None:
        scale = to_device(temperatures, device, torch.float32)
        divided = (found.float() if found.element_size() < 4 else found) / scale.reshape(-1, 1)
        found.copy_(divided)
    found[:, :width].masked_fill_(~unpack_mask(mask)[:, :width], -torch.inf)
    found[:, width:] = -torch.inf
    if index is not None:
        logits[index] = found


__all__ = ["apply_mask_", "to_device", "unpack_mask"]
