"""Patterns of dates, times, datetimes and durations, with their bounds.

The spelling is that of ISO 8601 as Python and pydantic write it, in upper case, with seconds, and
with at most six digits of a second (Python's clocks have no more). Python's calendar begins with
year 1, and its clocks know no leap seconds.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from structgen.constraints.types.digits import either, fixed_above, fixed_below, meet, whole
from structgen.errors import ConstraintError

B = TypeVar("B")
Zone = Literal["any", "naive", "aware"]

_FRACTION = r"(?:\.[0-9]{1,6})?"
_OFFSET = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_UTC = r"(?:Z|[+-]00:00)"
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_ZONES: dict[Zone, str] = {"any": f"{_OFFSET}?", "naive": "", "aware": _OFFSET}
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds(Generic[B]):
    """The ends of a range; an open end is itself left out."""

    low: B | None = None
    high: B | None = None
    low_open: bool = False
    high_open: bool = False

    def __bool__(self) -> bool:
        return self.low is not None or self.high is not None


def _calendar() -> str:
    year = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
    leap = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
    days = (
        "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
        "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    )
    return f"(?:{year}-{days}|{leap}-02-29)"


def date_pattern(bounds: Bounds[datetime.date]) -> str:
    """Dates of `bounds`."""
    conditions: list[str] = []
    if bounds.low is not None:
        conditions.append(fixed_above(bounds.low.isoformat(), inclusive=not bounds.low_open))
    if bounds.high is not None:
        conditions.append(fixed_below(bounds.high.isoformat(), inclusive=not bounds.high_open))
    return meet(*conditions, _calendar())


def time_pattern(bounds: Bounds[datetime.time], zone: Zone = "any") -> str:
    """Times of day. Under bounds, they are without an offset if the bounds are, and else have
    that of the bounds.

    Raises:
        ConstraintError: the bounds have different offsets, which may lie on different days.
    """
    if not bounds:
        return meet(_CLOCK + _FRACTION + _ZONES[zone])
    offsets = {end.utcoffset() for end in (bounds.low, bounds.high) if end and end.tzinfo}
    if len(offsets) > 1:
        raise ConstraintError(
            f"the times {bounds.low} and {bounds.high} bound a time, and have different offsets"
        )
    offset = _offset_text(offsets.pop() if offsets else _offset_without_bound(zone))
    ends = (f"(?:{end}){offset}" for end in _conditions(bounds))
    return meet(*ends, _CLOCK + _FRACTION + offset)


def datetime_pattern(bounds: Bounds[datetime.datetime], zone: Zone = "any") -> str:
    """Datetimes. Under bounds, they are without an offset if the bounds are; with one, they are
    in UTC, or a day or more within the bounds."""
    local = f"{_calendar()}T{_CLOCK}{_FRACTION}"
    if not bounds:
        return meet(local + _ZONES[zone])
    aware = any(end is not None and end.tzinfo for end in (bounds.low, bounds.high))
    # Without an offset beside bounds with one, and the other way round, readers differ: some
    # raise, some take local time for UTC. In UTC, all who answer agree.
    if zone == "naive" or (zone == "any" and not aware):
        return meet(*_conditions(bounds), local)
    exact = "".join(f"(?=(?:{end}){_UTC}$)" for end in _conditions(bounds)) + local + _UTC
    inner = _inner(bounds) if aware else None
    if inner is None:
        return meet(exact)
    loose = "".join(f"(?=(?:{end}){_OFFSET}$)" for end in _conditions(inner)) + local + _OFFSET
    return meet(either([exact, loose]))


def offset_pattern(bounds: Bounds[datetime.datetime], seconds: int) -> str:
    """Datetimes with one offset, given in seconds east of Greenwich."""
    offset = _offset_text(datetime.timedelta(seconds=seconds))
    return f"^(?=.*{offset}$){datetime_pattern(bounds, 'aware')[1:]}"


def _offset_without_bound(zone: Zone) -> datetime.timedelta | None:
    return datetime.timedelta(0) if zone == "aware" else None


def _offset_text(offset: datetime.timedelta | None) -> str:
    """The pattern of an offset; of none, the empty one."""
    if offset is None:
        return ""
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return _UTC
    hours, rest = divmod(abs(minutes), 60)
    return f"[{'-' if minutes < 0 else '+'}]{hours:02}:{rest:02}"


def _inner(bounds: Bounds[datetime.datetime]) -> Bounds[datetime.datetime] | None:
    """Bounds that local time satisfies with any offset; none, if they cannot be told."""
    try:
        inner = Bounds(
            low=None if bounds.low is None else _in_utc(bounds.low) + _DAY,
            high=None if bounds.high is None else _in_utc(bounds.high) - _DAY,
        )
    except OverflowError:
        return None
    if inner.low is not None and inner.high is not None and inner.low > inner.high:
        return None
    return inner


def _in_utc(end: datetime.datetime) -> datetime.datetime:
    if end.tzinfo is None:
        return end.replace(tzinfo=datetime.UTC)
    return end.astimezone(datetime.UTC)


def _conditions(bounds: Bounds[datetime.time] | Bounds[datetime.datetime]) -> list[str]:
    conditions: list[str] = []
    if bounds.low is not None:
        conditions.append(_moment(bounds.low, inclusive=not bounds.low_open, upwards=True))
    if bounds.high is not None:
        conditions.append(_moment(bounds.high, inclusive=not bounds.high_open, upwards=False))
    return conditions


def _moment(bound: datetime.time | datetime.datetime, *, inclusive: bool, upwards: bool) -> str:
    """Local times on one side of a bound; of a datetime with an offset, in UTC."""
    if isinstance(bound, datetime.datetime) and bound.tzinfo is not None:
        bound = _in_utc(bound)
    text = bound.replace(tzinfo=None, microsecond=0).isoformat(timespec="seconds")
    fraction = f"{bound.microsecond:06}".rstrip("0")
    fixed = fixed_above if upwards else fixed_below
    beyond = fixed(text, inclusive=False)
    same = text + _fraction(fraction, inclusive=inclusive, upwards=upwards)
    return either([same, beyond + _FRACTION])


def _fraction(digits: str, *, inclusive: bool, upwards: bool) -> str:
    """The fraction of a second, six digits at most, on one side of one whose digits are given."""
    padded = digits.ljust(6, "0")
    if upwards:
        if not digits and inclusive:
            return _FRACTION
        # A shorter fraction is followed by zeros: d is above where d0...0 is.
        found = _shorter(padded, inclusive=inclusive, upwards=True)
        return rf"\.{found}"
    if not digits and not inclusive:
        return "(?!)"
    return rf"(?:\.{_shorter(padded, inclusive=inclusive, upwards=False)})?"


def _shorter(padded: str, *, inclusive: bool, upwards: bool) -> str:
    """One to six digits that, followed by zeros, are on one side of the six of `padded`."""
    options: list[str] = []
    for width in range(1, 7):
        head, rest = padded[:width], padded[width:]
        # Followed by zeros, `head` itself is below `padded` if any later digit is not 0.
        equal = not rest.strip("0")
        own = inclusive and equal if upwards else inclusive or not equal
        fixed = fixed_above if upwards else fixed_below
        options.append(fixed(head, inclusive=own))
    return either([option for option in options if option != "(?!)"])


_MICROSECOND = datetime.timedelta(microseconds=1)
_SECOND = 10**6
_UNITS: tuple[tuple[str, int, int], ...] = (
    # letter, microseconds, and the largest number that is not one of the unit before
    ("Y", 365 * 86_400 * _SECOND, 999_999),
    ("D", 86_400 * _SECOND, 364),
    ("H", 3_600 * _SECOND, 23),
    ("M", 60 * _SECOND, 59),
)
_SINGLE_UNITS = (*_UNITS[1:], ("W", 7 * 86_400 * _SECOND, 0), ("S", _SECOND, 0))
_MOST = 999_999
_NUMBER = "[0-9]{1,6}"


def duration_pattern(bounds: Bounds[datetime.timedelta]) -> str:
    """Durations: weeks; or years of 365 days (as pydantic writes them), days, hours, minutes and
    seconds. Months have no length.

    Six digits always fit. Under bounds, a duration is spelled in its largest units (``P1DT2H``),
    or in one unit alone (``PT26H``).
    """
    if not bounds:
        second = rf"{_NUMBER}(?:\.[0-9]{{1,6}})?S"
        return meet(
            f"-?P(?:{_NUMBER}W|(?=.*[0-9])(?:{_NUMBER}Y)?(?:{_NUMBER}D)?"
            f"(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{second})?)?)"
        )
    low, high = bounds.low, bounds.high
    options: list[str] = []
    zero = datetime.timedelta(0)
    if high is None or high > zero or (high == zero and not bounds.high_open):
        floor = low if low is not None and low >= zero else None
        options.append(_length(floor, high, low_open=bounds.low_open, high_open=bounds.high_open))
    if low is None or low < zero:
        ceiling = high if high is not None and high < zero else None
        options.append(
            "-"
            + _length(
                None if ceiling is None else -ceiling,
                None if low is None else -low,
                low_open=bounds.high_open,
                high_open=bounds.low_open,
            )
        )
    return meet(either(options))


def _length(
    low: datetime.timedelta | None,
    high: datetime.timedelta | None,
    *,
    low_open: bool,
    high_open: bool,
) -> str:
    """Durations that are not negative, between `low` and `high`."""
    # Whole microseconds are all that is: past an open end comes the next one.
    least = 0 if low is None else low // _MICROSECOND + (1 if low_open else 0)
    most = None if high is None else high // _MICROSECOND - (1 if high_open else 0)
    options = [
        f"P{'T' if letter in 'HMS' else ''}{whole(-(-least // size), last)}{letter}"
        for letter, size, _ in _SINGLE_UNITS
        for last in [_MOST if most is None else min(_MOST, most // size)]
    ]
    conditions = [_largest_units(least, upwards=True)]
    if most is not None:
        conditions.append(_largest_units(most, upwards=False))
    every = _joined([*(_any_number(letter, last) for letter, _, last in _UNITS), _any_second()])
    return either([*options, "".join(f"(?=(?:{one})$)" for one in conditions) + every])


def _largest_units(total: int, *, upwards: bool) -> str:
    """Durations in their largest units, from `total` microseconds on, or up to it.

    As with digits: some units are equal, the next one is beyond, the others are free.
    """
    equal: list[str] = []
    rest = total
    options: list[str] = []
    free = [_any_number(letter, last) for letter, _, last in _UNITS] + [_any_second()]
    for at, (letter, size, last) in enumerate(_UNITS):
        number, rest = divmod(rest, size)
        beyond = _beyond(number, letter, last, upwards=upwards)
        if beyond is not None:
            options.append(_joined([*equal, beyond, *free[at + 1 :]]))
        equal.append(f"{number}{letter}" if number else "")
    options.append(_joined([*equal, _seconds_beyond(rest, upwards=upwards)]))
    return either(options)


def _joined(parts: list[str]) -> str:
    """Patterns of years, days, hours, minutes and seconds as one of a duration that is not
    empty."""
    years, days, *clock = parts
    # The T is there if and only if something follows it.
    return f"P(?=.){years}{days}(?:T(?=[0-9])|(?![0-9T])){''.join(clock)}"


def _any_number(letter: str, last: int) -> str:
    return f"(?:{whole(1, last)}{letter})?"


def _any_second() -> str:
    return f"(?:{whole(0, 59)}{_FRACTION}S)?"


def _beyond(number: int, letter: str, last: int, *, upwards: bool) -> str | None:
    """Numbers of a unit above or below `number`, where none is written for 0."""
    if upwards:
        return None if number >= last else whole(number + 1, last) + letter
    if not number:
        return None
    return _any_number(letter, min(number - 1, last)) if number > 1 else ""


def _seconds_beyond(microseconds: int, *, upwards: bool) -> str:
    """Seconds on one side of a number of microseconds, or just those."""
    second, fraction = divmod(microseconds, _SECOND)
    digits = f"{fraction:06}".rstrip("0")
    same = str(second) + _fraction(digits, inclusive=True, upwards=upwards)
    if upwards:
        found = f"{either([same, whole(second + 1, 59) + _FRACTION])}S"
        return f"(?:{found})?" if not microseconds else found
    found = either([same, whole(0, second - 1) + _FRACTION] if second else [same])
    return f"(?:{found}S)?"
