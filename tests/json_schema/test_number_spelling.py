"""The spelling of numbers: what is taken under ``"plain"``, by an oracle and by `jsonschema`.

The oracle of spellings is a pair of regular expressions (`fuzzing.texts`), that of values the
repaired `jsonschema` over exact decimals.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import structgen as sg
from structgen.cli.constraint_options import ConstraintOptions
from structgen.constraints.python_types import schema_of_type
from structgen.generate.output import resolve_output
from structgen.tools import Tool
from structgen.tools.formats.protocol import arguments_of
from tests.json_schema.fuzzing import texts
from tests.json_schema.fuzzing.judge import Judge
from tests.json_schema.fuzzing.vocabulary import allowed

BYTES = sg.Vocabulary.from_bytes([bytes([b]) for b in range(128)], eos_token_ids=[3])
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
# Where nothing but whole numbers may stand.
WHOLE: list[dict[str, Any]] = [
    INTEGER,
    {"type": "integer", "minimum": 0, "maximum": 999},
    {"type": "integer", "exclusiveMinimum": -3.5, "maximum": 12.0},
    {"type": "number", "multipleOf": 5},
    {"type": "integer", "multipleOf": 0.5},
    {"type": "number", "multipleOf": 1000},
    {"enum": [1, 2, 31, -4]},
    {"type": "integer", "enum": [1, 2.0, 30, -4]},
    {"type": "integer", "not": {"multipleOf": 2}},
    {"allOf": [INTEGER, {"minimum": 5}, {"not": {"const": 9}}]},
    {"oneOf": [INTEGER, {"type": "integer", "minimum": 10}]},
    {"anyOf": [{"const": 24}, {"type": "integer", "maximum": 2}]},
    {"type": "integer", "enum": [1.5, 2, 10]},
]
# Where other numbers may stand, too.
MIXED: list[dict[str, Any]] = [
    NUMBER,
    {"type": "number", "minimum": 0},
    {"type": "number", "exclusiveMinimum": -1.5, "exclusiveMaximum": 24.5},
    {"type": "number", "minimum": 1e-7, "maximum": 1e20},
    {"type": "number", "multipleOf": 0.01},
    {"enum": [24.5, 1, 1e-07, 6.02e23, -0.0]},
    {"const": 24.5},
    {"const": 2.0},
    {"enum": [1, 2.0, 30, -4]},
    {"type": "number", "not": INTEGER},
    {"type": "number", "not": {"const": 24.5}},
    {"oneOf": [INTEGER, {"type": "number", "minimum": 5}]},
    {"oneOf": [{"type": "number", "maximum": 10}, {"type": "number", "minimum": 10}]},
    {"anyOf": [INTEGER, {"type": "number", "exclusiveMinimum": 100}]},
    {"if": {"const": 1}, "then": NUMBER, "else": {"type": "number", "minimum": 2}},
]


def values(schema: Any, draft: str = "2020-12") -> Judge:
    exact = texts.loads(json.dumps(schema, default=float))
    return Judge(exact, draft, {}, formats=False)


def spellings(dice: random.Random) -> Iterator[str]:
    """Of numbers as models and programs write them, and as nobody does."""
    for _ in range(12):
        cents = dice.randint(-99_999, 99_999)
        yield f"{Decimal(cents) / 100:.2f}"
        yield f"{Decimal(dice.randint(0, 1000)) / 10:.1f}"
        yield str(dice.randint(-30, 1200))
        yield repr(dice.uniform(-50, 50))
        yield repr(dice.choice([1e-9, 1e-5, 1, 1e6, 1e11, 1e18, 1e25]) * dice.random())
        yield repr(float(dice.randint(-40, 40)))
        whole, places = dice.randint(1, 22), dice.randint(1, 25)
        digits = "".join(dice.choice("0123456789") for _ in range(whole + places))
        yield f"{digits[:whole].lstrip('0') or '0'}.{digits[whole:]}"
        yield digits.lstrip("0") or "0"
        mantissa = dice.choice(["1", "2.50", "10", "0.1", "6.02", "9" * 3])
        yield f"{mantissa}{dice.choice('eE')}{dice.choice(['', '+', '-'])}{dice.randint(0, 400)}"
    yield from ["-0", "-0.0", "0.0", "0e0", "1e0", "1.0", "1e-07", "24.5", "24.50", "2450e-2"]
    yield from ["1E400", "1e0005", "00", "01.5", "1.", ".5", "+1", "1.5e", "-", "9" * 20, "9" * 21]


@pytest.mark.parametrize("schema", WHOLE + MIXED, ids=str)
def test_the_language_is_what_the_documents_say(schema: dict[str, Any]) -> None:
    dice = random.Random(str(schema))
    constraint, judge = sg.json_schema(schema), values(schema)
    every = sg.json_schema(schema, number_spelling="all")
    for _ in range(4):
        for text in spellings(dice):
            try:
                value = texts.loads(text)
            except ValueError:
                assert not any(each.accepts(text) for each in (constraint, every)), text
                continue
            whole = not set(".eE") & set(text)
            spelled = texts.is_plain(text) if schema in WHOLE else texts.is_float(text)
            spelled = spelled and (whole or schema in MIXED)
            right = judge.valid(value)
            assert constraint.accepts(text) == (spelled and right), text
            assert right or not every.accepts(text), text
            assert every.accepts(text) or not constraint.accepts(text), text


@pytest.mark.parametrize("schema", WHOLE + MIXED, ids=str)
def test_what_is_valid_may_end_and_what_is_begun_can(schema: dict[str, Any]) -> None:
    """No digit is forced after a value, and no beginning is a dead end."""
    automaton = sg.json_schema(schema).compile(BYTES)
    judge = values(schema)
    dice = random.Random(str(schema))
    for _ in range(25):
        matcher, text = automaton.matcher(), ""
        for _ in range(24):
            tokens = [token for token in allowed(matcher) if token != 3]
            if text and texts.is_float(text):
                valid = judge.valid(texts.loads(text))
                unspelled = schema in WHOLE and (text == "-0" or bool(set(".eE") & set(text)))
                assert matcher.is_accepting() == (valid and not unspelled), text
            if not tokens:
                assert matcher.is_accepting(), text
                break
            token = dice.choice(tokens)
            assert matcher.advance(token)
            text += chr(token)


def test_every_float_is_written_as_programs_write_it() -> None:
    constraint, dice = sg.json_schema(NUMBER), random.Random(5)
    for _ in range(2000):
        value = dice.choice([1e-6, 1e-3, 1.0, 1e3, 1e8, 1e11]) * dice.uniform(-1, 1)
        assert constraint.accepts(json.dumps(value)), value
        assert constraint.accepts(f"{value:.2f}"), value
    for exponent in range(-300, 300, 7):
        value = dice.uniform(1, 9.9) * 10.0**exponent
        if not 1e12 < value < 1e16:
            assert constraint.accepts(json.dumps(value)), value


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        # What the schema names is within reach.
        ('{"type": "integer", "minimum": 1e30}', ["1" + "0" * 30, "9" * 32], ["9" * 33, "1e30"]),
        ('{"type": "integer", "maximum": -1e30}', ["-1" + "0" * 30], ["-1e30"]),
        ('{"const": 1e300}', ["1e300", "1.0E+300"], ["1e299"]),
        ('{"type": "integer", "const": 1e40}', ["1" + "0" * 40], ["1e40"]),
        ('{"enum": [1e-300, 5]}', ["1e-300", "5"], ["1e-301"]),
        ('{"type": "number", "minimum": 1e300}', ["1e300", "2.5e307"], ["9e299", "1e308"]),
        ('{"exclusiveMinimum": 0, "maximum": 1e-300}', ["1e-300"], ["0", "1e-299"]),
        (
            '{"type": "number", "multipleOf": 0.25, "minimum": 1e40}',
            ["1" + "0" * 40],
            ["1e40", "2"],
        ),
        (
            '{"exclusiveMinimum": 0.5, "maximum": 0.50000000000000000001}',
            ["0.50000000000000000001"],
            ["0.5"],
        ),
        ('{"const": 123456789012345678901.5}', ["123456789012345678901.5"], ["1.5"]),
        # Equal numbers are equal however they are spelled.
        ('{"uniqueItems": true}', ["[1,2.0]", "[1.0,1.5]"], ["[1,1.0]", "[10,1e1]", "[0,-0.0]"]),
        (
            '{"items": {"type": "number"}, "uniqueItems": true, "minItems": 2}',
            ["[1.50,1]"],
            ["[1.50,1.5]", "[2,2.00]", "[1e-1,0.1]"],
        ),
        (
            '{"items": {"enum": [1.5, 2.5]}, "uniqueItems": true, "minItems": 2}',
            ["[1.50,2.5]"],
            ["[1.5,1.50]"],
        ),
        ('{"contains": {"const": 1}}', ["[1]", "[1.0]", "[2,1.00]"], ["[2]", "[1.5]"]),
        (
            '{"properties": {"k": {"type": "number"}}, "if": {"properties": {"k": {"const": 1}}},'
            ' "then": {"required": ["a"]}}',
            ['{"k":1.0,"a":0}', '{"k":1.5}'],
            ['{"k":1.0}', '{"k":1}', '{"k":1e0}'],
        ),
        (
            '{"anyOf": [{"properties": {"k": {"type": "integer"}}, "required": ["i"]},'
            ' {"properties": {"k": {"type": "string"}}}]}',
            ['{"k":1,"i":0}', '{"k":"x"}'],
            ['{"k":1.0,"i":0}', '{"k":1}'],
        ),
        ('{"not": {"type": "integer"}}', ["1.5", "null"], ["1", "1.0", "1e1", "0.0", "-0"]),
        ('{"not": {"type": "number"}}', ["null"], ["1", "1.5"]),
    ],
)
def test_constants_and_equality(schema: str, right: list[str], wrong: list[str]) -> None:
    constraint = sg.json_schema(schema, whitespace="compact")
    assert [text for text in right if not constraint.accepts(text)] == []
    assert [text for text in wrong if constraint.accepts(text)] == []


def test_draft_4_tells_integers_by_their_spelling() -> None:
    apart = {"type": "number", "not": INTEGER}
    assert sg.json_schema(apart, draft="draft4").accepts("1.0")
    assert not sg.json_schema(apart, draft="draft6").accepts("1.0")
    assert not sg.json_schema(INTEGER, draft="draft4").accepts("1.0")


def test_residual_parts_are_judged_by_value_and_spelled_plainly() -> None:
    branches = [{"properties": {f"k{i}": INTEGER}, "required": [f"k{i}"]} for i in range(12)]
    constraint = sg.json_schema({"type": "object", "oneOf": branches}, whitespace="compact")
    assert constraint.exactness == "superset"
    assert constraint.accepts('{"k0":1}')
    assert constraint.accepts('{"k0":1,"k1":1.5}')
    # `1.0` is an integer: two branches hold.
    assert not constraint.accepts('{"k0":1,"k1":1.0}')
    assert not constraint.accepts('{"k0":1.5}')


@dataclass
class Priced:
    n: float
    count: int = 1


@pytest.mark.parametrize(
    ("members", "taken"),
    [
        ('"n": 24.50', True),
        ('"n": 1.2e-05', True),
        ('"n": 1e400', False),
        ('"n": ' + "12" * 11, False),
        ('"n": 1, "count": 20', True),
        ('"n": 1, "count": 2e1', False),
        ('"n": 1, "count": 20.0', False),
    ],
)
def test_one_default_wherever_text_is_generated(members: str, taken: bool) -> None:
    text = "{" + members + "}"
    schema = schema_of_type(Priced)
    tool = Tool(name="t", description="", parameters=schema)
    constraints = [
        sg.json_schema(schema),
        sg.from_type(Priced),
        arguments_of(tool),
        ConstraintOptions(schema=json.dumps(schema)).build(),
        *(
            build(None)
            for build in [resolve_output(Priced).build, resolve_output(schema).build]
            if build
        ),
    ]
    automata = [each.compile(BYTES) for each in constraints if each is not None]
    automata.append(sg.ConstraintCache(BYTES).json_schema(schema))
    assert len(automata) == 7
    for automaton in automata:
        matcher = automaton.matcher()
        assert (all(map(matcher.advance, text.encode())) and matcher.is_accepting()) == taken


STEPS = ["86400", "604800", "65536", "1048576", "8192", "0.03125", "0.3048", "0.123456789"]
STEPS += ["1000000000", "999999937", "0.000000001", "7", "12.5", "123456.789", "3e-9", "7e5"]


@pytest.mark.parametrize("spelling", ["plain", "all"])
@pytest.mark.parametrize("step", STEPS)
def test_steps_of_many_digits_are_exact(step: str, spelling: Any) -> None:
    schema = f'{{"type": "number", "multipleOf": {step}}}'
    constraint = sg.json_schema(schema, number_spelling=spelling)
    assert constraint.exactness == "exact"
    dice, judged = random.Random(step), 0
    for _ in range(150):
        value = Decimal(step) * dice.randint(-2000, 2000)
        value += dice.choice([0, 0, 1, -1]) * Decimal(10) ** -dice.randint(0, 9)
        text = format(value, "f")
        if len(text.strip("-").replace(".", "")) > 15:
            continue
        exact = (Fraction(Decimal(text)) / Fraction(Decimal(step))).denominator == 1
        whole = Decimal(step) == int(Decimal(step))
        spelled = spelling == "all" or not whole or ("." not in text and text != "-0")
        assert constraint.accepts(text) == (exact and spelled), text
        judged += 1
    assert judged > 30


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        (
            '{"type": "integer", "multipleOf": 86400, "minimum": 1000000, "maximum": 1100000}',
            ["1036800"],
            ["1000000", "1123200"],
        ),
        (
            '{"type": "integer", "multipleOf": 999999937, "minimum": 1, "maximum": 1999999873}',
            ["999999937"],
            ["0", "1999999874"],
        ),
        (
            '{"allOf": [{"type": "integer", "multipleOf": 999999937, "minimum": 1},'
            ' {"multipleOf": 999999929}]}',
            [str(999999937 * 999999929)],
            ["999999937", "0"],
        ),
        (
            '{"oneOf": [{"type": "integer", "multipleOf": 86400},'
            ' {"type": "integer", "multipleOf": 65536}]}',
            ["86400", "65536"],
            ["0", "1", "44236800"],
        ),
        ('{"type": "number", "not": {"multipleOf": 0.3048}}', ["1", "0.3047"], ["0.3048", "0"]),
        ('{"type": "number", "multipleOf": 0.3048, "minimum": 1, "maximum": 3}', ["1.2192"], ["3"]),
    ],
)
def test_steps_beside_other_keywords(schema: str, right: list[str], wrong: list[str]) -> None:
    constraint = sg.json_schema(schema)
    assert [text for text in right if not constraint.accepts(text)] == []
    assert [text for text in wrong if constraint.accepts(text)] == []
    automaton, judge = constraint.compile(BYTES), values(json.loads(schema, parse_float=Decimal))
    dice = random.Random(schema)
    for _ in range(3):
        matcher, text = automaton.matcher(), ""
        while tokens := [token for token in allowed(matcher) if token != 3]:
            if matcher.is_accepting() and dice.random() < 0.4:
                break
            token = dice.choice(tokens)
            assert matcher.advance(token)
            text += chr(token)
        # No dead end on the way.
        assert matcher.is_accepting(), text
        assert judge.valid(texts.loads(text)), text
