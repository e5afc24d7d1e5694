"""At the limit of depth a mask closes: tokens that go deeper are not in it, and no call fails."""

from __future__ import annotations

import json

import numpy as np
import pytest

import structgen as sg
from tests.exactness.test_masks_equal_probes import TOKENS

VOCABULARY = sg.Vocabulary([*TOKENS[:-1], b"[[", b'[{"a":[', None], eos_token_ids=[len(TOKENS) + 1])
DEPTH = 6
LIST = {"$ref": "#/$defs/l", "$defs": {"l": {"type": "array", "items": {"$ref": "#/$defs/l"}}}}
TREE = {
    "$ref": "#/$defs/n",
    "$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}, "type": "object"}},
}
# Each level needs one more below it, and the last two.
TALL = {
    "$ref": "#/$defs/n",
    "$defs": {
        "n": {
            "type": "array",
            "items": {"anyOf": [{"$ref": "#/$defs/n"}, {"enum": [[["a"]]]}]},
            "minItems": 1,
        }
    },
}


def bits(matcher: sg.Matcher) -> list[bool]:
    mask = sg.allocate_mask(1, VOCABULARY.size)
    matcher.fill_mask(mask, 0)
    return (
        np.unpackbits(mask.view(np.uint8), bitorder="little")[: VOCABULARY.size]
        .astype(bool)
        .tolist()
    )


CONSTRAINTS: dict[str, sg.TextConstraint] = {
    "anything": sg.json_schema(True),
    "lists": sg.json_schema(LIST),
    "trees": sg.json_schema(TREE),
    "tall": sg.json_schema(TALL),
    "conditions": sg.json_schema(
        {
            "dependentRequired": {f"n{i}": [f"m{i}"] for i in range(12)},
            "additionalProperties": {"$ref": "#"},
        }
    ),
    "in a grammar": sg.json_schema(True) + sg.literal("~"),
    "in a conjunction": sg.json_schema(True) & sg.regex(r"(?s)[^x]*"),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_no_token_goes_deeper_and_every_text_can_be_ended(name: str) -> None:
    compiled = CONSTRAINTS[name].compile(VOCABULARY, sg.Limits(max_depth=DEPTH))
    draw = np.random.default_rng(1)
    deepest = 0
    for _ in range(30):
        matcher = compiled.matcher()
        for _ in range(25):
            allowed = bits(matcher)
            assert allowed == [matcher.allows(token) for token in range(VOCABULARY.size)]
            assert any(allowed)
            rest = matcher.completion()
            if rest is not None:
                other = matcher.fork()
                assert other.advance_text(rest) == len(rest)
                assert other.is_accepting()
            opening = [
                i for i, text in enumerate(TOKENS) if text and allowed[i] and text[-1] in b"[{:"
            ]
            choice = opening if opening and draw.random() < 0.8 else np.flatnonzero(allowed)
            assert matcher.advance(int(draw.choice(choice)))
            if matcher.is_terminated():
                break
            text = VOCABULARY.decode(matcher.tokens)
            deepest = max(deepest, depth(text))
    assert deepest == DEPTH


def depth(text: bytes) -> int:
    """Of containers, strings left out."""
    level = most = 0
    inside = escaped = False
    for byte in text:
        if inside:
            inside, escaped = (escaped or byte != ord('"')), byte == ord("\\") and not escaped
        elif byte == ord('"'):
            inside = True
        else:
            level += (byte in b"[{") - (byte in b"]}")
            most = max(most, level)
    return most


def test_a_thousand_levels_can_be_closed() -> None:
    matcher = sg.json_schema(True).compile(VOCABULARY).matcher()
    bracket = TOKENS.index(b"[")
    levels = 0
    while bits(matcher)[bracket]:
        assert matcher.advance(bracket)
        levels += 1
    assert levels == sg.Limits().max_depth
    assert not matcher.advance(bracket)
    assert matcher.completion() == b"]" * levels
    for _ in range(levels):
        assert matcher.advance(TOKENS.index(b"]"))
    assert matcher.is_accepting()


def test_texts_that_are_too_deep_are_not_called_wrong() -> None:
    """A text is judged as a whole: that it could not be read is no verdict."""
    limits = sg.Limits(max_depth=DEPTH)
    for constraint, levels, end in (
        (sg.json_schema(True, limits=limits), DEPTH, ""),
        (sg.json_schema(True) + sg.literal("~"), sg.Limits().max_depth, "~"),
    ):
        for _ in range(2):
            with pytest.raises(sg.LimitExceeded, match="max_depth"):
                constraint.accepts("[" * (levels + 1) + "]" * (levels + 1) + end)
        assert constraint.accepts("[" * levels + "]" * levels + end)
        assert not constraint.accepts("[" * levels + "x")
    matcher = sg.json_schema(True, limits=limits).compile(VOCABULARY).matcher()
    with pytest.raises(sg.LimitExceeded):
        matcher.advance_text(b"[" * 9)


def test_what_cannot_be_written_within_the_limit_says_so() -> None:
    value: object = 1
    for _ in range(DEPTH + 1):
        value = [value]
    matcher = (
        sg.json_schema({"const": value}).compile(VOCABULARY, sg.Limits(max_depth=DEPTH)).matcher()
    )
    with pytest.raises(sg.LimitExceeded, match="max_depth"):
        bits(matcher)
    fits = (
        sg.json_schema({"const": value})
        .compile(VOCABULARY, sg.Limits(max_depth=DEPTH + 1))
        .matcher()
    )
    assert fits.completion() == json.dumps(value).encode()
