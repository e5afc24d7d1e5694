"""Patterns of JSON that stands inside a JSON string (pydantic's ``Json[...]``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import cast

from structgen.constraints.types.digits import either, integers

Schema = Mapping[str, object]

_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*"'
_NUMBER = r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,17})?"
_SCALAR = either([_STRING, _NUMBER, "true", "false", "null"])
_FREE_DEPTH = 3
_LONGEST = 20_000
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated"})


class _NoPatternError(Exception):
    """JSON of a schema has no pattern, or none of reasonable size."""


def embedded_pattern(schema: Schema, resolve: Callable[[str], Schema | None]) -> str | None:
    """A pattern of JSON texts of `schema`; None, if there is none.

    Nothing is written between values, or one blank after a comma or colon. Objects have all
    members that the schema names, in its order. Where anything may stand, it has at most 3 levels.

    Args:
        resolve: gives the schema to which a ``$ref`` leads.
    """
    try:
        found = _Writer(resolve).value(schema, 0)
    except _NoPatternError:
        return None
    return found if len(found) <= _LONGEST else None


class _Writer:
    def __init__(self, resolve: Callable[[str], Schema | None]) -> None:
        self._resolve = resolve

    def value(self, schema: Schema, depth: int) -> str:
        rest = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        if depth > 12:
            raise _NoPatternError
        if not rest:
            return _anything(_FREE_DEPTH)
        if "$ref" in rest:
            target = self._resolve(str(rest["$ref"]))
            if target is None or len(rest) > 1:
                raise _NoPatternError
            return self.value(target, depth + 1)
        if "enum" in rest or "const" in rest:
            values = cast("list[object]", rest.get("enum", [rest.get("const")]))
            return either([_spelled(value) for value in values])
        if "anyOf" in rest and len(rest) == 1:
            options = cast("list[Schema]", rest["anyOf"])
            return either([self.value(option, depth + 1) for option in options])
        return self._typed(rest, depth)

    def _typed(self, schema: Schema, depth: int) -> str:
        kind = schema.get("type")
        others = set(schema) - {"type"}
        if kind == "integer" and others <= {"minimum", "maximum"}:
            low, high = schema.get("minimum"), schema.get("maximum")
            if all(end is None or isinstance(end, int) for end in (low, high)):
                return integers(cast("int | None", low), cast("int | None", high))
        if not others:
            plain = {"number": _NUMBER, "string": _STRING, "boolean": "(?:true|false)"}
            if kind == "null":
                return "null"
            if kind in plain:
                return plain[str(kind)]
        if kind == "array" and others <= {"items"}:
            return _list_of(self.value(cast("Schema", schema.get("items", {})), depth + 1))
        if kind == "object":
            return self._object(schema, depth)
        raise _NoPatternError

    def _object(self, schema: Schema, depth: int) -> str:
        if set(schema) <= {"type", "additionalProperties"}:
            open_values = schema.get("additionalProperties", True)
            values = cast("Schema", {} if isinstance(open_values, bool) else open_values)
            return _map_of(self.value(values, depth + 1))
        if set(schema) <= {"type", "properties", "required", "additionalProperties"}:
            properties = cast("Mapping[str, Schema]", schema["properties"])
            members = [
                f"{_spelled(name)}: ?{self.value(inner, depth + 1)}"
                for name, inner in properties.items()
            ]
            return rf"\{{{', ?'.join(members)}\}}"
        raise _NoPatternError


def _spelled(value: object) -> str:
    return re.escape(json.dumps(value, ensure_ascii=False))


def _list_of(value: str) -> str:
    # Each value is followed by a comma and another, or by the end.
    return rf"\[(?:{value}(?:, ?(?!\])|(?=\])))*\]"


def _map_of(value: str) -> str:
    return rf"\{{(?:{_STRING}: ?{value}(?:, ?(?!\}})|(?=\}})))*\}}"


def _anything(depth: int) -> str:
    if not depth:
        return _SCALAR
    value = _anything(depth - 1)
    return either([_SCALAR, _list_of(value), _map_of(value)])
