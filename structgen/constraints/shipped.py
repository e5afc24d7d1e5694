"""The grammars that come with structgen, by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_ROOM = Path(__file__).resolve().parent.parent


def _folders() -> tuple[Path, ...]:
    """Where grammars may lie: inside an installed package, or beside it in a checkout."""
    return (_ROOM / "_shipped_grammars", _ROOM.parent / "grammars")


@cache
def shipped_grammars() -> dict[str, Path]:
    """The shipped grammars: name to the path of its ``grammar.lark``."""
    found: dict[str, Path] = {}
    for folder in _folders():
        if folder.is_dir():
            for path in sorted(folder.glob("*/grammar.lark")):
                found.setdefault(path.parent.name, path)
    return found
