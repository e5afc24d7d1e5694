"""What a family of hostile inputs is."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SIZES: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000, 4_000_000, 10_000_000)
"""Bytes of a source, about."""

Build = Callable[[Any], Any]
"""A constraint under `structgen.Limits`."""

Make = Callable[[int, random.Random], Build]
"""Makes the source, which is not timed, and gives back what builds a constraint of it."""

LIMIT = "LimitExceeded"


@dataclass(frozen=True, kw_only=True)
class Family:
    """Inputs of one shape. `expected` names what may come of them: ``result`` or classes of
    errors. A limit may always end it."""

    name: str
    make: Make
    expected: frozenset[str]
    largest: int = SIZES[-1]
    """The largest size that it is made in; for what Python itself takes minutes to write."""
    budgets: float = 1
    """Of how many budgets building takes: each part of an expression has one of its own."""
    heeds_limits: bool = True
    """Whether limits are taken where it is built."""


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One input."""

    family: Family
    size: int

    @property
    def name(self) -> str:
        """Its family and its size in thousands."""
        return f"{self.family.name}-{self.size // 1000}k"

    def build(self, seed: int = 0) -> Build:
        """Makes the source. Equal for equal seeds, in any process."""
        draw = random.Random(zlib.crc32(self.name.encode()) + seed)
        return self.family.make(self.size, draw)


def family(
    name: str,
    make: Make,
    *expected: str,
    largest: int = SIZES[-1],
    budgets: float = 1,
    heeds_limits: bool = True,
    may_limit: bool = True,
) -> Family:
    """A family of which results are expected, unless errors are named."""
    outcomes = frozenset(expected or ("result",)) | ({LIMIT} if may_limit else set[str]())
    return Family(
        name=name,
        make=make,
        expected=outcomes,
        largest=largest,
        budgets=budgets,
        heeds_limits=heeds_limits,
    )


def word(draw: random.Random, length: int, letters: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    """Random letters."""
    return "".join(draw.choices(letters, k=length))


def words(draw: random.Random, size: int, length: int) -> list[str]:
    """Distinct words of about `length` letters, of `size` bytes in all, as JSON would write them."""
    count = max(1, size // (length + 3))
    return [f"{word(draw, max(1, length - 7))}{i:07d}" for i in range(count)]
