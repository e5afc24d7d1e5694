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


def closed(*, required: bool) -> dict[str, Any]:
    """Twelve branches, each of which evaluates a member of its own."""

    def branch(key: int) -> dict[str, Any]:
        own = {"properties": {f"p{key}": {"type": "string", "maxLength": 3}}}
        return {**own, "required": [f"p{key}"]} if required else own

    branches = [branch(key) for key in range(12)]
    return {"type": "object", "anyOf": branches, "unevaluatedProperties": False}


LIST: dict[str, Any] = {
    "type": "array",
    "anyOf": [{"contains": {"const": key}} for key in range(10)],
    "unevaluatedItems": {"type": "boolean"},
    "maxItems": 5,
}


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        (closed(required=True), "unevaluatedProperties"),
        (closed(required=False), "unevaluatedProperties"),
        (LIST, "unevaluatedItems"),
    ],
)
def test_what_was_evaluated_is_told_at_the_end(schema: dict[str, Any], keyword: str) -> None:
    constraint = sg.json_schema(schema)
    assert constraint.exactness == "superset"
    late = {entry["keyword"] for entry in constraint.report or [] if entry["status"] == "residual"}
    assert late == {"anyOf", keyword}
    valid = validator(schema)
    dice = random.Random(5)
    seen = {True: 0, False: 0}
    for _ in range(600):
        if keyword == "unevaluatedItems":
            value: Any = [
                dice.choice([*range(10), True, False, dice.choice([11, "x", None])])
                for _ in range(dice.randrange(4))
            ]
        else:
            keys = [*range(12), *range(12), *range(12), dice.randrange(20)]
            value = {
                f"p{dice.choice(keys)}": dice.choice(["", "x", "abc", "", "x", 1])
                for _ in range(dice.randrange(5))
            }
        expected = valid(value)
        seen[expected] += 1
        assert constraint.accepts(json.dumps(value)) == expected, value
    assert min(seen.values()) > 100
    model = ToyModel()
    for seed in range(6):
        result = sg.generate(model, "", output=constraint, max_tokens=60, seed=seed)
        assert valid(json.loads(result.text)), result.text


def test_masks_leave_out_what_no_branch_evaluates() -> None:
    """Not only when it ends: there would be no way out of such a key."""
    vocabulary = sg.Vocabulary.from_bytes(
        [bytes([byte]) for byte in range(256)] + [None], eos_token_ids=[256]
    )
    automaton = sg.json_schema(closed(required=False)).compile(vocabulary)
    for begun, allowed, forbidden in [
        ('{"', "p", "q"),
        ('{"p1', '"01', "2"),
        ('{"p3":', '"', "1[{tn"),
        ('{"p3":"x","p', "012456789", "3"),
    ]:
        matcher = automaton.matcher()
        assert all(matcher.advance(byte) for byte in begun.encode())
        assert all(matcher.allows(byte) for byte in allowed.encode()), begun
        assert not any(matcher.allows(byte) for byte in forbidden.encode()), begun


def test_a_grammar_around_a_deferred_schema() -> None:
    """The text of a key decides, also where the schema is a part of something larger."""
    constraint = sg.sequence("<", sg.json_schema(product(), property_order="any"), ">")
    right = {f"k{key}": value for key, value in enumerate([2, 3, 5, 7, 22, 9])} | {"other": 5}
    vocabulary = sg.Vocabulary.from_bytes(
        [bytes([byte]) for byte in range(256)] + [b'": ', b'"k3', None], eos_token_ids=[258]
    )
    matcher = constraint.compile(vocabulary).matcher()
    for byte in f"<{json.dumps(right)}>".encode():
        assert matcher.allows(byte), matcher.tokens
        assert matcher.advance(byte)
    assert matcher.is_accepting()


def test_generation_ends_in_a_valid_document(schema: dict[str, Any]) -> None:
    model = ToyModel()
    valid = validator(schema)
    for seed in range(6):
        result = sg.generate(model, "", output=sg.json_schema(schema), max_tokens=200, seed=seed)
        assert valid(json.loads(result.text)), result.text
