"""Keys of JSON objects that stand for values of a type: ``dict[int, str]``, ``dict[date, str]``.

A JSON key is a string. Readers take the keys of such a dict as texts of their type: ``"7"`` for 7,
``"2024-02-29"`` for a date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import ceil, floor
from typing import cast

from structgen.constraints.types.digits import decimals, integers, meet
from structgen.errors import UnsupportedFeatureError

Schema = dict[str, object]

_LONGEST_INTEGER = 4_000
"""Digits that Python converts without being told to."""
_LONGEST_FLOAT = 300
"""Digits of a number below the largest float."""

_NUMERIC = frozenset({"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})


def key_schema(
    values: Mapping[str, object], resolve: Callable[[str], Mapping[str, object] | None]
) -> Schema | None:
    """The schema of keys that stand for what `values` describes; None, if no key does.

    Args:
        resolve: gives the schema to which a ``$ref`` leads.
    """
    schema = {key: value for key, value in values.items() if key not in ("title", "description")}
    if "$ref" in schema:
        target = resolve(str(schema["$ref"]))
        return None if target is None else key_schema(target, resolve)
    if "enum" in schema or "const" in schema:
        return _of_values(cast("list[object]", schema.get("enum", [schema.get("const")])))
    if "anyOf" in schema:
        options = [key_schema(one, resolve) for one in cast("list[Schema]", schema["anyOf"])]
        found = [option for option in options if option is not None]
        return {"anyOf": found} if found else None
    kind = schema.get("type")
    if kind == "string" or not schema:
        return schema
    if kind in ("integer", "number") and set(schema) <= _NUMERIC:
        return _of_numbers(schema, whole=kind == "integer")
    if kind == "boolean":
        return {"enum": ["true", "false"]}
    return None


def no_keys(what: str) -> UnsupportedFeatureError:
    """The error of a dict whose keys no text stands for."""
    return UnsupportedFeatureError(
        f"the keys of a JSON object are strings, and none stands for {what}",
        feature="keys of a dict",
        hint="use dict[str, ...], or a list of pairs: list[tuple[..., ...]]",
    )


def _of_values(values: list[object]) -> Schema | None:
    texts = [str(value) for value in values if isinstance(value, str)]
    texts += [str(value) for value in values if type(value) is int]
    return {"enum": texts} if texts else None


def _of_numbers(schema: Schema, *, whole: bool) -> Schema:
    low, low_open = _end(schema, "minimum", "exclusiveMinimum")
    high, high_open = _end(schema, "maximum", "exclusiveMaximum")
    if whole:
        # Past an open end comes the next integer.
        least = None if low is None else floor(low) + 1 if low_open else ceil(low)
        most = None if high is None else ceil(high) - 1 if high_open else floor(high)
        pattern = meet(integers(least, most))
    else:
        pattern = decimals(low, high, low_open=low_open, high_open=high_open)
    longest = _LONGEST_INTEGER if whole else _LONGEST_FLOAT
    return {"type": "string", "pattern": pattern, "maxLength": longest}


def _end(schema: Schema, closed: str, opened: str) -> tuple[Decimal | None, bool]:
    if opened in schema:
        return Decimal(str(schema[opened])), True
    return (Decimal(str(schema[closed])), False) if closed in schema else (None, False)
