"""What all commands share: exit codes, messages, colour.

====  ==========================================================================
code  meaning
====  ==========================================================================
0     done
1     the constraint or the vocabulary given is at fault
2     the command line is at fault
3     something is missing: a package, a model, cargo
4     generation failed: the token budget, a dead end, a limit
130   interrupted
====  ==========================================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

import click

from structgen.errors import (
    BackendError,
    ConstraintError,
    GenerationError,
    LimitExceeded,
    MissingExtraError,
    StructgenError,
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


_CODES: tuple[tuple[type[StructgenError], Exit], ...] = (
    (ConstraintError, Exit.INPUT),
    (VocabularyError, Exit.INPUT),
    (MissingExtraError, Exit.MISSING),
    (BackendError, Exit.MISSING),
    (GenerationError, Exit.GENERATION),
    (LimitExceeded, Exit.GENERATION),
)


def exit_code(error: StructgenError) -> Exit:
    """The exit code that tells of `error`."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return Exit.INPUT


def note(message: str) -> None:
    """A remark for the person, on standard error."""
    click.echo(styled(message, dim=True), err=True)


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


@contextmanager
def reporting_errors() -> Generator[None]:
    """Turn structgen's errors into a message on standard error and an exit code."""
    try:
        yield
    except StructgenError as error:
        click.echo(f"{styled('error:', bold=True, color='red')} {error}", err=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
