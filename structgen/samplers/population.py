"""Weighted populations: importance sampling, sequential Monte Carlo, and the choice of one text.

Both return an unbiased estimate of the evidence ``P(L)``, the probability that the model's text
satisfies the constraint, and weights under which averages converge to the model *conditioned* on
it. Without resampling the particles are independent; with it (Gordon, Salmond & Smith 1993; Lew
et al. 2023; Loula et al. 2025), heavy partial texts are copied and light ones dropped whenever
the effective sample size falls below a threshold.

Conventions: particles that ended stay in the population and in its effective sample size; all
others are compared at equal numbers of tokens; a dead end is a particle of weight 0; after
resampling every weight is the mean weight (which keeps the evidence unbiased) and every particle
draws with fresh keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from structgen.constraints.protocol import Compiled
from structgen.models.protocol import LanguageModel
from structgen.samplers.keys import GumbelKeys, particle_id
from structgen.samplers.masked import (
    SamplerConfig,
    append_last,
    compile_or_free,
    draw_all,
    masked,
)
from structgen.samplers.resampling import Scheme, effective_sample_size, resample
from structgen.samplers.walk import Walk
from structgen.types import Ledger, Particles

_RESAMPLING, _SELECTION = 1, 2


def _log_mean(log_w: npt.NDArray[np.float64]) -> float:
    top = float(log_w.max(initial=-np.inf))
    return top + math.log(float(np.exp(log_w - top).mean())) if math.isfinite(top) else -math.inf


def _checked(config: SamplerConfig, particles: int) -> SamplerConfig:
    if particles < 1:
        raise ValueError(f"a population has at least one particle, given {particles}")
    if config.params.greedy:
        raise ValueError(
            "temperature 0 draws the same text for every particle; use `masked`, or a temperature"
        )
    return config if config.shared_keys is not None else replace(config, shared_keys=False)


def _population(ledgers: Sequence[Ledger], resampled: int = 0) -> Particles:
    log_w = np.array([ledger.log_w for ledger in ledgers], dtype=np.float64)
    return Particles(
        ledgers=tuple(ledgers),
        log_evidence=_log_mean(log_w),
        ess=effective_sample_size(log_w),
        resampled=resampled,
    )


def importance(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    config: SamplerConfig,
    *,
    particles: int,
) -> Particles:
    """`particles` independent weighted sequences.

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`.
        ValueError: no particles, or temperature 0.
    """
    config = _checked(config, particles)
    return _population(
        masked(model, prompt_ids, compiled, config, rows=particles, dead_ends="keep")
    )


def smc(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    config: SamplerConfig,
    *,
    particles: int,
    ess_threshold: float = 0.5,
    scheme: Scheme = "systematic",
) -> Particles:
    """Sequential Monte Carlo: `particles` sequences that are resampled on the way.

    After a token, the population is resampled when its effective sample size is below
    ``ess_threshold * particles``; 0 never resamples (importance sampling). Copies share the
    model's cache (`Session.select`) and the constraint's state (`Matcher.fork`).

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`.
        ValueError: no particles, temperature 0, or a threshold outside ``[0, 1]``.
    """
    config = _checked(config, particles)
    if not 0.0 <= ess_threshold <= 1.0:
        raise ValueError(f"`ess_threshold` must lie in [0, 1], given {ess_threshold}")
    constraint = compile_or_free(model, compiled)
    walk_config = config.walk_config(model.vocabulary.size)
    first = Walk(constraint.matcher(), walk_config)
    walks = [first.fork(particle_id(slot)) for slot in range(particles)]
    session = model.start(prompt_ids, rows=particles)
    # slots[i] is the particle in the session's row i.
    slots = list(range(particles))
    resampled = 0
    step = 0
    while slots:
        draw_all(session, [walks[slot] for slot in slots])
        step += 1
        row_of = {slot: row for row, slot in enumerate(slots) if walks[slot].alive}
        log_w = np.array([walk.log_w for walk in walks], dtype=np.float64)
        size = effective_sample_size(log_w)
        # With nobody left to go on, resampling would only add noise.
        if row_of and 0.0 < size < ess_threshold * particles:
            resampled += 1
            rng = walk_config.keys.named(_RESAMPLING, step)
            weights = np.exp(log_w - log_w.max())
            ancestors = [int(a) for a in resample(weights / weights.sum(), rng, scheme)]
            mean = _log_mean(log_w)
            walks = [
                walks[ancestor].fork(particle_id(slot, resampled))
                for slot, ancestor in enumerate(ancestors)
            ]
            for walk in walks:
                walk.log_w = mean
            row_of = {
                slot: row_of[ancestor]
                for slot, ancestor in enumerate(ancestors)
                if ancestor in row_of
            }
        slots = list(row_of)
        if slots:
            append_last(session, [walks[slot] for slot in slots], list(row_of.values()))
    return _population([walk.ledger(model.decode) for walk in walks], resampled)


def select_index(
    log_w: npt.ArrayLike, rng: Generator, how: Literal["imh", "weighted"] = "imh"
) -> int:
    """The index of one of several independent weighted sequences.

    ``"weighted"`` draws proportionally to the weights (sampling-importance-resampling; its bias
    falls like 1/n). ``"imh"`` runs a Metropolis independence chain over them in order: start at
    the first, move to the next with probability ``min(1, w_next / w_here)``; its bias falls
    geometrically, and its cost is the same. If every weight is zero: the first.
    """
    w = np.asarray(log_w, dtype=np.float64)
    if w.size == 0:
        raise ValueError("nothing to select from")
    if how == "weighted":
        top = float(w.max())
        if not math.isfinite(top):
            return 0
        return int(resample(np.exp(w - top) / np.exp(w - top).sum(), rng, "multinomial")[0])
    if how != "imh":
        raise ValueError(f"unknown way to select: {how!r}")
    here = 0
    for following in range(1, w.size):
        # Every comparison takes its own uniform, so that the choice among the first n does not
        # depend on the weights of those after them.
        log_u = math.log1p(-rng.random())
        if w[here] == -math.inf or log_u < w[following] - w[here]:
            here = following
    return here


def select_one(
    population: Particles,
    *,
    seed: int | None = None,
    how: Literal["imh", "weighted"] = "imh",
) -> Ledger:
    """One text of the population, (nearly) distributed as the model given the constraint.

    Raises:
        ValueError: ``"imh"`` on a resampled population, whose particles are not independent.
    """
    if how == "imh" and population.resampled:
        raise ValueError("a resampled population is not independent: select 'weighted' from it")
    log_w = [ledger.log_w for ledger in population.ledgers]
    rng = GumbelKeys(seed, 1).named(_SELECTION)
    return population.ledgers[select_index(log_w, rng, how)]
