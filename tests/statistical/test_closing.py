"""Budget-aware closing: every text complete, and weights proper for the budgeted language."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from structgen import Vocabulary
from structgen.models.toy import MarkovModel
from structgen.samplers import SamplerConfig, SamplingParams, importance, masked, smc
from structgen.testing import (
    TokenGraph,
    chi_square,
    enumerate_law,
    graph_evidence,
    mean_test,
    proper_weights,
    random_graph,
)
from structgen.types import Exactness

ALARM = 1e-3


def config(seed: int, max_tokens: int) -> SamplerConfig:
    return SamplerConfig(max_tokens=max_tokens, seed=seed)


def graphs(letters: Vocabulary, exactness: Exactness) -> list[TokenGraph]:
    rng = np.random.default_rng(41)
    return [
        random_graph(
            letters, rng, states=6, dead=1, density=0.5, accepting=0.2, exactness=exactness
        )
        for _ in range(4)
    ]


@pytest.mark.parametrize("exactness", ["exact", "superset", "probe"])
def test_closed_texts_are_complete_and_properly_weighted(
    letters: Vocabulary, chain: MarkovModel, exactness: Exactness
) -> None:
    for number, graph in enumerate(graphs(letters, exactness)):
        completion = graph.matcher().completion_tokens()
        assert completion is not None
        needed = len(completion) + 1
        for max_tokens in sorted({needed, needed + 1, 6}):
            law = enumerate_law(chain, graph, max_tokens=max_tokens)
            ledgers = masked(chain, [], graph, config(number, max_tokens), rows=800)
            for x in ledgers:
                assert len(x.tokens) <= max_tokens
                assert x.tokens in law.weight  # complete, allowed, and within the plan
                assert x.finish_reason in ("end", "complete", "closed")
            pairs = [(x.tokens, math.exp(x.log_w)) for x in ledgers]
            assert proper_weights(pairs, law.weight) > ALARM
            assert mean_test([w for _, w in pairs], law.evidence) > ALARM
            if len(law.local) == 1:
                assert all(w == pytest.approx(law.evidence, rel=1e-5) for _, w in pairs)
            # 16 probes at slack 0 search all of a vocabulary of 7: the law is the local one.
            assert chi_square(Counter(x.tokens for x in ledgers), law.local) > ALARM


def test_trap_the_masks_weight_for_a_budgeted_draw(letters: Vocabulary, chain: MarkovModel) -> None:
    """Rejecting by budget and weighing by the mask overcounts the model's mass."""
    graph = graphs(letters, "exact")[2]
    law = enumerate_law(chain, graph, max_tokens=3)
    ledgers = masked(chain, [], graph, config(5, 3), rows=1_500)
    assert mean_test([math.exp(x.log_w) for x in ledgers], law.evidence) > ALARM
    wrong: list[float] = []
    for x in ledgers:
        matcher = graph.matcher()
        log_w = 0.0
        for at, token in enumerate(x.tokens):
            p = np.exp(chain.logps(x.tokens[:at]))
            log_w += math.log(sum(float(p[t]) for t in range(9) if matcher.allows(t)))
            matcher.advance(token)
        wrong.append(math.exp(log_w))
    assert mean_test(wrong, law.evidence) < 1e-6


def test_budgeted_evidence_is_unbiased(letters: Vocabulary, chain: MarkovModel) -> None:
    graph = graphs(letters, "exact")[2]
    truth = enumerate_law(chain, graph, max_tokens=5).evidence
    for eager in (False, True):
        estimates = [
            math.exp(
                (
                    smc(chain, [], graph, config(seed, 5), particles=4, ess_threshold=0.9)
                    if eager
                    else importance(chain, [], graph, config(seed, 5), particles=4)
                ).log_evidence
            )
            for seed in range(400)
        ]
        assert mean_test(estimates, truth) > ALARM


def test_a_roomy_budget_loses_nothing(letters: Vocabulary, chain: MarkovModel) -> None:
    """Far from the limit the estimate is the exact mass, and the texts are the mask's."""
    rng = np.random.default_rng(42)
    graph = random_graph(letters, rng, states=5, density=0.7, accepting=0.7)
    budget = 200
    ledgers = masked(chain, [], graph, config(7, budget), rows=50)
    for x in ledgers:
        assert x.finish_reason == "end"
        for at, log_z in enumerate(x.log_z):
            matcher = graph.matcher()
            for token in x.tokens[:at]:
                matcher.advance(token)
            p = np.exp(chain.logps(x.tokens[:at]))
            exact = math.log(sum(float(p[t]) for t in range(9) if matcher.allows(t)))
            assert log_z == pytest.approx(exact, abs=1e-5)
    free = TokenGraph(letters, graph.edges, graph.accepting, completions=False)
    plain = masked(chain, [], free, config(7, budget), rows=50)
    assert [x.tokens for x in ledgers] == [x.tokens for x in plain]
    assert graph_evidence(chain, graph, max_tokens=budget) <= 1.0


def test_greedy_closes_too(letters: Vocabulary, chain: MarkovModel) -> None:
    for exactness in ("exact", "superset", "probe"):
        for graph in graphs(letters, exactness):
            completion = graph.matcher().completion_tokens()
            assert completion is not None
            for max_tokens in range(len(completion) + 1, 12):
                ledger = masked(
                    chain,
                    [],
                    graph,
                    SamplerConfig(
                        max_tokens=max_tokens, params=SamplingParams(temperature=0.0), seed=0
                    ),
                )[0]
                assert ledger.finish_reason in ("end", "complete", "closed")
                assert len(ledger.tokens) <= max_tokens
                matcher = graph.matcher()
                assert all(matcher.advance(token) for token in ledger.tokens)
                assert matcher.is_terminated()
                assert ledger.log_w == pytest.approx(ledger.logp_raw)


class Meandering(TokenGraph):
    """A graph whose completions are valid but never the shortest: each starts with the highest
    token that leads somewhere, so that the completion after a plan's token may be longer than
    what is left of the plan."""

    def shortest(self, state: int) -> list[int] | None:
        if state not in self.distance:
            return None
        live = [t for t, target in self.edges[state].items() if target in self.distance]
        if not live:
            return super().shortest(state)
        rest = super().shortest(self.edges[state][max(live)])
        return None if rest is None else [max(live), *rest]


def test_closing_survives_completions_that_are_not_the_shortest(
    letters: Vocabulary, chain: MarkovModel
) -> None:
    """The plan is carried along: the guarantee needs valid completions, not short ones."""
    grown = 0
    for number, plain in enumerate(graphs(letters, "exact")):
        graph = Meandering(letters, plain.edges, plain.accepting)
        completion = graph.matcher().completion_tokens()
        assert completion is not None
        follower = graph.matcher()
        for at, token in enumerate(completion):
            follower.advance(token)
            onward = follower.completion_tokens()
            assert onward is not None
            grown += len(onward) > len(completion) - at - 1
        for max_tokens in range(len(completion) + 1, len(completion) + 3):
            law = enumerate_law(chain, graph, max_tokens=max_tokens)
            ledgers = masked(chain, [], graph, config(number, max_tokens), rows=800)
            assert all(x.tokens in law.weight for x in ledgers)
            pairs = [(x.tokens, math.exp(x.log_w)) for x in ledgers]
            assert proper_weights(pairs, law.weight) > ALARM
    assert grown > 0
