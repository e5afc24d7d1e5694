"""Randomness: reproducible, addressable, independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from structgen.samplers import GumbelKeys, LogitRow, particle_id
from structgen.samplers.keys import BLOCK
from structgen.samplers.race import KeyedRace


@pytest.mark.parametrize("size", [1, 5, 255, 256, 257, 1003, 5000])
def test_any_block_can_be_drawn_alone(size: int) -> None:
    whole = GumbelKeys(123, size).exponentials(5, 17)
    assert whole.shape == (size,)
    row = GumbelKeys(123, size).row(5, 17)
    for number in reversed(range(-(-size // BLOCK))):
        block = row.block(number)
        part = whole[number * BLOCK : (number + 1) * BLOCK]
        assert np.array_equal(block, part)
        assert block.min() == row.minima[number]
        assert not block.flags.writeable
    assert np.array_equal(row.all(), whole)
    assert np.array_equal(GumbelKeys(123, size).gumbels(5, 17), -np.log(whole))


@pytest.mark.parametrize("peak", [0.0, 12.0], ids=["flat", "peaked"])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.05])
def test_a_keyed_race_is_the_sorted_race(peak: float, share: float) -> None:
    """Whether blocks are opened one by one or all at once, the order is that of E / p."""
    size = 30_000
    rng = np.random.default_rng(8)
    opened: set[bool] = set()
    for position in range(12):
        logits = rng.normal(size=size).astype(np.float32) * 2.0
        logits[rng.integers(size, size=20)] += peak
        allowed = rng.random(size) < share
        row = LogitRow(logits)
        support = row.support(allowed)
        keys = GumbelKeys(9, size)
        race = KeyedRace(row, support, keys.row(0, position))
        with np.errstate(divide="ignore"):
            times = keys.exponentials(0, position) / np.where(allowed, np.exp(row.logps()), 0.0)
        for token in np.argsort(times)[:60].tolist():
            arrival = race.draw()
            assert arrival is not None
            assert arrival[0] == token
            opened.add(race._order is None)
    assert opened == ({True, False} if peak else {False}) or share < 1.0


def test_places_differ_and_repeat() -> None:
    first = GumbelKeys(1, 64)
    rows = {
        (particle, position): first.exponentials(particle, position)
        for particle in (0, 1, particle_id(1, 1))
        for position in range(8)
    }
    assert len({row.tobytes() for row in rows.values()}) == len(rows)
    again = GumbelKeys(1, 64)
    for (particle, position), row in reversed(rows.items()):
        assert np.array_equal(again.exponentials(particle, position), row)
    assert not np.array_equal(GumbelKeys(2, 64).exponentials(0, 0), rows[0, 0])
    draws = {g.random() for g in (first.generator(0, 0), first.generator(0, 1), first.named(0))}
    assert len(draws) == 3
    assert first.generator(3, 4).random() == GumbelKeys(1, 64).generator(3, 4).random()


def test_exponentials_are_standard_and_uncorrelated() -> None:
    """Mean, variance and correlations within 5 standard errors, 256k numbers."""
    keys = GumbelKeys(7, 4096)
    x = np.stack([keys.exponentials(i % 8, i // 8) for i in range(64)])
    n = x.size
    assert x.min() > 0.0
    assert abs(x.mean() - 1.0) < 5.0 / math.sqrt(n)
    assert abs(x.var() - 1.0) < 5.0 * math.sqrt(8.0 / n)
    assert np.median(x) == pytest.approx(math.log(2.0), abs=5.0 / math.sqrt(n))
    assert scipy.stats.kstest(x.ravel(), "expon").pvalue > 1e-3
    # Minima of any other 256 tokens behave as those of a block.
    shifted = x[:, 100 : 100 + 15 * 256].reshape(-1, 256).min(axis=1) * 256
    assert scipy.stats.kstest(shifted, "expon").pvalue > 1e-3
    for a, b in ((x[:-1], x[1:]), (x[:, :-1], x[:, 1:]), (x[:, :-4], x[:, 4:])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5.0 / math.sqrt(a.size)


def test_ranges_are_checked() -> None:
    for seed in (-1, 1 << 64):
        with pytest.raises(ValueError, match="seed"):
            GumbelKeys(seed, 4)
    GumbelKeys((1 << 64) - 1, 4).exponentials(particle_id((1 << 32) - 1, (1 << 31) - 1), 10**6)
    with pytest.raises(ValueError, match="slot"):
        particle_id(-1)
    with pytest.raises(ValueError, match="slot"):
        particle_id(1 << 32)
    assert GumbelKeys(None, 4).seed != GumbelKeys(None, 4).seed
