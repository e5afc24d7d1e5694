"""Each option of `json_schema`: what it takes, what it refuses, and what is then generated."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import Any

import pytest

import structgen as sg

jsonschema = pytest.importorskip("jsonschema")

DOCUMENTS: list[Any] = [
    {},
    [],
    [[], {}, [{}]],
    {"a": [1, -2.5, 1e100, 1e-7, True, None], "b": {"c": '\u00e9\U0001f600\\"/\n\t\x01\x7f'}},
    "\u2028 \ud7ff",
    {"": {"\u00e9": [0, [0, {"x": []}]]}},
    3,
]


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize(
    "style",
    [
        {},
        {"separators": (",", ":")},
        {"indent": 2},
        {"indent": 4},
        {"indent": 2, "sort_keys": True},
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_default_takes_what_json_dumps_writes(
    style: dict[str, Any], ascii_only: bool, order: Any
) -> None:
    # The default writes characters as they are, as `ensure_ascii=False` does.
    constraint = sg.json_schema(True, property_order=order, escapes="all" if ascii_only else None)
    for document in DOCUMENTS:
        text = json.dumps(document, ensure_ascii=ascii_only, **style)
        assert constraint.accepts(text), text


# -- white space ------------------------------------------------------------------------------


def spaced(text: str, draw: random.Random, most: int) -> str:
    """`text`, a compact document without strings that hold marks, with random white space."""
    parts = re.findall(r'"[^"]*"|[\[\]{},:]|[^\[\]{},:"]+', text)
    gaps = [
        "".join(draw.choices(" \t\r\n", k=draw.randint(0, most))) for _ in range(len(parts) + 1)
    ]
    return gaps[0] + "".join(p + g for p, g in zip(parts, gaps[1:], strict=True))


def test_any_white_space() -> None:
    draw = random.Random(1)
    constraint = sg.json_schema(True, whitespace={"kind": "any", "max": 3})
    for document in [{}, [], {"a": [1, {"b": None}], "c": [[], {}]}, 12, "x", [[], [2]]]:
        compact = json.dumps(document, separators=(",", ":"))
        for _ in range(20):
            text = spaced(compact, draw, 3)
            assert json.loads(text) == document
            assert constraint.accepts(text), text
        for text in (compact + "    ", "    " + compact):
            assert not constraint.accepts(text)
    assert not constraint.accepts("[    1]")
    assert not constraint.accepts("[1 2]")
    assert not constraint.accepts("[1,\v2]")
    assert sg.json_schema(True, whitespace="any").accepts(" \r\n[ 1\t,\n\n2 ]\r\n")


def test_any_white_space_knows_its_end() -> None:
    constraint = sg.json_schema({"required": ["a"]}, whitespace="any", max_string_length=3)
    for seed in range(30):
        text = constraint.sample(seed, max_bytes=60)
        assert constraint.accepts(text)
        json.loads(text)


@pytest.mark.parametrize(
    ("whitespace", "style"),
    [
        ("compact", {"separators": (",", ":")}),
        (2, {"indent": 2}),
        (0, {"indent": 0}),
        ({"kind": "indent", "width": 3}, {"indent": 3}),
        ((", ", ": "), {}),
        ((" ,\n", "\t:"), {"separators": (" ,\n", "\t:")}),
        ({"kind": "separators", "item": ",", "key": ": "}, {"separators": (",", ": ")}),
    ],
)
def test_fixed_white_space(whitespace: Any, style: dict[str, Any]) -> None:
    constraint = sg.json_schema(True, whitespace=whitespace)
    for document in DOCUMENTS:
        text = json.dumps(document, ensure_ascii=False, **style)
        assert constraint.accepts(text), text
    for seed in range(15):
        text = constraint.sample(seed, max_bytes=80)
        value = json.loads(text, parse_float=str, parse_int=str)
        rest = re.sub(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{},:]+', "0", text)
        again = json.dumps(value, **style)
        assert rest == re.sub(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{},:]+', "0", again)


def test_flexible_white_space_is_bounded() -> None:
    constraint = sg.json_schema(True, whitespace={"kind": "flexible", "max": 4})
    assert constraint.accepts("[\n   1\n]")
    assert not constraint.accepts("[\n    1\n]")
    assert not constraint.accepts("[1 ,2]")
    assert not constraint.accepts("[\n\n1]")


# -- spellings --------------------------------------------------------------------------------


def test_escapes() -> None:
    every = sg.json_schema({"const": "a/\n"}, escapes="all")
    minimal = sg.json_schema({"const": "a/\n"}, escapes="minimal")
    for text in [r'"a/\n"', r'"\u0061\/\u000A"', r'"a/\u000a"']:
        assert every.accepts(text)
        assert minimal.accepts(text) == (text == r'"a/\n"')


def test_number_spelling() -> None:
    every = sg.json_schema({"const": 10}, number_spelling="all")
    plain = sg.json_schema({"const": 10})
    for text in ["10", "10.0", "1e1", "1E+1"]:
        assert every.accepts(text)
        assert plain.accepts(text) == (text == "10")


def test_format_assertion() -> None:
    schema = {"format": "date"}
    assert not sg.json_schema(schema).accepts('"x"')
    assert not sg.json_schema(schema, format_assertion=True).accepts('"x"')
    constraint = sg.json_schema(schema, format_assertion=False)
    assert constraint.accepts('"x"')
    assert constraint.report[0]["status"] == "annotation"


# -- options that narrow ----------------------------------------------------------------------

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "long": {"type": "string", "minLength": 2, "maxLength": 30},
        "kind": {"enum": ["a kind with a long name", 123456789, "b"]},
        "number": {"type": "number"},
        "list": {"type": "array", "items": {"type": "integer"}},
        "pair": {"type": "array", "prefixItems": [{"type": "null"}] * 4, "items": False},
        "nested": {"oneOf": [{"type": "string"}, {"type": "string", "minLength": 4}]},
        "open": {},
    },
    "required": ["text", "nested"],
}
NARROW: list[dict[str, Any]] = [
    {"max_string_length": 5},
    {"max_array_length": 2},
    {"max_integer_digits": 2, "max_fraction_digits": 1, "max_exponent_digits": 1},
    {"max_fraction_digits": 0, "max_exponent_digits": 0},
    {"additional_properties_default": False},
    {"max_string_length": 3, "max_array_length": 1, "additional_properties_default": False},
]


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("options", NARROW)
def test_narrowed_documents_are_valid(options: dict[str, Any], order: Any) -> None:
    wide = sg.json_schema(SCHEMA, property_order=order)
    constraint = sg.json_schema(SCHEMA, property_order=order, **options)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for seed in range(40):
        text = constraint.sample(seed, max_bytes=120)
        document = json.loads(text)
        validator.validate(document)
        assert wide.accepts(text)
        check_narrow(text, document, options)


def check_narrow(text: str, document: dict[str, Any], options: dict[str, Any]) -> None:
    longest = options.get("max_string_length")
    if longest is not None:
        assert len(document["text"]) <= longest
        assert len(document["nested"]) <= longest
        assert all(len(key) <= longest for key in document if key not in SCHEMA["properties"])
    if "max_array_length" in options:
        assert len(document.get("list", [])) <= options["max_array_length"]
    if options.get("additional_properties_default") is False:
        assert set(document) <= set(SCHEMA["properties"])
    for spelled in re.findall(r'"number"\s*:\s*(-?[0-9.eE+-]+)', text):
        whole, fraction, exponent = re.fullmatch(
            r"-?(\d+)(?:\.(\d+))?(?:[eE][+-]?(\d+))?", spelled
        ).groups("")  # type: ignore[union-attr]
        for name, digits in [
            ("max_integer_digits", whole),
            ("max_fraction_digits", fraction),
            ("max_exponent_digits", exponent),
        ]:
            assert len(digits) <= options.get(name, len(digits)), spelled


@pytest.mark.parametrize(
    ("schema", "options", "accepts", "rejects"),
    [
        ({"type": "string"}, {"max_string_length": 2}, ['"ab"', r'"\ud83d\ude00b"'], ['"abc"']),
        # What has an end of its own is left alone.
        ({"maxLength": 4}, {"max_string_length": 2}, ['"abcd"'], ['"abcde"']),
        ({"enum": ["abc"]}, {"max_string_length": 2}, ['"abc"'], ['"ab"']),
        ({"format": "date"}, {"max_string_length": 2}, ['"2024-02-29"'], ['"2023-02-29"']),
        ({"pattern": "b"}, {"max_string_length": 2}, ['"ab"'], ['"aab"', '"aa"']),
        ({}, {"max_string_length": 1}, ['{"a":"b"}'], ['{"aa":"b"}', '{"a":"bb"}']),
        # A bound is no schema: it does not turn round under a negation, nor choose a branch.
        ({"not": {"type": "string"}}, {"max_string_length": 2}, ["1"], ['"abc"', '"a"']),
        (
            {"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 9, "minLength": 3}]},
            {"max_string_length": 5},
            ['"ab"'],
            ['"abc"', '"abcdef"'],
        ),
        ({"type": "array"}, {"max_array_length": 1}, ["[]", "[1]"], ["[1,2]"]),
        ({"maxItems": 2}, {"max_array_length": 1}, ["[1,2]"], ["[1,2,3]"]),
        ({"not": {"type": "array"}}, {"max_array_length": 1}, ["1"], ["[1,2]", "[]"]),
        ({"contains": {"const": 1}}, {"max_array_length": 1}, ["[1]"], ["[2,1]", "[2]"]),
        (
            {"type": "number"},
            {"max_integer_digits": 2, "number_spelling": "all"},
            ["99.123", "-1e9"],
            ["100"],
        ),
        # An exponent stands for digits, too.
        (
            {"type": "number"},
            {"max_integer_digits": 2},
            ["99.123", "-9.9e1", "1e-9"],
            ["100", "1e2"],
        ),
        ({"type": "integer"}, {"max_integer_digits": 2}, ["99", "-10"], ["100", "1e1", "9.0"]),
        ({"enum": [12345]}, {"max_integer_digits": 2}, ["12345"], ["12"]),
        ({"type": "integer"}, {"max_integer_digits": 30}, ["9" * 30], ["9" * 31]),
        ({"type": "number"}, {"max_fraction_digits": 0}, ["1", "1e5"], ["1.0"]),
        ({"type": "number"}, {"max_exponent_digits": 0}, ["1.5"], ["1e5"]),
        ({"type": "integer"}, {"max_integer_digits": 1, "max_exponent_digits": 0}, ["9"], ["10"]),
        ({"not": {"type": "number"}}, {"max_integer_digits": 1}, ["null"], ["10", "1"]),
        (
            {"properties": {"a": {}}},
            {"additional_properties_default": False},
            ["{}", '{"a":{"x":1}}'],
            ['{"b":1}'],
        ),
        # No `properties`: an object that may hold anything is left as it is.
        ({"type": "object"}, {"additional_properties_default": False}, ['{"b":1}'], ["1"]),
        (
            {"properties": {"a": {}}, "additionalProperties": True},
            {"additional_properties_default": False},
            ['{"b":1}'],
            [],
        ),
        (
            {"properties": {"a": {}}, "unevaluatedProperties": {"type": "null"}},
            {"additional_properties_default": False},
            ['{"b":null}'],
            ['{"b":1}'],
        ),
        (
            {"patternProperties": {"^x": {"type": "null"}}},
            {"additional_properties_default": False},
            ['{"x1":null}'],
            ['{"y":null}', '{"x1":1}'],
        ),
        # The parts of a conjunction know each other's keys.
        (
            {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
            {"additional_properties_default": False},
            ['{"a":1,"b":2}'],
            ['{"c":1}'],
        ),
        (
            {"properties": {"a": {}}, "required": ["b"]},
            {"additional_properties_default": False},
            ['{"a":1,"b":2}', '{"b":2}'],
            ['{"b":2,"c":1}', "{}"],
        ),
        (
            {"not": {"properties": {"a": {"type": "null"}}}},
            {"additional_properties_default": False},
            ['{"a":1}'],
            ['{"a":null}', "{}", '{"b":1}'],
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"additional_properties_default": True},
            ['{"a":1}'],
            ['{"b":1}'],
        ),
    ],
)
def test_what_narrowing_leaves(
    schema: dict[str, Any], options: dict[str, Any], accepts: list[str], rejects: list[str]
) -> None:
    constraint = sg.json_schema(schema, property_order="any", escapes="all", **options)
    for text in accepts:
        assert constraint.accepts(text), text
    for text in rejects:
        assert not constraint.accepts(text), text


@pytest.mark.parametrize(
    ("schema", "options", "named"),
    [
        ({"type": "string", "minLength": 5}, {"max_string_length": 4}, ["max_string_length"]),
        ({"type": "array", "minItems": 2}, {"max_array_length": 1}, ["max_array_length"]),
        (
            {"type": "number", "minimum": 10},
            {"max_integer_digits": 1, "max_exponent_digits": 0, "number_spelling": "all"},
            ["max_integer_digits", "max_exponent_digits"],
        ),
        (
            {"type": "object", "properties": {"a": {}}, "minProperties": 2},
            {"additional_properties_default": False, "max_string_length": 9},
            ["additional_properties_default"],
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string", "pattern": "^x{9}"}},
                "required": ["a"],
            },
            {"max_string_length": 3, "max_array_length": 3},
            ["max_string_length"],
        ),
    ],
)
def test_options_that_leave_nothing_are_named(
    schema: dict[str, Any], options: dict[str, Any], named: list[str]
) -> None:
    assert sg.json_schema(schema).sample(1)
    with pytest.raises(sg.EmptyLanguageError) as caught:
        sg.json_schema(schema, **options)
    assert set(caught.value.pointers) == set(named)
    assert all(name in caught.value.message for name in named)


def test_an_impossible_schema_is_not_blamed_on_options() -> None:
    with pytest.raises(sg.EmptyLanguageError) as caught:
        sg.json_schema({"allOf": [{"type": "null"}, {"type": "string"}]}, max_string_length=3)
    assert "max_string_length" not in caught.value.message


# -- duplicate keys ---------------------------------------------------------------------------

OPEN: list[dict[str, Any]] = [
    {"type": "object"},
    {"properties": {"a": {}, "b": {}}, "minProperties": 3},
    {"patternProperties": {"^a": {}}, "required": ["ab"], "minProperties": 2},
    {"propertyNames": {"maxLength": 1}, "minProperties": 2},
    {"allOf": [{"properties": {"a": {}}}, {"required": ["b", "a"]}]},
    {"anyOf": [{"required": ["a"]}, {"properties": {"b": {}}}], "minProperties": 2},
]
COMBINATIONS = [
    dict(zip(("property_order", "whitespace", "escapes", "max_string_length"), one, strict=True))
    for one in itertools.product(
        ("schema", "any"), ("compact", "flexible", "any", 2), ("all", "minimal"), (None, 1)
    )
]


@pytest.mark.parametrize("schema", OPEN)
def test_keys_are_never_written_twice(schema: dict[str, Any]) -> None:
    for options in COMBINATIONS:
        constraint = sg.json_schema(schema, **options)
        for seed in range(4):
            text = constraint.sample(seed, max_bytes=40)

            def distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
                assert len({key for key, _ in members}) == len(members), text  # noqa: B023
                return dict(members)

            json.loads(text, object_pairs_hook=distinct)


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("whitespace", ["compact", "flexible", "any"])
@pytest.mark.parametrize(
    "schema", [{}, {"properties": {"a": {}}}, {"patternProperties": {"a": {}}}, {"required": ["a"]}]
)
def test_spellings_of_one_key_are_one_key(
    schema: dict[str, Any], whitespace: Any, order: Any
) -> None:
    constraint = sg.json_schema(schema, whitespace=whitespace, property_order=order, escapes="all")
    spellings = ['"a"', r'"\u0061"']
    for first, second in itertools.product(spellings, repeat=2):
        assert constraint.accepts(f"{{{first}:1}}")
        assert not constraint.accepts(f"{{{first}:1,{second}:2}}")
    emoji = ['"\U0001f600"', r'"\ud83d\ude00"', r'"\uD83D\uDE00"']
    for first, second in itertools.product(emoji, repeat=2):
        assert not constraint.accepts(f'{{"a":0,{first}:1,{second}:2}}')
    assert constraint.accepts(r'{"a":0,"\ud83d\ude00":1}')


# -- wrong options ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"draft": "draft3"},
        {"property_order": "alphabetical"},
        {"whitespace": "some"},
        {"whitespace": -1},
        {"whitespace": 101},
        {"whitespace": True},
        {"whitespace": (", ",)},
        {"whitespace": (";", ":")},
        {"whitespace": (",", "::")},
        {"whitespace": (",\v", ":")},
        {"whitespace": {"kind": "indent"}},
        {"whitespace": {"kind": "any", "max": -1}},
        {"whitespace": {"kind": "any", "max": 10_001}},
        {"whitespace": {"kind": "flexible", "width": 1}},
        {"whitespace": {"max": 1}},
        {"escapes": "none"},
        {"number_spelling": "roman"},
        {"format_assertion": "false"},
        {"additional_properties_default": 0},
        {"max_string_length": -1},
        {"max_string_length": 2.0},
        {"max_string_length": True},
        {"max_array_length": 2**31},
        {"max_integer_digits": 0},
        {"max_fraction_digits": -1},
        {"max_exponent_digits": "1"},
    ],
)
def test_wrong_values(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(sg.ConstraintError, match=name):
        sg.json_schema({}, **options)


def test_unknown_options() -> None:
    with pytest.raises(TypeError, match="max_words"):
        sg.json_schema({}, max_words=3)  # type: ignore[call-arg]
