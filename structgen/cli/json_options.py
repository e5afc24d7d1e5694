"""The options of `structgen.json_schema`, by their own names: ``--property-order`` and others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

import click

from structgen.cli.console import existing
from structgen.constraints.schema import schema_value
from structgen.constraints.schema_options import (
    Draft,
    Escapes,
    NumberSpelling,
    PropertyOrder,
)

_F = TypeVar("_F", bound=Callable[..., object])
_WORDS = ("compact", "flexible", "any")


class _Whitespace(click.ParamType[Any]):
    """``compact``, ``flexible``, ``any``, an indentation, or a policy as JSON."""

    name = "POLICY"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        if not isinstance(value, str) or value in _WORDS:
            return value
        if value.isdecimal():
            return int(value)
        try:
            given: object = json.loads(value)
        except ValueError:
            given = None
        if isinstance(given, list):
            return tuple(cast("list[object]", given))
        if isinstance(given, dict):
            return cast("dict[str, object]", given)
        return self.fail(
            f"{value!r} is none of {', '.join(_WORDS)}, no number of blanks to indent by, and "
            'no policy as JSON: [", ", ": "] or {"kind": "flexible", "max": 20}',
            param,
            ctx,
        )


def _registered(
    _context: click.Context, _param: click.Parameter, given: tuple[str, ...]
) -> dict[str, object] | None:
    """The documents of ``--registry``, by URI."""
    documents: dict[str, object] = {}
    for one in given:
        uri, _, file = one.rpartition("=")
        schema = schema_value(existing(file or one))
        if not uri:
            named = schema.get("$id", schema.get("id")) if not isinstance(schema, bool) else None
            if not isinstance(named, str):
                raise click.BadParameter(f"{one!r} has no $id; say URI={one}")
            uri = named
        documents[uri] = schema
    return documents or None


def _bound(name: str, of: str, least: int = 0) -> Callable[[_F], _F]:
    return click.option(f"--{name}", type=click.IntRange(min=least), metavar="N", help=of)


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "draft": click.option(
        "--draft",
        type=click.Choice(get_args(Draft)),
        help="Version of JSON Schema; that of its $schema otherwise.",
    ),
    "property_order": click.option(
        "--property-order",
        type=click.Choice(get_args(PropertyOrder)),
        help="Properties in the schema's order (default), or in any.",
    ),
    "whitespace": click.option(
        "--whitespace",
        type=_Whitespace(),
        help="compact, flexible (default), any, an indentation (2), or JSON: "
        '[", ", ": "], {"kind": "any", "max": 9}.',
    ),
    "escapes": click.option(
        "--escapes",
        type=click.Choice(get_args(Escapes)),
        help="Spellings of characters in strings: one each, or all.",
    ),
    "number_spelling": click.option(
        "--number-spelling",
        type=click.Choice(get_args(NumberSpelling)),
        help="Spellings of numbers: plain ones, or all.",
    ),
    "format_assertion": click.option(
        "--format-assertion/--no-format-assertion",
        default=None,
        help="Whether 'format' restricts texts (default).",
    ),
    "additional_properties_default": click.option(
        "--additional-properties-default/--no-additional-properties-default",
        default=None,
        help="Whether objects may have keys that no schema names (default).",
    ),
    "strict": click.option(
        "--strict/--no-strict",
        default=None,
        help="Refuse keywords and formats that no draft defines: slips, mostly.",
    ),
    "max_string_length": _bound("max-string-length", "Bound of strings without one."),
    "max_array_length": _bound("max-array-length", "Bound of arrays without one."),
    "max_integer_digits": _bound("max-integer-digits", "Digits before the point.", 1),
    "max_fraction_digits": _bound("max-fraction-digits", "Digits after the point."),
    "max_exponent_digits": _bound("max-exponent-digits", "Digits of exponents."),
    "registry": click.option(
        "--registry",
        multiple=True,
        metavar="FILE",
        callback=_registered,
        help="Schema that $ref may name, by its $id or as URI=FILE (repeat).",
    ),
}
JSON_OPTIONS = tuple(_OPTIONS)
"""Their names: those of `json_schema`'s arguments."""


def json_options(function: _F) -> _F:
    """Add the options to a command, which takes them by the names of `json_schema`."""
    for decorate in reversed(_OPTIONS.values()):
        function = decorate(function)
    return function


def flag_of(name: str) -> str:
    """The option of the command line for an argument of `json_schema`."""
    return f"--{name.replace('_', '-')}"
