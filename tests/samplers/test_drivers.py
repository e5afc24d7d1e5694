"""Walks and drivers: ends, budgets, dead ends, seeds, batches."""

from __future__ import annotations

import math

import numpy as np
import pytest

from structgen import Vocabulary
from structgen.errors import DeadEnd, GenerationError, TokenBudgetError
from structgen.models.toy import MarkovModel
from structgen.samplers import (
    FreeText,
    GumbelKeys,
    SamplerConfig,
    SamplingParams,
    Step,
    Walk,
    WalkConfig,
    importance,
    masked,
    masked_steps,
    select_one,
    smc,
)
from structgen.testing import TokenGraph, check_matcher, finite_language, random_graph
from structgen.types import Exactness, Ledger


def config(seed: int | None = 0, max_tokens: int = 12, **params: float) -> SamplerConfig:
    return SamplerConfig(max_tokens=max_tokens, seed=seed, params=SamplingParams(**params))  # type: ignore[arg-type]


def same(a: Ledger, b: Ledger) -> bool:
    return (a.tokens, a.text, a.log_w, a.logp_raw, a.finish_reason) == (
        b.tokens,
        b.text,
        b.log_w,
        b.logp_raw,
        b.finish_reason,
    ) and np.array_equal(a.log_z, b.log_z)


@pytest.mark.parametrize("exactness", ["exact", "superset", "probe"])
@pytest.mark.parametrize("shared_keys", [True, False])
def test_seeds_reproduce_and_batches_do_not_matter(
    letters: Vocabulary, chain: MarkovModel, exactness: Exactness, shared_keys: bool
) -> None:
    graph = random_graph(letters, np.random.default_rng(1), exactness=exactness)
    settings = SamplerConfig(max_tokens=10, seed=3, shared_keys=shared_keys)
    batch = masked(chain, [2], graph, settings, rows=9)
    again = masked(chain, [2], graph, settings, rows=9)
    fewer = masked(chain, [2], graph, settings, rows=4)
    assert all(same(a, b) for a, b in zip(batch, again, strict=True))
    assert all(same(a, b) for a, b in zip(batch, fewer, strict=False))
    assert len({x.tokens for x in batch}) > 1
    other = masked(chain, [2], graph, SamplerConfig(max_tokens=10, seed=4), rows=9)
    assert [x.tokens for x in other] != [x.tokens for x in batch]
    first = smc(chain, [], graph, settings, particles=6, ess_threshold=1.0)
    second = smc(chain, [], graph, settings, particles=6, ess_threshold=1.0)
    assert all(same(a, b) for a, b in zip(first.ledgers, second.ledgers, strict=True))
    assert first.log_evidence == second.log_evidence
    picks = [select_one(p, seed=1, how="weighted") for p in (first, second)]
    assert same(*picks)


def test_steps_stream_the_tokens_of_the_ledgers(letters: Vocabulary, chain: MarkovModel) -> None:
    graph = random_graph(letters, np.random.default_rng(2))
    steps: list[Step] = []
    generator = masked_steps(chain, [], graph, config(5), rows=3)
    while True:
        try:
            steps.append(next(generator))
        except StopIteration as done:
            ledgers: list[Ledger] = done.value
            break
    for row, ledger in enumerate(ledgers):
        assert tuple(s.draw.token for s in steps if s.row == row) == ledger.tokens


def test_without_a_constraint_text_is_free(letters: Vocabulary, chain: MarkovModel) -> None:
    ledgers = masked(chain, [], None, config(1, 6), rows=200)
    assert {x.finish_reason for x in ledgers} == {"end", "length"}
    for x in ledgers:
        assert x.checks == 0
        assert 8 not in x.tokens  # the padded column
        assert len(x.tokens) == 6 or x.tokens[-1] == 7
        logp = sum(float(chain.logps(x.tokens[:i])[t]) for i, t in enumerate(x.tokens))
        assert x.logp_raw == pytest.approx(logp, abs=1e-5)
        assert x.text == "".join(chr(97 + t) for t in x.tokens if t < 7)
    check_matcher(FreeText(letters).matcher)


def test_finish_reasons(letters: Vocabulary, chain: MarkovModel) -> None:
    only = finite_language(letters, ["abc"])
    ledger = masked(chain, [], only, config())[0]
    assert (ledger.text, ledger.finish_reason) == ("abc", "complete")
    assert ledger.tokens == (0, 1, 2, 7)
    either = finite_language(letters, ["a", "ab"])
    reasons = {x.finish_reason for x in masked(chain, [], either, config(), rows=80)}
    assert reasons == {"end", "complete"}
    loop = TokenGraph(letters, [dict.fromkeys(range(7), 0)], [0])
    reasons = {x.finish_reason for x in masked(chain, [], loop, config(0, 4), rows=80)}
    assert reasons == {"end", "closed"}
    blind = TokenGraph(letters, [dict.fromkeys(range(7), 0)], [0], completions=False)
    reasons = {x.finish_reason for x in masked(chain, [], blind, config(0, 4), rows=80)}
    assert reasons == {"end", "closed"}
    ledgers = masked(chain, [], None, config(0, 4), rows=80)
    assert {x.finish_reason for x in ledgers} == {"end", "length"}
    assert all(math.isfinite(x.log_w) for x in ledgers)  # cut, and complete as it stands
    odd = TokenGraph(letters, [{0: 1}, {0: 0}], [0], completions=False)
    ledgers = masked(chain, [], odd, config(0, 4), rows=80, dead_ends="keep")
    assert any(x.finish_reason == "length" for x in ledgers)
    assert all((x.log_w == -math.inf) == (x.finish_reason == "length") for x in ledgers)


def test_a_budget_too_small_is_an_error_before_anything_is_drawn(
    letters: Vocabulary, chain: MarkovModel
) -> None:
    language = finite_language(letters, ["abc", "abcd"])
    with pytest.raises(TokenBudgetError) as caught:
        masked(chain, [], language, config(0, 3))
    assert (caught.value.given, caught.value.needed) == (3, 4)
    assert masked(chain, [], language, config(0, 4))[0].text == "abc"
    with pytest.raises(TokenBudgetError):
        smc(chain, [], language, config(0, 3), particles=2)
    with pytest.raises(TokenBudgetError):
        masked(chain, [], None, config(0, 0))


def dead_end_graph(letters: Vocabulary) -> TokenGraph:
    """After "a" nothing follows; "b" completes. The mask does not know."""
    return TokenGraph(
        letters, [{0: 1, 1: 2}, {}, {}], [2], exactness="superset", blind=True, completions=False
    )


def everything_refused(letters: Vocabulary) -> TokenGraph:
    graph = TokenGraph(letters, [{0: 1}, {}], [1], exactness="probe", completions=False)
    graph.edges[0].clear()
    return graph


def test_dead_ends(letters: Vocabulary, chain: MarkovModel) -> None:
    graph = dead_end_graph(letters)
    kept = masked(chain, [], graph, config(), rows=40, dead_ends="keep")
    dead = [x for x in kept if x.finish_reason == "dead_end"]
    assert 0 < len(dead) < 40
    assert all(x.log_w == -math.inf and x.text == "a" for x in dead)
    retried = masked(chain, [], graph, config(), rows=40, max_retries=60)
    assert all(x.text == "b" for x in retried)
    for before, after in zip(kept, retried, strict=True):
        assert before.finish_reason == "dead_end" or same(before, after)
    row = next(i for i, x in enumerate(kept) if x.finish_reason == "dead_end")
    with pytest.raises(DeadEnd) as caught:
        masked(chain, [], graph, config(), rows=row + 1, max_retries=0)
    assert caught.value.position == 1
    nothing = TokenGraph(
        letters, [{0: 1, 1: 2}, {}, {}], [2], exactness="probe", blind=True, completions=False
    )
    nothing.edges[0].pop(1)
    with pytest.raises(DeadEnd, match="all 3 particles"):
        smc(chain, [], nothing, config(), particles=3)
    population = smc(chain, [], nothing, config(), particles=3, dead_ends="keep")
    assert population.log_evidence == -math.inf
    assert population.ess == 0.0
    assert population.weights().tolist() == [0.0] * 3
    with pytest.raises(DeadEnd):
        masked(chain, [], nothing, config())
    with pytest.raises(DeadEnd, match="1 attempt"):  # nothing may come first: no retry helps
        masked(chain, [], everything_refused(letters), config())
    # Greedy runs into the same dead end for ever: one attempt.
    greedy = config(temperature=0.0)
    start = int(np.argmax(np.where(np.arange(9) < 2, chain.row([]), -np.inf)))
    if start == 0:
        with pytest.raises(DeadEnd, match="1 attempt"):
            masked(chain, [], graph, greedy)
    else:
        assert masked(chain, [], graph, greedy)[0].text == "b"


def test_populations_need_a_temperature(letters: Vocabulary, chain: MarkovModel) -> None:
    for bad in (
        lambda: smc(chain, [], None, config(temperature=0.0), particles=2),
        lambda: importance(chain, [], None, config(temperature=0.0), particles=2),
        lambda: importance(chain, [], None, config(), particles=0),
        lambda: smc(chain, [], None, config(), particles=2, ess_threshold=1.5),
    ):
        with pytest.raises(ValueError, match=r"temperature|particle|ess_threshold"):
            bad()


def test_smc_without_a_threshold_is_importance_sampling(
    letters: Vocabulary, chain: MarkovModel
) -> None:
    graph = random_graph(letters, np.random.default_rng(3))
    a = importance(chain, [], graph, config(2), particles=8)
    b = smc(chain, [], graph, config(2), particles=8, ess_threshold=0.0)
    assert all(same(x, y) for x, y in zip(a.ledgers, b.ledgers, strict=True))
    assert a.log_evidence == b.log_evidence
    assert b.resampled == 0
    assert any(select_one(a, seed=0) is x for x in a.ledgers)


def test_copies_part_ways_after_resampling(letters: Vocabulary, chain: MarkovModel) -> None:
    """Fresh keys: two children of one particle do not write the same text for ever."""
    # Texts of 12 letters; after an "a" few letters may follow, so that weights differ.
    edges = [
        {token: 2 * (layer + 1) + (token == 0) for token in range(letters_allowed)}
        for layer in range(12)
        for letters_allowed in (7, 2)
    ]
    graph = TokenGraph(letters, [*edges, {}, {}], [24, 25])
    population = smc(chain, [], graph, config(1, 13), particles=16, ess_threshold=1.0)
    assert population.resampled > 5
    assert len({x.tokens for x in population.ledgers}) >= 8
    with pytest.raises(ValueError, match="independent"):
        select_one(population, seed=0)
    assert select_one(population, seed=0, how="weighted").text


def test_a_draw_commits_nothing_and_a_fork_is_independent(
    letters: Vocabulary, chain: MarkovModel
) -> None:
    graph = random_graph(letters, np.random.default_rng(4), exactness="probe", density=0.8)
    walk = Walk(
        graph.matcher(),
        WalkConfig(params=SamplingParams(), keys=GumbelKeys(5, 9), max_tokens=9),
        particle=3,
    )
    while walk.alive:
        row = chain.row(walk.tokens)
        draw = walk.draw(row)
        assert walk.draw(row) == draw
        assert walk.draw(row, walk.mask().copy()) == draw
        assert walk.permits(draw.token)
        assert not walk.permits(8)
        other = walk.fork(99)
        assert other.tokens == walk.tokens
        other.commit(other.draw(row))
        assert walk.matcher.tokens == walk.tokens == other.tokens[:-1]
        twin = walk.fork(3)
        assert twin.draw(row) == draw
        plan = walk.plan
        assert plan is not None
        assert len(plan) + 1 <= walk.remaining
        walk.commit(draw)
    assert walk.finish_reason in ("end", "complete", "closed")
    for step in (lambda: walk.draw(chain.row([])), lambda: walk.commit(draw)):
        with pytest.raises(GenerationError, match="ended"):
            step()
