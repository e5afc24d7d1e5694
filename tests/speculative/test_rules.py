"""Exact laws of verification rules, by enumeration of everything random.

Each rule draws one token; its law must be the target's masked law `pc`. The two traps are
shown to be biased, by the amount theory says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from structgen.speculative.rsd import Law, draw_children, node_rule, rsd_node, rsd_path

V = 5
CASES = range(60)


class Case:
    """Random laws: target p, drafter q, allowed tokens, and their masked versions."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([20260111, seed])
        self.p: Law = rng.dirichlet(np.full(V, 0.7))
        self.q: Law = rng.dirichlet(np.full(V, 0.7))
        self.allowed: npt.NDArray[np.bool_] = rng.random(V) < 0.6
        self.allowed[rng.integers(V)] = True
        self.pc = norm(self.p * self.allowed)
        self.qc = norm(self.q * self.allowed)


def norm(f: Law) -> Law:
    return f / f.sum()


def total_variation(f: Law, g: Law) -> float:
    return 0.5 * float(np.abs(f - g).sum())


def ordered_samples(q: Law, k: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every ordered sample without replacement of min(k, support) tokens, with its probability."""
    live = np.flatnonzero(q > 0).tolist()
    for order in itertools.permutations(live, min(k, len(live))):
        probability, left = 1.0, 1.0
        for token in order:
            probability *= q[token] / left
            left -= q[token]
        yield order, float(probability)


def law_given_children(pc: Law, qc: Law, children: tuple[int, ...]) -> tuple[Law, float]:
    """The law of the token, and the probability that it is a child, from the shipped rule."""
    rule = node_rule(pc, qc, children)
    law = np.zeros(V)
    reach = 1.0
    for child, chance in zip(children, rule.accept, strict=True):
        law[child] += reach * chance
        reach *= 1.0 - chance
    return law + reach * rule.residual, 1.0 - reach


@pytest.mark.parametrize("k", [1, 2, 3, V])
def test_recursive_rejection_is_lossless(k: int) -> None:
    """Children from the masked draft law, as many as exist: the law is pc to rounding, also
    where the children exhaust the allowed set."""
    for seed in CASES:
        case = Case(seed)
        law = np.zeros(V)
        for children, probability in ordered_samples(case.qc, k):
            law += probability * law_given_children(case.pc, case.qc, children)[0]
        assert total_variation(law, case.pc) < 1e-12


def test_children_that_exhaust_the_allowed_set_are_always_enough() -> None:
    for seed in CASES:
        case = Case(seed)
        for children, _ in ordered_samples(case.qc, V):
            if len(children) == np.count_nonzero(case.pc):
                accepted = law_given_children(case.pc, case.qc, children)[1]
                assert accepted == pytest.approx(1.0, abs=1e-12)


def test_recursive_rejection_accepts_more_with_more_children() -> None:
    case = Case(3)
    rates = [
        sum(p * law_given_children(case.pc, case.qc, c)[1] for c, p in ordered_samples(case.qc, k))
        for k in (1, 2, 3)
    ]
    assert rates == sorted(rates)
    # One child accepts with probability 1 - TV, the best a single draft can do.
    assert rates[0] == pytest.approx(1.0 - total_variation(case.pc, case.qc), abs=1e-12)


def test_unmasked_drafter_with_its_own_residual_is_lossless() -> None:
    """An illegal child is rejected by the rule itself (its target probability is zero)."""
    for seed in CASES:
        case = Case(seed)
        law = np.zeros(V)
        for children, probability in ordered_samples(case.q, 1):
            law += probability * law_given_children(case.pc, case.q, children)[0]
        assert total_variation(law, case.pc) < 1e-12


def test_trap_dropping_an_illegal_draft_and_drawing_afresh_is_biased() -> None:
    """The trap: the draft came from an *unmasked* q; illegal, it is dropped, and the position is
    drawn from pc. The bias is eps * TV(pc, r): eps the illegal draft mass, r the residual."""
    worst = 0.0
    for seed in CASES:
        case = Case(seed)
        residual = np.maximum(case.pc - case.q, 0.0)
        if residual.sum() == 0.0:
            continue
        law = np.zeros(V)
        for token in range(V):
            if case.allowed[token]:
                law += case.q[token] * law_given_children(case.pc, case.q, (token,))[0]
            else:
                law += case.q[token] * case.pc
        bias = total_variation(law, case.pc)
        illegal = float(case.q[~case.allowed].sum())
        assert bias == pytest.approx(illegal * total_variation(case.pc, norm(residual)), abs=1e-12)
        worst = max(worst, bias)
    assert worst > 0.05


def test_dropping_is_lossless_if_the_recorded_law_is_the_masked_one() -> None:
    for seed in CASES:
        case = Case(seed)
        law = np.zeros(V)
        for token in range(V):
            if case.allowed[token]:
                law += case.q[token] * law_given_children(case.pc, case.qc, (token,))[0]
            else:
                law += case.q[token] * case.pc
        assert total_variation(law, case.pc) < 1e-12


@pytest.mark.parametrize(("ratio", "lossless"), [("masked", True), ("unmasked", False)])
def test_filtered_children_need_the_masked_law_in_the_ratio(ratio: str, lossless: bool) -> None:
    """Children drawn without replacement from the unmasked q, the illegal ones filtered out:
    survivors are masked draws without replacement, so qc belongs in the ratio (second trap)."""
    worst = 0.0
    for seed in CASES:
        case = Case(seed)
        law = np.zeros(V)
        for children, probability in ordered_samples(case.q, 3):
            survivors = tuple(c for c in children if case.allowed[c])
            used = case.qc if ratio == "masked" else case.q
            law += probability * law_given_children(case.pc, used, survivors)[0]
        worst = max(worst, total_variation(law, case.pc))
    assert worst < 1e-12 if lossless else worst > 0.05


def test_sample_then_match_is_lossless_for_any_children() -> None:
    """The default rule: y ~ pc, follow y if it is a child. Its law is pc by construction; what a
    draft decides is the acceptance, the target mass of the children."""
    for seed in CASES:
        case = Case(seed)
        children = np.argsort(-case.q)[:3]
        law, accepted = np.zeros(V), 0.0
        for y in range(V):
            law[y] += case.pc[y]
            accepted += case.pc[y] * (y in children)
        assert total_variation(law, case.pc) == 0.0
        assert accepted == pytest.approx(float(case.pc[children].sum()))


def first_proposal_law(case: Case, *, couple_illegal: bool) -> Law:
    """Adaptive rejection whose *first* proposal is a draft token accepted with min(1, p/q), or
    drawn from norm(p - q)+. With `couple_illegal` false, a draft known to be illegal is not
    coupled: adaptive rejection starts afresh."""
    p, q = case.p, case.q

    def rejection(row: Law) -> Law:
        # The first allowed arrival of a race is distributed as the row restricted to A.
        live = row * case.allowed
        return live / live.sum()

    residual = np.maximum(p - q, 0.0)
    residual = residual / residual.sum()
    law = np.zeros(V)
    for draft in range(V):
        if not couple_illegal and not case.allowed[draft]:
            law += q[draft] * rejection(p)
            continue
        chance = min(1.0, p[draft] / q[draft])
        for proposal in range(V):
            mass = q[draft] * ((proposal == draft) * chance + (1 - chance) * residual[proposal])
            if mass == 0.0:
                continue
            if case.allowed[proposal]:
                law[proposal] += mass
            else:
                rest = p.copy()
                rest[proposal] = 0.0
                law += mass * rejection(rest)
    return law


@pytest.mark.parametrize("couple_illegal", [True, False])
def test_coupled_first_proposal(couple_illegal: bool) -> None:
    """Coupling adaptive rejection's first proposal with a draft is exact only if it is also done
    when the draft is known to be illegal."""
    worst = max(
        total_variation(first_proposal_law(Case(s), couple_illegal=couple_illegal), Case(s).pc)
        for s in CASES
    )
    assert worst < 1e-12 if couple_illegal else worst > 0.01


def test_rsd_node_follows_its_rule() -> None:
    """The sampler draws what `node_rule` says: chi-square on 20,000 draws, false alarm 1e-4."""
    from scipy.stats import chisquare

    case = Case(1)
    draft_noise, test_noise = np.random.default_rng(7), np.random.default_rng(8)
    counts = np.zeros(V)
    for _ in range(20_000):
        children = draw_children(case.qc, 2, draft_noise)
        token, is_child = rsd_node(case.pc, case.qc, children, test_noise)
        assert is_child == (token in children)
        counts[token] += 1
    live = case.pc > 0
    assert counts[~live].sum() == 0
    assert chisquare(counts[live], case.pc[live] * counts.sum()).pvalue > 1e-4


def test_tree_of_two_levels_has_the_targets_law() -> None:
    """Two tokens drawn by one pass over a tree of sampled children (and, where the pass is cut,
    by the next draw from the target): chi-square of the pairs over 20,000 passes, false alarm
    1e-4. The laws of the second token depend on the first."""
    from scipy.stats import chisquare

    first = Case(1)
    second = [Case(100 + token) for token in range(V)]
    draft_noise, test_noise, rest = (np.random.default_rng(seed) for seed in (17, 18, 19))
    counts = np.zeros((V, V))
    deep = 0
    for _ in range(20_000):
        tokens = draw_children(first.qc, 2, draft_noise)
        parents = [-1] * len(tokens)
        for node, token in enumerate(list(tokens)):
            below = draw_children(second[token].qc, 2, draft_noise)
            tokens += below
            parents += [node] * len(below)
        level_two = [
            second[token] for token, parent in zip(tokens, parents, strict=True) if parent < 0
        ]
        # Nothing is known below the second level; those rows are never used for children.
        pc = [first.pc, *(case.pc for case in level_two), *([first.pc] * len(tokens))]
        qc = [first.qc, *(case.qc for case in level_two), *([first.qc] * len(tokens))]
        path, last = rsd_path(pc, qc, tokens, parents, test_noise)
        drawn = [*(tokens[node] for node in path), last]
        deep += len(path) == 2
        if len(drawn) == 1:
            drawn.append(int(rest.choice(V, p=second[drawn[0]].pc)))
        counts[drawn[0], drawn[1]] += 1
    expected = first.pc[:, None] * np.array([case.pc for case in second]) * counts.sum()
    live = expected > 0
    assert counts[~live].sum() == 0
    assert deep > 5_000
    assert chisquare(counts[live], expected[live]).pvalue > 1e-4


def test_children_must_come_from_the_draft_law() -> None:
    pc, qc = norm(np.ones(3)), np.array([0.5, 0.5, 0.0])
    with pytest.raises(ValueError, match="token 2"):
        node_rule(pc, qc, [2])
    with pytest.raises(ValueError, match="token 0"):
        node_rule(pc, qc, [0, 0])
    with pytest.raises(ValueError, match="shapes"):
        node_rule(pc, qc[:2], [0])


def test_equal_laws_leave_no_residual_and_reject_nothing() -> None:
    pc = norm(np.array([0.2, 0.3, 0.5]))
    rule = node_rule(pc, pc.copy(), [1])
    assert rule.accept == (1.0,)
    assert np.isfinite(rule.residual).all()
    assert rule.residual.sum() == pytest.approx(1.0)
