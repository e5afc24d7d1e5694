"""The options that name a constraint: ``--schema``, ``--regex``, ``--choice``, ``--grammar``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import click

from structgen.constraints import TextConstraint, choice, grammar, json_schema, regex

_F = TypeVar("_F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintOptions:
    """What the options said; at most one of them."""

    schema: str | None = None
    regex: str | None = None
    choice: tuple[str, ...] = ()
    grammar: str | None = None
    start: str = "start"
    whitespace: Literal["compact", "flexible"] | None = None

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
        if self.schema is not None:
            return json_schema(_schema(self.schema), whitespace=self.whitespace)
        if self.whitespace is not None:
            raise click.UsageError("--whitespace goes with --schema")
        if self.regex is not None:
            return regex(self.regex)
        if self.choice:
            return choice(self.choice)
        if self.grammar is not None:
            return grammar(Path(self.grammar), start=self.start)
        return None


def constraint_options(function: _F) -> _F:
    """Add the options to a command, which takes them by the names of `ConstraintOptions`."""
    for decorate in reversed(
        [
            click.option("--schema", metavar="FILE", help="JSON Schema: a file, '-', or JSON text."),
            click.option("--regex", metavar="PATTERN", help="Pattern of the whole text."),
            click.option("--choice", metavar="TEXT", multiple=True, help="One of these (repeat)."),
            click.option(
                "--grammar",
                metavar="FILE",
                type=click.Path(exists=True, dir_okay=False),
                help="Grammar file: Lark (.lark) or GBNF (.gbnf).",
            ),
            click.option("--start", default="start", show_default=True, help="Rule to begin with."),
            click.option(
                "--whitespace",
                type=click.Choice(["compact", "flexible"]),
                help="Spacing of JSON (with --schema).",
            ),
        ]
    ):
        function = decorate(function)
    return function


def _schema(given: str) -> str | Path:
    if given == "-":
        return click.get_text_stream("stdin").read()
    return given if given.lstrip().startswith("{") else Path(given)
