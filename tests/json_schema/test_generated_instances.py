"""What the recogniser generates must be valid for `jsonschema`, which shares no code with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from structgen.constraints import json_schema

jsonschema = pytest.importorskip("jsonschema")

SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": -5, "maximum": 70}},
        "required": ["a"],
        "additionalProperties": {"type": "boolean"},
    },
    {"type": "array", "items": {"enum": ["a", 1, None, True, 2.5]}, "uniqueItems": True},
    {
        "type": "array",
        "contains": {"type": "integer", "multipleOf": 3},
        "maxItems": 4,
        "items": {"type": ["integer", "string"], "maxLength": 3},
        "maxContains": 1,
    },
    {"oneOf": [{"type": "number", "multipleOf": 0.5}, {"type": "number", "minimum": 3}]},
    {
        "type": "object",
        "patternProperties": {"^x": {"type": "null"}, "y$": {"const": None}},
        "propertyNames": {"maxLength": 4},
        "minProperties": 1,
        "maxProperties": 3,
    },
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "ipv6"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "uri"},
    {"type": "string", "format": "hostname", "maxLength": 12},
    {"type": "string", "pattern": "^[a-f]+-[0-9]{2,}$", "minLength": 6, "maxLength": 9},
    {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "a"}}},
        "then": {"required": ["x"]},
        "else": {"not": {"required": ["x"]}},
        "unevaluatedProperties": {"type": "integer"},
    },
    {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "v": {"type": "integer"},
                    "kids": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/tree"}},
                },
                "required": ["v"],
                "additionalProperties": False,
            }
        },
    },
]


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("index", range(len(SCHEMAS)))
def test_samples_are_valid(index: int, order: Any) -> None:
    schema = SCHEMAS[index]
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    constraint = json_schema(schema, property_order=order)
    for seed in range(25):
        text = constraint.sample(seed, max_bytes=80)
        value = json.loads(text)
        if isinstance(value, str) and schema.get("format") == "date-time":
            # `jsonschema` knows no leap second in other zones than UTC: see test_formats.
            value = value.replace(":60", ":59", 1)
        validator.validate(value)
        assert constraint.accepts(text)
