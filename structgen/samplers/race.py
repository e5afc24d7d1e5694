"""Drawing tokens without replacement, likeliest-first at random: the exponential race.

Token v arrives at time ``E_v / w_v``; the order of arrival is sampling without replacement with
probability proportional to the weight. The first arrival among *any* set A is distributed as the
weights restricted to A, whatever arrives before it: that is all adaptive rejection needs.

Two races of the same law:

* `LazyRace` draws its randomness as it goes, over block sums (512 tokens a block): O(V) additions
  once, O(512) per draw.
* `KeyedRace` takes the exponential of each token from the place's keys (`GumbelKeys`), so that
  two rows raced with the same keys agree as often as they can, and so that the winner is the
  same with and without speculation.

`GreedyRace` is the limit of temperature 0: the likeliest first, ties to the lowest id.

INVARIANT: the mass not seen yet is re-summed from weights set to zero, never obtained by
subtraction; it is right to relative 1e-7 even when 1e-18 of the mass is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from structgen.samplers.keys import BLOCK, GumbelKeys, KeyRow
from structgen.samplers.rows import LogitRow, Support

_BLOCK = 512
# When a token this light (relative to the first total) arrives, the race looks whether what is
# left should be exponentiated again relative to its own maximum.
_LIGHT = 1e-25
# PERF: opening one block costs about 12 us, drawing all keys about 5 ns a token: one block costs
# as much as 2,500 tokens.
_PER_BLOCK = 2500
# Draws served by repeated minima before the order is sorted in chunks.
_SINGLE_DRAWS = 12
_CHUNK = 512

Weights = npt.NDArray[np.float64] | npt.NDArray[np.float32]


class Race(Protocol):
    """Tokens in order of arrival."""

    @property
    def log_scale(self) -> float:
        """``log p = log(weight) + log_scale``, until the next rebase."""
        ...

    def draw(self, *, rebase: bool = False) -> tuple[int, float] | None:
        """The next token and its weight; None when all have arrived.

        With `rebase`, the scale may change when almost no mass is left: the caller must then
        hold no weight of the old scale.
        """
        ...

    def peek(self) -> int:
        """The next token, which stays in the race; -1 if all have arrived."""
        ...

    def left(self) -> float:
        """The mass of the tokens that have not arrived."""
        ...


class Noise(Protocol):
    """Where a race gets its randomness."""

    def race(self, row: LogitRow, support: Support, /) -> Race:
        """A race of `support`, a part of `row`."""
        ...


class _Arena:
    """Weights of the tokens not seen, with block sums; the order is a subclass's business."""

    __slots__ = (
        "_blocks",
        "_drawn",
        "_first_total",
        "_owned",
        "_row",
        "log_scale",
        "support",
        "weights",
    )

    def __init__(self, row: LogitRow, support: Support) -> None:
        self._row = row
        self._drawn: list[int] = []
        self._load(support)

    def _load(self, support: Support) -> None:
        self.support = support
        self._first_total = support.total
        self.log_scale = support.log_scale
        # Copied when the first token is taken out: most races end with their first token.
        self.weights: Weights = support.weights
        self._owned = False
        self._blocks: npt.NDArray[np.float64] | None = None

    @property
    def block_mass(self) -> npt.NDArray[np.float64]:
        """Mass of each block of weights; summed when first asked for."""
        if self._blocks is None:
            size = self.weights.size
            self._blocks = (
                np.add.reduceat(self.weights, np.arange(0, size, _BLOCK), dtype=np.float64)
                if size
                else np.zeros(1)
            )
        return self._blocks

    def left(self) -> float:
        """The mass of the tokens that have not arrived."""
        return float(self.block_mass.sum())

    def peek(self) -> int:
        """The next token, which stays in the race; -1 if all have arrived."""
        index = self._next()
        return -1 if index < 0 else self.support.token(index)

    def draw(self, *, rebase: bool = False) -> tuple[int, float] | None:
        """The next token and its weight; see `Race.draw`."""
        index = self._next()
        light = index < 0 or float(self.weights[index]) < _LIGHT * self._first_total
        if rebase and light and self._rebase():
            index = self._next()
        if index < 0:
            return None
        weight = float(self.weights[index])
        if not self._owned:
            self.weights = self.weights.copy()
            self._owned = True
        self.weights[index] = 0.0
        if self._blocks is not None:
            block = index // _BLOCK
            self._blocks[block] = self.weights[block * _BLOCK : (block + 1) * _BLOCK].sum(
                dtype=np.float64
            )
        self._arrived(index)
        token = self.support.token(index)
        self._drawn.append(token)
        return token, weight

    def _rebase(self) -> bool:
        """Exponentiate the tokens not drawn anew if almost nothing is left of the first mass."""
        if self.left() > _LIGHT * self._first_total:
            return False
        undrawn = np.setdiff1d(self.support.candidates(), np.array(self._drawn, dtype=np.intp))
        fresh = self._row.gather(undrawn)
        if fresh.total <= 0.0:
            return False
        self._load(fresh)
        self._restart()
        return True

    def _next(self) -> int:
        """Index of the next arrival (-1 if none), without removing it."""
        raise NotImplementedError

    def _arrived(self, index: int, /) -> None:
        """`index` was removed."""
        raise NotImplementedError

    def _restart(self) -> None:
        """The support was replaced by what is left of it."""
        raise NotImplementedError


class LazyRace(_Arena):
    """A race whose arrival times are drawn when they are needed.

    The first arrival of a block of mass M comes after ``Exp()/M``; which of its tokens it is, is
    independent of the time. After it, the rest of the block is a race that begins then.
    """

    __slots__ = ("_pick", "_rng", "_times")

    def __init__(self, row: LogitRow, support: Support, rng: Generator) -> None:
        super().__init__(row, support)
        self._rng = rng
        self._restart()

    def _restart(self) -> None:
        with np.errstate(divide="ignore", over="ignore"):
            self._times = self._rng.standard_exponential(self.block_mass.size) / self.block_mass
        self._pick = -1

    def _next(self) -> int:
        if self._pick >= 0:
            return self._pick
        block = int(self._times.argmin())
        mass = float(self.block_mass[block])
        if mass <= 0.0:
            return -1
        inside = self.weights[block * _BLOCK : (block + 1) * _BLOCK]
        cumulative = np.cumsum(inside, dtype=np.float64)
        # A cumulative sum may stop short of the block's (pairwise) sum by rounding: take its own.
        point = self._rng.random() * float(cumulative[-1])
        at = int(np.searchsorted(cumulative, point, side="right"))
        if at >= inside.size or inside[at] <= 0.0:
            at = int(np.flatnonzero(inside)[-1])
        self._pick = block * _BLOCK + at
        return self._pick

    def _arrived(self, index: int, /) -> None:
        block = index // _BLOCK
        mass = float(self.block_mass[block])
        wait = self._rng.standard_exponential() / mass if mass > 0.0 else np.inf
        self._times[block] += wait
        self._pick = -1


class _Order:
    """Indices of an array by ascending value, ties to the lowest; inf never comes."""

    __slots__ = ("_queue", "_served", "_values")

    def __init__(self, values: npt.NDArray[np.float64]) -> None:
        self._values = values
        self._queue: list[int] = []
        self._served = 0

    def first(self) -> int:
        """The next index, or -1. Single ones by `argmin`, then sorted in growing chunks."""
        if not self._queue:
            values = self._values
            if values.size == 0:
                return -1
            if self._served < _SINGLE_DRAWS:
                index = int(values.argmin())
                return index if values[index] < np.inf else -1
            size = min(values.size, max(_CHUNK, self._served))
            bound = np.partition(values, size - 1)[size - 1]
            chunk = np.flatnonzero((values <= bound) & (values < np.inf))
            if chunk.size == 0:
                return -1
            order = chunk[np.argsort(values[chunk], kind="stable")]
            self._queue = order[::-1].tolist()
        return self._queue[-1]

    def remove(self, index: int) -> None:
        """Take out the first."""
        if self._queue:
            self._queue.pop()
        self._values[index] = np.inf
        self._served += 1


class KeyedRace(_Arena):
    """A race whose exponentials belong to (seed, particle, position).

    Blocks of keys are opened only while they may hold the next arrival (see
    `structgen.samplers.keys`); in a flat row, where that would open most of them, all keys are
    drawn at once.
    """

    __slots__ = ("_best", "_bounds", "_edges", "_keys", "_limit", "_order", "_times")

    def __init__(self, row: LogitRow, support: Support, keys: KeyRow) -> None:
        super().__init__(row, support)
        self._keys = keys
        self._limit = keys.size // _PER_BLOCK
        self._restart()

    def _restart(self) -> None:
        """Find out, for every block, when its first token may arrive at the earliest."""
        ids, weights = self.support.ids, self.weights
        blocks = self._keys.minima.size
        if ids is None:
            edges = np.minimum(np.arange(blocks + 1) * BLOCK, weights.size)
        else:
            edges = np.searchsorted(ids, np.arange(blocks + 1) * BLOCK)
        self._edges = edges
        self._bounds = np.full(blocks, np.inf)
        filled = np.flatnonzero(edges[1:] > edges[:-1])
        if filled.size:
            heaviest = np.maximum.reduceat(weights, edges[:-1][filled])
            # A weight near the smallest float never arrives here; a rebase brings it back.
            with np.errstate(divide="ignore", over="ignore"):
                self._bounds[filled] = self._keys.minima[filled] / heaviest
        # Arrival times of each opened block, and the first of them.
        self._times: dict[int, npt.NDArray[np.float64]] = {}
        self._best = np.full(blocks, np.inf)
        self._order: _Order | None = None

    def _next(self) -> int:
        bounds, best = self._bounds, self._best
        while self._order is None:
            leader = int(best.argmin())
            waiting = int(bounds.argmin())
            if bounds[waiting] == np.inf or bounds[waiting] > best[leader]:
                if best[leader] == np.inf:
                    return -1
                return int(self._edges[leader]) + int(self._times[leader].argmin())
            needed = int(np.count_nonzero(bounds < best[leader])) if self._times else 1
            if len(self._times) + needed > self._limit:
                self._open_all()
            else:
                self._open(waiting)
        return self._order.first()

    def _open(self, block: int) -> None:
        first, last = int(self._edges[block]), int(self._edges[block + 1])
        exponentials = self._keys.block(block)
        if self.support.ids is not None:
            exponentials = exponentials[self.support.ids[first:last] - block * BLOCK]
        with np.errstate(divide="ignore", over="ignore"):
            times = exponentials / self.weights[first:last]
        self._times[block] = times
        self._best[block] = times.min()
        self._bounds[block] = np.inf

    def _open_all(self) -> None:
        exponentials = self._keys.all()
        if self.support.ids is not None:
            exponentials = exponentials[self.support.ids]
        with np.errstate(divide="ignore", over="ignore"):
            self._order = _Order(np.divide(exponentials, self.weights, out=exponentials))

    def _arrived(self, index: int, /) -> None:
        if self._order is not None:
            self._order.remove(index)
            return
        ids = self.support.ids
        block = (index if ids is None else int(ids[index])) // BLOCK
        times = self._times[block]
        times[index - int(self._edges[block])] = np.inf
        self._best[block] = times.min()


class GreedyRace(_Arena):
    """Likeliest first, ties to the lowest id."""

    __slots__ = ("_order",)

    def __init__(self, row: LogitRow, support: Support) -> None:
        super().__init__(row, support)
        self._restart()

    def _restart(self) -> None:
        ids, logits = self.support.ids, self._row.logits
        # Compared as logits: `exp` may round two different ones to the same weight.
        ranks = -(logits if ids is None else logits[ids]).astype(np.float64)
        self._order = _Order(np.where(self.weights > 0, ranks, np.inf))

    def _next(self) -> int:
        return self._order.first()

    def _arrived(self, index: int, /) -> None:
        self._order.remove(index)


@dataclass(frozen=True, slots=True)
class Keyed:
    """Shared keys of one place: the default."""

    keys: GumbelKeys
    particle: int
    position: int

    def race(self, row: LogitRow, support: Support, /) -> Race:
        """A race with this place's exponentials."""
        return KeyedRace(row, support, self.keys.row(self.particle, self.position))


@dataclass(frozen=True, slots=True)
class Lazy:
    """Randomness drawn as it is needed: cheaper, but another row shares nothing with it."""

    rng: Generator

    def race(self, row: LogitRow, support: Support, /) -> Race:
        """A race with fresh randomness."""
        return LazyRace(row, support, self.rng)


@dataclass(frozen=True, slots=True)
class Greedy:
    """No randomness: temperature 0."""

    def race(self, row: LogitRow, support: Support, /) -> Race:
        """Tokens in order of their logits."""
        return GreedyRace(row, support)
