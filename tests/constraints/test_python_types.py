"""Python types as schemas, as constraints, and texts back as values."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import typing
import uuid
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
)

import annotated_types
import jsonschema
import pydantic
import pytest

from structgen.constraints import (
    from_signature,
    from_type,
    parse,
    plain_types,
    python_types,
    schema_of_signature,
    schema_of_type,
)
from structgen.errors import ConstraintError, MissingExtraError, UnsupportedFeatureError


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    x: int
    y: int = 0
    label: str | None = None


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list["Tree"])


@dataclass
class Hidden:
    shown: int
    computed: int = field(init=False, default=3)


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Partial(TypedDict, total=False):
    a: typing.Required[int]
    b: int


class Pair(NamedTuple):
    first: int
    second: str


UserId = NewType("UserId", int)


class Address(pydantic.BaseModel):
    street: str
    number: int = pydantic.Field(ge=1, le=999)


class Person(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=1, max_length=20)]
    address: Address | None = None
    tags: list[str] = []
    friends: list[Person] = []


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int


# type, JSON text, the value that it stands for
GOOD: list[tuple[Any, str, object]] = [
    (int, "12", 12),
    (int, "-3", -3),
    (float, "1.5", 1.5),
    (float, "2", 2.0),
    (bool, "true", True),
    (str, '"aé"', "aé"),
    (None, "null", None),
    (typing.Optional[int], "null", None),  # noqa: UP045
    (int | None, "3", 3),
    (typing.Union[int, str], '"a"', "a"),  # noqa: UP007
    (Literal["a", 1, True, None], '"a"', "a"),
    (Literal["a", 1, None], "1", 1),
    (Literal["a", 1, None], "null", None),
    (Color, '"red"', Color.RED),
    (Level, "2", Level.HIGH),
    (list[int], "[1, 2]", [1, 2]),
    (list, '[1, "a"]', [1, "a"]),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (tuple[int, ...], "[1, 2, 3]", (1, 2, 3)),
    (tuple[()], "[]", ()),
    (dict[str, int], '{"a": 1}', {"a": 1}),
    (dict[str, list[Color]], '{"a": ["red"]}', {"a": [Color.RED]}),
    (set[int], "[1, 2]", {1, 2}),
    (frozenset[str], '["a"]', frozenset({"a"})),
    (datetime.date, '"2024-02-29"', datetime.date(2024, 2, 29)),
    (
        datetime.datetime,
        '"2024-02-29T12:00:00Z"',
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
    ),
    (datetime.time, '"12:30:00Z"', datetime.time(12, 30, tzinfo=datetime.UTC)),
    (datetime.timedelta, '"P1DT2H"', datetime.timedelta(days=1, hours=2)),
    (
        uuid.UUID,
        '"12345678-1234-5678-1234-567812345678"',
        uuid.UUID("12345678-1234-5678-1234-567812345678"),
    ),
    (decimal.Decimal, '"1.10"', decimal.Decimal("1.10")),
    (UserId, "7", 7),
    (Annotated[int, annotated_types.Ge(3)], "3", 3),
    (Annotated[str, annotated_types.MinLen(2)], '"ab"', "ab"),
    (Point, '{"x": 1}', Point(1)),
    (Point, '{"x": 1, "y": 2, "label": "p"}', Point(1, 2, "p")),
    (Tree, '{"value": 1, "children": [{"value": 2}]}', Tree(1, [Tree(2)])),
    (Movie, '{"title": "Alien"}', {"title": "Alien"}),
    (Movie, '{"title": "Alien", "year": 1979}', {"title": "Alien", "year": 1979}),
    (Partial, '{"a": 1}', {"a": 1}),
    (Pair, '[1, "a"]', Pair(1, "a")),
    (list[Point], '[{"x": 1}]', [Point(1)]),
]
BAD: list[tuple[Any, str]] = [
    (int, "1.5"),
    (int, '"1"'),
    (int, "true"),
    (float, '"1"'),
    (bool, "1"),
    (str, "1"),
    (None, "0"),
    (int | None, '"a"'),
    (Literal["a", 1], "true"),
    (Literal["a", 1], "2"),
    (Color, '"blue"'),
    (Level, "3"),
    (list[int], '["a"]'),
    (list[int], "{}"),
    (tuple[int, str], "[1]"),
    (tuple[int, str], '[1, "a", 2]'),
    (tuple[()], "[1]"),
    (dict[str, int], '{"a": "b"}'),
    (datetime.date, '"2023-02-29"'),
    (uuid.UUID, '"1234"'),
    (datetime.date, '"0000-01-01"'),
    (datetime.datetime, '"0000-01-01T00:00:00Z"'),
    (datetime.timedelta, '"P1M"'),
    (datetime.timedelta, '"P10000000D"'),
    (decimal.Decimal, '"1e5"'),
    (decimal.Decimal, '"NaN"'),
    (Annotated[int, annotated_types.Ge(3)], "2"),
    (Annotated[int, annotated_types.Lt(3)], "3"),
    (Annotated[str, annotated_types.MinLen(2)], '"a"'),
    (Annotated[list[int], annotated_types.MaxLen(1)], "[1, 2]"),
    (Point, "{}"),
    (Point, '{"x": 1, "z": 2}'),
    (Tree, '{"value": 1, "children": [{}]}'),
    (Movie, '{"year": 1979}'),
    (Partial, '{"b": 1}'),
    (Pair, "[1]"),
]


@pytest.fixture(params=["pydantic", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways: through pydantic, and with the standard library alone."""
    if request.param == "plain":
        monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    return request.param


def valid(schema: dict[str, object], text: str) -> bool:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
    return validator.is_valid(json.loads(text))


@pytest.mark.parametrize(("tp", "text", "value"), GOOD)
def test_values(way: str, tp: Any, text: str, value: object) -> None:
    assert valid(schema_of_type(tp), text)
    found = parse(tp, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("tp", "text"), BAD)
def test_what_is_no_value_is_not_valid(way: str, tp: Any, text: str) -> None:
    assert not valid(schema_of_type(tp), text)


@pytest.mark.parametrize(("tp", "text", "value"), GOOD)
def test_constraints_accept_values(tp: Any, text: str, value: object) -> None:
    constraint = from_type(tp)
    assert constraint.accepts(text)
    for seed in range(5):
        sample = constraint.sample(seed, max_bytes=60)
        parse(tp, sample)


@pytest.mark.parametrize(("tp", "text"), BAD)
def test_constraints_refuse_the_rest(tp: Any, text: str) -> None:
    assert not from_type(tp).accepts(text)


def test_both_ways_say_the_same() -> None:
    for tp, text, _ in GOOD:
        assert valid(plain_types.plain_type(tp).schema, text)
    for tp, text in BAD:
        assert not valid(plain_types.plain_type(tp).schema, text)


def test_pydantic_models() -> None:
    schema = schema_of_type(Person)
    assert schema_of_type(Address)["additionalProperties"] is False
    text = '{"name": "Ada", "address": {"street": "Main", "number": 7}, "friends": [{"name": "B"}]}'
    person = parse(Person, text)
    assert isinstance(person, Person)
    assert person.address == Address(street="Main", number=7)
    assert person.friends == [Person(name="B")]
    for wrong in (
        "{}",
        '{"name": ""}',
        '{"name": "Ada", "age": 3}',
        '{"name": "Ada", "address": {"street": "Main", "number": 0}}',
    ):
        assert not valid(schema, wrong)
    assert valid(schema_of_type(Open), '{"a": 1, "b": 2}')
    with pytest.raises(ValueError, match="name"):
        parse(Person, "{}")


def test_pydantic_model_constraint() -> None:
    constraint = from_type(Person, whitespace="compact")
    assert constraint.accepts('{"name":"Ada","tags":["x"]}')
    assert not constraint.accepts('{"name":""}')
    for seed in range(10):
        sample = constraint.sample(seed, max_bytes=80)
        assert isinstance(parse(Person, sample), Person)


def test_a_model_needs_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    for call in (lambda: schema_of_type(Person), lambda: parse(Person, "{}")):
        with pytest.raises(MissingExtraError, match="pydantic") as caught:
            call()
        assert caught.value.extra == "pydantic"


def book(
    title: str,
    pages: Annotated[int, annotated_types.Gt(0)],
    *,
    color: Color = Color.RED,
    schema: list[str] | None = None,
    free=None,  # pyright: ignore[reportMissingParameterType]
) -> None:
    """Parameters whose names would trouble a model class."""


def test_signatures(way: str) -> None:
    schema = schema_of_signature(book)
    assert list(typing.cast("dict[str, object]", schema["properties"])) == [
        "title", "pages", "color", "schema", "free",
    ]  # fmt: skip
    assert schema["required"] == ["title", "pages"]
    assert valid(schema, '{"title": "Emma", "pages": 400}')
    assert valid(schema, '{"title": "Emma", "pages": 4, "free": [1, {}], "schema": ["a"]}')
    assert not valid(schema, '{"title": "Emma", "pages": 0}')
    assert not valid(schema, '{"title": "Emma", "pages": 1, "color": "blue"}')
    assert not valid(schema, '{"title": "Emma", "pages": 1, "other": 1}')
    arguments = parse(book, '{"title": "Emma", "pages": 400, "color": "green"}')
    assert arguments == {"title": "Emma", "pages": 400, "color": Color.GREEN}


def test_signature_constraint() -> None:
    constraint = from_signature(book)
    assert constraint.accepts('{"title": "Emma", "pages": 400}')
    assert not constraint.accepts('{"title": "Emma", "pages": 0}')


def test_signatures_that_no_object_can_name() -> None:
    def rest(*args: int) -> None: ...
    def more(**kwargs: int) -> None: ...
    def bare(a: int, /) -> None: ...

    for fn in (rest, more, bare):
        with pytest.raises(UnsupportedFeatureError, match=f"of `{fn.__name__}`"):
            schema_of_signature(fn)


def test_fields_without_init_are_no_input() -> None:
    schema = plain_types.plain_type(Hidden).schema
    assert valid(schema, '{"shown": 1}')
    assert not valid(schema, '{"shown": 1, "computed": 2}')
    assert plain_types.plain_value(Hidden, '{"shown": 1}') == Hidden(1)


def test_types_without_a_json_form(way: str) -> None:
    with pytest.raises((ConstraintError, MissingExtraError)):
        schema_of_type(object())
    with pytest.raises((ConstraintError, MissingExtraError)):
        schema_of_type(type(lambda: 0))


def test_a_set_of_several_elements_needs_different_ones(way: str) -> None:
    schema = schema_of_type(Annotated[set[int], annotated_types.MinLen(2)])
    assert valid(schema, "[1, 2]")
    assert not valid(schema, "[1, 1]")
    assert valid(schema_of_type(set[int]), "[1, 1]")


def test_plain_dicts_need_string_keys() -> None:
    with pytest.raises(ConstraintError, match="keys of a JSON object are strings"):
        plain_types.plain_type(dict[list[int], str])


def test_plain_values_refuse_what_is_no_json() -> None:
    for tp, text in BAD:
        if typing.get_origin(tp) is Annotated or tp in (decimal.Decimal, datetime.timedelta):
            continue  # bounds and spellings are the schema's business
        with pytest.raises(ValueError):  # noqa: PT011
            plain_types.plain_value(tp, text)
    with pytest.raises(ValueError, match="Expecting"):
        plain_types.plain_value(int, "x")
