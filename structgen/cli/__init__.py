"""The command line: ``structgen generate | check | mask | models``.

One file per command, imported when the command runs. Data goes to standard output; progress,
notes and errors go to standard error. Exit codes are those of `structgen.cli.console`.
"""

from __future__ import annotations

import json
import sys

from structgen.errors import MissingExtraError


def main() -> None:
    """Entry point of the ``structgen`` script. Never returns: exits with a code."""
    try:
        import click  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        _complain(MissingExtraError.of(error, "click", extra="cli"))
        sys.exit(3)
    from structgen.cli.app import run

    run()


def _complain(error: MissingExtraError) -> None:
    """What `structgen.cli.console.report` says of an error, without click."""
    if "--json" in sys.argv[1:]:
        fields = {"code": error.code, "message": error.message, "hint": error.hint}
        print(json.dumps({"ok": False, "error": fields, "exit_code": 3}))
    else:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")


__all__ = ["main"]
