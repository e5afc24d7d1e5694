"""Adaptive rejection on rows of logits: law, cost, weight, extremes. sampling.md's list of tests.

p-values are compared with ALARM = 1e-3 at fixed seeds; other tolerances stand beside the check.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from structgen.samplers import (
    GumbelKeys,
    Keyed,
    Lazy,
    LogitRow,
    Noise,
    RajPolicy,
    SamplingParams,
    draw_adaptive,
    draw_masked,
)
from structgen.testing import chi_square, mean_test, proper_weights

ALARM = 1e-3
PLAIN = SamplingParams()
Bools = npt.NDArray[np.bool_]


def gaussian(size: int, seed: int, sigma: float = 3.0) -> npt.NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(size=size) * sigma).astype(np.float32)


def noise_at(kind: str, keys: GumbelKeys, rng: np.random.Generator, i: int) -> Noise:
    return Keyed(keys, i, 0) if kind == "keyed" else Lazy(rng)


@pytest.mark.parametrize("kind", ["keyed", "lazy"])
@pytest.mark.parametrize("masked", [False, True], ids=["bare row", "masked row"])
def test_tokens_follow_the_restricted_row(kind: str, masked: bool) -> None:
    size, n = 700, 8_000  # two blocks of the lazy race
    row = LogitRow(gaussian(size, 1, 2.0))
    rng = np.random.default_rng(2)
    allowed: Bools = rng.random(size) < 0.3
    mask: Bools | None = allowed | (rng.random(size) < 0.3) if masked else None
    p = np.exp(row.logps())
    mass = float(p[allowed].sum())
    law = {int(t): float(p[t]) / mass for t in np.flatnonzero(allowed)}
    keys = GumbelKeys(5, size)
    counts: Counter[int] = Counter()
    pairs: list[tuple[int, float]] = []
    naive: list[float] = []
    for i in range(n):
        draw = draw_adaptive(
            row,
            mask,
            PLAIN,
            noise_at(kind, keys, rng, i),
            lambda t: bool(allowed[t]),
            RajPolicy(),
        )
        counts[draw.token] += 1
        pairs.append((draw.token, math.exp(draw.log_w)))
        naive.append(1.0 / (draw.rejected + 1))
    assert chi_square(counts, law) > ALARM
    assert mean_test([w for _, w in pairs], mass) > ALARM
    assert proper_weights(pairs, {t: q * mass for t, q in law.items()}) > ALARM
    if not masked:
        # Trap: one accept among n + 1 draws without replacement is no estimate of the mass.
        assert mean_test(naive, mass) < 1e-6


@pytest.mark.parametrize("kind", ["keyed", "lazy"])
def test_masked_draws_follow_the_restricted_row(kind: str) -> None:
    size, n = 700, 8_000
    row = LogitRow(gaussian(size, 3, 2.0))
    rng = np.random.default_rng(4)
    keys = GumbelKeys(6, size)
    p = np.exp(row.logps())
    for share in (0.5, 0.05):  # a dense row, and one that is gathered
        allowed = rng.random(size) < share
        mass = float(p[allowed].sum())
        counts = Counter(
            draw_masked(row, allowed, PLAIN, noise_at(kind, keys, rng, i)).token for i in range(n)
        )
        assert chi_square(counts, {int(t): p[t] / mass for t in np.flatnonzero(allowed)}) > ALARM
        draw = draw_masked(row, allowed, PLAIN, noise_at(kind, keys, rng, 0))
        assert draw.log_w == draw.log_z == pytest.approx(math.log(mass), abs=1e-6)
        assert draw.logp == pytest.approx(math.log(p[draw.token]), abs=1e-9)


@pytest.mark.parametrize(("case", "n"), [("random half", 4_000), ("five rare tokens", 700)])
def test_probes_follow_the_cost_law(case: str, n: int) -> None:
    """Probes to find X: ``1 + sum_r p_r / (p_r + Z)``, within 5 %."""
    size = 2_000
    logits = gaussian(size, 7)
    row = LogitRow(logits)
    p = np.exp(row.logps())
    rng = np.random.default_rng(8)
    if case == "random half":
        allowed = rng.random(size) < 0.5
    else:
        allowed = np.zeros(size, dtype=np.bool_)
        allowed[np.argsort(-logits)[300:305]] = True
    mass = p[allowed].sum()
    predicted = 1.0 + float((p[~allowed] / (p[~allowed] + mass)).sum())
    probes = [
        draw_adaptive(row, None, PLAIN, Lazy(rng), lambda t: bool(allowed[t]), RajPolicy()).rejected
        + 1
        for _ in range(n)
    ]
    assert np.mean(probes) == pytest.approx(predicted, rel=0.05)


@pytest.mark.parametrize("kind", ["keyed", "lazy"])
@pytest.mark.parametrize("log10_mass", [-3, -6, -9, -12, -18, -60, -200])
def test_a_rare_token_is_always_found_with_its_exact_weight(kind: str, log10_mass: int) -> None:
    """One allowed token of mass z: w = z to 1e-4 (float32 logits), never a dead particle."""
    size, only = 1001, 500
    log_mass = log10_mass * math.log(10.0)
    keys = GumbelKeys(9, size)
    for spike in (False, True):
        for seed in range(5):
            logits = gaussian(size, seed, 1.0).astype(np.float64)
            if spike:
                logits[3] = logits.max() + 8.0
            others = np.delete(logits, only)
            top = others.max()
            logits[only] = top + math.log(np.exp(others - top).sum()) + log_mass
            row = LogitRow(logits.astype(np.float32))
            rng = np.random.default_rng(seed)
            draw = draw_adaptive(
                row, None, PLAIN, noise_at(kind, keys, rng, seed), lambda t: t == only, RajPolicy()
            )
            assert draw.token == only
            assert draw.log_w == pytest.approx(row.logp(only), abs=1e-4)
            exact = draw_masked(
                row, np.arange(size) == only, PLAIN, noise_at(kind, keys, rng, seed)
            )
            assert exact.token == only
            assert exact.log_w == pytest.approx(row.logp(only), abs=1e-9)


def test_trap_mass_left_by_subtraction_dies() -> None:
    """What the peers do: 1 - (mass rejected). At z = 1e-18 nothing is left of it."""
    p = np.full(1000, (1.0 - 1e-18) / 999)
    p[0] = 1e-18
    left = 1.0
    for token in range(999, 0, -1):
        left -= p[token]
    assert abs(left - 1e-18) > 1e-17  # off by more than ten times, or zero, or negative


@pytest.mark.parametrize("kind", ["keyed", "lazy"])
def test_everything_allowed_has_weight_one(kind: str) -> None:
    rng = np.random.default_rng(10)
    for size in (2, 5, 511, 512, 513, 4096):
        keys = GumbelKeys(1, size)
        row = LogitRow(gaussian(size, size))
        for i in range(20):
            draw = draw_adaptive(
                row, None, PLAIN, noise_at(kind, keys, rng, i), lambda t: True, RajPolicy()
            )
            assert math.exp(draw.log_w) == pytest.approx(1.0, rel=1e-5)
            assert draw.probes == min(5, size)


@pytest.mark.parametrize("bound", [1, 2, 3, 8])
def test_a_bounded_search_stays_unbiased(bound: int) -> None:
    size, n = 40, 20_000
    row = LogitRow(gaussian(size, 11, 1.5))
    rng = np.random.default_rng(12)
    allowed = rng.random(size) < 0.4
    p = np.exp(row.logps())
    pairs: list[tuple[int, float]] = []
    for _ in range(n):
        draw = draw_adaptive(
            row,
            None,
            PLAIN,
            Lazy(rng),
            lambda t: bool(allowed[t]),
            RajPolicy(max_probes=bound),
        )
        assert draw.probes <= bound
        pairs.append((draw.token, math.exp(draw.log_w)))
    assert bound > 3 or any(token < 0 for token, _ in pairs)
    assert proper_weights(pairs, {int(t): float(p[t]) for t in np.flatnonzero(allowed)}) > ALARM


def test_mask_times_rejection_is_the_full_mask_in_expectation() -> None:
    size, n = 300, 6_000
    row = LogitRow(gaussian(size, 13, 2.0))
    rng = np.random.default_rng(14)
    upper = rng.random(size) < 0.5
    truth = upper & (rng.random(size) < 0.5)
    exact = draw_masked(row, truth, PLAIN, Lazy(rng)).log_z
    weights = [
        math.exp(
            draw_adaptive(row, upper, PLAIN, Lazy(rng), lambda t: bool(truth[t]), RajPolicy()).log_w
        )
        for _ in range(n)
    ]
    assert mean_test(weights, math.exp(exact)) > ALARM


def test_keyed_rejection_draws_what_the_keyed_mask_draws() -> None:
    """Same keys, same allowed set: the same token, however it is asked for."""
    size = 900
    rng = np.random.default_rng(15)
    keys = GumbelKeys(16, size)
    for i in range(300):
        row = LogitRow(gaussian(size, 1000 + i, 2.5))
        allowed = rng.random(size) < rng.random()
        if not allowed.any():
            continue
        upper = allowed | (rng.random(size) < 0.2)
        noise = Keyed(keys, i, 2)
        reference = int(np.argmax(np.where(allowed, row.logps() + keys.gumbels(i, 2), -np.inf)))
        assert draw_masked(row, allowed, PLAIN, noise).token == reference
        for mask in (None, upper):
            draw = draw_adaptive(
                row, mask, PLAIN, noise, lambda t, a=allowed: bool(a[t]), RajPolicy()
            )
            assert draw.token == reference


def test_fuzz_peaked_flat_and_forbidden_rows() -> None:
    rng = np.random.default_rng(17)
    for case in range(300):
        size = int(rng.integers(1, 1500))
        logits = (rng.normal(size=size) * 10.0 ** rng.uniform(-3, 2)).astype(np.float32)
        logits[rng.random(size) < 0.1] = -np.inf
        logits[int(rng.integers(size))] = 0.0
        if case % 3 == 0:
            logits[int(rng.integers(size))] = 300.0
        allowed = rng.random(size) < 10.0 ** rng.uniform(-3, 0)
        row = LogitRow(logits, 10.0 ** rng.uniform(-1, 1))
        keys = GumbelKeys(case, size)
        possible = bool((allowed & np.isfinite(logits)).any())
        for noise in (Keyed(keys, 0, 0), Lazy(rng)):
            exact = draw_masked(row, allowed, PLAIN, noise)
            draw = draw_adaptive(
                row, None, PLAIN, noise, lambda t, a=allowed: bool(a[t]), RajPolicy()
            )
            assert (exact.token >= 0) == (draw.token >= 0) == possible
            if possible:
                assert allowed[exact.token]
                assert allowed[draw.token]
                assert -np.inf < draw.log_w <= 1e-5
                assert exact.logp <= exact.log_w + 1e-5
