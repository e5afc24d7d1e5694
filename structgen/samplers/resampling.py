"""Resampling: N particles with weights become N particles without.

Every scheme is unbiased: particle i has ``N * W_i`` expected offspring. Their variance differs:
multinomial > stratified, residual > systematic in practice (Douc, Cappé & Moulines 2005; the
last inequality is not a theorem). All cost O(N).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

Scheme = Literal["systematic", "stratified", "multinomial", "residual"]
Ancestors = npt.NDArray[np.intp]


def effective_sample_size(log_w: npt.NDArray[np.float64]) -> float:
    """``(sum w)^2 / sum w^2`` of log weights, shape ``(n,)``; 0 if all are dead."""
    top = float(log_w.max(initial=-np.inf))
    if not np.isfinite(top):
        return 0.0
    w = np.exp(log_w - top)
    return float(w.sum() ** 2 / (w * w).sum())


def resample(
    weights: npt.NDArray[np.float64], rng: Generator, scheme: Scheme = "systematic"
) -> Ancestors:
    """The ancestor of each of the n new particles, shape ``(n,)``, ascending but for
    multinomial draws.

    `weights` sum to 1, shape ``(n,)``. A particle of weight 0 has no offspring.
    """
    n = weights.size
    if scheme == "residual":
        return _residual(weights, rng)
    if scheme == "systematic":
        points = (np.arange(n) + rng.random()) / n
    elif scheme == "stratified":
        points = (np.arange(n) + rng.random(n)) / n
    elif scheme == "multinomial":
        points = rng.random(n)
    else:
        raise ValueError(f"unknown resampling scheme {scheme!r}")
    return _invert(weights, points)


def _invert(weights: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> Ancestors:
    cumulative = np.cumsum(weights)
    # Scaled, because the sum may miss 1 by rounding; `right` skips particles of weight 0.
    found: Ancestors = np.searchsorted(cumulative, points * float(cumulative[-1]), side="right")
    last = int(np.flatnonzero(weights)[-1])
    return np.minimum(found, last)


def _residual(weights: npt.NDArray[np.float64], rng: Generator) -> Ancestors:
    n = weights.size
    share = weights * (n / weights.sum())
    # A share of an exact integer may come out a rounding error below it.
    certain = np.floor(share * (1.0 + 1e-12)).astype(np.intp)
    ancestors = np.repeat(np.arange(n), certain)
    rest = np.maximum(share - certain, 0.0)
    missing = n - ancestors.size
    if missing > 0:
        drawn = _invert(rest / rest.sum(), rng.random(missing))
        ancestors = np.sort(np.concatenate([ancestors, drawn]))
    return ancestors[:n]
