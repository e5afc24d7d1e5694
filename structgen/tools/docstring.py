"""Reads what a docstring says of a function and of its parameters (Google style)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$")
_ENTRY = re.compile(r"^\*{0,2}(?P<name>\w+)(?:\s*\([^)]*\))?:\s*(?P<text>.*)$")


def read_docstring(function: Callable[..., object]) -> tuple[str, dict[str, str]]:
    """The text before the first section, and the descriptions of the ``Args:`` section by name."""
    summary: list[str] = []
    entries: dict[str, list[str]] = {}
    section, current = "", ""
    for line in (inspect.getdoc(function) or "").splitlines():
        if (heading := _SECTION.match(line)) is not None:
            section, current = heading[1], ""
        elif not section:
            summary.append(line)
        elif section in ("Args", "Arguments", "Parameters"):
            indent = len(line) - len(line.lstrip())
            if 0 < indent <= 4 and (entry := _ENTRY.match(line.strip())) is not None:
                current = entry["name"]
                entries[current] = [entry["text"]]
            elif current and line.strip():
                entries[current].append(line.strip())
    descriptions = {name: " ".join(lines).strip() for name, lines in entries.items()}
    return "\n".join(summary).strip(), descriptions
