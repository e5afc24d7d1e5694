"""The options of `json_schema`, checked and put into the core's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypedDict, get_args

from structgen._core import Limits
from structgen.errors import ConstraintError

Draft: TypeAlias = Literal["draft4", "draft6", "draft7", "2019-09", "2020-12", "v1"]
"""A version of JSON Schema."""

Whitespace: TypeAlias = (
    Literal["compact", "flexible", "any"] | int | tuple[str, str] | Mapping[str, object]
)
"""White space of JSON.

``"compact"``
    none.
``"flexible"``
    as people and `json.dumps` write it: at most one line end in a gap and first there, blanks,
    nothing before commas and colons; up to 41 bytes in a gap.
``"any"``
    whatever RFC 8259 allows, around the document too; up to 41 bytes in a gap.
an int
    exactly as ``json.dumps(indent=...)`` writes, at most 100.
a pair of texts
    exactly as ``json.dumps(separators=...)`` writes: a comma and a colon, each in white space.
a mapping
    the same by name, with another bound: ``{"kind": "flexible", "max": 20}``, ``{"kind": "any",
    "max": 20}``, ``{"kind": "indent", "width": 2}``, ``{"kind": "separators", "item": ", ",
    "key": ": "}``.
"""

PropertyOrder: TypeAlias = Literal["schema", "any"]
Escapes: TypeAlias = Literal["all", "minimal"]
NumberSpelling: TypeAlias = Literal["plain", "all"]
"""How numbers are written.

``"plain"``
    as programs write them, with as many digits as readers hold. An integer is ``0`` or
    ``-?[1-9][0-9]*``, up to 20 digits (those of ``2**64 - 1``) or as many as the schema's own
    constants need. Other numbers are written as floats are: a point and digits, zeros at the end
    included (``24.50``), up to 17 digits in all, or 23 places below one; or one digit, a fraction
    of up to 16 and an exponent up to 307 (``1e-07``, ``6.02E+23``). Where whole numbers and others
    may stand, whole ones may be written as floats (``100.00``).
``"all"``
    every spelling on which readers agree, as a validator reads them: ``1.0`` and ``1e2`` are
    integers (from draft 6 on), and integers have any number of digits.
"""


class JsonOptions(TypedDict, total=False):
    """The options of `structgen.json_schema`, which says what they mean; an option that is left
    out, or None, takes its default."""

    draft: Draft | None
    property_order: PropertyOrder | None
    whitespace: Whitespace | None
    escapes: Escapes | None
    format_assertion: bool | None
    number_spelling: NumberSpelling | None
    additional_properties_default: bool | None
    max_string_length: int | None
    max_array_length: int | None
    max_integer_digits: int | None
    max_fraction_digits: int | None
    max_exponent_digits: int | None
    strict: bool | None
    registry: Mapping[str, object] | None
    limits: Limits | None


_FIELDS: dict[str, tuple[str, ...]] = {
    "compact": (),
    "flexible": ("max",),
    "any": ("max",),
    "indent": ("width",),
    "separators": ("item", "key"),
}
_LARGEST = {"max": 10_000, "width": 100}
_LONGEST_SEPARATOR = 100
_MAX_BOUND = 2**30


def whitespace_fields(given: Whitespace) -> dict[str, object]:
    """The core's form of `given`.

    Raises:
        ConstraintError: it is no policy of white space.
    """
    if isinstance(given, str):
        fields: dict[str, object] = {"kind": given}
    elif isinstance(given, int) and not isinstance(given, bool):
        fields = {"kind": "indent", "width": given}
    elif isinstance(given, tuple) and len(given) == 2:
        fields = {"kind": "separators", "item": given[0], "key": given[1]}
    elif isinstance(given, Mapping):
        fields = dict(given)
    else:
        raise _wrong("whitespace", given, "a name, an indentation, a pair of separators or a dict")
    kind = fields.get("kind")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise _wrong("whitespace", kind, f"one of {', '.join(_FIELDS)}")
    allowed = _FIELDS[kind]
    for name in fields:
        if name != "kind" and name not in allowed:
            raise ConstraintError(f"`whitespace` of kind {kind!r} has no field {name!r}")
    if kind in ("indent", "separators"):
        for name in allowed:
            if name not in fields:
                raise ConstraintError(f"`whitespace` of kind {kind!r} needs the field {name!r}")
    for name, mark in (("item", ","), ("key", ":")):
        if name in fields:
            _check_separator(name, fields[name], mark)
    for name, largest in _LARGEST.items():
        if name in fields:
            _check_whole(f"whitespace[{name!r}]", fields[name], 0, largest)
    return fields


def _check_separator(name: str, given: object, mark: str) -> None:
    if (
        not isinstance(given, str)
        or len(given) > _LONGEST_SEPARATOR
        or given.strip(" \t\r\n") != mark
    ):
        needed = f"a `{mark}` in white space, {_LONGEST_SEPARATOR} characters at most"
        raise _wrong(f"whitespace[{name!r}]", given, needed)


def choice_of(name: str, given: str | None, options: object) -> str | None:
    """`given`, if it is None or one of the literals of the type `options`."""
    allowed: tuple[str, ...] = get_args(options)
    if given is not None and given not in allowed:
        raise _wrong(name, given, f"one of {', '.join(allowed)}")
    return given


def flag(name: str, given: bool | None) -> bool | None:
    """`given`, if it is None or a bool."""
    # An untyped caller may pass "false", which would be true.
    if given is not None and not isinstance(given, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _wrong(name, given, "a bool")
    return given


def bounds_fields(given: Mapping[str, int | None]) -> dict[str, int] | None:
    """The bounds that were given, each checked; None if there are none."""
    bounds: dict[str, int] = {}
    for name, bound in given.items():
        if bound is not None:
            least = 1 if name == "max_integer_digits" else 0
            bounds[name] = _check_whole(name, bound, least, _MAX_BOUND)
    return bounds or None


def _check_whole(name: str, given: object, least: int, largest: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= largest:
        raise _wrong(name, given, f"a whole number from {least} to {largest}")
    return given


def _wrong(name: str, given: object, needed: str) -> ConstraintError:
    return ConstraintError(f"`{name}` is {needed}, not {given!r}")
