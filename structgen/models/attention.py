"""Which attention masks the layers of a model take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import torch

from structgen.errors import BackendError
from structgen.models.trees import Nodes

_FULL = ("full_attention",)
_WINDOWED = ("sliding_attention",)
_CHUNKED = ("chunked_attention",)
_WITHOUT_ATTENTION = ("moe", "mlp")
_TAKES_MASKS = ("eager", "sdpa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How far the layers of a model see.

    `kinds` is empty for models that take one mask (with `window` or `chunk` where it is limited),
    else the layer types of a model that takes one mask for each.
    """

    kinds: frozenset[str] = field(default_factory=frozenset[str])
    window: int | None = None
    chunk: int | None = None

    def masks(
        self, nodes: Nodes, dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Additive masks of shape ``(rows, 1, nodes, slots)``: 0 to see, the least finite number
        not to (minus infinity would make rows that see nothing NaN)."""
        if not self.kinds:
            return self._mask(nodes, self.window, self.chunk, dtype, device)
        limits = {
            **dict.fromkeys(_FULL, (None, None)),
            **dict.fromkeys(_WINDOWED, (self.window, None)),
            **dict.fromkeys(_CHUNKED, (None, self.chunk)),
        }
        return {
            kind: self._mask(nodes, *limits[kind], dtype, device) for kind in sorted(self.kinds)
        }

    @staticmethod
    def _mask(
        nodes: Nodes,
        window: int | None,
        chunk: int | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> torch.Tensor:
        visible = torch.as_tensor(nodes.visible(window=window, chunk=chunk)).to(device)
        mask = torch.zeros(visible.shape, dtype=dtype, device=device)
        return mask.masked_fill_(~visible, torch.finfo(dtype).min)[:, None]


def sight_of(config: object, name: str) -> Sight:
    """What a model's configuration says about its attention.

    Raises `BackendError` for models whose state is not keys and values per token (recurrent
    layers), that share them between layers, add biases of their own to attention scores, or run
    on kernels that take no mask: trees cannot be scored, or would be scored wrongly.
    """
    implementation = getattr(config, "_attn_implementation", None)
    if implementation not in _TAKES_MASKS:
        raise BackendError(
            f"`{name}` runs on the attention kernel {implementation!r}, which takes no tree mask",
            hint="load the model with attn_implementation='sdpa' or 'eager'",
        )
    if getattr(config, "is_encoder_decoder", False):
        raise BackendError(f"`{name}` is an encoder-decoder model; decoder-only models are driven")
    if getattr(config, "alibi", False) or getattr(config, "model_type", "") in ("bloom", "mpt"):
        raise BackendError(f"`{name}` computes its position biases (ALiBi) from unmasked lengths")
    shared = cast(Sequence[object], getattr(config, "kv_sharing_modes", None) or ())
    if "reuse" in shared or getattr(config, "num_kv_shared_layers", 0):
        raise BackendError(f"`{name}` shares keys and values between layers, which is not driven")
    types = cast("Sequence[str] | None", getattr(config, "layer_types", None))
    window = cast("int | None", getattr(config, "sliding_window", None))
    chunk = cast("int | None", getattr(config, "attention_chunk_size", None))
    if types is None:
        return Sight(window=window, chunk=chunk)
    kinds = frozenset(types) - frozenset(_WITHOUT_ATTENTION)
    unknown = kinds - frozenset((*_FULL, *_WINDOWED, *_CHUNKED))
    if unknown:
        raise BackendError(
            f"`{name}` has layers of type {', '.join(sorted(unknown))}, whose state is not keys "
            "and values per token; only attention layers are driven"
        )
    if len(kinds) > 1:
        return Sight(kinds=kinds, window=window, chunk=chunk)
    # One mask for all layers is taken by every model, masks by name only by those that mix.
    return Sight(
        window=window if kinds & frozenset(_WINDOWED) else None,
        chunk=chunk if kinds & frozenset(_CHUNKED) else None,
    )
