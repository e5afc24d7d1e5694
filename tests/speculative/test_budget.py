"""Acceptance, cost, and the nodes they choose."""

from __future__ import annotations

import numpy as np
import pytest

from structgen.speculative.budget import Acceptance, CostModel, choose_nodes, draft_length
from structgen.speculative.tree import DraftTree


def fitted(
    a: float, c: float, *, noise: float = 0.0, lengths: tuple[int, ...] = (1, 3, 9)
) -> CostModel:
    cost = CostModel()
    rng = np.random.default_rng(5)
    for n in lengths * 40:
        cost.record(n, (a * n + c) * (1.0 + noise * rng.normal()))
    return cost


@pytest.mark.parametrize(("a", "c"), [(0.02, 0.03), (0.0001, 0.02), (0.05, 0.001)])
def test_cost_is_fitted(a: float, c: float) -> None:
    cost = fitted(a, c)
    for n in (1, 5, 9):
        assert cost.seconds(n) == pytest.approx(a * n + c, rel=0.2)


def test_cost_survives_pauses_and_one_length() -> None:
    cost = fitted(0.01, 0.02, noise=0.1)
    before = cost.seconds(4)
    cost.record(4, 100.0)
    assert cost.seconds(4) < 1.5 * before
    flat = fitted(0.01, 0.02, lengths=(1,))
    assert flat.seconds(1) == pytest.approx(0.03, rel=0.05)
    assert flat.plain_seconds(1) == flat.seconds(1)  # none was measured
    assert flat.seconds(1) < flat.seconds(9) < 9 * flat.seconds(1)
    for odd in (0.0, -1.0, float("nan"), float("inf")):
        flat.record(3, odd)
    assert np.isfinite(flat.seconds(3))


def test_the_step_from_one_token_to_several_is_counted() -> None:
    """On a CPU a pass over two tokens may cost nearly twice one over one token, and the next
    ones little: one doubtful guess does not pay, several may."""
    cost = fitted(0.002, 0.095, lengths=(3, 6, 12))
    assert cost.wants_plain
    for _ in range(20):
        cost.record(1, 0.06, plain=True)
    assert not cost.wants_plain
    assert cost.plain_seconds(1) == pytest.approx(0.06)

    def chosen(survival: list[float]) -> int:
        free = [False] * len(survival)
        return sum(
            choose_nodes(survival, free, cost=cost, base_tokens=1, base_gain=1.0, max_nodes=20)
        )

    assert chosen([0.5]) == 0
    assert chosen([0.5, 0.45, 0.4]) == 3
    assert draft_length(0.5, token_cost=0.0, cost=cost, base_tokens=1, limit=1) == 0
    for _ in range(41):
        cost.record(4, 0.1)
    assert cost.wants_plain


def test_acceptance_learns_fades_and_shrinks() -> None:
    acceptance = Acceptance()
    prior = acceptance.chance("copy/1", 1)
    for _ in range(50):
        acceptance.record("copy/1", 1, True)
        acceptance.end_round()
    assert acceptance.chance("copy/1", 1) > 0.85
    # An unseen depth starts from what is known of the source.
    assert acceptance.chance("copy/1", 5) > 0.5
    for _ in range(500):
        acceptance.end_round()
    assert acceptance.chance("copy/1", 1) == pytest.approx(prior, abs=0.01)


def test_cheap_nodes_are_all_taken_and_dear_ones_only_if_likely() -> None:
    survival = [0.9, 0.5, 0.1, 0.02]
    nothing_free = [False] * 4

    def count(a: float) -> int:
        cost = fitted(a, 1.0)
        keep = choose_nodes(
            survival, nothing_free, cost=cost, base_tokens=1, base_gain=1.0, max_nodes=10
        )
        assert keep == sorted(keep, reverse=True)  # the likeliest ones
        return sum(keep)

    counts = [count(a) for a in (0.001, 0.1, 0.5, 5.0)]
    assert counts[0] == 4
    assert counts == sorted(counts, reverse=True)
    # At a/c = 5, an extra token costs 5/6 of a pass: 0.9 pays, 0.5 does not.
    assert counts[-1] == 1


def test_free_nodes_are_taken_whatever_they_cost() -> None:
    cost = fitted(1.0, 0.001)
    keep = choose_nodes(
        [0.9, 0.8, 0.9], [True, True, False], cost=cost, base_tokens=1, base_gain=1.0, max_nodes=0
    )
    assert keep == [True, True, False]


def goodput(tree: DraftTree, chosen: list[bool], cost: CostModel) -> float:
    gain = 1.0 + sum(s for s, kept in zip(tree.survival, chosen, strict=True) if kept)
    return gain / cost.seconds(1 + sum(chosen))


def is_closed(tree: DraftTree, chosen: list[bool]) -> bool:
    """Whether every chosen node's parent is chosen."""
    return all(
        not kept or parent < 0 or chosen[parent]
        for kept, parent in zip(chosen, tree.parents, strict=True)
    )


def test_choice_maximises_goodput() -> None:
    """Against all subsets closed under parents, on random trees."""
    rng = np.random.default_rng(11)
    for _ in range(100):
        tree = DraftTree()
        for i in range(7):
            parent = int(rng.integers(-1, i)) if i else -1
            tree.add(parent, i, "x", float(rng.random()))
        cost = fitted(float(rng.random()), float(rng.random()) + 0.01)
        keep = choose_nodes(
            tree.survival, [False] * 7, cost=cost, base_tokens=1, base_gain=1.0, max_nodes=7
        )
        subsets = [[bool(bits >> i & 1) for i in range(7)] for bits in range(1 << 7)]
        best = max(goodput(tree, chosen, cost) for chosen in subsets if is_closed(tree, chosen))
        assert is_closed(tree, keep)
        assert goodput(tree, keep, cost) == pytest.approx(best, rel=1e-9)


def test_draft_length_follows_acceptance_and_cost() -> None:
    cost = fitted(0.001, 1.0)
    assert draft_length(0.9, token_cost=0.05, cost=cost, base_tokens=1, limit=8) > 3
    assert draft_length(0.05, token_cost=0.2, cost=cost, base_tokens=1, limit=8) == 0
    assert draft_length(0.9, token_cost=2.0, cost=cost, base_tokens=1, limit=8) == 0


def test_tree_merges_equal_ideas() -> None:
    tree = DraftTree()
    a = tree.add(-1, 5, "copy/1", 0.2)
    b = tree.add(a, 6, "copy/1", 0.5)
    assert tree.add(-1, 5, "forced", 0.9) == a
    assert tree.survival[a] == pytest.approx(0.9)
    assert tree.survival[b] <= tree.survival[a]
    assert tree.child(-1, 5) == a
    assert tree.child(a, 7) is None
    assert tree.path(b) == (5, 6)
    below = tree.below(9)
    assert below.tokens == (9, 5, 6)
    assert below.parents == (-1, 0, 1)


def test_subset_drops_what_hangs_below() -> None:
    tree = DraftTree()
    a = tree.add(-1, 1, "x", 0.9)
    tree.add(a, 2, "x", 0.9)
    c = tree.add(-1, 3, "x", 0.5)
    tree.add(c, 4, "x", 0.9)
    tree.masks = np.arange(4, dtype=np.int32)[:, None]
    kept = tree.subset([False, True, True, True])
    assert kept.tokens == [3, 4]
    assert kept.parents == [-1, 0]
    assert kept.masks is not None
    assert kept.masks[:, 0].tolist() == [2, 3]
