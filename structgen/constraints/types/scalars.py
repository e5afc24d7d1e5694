"""JSON Schemas of single values: texts, numbers, moments, addresses, with all their bounds.

Used with pydantic and without. Each function takes what a type says in Python's values, and returns
a schema of which all texts are values of the type. Decimals, dates and the like are JSON strings.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

from structgen.constraints.types import addresses, texts
from structgen.constraints.types.dialects import Engine, ecma_pattern
from structgen.constraints.types.digits import decimals
from structgen.constraints.types.moments import (
    Bounds,
    Zone,
    date_pattern,
    datetime_pattern,
    duration_pattern,
    offset_pattern,
    time_pattern,
)
from structgen.constraints.types.multiples import multiples_pattern
from structgen.constraints.types.notes import noted
from structgen.errors import ConstraintError, UnsupportedFeatureError

_Json = dict[str, Any]
Now = Literal["past", "future"]

FRACTION = f"^{texts.FRACTION}$"
COMPLEX = f"^{texts.COMPLEX}$"
_DAY = datetime.timedelta(days=1)
_MOST_DIGITS = 150
"""Digits of a bound: patterns nest once for each, and nest at most 200 times."""


def string(patterns: Sequence[str] = (), **keywords: object) -> _Json:
    """A string that has all of `patterns`; keywords that are None are left out."""
    schema: _Json = {"type": "string"}
    schema.update((key, value) for key, value in keywords.items() if value is not None)
    if patterns:
        schema["pattern"] = patterns[0]
    if len(patterns) > 1:
        schema["allOf"] = [{"pattern": pattern} for pattern in patterns[1:]]
    return schema


def text_schema(
    *,
    pattern: str | re.Pattern[str] | None = None,
    engine: Engine = "rust-regex",
    ascii_only: bool = False,
    strip_whitespace: bool | None = None,
    to_lower: bool | None = None,
    to_upper: bool | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
) -> _Json:
    """Texts that a reader with these settings leaves as they are."""
    patterns: list[str] = []
    if pattern is not None:
        patterns.append(ecma_pattern(pattern, engine))
    if strip_whitespace:
        patterns.append(f"^{texts.TRIMMED}$")
    if to_lower:
        patterns.append(f"^{texts.unchanged_by('lower')}$")
    if to_upper:
        patterns.append(f"^{texts.unchanged_by('upper')}$")
    if ascii_only:
        patterns.append(f"^{texts.ASCII}$")
    return string(patterns, minLength=min_length, maxLength=max_length)


def bytes_schema(
    spelling: str = "utf8", min_length: int | None = None, max_length: int | None = None
) -> _Json:
    """Bytes as text: as UTF-8 (in ASCII, if they are counted), base64 or hexadecimal digits."""
    least = min_length or 0
    if spelling == "base64":
        sized = texts.base64_pattern(url_safe=True, least=least, most=max_length)
        return string([f"^(?:{sized})$"], format="base64url")
    if spelling == "hex":
        most = "" if max_length is None else max_length
        return string([f"^(?:[0-9a-f]{{2}}){{{least},{most}}}$"])
    if min_length is None and max_length is None:
        return string(format="binary")
    return string([f"^{texts.ASCII}$"], format="binary", minLength=min_length, maxLength=max_length)


def uuid_schema(version: int | None = None) -> _Json:
    """UUIDs; with a version, of the variant that has versions."""
    if version is None:
        return string(format="uuid")
    # pydantic calls the format `uuid4`, which no draft knows: the pattern says all.
    hexadecimal = "[0-9A-Fa-f]"
    head, tail = f"{hexadecimal}{{8}}-{hexadecimal}{{4}}", f"{hexadecimal}{{12}}"
    pattern = f"^{head}-{version}{hexadecimal}{{3}}-[89ABab]{hexadecimal}{{3}}-{tail}$"
    return string([pattern], format="uuid")


def url_schema(
    schemes: Sequence[str] | None, *, host_required: bool, max_length: int | None
) -> _Json:
    """URLs; see `structgen.constraints.types.addresses.url_pattern`."""
    pattern = addresses.url_pattern(schemes, host_required=host_required)
    return string([f"^(?:{pattern})$"], format="uri", maxLength=max_length)


def servers_schema(schemes: Sequence[str] | None, *, max_length: int | None) -> _Json:
    """URLs that may name several servers."""
    pattern = addresses.servers_pattern(schemes)
    return string([f"^(?:{pattern})$"], format="multi-host-uri", maxLength=max_length)


def float_schema(schema: _Json) -> _Json:
    """A number that is within its bounds also when rounded to a float: 0.99999999999999999999 is
    below 1, and its float is not."""
    found = dict(schema)
    if any(isinstance(bound, float) and math.isnan(bound) for bound in found.values()):
        raise ConstraintError("NaN bounds a float, and no float is within that")
    for opened, closed, toward in (
        ("exclusiveMinimum", "minimum", math.inf),
        ("exclusiveMaximum", "maximum", -math.inf),
    ):
        bound = found.get(opened)
        if isinstance(bound, int | float):
            nearest = math.nextafter(float(bound), toward)
            if not math.isfinite(nearest):
                raise ConstraintError(f"{bound} bounds a float, and no float is within that")
            narrower = max if toward > 0 else min
            found[closed] = narrower(nearest, found.get(closed, nearest))
    return found


def decimal_schema(
    bounds: Bounds[Decimal],
    *,
    multiple_of: Decimal | None = None,
    max_digits: int | None = None,
    decimal_places: int | None = None,
) -> _Json:
    """Decimals in plain spelling, as JSON strings: a JSON number would pass through binary floats
    in most readers."""
    low, high = (_finite(end, sign) for end, sign in ((bounds.low, -1), (bounds.high, 1)))
    open_ends = {"low_open": bounds.low_open, "high_open": bounds.high_open}
    patterns = [decimals(low, high, **open_ends)]
    told = {"format": "decimal", **_told(bounds)}
    if decimal_places is not None:
        places = rf"(?:\.[0-9]{{1,{decimal_places}}})?" if decimal_places > 0 else ""
        whole = "[0-9]+"
        if max_digits is not None:
            left = max_digits - decimal_places
            # With no digit left, the 0 before the point is one only where nothing follows it.
            whole = f"[0-9]{{1,{left}}}" if left > 0 else r"0(?=\.)"
        patterns.append(f"^-?{whole}{places}$")
    if max_digits is not None:
        # The 0 before a point is no digit.
        patterns.append(
            rf"^-?(?:0(?=\.)(?:\.?[0-9]){{0,{max_digits}}}|(?:\.?[0-9]){{1,{max_digits}}})$"
        )
    if multiple_of is None:
        return string(patterns, **told)
    multiples = multiples_pattern(Decimal(multiple_of))
    if multiples is None:
        return noted(string(patterns, **told), f"it must be a multiple of {multiple_of}")
    return string([*patterns, multiples], **told)


def _finite(bound: Decimal | float | None, sign: int) -> Decimal | None:
    """A bound as a decimal; None, if all numbers are within it.

    Raises:
        ConstraintError: it is not a number, no number is within it, or it has too many digits.
    """
    if bound is None:
        return None
    exact = Decimal(bound)
    if exact.is_infinite() and exact * sign > 0:
        return None
    if not exact.is_finite():
        raise ConstraintError(f"{bound} bounds a decimal, and no decimal is within that")
    digits, exponent = len(exact.as_tuple().digits), int(exact.as_tuple().exponent)
    if max(digits, digits + exponent, -exponent) > _MOST_DIGITS:
        raise UnsupportedFeatureError(
            f"a decimal is bounded by a number of more than {_MOST_DIGITS} digits",
            feature="a bound of many digits",
        )
    return exact


def _told(bounds: Bounds[Any]) -> dict[str, object]:
    """Bounds in words of JSON Schema that forbid nothing: `structgen` enforces them by patterns,
    which models and people do not read."""
    low = "formatExclusiveMinimum" if bounds.low_open else "formatMinimum"
    high = "formatExclusiveMaximum" if bounds.high_open else "formatMaximum"
    return {
        key: str(end) if isinstance(end, Decimal | int | float) else _iso(end)
        for key, end in ((low, bounds.low), (high, bounds.high))
        if end is not None
    }


def _iso(end: Any) -> str:
    return str(end) if isinstance(end, datetime.timedelta) else end.isoformat()


def date_schema(bounds: Bounds[datetime.date], now: Now | None = None) -> _Json:
    """Dates. What is past today is past later; what is to come is so for a while."""
    if now == "past":
        yesterday = min(datetime.date.today(), datetime.datetime.now(datetime.UTC).date()) - _DAY
        if bounds.high is None or bounds.high > yesterday:
            bounds = replace(bounds, high=yesterday, high_open=False)
    elif now == "future":
        tomorrow = max(datetime.date.today(), datetime.datetime.now(datetime.UTC).date()) + _DAY
        if bounds.low is None or bounds.low < tomorrow:
            bounds = replace(bounds, low=tomorrow, low_open=True)
    pattern = date_pattern(bounds) if bounds else "^(?!0000)"
    found = string([pattern], format="date", **_told(bounds))
    return noted(found, "it must be to come when it is read") if now == "future" else found


def time_schema(bounds: Bounds[datetime.time], zone: Zone = "any") -> _Json:
    """Times of day."""
    examples = _examples(_spelled(bounds, zone), "12:30:00")
    return string([time_pattern(bounds, zone)], examples=examples, **_told(bounds))


def datetime_schema(
    bounds: Bounds[datetime.datetime], zone: Zone | int | None = None, now: Now | None = None
) -> _Json:
    """Datetimes, with the offset that `zone` asks for (in seconds, if it is a number)."""
    bounds = replace(bounds, low=_midnight(bounds.low), high=_midnight(bounds.high))
    if isinstance(zone, int):
        return string([offset_pattern(bounds, zone)], **_told(bounds))
    kind: Zone = zone or "any"
    examples = _examples(_spelled(bounds, kind), "2024-02-29T12:30:00")
    if now is None:
        return string([datetime_pattern(bounds, kind)], examples=examples, **_told(bounds))
    moment = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    day = -_DAY if now == "past" else _DAY
    # Local time without an offset is within a day of UTC.
    naive = _until(bounds, (moment + day).replace(tzinfo=None), now)
    aware = _until(bounds, moment, now)
    ways: list[tuple[Bounds[datetime.datetime], Zone]] = [(naive, "naive"), (aware, "aware")]
    options = [datetime_pattern(ends, one) for ends, one in ways if kind in ("any", one)]
    found = string(examples=examples)
    found["anyOf"] = [{"pattern": pattern} for pattern in options]
    return noted(found, "it must be to come when it is read") if now == "future" else found


def _midnight(end: datetime.date | None) -> datetime.datetime | None:
    """A bound of datetimes that may be given as a day."""
    if end is None or isinstance(end, datetime.datetime):
        return end
    return datetime.datetime.combine(end, datetime.time())


def _until(
    bounds: Bounds[datetime.datetime], moment: datetime.datetime, now: Now
) -> Bounds[datetime.datetime]:
    """`bounds`, and before or after `moment`. Bounds beside it count where they can be compared."""
    try:
        if now == "past":
            closer = bounds.high is None or bounds.high > moment
            return replace(bounds, high=moment, high_open=True) if closer else bounds
        closer = bounds.low is None or bounds.low < moment
        return replace(bounds, low=moment, low_open=True) if closer else bounds
    except TypeError:  # one has an offset and the other has not
        other = datetime.UTC if moment.tzinfo is None else None
        return _until(bounds, moment.replace(tzinfo=other), now)


def _spelled(bounds: Bounds[Any], zone: Zone) -> Zone:
    """How texts are spelled: under bounds, with an offset or without one as the bounds are."""
    if zone != "any" or not bounds:
        return zone
    aware = any(end is not None and end.tzinfo for end in (bounds.low, bounds.high))
    return "aware" if aware else "naive"


def _examples(zone: Zone, text: str) -> list[str]:
    """Texts that say to a model what is meant, as no format of JSON Schema does."""
    return [*([text] if zone != "aware" else []), *([f"{text}Z"] if zone != "naive" else [])]


def duration_schema(bounds: Bounds[datetime.timedelta]) -> _Json:
    """Durations."""
    return string([duration_pattern(bounds)], examples=["P1DT2H", "PT45M"], **_told(bounds))


BYTE_SIZE: _Json = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        string(
            [r"^(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,3})? ?(?:[KMGTPE]i?B|[kmgtpe]i?b|[Bb])$"],
            examples=["1.5 GiB"],
        ),
    ]
}
"""Sizes in bytes, or with a unit."""
