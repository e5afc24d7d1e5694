"""What a model is shown of a tool's parameters.

A schema made from a signature serves the constraint: it has titles that repeat the keys, patterns
that only a machine reads (`structgen.constraints.types.shown`), and no defaults, which forbid
nothing. A model reads the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from structgen.constraints.types.shown import shown

Schema = Mapping[str, object]

_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    *("items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "not"),
    *("if", "then", "else", "contains", "propertyNames"),
)


def told(
    schema: Schema, descriptions: Mapping[str, str], defaults: Mapping[str, object]
) -> dict[str, object]:
    """A signature's schema as a model should read it. A description that a type carries itself
    comes before the docstring's."""
    cleaned = cast("dict[str, object]", _cleaned(shown(schema), None))
    cleaned.pop("title", None)
    members: dict[str, object] = {}
    for name, value in cast("Schema", cleaned.get("properties", {})).items():
        member = dict(cast("Schema", value)) if isinstance(value, Mapping) else value
        if isinstance(member, dict):
            own = cast("dict[str, object]", member)
            if name in descriptions:
                own.setdefault("description", descriptions[name])
            if name in defaults:
                own.setdefault("default", defaults[name])
        members[name] = member
    return {**cleaned, "properties": members}


def _cleaned(schema: object, key: str | None) -> object:
    """`schema`, found under `key`, without what says nothing to a reader."""
    if not isinstance(schema, Mapping):
        return schema
    cleaned: dict[str, object] = {}
    for keyword, value in cast("Schema", schema).items():
        if keyword == "title" and key is not None and _same(value, key):
            continue
        if keyword == "pattern" and "format" in schema and "(?!" in str(value):
            continue  # what Python cannot hold of the format, such as the year 0000
        if keyword in _BY_NAME and isinstance(value, Mapping):
            members = cast("Schema", value).items()
            cleaned[keyword] = {name: _cleaned(one, name) for name, one in members}
        elif keyword in _LISTS and isinstance(value, list):
            cleaned[keyword] = [_cleaned(one, None) for one in cast("list[object]", value)]
        elif keyword in _SINGLE:
            cleaned[keyword] = _cleaned(value, None)
        else:
            cleaned[keyword] = value
    return cleaned


def _same(title: object, key: str) -> bool:
    """Whether a title is made of the key: "Unit Price" of ``unit_price``."""
    return isinstance(title, str) and _letters(title) == _letters(key)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
