"""Statistical tests with stated false-alarm rates, on numpy alone.

Each returns a p-value: under the hypothesis tested it is (nearly) uniform, so that
``assert p > 1e-4`` with a fixed seed fails by accident for one seed in 10,000.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

K = TypeVar("K", bound=Hashable)


def chi_square_sf(statistic: float, freedom: int) -> float:
    """Probability that a chi-square variable with `freedom` degrees exceeds `statistic`.

    Regularised incomplete gamma function, by series or continued fraction (Numerical Recipes
    §6.2); relative error below 1e-10.
    """
    if statistic <= 0.0 or freedom <= 0:
        return 1.0
    a, x = freedom / 2.0, statistic / 2.0
    front = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        n = a
        while abs(term) > abs(total) * 1e-15:
            n += 1.0
            term *= x / n
            total += term
        return max(0.0, 1.0 - total * front)
    tiny = 1e-300
    b = x + 1.0 - a
    c = 1.0 / tiny
    d = 1.0 / b
    h = d
    for i in range(1, 10_000):
        an = -i * (i - a)
        b += 2.0
        d = an * d + b
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = b + an / c
        c = c if abs(c) > tiny else tiny
        step = d * c
        h *= step
        if abs(step - 1.0) < 1e-15:
            break
    return front * h


def normal_two_sided(z: float) -> float:
    """Probability that a standard normal is at least `z` away from 0."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def chi_square(counts: Mapping[K, int], law: Mapping[K, float]) -> float:
    """p-value of Pearson's test that `counts` were drawn from `law` (which sums to 1).

    Outcomes expected less than 5 times are pooled. An outcome outside the law gives 0.
    """
    if any(count and law.get(key, 0.0) <= 0.0 for key, count in counts.items()):
        return 0.0
    n = sum(counts.values())
    statistic, cells = 0.0, 0
    rare_seen, rare_expected = 0.0, 0.0
    for key, probability in law.items():
        expected = probability * n
        seen = counts.get(key, 0)
        if expected < 5.0:
            rare_seen += seen
            rare_expected += expected
            continue
        statistic += (seen - expected) ** 2 / expected
        cells += 1
    if rare_expected >= 5.0:
        statistic += (rare_seen - rare_expected) ** 2 / rare_expected
        cells += 1
    return chi_square_sf(statistic, cells - 1)


def mean_test(values: npt.ArrayLike, expected: float, *, tolerance: float = 1e-6) -> float:
    """p-value of the z-test that the mean of `values` is `expected`.

    Needs enough values for the normal law to hold. A mean within relative `tolerance` of
    `expected` passes whatever the variance: logits are float32, and weights may not vary at all.
    """
    x = np.asarray(values, dtype=np.float64)
    error = float(x.std(ddof=1)) / math.sqrt(x.size)
    gap = abs(float(x.mean()) - expected)
    if gap <= tolerance * abs(expected):
        return 1.0
    return normal_two_sided(gap / error) if error > 0.0 else 0.0


def proper_weights(
    samples: Iterable[tuple[K, float]], weight: Mapping[K, float], *, at_least: int = 30
) -> float:
    """p-value of the test that pairs (x, w) are properly weighted for `weight`:
    ``E[w * 1{X = x}] = weight[x]`` for every x.

    One z-test per outcome seen at least `at_least` times (the others pooled), the smallest
    p-value times their number (Bonferroni). An outcome outside `weight` with w > 0 gives 0.
    """
    pairs = list(samples)
    n = len(pairs)
    sums: dict[K, list[float]] = {}
    for key, w in pairs:
        if w > 0.0:
            if weight.get(key, 0.0) <= 0.0:
                return 0.0
            sums.setdefault(key, []).append(w)
    pooled: list[float] = []
    pooled_weight = 0.0
    tests: list[tuple[list[float], float]] = []
    for key, expected in weight.items():
        drawn = sums.get(key, [])
        if len(drawn) >= at_least:
            tests.append((drawn, expected))
        else:
            pooled += drawn
            pooled_weight += expected
    if pooled_weight > 0.0 and len(pooled) >= at_least:
        tests.append((pooled, pooled_weight))
    smallest = 1.0
    for drawn, expected in tests:
        x = np.zeros(n)
        x[: len(drawn)] = drawn
        smallest = min(smallest, mean_test(x, expected))
    return min(1.0, smallest * len(tests))


def log_mean_exp(log_values: npt.ArrayLike) -> float:
    """Log of the mean of the exponentials; -inf if all are -inf."""
    x = np.asarray(log_values, dtype=np.float64)
    top = float(x.max(initial=-np.inf))
    return top + math.log(float(np.exp(x - top).mean())) if math.isfinite(top) else -math.inf
