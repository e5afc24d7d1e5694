"""The command line: ``structgen generate | check | mask | models``.

One file per command, imported when the command runs. Data goes to standard output; progress,
notes and errors go to standard error. Exit codes are those of `structgen.cli.console`.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``structgen`` script. Never returns: exits with a code."""
    try:
        import click  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        sys.stderr.write(
            "error: the command line needs `click`, which is not installed\n"
            "\nhint: pip install 'structgen[cli]'\n"
        )
        sys.exit(3)
    from structgen.cli.app import run

    run()


__all__ = ["main"]
