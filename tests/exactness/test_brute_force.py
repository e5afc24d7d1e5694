"""Every bit of every mask equals brute force, through every path that can lead to it."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable

import jsonschema
import lark
import numpy as np
import numpy.typing as npt
import pytest

import structgen as sg

from .oracle import Language, json_language, json_values, language

# Three letters, all their pairs, some longer ones; a token that never matches, and one whose bytes
# another has too.
LETTERS = [b"a", b"b", b"c"]
PAIRS = [x + y for x in LETTERS for y in LETTERS]
VOCABULARIES: dict[str, list[bytes | None]] = {
    "bytes": [*LETTERS, None],
    "pairs": [*LETTERS, *PAIRS, b"x", None],
    "long": [*LETTERS, b"aa", b"ab", b"ba", b"aaa", b"aba", b"bcb", b"abca", b"ab", None],
}

REGEXES = [
    "a*",
    "(ab)*",
    "(a|b)*c",
    "a{2,3}",
    "(a|bc)+",
    "[^b]{0,3}",
    "a?b?c?",
    "(a*b)*",
    "(ab|a)(c|bcc)?",
    "a(b(c|a))*",
    "(?:a|ab)(?:c|bc)",
    "c|ab|abc",
    "(a|b){1,2}c{0,2}",
    "(?i:A)b",
    "[ab]+c?",
    "",
    "(aa|aaa)*",
    "(a|aa)b?",
    "[a-c]{3}",
    "a|b|c|aa|bb|cc",
    "(abc)?",
    "(ca*){0,2}",
    "b*ab*",
    "(?:ab?)+",
    "a(?=b)[bc]",
    "(?!a)[abc]b?",
    "a(?!b)[abc]",
    "(?<=a)b|c",
    "a{0,2}b{0,2}c{0,2}",
    "((a|b)c?){1,2}",
]

GRAMMARS = [
    'start: "a"*',
    'start: start "a" | "b"',
    'start: "a" start | "b"',
    'start: "a" start "b" | "c"',
    'start: start start | "a" | "bc"',
    'start: x y\nx: "a"?\ny: "b" | x',
    'start: x*\nx: "a" "b"? | "c"',
    'start: x "c" | y "b"\nx: "a"\ny: "a"',
    "start: A B\nA: /a+/\nB: /[ab]+/",
    'start: A*\nA: "ab" | "a"',
    'start: x\nx: y "a" | "b"\ny: x | "c"',
    'start: "(" start ")" | "a"'.replace('"("', '"b"').replace('")"', '"c"'),
    'start: x x\nx: | "a" x "b"',
    'start: ("a" | "b")~1..2 "c"?',
    'start: A ("b" A)*\nA: "a"\n%ignore "c"',
    'start: x ["c"]\nx: "a" x | "a"',
    'start: x | y\nx: "a" "b"\ny: /a[bc]/',
    'start: x\nx: x y | y\ny: "a" | "b" "c"',
    'start: e\ne: e "a" e | "b" | "c"',
    'start: x "b"\nx: (y)*\ny: "a" | z\nz: "c"',
]

SCHEMAS: list[object] = [
    {"type": "boolean"}, {"type": "null"}, {"enum": [1, "a", True]}, {"const": [1, 2]}, {"const": {"a": 1}},
    {"type": "integer", "minimum": 0, "maximum": 2}, {"type": ["null", "boolean"]},
    {"enum": [12, 121, 1]}, {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
    {"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "items": False},
    {"type": "array", "prefixItems": [{"const": 1}, {"enum": [1, 2]}], "items": False, "minItems": 1},
    {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {"enum": [1, 2]}, "b": {"const": 2}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {"enum": [1, 2]}, "b": {"const": 2}}, "required": ["b"],
     "additionalProperties": False},
    {"anyOf": [{"const": 1}, {"const": 12}]},
    {"anyOf": [{"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}}, "required": ["a", "b"],
                "additionalProperties": False},
               {"type": "object", "properties": {"a": {"const": 2}, "b": {"const": 2}}, "required": ["a", "b"],
                "additionalProperties": False}]},
    {"oneOf": [{"const": 1}, {"enum": [2, 12]}]},
    {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"const": 1}, "maxItems": 1}]},
    {"allOf": [{"enum": [1, 2, 12]}, {"enum": [2, 12, 21]}]},
    {"allOf": [{"type": "object", "properties": {"a": {"enum": [1, 2]}}, "additionalProperties": {"const": 1}},
               {"properties": {"a": {"enum": [2, 12]}}, "required": ["a"]}],
     "propertyNames": {"enum": ["a", "b"]}},
    {"$defs": {"n": {"enum": [1, 2]}}, "type": "array", "items": {"$ref": "#/$defs/n"}, "maxItems": 2},
    {"type": "array", "items": {"anyOf": [{"const": 1}, {"type": "array", "items": {"const": 2}, "maxItems": 1}]},
     "maxItems": 2},
    {"enum": [{"a": 1}, {"a": 2, "b": 1}, [1], []]},
    {"type": "integer", "multipleOf": 2, "minimum": 1, "maximum": 21},
    {"type": "object", "properties": {"a": {"type": "array", "items": {"const": 1}, "maxItems": 2}},
     "required": ["a"], "additionalProperties": False},
    {"type": "string", "enum": ["a", "ab", "b"]},
    {"type": "string", "pattern": "^a?b?$", "maxLength": 2},
    {"type": "string", "maxLength": 1},
    {"type": ["boolean", "string"], "maxLength": 2, "minLength": 1},
    {"anyOf": [{"type": "string", "maxLength": 0}, {"enum": ["ab", 2]}]},
]  # fmt: skip

# Every byte that the small documents can be spelled with, and nothing that other spellings of the
# same values need (no backslash, point, exponent or space): the texts are then exactly the compact
# ones.
JSON_BYTES = [bytes([b]) for b in b'{}[],:"12abtruefalsn0']
JSON_VOCABULARIES: dict[str, list[bytes | None]] = {
    "bytes": [*sorted(set(JSON_BYTES)), None],
    "merged": [*sorted(set(JSON_BYTES)), b'{"', b'":', b'","', b'"a":1', b"1,", b"12", b"true", b"ull",
               b'a"', b"]}", b"},", b"[1", b"21]", b'":[', b"[]", b"{}", b'b":2}', b'"]', None],
}  # fmt: skip
SCALARS: list[object] = [None, True, False, 0, 1, 2, 12, 20, 21, 121, "", "a", "b", "ab", "ba"]


def json_universe() -> list[object]:
    values = json_values(1, SCALARS, ["a", "b"], width=2)
    nested = json_values(2, [1, 2], ["a"], width=2)
    letters = sorted({b.decode() for b in JSON_BYTES} - {'"'})
    strings: list[object] = [*letters, *(x + y for x in letters for y in letters)]
    return values + nested + strings + list(range(130))


def vocabulary(tokens: list[bytes | None]) -> sg.Vocabulary:
    return sg.Vocabulary(tokens, eos_token_ids=[len(tokens) - 1])


def unpack(words: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:size].astype(bool)


def check(constraint: sg.Constraint, tokens: list[bytes | None], expected: Language) -> int:
    """Compare all masks along random walks; how many were compared."""
    vocab = vocabulary(tokens)
    eos = len(tokens) - 1
    compiled = constraint.compile(vocab)
    assert compiled.exactness == "exact"
    draw = random.Random(20261121)
    compared = 0
    for walk in range(12):
        matcher = compiled.matcher() if walk else constraint.compile(vocab).matcher()
        prefix = b""
        for _ in range(8):
            want = expected.mask(prefix, tokens, eos)
            longest = max(len(t) for t in tokens if t)
            if len(prefix) + longest > expected.reach:
                break
            compare(matcher, want, prefix, draw)
            compared += 1
            choices = [int(i) for i in np.flatnonzero(want) if i != eos]
            if not choices:
                break
            token = draw.choice(choices)
            assert matcher.advance(token)
            prefix += tokens[token] or b""
    return compared


def compare(
    matcher: sg.Matcher, want: npt.NDArray[np.bool_], prefix: bytes, draw: random.Random
) -> None:
    """One position, through every path."""
    size = len(want)

    def filled(by: Callable[[npt.NDArray[np.int32]], object], row: int = 0) -> list[int]:
        mask = sg.allocate_mask(3, size)
        mask[:] = 0x55555555
        by(mask)
        return np.flatnonzero(unpack(mask[row], size)).tolist()

    expected = np.flatnonzero(want).tolist()
    assert filled(lambda mask: matcher.fill_mask(mask, 0)) == expected, prefix
    assert filled(lambda mask: matcher.fill_mask(mask, 2), 2) == expected, (prefix, "memoised")
    assert [t for t in range(size) if matcher.allows(t)] == expected, (prefix, "probed")
    fork = matcher.fork()
    moved = 0
    for _ in range(draw.randrange(1, 4)):
        steps = [t for t in range(size) if fork.allows(t)]
        if not steps or fork.is_terminated():
            break
        assert fork.advance(draw.choice(steps))
        moved += 1
        if fork.is_terminated():
            break
    assert filled(matcher.fill_mask) == expected, (prefix, "beside a fork")
    fork.rollback(moved)
    assert filled(fork.fill_mask) == expected, (prefix, "rolled back")
    batch = sg.allocate_mask(2, size)
    sg.fill_masks([matcher, fork], batch, [1, 0], threads=2)
    for row in (0, 1):
        assert np.flatnonzero(unpack(batch[row], size)).tolist() == expected, (prefix, "batch")
    assert matcher.is_accepting() == bool(want[size - 1]), prefix


@pytest.mark.parametrize("name", VOCABULARIES)
@pytest.mark.parametrize("pattern", REGEXES)
def test_regex(pattern: str, name: str) -> None:
    expected = language(
        lambda text: re.fullmatch(pattern, text) is not None, "abcx", length=7, reach=4
    )
    assert check(sg.regex(pattern), VOCABULARIES[name], expected) > 0


@functools.cache
def grammar_language(text: str) -> Language:
    parser = lark.Lark(text, parser="earley", lexer="dynamic_complete")

    def judge(sample: str) -> bool:
        try:
            parser.parse(sample)
        except lark.exceptions.LarkError:
            return False
        return True

    # A live prefix of 3 bytes may need 4 more: "aaa" under `start: "a" start "b" | "c"`.
    return language(judge, "abc", length=8, reach=3)


@pytest.mark.parametrize("name", VOCABULARIES)
@pytest.mark.parametrize("text", GRAMMARS)
def test_grammar(text: str, name: str) -> None:
    expected = grammar_language(text)
    tokens = [t for t in VOCABULARIES[name] if t is None or len(t) <= 3]
    assert check(sg.grammar(text), tokens, expected) > 0


@pytest.mark.parametrize("name", JSON_VOCABULARIES)
@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_json_schema(schema: dict[str, object], name: str) -> None:
    validator = jsonschema.Draft202012Validator(schema)

    def valid(value: object) -> bool:
        # Keys stand in the schema's order, which is the alphabet's in all of these.
        in_order = not isinstance(value, dict) or list(value) == sorted(value)
        return in_order and validator.is_valid(value)

    expected = json_language(valid, json_universe())
    constraint = sg.json_schema(
        schema, whitespace="compact", escapes="minimal", number_spelling="plain"
    )
    assert check(constraint, JSON_VOCABULARIES[name], expected) > 0


def test_the_number_of_pairs() -> None:
    """The bar: at least 200 (constraint, vocabulary) pairs."""
    pairs = len(VOCABULARIES) * (len(REGEXES) + len(GRAMMARS)) + len(JSON_VOCABULARIES) * len(
        SCHEMAS
    )
    assert pairs >= 200
