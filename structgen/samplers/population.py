"""Weighted populations: importance sampling, sequential Monte Carlo, and the choice of one text.

Both return an unbiased estimate of the evidence ``P(L)``, the probability that the model's text
satisfies the constraint, and weights under which averages converge to the model *conditioned* on
it. Without resampling the particles are independent; with it (Gordon, Salmond & Smith 1993; Lew
et al. 2023; Loula et al. 2025), heavy partial texts are copied and light ones dropped whenever
the effective sample size falls below a threshold.

The weights are proper for the target of `structgen.samplers.walk`: a text counts with the
probability of its end token, and within `max_tokens`. Truncation (top-k, top-p, min-p) would drop
texts from it, and then the estimate is not that of ``P(L)``; so a population that truncates must
be told which law is meant (`Truncation`).

Conventions: particles that ended stay in the population and in its effective sample size; all
others are compared at equal numbers of tokens; a dead end is a particle of weight 0; after
resampling every weight is the mean weight (which keeps the evidence unbiased) and every particle
draws with fresh keys.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NoReturn

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from structgen.constraints.protocol import Compiled
from structgen.errors import BackendError, DeadEnd, PopulationWarning, TokenBudgetError
from structgen.models.protocol import LanguageModel
from structgen.samplers.keys import GumbelKeys, particle_id
from structgen.samplers.masked import (
    SamplerConfig,
    append_last,
    compile_or_free,
    draw_all,
)
from structgen.samplers.resampling import Scheme, effective_sample_size, resample
from structgen.samplers.restarts import DeadEnds
from structgen.samplers.walk import Walk
from structgen.types import Ledger, Particles, PopulationStep

Truncation = Literal["proposal", "target"]
"""What top-k, top-p and min-p mean in a population. ``"proposal"``: most particles are drawn where
truncation says, and weights make up for it; the target stays the model given the constraint.
``"target"``: texts that truncation drops do not count, and the evidence is that of the others."""

_RESAMPLING, _SELECTION = 1, 2
_EXPLORE = 0.1
"""Share of the sequences of a truncated proposal that are not truncated: no weight is more than ten
times what it is without truncation."""


def _log_mean(log_w: npt.NDArray[np.float64]) -> float:
    top = float(log_w.max(initial=-np.inf))
    return top + math.log(float(np.exp(log_w - top).mean())) if math.isfinite(top) else -math.inf


def _checked(config: SamplerConfig, particles: int, truncation: Truncation | None) -> SamplerConfig:
    if particles < 1:
        raise ValueError(f"a population has at least one particle, given {particles}")
    if config.params.greedy:
        raise ValueError(
            "temperature 0 draws the same text for every particle; use `masked`, or a temperature"
        )
    if truncation not in (None, "proposal", "target"):
        raise ValueError(f'`truncation` is "proposal" or "target", given {truncation!r}')
    if truncation is None and config.params.truncates:
        raise ValueError(
            "under `top_k`, `top_p` or `min_p` the weights of a population have no meaning of their"
            ' own: say `truncation="proposal"` (the model given the constraint; they only guide the'
            ' draws) or `truncation="target"` (texts that they drop do not count)'
        )
    explore = _EXPLORE if truncation == "proposal" else config.explore
    shared = False if config.shared_keys is None else config.shared_keys
    return replace(config, explore=explore, shared_keys=shared)


def importance(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    config: SamplerConfig,
    *,
    particles: int,
    truncation: Truncation | None = None,
    dead_ends: DeadEnds = "raise",
) -> Particles:
    """`particles` independent weighted sequences: `smc` without resampling.

    Raises:
        TokenBudgetError, DeadEnd, BackendError, ValueError: see `smc`.
    """
    return smc(
        model,
        prompt_ids,
        compiled,
        config,
        particles=particles,
        ess_threshold=0.0,
        truncation=truncation,
        dead_ends=dead_ends,
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
    truncation: Truncation | None = None,
    dead_ends: DeadEnds = "raise",
) -> Particles:
    """Sequential Monte Carlo: `particles` sequences that are resampled on the way.

    After a token, the population is resampled when its effective sample size is below
    ``ess_threshold * particles``; 0 never resamples (importance sampling). Copies share the
    model's cache (`Session.select`) and the constraint's state (`Matcher.fork`).

    A particle dies (weight 0) where no token may follow, where the budget ends before its text
    does, and where the model's row is not finite, which takes no other particle with it
    (`Particles.failed`). `truncation` is needed with top-k, top-p or min-p; see `Truncation`. If
    all die, the estimate of the evidence is 0: with ``dead_ends="keep"`` it is returned, which an
    average over populations needs; else it is an error.

    Warns:
        PopulationWarning: at the end one first ancestor is left of several, or the effective sample
            size is less than a tenth of `particles`, or particles failed.

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`; or all particles died, and one of
            them of its budget.
        DeadEnd: all particles died.
        BackendError: all particles met rows that are not finite.
        ValueError: no particles, temperature 0, a threshold outside ``[0, 1]``, or truncation
            without a word on what it means.
    """
    config = _checked(config, particles, truncation)
    if not 0.0 <= ess_threshold <= 1.0:
        raise ValueError(f"`ess_threshold` must lie in [0, 1], given {ess_threshold}")
    constraint = compile_or_free(model, compiled)
    walk_config = config.walk_config(model.vocabulary.size)
    first = Walk(constraint.matcher(), walk_config)
    walks = [first.fork(particle_id(slot)) for slot in range(particles)]
    session = model.start(prompt_ids, rows=particles)
    # slots[i] is the particle in the session's row i.
    slots = list(range(particles))
    eves = np.arange(particles, dtype=np.intp)
    history: list[PopulationStep] = []
    resampled = failed = 0
    while slots:
        draw_all(session, [walks[slot] for slot in slots], keep_failed=True)
        failed += sum(walks[slot].finish_reason == "failed" for slot in slots)
        row_of = {slot: row for row, slot in enumerate(slots) if walks[slot].alive}
        log_w = np.array([walk.log_w for walk in walks], dtype=np.float64)
        size = effective_sample_size(log_w)
        mean = _log_mean(log_w)
        # With nobody left to go on, resampling would only add noise.
        unequal = bool(row_of) and 0.0 < size < ess_threshold * particles
        if unequal:
            resampled += 1
            rng = walk_config.keys.named(_RESAMPLING, len(history) + 1)
            weights = np.exp(log_w - log_w.max())
            ancestors = [int(a) for a in resample(weights / weights.sum(), rng, scheme)]
            walks = [
                walks[ancestor].fork(particle_id(slot, resampled))
                for slot, ancestor in enumerate(ancestors)
            ]
            for walk in walks:
                walk.log_w = mean
            eves = eves[ancestors]
            row_of = {
                slot: row_of[ancestor]
                for slot, ancestor in enumerate(ancestors)
                if ancestor in row_of
            }
        history.append(
            PopulationStep(
                ess=size,
                log_evidence=mean,
                alive=len(row_of),
                resampled=unequal,
                unique_ancestors=_survivors(walks, eves),
            )
        )
        slots = list(row_of)
        if slots:
            append_last(session, [walks[slot] for slot in slots], list(row_of.values()))
    ledgers = [walk.ledger(model.decode) for walk in walks]
    log_w = np.array([ledger.log_w for ledger in ledgers], dtype=np.float64)
    truncated = config.params.truncates and truncation == "target"
    population = Particles(
        ledgers=tuple(ledgers),
        log_evidence=_log_mean(log_w),
        ess=effective_sample_size(log_w),
        resampled=resampled,
        history=tuple(history),
        ancestors=eves,
        failed=failed,
        target="truncated" if truncated else "constraint",
    )
    if population.log_evidence > -math.inf:
        _warn_of(population)
    elif dead_ends == "raise":
        _raise_all_dead(population, config)
    return population


def _survivors(walks: Sequence[Walk], eves: npt.NDArray[np.intp]) -> int:
    return len({int(eve) for walk, eve in zip(walks, eves, strict=True) if walk.log_w > -math.inf})


def _warn_of(population: Particles) -> None:
    """One warning, at the caller's line, with what to do."""
    count = len(population.ledgers)
    causes: list[str] = []
    if population.failed:
        causes.append(f"{population.failed} particles met rows of the model that are not finite")
    if population.resampled and population.unique_ancestors == 1 and count > 1:
        causes.append("all particles descend from one, so early tokens were drawn once")
    if population.ess < 0.1 * count:
        causes.append(f"the effective sample size is {population.ess:.1f}")
    if not causes:
        return
    level, frame = 1, sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("structgen."):
        level, frame = level + 1, frame.f_back
    warnings.warn(
        f"the population of {count} is degenerate: {'; '.join(causes)}. Its evidence and weights"
        " may be far off: give it more particles, compare several seeds, and look at"
        " `Particles.history`",
        PopulationWarning,
        stacklevel=level,
    )


def _raise_all_dead(population: Particles, config: SamplerConfig) -> NoReturn:
    ledgers = population.ledgers
    count = len(ledgers)
    if population.failed == count:
        raise BackendError(f"rows of the model were not finite for all {count} particles")
    if any(ledger.finish_reason == "length" for ledger in ledgers):
        raise TokenBudgetError(
            f"no text of {count} particles was complete after `max_tokens` ="
            f" {config.max_tokens} tokens",
            given=config.max_tokens,
            hint="raise `max_tokens` or the number of particles",
        )
    raise DeadEnd(
        f"all {count} particles came to where no token may follow",
        position=max(len(ledger.tokens) for ledger in ledgers),
        hint="more particles, or another seed",
    )


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
