"""Objects with dozens of conditions on which keys are there: verdicts and masks are right."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest

import structgen as sg
from tests.exactness.test_masks_equal_probes import compare

NAMES = ["a", "b", "ab", "aa", "the", "A", "z", "~", "é", "41", "", "z~", "12", "ba"]


def conditions(count: int) -> dict[str, Any]:
    """Schemas of `count` conditions each, which have too many alternatives to be written out."""
    names = (NAMES + [f"n{i}" for i in range(count)])[:count]
    needed = [*names[3:], *names[:3]]
    pairs = list(zip(names, needed, strict=True))
    return {
        "dependentRequired": {"dependentRequired": {name: [other] for name, other in pairs}},
        "with types": {
            "properties": {name: {"type": ["integer", "string"]} for name in names},
            "dependentRequired": {name: [other, "q"] for name, other in pairs},
        },
        "closed": {
            "properties": dict.fromkeys([*names, "q"], True),
            "additionalProperties": False,
            "dependentRequired": {name: [other] for name, other in pairs[:-1]},
        },
        "few members": {
            "dependentRequired": {name: [other] for name, other in pairs},
            "maxProperties": 4,
        },
        "dependentSchemas": {
            "dependentSchemas": {
                name: {"properties": {other: {"type": "integer"}}, "required": [other]}
                for name, other in pairs
            }
        },
        "if a key is there": {
            "allOf": [
                {"if": {"required": [name]}, "then": {"required": [other]}} for name, other in pairs
            ]
        },
        "if a key says so": {
            "allOf": [
                {
                    "if": {"properties": {name: {"const": 1}}, "required": [name]},
                    "then": {"required": [other]},
                    "else": {"properties": {other: {"type": ["integer", "null"]}}},
                }
                for name, other in pairs
            ]
        },
        "some key, and conditions": {
            "anyOf": [{"required": [name]} for name in names],
            "dependentRequired": {name: [other] for name, other in pairs},
        },
        "patterns, and conditions": {
            "patternProperties": {"^[ab]+$": {"type": "integer"}},
            "dependentRequired": {name: [other] for name, other in pairs},
        },
    }


KINDS = list(conditions(12))


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_many_conditions_equal_probes(kind: str, order: str) -> None:
    schema = {"type": "object", **conditions(13)[kind]}
    constraint = sg.json_schema(schema, property_order=order)
    compare(constraint, f"{kind} {order}")
    if order == "any" and kind != "few members":
        compare(constraint, f"{kind} a", b'{"a": 1, "q": 2, "')
        compare(constraint, f"{kind} q", b'{"q": 2, ')


@pytest.mark.parametrize("count", [5, 12, 40])
@pytest.mark.parametrize("kind", KINDS)
def test_many_conditions_against_jsonschema(kind: str, count: int) -> None:
    schema = {"type": "object", **conditions(count)[kind]}
    names = (NAMES + [f"n{i}" for i in range(count)])[:count]
    validator = jsonschema.Draft202012Validator(schema)
    constraint = sg.json_schema(schema, property_order="any", escapes="all")
    draw = random.Random(f"{kind} {count}")
    verdicts = set()
    for _ in range(150):
        keys = draw.sample(names, draw.randrange(min(5, count)))
        if keys and draw.random() < 0.7:
            # Close it under what the keys need, for the most part.
            for _ in range(count):
                at = (names.index(draw.choice(keys)) + 3) % count
                keys = list(dict.fromkeys([*keys, names[at]]))
        keys += [key for key in ("q", "other") if draw.random() < 0.6]
        draw.shuffle(keys)
        value = {key: draw.choice([1, 1, 2, "x", None]) for key in keys}
        if draw.random() < 0.5:
            value = dict.fromkeys(keys, 1)
        verdict = validator.is_valid(value)
        verdicts.add(verdict)
        assert constraint.accepts(json.dumps(value)) == verdict, value
    assert verdicts == {True, False} or count == 40


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_does_not_come_twice(kind: str) -> None:
    schema = {"type": "object", **conditions(12)[kind]}
    constraint = sg.json_schema(schema, property_order="any", escapes="all")
    for text in ('{"q": 1, "q": 1}', '{"other": 1, "q": 1, "other": 1}', '{"12": 1, "12": 1}'):
        assert not constraint.accepts(text)
        assert not constraint.accepts(text.replace('"q": 1}', '"\\u0071": 1}'))
