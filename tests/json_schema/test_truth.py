"""Parts of a schema that have no affordable normal form are judged at the end of the value.

Masks are upper bounds there; what comes out must be valid all the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

import structgen as sg
from structgen.generate import ToyModel

jsonschema = pytest.importorskip("jsonschema")

Valid = Callable[[Any], bool]


def product() -> dict[str, Any]:
    """Of six keys, each with a multiple of exactly one of 2, 3, 5 and 7."""

    def branch(key: int, step: int) -> dict[str, Any]:
        return {
            "properties": {f"k{key}": {"type": "integer", "multipleOf": step}},
            "required": [f"k{key}"],
        }

    groups = [{"oneOf": [branch(key, step) for step in (2, 3, 5, 7)]} for key in range(6)]
    return {"type": "object", "allOf": groups, "additionalProperties": {"maximum": 99}}


@pytest.fixture
def schema() -> dict[str, Any]:
    return product()


def validator(schema: dict[str, Any]) -> Valid:
    return jsonschema.Draft202012Validator(schema).is_valid


@pytest.mark.parametrize("order", ["schema", "any"])
def test_verdicts_are_exact(schema: dict[str, Any], order: str) -> None:
    constraint = sg.json_schema(schema, property_order=order)
    assert constraint.exactness == "superset"
    late = {entry["pointer"] for entry in constraint.report or [] if entry["status"] == "residual"}
    assert late
    valid = validator(schema)
    dice = random.Random(3)
    seen = {True: 0, False: 0}
    for _ in range(400):
        value = {f"k{key}": dice.choice([2, 3, 5, 7, 4, 9, 25, 49, 22, 6]) for key in range(6)}
        if dice.random() < 0.1:
            del value["k3"]
        expected = valid(value)
        seen[expected] += 1
        assert constraint.accepts(json.dumps(value)) == expected, value
    assert min(seen.values()) > 100


def test_generation_ends_in_a_valid_document(schema: dict[str, Any]) -> None:
    model = ToyModel()
    valid = validator(schema)
    for seed in range(6):
        result = sg.generate(model, "", output=sg.json_schema(schema), max_tokens=200, seed=seed)
        assert valid(json.loads(result.text)), result.text
