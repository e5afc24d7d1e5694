"""The grammars that come with structgen, by name.

They live in the folder ``grammars/`` of the repository, each with a README and samples, and are
compiled into the core, so that every wheel carries them.
"""

from __future__ import annotations

from structgen._core import shipped_grammars as compiled_in


def shipped_grammars() -> dict[str, str]:
    """The shipped grammars: name to the text of its Lark file. ``grammar(name)`` loads one."""
    return compiled_in()
