"""The ways in which instances are written: spacings, and members in another order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

SEPARATORS: dict[str, dict[str, Any]] = {
    "default": {},
    "compact": {"separators": (",", ":")},
    "indent": {"indent": 2},
}
"""Arguments of `json.dumps` by the name of the spacing."""


def shuffled(value: Any, rng: random.Random) -> Any:
    """`value` with the members of every object in a random order."""
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: shuffled(value[name], rng) for name in names}
    if isinstance(value, list):
        return [shuffled(element, rng) for element in value]
    return value


def writings(
    data: Any, spacings: Sequence[str] = tuple(SEPARATORS), shuffle: int | None = None
) -> Iterator[tuple[str, str]]:
    """Names and texts of an instance in these spacings; with the seed `shuffle`, once more in the
    first of them, shuffled."""
    for spacing in spacings:
        yield spacing, json.dumps(data, ensure_ascii=False, **SEPARATORS[spacing])
    if shuffle is not None:
        other = shuffled(data, random.Random(shuffle))
        yield "shuffled", json.dumps(other, ensure_ascii=False, **SEPARATORS[spacings[0]])
