"""The Python face of JSON Schemas: ways to give one, options, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import referencing

from structgen.constraints import json_schema, json_value
from structgen.errors import LimitExceeded, SchemaError, StructgenError

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}},
    "required": ["a"],
    "additionalProperties": False,
}


def test_a_schema_is_given_in_many_ways(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA), encoding="utf-8")
    frozen: Mapping[str, object] = MappingProxyType(SCHEMA)
    for schema in (SCHEMA, json.dumps(SCHEMA), path, str(path), frozen):
        constraint = json_schema(schema)
        assert constraint.accepts('{"a": 1, "b": "x"}')
        assert not constraint.accepts('{"b": "x"}')
    assert json_schema("true").accepts("[]")
    assert json_schema(True).accepts("{}")


def test_json_value() -> None:
    constraint = json_value()
    for text in ("1", '"a"', '{"a": [null, true]}'):
        assert constraint.accepts(text)
    assert not constraint.accepts("{a: 1}")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ('{"type": ', "not JSON"),
        ('{"type": "object",\n}', "line 2"),
        ("[1]", "an object or a bool"),
        ("3", "an object or a bool"),
        ("no_such_file.json", "neither JSON text nor a file"),
        ("a\x00b", "neither JSON text nor a file"),
        ({"const": float("nan")}, "not a JSON value"),
        ({"const": object()}, "not a JSON value"),
    ],
)
def test_what_is_no_schema(schema: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        json_schema(schema)


def test_nesting_is_bounded() -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"not": deep}
    text = '{"items":' * 100_000 + "true" + "}" * 100_000
    for schema in (deep, text):
        with pytest.raises(LimitExceeded):
            json_schema(schema)


def test_unknown_options_raise() -> None:
    with pytest.raises(TypeError):
        json_schema(True, wihtespace="compact")  # pyright: ignore[reportCallIssue]
    with pytest.raises(StructgenError):
        json_schema(True, whitespace="wide")  # pyright: ignore[reportArgumentType]
    with pytest.raises(StructgenError):
        json_schema(True, whitespace={"kind": "indent", "widht": 2})
    with pytest.raises(StructgenError):
        json_schema(True, draft="draft1")  # pyright: ignore[reportArgumentType]


def test_whitespace() -> None:
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
    flexible = json_schema(schema, whitespace="flexible")
    for text in ("[1,2]", "[1, 2]", "[\n  1,\n  2\n]", "[ 1, 2 ]", "[\n\t1,\n\t2]"):
        assert flexible.accepts(text), text
    for text in ("[1 ,2]", "[1,\n\n2]", "[1, \n2]", " [1,2]", "[1,2] ", "[1," + " " * 50 + "2]"):
        assert not flexible.accepts(text), text
    assert json_schema(schema).accepts("[1, 2]")
    compact = json_schema(schema, whitespace="compact")
    assert compact.accepts("[1,2]")
    assert not compact.accepts("[1, 2]")
    separators = {"kind": "separators", "item": ", ", "key": ": "}
    assert json_schema(schema, whitespace=separators).accepts("[1, 2]")
    assert json_schema(schema, whitespace={"kind": "indent", "width": 2}).accepts(
        json.dumps([1, 2], indent=2)
    )
    assert json_schema({"type": "object", "required": ["a"]}, whitespace="compact").accepts(
        '{"a":1}'
    )


def test_other_options() -> None:
    text = '{"b": "x", "a": 1}'
    assert json_schema(SCHEMA, property_order="any").accepts(text)
    assert not json_schema(SCHEMA, property_order="schema").accepts(text)
    assert json_schema({"const": "a"}, escapes="all").accepts('"\\u0061"')
    assert not json_schema({"const": "a"}, escapes="minimal").accepts('"\\u0061"')
    date = {"type": "string", "format": "date"}
    assert not json_schema(date, format_assertion=True).accepts('"x"')
    assert json_schema(date, format_assertion=False).accepts('"x"')
    assert json_schema({"const": 100}, number_spelling="all").accepts("1e2")
    assert not json_schema({"const": 100}, number_spelling="plain").accepts("1e2")


def test_registry() -> None:
    schema = {"$ref": "https://example.com/color"}
    color = {"enum": ["red", "green"]}
    resource = referencing.Resource.from_contents(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **color}
    )
    registry = referencing.Registry[Any]().with_resource("https://example.com/color", resource)
    for known in ({"https://example.com/color": color}, registry):
        constraint = json_schema(schema, registry=known)
        assert constraint.accepts('"red"')
        assert not constraint.accepts('"blue"')
    with pytest.raises(SchemaError):
        json_schema(schema)


def test_report() -> None:
    report = json_schema(SCHEMA).report
    assert {"pointer", "keyword", "status"} <= report[0].keys()
    assert any(entry["keyword"] == "required" for entry in report)
