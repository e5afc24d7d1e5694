"""Random bounds of types: random texts of the constraint parse, and values within the bounds are in
it, as pydantic judges."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import annotated_types
import pydantic
import pytest
from pydantic import Field

from structgen.constraints import from_type, parse
from structgen.errors import EmptyLanguageError, InexactTypeWarning

D = Decimal
KINDS = int(os.environ.get("STRUCTGEN_TYPE_SEEDS", "12")) * 2


def decimal(draw: random.Random) -> D:
    digits = draw.randrange(0, 6)
    return D(draw.randrange(-(10**6), 10**6)) / D(10**digits)


def moment(draw: random.Random, zone: dt.tzinfo | None = None) -> dt.datetime:
    return dt.datetime(
        draw.choice([1, 2, 1970, 2024, 9998, 9999]),
        draw.randrange(1, 13),
        draw.randrange(1, 29),
        draw.randrange(24),
        draw.randrange(60),
        draw.randrange(60),
        draw.choice([0, 1, 500_000, 999_999, draw.randrange(10**6)]),
        tzinfo=zone,
    )


def span(draw: random.Random) -> dt.timedelta:
    unit = draw.choice([1, 60, 3600, 86_400, 10**6, 10**8, 1e-6, 1e-3])
    return dt.timedelta(seconds=unit * draw.randrange(-100, 100))


def real(draw: random.Random) -> float:
    return draw.choice([0, 1, -1, 0.1, 1e-5, draw.uniform(-1, 1), 1e300, draw.uniform(-1e6, 1e6)])


@dataclass(frozen=True)
class Kind:
    """A type with bounds, how to draw a value, and the values next to one."""

    tp: Any
    value: Callable[[random.Random], Any]
    steps: tuple[Any, ...]
    complete: bool = True
    """Whether all values that are written without an exponent or offset are in the constraint."""


UTC = dt.UTC
SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)
KIND_OF = {
    "decimal": Kind(D, decimal, (D(0), D("0.01"), D("-0.01"), D(1), D("0.25"))),
    "date": Kind(dt.date, lambda draw: moment(draw).date(), (0 * DAY, DAY, -DAY)),
    "datetime": Kind(dt.datetime, moment, (0 * SECOND, SECOND, SECOND / 10**6, -SECOND)),
    "datetime in UTC": Kind(
        pydantic.AwareDatetime,
        lambda draw: moment(draw, UTC),
        (0 * SECOND, SECOND / 10**6, -SECOND),
    ),
    "naive datetime": Kind(pydantic.NaiveDatetime, moment, (0 * SECOND, SECOND, -SECOND)),
    "time": Kind(dt.time, lambda draw: moment(draw).time(), ()),
    "time in UTC": Kind(dt.time, lambda draw: moment(draw, UTC).timetz(), ()),
    "timedelta": Kind(dt.timedelta, span, (0 * SECOND, SECOND, SECOND / 10**6, -SECOND)),
    "float": Kind(float, real, (), complete=False),
}


def random_bounds(draw: random.Random, kind: Kind) -> dict[str, Any]:
    low, high = sorted((kind.value(draw), kind.value(draw)))
    bounds: dict[str, Any] = {}
    if draw.random() < 0.6:
        bounds[draw.choice(["ge", "gt"])] = low
    if draw.random() < 0.6:
        bounds[draw.choice(["le", "lt"])] = high
    if kind.tp is D:
        for name, choices in (
            ("max_digits", range(1, 8)),
            ("decimal_places", range(5)),
            ("multiple_of", [D("0.01"), D("0.05"), D("0.25"), D(5), D("2.5"), D(100), D("0.125")]),
        ):
            if draw.random() < 0.3:
                bounds[name] = draw.choice(choices)
    return bounds


@pytest.mark.parametrize("name", KIND_OF)
def test_random_bounds(name: str) -> None:
    kind = KIND_OF[name]
    within = 0
    for seed in range(KINDS):
        draw = random.Random(f"{name} {seed}")
        bounds = random_bounds(draw, kind)
        tp: Any = Annotated[kind.tp, Field(**bounds)]
        adapter = pydantic.TypeAdapter[Any](tp)
        constraint: Any = None
        with contextlib.suppress(EmptyLanguageError):
            constraint = from_type(tp)
        for number in range(20 if constraint else 0):
            parse(tp, constraint.sample(number, max_bytes=60))
        ends = [bounds[end] for end in ("ge", "gt", "le", "lt") if end in bounds]
        for _ in range(20 if kind.complete else 0):
            text = written(draw, kind, ends, adapter)
            if text is not None:
                within += 1
                assert constraint is not None, (bounds, text)
                assert constraint.accepts(text), (bounds, text)
    assert within > KINDS or not kind.complete


def written(
    draw: random.Random, kind: Kind, ends: list[Any], adapter: pydantic.TypeAdapter[Any]
) -> str | None:
    """A value, often at or beside a bound, as pydantic writes it, if it is within the bounds."""
    value = draw.choice([*ends, kind.value(draw)])
    try:
        if kind.steps:
            value += draw.choice(kind.steps)
        if kind.tp is D:
            value = value.normalize()  # zeros at the end count as places and digits here
        text = adapter.dump_json(value).decode()
        adapter.validate_json(text)
    except (OverflowError, pydantic.ValidationError):
        return None
    return None if "E" in text and kind.tp is D else text


KEYS: list[tuple[Any, Callable[[random.Random], Any]]] = [
    (int, lambda draw: draw.randrange(-1000, 1000)),
    (float, lambda draw: round(draw.uniform(-10, 10), 3)),
    (D, decimal),
    (dt.date, lambda draw: moment(draw).date()),
]


@pytest.mark.parametrize(("tp", "value"), KEYS)
def test_random_bounds_of_keys(tp: Any, value: Callable[[random.Random], Any]) -> None:
    for seed in range(KINDS):
        draw = random.Random(seed)
        low, high = sorted((value(draw), value(draw)))
        keyed = dict[Annotated[tp, Field(ge=low, le=high)], int]
        constraint = from_type(keyed)
        for number in range(10):
            parse(keyed, constraint.sample(number, max_bytes=60))
        text = pydantic.TypeAdapter(keyed).dump_json({low: 1, high: 2}).decode()
        assert constraint.accepts(text) or "e" in text.lower(), text


def test_multiples_that_the_last_digits_do_not_tell_are_told_of() -> None:
    for step in (D(3), D("0.3"), D("0.0625")):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            from_type(Annotated[D, annotated_types.MultipleOf(step)])
        assert [warning.category for warning in caught] == [InexactTypeWarning]
