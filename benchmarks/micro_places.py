"""Places of texts whose masks `micro.py` measures: a constraint, and what was read before."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structgen as sg


@dataclass(frozen=True)
class Place:
    name: str
    constraint: Callable[[], sg.TextConstraint]
    before: str


def _place(name: str, schema: Any, before: str) -> Place:
    return Place(name, lambda: sg.json_schema(schema), before)


_SYLLABLES = ("ba", "co", "di", "fu", "ge", "ha", "lo", "mi", "nu", "ra", "se", "ti")
WORDS = ["".join(parts) for parts in itertools.product(_SYLLABLES, repeat=3)]
"""1,728 words that begin alike."""

_KNOWN = {"properties": {word: {} for word in WORDS[::60]}, "additionalProperties": False}
_TAGS = {"type": "array", "items": {"enum": WORDS[::35]}}

PLACES = [
    # No entry of the vocabulary helps: the trie is walked.
    Place("few literals", lambda: sg.choice(["yes", "no", "not sure"]), ""),
    Place("choice of 1728", lambda: sg.choice(WORDS), ""),
    Place("nested brackets", lambda: sg.grammar('start: "(" start ")" start |'), "((()"),
    _place("inside a string", {"type": "string"}, '"abc'),
    _place("string, limited length", {"type": "string", "maxLength": 20}, '"abc'),
    _place("string, pattern", {"type": "string", "pattern": "^[a-z]+-[0-9]{2,4}$"}, '"abc'),
    _place("string, date-time", {"type": "string", "format": "date-time"}, '"2026-1'),
    _place("key of known names", {"type": "object", **_KNOWN}, '{"'),
    _place("key of an open object", {"type": "object"}, '{"na'),
    _place("key, after others", {"type": "object"}, '{"name": 1, "na'),
    _place("enum of 50", {"enum": WORDS[::35]}, '"'),
    _place("integer", {"type": "integer"}, "12"),
    _place("integer, bounded", {"type": "integer", "minimum": 10, "maximum": 4999}, "1"),
    _place("number", {"type": "number"}, "1.5"),
    _place("before any value", {}, ""),
    _place("in an array", {"type": "array", "items": {"type": ["string", "number"]}}, "["),
    _place("after a value", _TAGS, f'["{WORDS[0]}"'),
    _place("after a comma", _TAGS, f'["{WORDS[0]}",'),
    _place("after white space", _TAGS, f'["{WORDS[0]}", '),
    Place("JSON grammar, value", lambda: sg.grammar("json"), '{"a": '),
    Place("JSON grammar, string", lambda: sg.grammar("json"), '{"a": "b'),
    Place("SQL grammar, after a name", lambda: sg.grammar("sql_select"), "SELECT a"),
    Place("SQL grammar, operand", lambda: sg.grammar("sql_select"), "SELECT a FROM t WHERE "),
]

DOCUMENT_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "name": {"type": "string", "maxLength": 30},
            "price": {"type": "number"},
            "tags": {"type": "array", "items": {"enum": ["new", "old", "sold out"]}},
        },
        "required": ["id", "name", "price", "tags"],
        "additionalProperties": False,
    },
}

DOCUMENT = json.dumps(
    [
        {"id": 11 * number, "name": f"thing, or {word}", "price": 2.5 * number, "tags": ["new"]}
        for number, word in enumerate(WORDS[:12])
    ]
)


def numbered_schema(number: int) -> dict[str, Any]:
    """Schemas that differ by number."""
    return {
        "type": "object",
        "properties": {f"field_{number}": {"type": "integer", "minimum": number}},
        "required": [f"field_{number}"],
    }
