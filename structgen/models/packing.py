"""Faster linear layers on CPUs: weights laid out once as oneDNN wants them.

``torch.nn.Linear`` in float32 hands plain matrices to a BLAS that, for the few rows of a decoding
step, spends most of its time on rearranging the weights, again on every call. Rearranged once,
one token of SmolLM2 takes 0.65 of the time, a tree of 4 to 16 tokens half of it (one AMD EPYC
core): it is what makes the trees of speculative decoding worth scoring on a CPU. The operators
are those that torch's own compiler emits; where they are missing or disagree, nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch

_MAX_BYTES = 4 << 30
"""Packed weights are a second copy; larger models keep to one."""
_ROWS = 16
"""The number of rows that layouts are chosen for."""


def pack_linear_layers(model: object) -> int:
    """Give the float32 CPU linear layers of `model` packed weights; returns how many got them.

    Costs as much memory as their weights. Layers whose weights are changed or moved later go back
    to computing with those.
    """
    layers = [
        layer
        for layer in cast(torch.nn.Module, model).modules()
        if type(layer) is torch.nn.Linear
        and layer.weight.dtype == torch.float32
        and layer.weight.device.type == "cpu"
    ]
    if sum(layer.weight.numel() * 4 for layer in layers) > _MAX_BYTES:
        return 0
    if not layers or not torch.backends.mkldnn.is_available() or not _works():
        return 0
    for layer in layers:
        cast(Any, layer).forward = _packed_forward(layer)
    return len(layers)


def _pack(weight: torch.Tensor) -> torch.Tensor:
    return cast(Any, torch.ops).mkldnn._reorder_linear_weight(weight.detach(), _ROWS)


def _linear(x: torch.Tensor, packed: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return cast(Any, torch.ops).mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


def _works() -> bool:
    """Whether this build of torch has the operators and they compute what they should."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, 40, generator=generator)
    weight = torch.randn(24, 40, generator=generator)
    bias = torch.randn(24, generator=generator)
    try:
        with torch.inference_mode():
            got = _linear(x, _pack(weight), bias)
            return torch.allclose(got, torch.nn.functional.linear(x, weight, bias), atol=1e-4)
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return False


def _packed_forward(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    weight, bias = layer.weight, layer.bias
    version = weight._version
    with torch.inference_mode():
        packed = _pack(weight)

    def forward(x: torch.Tensor) -> torch.Tensor:
        unchanged = layer.weight is weight and layer.bias is bias and weight._version == version
        usable = x.dtype == torch.float32 and x.device.type == "cpu" and x.numel() > 0
        if unchanged and usable and not torch.is_grad_enabled() and weight.device.type == "cpu":
            return _linear(x, packed, bias)
        return torch.nn.functional.linear(x, layer.weight, layer.bias)

    return forward
