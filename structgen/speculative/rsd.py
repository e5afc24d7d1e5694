"""Recursive rejection sampling over draft trees whose children are samples of a draft model.

Source: Recursive Speculative Decoding (arXiv 2402.14160, algorithm 1), with masked laws.
Notation: `pc` is the target's law on the allowed tokens, `qc` the draft model's, both normalised;
``x_1, ..., x_k`` are children drawn from `qc` *without replacement*, in the order drawn. With
``P_1 = pc``, ``Q_1 = qc``: x_i is accepted with probability ``min(1, P_i(x_i) / Q_i(x_i))``, else
``P_{i+1} = norm((P_i - Q_i)+)`` and ``Q_{i+1} = norm(Q_i without x_i)``; if all are rejected, the
token is drawn from ``P_{k+1}``. Its law is `pc` exactly, for any `qc` with the same support rules.

When to prefer it: with children *sampled* from a draft model, it accepts more often than matching
the target's own draw against them (0.79 against 0.64 on a toy tree). With top-k children or keys
shared with the target, matching is as good and needs no ratios.

Two ways to get this wrong, both of which the tests show to be biased:

* drop an illegal child that was drawn from an *unmasked* q, and draw the position afresh from
  `pc`: children must come from the masked `qc`, and `qc` must be what the ratio uses;
* share random keys between the drafter and this test: the children's noise must be independent
  of `generator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Law = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NodeRule:
    """What recursive rejection does at a node, given its children.

    ``accept[i]`` is the probability that child i is accepted once it is looked at; `residual` the
    law of the token if none is, shape ``(V,)``.
    """

    accept: tuple[float, ...]
    residual: Law


def node_rule(pc: Law, qc: Law, children: Sequence[int], /) -> NodeRule:
    """The acceptance probabilities and the residual law at a node.

    Args:
        pc: target law, shape ``(V,)``, zero on forbidden tokens, sums to one.
        qc: draft law, likewise.
        children: distinct tokens with ``qc > 0``, in the order they were drawn.

    Raises:
        ValueError: shapes differ, or a child repeats or cannot have come from `qc`.
    """
    if pc.shape != qc.shape or pc.ndim != 1:
        raise ValueError(f"laws of shapes {pc.shape} and {qc.shape}; one row each is needed")
    target, draft = pc.astype(np.float64), qc.astype(np.float64)
    accept: list[float] = []
    for child in children:
        total = draft.sum()
        if draft[child] <= 0.0 or total <= 0.0:
            raise ValueError(f"token {child} repeats among the children, or has no draft mass")
        law = draft / total
        accept.append(min(1.0, float(target[child] / law[child])))
        rest = np.maximum(target - law, 0.0)
        mass = rest.sum()
        if mass > 0.0:
            target = rest / mass
        else:
            # target == law up to rounding: the child is accepted with probability 1, up to
            # rounding. What is left if not: the target without the children seen.
            target = target.copy()
            target[child] = 0.0
            mass = target.sum()
            target = target / mass if mass > 0.0 else pc.astype(np.float64)
        draft[child] = 0.0
    return NodeRule(tuple(accept), target)


def rsd_node(
    pc: Law, qc: Law, children: Sequence[int], generator: np.random.Generator, /
) -> tuple[int, bool]:
    """Draw the token at a node: ``(token, whether it is one of the children)``.

    `generator` must be independent of the noise that the children were drawn with. A token that
    is not accepted as a child is never one of the children: its residual mass is zero.
    """
    if not children:
        qc = pc  # never looked at
    rule = node_rule(pc, qc, children)
    for child, chance in zip(children, rule.accept, strict=True):
        if generator.random() < chance:
            return child, True
    cumulative = np.cumsum(rule.residual)
    threshold = generator.random() * float(cumulative[-1])
    at = int(np.searchsorted(cumulative, threshold, side="right"))
    return min(at, len(cumulative) - 1), False


def rsd_path(
    pc: Sequence[Law],
    qc: Sequence[Law],
    tokens: Sequence[int],
    parents: Sequence[int],
    generator: np.random.Generator,
    /,
) -> tuple[tuple[int, ...], int]:
    """Verify a tree: ``(accepted nodes, root to leaf, the token drawn after the last of them)``.

    Args:
        pc: target laws, ``pc[0]`` at the root position and ``pc[i + 1]`` after node i; masked,
            normalised.
        qc: the draft model's laws likewise. Only laws of nodes with children are looked at.
        tokens: the nodes; siblings in the order they were drawn, without replacement.
        parents: ``parents[i] < i``, -1 for the root position.
        generator: independent of the drafter's noise.

    The importance weight of a committed token is the target's masked mass at its position, as in
    ordinary decoding: the law is the same.
    """
    path: list[int] = []
    at = -1
    while True:
        children = [node for node, parent in enumerate(parents) if parent == at]
        token, accepted = rsd_node(
            pc[at + 1], qc[at + 1], [tokens[node] for node in children], generator
        )
        if not accepted:
            return tuple(path), token
        at = next(node for node in children if tokens[node] == token)
        path.append(at)


def draw_children(qc: Law, count: int, generator: np.random.Generator, /) -> list[int]:
    """Up to `count` distinct tokens drawn from `qc` without replacement, in order (Gumbel top-k).

    Fewer where `qc` has fewer tokens.
    """
    live = np.flatnonzero(qc > 0.0)
    races = generator.exponential(size=len(live)) / qc[live]
    return live[np.argsort(races, kind="stable")[:count]].tolist()
