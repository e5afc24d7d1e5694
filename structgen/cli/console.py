"""What all commands share: exit codes, messages, colour.

====  ==========================================================================
code  meaning
====  ==========================================================================
0     done
1     the constraint, the vocabulary or the prefix given is at fault
2     the command line is at fault, or a file that it names is missing
3     something is missing: a package, a model
4     generation failed: the token budget, a dead end, a limit
130   interrupted
====  ==========================================================================
"""

from __future__ import annotations

import os
import warnings
from enum import IntEnum
from pathlib import Path
from typing import IO

import click

from structgen.errors import (
    BackendError,
    Cancelled,
    ConstraintError,
    GenerationError,
    LimitExceeded,
    MissingExtraError,
    OptionError,
    VocabularyError,
)


class Exit(IntEnum):
    """Exit codes; see the module's docstring."""

    OK = 0
    INPUT = 1
    USAGE = 2
    MISSING = 3
    GENERATION = 4
    INTERRUPTED = 130


_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (click.ClickException, Exit.USAGE),
    (OptionError, Exit.USAGE),
    (ConstraintError, Exit.INPUT),
    (VocabularyError, Exit.INPUT),
    (MissingExtraError, Exit.MISSING),
    (BackendError, Exit.MISSING),
    (GenerationError, Exit.GENERATION),
    (LimitExceeded, Exit.GENERATION),
    (Cancelled, Exit.GENERATION),
)

_quiet = False


def exit_code(error: Exception) -> Exit:
    """The exit code that tells of `error`."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return Exit.INPUT


def report(error: Exception, *, as_json: bool, about: str = "", out: IO[str] | None = None) -> Exit:
    """Tell of `error`: as one JSON object on standard output, or `out`, or to people on standard
    error. Returns the exit code. `about` is the file that it is about, if there are several."""
    code = exit_code(error)
    if as_json:
        from structgen.cli.plain import dumps, plain_error

        place = {"file": about} if about else {}
        click.echo(
            dumps({**place, "ok": False, "error": plain_error(error), "exit_code": code}), file=out
        )
        return code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    lines = error.format_message() if isinstance(error, click.ClickException) else str(error)
    message, mark, hint = lines.partition("\n\nhint: ")
    place = f"{about}: " if about else ""
    click.echo(f"{styled('error:', bold=True, color='red')} {place}{message}", err=True)
    if not mark and isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"{error.ctx.command_path} --help"
    if hint:
        click.echo(f"{styled('hint:', bold=True)} {hint}", err=True)
    return code


def be_quiet(quiet: bool) -> None:
    """Whether notes, warnings and progress are left out."""
    global _quiet
    if quiet != _quiet:
        from structgen.models import progress

        progress.allow(not quiet)
    _quiet = quiet


def note(message: str) -> None:
    """A remark for the person, on standard error."""
    if not _quiet:
        click.echo(styled(message, dim=True), err=True)


def show_warnings_as_notes() -> None:
    """Tell of Python's warnings in one line, without the place in our code they come from."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        note(f"warning: {message}")

    warnings.showwarning = show


def styled(text: str, *, dim: bool = False, bold: bool = False, color: str | None = None) -> str:
    """`text` with terminal styles, unless ``NO_COLOR`` is set (https://no-color.org).

    `click.echo` removes the styles where the stream is no terminal.
    """
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, dim=dim or None, bold=bold or None, fg=color)


def visible(text: str) -> str:
    """`text` as a quoted literal in which blanks and control characters can be seen."""
    return repr(text)


def existing(name: str, *, hint: str = "") -> Path:
    """The file called `name`.

    Raises:
        click.UsageError: there is none.
    """
    path = Path(name).expanduser()
    try:
        found = path.is_file()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        found = False
    if not found:
        what = "is a folder" if not found and path.is_dir() else "does not exist"
        raise click.UsageError(f"the file `{name}` {what}" + (f"\n\nhint: {hint}" if hint else ""))
    return path
