"""Samples of ``structgen check``: members of the language, in words that can be read."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("click")

import structgen as sg
from structgen.cli.samples import MAX_BYTES, readable_sample

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "born": {"type": "string", "format": "date"},
        "size": {"type": "number"},
    },
    "required": ["name", "tags", "born", "size"],
}


@pytest.mark.parametrize(
    "constraint",
    [
        sg.json_schema(PERSON),
        sg.json_schema({}),
        sg.json_schema({"type": "string", "minLength": 20, "maxLength": 40}),
        sg.json_schema({"type": "array", "uniqueItems": True, "minItems": 3}),
        sg.regex(r"\w+@\w+\.[a-z]+"),
        sg.regex(r".{0,80}"),
        sg.grammar("json"),
        sg.grammar("sql_select"),
    ],
    ids=repr,
)
def test_samples_are_members_in_plain_characters(constraint: sg.TextConstraint) -> None:
    texts = [readable_sample(constraint, seed) for seed in range(20)]
    assert texts == [readable_sample(constraint, seed) for seed in range(20)]
    for text in texts:
        assert constraint.accepts(text)
        assert len(text) <= MAX_BYTES
    whole = "".join(texts)
    # Random members of these languages are neither: most code points are beyond ASCII.
    assert sum(character.isascii() and character.isprintable() for character in whole) > (
        0.97 * len(whole)
    )


def test_most_strings_are_words() -> None:
    names = [
        json.loads(readable_sample(sg.json_schema(PERSON), seed))["name"] for seed in range(40)
    ]
    assert sum(bool(re.fullmatch(r"[A-Za-z0-9 ]+", name)) for name in names) > 20
    assert len(set(names)) > 20


@pytest.mark.parametrize(
    "constraint",
    [
        sg.regex("[\u4e00-\u9fff]{3}"),
        sg.regex("[\\x00-\\x08]{2}"),
        sg.regex("x{600}"),
        sg.choice(["é", "😀"]),
        sg.literal(""),
    ],
    ids=repr,
)
def test_what_has_no_plain_member_has_others(constraint: sg.TextConstraint) -> None:
    assert constraint.accepts(readable_sample(constraint, 1))


def test_special_tokens_are_left_to_the_core() -> None:
    constraint = sg.special_token("<eot>") | sg.literal("a")
    assert readable_sample(constraint, 0) == constraint.sample(0)
