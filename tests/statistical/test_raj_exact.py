"""Proper weighting of Raj-k, exactly: every order of arrival, in rational arithmetic.

``E[w * 1{X = x}] = p_x * 1[x allowed]`` is summed over all permutations with their exact
probabilities. Tolerance 1e-12 (the weights themselves are floats); no randomness. The estimators
that look alike and are wrong fail the same sum by more than 1e-3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest

from structgen.samplers import RajPolicy, adaptive_rejection

Law = Sequence[Fraction]
Allowed = frozenset[int]
Outcome = tuple[Fraction, int, float]
"""Probability, token, weight."""

TOLERANCE = 1e-12


class Scripted:
    """A race whose order is given."""

    log_scale = 0.0

    def __init__(self, p: Law, order: Sequence[int]) -> None:
        self._p = [float(x) for x in p]
        self._order = list(order)
        self._at = 0

    def draw(self, *, rebase: bool = False) -> tuple[int, float] | None:
        if self._at == len(self._order):
            return None
        token = self._order[self._at]
        self._at += 1
        return token, self._p[token]

    def left(self) -> float:
        return math.fsum(self._p[token] for token in self._order[self._at :])


def orders(p: Law) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
    """Every order of arrival with its probability."""
    for order in itertools.permutations(range(len(p))):
        probability, rest = Fraction(1), Fraction(1)
        for token in order:
            probability *= p[token] / rest
            rest -= p[token]
        yield probability, order


def laws(cases: int, seed: int) -> Iterator[Law]:
    """Random rational laws over 2 to 5 tokens."""
    rng = np.random.default_rng(seed)
    for _ in range(cases):
        x = [int(v) for v in rng.integers(1, 40, size=int(rng.integers(2, 6)))]
        yield [Fraction(v, sum(x)) for v in x]


def subsets(p: Law) -> Iterator[Allowed]:
    """Every non-empty set of allowed tokens."""
    for bits in range(1, 1 << len(p)):
        yield frozenset(t for t in range(len(p)) if bits >> t & 1)


def violation(p: Law, allowed: Allowed, outcomes: Iterator[Outcome]) -> float:
    """How far the outcomes are from proper weighting, at worst over tokens."""
    sums = [0.0] * len(p)
    for probability, token, weight in outcomes:
        if token >= 0:
            sums[token] += float(probability) * weight
    return max(abs(s - (float(p[t]) if t in allowed else 0.0)) for t, s in enumerate(sums))


def raj(p: Law, allowed: Allowed, policy: RajPolicy, sure: int | None = None) -> Iterator[Outcome]:
    known = None if sure is None else (sure, math.log(p[sure]))
    for probability, order in orders(p):
        asked: list[int] = []

        def probe(token: int, asked: list[int] = asked) -> bool:
            asked.append(token)
            return token in allowed

        found = adaptive_rejection(Scripted(p, order), probe, policy, sure=known)
        assert len(asked) == len(set(asked)) == found.probes
        assert policy.max_probes is None or found.probes <= policy.max_probes
        yield probability, found.token, math.exp(found.log_w)


POLICIES = [
    RajPolicy(min_tail=1, tail_per_reject=0.0),
    RajPolicy(min_tail=2, tail_per_reject=1.0),
    RajPolicy(min_tail=4),
    RajPolicy(min_tail=1, tail_per_reject=2.0),
    RajPolicy(max_probes=1),
    RajPolicy(max_probes=2),
    RajPolicy(min_tail=1, max_probes=3),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_raj_is_properly_weighted(policy: RajPolicy) -> None:
    for p in laws(5, seed=11):
        for allowed in subsets(p):
            assert violation(p, allowed, raj(p, allowed, policy)) < TOLERANCE


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_a_sure_token_keeps_weights_proper_and_never_fails(policy: RajPolicy) -> None:
    for p in laws(4, seed=12):
        for allowed in subsets(p):
            for sure in allowed:
                outcomes = list(raj(p, allowed, policy, sure))
                assert all(token in allowed for _, token, _ in outcomes)
                assert violation(p, allowed, iter(outcomes)) < TOLERANCE


def test_degenerate_sets_have_no_variance() -> None:
    for p in laws(5, seed=13):
        everything = frozenset(range(len(p)))
        for policy in POLICIES:
            for _, _, weight in raj(p, everything, policy):
                assert weight == pytest.approx(1.0, rel=TOLERANCE)
            if policy.max_probes is None:
                for only in range(len(p)):
                    for _, _, weight in raj(p, frozenset([only]), policy):
                        assert weight == pytest.approx(float(p[only]), rel=TOLERANCE)


# --- estimators that look right ------------------------------------------------------------


def trace(
    p: Law, allowed: Allowed, gone: frozenset[int], probability: Fraction
) -> Iterator[tuple[Fraction, int, frozenset[int]]]:
    """Draw without replacement from the tokens not `gone` until one is allowed."""
    rest = sum((x for t, x in enumerate(p) if t not in gone), Fraction(0))
    for token, x in enumerate(p):
        if token in gone:
            continue
        if token in allowed:
            yield probability * x / rest, token, gone
        else:
            yield from trace(p, allowed, gone | {token}, probability * x / rest)


Weigh = Callable[[Fraction, int, int], Fraction]


def two_traces(p: Law, allowed: Allowed, weigh: Weigh) -> Iterator[Outcome]:
    """The paper's two traces; `weigh(mass rejected in the first, n0, n1)`."""
    for probability, token, gone in trace(p, allowed, frozenset(), Fraction(1)):
        rejected = sum((p[t] for t in gone), Fraction(0))
        for both, _, gone2 in trace(p, allowed, gone, probability):
            yield both, token, float(weigh(rejected, len(gone), len(gone2) - len(gone)))


def switching(p: Law, allowed: Allowed) -> Iterator[Outcome]:
    """Raj-1 if the first token is accepted, two traces if not: each unbiased on its own."""
    for probability, token, gone in trace(p, allowed, frozenset(), Fraction(1)):
        rejected = sum((p[t] for t in gone), Fraction(0))
        if gone:
            for both, _, gone2 in trace(p, allowed, gone, probability):
                yield both, token, float((1 - rejected) / (len(gone2) + 1))
            continue
        rest = 1 - p[token]
        if rest == 0:
            yield probability, token, 1.0
        for following, x in enumerate(p):
            if following != token:
                weight = Fraction(1) if following in allowed else p[token]
                yield probability * x / rest, token, float(weight)


def right(rejected: Fraction, n0: int, n1: int) -> Fraction:
    return (1 - rejected) / (n0 + n1 + 1)


def wrong(rejected: Fraction, n0: int, n1: int) -> Fraction:
    del n0
    return (1 - rejected) / (n1 + 1)


def worst(outcomes: Callable[[Law, Allowed], Iterator[Outcome]]) -> float:
    return max(
        violation(p, allowed, outcomes(p, allowed)) for p in laws(6, 14) for allowed in subsets(p)
    )


def test_two_traces_with_all_rejects_are_proper() -> None:
    assert worst(lambda p, a: two_traces(p, a, right)) < TOLERANCE


def test_trap_two_traces_with_the_second_count_alone() -> None:
    assert worst(lambda p, a: two_traces(p, a, wrong)) > 1e-3


def test_trap_switching_estimators_after_the_first_trace() -> None:
    assert worst(switching) > 1e-3
    half = [Fraction(1, 2), Fraction(1, 2)]
    mean = sum(float(pr) * w for pr, _, w in switching(half, frozenset([0])))
    assert mean == pytest.approx(3 / 8)  # and the truth is 1/2


def test_trap_falling_back_on_a_sure_token_after_the_fact() -> None:
    """A bounded search that returns c with weight p_c when it fails, and weighs c as any other
    token when it finds it, counts c twice."""

    def fallback(p: Law, allowed: Allowed) -> Iterator[Outcome]:
        sure = min(allowed)
        for probability, token, weight in raj(p, allowed, RajPolicy(max_probes=2)):
            yield (probability, sure, float(p[sure])) if token < 0 else (probability, token, weight)

    assert worst(fallback) > 1e-3


def test_trap_stopping_the_tail_when_it_looks_good() -> None:
    def stopped(p: Law, allowed: Allowed) -> Iterator[Outcome]:
        # A tail that ends at its first accepted token: how many terms are averaged then depends
        # on the terms.
        for probability, order in orders(p):
            race = Scripted(p, order)
            token, weight = -1, 0.0
            while (arrival := race.draw()) is not None:
                if arrival[0] in allowed:
                    token, weight = arrival
                    break
            terms: list[float] = []
            while len(terms) < 3:
                left = race.left()
                arrival = race.draw()
                if arrival is None:
                    terms.append(weight)
                    break
                terms.append(weight + (left if arrival[0] in allowed else 0.0))
                if arrival[0] in allowed:
                    break
            yield probability, token, sum(terms) / len(terms)

    assert worst(stopped) > 1e-3
