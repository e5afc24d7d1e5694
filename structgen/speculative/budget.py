"""How much to draft: measured acceptance against measured cost.

A verified node costs time whether it is accepted or not. With the time of a forward pass
modelled as ``T(n) = a n + c`` over its n tokens (and measured apart without drafts), and node i
accepted with probability s_i, a row that verifies the nodes chosen advances ``1 + sum s_i``
tokens in ``T(n0 + nodes)``. Nodes are
taken by falling survival as long as that ratio grows (goodput, SmartSpec, arXiv 2406.14066; the
greedy order is that of DySpec, arXiv 2410.11744). On an accelerator a is next to nothing and
trees get large; on a CPU a token of a small model may cost a good part of c, and trees shrink
until speculation costs nothing when it brings nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_PRIORS: dict[str, float] = {
    "forced": 0.97,
    "forced-tail": 0.6,
    "copy/1": 0.2,
    "copy/2": 0.4,
    "copy/3": 0.6,
    "copy/4": 0.75,
    "recycling/0": 0.35,
    "recycling/1": 0.15,
    "recycling/2": 0.1,
    "model": 0.6,
    "text-model": 0.5,
}
"""Acceptance believed before anything is counted; overruled within a few rounds."""

_UNKNOWN = 0.05
_PRIOR_WEIGHT = 4.0
_DEPTHS = 8


class Acceptance:
    """Running acceptance of drafts by (source, depth).

    "Accepted" is counted where it could be: at nodes whose parent was reached. Counts fade with
    every round, so that estimates follow the text and return to the prior when a source has not
    been tried for long (which makes it be tried again).

    Args:
        fade: factor on all counts per round; 0.98 remembers about 50 rounds.
    """

    def __init__(self, *, fade: float = 0.98) -> None:
        if not 0.0 < fade <= 1.0:
            raise ValueError(f"fade must be in (0, 1], got {fade}")
        self._fade = fade
        self._counts: dict[tuple[str, int], list[float]] = {}

    def chance(self, source: str, depth: int) -> float:
        """Probability that a node of `source` at `depth` (1 = first) is accepted if its parent
        is: counts at this depth, shrunk to the counts of the source, shrunk to the prior."""
        prior = _PRIORS.get(source, _UNKNOWN)
        hits, tries = self._counts.get((source, 0), (0.0, 0.0))
        overall = (hits + _PRIOR_WEIGHT * prior) / (tries + _PRIOR_WEIGHT)
        hits, tries = self._counts.get((source, min(depth, _DEPTHS)), (0.0, 0.0))
        return (hits + _PRIOR_WEIGHT * overall) / (tries + _PRIOR_WEIGHT)

    def record(self, source: str, depth: int, accepted: bool) -> None:
        """Count one node whose parent was reached."""
        for key in ((source, 0), (source, min(depth, _DEPTHS))):
            count = self._counts.setdefault(key, [0.0, 0.0])
            count[0] += accepted
            count[1] += 1.0

    def end_round(self) -> None:
        """Let older counts fade."""
        for count in self._counts.values():
            count[0] *= self._fade
            count[1] *= self._fade

    def table(self) -> dict[str, float]:
        """Current estimate per source, all depths together."""
        return {source: self.chance(source, 0) for source, depth in self._counts if depth == 0}


class CostModel:
    """Seconds of one forward pass, fitted online.

    A *plain* pass (no draft, one token per row) is kept apart: it runs other kernels than a pass
    over several tokens (on a CPU, matrix times vector instead of matrix times matrix, and that
    step may cost as much as ten further tokens). For passes with drafts, ``T(n) = a n + c``: least
    squares over the passes seen, older ones fading, with a weak prior on the ratio a / c (two
    imaginary passes at the level of the measured ones), so that it is sensible from the first
    measurement and when all passes had the same length. A pass that took more than three times
    its prediction counts as three times: a machine that paused is no news about a or c.

    Args:
        ratio: a / c believed at first.
        fade: factor on the weight of older passes per pass.
    """

    def __init__(self, *, ratio: float = 0.1, fade: float = 0.97) -> None:
        if not (ratio >= 0.0 and 0.0 < fade <= 1.0):
            raise ValueError("ratio must not be negative, fade must be in (0, 1]")
        self._ratio = ratio
        self._fade = fade
        self._weight = self._n = self._nn = self._t = self._nt = 0.0
        self._a: float | None = None
        self._c = 0.0
        self._plain: float | None = None
        self._plain_weight = 0.0
        self.since_plain = 0

    @property
    def wants_plain(self) -> bool:
        """Whether a plain pass should be made to learn or refresh what it costs: at the fifth
        pass, later after every 40 passes with drafts (2 % of what they gain, at most)."""
        return self.since_plain >= (4 if self._plain is None else 40)

    def record(self, tokens: int, seconds: float, *, plain: bool = False) -> None:
        """One pass of `tokens` tokens took `seconds`."""
        if tokens <= 0 or not math.isfinite(seconds) or seconds <= 0.0:
            return
        if plain:
            self.since_plain = 0
            if self._plain is None:
                self._plain, self._plain_weight = seconds, 1.0
            else:
                # The mean over recent plain passes, at most some ten of them.
                self._plain_weight = 0.9 * self._plain_weight + 1.0
                news = min(seconds, 3.0 * self._plain) - self._plain
                self._plain += news / self._plain_weight
            return
        self.since_plain += 1
        if self._a is not None:
            seconds = min(seconds, 3.0 * self.seconds(tokens))
        n = float(tokens)
        self._weight = self._fade * self._weight + 1.0
        self._n = self._fade * self._n + n
        self._nn = self._fade * self._nn + n * n
        self._t = self._fade * self._t + seconds
        self._nt = self._fade * self._nt + n * seconds
        self._fit()

    def _fit(self) -> None:
        mean_n, mean_t = self._n / self._weight, self._t / self._weight
        base = mean_t / (1.0 + self._ratio * mean_n)  # c, were the prior ratio right
        w, n, nn, t, nt = self._weight, self._n, self._nn, self._t, self._nt
        for x in (1.0, 9.0):
            y = base * (1.0 + self._ratio * x)
            w, n, nn, t, nt = w + 1.0, n + x, nn + x * x, t + y, nt + x * y
        slope = (w * nt - n * t) / (w * nn - n * n)
        # Both parts cost something; a fit through noise may say otherwise.
        self._a = min(max(slope, 1e-3 * mean_t / max(mean_n, 1.0)), mean_t / mean_n)
        self._c = max((t - self._a * n) / w, 1e-3 * mean_t)

    def seconds(self, tokens: int) -> float:
        """Predicted seconds of a pass of `tokens` tokens, drafts among them."""
        if self._a is None:
            base = 1.0 if self._plain is None else self._plain
            return base * (1.0 + self._ratio * tokens) / (1.0 + self._ratio)
        return self._a * tokens + self._c

    def plain_seconds(self, rows: int) -> float:
        """Predicted seconds of a pass without drafts over `rows` rows."""
        return self.seconds(rows) if self._plain is None else self._plain


def choose_nodes(
    survival: Sequence[float],
    free: Sequence[bool],
    *,
    cost: CostModel,
    base_tokens: int,
    base_gain: float,
    max_nodes: int,
) -> list[bool]:
    """Which nodes to verify.

    Args:
        survival: per node, the probability that it is accepted; at most its parent's.
        free: per node, whether it is taken whatever it costs (forced text). The ancestors
            of a free node must be free.
        cost: of the forward pass that they share.
        base_tokens: tokens in that pass anyway.
        base_gain: tokens gained by that pass anyway.
        max_nodes: at most this many of those that are not free.

    Returns:
        Per node, whether it is taken. With ties broken by index the set is closed under parents.
    """
    order = sorted(range(len(survival)), key=lambda i: (not free[i], -survival[i], i))
    order = order[: sum(free) + max_nodes]
    keep = [False] * len(survival)
    taken = 0
    gain = base_gain
    while taken < len(order) and free[order[taken]]:
        keep[order[taken]] = True
        gain += survival[order[taken]]
        taken += 1
    seconds = cost.seconds(base_tokens + taken) if taken else cost.plain_seconds(base_tokens)
    best, best_count = gain / seconds, taken
    for count in range(taken + 1, len(order) + 1):
        gain += survival[order[count - 1]]
        ratio = gain / cost.seconds(base_tokens + count)
        if ratio > best:
            best, best_count = ratio, count
    for i in order[taken:best_count]:
        keep[i] = True
    return keep


def draft_length(
    chance: float, *, token_cost: float, cost: CostModel, base_tokens: int, limit: int
) -> int:
    """How many tokens a costly drafter should propose in a chain.

    Maximises ``(1 - p^(k+1)) / (1 - p) / (T(n0 + k) + k * token_cost)`` over k (Leviathan et al.,
    arXiv 2211.17192, equation 1 with measured costs); 0 where drafting does not pay.

    Args:
        chance: p, the acceptance of one token.
        token_cost: seconds to draft one token.
        cost: of the target's pass.
        base_tokens: tokens n0 in that pass anyway.
        limit: largest k considered.
    """
    best_k, expected, survive = 0, 1.0, 1.0
    best = expected / cost.plain_seconds(base_tokens)
    for k in range(1, limit + 1):
        survive *= chance
        expected += survive
        rate = expected / (cost.seconds(base_tokens + k) + k * token_cost)
        if rate > best:
            best_k, best = k, rate
    return best_k
