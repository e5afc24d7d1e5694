"""Masks by brute force: enumerate every text, ask an independent judge, collect live prefixes.

Nothing here knows how structgen works. A token is allowed after a prefix if and only if some
accepted text starts with the prefix and the token's bytes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Language:
    """The accepted texts of at most `length` bytes, and their prefixes.

    `reach` bounds the prefixes that may be asked for: a live prefix of at most `reach` bytes has a
    completion within `length`.
    """

    accepted: frozenset[bytes]
    live: frozenset[bytes]
    reach: int

    def mask(self, prefix: bytes, tokens: list[bytes | None], eos: int) -> npt.NDArray[np.bool_]:
        """The allowed tokens after `prefix`, shape ``(V,)``."""
        row = np.zeros(len(tokens), dtype=bool)
        for i, text in enumerate(tokens):
            row[i] = bool(text) and prefix + text in self.live
        row[eos] = prefix in self.accepted
        return row


def prefixes(texts: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(text[:i] for text in texts for i in range(len(text) + 1))


def enumerate_texts(alphabet: str, length: int) -> Iterable[str]:
    for n in range(length + 1):
        for letters in itertools.product(alphabet, repeat=n):
            yield "".join(letters)


def language(judge: Callable[[str], bool], alphabet: str, length: int, reach: int) -> Language:
    """All texts over `alphabet`, judged one by one.

    Checks itself: allowing longer completions must not make another prefix within reach live.
    """
    accepted = frozenset(t.encode() for t in enumerate_texts(alphabet, length) if judge(t))
    live = prefixes(accepted)
    shorter = prefixes(t for t in accepted if len(t) < length)
    within = {p for p in live if len(p) <= reach}
    assert within == {p for p in shorter if len(p) <= reach}, "completions are too long to tell"
    return Language(accepted, live, reach)


def json_values(depth: int, scalars: list[object], keys: list[str], width: int) -> list[object]:
    """All JSON values over `scalars`, arrays and objects of at most `width` members."""
    values = list(scalars)
    if depth:
        inner = json_values(depth - 1, scalars, keys, width)
        for n in range(width + 1):
            values += [list(items) for items in itertools.product(inner, repeat=n)]
            for names in itertools.permutations(keys, n):
                values += [
                    dict(zip(names, members, strict=True))
                    for members in itertools.product(inner, repeat=n)
                ]
    return values


def json_language(valid: Callable[[object], bool], values: list[object]) -> Language:
    """The compact spellings of the valid ones among `values`."""
    texts = {json.dumps(value, separators=(",", ":")).encode() for value in values if valid(value)}
    return Language(frozenset(texts), prefixes(texts), reach=10**6)
