"""Patterns of dates, times and durations, against Python's own comparisons."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import re
from typing import Any

import pydantic
import pytest

from structgen.constraints.types.moments import (
    Bounds,
    Zone,
    date_pattern,
    datetime_pattern,
    duration_pattern,
    offset_pattern,
    time_pattern,
)
from structgen.errors import ConstraintError

OPEN = list(itertools.product([False, True], repeat=2))


def within(bounds: Bounds[Any], value: Any) -> bool:
    return (
        bounds.low is None or value > bounds.low or (value == bounds.low and not bounds.low_open)
    ) and (
        bounds.high is None
        or value < bounds.high
        or (value == bounds.high and not bounds.high_open)
    )


@pytest.mark.parametrize(("low_open", "high_open"), OPEN)
def test_dates(low_open: bool, high_open: bool) -> None:
    ends = [dt.date(1999, 12, 31), dt.date(2000, 2, 29), dt.date(2000, 3, 1), dt.date(2001, 1, 1)]
    days = [dt.date(1999, 11, 1) + dt.timedelta(days=n) for n in range(500)]
    for low, high in itertools.product([*ends, None], repeat=2):
        bounds = Bounds(low=low, high=high, low_open=low_open, high_open=high_open)
        pattern = re.compile(date_pattern(bounds))
        for day in days:
            assert (pattern.match(day.isoformat()) is not None) == within(bounds, day)
        for wrong in ("2000-02-30", "1999-02-29", "0000-01-01", "2000-1-1", "20000-01-01"):
            assert not pattern.match(wrong)


TIMES = [
    dt.time(),
    dt.time(0, 0, 0, 1),
    dt.time(9, 59, 59),
    dt.time(12, 30, 0, 120_000),
    dt.time(12, 30, 0, 120_001),
    dt.time(23, 59, 59, 999_999),
]


def spelled(value: dt.time | dt.datetime) -> list[str]:
    """With as few digits of a second as can be, and with more."""
    exact = value.isoformat(timespec="microseconds")
    texts = {exact}
    head, _, tail = exact.partition(".")
    digits, rest = tail[:6], tail[6:]
    while digits.endswith("0"):
        digits = digits[:-1]
        texts.add(f"{head}.{digits}{rest}" if digits else f"{head}{rest}")
    return [*texts]


@pytest.mark.parametrize(("low_open", "high_open"), OPEN)
def test_times(low_open: bool, high_open: bool) -> None:
    for low, high in itertools.product([*TIMES, None], repeat=2):
        bounds = Bounds(low=low, high=high, low_open=low_open, high_open=high_open)
        pattern = re.compile(time_pattern(bounds))
        for value in [*TIMES, dt.time(12), dt.time(12, 30), dt.time(9, 59, 59, 100)]:
            for text in spelled(value):
                assert (pattern.match(text) is not None) == within(bounds, value), (bounds, text)


def test_offsets_of_times() -> None:
    for zone, good, bad in (
        ("any", ["12:00:00", "12:00:00Z", "12:00:00.5+01:30"], ["12:00", "24:00:00", "12:00:60"]),
        ("naive", ["12:00:00"], ["12:00:00Z"]),
        ("aware", ["12:00:00Z"], ["12:00:00", "12:00:00z"]),
    ):
        pattern = re.compile(time_pattern(Bounds(), zone))  # pyright: ignore[reportArgumentType]
        assert all(pattern.match(text) for text in good)
        assert not any(pattern.match(text) for text in bad)
    east = dt.timezone(dt.timedelta(hours=5, minutes=30))
    pattern = time_pattern(Bounds(low=dt.time(1, tzinfo=east), high=dt.time(2, tzinfo=east)))
    assert re.match(pattern, "01:30:00+05:30")
    assert not re.match(pattern, "00:30:00+05:30")
    assert not re.match(pattern, "01:30:00Z")
    with pytest.raises(ConstraintError, match="different offsets"):
        time_pattern(Bounds(low=dt.time(1, tzinfo=east), high=dt.time(2, tzinfo=dt.UTC)))


MOMENTS = [
    dt.datetime(1999, 12, 31, 23, 59, 59, 999_999),
    dt.datetime(2000, 1, 1),
    dt.datetime(2000, 1, 1, 0, 0, 1),
    dt.datetime(2000, 2, 29, 12, 0, 0, 500_000),
]


@pytest.mark.parametrize(("low_open", "high_open"), OPEN)
def test_datetimes_without_an_offset(low_open: bool, high_open: bool) -> None:
    for low, high in itertools.product([*MOMENTS, None], repeat=2):
        bounds = Bounds(low=low, high=high, low_open=low_open, high_open=high_open)
        pattern = re.compile(datetime_pattern(bounds))
        for value in [*MOMENTS, dt.datetime(2000, 1, 2, 3, 4, 5), dt.datetime(2024, 1, 1)]:
            for text in spelled(value):
                assert (pattern.match(text) is not None) == within(bounds, value), (bounds, text)


def test_datetimes_with_an_offset() -> None:
    draw = random.Random(3)
    low = dt.datetime(2000, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    high = dt.datetime(2000, 1, 10, tzinfo=dt.UTC)
    bounds = Bounds(low=low, high=high)
    pattern = re.compile(datetime_pattern(bounds))
    for _ in range(3000):
        zone = dt.timezone(dt.timedelta(minutes=draw.randrange(-1439, 1440)))
        moment = (low + dt.timedelta(minutes=draw.randrange(-3000, 16_000))).astimezone(zone)
        matched = pattern.match(moment.isoformat()) is not None
        assert within(bounds, moment) or not matched
        if low + dt.timedelta(days=2) < moment < high - dt.timedelta(days=2):
            assert matched
        utc = moment.astimezone(dt.UTC)
        for text in (utc.isoformat(), utc.isoformat().replace("+00:00", "Z")):
            assert (pattern.match(text) is not None) == within(bounds, moment)
    assert not pattern.match("2000-01-05T00:00:00")
    # Ends that no day lies within, and ends of the calendar.
    for narrow in (
        Bounds(low=low, high=low + dt.timedelta(hours=1)),
        Bounds(high=dt.datetime(1, 1, 1, 5, tzinfo=dt.UTC)),
        Bounds(low=dt.datetime(9999, 12, 31, 5, tzinfo=dt.UTC)),
    ):
        found = re.compile(datetime_pattern(narrow))
        end = narrow.low or narrow.high
        assert end is not None
        assert found.match(end.astimezone(dt.UTC).isoformat())


def test_zones_of_datetimes() -> None:
    naive, aware = dt.datetime(2000, 1, 1), dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    cases: list[tuple[Bounds[dt.datetime], Zone, str, str]] = [
        (Bounds(low=naive), "aware", "2000-01-01T00:00:00Z", "2000-01-01T00:00:00"),
        (Bounds(low=aware), "naive", "2000-01-01T00:00:00", "2000-01-01T00:00:00Z"),
        (Bounds(low=naive, high=aware), "any", "2000-01-01T00:00:00Z", "2000-01-01T00:00:00"),
    ]
    for bounds, zone, good, bad in cases:
        assert re.match(datetime_pattern(bounds, zone), good)
        assert not re.match(datetime_pattern(bounds, zone), bad)
    assert re.match(offset_pattern(Bounds(), -9000), "2000-01-01T00:00:00-02:30")
    assert not re.match(offset_pattern(Bounds(), -9000), "2000-01-01T00:00:00+02:30")
    assert re.match(offset_pattern(Bounds(), 0), "2000-01-01T00:00:00Z")


_SECONDS = (
    0,
    1,
    59,
    60,
    61,
    3600,
    86_399,
    86_400,
    90_061,
    0.5,
    1.25,
    59.999999,
    60.000001,
    93_784.5,
)
_POSITIVE = [
    *(dt.timedelta(seconds=n) for n in _SECONDS),
    *(dt.timedelta(days=n) for n in (7, 364, 365, 366, 400, 730)),
]
LENGTHS = [*_POSITIVE, *(-length for length in _POSITIVE)]
ADAPTER = pydantic.TypeAdapter(dt.timedelta)


@pytest.mark.parametrize(("low_open", "high_open"), OPEN)
def test_durations(low_open: bool, high_open: bool) -> None:
    others = ["PT90M", "P2W", "PT3600S", "P400D", "PT26H", "-PT90M", "-P2W", "P0D", "PT0S"]
    texts = [ADAPTER.dump_json(length).decode().strip('"') for length in LENGTHS]
    for low, high in itertools.product([*LENGTHS[::3], None], repeat=2):
        if low is None and high is None:
            continue
        bounds = Bounds(low=low, high=high, low_open=low_open, high_open=high_open)
        pattern = re.compile(duration_pattern(bounds))
        for text in texts + others:
            value = ADAPTER.validate_json(f'"{text}"')
            assert (pattern.match(text) is not None) == within(bounds, value), (bounds, text)
        for wrong in ("P", "PT", "P1DT", "-P", "PT1H1H", "P1M", "1D", "PT1.S", "P1.5D"):
            assert not pattern.match(wrong)


def test_durations_without_bounds() -> None:
    pattern = re.compile(duration_pattern(Bounds()))
    for length in LENGTHS:
        assert pattern.match(ADAPTER.dump_json(length).decode().strip('"'))
    for good in ("P1Y", "P1W", "P999999Y", "PT1H1S", "-P1DT0.5S"):
        assert pattern.match(good)
        ADAPTER.validate_json(f'"{good}"')
    for bad in ("P", "PT", "P1DT", "P1M", "P10000000D", "P1W1D", "PT1.5H", "PT0.1234567S"):
        assert not pattern.match(bad)
