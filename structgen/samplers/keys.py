"""Randomness that a seed reproduces, whatever is batched, speculated or retried.

Every random number belongs to a *place*: (seed, particle, position). Drawing token v with
probability p_v is the exponential race ``argmin_v E_v / p_v`` with one standard exponential E_v
per token, the same thing as the Gumbel maximum ``argmax_v log p_v + g_v`` with ``g = -log E``
(Gumbel 1954; Maddison, Tarlow & Minka 2014). A drafter that races *its* row with the same E
proposes what the target will most likely draw, and the text does not depend on the drafter.

**Blocks.** Most tokens of a row cannot win, and their numbers need not be computed. Tokens are
numbered in blocks of 256. A block's smallest exponential is drawn first, ``M = Exp()/n`` for n
tokens, its place uniformly; the other tokens of the block have ``M + Exp()`` each. That is the law
of n independent exponentials (the minimum is independent of its place and, by lack of memory, of
the excesses over it). A block whose ``M / max p`` is later than an arrival already found cannot
hold an earlier one, and stays undrawn: a peaked row draws a few of a thousand blocks, and the
result is the same as if all had been drawn.

Numbers come from Philox4x64 (Salmon et al. 2011), a counter-based generator: key = (seed,
particle), counter = (token // 4, 0, position, stream). Any token's number can be computed alone.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

import numpy as np
import numpy.typing as npt
from numpy.random import Generator, Philox

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]

BLOCK = 256
"""Tokens per block of keys."""

_WORD = 1 << 64
_EXCESSES, _GENERATOR, _NAMED, _MINIMA = 0, 1, 2, 3
_CACHED_PLACES = 4


def particle_id(slot: int, epoch: int = 0) -> int:
    """An id for the sequence in `slot`, fresh in every `epoch` (a retry, a resampling).

    Copies of a particle must not share keys: they would draw the same text for ever.
    """
    if not (0 <= slot < 1 << 32 and 0 <= epoch < 1 << 31):
        raise ValueError(f"particle slot {slot} or epoch {epoch} out of range")
    return slot | epoch << 32


class KeyRow:
    """The exponentials of one place, drawn block by block when they are asked for."""

    __slots__ = ("_bits", "_blocks", "_generator", "_places", "_start", "minima", "size")

    def __init__(self, excesses: Philox, minima: Philox, size: int) -> None:
        self.size = size
        self._bits = excesses
        self._generator = Generator(excesses)
        self._start = excesses.state
        blocks = -(-size // BLOCK)
        counts = np.full(blocks, BLOCK, dtype=np.float64)
        counts[-1] = size - BLOCK * (blocks - 1)
        uniform = Generator(minima).random((2, blocks))
        self.minima: Floats = _exponential(uniform[0]) / counts
        self._places: Ids = (uniform[1] * counts).astype(np.intp)
        self._blocks: dict[int, Floats] = {}

    def block(self, number: int) -> Floats:
        """The exponentials of tokens ``256 * number`` and following; must not be written to."""
        found = self._blocks.get(number)
        if found is None:
            first = number * BLOCK
            self._bits.state = self._start
            self._bits.advance(first // 4)
            found = _exponential(self._generator.random(min(BLOCK, self.size - first)))
            found[self._places[number]] = 0.0
            found += self.minima[number]
            found.flags.writeable = False
            self._blocks[number] = found
        return found

    def all(self) -> Floats:
        """The exponentials of all tokens, shape ``(size,)``; the caller's own array.

        Cost: about 5 ns per token.
        """
        blocks = self.minima.size
        row = np.zeros(blocks * BLOCK, dtype=np.float64)
        self._bits.state = self._start
        self._generator.random(out=row[: self.size])
        _exponential(row[: self.size])
        by_block = row.reshape(blocks, BLOCK)
        by_block[np.arange(blocks), self._places] = 0.0
        by_block += self.minima[:, None]
        return row[: self.size]


def _exponential(uniform: Floats) -> Floats:
    """``-log u`` in place, for u in [0, 1): never 0, and inf with probability 2**-53."""
    with np.errstate(divide="ignore"):
        np.log(uniform, out=uniform)
    return np.negative(uniform, out=uniform)


class GumbelKeys:
    """Position-keyed exponentials and Gumbels over a vocabulary of `size` tokens.

    The last few places are kept, because a drafter and a verifier ask for the same ones.
    """

    __slots__ = ("_rows", "seed", "size")

    def __init__(self, seed: int | None, size: int) -> None:
        """`seed` in ``[0, 2**64)``; None takes one from the operating system (see `seed`)."""
        if seed is None:
            seed = secrets.randbits(64)
        if not 0 <= seed < _WORD:
            raise ValueError(f"`seed` must lie in [0, 2**64), given {seed!r}")
        if size < 1:
            raise ValueError(f"a vocabulary has at least one token, given {size}")
        self.seed = seed
        self.size = size
        self._rows: OrderedDict[tuple[int, int], KeyRow] = OrderedDict()

    def _philox(self, particle: int, position: int, stream: int) -> Philox:
        key = np.array([self.seed, particle], dtype=np.uint64)
        counter = np.array([0, 0, position, stream], dtype=np.uint64)
        return Philox(key=key, counter=counter)

    def row(self, particle: int, position: int) -> KeyRow:
        """The keys of one place."""
        place = (particle, position)
        row = self._rows.get(place)
        if row is None:
            row = KeyRow(
                self._philox(particle, position, _EXCESSES),
                self._philox(particle, position, _MINIMA),
                self.size,
            )
            self._rows[place] = row
            if len(self._rows) > _CACHED_PLACES:
                self._rows.popitem(last=False)
        return row

    def exponentials(self, particle: int, position: int) -> Floats:
        """Standard exponentials of all tokens, shape ``(size,)``."""
        return self.row(particle, position).all()

    def gumbels(self, particle: int, position: int) -> Floats:
        """Standard Gumbels ``-log E`` of all tokens, shape ``(size,)``."""
        return -np.log(self.exponentials(particle, position))

    def generator(self, particle: int, position: int) -> Generator:
        """A generator of this place's own, independent of its exponentials."""
        return Generator(self._philox(particle, position, _GENERATOR))

    def named(self, stream: int, position: int = 0) -> Generator:
        """A generator that belongs to no particle (resampling, selection)."""
        return Generator(self._philox(stream, position, _NAMED))
