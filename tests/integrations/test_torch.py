"""Masks on logits: in the core and by operations of torch, against the definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import structgen as sg

torch = pytest.importorskip("torch")

from structgen.integrations.torch import apply_mask_, unpack_mask  # noqa: E402

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64]


def masks(rows: int, size: int, seed: int) -> Any:
    """Random masks in which whole words are full or empty, too; every bit past `size` is set."""
    rng = np.random.default_rng(seed)
    mask = sg.allocate_mask(rows, size)
    words = rng.integers(-(2**31), 2**31, mask.shape, dtype=np.int64).astype(np.int32)
    kinds = rng.integers(0, 3, mask.shape)
    mask[:] = np.select([kinds == 0, kinds == 1], [np.int32(0), sg.masks.ALL_TOKENS], words)
    for token in range(size, mask.shape[1] * 32):
        mask[:, token // 32] |= np.int32(np.int64(1 << token % 32).astype(np.int32))
    return mask


def expected(logits: Any, mask: Any, row: int, source: int, t: float | None, size: int) -> Any:
    """One row, token by token."""
    found = logits[row].clone()
    if t is not None:
        wide = found if found.dtype == torch.float64 else found.float()
        found = (wide / torch.tensor(t, dtype=torch.float32)).to(found.dtype)
    for token in range(logits.shape[1]):
        allowed = token < size and int(mask[source, token // 32]) >> (token % 32) & 1
        if not allowed:
            found[token] = -torch.inf
    return found


def scattered(logits: Any) -> Any:
    """The same numbers, not next to each other, which the core does not take."""
    return torch.stack([logits, logits], dim=-1)[..., 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", [torch.clone, scattered])
@pytest.mark.parametrize(("width", "size"), [(200, 200), (203, 200), (190, 200), (64, 64)])
def test_every_token_of_every_row(
    dtype: Any, layout: Callable[[Any], Any], width: int, size: int
) -> None:
    generator = torch.Generator().manual_seed(width)
    logits = torch.randn(5, width, generator=generator, dtype=torch.float64).to(dtype)
    mask = masks(3, size, seed=width)
    for rows, sources, temperature in [
        ([0, 1, 2, 3, 4], [0, 1, 2, 1, 0], None),
        ([4, 0, 2], None, 0.7),
        ([1], [2], [1.3]),
        ([], [], 0.7),
        ([], [], []),
        ([3, 1], torch.tensor([2, 2]), torch.tensor([0.5, 3.0])),
    ]:
        found = layout(logits)
        result = apply_mask_(
            found, mask, rows=rows, mask_rows=sources, temperature=temperature, vocab_size=size
        )
        assert result is found
        reference = logits.clone()
        for number, row in enumerate(rows):
            source = number if sources is None else int(sources[number])
            t = temperature
            if not (t is None or isinstance(t, float)):
                t = float(t[number])
            reference[row] = expected(logits, mask, row, source, t, size)
        assert torch.equal(found, reference), (rows, temperature)


def test_one_row_and_a_mask_of_the_engine() -> None:
    vocabulary = sg.Vocabulary([b"a", b"b", b"ab", None], eos_token_ids=[3])
    matcher = sg.regex("ab").compile(vocabulary).matcher()
    mask = sg.allocate_mask(1, vocabulary.size)
    matcher.fill_mask(mask, 0)
    logits = torch.zeros(6)  # a model with two padded columns
    apply_mask_(logits, torch.from_numpy(mask[0]), vocab_size=vocabulary.size)
    assert logits.tolist() == [0, -torch.inf, 0, *[-torch.inf] * 3]


def test_no_temperature_keeps_every_bit() -> None:
    logits = torch.tensor([[float("nan"), -0.0, float("inf"), 1e-45]])
    bits = logits.view(torch.int32).clone()
    apply_mask_(logits, sg.allocate_mask(1, 4))
    assert torch.equal(logits.view(torch.int32), bits)


def test_threads_change_nothing() -> None:
    logits = torch.randn(40, 500, generator=torch.Generator().manual_seed(1))
    mask = masks(40, 500, seed=1)
    one = apply_mask_(logits.clone(), mask, temperature=0.9, threads=1)
    assert torch.equal(one, apply_mask_(logits.clone(), mask, temperature=0.9, threads=4))
    assert torch.equal(one, apply_mask_(logits.clone(), mask, temperature=0.9))


def test_unpacked_bits() -> None:
    mask = masks(4, 100, seed=3)
    bits = np.unpackbits(mask.view(np.uint8), axis=1, bitorder="little").astype(bool)
    assert unpack_mask(torch.from_numpy(mask)).numpy().tolist() == bits.tolist()


@pytest.mark.parametrize("layout", [torch.clone, scattered])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": [0, 0]}, "named twice"),
        ({"rows": [0, 2]}, "no row of logits 2: there are 2"),
        ({"rows": [0, -1]}, "no row of logits -1"),
        ({"mask_rows": [0, 7]}, "no mask 7: there are 2"),
        ({"rows": [1]}, "1 rows of logits, but 2 masks"),
        ({"temperature": 0.0}, "must be positive"),
        ({"temperature": [1.0, float("nan")]}, "must be positive"),
        ({"temperature": 1e-60}, "must be positive"),
        ({"temperature": 1e60}, "must be positive"),
        ({"temperature": [1.0]}, "1 temperatures for 2 rows"),
        ({"vocab_size": 65}, "does not reach to `vocab_size` 65"),
    ],
)
def test_what_does_not_fit_is_refused(
    layout: Callable[[Any], Any], arguments: dict[str, Any], message: str
) -> None:
    logits = layout(torch.ones(2, 64))
    with pytest.raises(ValueError, match=message):
        apply_mask_(logits, sg.allocate_mask(2, 64), **arguments)
    assert torch.equal(logits, torch.ones(2, 64))


def test_what_is_no_logits_or_no_mask() -> None:
    mask = sg.allocate_mask(1, 32)
    with pytest.raises(TypeError, match="floating"):
        apply_mask_(torch.zeros(1, 32, dtype=torch.int64), mask)
    with pytest.raises(TypeError, match="packed words"):
        apply_mask_(torch.zeros(1, 32), torch.ones(1, 32, dtype=torch.bool))
    with pytest.raises(ValueError, match="gradient"):
        apply_mask_(torch.zeros(1, 32, requires_grad=True), mask)
    with pytest.raises(ValueError, match="rows, or one row"):
        apply_mask_(torch.zeros(1, 1, 32), mask)
