"""Where schemas hold schemas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DRAFTS = ("draft4", "draft6", "draft7", "2019-09", "2020-12")


@dataclass(frozen=True)
class Holder:
    """A keyword whose value is or holds schemas."""

    kind: str
    """``schema``, ``list``, ``map``, ``items`` (schema or list) or ``mixed`` (a map of schemas and
    other things)."""
    since: str
    until: str
    in_place: bool
    """Whether the schemas apply to the same value."""


HOLDERS = {
    "definitions": Holder("map", "draft4", "2020-12", False),
    "$defs": Holder("map", "2019-09", "2020-12", False),
    "properties": Holder("map", "draft4", "2020-12", False),
    "patternProperties": Holder("map", "draft4", "2020-12", False),
    "additionalProperties": Holder("schema", "draft4", "2020-12", False),
    "propertyNames": Holder("schema", "draft6", "2020-12", False),
    "unevaluatedProperties": Holder("schema", "2019-09", "2020-12", False),
    "dependentSchemas": Holder("map", "2019-09", "2020-12", True),
    "dependencies": Holder("mixed", "draft4", "draft7", True),
    "items": Holder("items", "draft4", "2020-12", False),
    "prefixItems": Holder("list", "2020-12", "2020-12", False),
    "additionalItems": Holder("schema", "draft4", "2019-09", False),
    "contains": Holder("schema", "draft6", "2020-12", False),
    "unevaluatedItems": Holder("schema", "2019-09", "2020-12", False),
    "allOf": Holder("list", "draft4", "2020-12", True),
    "anyOf": Holder("list", "draft4", "2020-12", True),
    "oneOf": Holder("list", "draft4", "2020-12", True),
    "not": Holder("schema", "draft4", "2020-12", True),
    "if": Holder("schema", "draft7", "2020-12", True),
    "then": Holder("schema", "draft7", "2020-12", True),
    "else": Holder("schema", "draft7", "2020-12", True),
}

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def in_draft(holder: Holder, draft: str) -> bool:
    return DRAFTS.index(holder.since) <= DRAFTS.index(draft) <= DRAFTS.index(holder.until)


@dataclass(frozen=True)
class Child:
    path: tuple[str | int, ...]
    schema: Any
    in_place: bool


def children(schema: Any, draft: str) -> Iterator[Child]:
    """The subschemas of one schema object, also those beside a `$ref` that hides them."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        holder = HOLDERS.get(keyword)
        if holder is None or not in_draft(holder, draft):
            continue
        if holder.kind in ("map", "mixed") and isinstance(value, dict):
            for name, inner in value.items():
                if not isinstance(inner, list):
                    yield Child((keyword, name), inner, holder.in_place)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield Child((keyword, index), inner, holder.in_place)
        elif isinstance(value, dict | bool):
            yield Child((keyword,), value, holder.in_place)


def descendants(schema: Any, draft: str) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """All schemas in a document, with their paths; the document itself first."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while stack:
        path, here = stack.pop()
        yield path, here
        stack.extend((path + child.path, child.schema) for child in children(here, draft))


def pointer(path: tuple[str | int, ...]) -> str:
    """A JSON pointer as the fragment of a URI."""
    out = []
    for segment in path:
        escaped = str(segment).replace("~", "~0").replace("/", "~1")
        out.append("/" + "".join(_percent(character) for character in escaped))
    return "".join(out)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~$")


def _percent(character: str) -> str:
    if character in _PLAIN:
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode())
