"""The toy model keeps the session's promises; the laws catch broken matchers; the statistics are
those of scipy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from structgen import Vocabulary
from structgen.errors import BackendError, EmptyLanguageError
from structgen.models.protocol import LanguageModel, TokenTree
from structgen.models.toy import MarkovModel
from structgen.testing import (
    GraphMatcher,
    TokenGraph,
    check_matcher,
    chi_square,
    chi_square_sf,
    enumerate_law,
    finite_language,
    graph_evidence,
    mean_test,
    proper_weights,
    random_graph,
)
from structgen.types import Exactness


def test_sessions_are_what_their_tokens_say(letters: Vocabulary) -> None:
    model = MarkovModel(letters, order=2, seed=5)
    assert isinstance(model, LanguageModel)
    session = model.start([1, 2], rows=3)
    before = session.logits()
    assert before.shape == (3, 9)
    assert before.dtype == np.float32
    session.append([3, None, 5])
    assert np.array_equal(session.logits()[0], model.row([1, 2, 3]))
    assert np.array_equal(session.logits()[1], before[1])
    trees = [
        TokenTree((4, 5, 6), (-1, 0, -1)),
        TokenTree(),
        TokenTree((0, 1), (-1, 0)),
    ]
    kept = session.logits()
    scored = session.expand(trees)
    assert np.array_equal(session.logits(), kept)
    assert [s.shape for s in scored] == [(3, 9), (0, 9), (2, 9)]
    assert np.array_equal(scored[0][1], model.row([1, 2, 3, 4, 5]))
    assert np.array_equal(scored[0][2], model.row([1, 2, 3, 6]))
    forwards = session.forwards
    session.commit([[0, 1], [], [0]])
    assert session.forwards == forwards == 3
    assert np.array_equal(session.logits()[0], model.row([1, 2, 3, 4, 5]))
    assert np.array_equal(session.logits()[2], model.row([5, 0]))
    session.select([2, 2, 0, 1])
    assert session.rows == 4
    assert np.array_equal(session.logits()[1], model.row([5, 0]))
    session.append([1, 2, None, None])
    assert np.array_equal(session.logits()[0], model.row([0, 1]))
    assert np.array_equal(session.logits()[1], model.row([0, 2]))
    with pytest.raises(ValueError, match="rows"):
        session.append([1])
    with pytest.raises(ValueError, match="expand"):
        session.commit([[], [], [], []])
    session.expand([TokenTree((0, 1), (-1, 0)), TokenTree(), TokenTree(), TokenTree()])
    with pytest.raises(ValueError, match="path"):
        session.commit([[1], [], [], []])


def test_texts_and_prompts(letters: Vocabulary) -> None:
    model = MarkovModel(letters)
    assert model.decode(model.encode("abcg")) == "abcg"
    assert model.decode([0, 7]) == "a"
    assert model.prompt_ids("ab") == [0, 1]
    assert model.prompt_ids([{"role": "user", "content": "ba"}]) == [1, 0]
    with pytest.raises(BackendError):
        model.prompt_ids("a", tools=[{"name": "f"}])


@pytest.mark.parametrize("exactness", ["exact", "superset", "probe"])
def test_graphs_keep_the_laws(letters: Vocabulary, exactness: Exactness) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        graph = random_graph(letters, rng, dead=2, exactness=exactness)
        check_matcher(graph.matcher, max_tokens=12)
    blind = random_graph(letters, rng, dead=2, exactness="superset", blind=True)
    check_matcher(blind.matcher, max_tokens=12)


def test_finite_languages_are_enumerated_exactly(syllables: Vocabulary) -> None:
    model = MarkovModel(syllables, order=1, seed=2)
    texts = ["abc", "ab", "bca"]
    graph = finite_language(syllables, texts)
    check_matcher(graph.matcher)
    law = enumerate_law(model, graph, max_tokens=8)
    # abc: a+b+c, ab+c, a+bc, abc; ab: a+b, ab; bca: b+c+a, bc+a; each with two end tokens.
    assert len(law.weight) == 2 * (4 + 2 + 2)
    assert {model.decode(tokens) for tokens in law.weight} == set(texts)
    assert law.evidence == pytest.approx(graph_evidence(model, graph, max_tokens=8))
    assert sum(law.local.values()) == pytest.approx(1.0)
    assert sum(law.posterior().values()) == pytest.approx(1.0)
    with pytest.raises(EmptyLanguageError):
        finite_language(syllables, ["x"])
    with pytest.raises(ValueError, match="blind"):
        TokenGraph(syllables, [{}], [0], blind=True)


class Lies(GraphMatcher):
    """A matcher with one defect."""

    __slots__ = ()


class FullMask(Lies):
    __slots__ = ()

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        mask[row] = -1


class ForgetsRollback(Lies):
    __slots__ = ()

    def rollback(self, count: int, /) -> None:
        del self._tokens[-count:]


class SharedFork(Lies):
    __slots__ = ()

    def fork(self) -> GraphMatcher:
        return self


class MovingValidate(Lies):
    __slots__ = ()

    def validate(self, token_ids: Sequence[int], /) -> int:
        taken = 0
        for token in token_ids:
            if not self.advance(token):
                break
            taken += 1
        return taken


class WrongCompletion(Lies):
    __slots__ = ()

    def completion_tokens(self) -> list[int] | None:
        return []


class EarlyEnd(Lies):
    __slots__ = ()

    def is_accepting(self) -> bool:
        return True


class WrongForced(Lies):
    __slots__ = ()

    def forced_text(self) -> str:
        return "g"


@pytest.mark.parametrize(
    "broken",
    [FullMask, ForgetsRollback, SharedFork, MovingValidate, WrongCompletion, EarlyEnd, WrongForced],
)
def test_the_laws_catch(letters: Vocabulary, broken: type[Lies]) -> None:
    graph = finite_language(letters, ["abcd", "abd", "ca"])
    start: Callable[[], GraphMatcher] = lambda: broken(graph, [0], [])  # noqa: E731
    with pytest.raises(AssertionError):
        check_matcher(start)


def test_chi_square_survival_is_scipys() -> None:
    for freedom in (1, 2, 5, 30, 400):
        for statistic in (1e-3, 0.5, 1.0, 7.0, 40.0, 500.0, 700.0):
            expected = float(scipy.stats.chi2.sf(statistic, freedom))
            assert chi_square_sf(statistic, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-13)


def test_p_values_are_uniform_under_the_hypothesis() -> None:
    """Kolmogorov-Smirnov at 1e-3 over 400 p-values, for the tests that all others rest on."""
    rng = np.random.default_rng(3)
    law = dict(enumerate(rng.dirichlet(np.ones(6)).tolist()))
    counted: list[float] = []
    averaged: list[float] = []
    for _ in range(400):
        drawn = rng.multinomial(2_000, list(law.values()))
        counted.append(chi_square(dict(enumerate(drawn.tolist())), law))
        averaged.append(mean_test(rng.exponential(size=2_000), 1.0))
    for p in (counted, averaged):
        assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3


def test_tests_notice() -> None:
    rng = np.random.default_rng(4)
    x = rng.exponential(size=5_000)
    assert mean_test(x, 1.2) < 1e-6
    assert mean_test([2.0, 2.0], 2.0) == 1.0
    assert mean_test([2.0, 2.0], 2.1) == 0.0
    assert chi_square({"a": 600, "b": 400}, {"a": 0.5, "b": 0.5}) < 1e-6
    assert chi_square({"a": 1}, {"b": 1.0}) == 0.0
    keys = rng.integers(3, size=6_000).tolist()
    right = [(k, 1.0 + k) for k in keys]
    law = {k: (1.0 + k) / 3 for k in range(3)}
    assert proper_weights(right, law) > 1e-3
    assert proper_weights([(k, 2.0) for k in keys], law) < 1e-6
    assert proper_weights([(7, 1.0)], law) == 0.0
