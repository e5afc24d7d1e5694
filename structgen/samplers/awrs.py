"""Adaptive weighted rejection sampling with the Raj-k estimator.

Lipkin et al., *Fast Controlled Generation from Language Models with Adaptive Weighted Rejection
Sampling* (arXiv:2504.05410) draw tokens without replacement until one satisfies the constraint,
and estimate the allowed mass Z by a second trace. Here the estimate is Des Raj's (1956), which
needs no second trace: after the accepted token X, look at k further tokens of the same race. With
`seen` the accepted mass so far and `left` the mass not seen before the j-th of them,

    e_j = seen + left * [j-th is accepted],      Z_hat = mean(e_1 .. e_k),

and ``E[e_j | history] = seen + left * (Z - seen)/left = Z``. Because this holds given *any*
history that contains X, ``E[Z_hat * 1{X = x}] = p_x`` for every allowed x (proper weighting) for
every k, and k may depend on what was seen up to X. k = 1 is the paper's recursive estimator.
Nothing else may depend on the history: to choose between *estimators* after the first trace is
biased (`tests/statistical` shows it).

Terms: ``race`` = adaptive rejection's order; ``sure`` = a token known to be allowed (the closing
plan's next), for which no probe is spent and on which a bounded search may fall back.

*A bounded search* of b probes. If the b-th probe accepts x there is no room for a tail, and
``w = left`` (mass not seen before x) keeps ``E[w 1{X = x}] = p_x``; without an accept, w = 0. With
a `sure` token c the search never fails: let r_1, r_2, .. be the order of the *other* tokens, which
does not depend on when c arrives. If r_1 .. r_b are all rejected, or there are no others, X = c;
otherwise, with r_j the first accepted, X = c iff c arrives before r_j, which given the order has
probability ``1 - prod_{i<=j} (1 - p_c / left_i)``. Dividing p_c by that probability (1 in the
first case) makes ``E[w 1{X = c}] = p_c``, and the other tokens keep their bounded Raj-k weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from structgen.samplers.race import Race

Probe = Callable[[int], bool]
"""Whether the token may be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RajPolicy:
    """How many probes to spend on the estimate of Z.

    After n rejected tokens, the tail has ``k = max(min_tail, ceil(n * tail_per_reject))`` terms.
    `max_probes` bounds the probes of one step in all; None leaves them unbounded.

    The defaults follow the measurements of Raj-k on rows of 2,000 tokens: k = 4 nearly matches
    exact masks inside SMC, and half as many again as were rejected keeps the relative variance of
    rare sets (Z = 1e-3, 5 tokens) near 6 for 1.5 times the probes of finding X.
    """

    min_tail: int = 4
    tail_per_reject: float = 0.5
    max_probes: int | None = None

    def __post_init__(self) -> None:
        if self.min_tail < 1:
            raise ValueError(f"`min_tail` must be >= 1, given {self.min_tail}")
        if not (math.isfinite(self.tail_per_reject) and self.tail_per_reject >= 0.0):
            raise ValueError(f"`tail_per_reject` must be >= 0, given {self.tail_per_reject}")
        if self.max_probes is not None and self.max_probes < 1:
            raise ValueError(f"`max_probes` must be >= 1 or None, given {self.max_probes}")

    def tail(self, rejected: int) -> int:
        """k after `rejected` tokens; may depend on nothing but what was seen up to X."""
        return max(self.min_tail, math.ceil(rejected * self.tail_per_reject))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome of one adaptive rejection.

    `token` is -1, and `log_w` -inf, if none was accepted. `log_w` is the log of a properly
    weighted estimate of the allowed mass, under the law of the race's row. `rejected` counts the
    rejections that arrived before `token`. `exhausted`: every token of the race was rejected.
    """

    token: int
    log_w: float
    probes: int
    rejected: int
    exhausted: bool = False


def adaptive_rejection(
    race: Race, probe: Probe, policy: RajPolicy, *, sure: tuple[int, float] | None = None
) -> Accepted:
    """Draw a token that satisfies `probe`, with a properly weighted estimate of their mass.

    Args:
        race: the candidates; its law is p.
        probe: asked at most once per token.
        policy: size of the tail, bound on probes.
        sure: a token known to be allowed, and its log-probability. It need not be in the race:
            then it is returned only if no token of the race is found.

    Cost: ``1 + sum_{rejected r} p_r / (p_r + Z)`` probes to find the token (at most
    ``min(1/Z, 1 + |rejected|)``), and the tail.
    """
    sure_token, sure_logp = sure if sure is not None else (-1, -math.inf)
    bound = policy.max_probes if policy.max_probes is not None else -1
    probes = 0
    rejected = rejected_before_sure = 0
    exhausted = False
    sure_arrived = False
    # log prod (1 - p_c / left_i): that c arrives after all the others seen so far
    log_after = 0.0
    while probes != bound:
        # A rebase changes the scale of weights: nothing of the old scale is held here, but
        # once c has arrived its weight is, so it is carried as a logarithm.
        arrival = race.draw(rebase=True)
        if arrival is None:
            exhausted = True
            break
        token, weight = arrival
        if token == sure_token:
            sure_arrived = True
            rejected_before_sure = rejected
            continue
        probes += 1
        accepted = probe(token)
        if sure_token >= 0:
            before = race.left() + weight
            log_after += _log_not_first(sure_logp - race.log_scale, before, sure_arrived)
        if not accepted:
            rejected += 1
            continue
        if sure_arrived:
            log_w = sure_logp - _log1mexp(log_after)
            return Accepted(sure_token, log_w, probes, rejected_before_sure)
        tail = policy.tail(rejected)
        if bound > 0:
            tail = min(tail, bound - probes)
        if tail == 0:
            before = race.left() + weight
            return Accepted(token, math.log(before) + race.log_scale, probes, rejected)
        estimate, spent = _tail(race, probe, sure_token, weight, tail)
        return Accepted(token, math.log(estimate) + race.log_scale, probes + spent, rejected)
    if sure_token >= 0:
        before_sure = rejected_before_sure if sure_arrived else rejected
        return Accepted(sure_token, sure_logp, probes, before_sure, exhausted)
    return Accepted(-1, -math.inf, probes, rejected, exhausted)


def _tail(
    race: Race, probe: Probe, sure_token: int, weight: float, terms: int
) -> tuple[float, int]:
    """The mean of `terms` Des Raj terms after a token of `weight`, and the probes spent."""
    seen = weight
    total = 0.0
    spent = 0
    for done in range(terms):
        left = race.left()
        arrival = race.draw()
        if arrival is None:
            # Everything was seen: all further terms are the mass itself.
            total += seen * (terms - done)
            break
        token, more = arrival
        if token == sure_token:
            accepted = True
        else:
            accepted = probe(token)
            spent += 1
        if accepted:
            total += seen + left
            seen += more
        else:
            total += seen
    return total / terms, spent


def _log_not_first(log_weight: float, before: float, arrived: bool) -> float:
    """``log(1 - p_c / left)`` where `left` is the mass, c's included, before this arrival.

    `before` holds c's mass unless c has `arrived`.
    """
    if log_weight > 600.0:
        return -math.inf
    weight = math.exp(log_weight)
    left = before + weight if arrived else before
    share = weight / left if left > 0.0 else 1.0
    return math.log1p(-share) if share < 1.0 else -math.inf


def _log1mexp(x: float) -> float:
    """``log(1 - exp(x))`` for x <= 0."""
    x = min(x, -1e-300)
    return math.log(-math.expm1(x)) if x > -math.log(2.0) else math.log1p(-math.exp(x))
