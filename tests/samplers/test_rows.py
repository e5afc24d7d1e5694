"""Rows, masks, parameters and truncation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from structgen.errors import BackendError
from structgen.samplers import (
    Greedy,
    GumbelKeys,
    Keyed,
    LogitRow,
    RajPolicy,
    SamplingParams,
    draw_adaptive,
    draw_masked,
    mask_words,
    masked_log_mass,
    pack_mask,
    truncate,
    unpack_mask,
)
from structgen.testing import mean_test


def row_of(size: int, seed: int, sigma: float = 3.0) -> npt.NDArray[np.float32]:
    return (np.random.default_rng(seed).normal(size=size) * sigma).astype(np.float32)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 1000])
def test_masks_pack_least_significant_bit_first(size: int) -> None:
    allowed = np.random.default_rng(size).random(size) < 0.5
    words = pack_mask(allowed)
    assert words.dtype == np.int32
    assert words.shape == (mask_words(size),)
    assert np.array_equal(unpack_mask(words, size), allowed)
    for token in range(size):
        assert bool((int(words[token // 32]) >> (token % 32)) & 1) == allowed[token]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.02, 0.0])
def test_masses_agree_with_plain_float64(temperature: float, share: float) -> None:
    logits = row_of(3000, 1)
    allowed = np.random.default_rng(2).random(3000) < share
    scaled = logits.astype(np.float64) / temperature
    logp = scaled - (scaled.max() + np.log(np.exp(scaled - scaled.max()).sum()))
    row = LogitRow(logits, temperature)
    assert np.allclose(row.logps(), logp, atol=1e-6)
    expected = math.log(np.exp(logp[allowed]).sum()) if allowed.any() else -math.inf
    support = row.support(allowed)
    assert support.log_mass == pytest.approx(expected, abs=1e-6)
    assert masked_log_mass(logits, pack_mask(allowed), temperature) == support.log_mass
    assert np.array_equal(support.tokens(), np.flatnonzero(allowed))
    for token in np.flatnonzero(allowed)[:20].tolist():
        index = support.index(token)
        assert support.token(index) == token
        assert math.log(support.weights[index]) + support.log_scale == pytest.approx(
            logp[token], abs=1e-5
        )


def test_no_mask_has_mass_one() -> None:
    assert masked_log_mass(row_of(5000, 3)) == pytest.approx(0.0, abs=1e-12)


def test_bad_rows_are_refused() -> None:
    for bad in (np.nan, np.inf):
        logits = row_of(10, 4)
        logits[3] = bad
        with pytest.raises(BackendError):
            LogitRow(logits)
    with pytest.raises(BackendError):
        LogitRow(np.full(5, -np.inf, dtype=np.float32))
    with pytest.raises(ValueError, match="shape"):
        LogitRow(np.zeros((1, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="mask"):
        LogitRow(row_of(10, 5)).support(np.ones(9, dtype=np.bool_))


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": -1.0},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": 1e-9},
        {"top_k": 0},
        {"top_k": 1.5},
        {"top_k": True},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_p": math.nan},
        {"min_p": -0.1},
        {"min_p": 1.5},
    ],
)
def test_bad_parameters_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|too small"):
        SamplingParams(**given)  # type: ignore[arg-type]


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(TypeError):
        SamplingParams(top_q=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="min_tail"):
        RajPolicy(min_tail=0)
    with pytest.raises(ValueError, match="max_probes"):
        RajPolicy(max_probes=0)
    with pytest.raises(ValueError, match="tail_per_reject"):
        RajPolicy(tail_per_reject=-1.0)


def naive(
    logits: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_], params: SamplingParams
) -> set[int]:
    """The definition, token by token: temperature, mask, top_k, top_p, min_p."""
    scaled = logits.astype(np.float64) / params.temperature
    p = np.exp(scaled - scaled.max())
    p[~allowed] = 0.0
    order = [int(t) for t in np.argsort(-p, kind="stable") if p[t] > 0.0]
    if params.top_k is not None and params.top_k < len(order):
        order = [t for t in order if p[t] >= p[order[params.top_k - 1]]]
    if params.top_p < 1.0:
        need = params.top_p * sum(p[t] for t in order)
        kept: list[int] = []
        mass = 0.0
        for t in order:
            if mass >= need:
                break
            kept.append(t)
            mass += p[t]
        order = kept
    return {t for t in order if p[t] >= params.min_p * p[order[0]]}


@pytest.mark.parametrize("seed", range(12))
def test_truncation_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.choice([8, 300, 5000]))
    logits = row_of(size, seed, float(rng.choice([0.1, 1.0, 4.0])))
    allowed = rng.random(size) < rng.choice([1.0, 0.4, 0.05])
    allowed[int(rng.integers(size))] = True
    for _ in range(6):
        params = SamplingParams(
            temperature=float(rng.choice([0.5, 1.0, 2.0])),
            top_k=int(rng.integers(1, 60)) if rng.random() < 0.5 else None,
            top_p=float(rng.uniform(0.05, 0.99)) if rng.random() < 0.6 else 1.0,
            min_p=float(rng.uniform(0.0, 0.5)) if rng.random() < 0.5 else 0.0,
        )
        row = LogitRow(logits, params.temperature)
        kept = truncate(row.support(allowed), params)
        assert set(kept.tokens().tolist()) == naive(logits, allowed, params)
        # The weight of a draw is the tempered model's mass on what is left, exactly.
        keys = GumbelKeys(seed, size)
        draw = draw_masked(row, allowed, params, Keyed(keys, 0, 0))
        mass = np.exp(row.logps()[kept.tokens()]).sum()
        assert draw.log_w == pytest.approx(math.log(mass), abs=1e-5)
        assert draw.log_z == pytest.approx(row.support(allowed).log_mass)
        assert draw.token in kept.tokens()


def test_ties_with_the_kth_are_kept() -> None:
    row = LogitRow(np.array([0.0, 1.0, 1.0, 1.0, -5.0], dtype=np.float32))
    kept = truncate(row.support(), SamplingParams(top_k=2))
    assert kept.tokens().tolist() == [1, 2, 3]


def test_truncation_applies_to_the_masked_row() -> None:
    """The mask first: top_k finds k allowed tokens, however unlikely."""
    logits = np.arange(100, dtype=np.float32)
    allowed = np.arange(100) < 10
    row = LogitRow(logits)
    kept = truncate(row.support(allowed), SamplingParams(top_k=3))
    assert kept.tokens().tolist() == [7, 8, 9]


def test_rejection_widens_a_truncation_that_leaves_nothing() -> None:
    logits = np.arange(50, dtype=np.float32) / 10.0
    row = LogitRow(logits)
    keys = GumbelKeys(0, 50)
    allowed = set(range(5))
    params = SamplingParams(top_k=5)
    mass = float(np.exp(row.logps()[:5]).sum())
    draws = [
        draw_adaptive(
            row,
            None,
            params,
            Keyed(keys, i, 0),
            lambda t: t in allowed,
            RajPolicy(),
        )
        for i in range(1_000)
    ]
    assert {d.token for d in draws} == allowed
    assert mean_test([math.exp(d.log_w) for d in draws], mass) > 1e-3
    assert all(d.rejected >= 5 for d in draws)


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_a_bound_on_probes_ends_no_search_outside_the_truncation(bound: int) -> None:
    """All that is kept is rejected: a legal token outside is found, and weighted properly, however
    few probes there are. Where something kept may be drawn, nothing outside is."""
    row = LogitRow(np.array([2.0, 1.5, 0.5, 0.0, -0.5], dtype=np.float32))
    keys = GumbelKeys(4, 5)
    params = SamplingParams(top_k=2)
    policy = RajPolicy(max_probes=bound)
    truth = np.exp(row.logps())
    for allowed in ({2, 3, 4}, {1, 3}, {3}):
        draws = [
            draw_adaptive(row, None, params, Keyed(keys, i, 0), allowed.__contains__, policy)
            for i in range(3_000)
        ]
        reachable = allowed & {0, 1} or allowed
        assert {draw.token for draw in draws} - {-1} == reachable
        for token in reachable:
            weights = [math.exp(d.log_w) if d.token == token else 0.0 for d in draws]
            assert mean_test(weights, float(truth[token])) > 1e-4, (allowed, token)
    greedy = LogitRow(np.array([2.0, 1.5, 0.5, 0.0, -0.5], dtype=np.float32), 0.0)
    cold = SamplingParams(temperature=0.0, top_k=2)
    drawn = draw_adaptive(greedy, None, cold, Greedy(), {2}.__contains__, policy)
    assert drawn.token == 2


def test_greedy_takes_the_likeliest_and_the_lowest_of_equals() -> None:
    logits = np.array([1.0, 3.0, 2.0, 3.0, 9.0], dtype=np.float32)
    row = LogitRow(logits, 0.0)
    params = SamplingParams(temperature=0.0)
    allowed = np.array([True, True, True, True, False])
    draw = draw_masked(row, allowed, params, Greedy())
    assert draw.token == 1
    assert draw.log_w == draw.logp == pytest.approx(row.logps()[1])
    assert draw.log_z == pytest.approx(row.support(allowed).log_mass)
    asked: list[int] = []

    def probe(token: int) -> bool:
        asked.append(token)
        return token == 2

    assert draw_adaptive(row, allowed, params, Greedy(), probe, RajPolicy()).token == 2
    assert asked == [1, 3, 2]
    # Near ties that `exp` rounds to the same weight are still told apart.
    close = np.array([np.float32(-1e-9), np.float32(0.0)], dtype=np.float32)
    assert draw_masked(LogitRow(close, 0.0), None, params, Greedy()).token == 1


def test_a_row_without_an_allowed_token_is_a_dead_end() -> None:
    row = LogitRow(np.array([0.0, -np.inf, 1.0], dtype=np.float32))
    keys = GumbelKeys(0, 3)
    params = SamplingParams()
    for allowed in (np.zeros(3, dtype=np.bool_), np.array([False, True, False])):
        draw = draw_masked(row, allowed, params, Keyed(keys, 0, 0))
        assert (draw.token, draw.log_w) == (-1, -math.inf)
    draw = draw_adaptive(row, None, params, Keyed(keys, 0, 0), lambda t: False, RajPolicy())
    assert (draw.token, draw.log_w, draw.rejected) == (-1, -math.inf, 2)
