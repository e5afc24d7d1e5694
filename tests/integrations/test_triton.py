"""The Triton kernel: what it does, in Triton's interpreter on the CPU, against the core; and what
it is compiled to, for a GPU that need not be there."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import structgen as sg

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("triton", reason="triton is not installed")

from structgen.integrations.torch import _apply_kernel, apply_mask_  # noqa: E402

from .test_torch import masks  # noqa: E402

HOME = "structgen.integrations.triton"


@pytest.fixture
def interpreted() -> Iterator[ModuleType]:
    """The module with its kernel interpreted, in the place of the other one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        spec = importlib.util.find_spec(HOME)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        patch.setitem(sys.modules, HOME, module)
        yield module


def logits_of(rows: int, width: int, dtype: Any, layout: str) -> Any:
    generator = torch.Generator().manual_seed(width)
    numbers = torch.randn(rows, width, generator=generator).to(dtype)
    numbers[:, ::7] = -0.0
    numbers[:, 3::31] = torch.inf
    if layout == "padded rows":
        return torch.cat([numbers, torch.zeros_like(numbers[:, :5])], dim=1)[:, :width]
    if layout == "columns apart":
        return torch.stack([numbers, numbers], dim=-1)[..., 0]
    return numbers


def bits(logits: Any) -> Any:
    return logits.contiguous().view(torch.int32 if logits.dtype == torch.float32 else torch.int16)


def by_the_core(logits: Any, mask: Any, temperatures: Any, **arguments: Any) -> Any:
    """What the core makes of them.

    Triton's interpreter cuts float32 off to bfloat16, where the core and a GPU round (see the test
    of the compiled kernel): then it is the float32 result that is cut off.
    """
    given = logits.clone(memory_format=torch.contiguous_format)
    if given.dtype == torch.bfloat16 and temperatures is not None:
        wide = apply_mask_(given.float(), mask, temperature=temperatures, **arguments)
        return (bits(wide) >> 16).to(torch.int16).view(torch.bfloat16)
    return apply_mask_(given, mask, temperature=temperatures, **arguments)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", ["contiguous", "padded rows", "columns apart"])
@pytest.mark.parametrize(
    ("width", "size"), [(64, 64), (2048, 2048), (2050, 2049), (4111, 4097), (4000, 4101), (33, 1)]
)
def test_bit_for_bit_as_the_core(
    interpreted: ModuleType, dtype: Any, layout: str, width: int, size: int
) -> None:
    logits = logits_of(5, width, dtype, layout)
    mask = torch.from_numpy(masks(4, size, seed=width))
    mask[2] = 0
    mask[3] = -1
    for rows, sources, temperatures in [
        (None, [0, 1, 2, 3, 3], None),
        (None, [0, 1, 2, 3, 0], [0.7, 1.0, 1.3, 0.01, 1.0]),
        ([4, 0, 2], [1, 1, 0], None),
        ([4, 0, 2], [2, 0, 3], [1.0, 3.0, 0.5]),
        ([1], [0], [0.9]),
        ([0, 1, 2, 3], None, [1.0, 1.0, 1.0, 2.0]),
        ([], [], []),
    ]:
        found = logits.clone(memory_format=torch.preserve_format)
        interpreted.apply_packed_(
            found,
            mask,
            rows=None if rows is None else torch.tensor(rows, dtype=torch.int64),
            mask_rows=None if sources is None else torch.tensor(sources, dtype=torch.int32),
            temperatures=None if temperatures is None else torch.tensor(temperatures),
            size=size,
        )
        expected = by_the_core(
            logits, mask, temperatures, rows=rows, mask_rows=sources, vocab_size=size
        )
        assert torch.equal(bits(found), bits(expected)), (rows, sources, temperatures)


def test_rows_that_do_not_exist(interpreted: ModuleType) -> None:
    """Nothing is written outside of the logits, and a mask that is not there allows nothing."""
    whole = torch.ones(4, 64)
    mask = torch.full((1, 2), -1, dtype=torch.int32)
    interpreted.apply_packed_(
        whole[1:3],
        mask,
        rows=torch.tensor([-1, 2, 0, 1]),
        mask_rows=torch.tensor([0, 0, 1, -1]),
        temperatures=torch.full((4,), 2.0),
        size=64,
    )
    assert torch.equal(whole[[0, 3]], torch.ones(2, 64))
    assert torch.equal(whole[1:3], torch.full((2, 64), -torch.inf))


def test_no_temperature_keeps_every_bit(interpreted: ModuleType) -> None:
    logits = torch.tensor([[float("nan"), -0.0, float("inf"), 1e-45]] * 2)
    before = bits(logits).clone()
    mask = torch.from_numpy(sg.allocate_mask(2, 4))
    for temperatures in (None, torch.ones(2)):
        interpreted.apply_packed_(
            logits, mask, rows=None, mask_rows=None, temperatures=temperatures, size=4
        )
        assert torch.equal(bits(logits), before)


@pytest.mark.usefixtures("interpreted")
def test_arguments_as_the_public_function_hands_them_on() -> None:
    logits = logits_of(3, 200, torch.float32, "contiguous")
    mask = torch.from_numpy(masks(2, 200, seed=1))
    spread = torch.stack([mask, mask], dim=-1)[..., 0]
    for rows, sources, temperatures in [
        ([2, 0], [1, 1], [0.7, 2.0]),
        (torch.tensor([2, 0]), torch.tensor([1, 1]), torch.tensor([0.7, 2.0])),
        (torch.tensor([2, 0]), None, torch.tensor(0.7)),
        (None, [0, 1, 0], torch.tensor([[0.7]], dtype=torch.float64)),
        (None, [0, 1, 0], None),
        ([], [], []),
    ]:
        found = logits.clone()
        _apply_kernel(found, spread, rows, sources, temperatures, 200)
        if isinstance(temperatures, torch.Tensor) and temperatures.numel() == 1:
            temperatures = float(temperatures)
        expected = apply_mask_(
            logits.clone(), mask, rows=rows, mask_rows=sources, temperature=temperatures
        )
        assert torch.equal(bits(found), bits(expected))


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")
def test_what_it_is_compiled_to(
    dtype: str, architecture: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from structgen.integrations.triton import BLOCK_WORDS, mask_kernel

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    if not isinstance(mask_kernel, triton.JITFunction):
        pytest.skip("TRITON_INTERPRET is set")
    names = mask_kernel.arg_names

    def compiled(temperatures: str) -> str:
        signature = dict.fromkeys(names, "i32") | {
            "logits": f"*{dtype}",
            "rows": "*i64",
            "masks": "*i32",
            "mask_rows": "*i32",
            "temperatures": temperatures,
            "column_stride": "constexpr",
            "block_words": "constexpr",
        }
        constants: dict[str, Any] = {"column_stride": 1, "block_words": BLOCK_WORDS}
        if temperatures == "constexpr":
            constants["temperatures"] = None
        aligned = ("logits", "row_stride", "width", "masks", "mask_stride")
        source = ASTSource(
            fn=mask_kernel,
            signature=signature,
            constexprs={(names.index(name),): value for name, value in constants.items()},
            attrs={(names.index(name),): [["tt.divisibility", 16]] for name in aligned},
        )
        target = GPUTarget("cuda", architecture, 32)
        return triton.compile(source, target=target).asm["ptx"]

    plain = compiled("constexpr")
    assert "st.global.v4.b32" in plain  # empty words: 16 bytes a lane
    # No logits are read: loads are 32 bits of a mask, or an index.
    assert set(re.findall(r"ld\.global\.(\S+)", plain)) <= {"b32", "b64"}
    assert "ld.global.v4" not in plain
    assert not re.search(r"\bdiv\.", plain)
    warm = compiled("*fp32")
    assert "ld.global.v4.b32" in warm
    assert set(re.findall(r"div\.(\w+)\.f32", warm)) == {"rn"}
    if dtype == "bf16":
        assert "cvt.rn.bf16" in warm
    if dtype == "fp16":
        assert "cvt.rn.f16.f32" in warm


def test_where_there_is_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        logits = logits_of(5, 4111, torch.float32, "contiguous").to(dtype)
        mask = torch.from_numpy(masks(3, 4097, seed=2))
        for temperature in (None, 0.7, [0.7, 1.0, 1.3]):
            arguments: dict[str, Any] = {"rows": [4, 0, 2], "mask_rows": [2, 0, 2]}
            arguments |= {"temperature": temperature, "vocab_size": 4097}
            found = apply_mask_(logits.cuda(), mask.cuda(), **arguments).cpu()
            expected = apply_mask_(logits.clone(), mask, **arguments)
            assert np.array_equal(
                found.view(torch.uint8).numpy(), expected.view(torch.uint8).numpy()
            )
