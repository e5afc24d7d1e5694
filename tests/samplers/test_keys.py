"""Randomness: reproducible, addressable, independent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from structgen.samplers import GumbelKeys, particle_id


def test_any_token_can_be_computed_alone() -> None:
    keys = GumbelKeys(123, 1003)
    whole = keys.exponentials(5, 17)
    for ids in ([0], [1, 2, 3, 4], [999, 1000, 1001, 1002], list(range(0, 1003, 40))):
        alone = GumbelKeys(123, 1003).exponentials(5, 17, np.array(ids, dtype=np.intp))
        assert np.array_equal(alone, whole[ids])
    many = np.arange(100, dtype=np.intp)
    assert np.array_equal(GumbelKeys(123, 1003).exponentials(5, 17, many), whole[:100])
    assert np.array_equal(keys.gumbels(5, 17), -np.log(whole))
    assert not whole.flags.writeable


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
