"""Populations: what their evidence estimates under truncation, and what they tell of themselves."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

import structgen as sg
from structgen.errors import BackendError, PopulationWarning
from structgen.generate.probed import Probed
from structgen.samplers import SamplerConfig, SamplingParams, Truncation, importance, smc
from structgen.types import Particles

from .oracle import TableModel, Tokens, enumerate_gamma, worst, z_scores
from .test_laws import BOUND, DIGITS, LETTERS, REGEX, SCALE, SYLLABLES, pairs

CUTS = {
    "top_p .9": SamplingParams(top_p=0.9),
    "top_p .5": SamplingParams(top_p=0.5),
    "top_k 2": SamplingParams(top_k=2),
    "min_p .2": SamplingParams(min_p=0.2, temperature=0.8),
}


def in_language(text: str) -> bool:
    return re.fullmatch(REGEX, text) is not None


def run(
    params: SamplingParams, truncation: Truncation | None, *, probed: bool, seed: int
) -> Particles:
    compiled = sg.regex(REGEX).compile(SYLLABLES)
    return importance(
        TableModel(SYLLABLES, seed=5),
        [],
        Probed(compiled) if probed else compiled,
        SamplerConfig(max_tokens=5, seed=seed, params=params),
        particles=2_500 * SCALE,
        truncation=truncation,
    )


@pytest.mark.parametrize("probed", [False, True], ids=["masks", "probes"])
@pytest.mark.parametrize("cut", list(CUTS))
def test_a_truncated_proposal_leaves_the_target_alone(cut: str, probed: bool) -> None:
    params = CUTS[cut]
    model = TableModel(SYLLABLES, seed=5)
    gamma = enumerate_gamma(model, in_language, max_tokens=5, temperature=params.temperature)
    population = run(params, "proposal", probed=probed, seed=3)
    assert population.target == "constraint"
    assert worst(z_scores(pairs(population.ledgers), gamma)) < BOUND


@pytest.mark.parametrize("cut", list(CUTS))
def test_a_truncated_target_is_named_and_is_not_that_of_the_constraint(cut: str) -> None:
    """Texts that truncation can draw have their weight, and the evidence is theirs alone."""
    params = CUTS[cut]
    model = TableModel(SYLLABLES, seed=5)
    gamma = enumerate_gamma(model, in_language, max_tokens=5, temperature=params.temperature)
    population = run(params, "target", probed=False, seed=4)
    assert population.target == "truncated"
    drawn = {x.tokens for x in population.ledgers}
    assert drawn <= set(gamma)
    kept = {tokens: gamma[tokens] for tokens in drawn}
    # Draws are many: what was never drawn of the kept texts weighs next to nothing.
    scores = z_scores(pairs(population.ledgers), kept)
    assert max(abs(z) for text, z in scores.items() if text not in ("all", "rare")) < BOUND
    # Trap: taken for the constraint's evidence, as it was, it is wrong.
    assert abs(z_scores(pairs(population.ledgers), gamma)["all"]) > BOUND


def test_truncation_in_a_population_must_be_given_a_meaning() -> None:
    with pytest.raises(ValueError, match="truncation"):
        run(CUTS["top_k 2"], None, probed=False, seed=1)
    with pytest.raises(ValueError, match="truncation"):
        run(SamplingParams(), "both", probed=False, seed=1)  # type: ignore[arg-type]
    for options in (
        {"sampler": "smc", "top_p": 0.9},
        {"sampler": "auto", "truncation": "proposal"},
    ):
        with pytest.raises(ValueError, match="truncation"):
            sg.generate("toy", "x", output=sg.choice(["a", "b"]), **options)  # type: ignore[call-overload]
    found = sg.generate(
        "toy", "x", output=sg.choice(["a", "b"]), sampler="smc", top_p=0.9, truncation="target",
        seed=1,
    )  # fmt: skip
    assert found.particles is not None
    assert found.particles.target == "truncated"


@pytest.mark.parametrize("eager", [False, True])
def test_evidence_of_predicates_is_unbiased_under_resampling(eager: bool) -> None:
    constraint = sg.regex("[0-9]{3}") & sg.predicate(
        lambda s: True, complete=lambda s: len(s) == 3 and int(s) % 7 == 0
    )
    compiled = constraint.compile(DIGITS)
    model = TableModel(DIGITS, seed=5)
    gamma = enumerate_gamma(
        model, lambda s: len(s) == 3 and int(s) % 7 == 0, max_tokens=4,
        prefix=lambda b: len(b) <= 3,
    )  # fmt: skip
    samples: list[tuple[Tokens, float]] = []
    for seed in range(250 * SCALE):
        population = smc(
            model,
            [],
            compiled,
            SamplerConfig(max_tokens=4, seed=seed),
            particles=4,
            ess_threshold=0.95 if eager else 0.5,
            dead_ends="keep",
        )
        # Particles of one run are dependent: one of them, at random, is one sample.
        pick = population.ledgers[seed % 4]
        samples.append((pick.tokens, math.exp(pick.log_w)))
    assert worst(z_scores(samples, gamma)) < BOUND


def test_history_and_ancestors_of_a_scripted_run() -> None:
    """Two first tokens, one of which is 1,000 times likelier to go on: the other dies out."""

    def rows(context: Tokens, row: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        row = np.zeros_like(row)
        if context[-1:] == (0,):
            row[2] = -7.0
        return row

    model = TableModel(LETTERS, rows=rows)
    compiled = sg.regex("[ab]cd*").compile(LETTERS)
    settings = SamplerConfig(max_tokens=6, seed=2)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        population = smc(model, [], compiled, settings, particles=8, ess_threshold=0.9)
    assert len(population.history) == max(len(x.tokens) for x in population.ledgers)
    assert population.ancestors.shape == (8,)
    assert population.resampled == sum(step.resampled for step in population.history) > 0
    assert population.history[-1].alive == 0
    assert population.history[-1].log_evidence == population.log_evidence
    assert population.history[-1].resampled or population.history[-1].ess == population.ess
    counts = [step.unique_ancestors for step in population.history]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == population.unique_ancestors == len(set(population.ancestors.tolist()))
    assert 1 <= counts[-1] < counts[0] == 8
    # All that a resampled particle weighs, it weighs as one of the population.
    assert all(step.ess > 0 for step in population.history)
    independent = smc(model, [], compiled, settings, particles=8, ess_threshold=0.0)
    assert independent.ancestors.tolist() == list(range(8))


def test_a_population_that_collapsed_says_so_once() -> None:
    def rows(context: Tokens, row: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        row = np.zeros_like(row)
        if len(context) == 1 and context != (3,):
            row[2] = -30.0
        if not context:
            row[3] = -2.0
        return row

    model = TableModel(LETTERS, rows=rows)
    compiled = sg.regex("[abd]c").compile(LETTERS)
    settings = SamplerConfig(max_tokens=6, seed=0)
    seen: Counter[int] = Counter()
    for seed in range(12):
        settings = SamplerConfig(max_tokens=6, seed=seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for particles, threshold in ((6, 0.5), (40, 0.0)):
                caught.clear()
                population = smc(
                    model, [], compiled, settings, particles=particles, ess_threshold=threshold
                )
                collapsed = (
                    population.resampled > 0 and population.unique_ancestors == 1
                ) or population.ess < 0.1 * particles
                assert len(caught) == collapsed
                seen[collapsed] += 1
                for warning in caught:
                    assert warning.category is PopulationWarning
                    assert warning.filename == __file__
                    assert "more particles" in str(warning.message)
    assert seen[True]
    assert seen[False]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_row_that_is_not_finite_ends_its_own_particle(bad: float) -> None:
    def rows(context: Tokens, row: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if context[:1] == (0,):
            row = row.copy()
            row[1] = bad
        return row

    compiled = sg.regex("[ab]c*").compile(LETTERS)
    model = TableModel(LETTERS, rows=rows)
    settings = SamplerConfig(max_tokens=6, seed=1)
    for threshold in (0.0, 0.9):
        with pytest.warns(PopulationWarning, match="not finite"):
            population = smc(model, [], compiled, settings, particles=20, ess_threshold=threshold)
        assert {x.finish_reason for x in population.ledgers} >= {"end"}
        assert all(
            (x.log_w == -math.inf) == (x.finish_reason == "failed") for x in population.ledgers
        )
        assert all(x.text[:1] == "a" for x in population.ledgers if x.finish_reason == "failed")
        if threshold == 0.0:
            assert 0 < population.failed < 20
    only = sg.regex("ac*").compile(LETTERS)
    with pytest.raises(BackendError, match="all 20 particles"):
        smc(model, [], only, settings, particles=20)


def test_all_dead_is_an_error_that_says_why() -> None:
    settings = SamplerConfig(max_tokens=4, seed=1)
    model = TableModel(LETTERS)
    dead = sg.predicate(lambda s: len(s) < 2, complete=lambda s: False).compile(LETTERS)
    with pytest.raises(sg.DeadEnd, match="all 5 particles"):
        smc(model, [], dead, settings, particles=5)
    assert smc(model, [], dead, settings, particles=5, dead_ends="keep").log_evidence == -math.inf
    endless = sg.predicate(lambda s: True, complete=lambda s: False).compile(LETTERS)
    with pytest.raises(sg.TokenBudgetError, match="max_tokens"):
        smc(model, [], endless, settings, particles=5)
