"""One row of logits: masses, log-probabilities, and what a mask and a truncation leave of it.

Logits come in as float32; sums are float64. Everything is relative to a maximum, and a set of
rare tokens is exponentiated again relative to *its own* maximum, so that a mass of 1e-300 is as
exact as a mass of 1: no quantity here is obtained by subtracting two masses.

PERF: a dense row of 128k tokens costs two passes (maximum, float32 ``exp``), about 0.1 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from structgen.errors import BackendError
from structgen.samplers.params import SamplingParams

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Allowed = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.intp]

# A masked row with fewer than 1/8 of the tokens is gathered rather than swept: below that,
# `flatnonzero` and a gather cost less than the dense passes.
_GATHER = 8
# Below this share of the row's maximum, float32 weights are rebuilt relative to the set's own
# maximum in float64. float32 keeps full precision down to 1e-38, so this leaves a wide margin.
_FLOOR = 1e-20


def mask_words(size: int) -> int:
    """Number of int32 words of a packed mask over `size` tokens."""
    return (size + 31) // 32


def unpack_mask(words: npt.NDArray[np.int32], size: int) -> Allowed:
    """The packed mask `words`, shape ``(ceil(size/32),)``, LSB first, as bools ``(size,)``."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, count=size, bitorder="little").view(np.bool_)


def pack_mask(allowed: Allowed) -> npt.NDArray[np.int32]:
    """Inverse of `unpack_mask`: shape ``(ceil(size/32),)`` int32, unused bits zero."""
    octets = np.zeros(mask_words(allowed.size) * 4, dtype=np.uint8)
    packed = np.packbits(allowed, bitorder="little")
    octets[: packed.size] = packed
    return octets.view(np.int32)


@dataclass(frozen=True, slots=True)
class Support:
    """Tokens that may be drawn, with unnormalised weights.

    ``log p(token i) = log(weights[i]) + log_scale`` under the tempered model. `ids[i]` is the
    token of index i; None means that index and token id are the same (a dense row, in which
    forbidden tokens have weight 0).
    """

    ids: Ids | None
    weights: Floats
    log_scale: float
    total: float
    allowed: Allowed | None = None
    """The mask of a dense row (None: everything), which also knows of weights that underflowed."""

    def candidates(self) -> Ids:
        """Ids of all tokens of this support, also those whose weight underflowed to 0."""
        if self.ids is not None:
            return self.ids
        if self.allowed is not None:
            return np.flatnonzero(self.allowed)
        return np.arange(self.weights.size, dtype=np.intp)

    @property
    def log_mass(self) -> float:
        """Log of the tempered model's mass on these tokens."""
        return math.log(self.total) + self.log_scale if self.total > 0.0 else -math.inf

    def token(self, index: int) -> int:
        """The token id at `index`."""
        return index if self.ids is None else int(self.ids[index])

    def tokens(self) -> Ids:
        """Ids of all tokens with positive weight, ascending."""
        live = np.flatnonzero(self.weights > 0)
        return live if self.ids is None else self.ids[live]

    def index(self, token: int) -> int:
        """Index of `token`, or -1 if it is not among these tokens."""
        if self.ids is None:
            return token if self.weights[token] > 0 else -1
        at = int(np.searchsorted(self.ids, token))
        return at if at < self.ids.size and int(self.ids[at]) == token else -1


_EMPTY = Support(
    ids=np.empty(0, dtype=np.intp),
    weights=np.empty(0, dtype=np.float64),
    log_scale=0.0,
    total=0.0,
)


class LogitRow:
    """The next-token law of the tempered model, shape ``(V,)``.

    At ``temperature=0`` the law is that of temperature 1; the caller takes its maximum.

    Raises:
        BackendError: a logit is NaN or +inf, or all are -inf.
    """

    __slots__ = ("_exp", "log_total", "logits", "scale", "top")

    def __init__(self, logits: npt.NDArray[np.float32], temperature: float = 1.0) -> None:
        if logits.ndim != 1:
            raise ValueError(f"one row of logits has shape (V,), given {logits.shape}")
        row = logits if logits.dtype == np.float32 else logits.astype(np.float32)
        top = float(row.max(initial=-np.inf))
        if not math.isfinite(top):
            raise BackendError(f"the model's logits are not finite (maximum {top})")
        self.logits = row
        self.top = top
        self.scale = 1.0 / temperature if temperature > 0.0 else 1.0
        shifted = row - np.float32(top)
        if self.scale != 1.0:
            shifted *= np.float32(self.scale)
        self._exp = np.exp(shifted, out=shifted)
        self.log_total = math.log(float(self._exp.sum(dtype=np.float64)))

    @property
    def size(self) -> int:
        """Number of tokens, V."""
        return self.logits.size

    def logp(self, token: int) -> float:
        """Log-probability of `token` under the tempered model."""
        return (float(self.logits[token]) - self.top) * self.scale - self.log_total

    def logps(self) -> npt.NDArray[np.float64]:
        """Log-probabilities of all tokens, shape ``(V,)``."""
        return (self.logits.astype(np.float64) - self.top) * self.scale - self.log_total

    def gather(self, ids: Ids) -> Support:
        """The support `ids` (ascending), weights relative to its own maximum, in float64."""
        if ids.size == 0:
            return _EMPTY
        logits = self.logits[ids].astype(np.float64)
        top = float(logits.max())
        if top == -math.inf:
            return _EMPTY
        weights = np.exp((logits - top) * self.scale)
        return Support(
            ids=ids,
            weights=weights,
            log_scale=(top - self.top) * self.scale - self.log_total,
            total=float(weights.sum()),
        )

    def support(self, allowed: Allowed | None = None) -> Support:
        """The tokens of `allowed`, bools of shape ``(V,)``; None allows every token."""
        if allowed is None:
            return Support(
                ids=None,
                weights=self._exp,
                log_scale=-self.log_total,
                total=math.exp(self.log_total),
            )
        if allowed.shape != self.logits.shape:
            raise ValueError(f"mask of shape {allowed.shape} for a row of {self.logits.shape}")
        if int(np.count_nonzero(allowed)) * _GATHER < self.size:
            return self.gather(np.flatnonzero(allowed))
        weights = self._exp * allowed
        total = float(weights.sum(dtype=np.float64))
        if total < _FLOOR:
            return self.gather(np.flatnonzero(allowed))
        return Support(
            ids=None,
            weights=weights,
            log_scale=-self.log_total,
            total=total,
            allowed=allowed,
        )

    def greedy(self, support: Support) -> int:
        """Index in `support` of the likeliest token, ties to the lowest id; -1 if empty."""
        if support.total <= 0.0:
            return -1
        # Compared as logits: `exp` may round two different logits to the same weight.
        if support.ids is None:
            return int(np.where(support.weights > 0, self.logits, -np.inf).argmax())
        return int(self.logits[support.ids].argmax())


def masked_log_mass(
    logits: npt.NDArray[np.float32],
    words: npt.NDArray[np.int32] | None = None,
    temperature: float = 1.0,
) -> float:
    """``log Z``: log of the model's mass on the allowed tokens of one row.

    Shapes ``(V,)`` and ``(ceil(V/32),)``. -inf if nothing is allowed.
    """
    row = LogitRow(logits, temperature)
    return row.support(None if words is None else unpack_mask(words, row.size)).log_mass


def truncate(support: Support, params: SamplingParams) -> Support:
    """What `top_k`, `top_p` and `min_p`, in that order, leave of `support`.

    Never empty unless `support` is. Cost: one partition, and a sort of the head of the row.
    """
    if not params.truncates or support.total <= 0.0:
        return support
    weights = support.weights
    threshold = 0.0
    if params.top_k is not None and params.top_k < weights.size:
        threshold = float(np.partition(weights, -params.top_k)[-params.top_k])
    if params.top_p < 1.0:
        threshold = max(threshold, _nucleus_threshold(weights, threshold, params.top_p))
    if params.min_p > 0.0:
        threshold = max(threshold, params.min_p * float(weights.max()))
    keep = np.flatnonzero((weights >= threshold) & (weights > 0))
    kept = weights[keep].astype(np.float64)
    return Support(
        ids=keep if support.ids is None else support.ids[keep],
        weights=kept,
        log_scale=support.log_scale,
        total=float(kept.sum()),
    )


def _nucleus_threshold(weights: Floats, floor: float, top_p: float) -> float:
    """The smallest weight of the smallest likeliest set holding `top_p` of the mass of the
    weights that reach `floor`."""
    live = weights[weights >= floor] if floor > 0.0 else weights
    need = top_p * float(live.sum(dtype=np.float64))
    head = 1024
    while True:
        # The head nearly always suffices; a flat row falls through to a full sort.
        part = live if head >= live.size else np.partition(live, -head)[-head:]
        ordered = np.sort(part)[::-1].astype(np.float64)
        mass = np.cumsum(ordered)
        at = int(np.searchsorted(mass, need * (1.0 - 1e-12)))
        if at < ordered.size:
            return float(ordered[at])
        if head >= live.size:
            return 0.0
        head *= 16
