"""A mask says of every token what asking for that token alone says.

The walk over lexemes shares work between states; these constraints are those where that is
delicate: the text of a key or an element matters later, tokens span several of them, and most of
the vocabulary looks alike.
"""

from __future__ import annotations

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
}


OPTIONS: list[dict] = [
    {"whitespace": "any"},
    {"max_string_length": 2, "max_array_length": 2, "additional_properties_default": False},
    {"max_integer_digits": 2, "max_fraction_digits": 1, "max_exponent_digits": 0},
    {"whitespace": {"kind": "any", "max": 2}, "max_string_length": 1, "property_order": "any"},
]


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_masks_equal_probes(name: str, order: str) -> None:
    compare(sg.json_schema(SCHEMAS[name], property_order=order), f"{name} {order}")


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_masks_equal_probes_under_options(name: str, options: dict) -> None:
    compare(sg.json_schema(SCHEMAS[name], **options), f"{name} {options}")


def compare(constraint: sg.TextConstraint, seed: str) -> None:
    vocabulary = sg.Vocabulary(TOKENS, eos_token_ids=[len(TOKENS) - 1])
    compiled = constraint.compile(vocabulary)
    draw = random.Random(seed)
    long_tokens = [i for i, text in enumerate(TOKENS) if text and len(text) > 1]
    for _ in range(12):
        matcher = compiled.matcher()
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
