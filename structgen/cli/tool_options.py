"""Tools of ``structgen generate``: ``--tools`` and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from structgen.cli.console import existing
from structgen.cli.constraint_options import loads
from structgen.tools import FORMATS, Tool

_F = TypeVar("_F", bound=Callable[..., object])


TOOL_OPTIONS = ("tool_choice", "tool_format", "parallel_tool_calls")
"""Options beside ``--tools``, by their names in `structgen.generate.Options`."""


def tool_options(function: _F) -> _F:
    """Add the options to a command, which takes ``tools`` and `TOOL_OPTIONS`."""
    for decorate in reversed(
        [
            click.option(
                "--tools",
                metavar="FILE",
                help='Tools the model may call: JSON definitions, [{"type": "function", ...}].',
            ),
            click.option(
                "--tool-choice",
                default="auto",
                show_default=True,
                metavar="NAME",
                help="auto, required, none, or the tool to call.",
            ),
            click.option(
                "--tool-format",
                type=click.Choice(sorted(FORMATS)),
                help="How the model writes calls; told by its chat template otherwise.",
            ),
            click.option(
                "--parallel-tool-calls/--no-parallel-tool-calls",
                default=True,
                help="Whether there may be several calls (default).",
            ),
        ]
    ):
        function = decorate(function)
    return function


def tools_from(given: Mapping[str, Any]) -> list[Tool] | None:
    """The tools of ``--tools``, None if it was not given.

    Raises:
        click.UsageError: no such file, not JSON, or an option that goes with it came alone.
        ConstraintError: a definition is malformed.
    """
    file = given["tools"]
    if file is None:
        for name, alone in (
            ("--tool-choice", given["tool_choice"] != "auto"),
            ("--tool-format", given["tool_format"] is not None),
            ("--no-parallel-tool-calls", not given["parallel_tool_calls"]),
        ):
            if alone:
                raise click.UsageError(f"{name} goes with --tools")
        return None
    value = loads(_text(existing(file)), f"the file `{file}`")
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value)
        value = inner.get("tools", [inner])
    definitions = cast("list[object]", value) if isinstance(value, list) else []
    if not definitions or not all(isinstance(one, Mapping) for one in definitions):
        raise click.UsageError(
            f"the file `{file}` holds no tool definitions: "
            '[{"type": "function", "function": {"name": "add", "parameters": {...}}}, ...]'
        )
    return [Tool.from_schema(cast("Mapping[str, object]", one)) for one in definitions]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.UsageError(f"the file `{file}` cannot be read: {error}") from None
