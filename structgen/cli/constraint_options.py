"""What commands are told of a constraint: where it is, and how it is to be read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import click

from structgen._core import Limits
from structgen.cli.console import existing
from structgen.cli.json_options import JSON_OPTIONS, flag_of, json_options
from structgen.constraints import (
    GrammarSource,
    TextConstraint,
    choice,
    grammar,
    json_schema,
    load_source,
    regex,
    shipped_grammars,
)
from structgen.constraints.schema import schema_text
from structgen.errors import SchemaError

_F = TypeVar("_F", bound=Callable[..., object])

Kind = Literal["schema", "grammar", "regex"]
_KINDS: Mapping[str, Kind] = {
    ".json": "schema",
    ".lark": "grammar",
    ".gbnf": "grammar",
    ".ebnf": "grammar",
}
_LIMITS = tuple(name for name in dir(Limits) if not name.startswith("_") and name != "cancel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One constraint: a kind, and the schema's JSON text, the grammar, or the pattern."""

    kind: Kind
    value: GrammarSource | str
    start: str | None = None
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    limits: Limits | None = None

    def build(self, **instead: object) -> TextConstraint:
        """The constraint; `instead` replaces options of `json_schema` that were not given.

        Raises:
            click.UsageError: an option goes with another kind.
            ConstraintError: it is malformed.
        """
        if self.kind != "schema" and self.options:
            raise click.UsageError(f"{flag_of(next(iter(self.options)))} goes with a JSON Schema")
        if self.kind != "grammar" and self.start is not None:
            raise click.UsageError("--start goes with a grammar")
        if isinstance(self.value, GrammarSource):
            return grammar(self.value, self.start, limits=self.limits)
        if self.kind == "regex":
            return regex(self.value, limits=self.limits)
        options = cast("Any", {**instead, **self.options})
        return json_schema(self.value, limits=self.limits, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintOptions:
    """What the options said; at most one constraint."""

    schema: str | None = None
    regex: str | None = None
    choice: tuple[str, ...] = ()
    grammar: str | None = None
    start: str | None = None
    limits: Limits | None = None
    json: Mapping[str, object] = field(default_factory=dict[str, object])

    def build(self) -> TextConstraint | None:
        """The constraint, or None if no option was given.

        Raises:
            click.UsageError: more than one option was given, or a file does not exist.
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
        if self.json and self.schema is None:
            raise click.UsageError(f"{flag_of(next(iter(self.json)))} goes with --schema")
        if self.start is not None and self.grammar is None:
            raise click.UsageError("--start goes with --grammar")
        if self.choice:
            return choice(self.choice, limits=self.limits)
        source = self.source()
        return None if source is None else source.build()

    def source(self) -> Source | None:
        """The schema, grammar or pattern that the options name."""
        for kind, given in (
            ("schema", self.schema),
            ("grammar", self.grammar),
            ("regex", self.regex),
        ):
            if given is not None:
                return source_named(
                    given,
                    cast("Kind", kind),
                    start=self.start,
                    options=self.json,
                    limits=self.limits,
                )
        return None


def source_named(
    given: str,
    kind: Kind | None = None,
    *,
    start: str | None = None,
    options: Mapping[str, object] | None = None,
    limits: Limits | None = None,
) -> Source:
    """What `given` names: ``-`` (standard input), a file, JSON text of a schema, a shipped grammar,
    or the pattern itself.

    Raises:
        click.UsageError: there is no such file, or its kind cannot be told.
        ConstraintError: it cannot be read as a schema.
    """
    text = sys.stdin.read() if given == "-" else None
    found = kind or (_kind_of_name(given) if text is None else _kind_of_text(text))
    if found is None:
        hint = f"files end in {', '.join(_KINDS)}; shipped grammars: {_shipped()}"
        if text is None:
            existing(given, hint=hint)
        raise click.UsageError(
            f"cannot tell what {given!r} is; say --as schema, grammar or regex\n\nhint: {hint}"
        )
    value: GrammarSource | str
    if found == "schema":
        value = _schema(given, text)
    elif found == "grammar":
        value = _grammar(given, text)
    else:
        value = given if text is None else text.removesuffix("\n")
    return Source(kind=found, value=value, start=start, options=dict(options or {}), limits=limits)


def _schema(given: str, text: str | None) -> str:
    inline = given.lstrip().startswith("{") or given in ("true", "false")
    if text is None and not inline:
        return schema_text(existing(given, hint="a file, '-', or JSON text"))
    written = given if text is None else text
    if written.lstrip()[:1] != "{" and written.strip() not in ("true", "false"):
        # Else it would be taken for a path.
        raise SchemaError("standard input holds no JSON Schema: that is an object or a bool")
    return schema_text(written)


def _grammar(given: str, text: str | None) -> GrammarSource:
    if text is not None:
        format = "gbnf" if "::=" in text else "lark"
        return GrammarSource(name="standard input", text=text, format=format)
    if given in shipped_grammars() and not Path(given).is_file():
        return load_source(given)
    return load_source(existing(given, hint=f"shipped grammars: {_shipped()}"))


def _kind_of_name(given: str) -> Kind | None:
    if given in shipped_grammars() and not Path(given).is_file():
        return "grammar"
    return _KINDS.get(Path(given).suffix.lower())


def _kind_of_text(text: str) -> Kind | None:
    """A schema is JSON; a grammar has a rule, which no pattern that people write looks like."""
    if text.lstrip()[:1] == "{" or text.strip() in ("true", "false"):
        return "schema"
    return "grammar" if re.search(r"^\s*[?!]*[\w-]+(\.\d+)?\s*(:|::=)\s", text, re.M) else None


def _shipped() -> str:
    return ", ".join(sorted(shipped_grammars()))


def _limits(
    _context: click.Context, _param: click.Parameter, given: tuple[str, ...]
) -> Limits | None:
    chosen: dict[str, int] = {}
    for one in given:
        name, _, value = one.partition("=")
        if name not in _LIMITS or not value.isdecimal():
            raise click.BadParameter(f"{one!r} is not NAME=N with NAME one of {', '.join(_LIMITS)}")
        chosen[name] = int(value)
    if not chosen:
        return None
    try:
        return Limits(**cast("Any", chosen))
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error)) from None


def limit_option(function: _F) -> _F:
    """``--limit NAME=N``: budgets of compiling and masking."""
    return click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=N",
        callback=_limits,
        help="Budget: compile_ms=500, max_memory_mb=100, ... (repeat).",
    )(function)


def constraint_options(function: _F) -> _F:
    """Add the options to a command, which takes them as ``**given`` for `options_from`."""
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
                help="Grammar: a .lark, .gbnf or .ebnf file, '-', or a shipped one (json, ...).",
            ),
            click.option("--start", metavar="RULE", help="Rule of the grammar to begin with."),
            limit_option,
            json_options,
        ]
    ):
        function = decorate(function)
    return function


def options_from(given: Mapping[str, object]) -> ConstraintOptions:
    """What a command with `constraint_options` was given."""
    names = ("schema", "regex", "choice", "grammar", "start", "limits")
    own = {name: given[name] for name in names}
    return ConstraintOptions(json=chosen_json(given), **cast("Any", own))


def chosen_json(given: Mapping[str, object]) -> dict[str, object]:
    """The options of `json_schema` among `given` that were set."""
    return {name: given[name] for name in JSON_OPTIONS if given.get(name) is not None}


def loads(text: str, what: str) -> object:
    """The JSON `text` of the file `what`.

    Raises:
        click.UsageError: it is no JSON.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{what} is not JSON: {error}") from None
    return value
