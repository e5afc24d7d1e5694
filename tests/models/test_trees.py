"""Masks of token trees, against their definition. Needs no model."""

from __future__ import annotations

import random

import pytest

from structgen.errors import BackendError
from structgen.models.protocol import TokenTree
from structgen.models.trees import chain, check_path, forest


def sees(
    tree: TokenTree, length: int, node: int, slot: int, window: int | None, chunk: int | None
) -> bool:
    """Whether a node sees a cache slot, from the definition."""

    def path(i: int) -> list[int]:
        return [] if i < 0 else [*path(tree.parents[i]), i]

    if slot < length:
        position = slot
    elif slot - length in path(node):
        position = length + len(path(slot - length)) - 1
    else:
        return False
    own = length + len(path(node)) - 1
    near = window is None or own - position < window
    same = chunk is None or own // chunk == position // chunk
    return near and same


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("window", "chunk"), [(None, None), (4, None), (None, 5)])
def test_masks_of_trees(seed: int, window: int | None, chunk: int | None):
    rng = random.Random(seed)
    sizes = [rng.randrange(1, 8) for _ in range(3)]
    trees = [
        TokenTree(tuple(range(n)), tuple(rng.randrange(-1, i) for i in range(n))) for n in sizes
    ]
    lengths = [rng.randrange(1, 12) for _ in trees]
    nodes = forest(trees, lengths)
    mask = nodes.visible(window=window, chunk=chunk)
    assert mask.shape == (3, max(sizes), nodes.used)
    for b, (tree, length) in enumerate(zip(trees, lengths, strict=True)):
        for i in range(len(tree.tokens)):
            expected = [sees(tree, length, i, s, window, chunk) for s in range(nodes.used)]
            assert mask[b, i].tolist() == expected
        for i in range(len(tree.tokens), max(sizes)):
            assert not mask[b, : len(tree.tokens), length + i].any()  # nobody sees padding
            assert mask[b, i].any()  # and it sees something: no row without any


def test_a_chain_is_a_tree_without_branches():
    one = chain([[7, 8, 9], [4, 5, 6]], [3, 10])
    other = forest([TokenTree((7, 8, 9), (-1, 0, 1)), TokenTree((4, 5, 6), (-1, 0, 1))], [3, 10])
    assert (one.tokens == other.tokens).all()
    assert (one.positions == other.positions).all()
    assert (one.visible() == other.visible()).all()


def test_paths():
    tree = TokenTree((1, 2, 3, 4), (-1, 0, 0, 2))
    for path in ([], [0], [0, 1], [0, 2, 3]):
        check_path(tree, path)
    for path in ([1], [0, 3], [0, 1, 2], [0, 0], [4], [-1]):
        with pytest.raises(BackendError, match="no path"):
            check_path(tree, path)
