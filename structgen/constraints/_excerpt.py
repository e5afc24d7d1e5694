"""The place of an error in a text, drawn for people."""

from __future__ import annotations

from collections.abc import Iterable

from structgen.errors import RegexSyntaxError

_WIDTH = 100
_MAX_NAMES = 20


def caret_excerpt(text: str, line: int, column: int) -> str:
    """The line of `text` (1-based `line`) with a caret under 1-based `column`.

    Long lines are cut around the column. Empty if the line does not exist.
    """
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        return ""
    shown = lines[line - 1].rstrip("\r").replace("\t", " ")
    column = max(1, min(column, len(shown) + 1))
    start = max(0, column - 1 - _WIDTH // 2)
    cut = shown[start : start + _WIDTH]
    before = "..." if start else ""
    after = "..." if start + _WIDTH < len(shown) else ""
    gutter = f"{line:>4} | "
    caret = " " * (len(before) + column - 1 - start) + "^"
    return f"{gutter}{before}{cut}{after}\n{' ' * (len(gutter) - 2)}| {caret}"


def with_caret(error: RegexSyntaxError, pattern: str) -> RegexSyntaxError:
    """The error with an excerpt of its pattern that shows the place."""
    return RegexSyntaxError(
        error.message,
        line=error.line,
        column=error.column,
        excerpt=caret_excerpt(pattern, error.line, error.column),
        hint=error.hint,
    )


def start_hint(rules: Iterable[str]) -> str:
    """How to name the rule to start from."""
    names = sorted(rules)
    if not names:
        return "it has no rules at all: terminals alone are imported by other grammars"
    shown = ", ".join(f"`{name}`" for name in names[:_MAX_NAMES])
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f'name one of its rules with `start="..."`: {shown}{more}'


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """The 1-based line and column (in code points) of `offset` in `text`."""
    offset = max(0, min(offset, len(text)))
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1
