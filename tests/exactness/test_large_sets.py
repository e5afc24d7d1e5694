"""Enumerations of thousands of values: the language is the set, and masks are exact.

Sets of more than two kilobytes are kept as places in a sorted array; smaller ones, as they always
were, are alternations. What is said here holds on both sides of that border.
"""

from __future__ import annotations

import json
import random

import pytest

import structgen as sg
from tests.exactness.test_masks_equal_probes import compare

LETTERS = 'abthe~, é"1\\/\n😀'


def words(count: int, seed: int = 1, letters: str = LETTERS) -> list[str]:
    draw = random.Random(seed)
    found = {"".join(draw.choices(letters, k=draw.randrange(1, 9))) for _ in range(count)}
    return sorted(found)


MANY = words(900)
PLAIN = words(900, letters="abthe~ ")
NUMBERS = sorted({random.Random(2).randrange(10**6) for _ in range(1)} | set(range(0, 9000, 7)))

SETS: dict[str, sg.TextConstraint] = {
    "enum": sg.json_schema({"enum": MANY}, escapes="all"),
    "enum, escapes minimal": sg.json_schema({"enum": MANY}, escapes="minimal"),
    "enum of few": sg.json_schema({"enum": MANY[:30]}),
    "mixed": sg.json_schema({"enum": [*MANY, None, True, 12, [1], {"a": "b"}]}),
    "numbers": sg.json_schema({"enum": NUMBERS}),
    "one long text": sg.json_schema({"const": 'ab"é' * 900}),
    "within a pattern": sg.json_schema({"enum": MANY, "pattern": "^[a-z~]", "minLength": 2}),
    "beside a pattern": sg.json_schema({"anyOf": [{"enum": MANY}, {"pattern": "^[ab]*$"}]}),
    "not": sg.json_schema({"type": "string", "not": {"enum": MANY}}),
    "anyOf of constants": sg.json_schema({"anyOf": [{"const": word} for word in MANY]}),
    "oneOf of constants": sg.json_schema({"oneOf": [{"const": word} for word in MANY]}),
    "elements that differ": sg.json_schema({"items": {"enum": MANY}, "uniqueItems": True}),
    "names of keys": sg.json_schema({"propertyNames": {"enum": MANY}, "type": "object"}),
    "choice": sg.choice(PLAIN),
    "choice and text": sg.choice(PLAIN) + sg.regex(r"[ab]{0,3}") + sg.literal("~"),
    "choice or text": (sg.choice(PLAIN) + sg.literal(",")) | sg.regex("a+b"),
    "alternatives of a grammar": sg.grammar("start: " + " | ".join(map(json.dumps, PLAIN))),
}


@pytest.mark.parametrize("name", SETS)
def test_masks_of_large_sets_equal_probes(name: str) -> None:
    compare(SETS[name], name)


def spelled(text: str, draw: random.Random) -> str:
    """A JSON literal of `text`, with some characters as escapes that need none."""

    def unit(c: str) -> str:
        units = c.encode("utf-16-be").hex()
        escaped = "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
        return escaped if draw.random() < 0.5 else escaped.upper().replace("\\U", "\\u")

    parts = [
        unit(c) if draw.random() < 0.3 else json.dumps(c, ensure_ascii=False)[1:-1] for c in text
    ]
    return '"' + "".join(parts) + '"'


def near(text: str, draw: random.Random) -> str:
    """A text of one character more, less or other."""
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(["", draw.choice(LETTERS)]) + text[at + draw.randrange(2) :]


@pytest.mark.parametrize("count", [20, 300, 3000])
def test_enumerations_are_the_sets_that_they_list(count: int) -> None:
    draw = random.Random(count)
    listed = words(count, seed=count)
    schemas = {
        "enum": {"enum": listed},
        "not": {"type": "string", "not": {"enum": listed}},
        "both": {"enum": listed, "maxLength": 4},
        "oneOf": {"oneOf": [{"enum": listed}, {"enum": listed[::2]}]},
    }
    expected = {
        "enum": lambda text: text in set(listed),
        "not": lambda text: text not in set(listed),
        "both": lambda text: text in set(listed) and len(text) <= 4,
        "oneOf": lambda text: text in set(listed[1::2]),
    }
    constraints = {name: sg.json_schema(schema, escapes="all") for name, schema in schemas.items()}
    for _ in range(200):
        member = draw.choice(listed)
        for text in (member, near(member, draw)):
            for name, constraint in constraints.items():
                literal = spelled(text, draw)
                assert constraint.accepts(literal) == expected[name](text), (name, literal)


@pytest.mark.parametrize("count", [20, 3000])
def test_numbers_that_are_listed(count: int) -> None:
    draw = random.Random(count)
    listed = [draw.randrange(10**5) / 100 for _ in range(count)]
    constraint = sg.json_schema({"enum": listed})
    outside = sg.json_schema({"type": "number", "not": {"enum": listed}})
    for _ in range(300):
        value = draw.choice([draw.choice(listed), draw.randrange(10**5) / 100])
        assert constraint.accepts(json.dumps(value)) == (value in listed)
        assert outside.accepts(json.dumps(value)) == (value not in listed)
