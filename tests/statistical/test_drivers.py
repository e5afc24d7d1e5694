"""Masked sampling, importance sampling and SMC against enumerated toy models.

z- and chi-square tests at ALARM = 1e-3, fixed seeds ("within 3 sigma" is p > 2.7e-3 of one test;
ALARM leaves room for several). Traps fail the same tests at p < 1e-6.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal

import numpy as np
import pytest

from structgen import Vocabulary
from structgen.models.toy import MarkovModel
from structgen.samplers import (
    SamplerConfig,
    SamplingParams,
    Scheme,
    importance,
    masked,
    resample,
    select_index,
    smc,
)
from structgen.testing import (
    TokenGraph,
    chi_square,
    enumerate_law,
    finite_language,
    graph_evidence,
    mean_test,
    proper_weights,
    random_graph,
)
from structgen.types import Exactness

ALARM = 1e-3
TEXTS = ["abc", "ab", "aab", "cab", "bca"]


def config(seed: int, max_tokens: int, temperature: float = 1.0) -> SamplerConfig:
    return SamplerConfig(
        max_tokens=max_tokens, seed=seed, params=SamplingParams(temperature=temperature)
    )


@pytest.mark.parametrize("temperature", [1.0, 0.7, 1.6])
def test_masked_sampling_draws_the_local_projection(
    syllables: Vocabulary, pairs: MarkovModel, temperature: float
) -> None:
    language = finite_language(syllables, TEXTS)
    prompt = [0, 3]
    law = enumerate_law(pairs, language, prompt, max_tokens=9, temperature=temperature)
    ledgers = masked(pairs, prompt, language, config(1, 9, temperature), rows=4_000)
    assert chi_square(Counter(x.tokens for x in ledgers), law.local) > ALARM
    weighted = [(x.tokens, math.exp(x.log_w)) for x in ledgers]
    assert proper_weights(weighted, law.weight) > ALARM
    assert mean_test([w for _, w in weighted], law.evidence) > ALARM
    for x in ledgers:
        # With an exact mask the weight is no estimate: p(x) / q(x).
        assert x.log_w == pytest.approx(
            math.log(law.weight[x.tokens] / law.local[x.tokens]), abs=1e-5
        )
        assert x.logp_raw == pytest.approx(math.log(law.weight[x.tokens]), abs=1e-5)
        assert x.log_w == pytest.approx(float(x.log_z.sum()), abs=1e-9)
        assert x.log_z.shape == (len(x.tokens),)
        assert x.text in TEXTS
    # Trap: the local projection is not the model given the language.
    assert chi_square(Counter(x.tokens for x in ledgers), law.posterior()) < 1e-6


@pytest.mark.parametrize("exactness", ["superset", "probe"])
def test_probes_are_as_proper_as_masks(
    syllables: Vocabulary, pairs: MarkovModel, exactness: Exactness
) -> None:
    language = finite_language(syllables, TEXTS, exactness=exactness, completions=False)
    law = enumerate_law(pairs, language, max_tokens=9)
    ledgers = masked(pairs, [], language, config(2, 9), rows=4_000)
    assert chi_square(Counter(x.tokens for x in ledgers), law.local) > ALARM
    weighted = [(x.tokens, math.exp(x.log_w)) for x in ledgers]
    assert proper_weights(weighted, law.weight) > ALARM
    # The keys are the same, so the texts are those of the exact mask.
    exact = finite_language(syllables, TEXTS, completions=False)
    reference = masked(pairs, [], exact, config(2, 9), rows=200)
    assert [x.tokens for x in ledgers[:200]] == [x.tokens for x in reference]
    assert all(x.checks == 0 for x in reference)
    assert all(x.checks > 0 for x in ledgers)


GRAPHS: list[tuple[Exactness, bool]] = [
    ("exact", False),
    ("superset", False),
    ("superset", True),
    ("probe", True),
]


@pytest.mark.parametrize(("exactness", "blind"), GRAPHS)
@pytest.mark.parametrize("driver", ["importance", "smc", "smc eager"])
def test_evidence_is_unbiased(
    letters: Vocabulary, chain: MarkovModel, exactness: Exactness, blind: bool, driver: str
) -> None:
    rng = np.random.default_rng(21)
    graph = random_graph(
        letters,
        rng,
        states=5,
        dead=2,
        density=0.6,
        exactness=exactness,
        blind=blind,
        completions=False,
    )
    truth = graph_evidence(chain, graph, max_tokens=7)
    assert (
        truth == pytest.approx(enumerate_law(chain, graph, max_tokens=7, limit=10**6).evidence)
        or blind
    )
    estimates: list[float] = []
    resampled = 0
    for seed in range(500):
        if driver == "importance":
            population = importance(
                chain, [], graph, config(seed, 7), particles=4, dead_ends="keep"
            )
        else:
            threshold = 0.5 if driver == "smc" else 1.0
            population = smc(
                chain,
                [],
                graph,
                config(seed, 7),
                particles=4,
                ess_threshold=threshold,
                dead_ends="keep",
            )
            resampled += population.resampled
        assert len(population.ledgers) == 4
        assert all(
            (x.finish_reason == "dead_end") <= (x.log_w == -math.inf) for x in population.ledgers
        )
        estimates.append(math.exp(population.log_evidence))
    assert mean_test(estimates, truth) > ALARM
    assert driver == "importance" or resampled > 100


@pytest.mark.parametrize("scheme", ["systematic", "stratified", "multinomial", "residual"])
def test_smc_posterior_is_weighted_properly(
    syllables: Vocabulary, pairs: MarkovModel, scheme: Scheme
) -> None:
    """``E[evidence * sum_i W_i 1{X_i = x}] = P(x) 1[x in L]`` for every text x."""
    language = finite_language(syllables, TEXTS)
    law = enumerate_law(pairs, language, max_tokens=9)
    sums = {tokens: np.zeros(500) for tokens in law.weight}
    for seed in range(500):
        population = smc(
            pairs, [], language, config(seed, 9), particles=6, ess_threshold=0.9, scheme=scheme
        )
        for ledger, w in zip(population.ledgers, population.weights(), strict=True):
            sums[ledger.tokens][seed] += w * math.exp(population.log_evidence)
    tested = [(v, law.weight[k]) for k, v in sums.items() if np.count_nonzero(v) >= 30]
    assert len(tested) >= 3
    smallest = min(mean_test(v, weight) for v, weight in tested)
    assert smallest * len(tested) > ALARM


def test_trap_two_masks_anded_without_dead_ends(letters: Vocabulary, chain: MarkovModel) -> None:
    """Two live prefixes may share no completion: their texts die, and must be counted."""
    first = finite_language(letters, ["ab", "ca", "de"])
    second = finite_language(letters, ["ac", "ca", "df"])
    assert first.edges[0].keys() == second.edges[0].keys()
    # The AND of the two masks, as a graph: after "a" and "d" nothing is left.
    a, c, d = (b"abcdefg".index(x) for x in (b"a", b"c", b"d"))
    both = TokenGraph(
        letters,
        [{a: 1, c: 2, d: 1}, {}, {a: 3}, {}],
        [3],
        exactness="superset",
        blind=True,
        completions=False,
    )
    truth = enumerate_law(chain, finite_language(letters, ["ca"]), max_tokens=4).evidence
    ledgers = importance(chain, [], both, config(3, 4), particles=2_000).ledgers
    weights = [math.exp(x.log_w) for x in ledgers]
    assert mean_test(weights, truth) > ALARM
    assert any(x.finish_reason == "dead_end" for x in ledgers)
    # Trap: restart after a dead end and average what completes.
    alive = [w for w in weights if w > 0.0]
    assert mean_test(alive, truth) < 1e-6


def test_retries_keep_the_local_law_given_completion(
    letters: Vocabulary, chain: MarkovModel
) -> None:
    """After restarts: the law given completion, and weights that say that they are given it."""
    graph = random_graph(
        letters,
        np.random.default_rng(5),
        states=4,
        dead=2,
        density=0.5,
        exactness="superset",
        blind=True,
        completions=False,
    )
    kept = importance(chain, [], graph, config(4, 5), particles=3_000).ledgers
    share = np.mean([x.log_w > -math.inf for x in kept])
    assert 0.1 < share < 0.9
    ledgers = masked(chain, [], graph, config(4, 5), rows=600, max_retries=90)
    assert all(x.conditional and x.log_w > -math.inf for x in ledgers)
    law = enumerate_law(chain, graph, max_tokens=5)
    assert {x.tokens for x in ledgers} <= set(law.weight)
    mean = np.mean([math.exp(x.log_w) for x in ledgers])
    assert mean == pytest.approx(law.evidence / share, rel=0.15)


@pytest.mark.parametrize("scheme", ["systematic", "stratified", "multinomial", "residual"])
def test_resampling_is_unbiased(scheme: Scheme) -> None:
    """Mean offspring N * W_i within 4 standard errors; dead particles have none."""
    rng = np.random.default_rng(31)
    for weights in ([0.5, 0.3, 0.2, 0.0], [0.0, 0.0, 1.0], [0.25] * 4, [0.9, 0.05, 0.05, 0.0, 0.0]):
        w = np.array(weights)
        n, trials = w.size, 4_000
        counts = np.zeros((trials, n))
        for trial in range(trials):
            ancestors = resample(w, rng, scheme)
            assert ancestors.shape == (n,)
            counts[trial] = np.bincount(ancestors, minlength=n)
        error = counts.std(axis=0) / math.sqrt(trials)
        assert np.all(np.abs(counts.mean(axis=0) - n * w) <= 4.0 * error + 1e-12)
        assert np.all(counts[:, w == 0.0] == 0)
        if scheme in ("systematic", "residual"):
            assert np.all(counts >= np.floor(n * w + 1e-9))
        if scheme == "systematic":
            assert np.all(counts <= np.ceil(n * w - 1e-9) + 1e-9)


def test_resampling_schemes_differ_in_variance_as_they_should() -> None:
    """Variance of the offspring counts, summed over particles."""
    rng = np.random.default_rng(32)
    w = rng.dirichlet(np.ones(16))
    schemes: tuple[Scheme, ...] = ("systematic", "stratified", "residual", "multinomial")
    spread = {
        scheme: float(
            np.var(
                [np.bincount(resample(w, rng, scheme), minlength=16) for _ in range(2_000)], axis=0
            ).sum()
        )
        for scheme in schemes
    }
    assert spread["systematic"] < spread["stratified"] < spread["multinomial"]
    assert spread["systematic"] < spread["residual"] < spread["multinomial"]


def total_variation(counts: Counter[tuple[int, ...]], law: dict[tuple[int, ...], float]) -> float:
    n = sum(counts.values())
    return 0.5 * sum(abs(counts.get(key, 0) / n - q) for key, q in law.items())


def test_selection_approaches_the_posterior(syllables: Vocabulary, pairs: MarkovModel) -> None:
    """One text from 8 masked ones: the Metropolis chain comes closer than a weighted draw, and
    both closer than the first text."""
    language = finite_language(syllables, TEXTS)
    law = enumerate_law(pairs, language, max_tokens=9)
    ledgers = masked(pairs, [], language, config(6, 9), rows=16_000)
    rng = np.random.default_rng(33)
    ways: tuple[Literal["imh", "weighted"], ...] = ("imh", "weighted")
    distance: dict[str, float] = {
        "first": total_variation(Counter(x.tokens for x in ledgers[::8]), law.posterior())
    }
    for how in ways:
        counts: Counter[tuple[int, ...]] = Counter()
        for at in range(0, len(ledgers), 8):
            group = ledgers[at : at + 8]
            counts[group[select_index([x.log_w for x in group], rng, how)].tokens] += 1
        distance[how] = total_variation(counts, law.posterior())
    # With an effective sample size of a quarter: 0.62, 0.16 and 0.10; the noise is 0.01.
    assert distance["imh"] < distance["weighted"] - 0.02
    assert distance["weighted"] < 0.5 * distance["first"]


def test_selection_skips_the_dead() -> None:
    rng = np.random.default_rng(34)
    inf = math.inf
    ways: tuple[Literal["imh", "weighted"], ...] = ("imh", "weighted")
    for how in ways:
        for _ in range(50):
            assert select_index([-inf, -3.0, -inf], rng, how) == 1
        assert select_index([-inf, -inf], rng, how) in (0, 1)
    with pytest.raises(ValueError, match="unknown way"):
        select_index([0.0], rng, "best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing"):
        select_index([], rng)
