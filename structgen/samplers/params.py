"""How the model's row is shaped before a token is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

from structgen.errors import OptionValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """Temperature and truncation, applied in this order:

    1. `temperature` divides the logits. This *tempered* model is what log-probabilities and
       importance weights refer to.
    2. the constraint's mask,
    3. `top_k`: keep the k likeliest allowed tokens (ties with the k-th are kept),
    4. `top_p`: of those, renormalised, the smallest likeliest set with at least this mass,
    5. `min_p`: of those, tokens at least this fraction as likely as the likeliest.

    Truncating after the mask is what serving engines do: the truncation then always finds
    `top_k` tokens that the constraint allows. ``temperature=0`` is greedy decoding: the likeliest
    allowed token, ties to the lowest id; log-probabilities then refer to temperature 1.

    Raises:
        OptionValueError: a value is out of range. TypeError: an unknown name.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0.0):
            raise OptionValueError(
                f"`temperature` must be finite and >= 0, given {self.temperature!r}",
                option="temperature",
            )
        if 0.0 < self.temperature < 1e-4:
            raise OptionValueError(
                f"`temperature` {self.temperature!r} is too small for float32; use 0 for greedy",
                option="temperature",
            )
        if self.top_k is not None and (
            isinstance(self.top_k, bool) or int(self.top_k) != self.top_k or self.top_k < 1
        ):
            raise OptionValueError(
                f"`top_k` must be an integer >= 1 or None, given {self.top_k!r}", option="top_k"
            )
        if not 0.0 < self.top_p <= 1.0:
            raise OptionValueError(
                f"`top_p` must lie in (0, 1], given {self.top_p!r}", option="top_p"
            )
        if not 0.0 <= self.min_p <= 1.0:
            raise OptionValueError(
                f"`min_p` must lie in [0, 1], given {self.min_p!r}", option="min_p"
            )

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken instead of a random one."""
        return self.temperature == 0.0

    @property
    def truncates(self) -> bool:
        """Whether any of `top_k`, `top_p`, `min_p` can remove a token."""
        return self.top_k is not None or self.top_p < 1.0 or self.min_p > 0.0
