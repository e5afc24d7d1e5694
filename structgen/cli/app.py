"""The command group; commands are imported when they are asked for."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from structgen.cli.console import Exit, be_quiet, report, show_warnings_as_notes
from structgen.errors import StructgenError

_COMMANDS = {
    "generate": "Write text that satisfies a constraint.",
    "check": "Judge schemas, grammars or patterns; show what they mean.",
    "mask": "Show what may come next after a beginning.",
    "models": "List the models that can be loaded; fetch the default one.",
}


class _Commands(click.Group):
    """Knows the names of its commands, imports their modules on use, and turns every error into
    an exit code and a message, or with ``--json`` into a JSON object."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: object = importlib.import_module(f"structgen.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, so that ``--help`` imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader (`head`, say) has seen enough; Python must not complain on leaving.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.OK

    def main(self, args: Sequence[str] | None = None, *rest: Any, **more: Any) -> NoReturn:
        words = list(sys.argv[1:] if args is None else args)
        # Looked for by hand: the command line may be what cannot be read.
        as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
        be_quiet(False)
        more["standalone_mode"] = False
        try:
            result: object = super().main(words, *rest, **more)
        except (click.ClickException, StructgenError) as error:
            sys.exit(report(error, as_json=as_json))
        except (KeyboardInterrupt, click.Abort):
            sys.exit(Exit.INTERRUPTED)
        sys.exit(result if isinstance(result, int) else Exit.OK)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="structgen", prog_name="structgen")
def app() -> None:
    """Language models that write what a grammar, a schema or a program allows.

    \b
    structgen generate "A person named Ada." --schema person.json
    structgen generate "Two dates." --regex '[0-9]{4}-[0-9]{2}-[0-9]{2}' --n 2 --json
    structgen check person.json grammars/*.lark
    structgen mask --grammar json '[1,'
    structgen models

    Results go to standard output, everything else to standard error. With --json, every command
    prints JSON, also of errors: {"ok": false, "error": {"code", "message", "hint", ...}}.

    \b
    Exit codes: 0 done, 1 the constraint is at fault, 2 the command line is at fault or a file
    is missing, 3 a package or model is missing, 4 generation failed, 130 interrupted.

    \b
    Completion of commands and options by the shell:
      bash:  eval "$(_STRUCTGEN_COMPLETE=bash_source structgen)"
      zsh:   eval "$(_STRUCTGEN_COMPLETE=zsh_source structgen)"
      fish:  _STRUCTGEN_COMPLETE=fish_source structgen | source
    """


def run() -> None:
    """Run the command line of this process."""
    show_warnings_as_notes()
    app()
