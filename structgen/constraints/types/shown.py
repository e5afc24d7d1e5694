"""The schema of a type as a model is told it: without the patterns that only a machine reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

_LONGEST = 120
_FOR_MACHINES = ("pattern", "enum", "anyOf", "allOf")
_SAYS_ENOUGH = ("format", "examples")


def shown(schema: Mapping[str, object]) -> dict[str, object]:
    """`schema` without long patterns (and lists of names) of texts that a format or an example says
    better. What it leaves out, the constraint enforces all the same."""
    return cast("dict[str, object]", _shown(schema))


def _shown(value: object) -> object:
    if isinstance(value, list):
        return [_shown(item) for item in cast("list[object]", value)]
    if not isinstance(value, Mapping):
        return value
    members = cast("Mapping[str, object]", value)
    told = any(isinstance(members.get(key), str | list) for key in _SAYS_ENOUGH)
    told = told and members.get("type") == "string"
    left_out = [key for key in _FOR_MACHINES if told and len(repr(members.get(key))) > _LONGEST]
    return {key: _shown(member) for key, member in members.items() if key not in left_out}
