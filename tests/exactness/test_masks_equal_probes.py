"""A mask says of every token what asking for that token alone says.

The walk over lexemes shares work between states; these constraints are those where that is
delicate: the text of a key or an element matters later, tokens span several of them, and most of
the vocabulary looks alike.
"""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

import structgen as sg

TOKENS: list[bytes | None] = [
    *(bytes([b]) for b in range(0x20, 0x7F)),
    *(b'","', b'","","', b'"","', b'":', b'":1,"', b'"a":1,"b":2', b'":1,"a":', b'a":0', b'b","b"'),
    *(b"1,", b",1", b"1,1", b"12,12,", b",2,1]", b'"a","b"', b'"]', b'"}', b'":{"', b'":[', b"]}"),
    *(
        b"ab",
        b"aa",
        b"the",
        b'the","',
        b"\xc3",
        b"\xa9",
        "é".encode(),
        'é"'.encode(),
        b"\\u00",
        b"41",
    ),
    *(
        b'{"',
        b'["',
        b'["a',
        b'["a","',
        b", ",
        b": ",
        b"null",
        b"true,",
        b"~",
        b'~"',
        b"z~",
        b'a~","a',
        b'"}',
        b'"},',
        b'"}]',
        b'"}, {"',
        b'{"a": "',
        b'a": "',
    ),
    # White space, alone and before and after what it stands beside.
    *(b"\n", b"\t", b"\r", b"  ", b"   ", b"\n ", b"\n  ", b" \n", b"\t\t", b"\r\n"),
    *(b'{\n "', b'{ "a": ', b' "', b'  "a', b'\n "', b" }", b"\n}", b" ]", b"\n ]", b"[ ", b"[\n"),
    *(
        b" 1",
        b"  12",
        b" null",
        b" {",
        b" [",
        b" ,",
        b" , ",
        b":  ",
        b' :"',
        b",\n",
        b',\n  "',
        b",  1",
    ),
    # Longer than what most entries of the vocabulary are shared for.
    *(b"a" * n for n in (23, 24, 25, 26, 27, 31, 40)),
    *(b" " * n for n in (24, 25, 32, 64)),
    *(b"ab" * 12 + end for end in (b'"', b'",', b'","', b'b","the', b'","' + b"a" * 30, b"a\\u00")),
    *("é".encode() * 13 + end for end in (b"", b'"', b'"]', b"a")),
    b'"' + b"ab" * 13,
    b'"' + b"ab" * 13 + b'"',
    None,
]

SCHEMAS: dict[str, object] = {
    "unique strings": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    "unique numbers": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    "unique anything": {"type": "array", "uniqueItems": True},
    "unique objects": {
        "type": "array",
        "items": {"required": ["a"], "additionalProperties": {"type": "string", "maxLength": 1}},
        "uniqueItems": True,
        "minItems": 2,
    },
    "unique and few": {"type": "array", "items": {"enum": ["a", "b", 1, 12]}, "uniqueItems": True},
    "open object": {"type": "object", "properties": {"the": {"type": "integer"}, "ab": {}}},
    "open values": {"type": "object", "additionalProperties": {"type": "integer"}},
    "patterns": {"patternProperties": {"^a": {"type": "integer"}}, "type": "object"},
    "short strings": {"type": "array", "items": {"type": "string", "maxLength": 3}},
    "anything": True,
    "names and any key": {
        "properties": {"é": False, "ab": False, "the": {"type": "integer"}, "A": {"type": "null"}},
        "patternProperties": {"^$": False},
        "additionalProperties": {"properties": {"a": {"enum": [1, "a"]}, "aa": False, 'a"': False}},
        "type": "object",
    },
    "names of several shapes": {
        "anyOf": [
            {
                "properties": {"ab": {"type": "integer"}, "a": {"type": "string"}},
                "minProperties": 2,
            },
            {"properties": {"the": False, "a": {"type": "integer"}}, "required": ["z"]},
            {"properties": {"A": {"const": 1}}, "additionalProperties": {"type": "boolean"}},
        ],
        "type": "object",
    },
    "formats": {
        "type": ["string", "array"],
        "items": {"anyOf": [{"format": "ipv4"}, {"format": "time"}, {"pattern": "^the"}]},
        "anyOf": [{"format": f} for f in ("hostname", "iri-reference", "regex", "date", "email")],
    },
    "alternatives": {"pattern": "^(?:a.*b|[0-9 ]+|(?:the|ab){2,}|.{3}~*)$"},
}


OPTIONS: list[dict] = [
    {"whitespace": "any"},
    {"max_string_length": 2, "max_array_length": 2, "additional_properties_default": False},
    {"max_integer_digits": 2, "max_fraction_digits": 1, "max_exponent_digits": 0},
    {"whitespace": {"kind": "any", "max": 2}, "max_string_length": 1, "property_order": "any"},
    {"whitespace": {"kind": "flexible", "max": 3}},
    {"whitespace": {"kind": "indent", "width": 2}},
    {"whitespace": {"kind": "separators", "item": " ,\n", "key": " : "}},
]


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_masks_equal_probes(name: str, order: str) -> None:
    compare(sg.json_schema(SCHEMAS[name], property_order=order), f"{name} {order}")


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_masks_equal_probes_under_options(name: str, options: dict) -> None:
    compare(sg.json_schema(SCHEMAS[name], **options), f"{name} {options}")


# Lexemes that may end anywhere, with something after them or nothing.
FREE: dict[str, sg.TextConstraint] = {
    "any text": sg.regex(r"(?s).*"),
    "a line": sg.regex(r"[^\n]*"),
    "words": sg.regex(r"(?:\S+\s+){0,9}\S+"),
    "letters and a quote": sg.regex("[a-z]*") + sg.literal('"'),
    "letters and letters": sg.regex("[a-h]*") + sg.regex("[a-z]*") + sg.literal(","),
    "counted": sg.regex(r"[\w\W]{0,9}[^\W\d_]{0,4}") + sg.literal("}") + sg.regex("[ 1]*"),
    "text and names or text": sg.regex(r"[^1]*") + sg.regex(r"(?:the|ab|[^,]*)") + sg.literal(","),
    "names or text": sg.regex(r"(?:the\"|ab|[^,]*)") + sg.literal(",") + sg.regex("[^1]*"),
    "json after text": sg.regex(r"[^{]*") + sg.json_schema(True),
}


@pytest.mark.parametrize("name", FREE)
def test_masks_equal_probes_of_free_text(name: str) -> None:
    compare(FREE[name], name)


# Lexemes that differ in the room that is left.
ROOM: dict[str, list[sg.TextConstraint]] = {
    "maxLength": [sg.json_schema({"maxLength": n}) for n in range(20, 44)],
    "minLength": [sg.json_schema({"minLength": n}) for n in range(20, 44)],
    "pattern": [sg.json_schema({"pattern": f"^(?:a|b|é){{2,{n}}}$"}) for n in range(20, 44)],
    "regex": [sg.regex(f"[a-z ]{{0,{n}}}") + sg.literal('"') for n in range(20, 44)],
    "words": [sg.regex(f"(?:[ab]+ ){{0,{n}}}[ab]*") for n in range(20, 44)],
}


@pytest.mark.parametrize("name", ROOM)
def test_masks_equal_probes_whatever_room_is_left(name: str) -> None:
    vocabulary = sg.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])
    mask = sg.allocate_mask(1, vocabulary.size)
    before = {"regex": b"", "words": b"a "}.get(name, b'"')
    order = list(ROOM[name])
    random.Random(1).shuffle(order)
    for constraint in order:
        compiled = constraint.compile(vocabulary)
        for written in (b"", b"a", b"ab" * 3, b"a" * 17):
            matcher = compiled.matcher()
            matcher.advance_text(before + written)
            matcher.fill_mask(mask, 0)
            bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: vocabulary.size]
            probed = [matcher.allows(token) for token in range(vocabulary.size)]
            assert bits.astype(bool).tolist() == probed, (constraint, written)


# Elements and keys that are compared with those before them only when they end.
MANY = [f"w{i}" for i in range(140)] + ["a", "b", "ab", "the", "é", "~", "z~", "A", 'q"', ""]
BEFORE: dict[str, tuple[object, str]] = {
    "strings": ({"uniqueItems": True}, json.dumps(MANY)[:-1] + ", "),
    "anything": (
        {"uniqueItems": True},
        json.dumps([*MANY, *range(150), [], {"a": 1}, None])[:-1] + ",",
    ),
    "nested": ({"items": {"uniqueItems": True}}, "[" + json.dumps(MANY)[:-1] + ","),
    "in an element": (
        {"uniqueItems": True, "items": {"additionalProperties": {"type": "string"}}},
        json.dumps([{name: "a"} for name in MANY], separators=(",", ":"))[:-1] + ",{",
    ),
    "keys": ({}, json.dumps(dict.fromkeys(MANY, 1))[:-1] + ", "),
    "keys beside names": (
        {"properties": {"the": {}, "abc": {}}, "patternProperties": {"^b": {"type": "integer"}}},
        json.dumps(dict.fromkeys(["z", "aa", "b", "~", "ab"], 1))[:-1] + ",",
    ),
    "keys in a union": (
        {
            "anyOf": [
                {"properties": {"a": {}, "ab": {"type": "integer"}}, "required": ["a"]},
                {"minProperties": 2, "patternProperties": {"^[ab]{1,2}$": {}}},
            ]
        },
        '{"ab":1,"q":2,',
    ),
}


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("name", BEFORE)
def test_masks_equal_probes_after_many(name: str, order: str) -> None:
    schema, text = BEFORE[name]
    compare(
        sg.json_schema(schema, property_order=order, escapes="all"),
        f"{name} {order}",
        text.encode(),
    )


@pytest.mark.parametrize("name", BEFORE)
def test_masks_equal_probes_inside_a_grammar(name: str) -> None:
    schema, text = BEFORE[name]
    inside = sg.literal("<") + sg.json_schema(schema, escapes="all") + sg.literal(">")
    compare(inside | sg.regex("<.*!"), name, b"<" + text.encode())
    compare(inside, name, b"<" + text.encode())


def test_a_key_is_completed_to_one_that_is_new() -> None:
    vocabulary = sg.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])
    names = ["", *map(str, range(120)), "k", "k0", "k2"]
    automaton = sg.json_schema({"properties": {"k1": {}, "121": {}}}, escapes="all").compile(
        vocabulary
    )
    text = json.dumps(dict.fromkeys(names, 1))[:-1]
    for written in ('"', '"k', '"1', '"12', '"11', '"x', '"k\\u003'):
        matcher = automaton.matcher()
        before = (text + ", " + written).encode()
        assert matcher.advance_text(before) == len(before)
        rest = matcher.completion()
        while rest:
            assert len(json.loads(before + rest)) == len(names) + 1
            assert matcher.advance_text(rest[:1]) == 1
            before += rest[:1]
            shorter = matcher.completion()
            assert shorter is not None
            assert len(shorter) < len(rest)
            rest = shorter
        assert matcher.is_accepting()


def compare(constraint: sg.TextConstraint, seed: str, before: bytes = b"") -> None:
    vocabulary = sg.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])
    compiled = constraint.compile(vocabulary)
    draw = random.Random(seed)
    long_tokens = [i for i, text in enumerate(TOKENS) if text and len(text) > 1]
    for _ in range(12):
        matcher = compiled.matcher()
        assert matcher.advance_text(before) == len(before)
        for _ in range(14):
            mask = sg.allocate_mask(1, vocabulary.size)
            matcher.fill_mask(mask, 0)
            bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: vocabulary.size]
            probed = [matcher.allows(token) for token in range(vocabulary.size)]
            assert bits.astype(bool).tolist() == probed, vocabulary.decode(matcher.tokens)
            allowed = [int(token) for token in np.flatnonzero(bits)]
            spanning = [token for token in allowed if token in long_tokens]
            if not allowed:
                break
            matcher.advance(draw.choice(spanning if spanning and draw.random() < 0.7 else allowed))
            if matcher.is_terminated():
                break


def test_a_token_that_ends_an_equal_element_is_not_in_the_mask() -> None:
    matcher = (
        sg.json_schema({"type": "array", "uniqueItems": True})
        .compile(sg.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1]))
        .matcher()
    )
    for byte in b'[{"a": "b"}, {"a": "b':
        assert matcher.advance(TOKENS.index(bytes([byte])))
    mask = sg.allocate_mask(1, len(TOKENS))
    matcher.fill_mask(mask, 0)
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
    ending = TOKENS.index(b'"}')
    assert not matcher.allows(ending)
    assert not bits[ending]
    assert bits[TOKENS.index(b'"')]
    assert bits[TOKENS.index(b"z~")]
