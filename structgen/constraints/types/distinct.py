"""Arrays that stand for sets: when elements must differ, and whether different texts are enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from structgen.constraints.types.notes import noted

_Json = dict[str, Any]


def set_schema(schema: _Json) -> _Json:
    """The schema of a set. Its elements must differ only if several are asked for: repeated
    elements are one."""
    least = schema.get("minItems")
    if not isinstance(least, int) or least < 2:
        return {key: value for key, value in schema.items() if key != "uniqueItems"}
    found: _Json = {**schema, "uniqueItems": True}
    if one_text_each(schema.get("items", {})):
        return found
    return noted(found, "elements of different spelling may be equal, and count once")


def one_text_each(schema: Mapping[str, object]) -> bool:
    """Whether JSON values of `schema` that differ are certain to be read as values that differ: two
    spellings of a UUID or a decimal are not."""
    kinds = _kinds(schema)
    # True is 1 to Python.
    return kinds is not None and not (kinds > {"boolean"} and kinds & {"number", "integer"})


def _kinds(schema: Mapping[str, object]) -> set[str] | None:
    if "enum" in schema:
        return {"string"}
    if "anyOf" in schema:
        kinds = [_kinds(option) for option in cast("list[_Json]", schema["anyOf"])]
        known = [kind for kind in kinds if kind is not None]
        return set[str]().union(*known) if len(known) == len(kinds) else None
    kind = schema.get("type")
    if not isinstance(kind, str) or kind in ("array", "object"):
        return None
    if kind == "string" and schema.keys() & {"pattern", "format", "allOf"}:
        return None
    return {kind}
