"""The options that name a constraint: ``--schema``, ``--regex``, ``--choice``, ``--grammar``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import click

from structgen.constraints import TextConstraint, choice, grammar, json_schema, regex
from structgen.constraints.schema import schema_value

_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintOptions:
    """What the options said; at most one of them."""

    schema: str | None = None
    regex: str | None = None
    choice: tuple[str, ...] = ()
    grammar: str | None = None
    start: str | None = None
    whitespace: Literal["compact", "flexible", "any"] | None = None

    def build(self) -> TextConstraint | None:
        """The constraint, or None if no option was given.

        Raises:
            click.UsageError: more than one option was given.
            ConstraintError: the constraint is malformed.
        """
        given = [
            name
            for name, value in (
                ("--schema", self.schema is not None),
                ("--regex", self.regex is not None),
                ("--choice", bool(self.choice)),
                ("--grammar", self.grammar is not None),
            )
            if value
        ]
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)} cannot be combined")
        schema = self.schema_value()
        if schema is not None:
            # Spelled as `structgen.generate` spells JSON, so that masks are those of generation.
            return json_schema(
                schema, whitespace=self.whitespace, escapes="minimal", number_spelling="plain"
            )
        if self.whitespace is not None:
            raise click.UsageError("--whitespace goes with --schema")
        if self.regex is not None:
            return regex(self.regex)
        if self.choice:
            return choice(self.choice)
        if self.grammar is not None:
            return grammar(Path(self.grammar), self.start)
        if self.start is not None:
            raise click.UsageError("--start goes with --grammar")
        return None

    def schema_value(self) -> Mapping[str, object] | bool | None:
        """The schema that ``--schema`` names, None if it was not given.

        Raises:
            SchemaError: no file, or not a schema.
        """
        if self.schema is None:
            return None
        text = sys.stdin.read() if self.schema == "-" else self.schema
        given = text if text.lstrip().startswith("{") or self.schema == "-" else Path(text)
        return schema_value(given)


def constraint_options(function: _F) -> _F:
    """Add the options to a command, which takes them by the names of `ConstraintOptions`."""
    for decorate in reversed(
        [
            click.option(
                "--schema", metavar="FILE", help="JSON Schema: a file, '-', or JSON text."
            ),
            click.option("--regex", metavar="PATTERN", help="Pattern of the whole text."),
            click.option("--choice", metavar="TEXT", multiple=True, help="One of these (repeat)."),
            click.option(
                "--grammar",
                metavar="FILE",
                type=click.Path(exists=True, dir_okay=False),
                help="Grammar file: Lark (.lark) or GBNF (.gbnf).",
            ),
            click.option("--start", metavar="RULE", help="Rule of the grammar to begin with."),
            click.option(
                "--whitespace",
                type=click.Choice(["compact", "flexible", "any"]),
                help="Spacing of JSON (with --schema).",
            ),
        ]
    ):
        function = decorate(function)
    return function
