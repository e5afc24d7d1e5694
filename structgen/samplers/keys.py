"""Randomness that a seed reproduces, whatever is batched, speculated or retried.

Every random number belongs to a *place*: (seed, particle, position). Drawing token v with
probability p_v is the exponential race ``argmin_v E_v / p_v`` with one standard exponential E_v
per token, the same thing as the Gumbel maximum ``argmax_v log p_v + g_v`` with ``g = -log E``
(Gumbel 1954; Maddison, Tarlow & Minka 2014). A drafter that races *its* row with the same E
proposes what the target will most likely draw, and the text does not depend on the drafter.

Numbers come from Philox4x64 (Salmon et al. 2011), a counter-based generator: key = (seed,
particle), counter = (token // 4, 0, position, stream). Any token's number can be computed alone.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

import numpy as np
import numpy.typing as npt
from numpy.random import Generator, Philox

_WORD = 1 << 64
_EXPONENTIALS, _GENERATOR, _NAMED = 0, 1, 2
# PERF: one token alone costs about 3 us, a row of 128k about 500 us; most rows that have few
# allowed tokens have very few.
_FEW = 48
_CACHED_ROWS = 4


def particle_id(slot: int, epoch: int = 0) -> int:
    """An id for the sequence in `slot`, fresh in every `epoch` (a retry, a resampling).

    Copies of a particle must not share keys: they would draw the same text for ever.
    """
    if not (0 <= slot < 1 << 32 and 0 <= epoch < 1 << 31):
        raise ValueError(f"particle slot {slot} or epoch {epoch} out of range")
    return slot | epoch << 32


class GumbelKeys:
    """Position-keyed exponentials and Gumbels over a vocabulary of `size` tokens.

    The last few rows are kept, because a drafter and a verifier ask for the same ones.
    """

    __slots__ = ("_rows", "seed", "size")

    def __init__(self, seed: int | None, size: int) -> None:
        """`seed` in ``[0, 2**64)``; None takes one from the operating system (see `seed`)."""
        if seed is None:
            seed = secrets.randbits(64)
        if not 0 <= seed < _WORD:
            raise ValueError(f"`seed` must lie in [0, 2**64), given {seed!r}")
        self.seed = seed
        self.size = size
        self._rows: OrderedDict[tuple[int, int], npt.NDArray[np.float64]] = OrderedDict()

    def _philox(self, particle: int, position: int, stream: int) -> Philox:
        key = np.array([self.seed, particle], dtype=np.uint64)
        counter = np.array([0, 0, position, stream], dtype=np.uint64)
        return Philox(key=key, counter=counter)

    def exponentials(
        self, particle: int, position: int, ids: npt.NDArray[np.intp] | None = None
    ) -> npt.NDArray[np.float64]:
        """Standard exponentials of the tokens `ids` (all if None), shape ``(len(ids),)``.

        The array must not be written to.
        """
        place = (particle, position)
        row = self._rows.get(place)
        if row is None:
            bits = self._philox(particle, position, _EXPONENTIALS)
            if ids is not None and ids.size <= _FEW:
                return self._few(bits, ids)
            uniform = Generator(bits).random(self.size)
            # -log(u) with u in [0, 1): never 0, and inf (never drawn) with probability 2**-53.
            with np.errstate(divide="ignore"):
                np.log(uniform, out=uniform)
            row = np.negative(uniform, out=uniform)
            row.flags.writeable = False
            self._rows[place] = row
            if len(self._rows) > _CACHED_ROWS:
                self._rows.popitem(last=False)
        return row if ids is None else row[ids]

    @staticmethod
    def _few(bits: Philox, ids: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        start = bits.state
        out = np.empty(ids.size, dtype=np.float64)
        for i, token in enumerate(ids.tolist()):
            bits.state = start
            bits.advance(token // 4)
            out[i] = Generator(bits).random(token % 4 + 1)[-1]
        with np.errstate(divide="ignore"):
            np.log(out, out=out)
        return np.negative(out, out=out)

    def gumbels(
        self, particle: int, position: int, ids: npt.NDArray[np.intp] | None = None
    ) -> npt.NDArray[np.float64]:
        """Standard Gumbels ``-log E`` of the tokens `ids` (all if None)."""
        return -np.log(self.exponentials(particle, position, ids))

    def generator(self, particle: int, position: int) -> Generator:
        """A generator of this place's own, independent of its exponentials."""
        return Generator(self._philox(particle, position, _GENERATOR))

    def named(self, stream: int, position: int = 0) -> Generator:
        """A generator that belongs to no particle (resampling, selection)."""
        return Generator(self._philox(stream, position, _NAMED))
