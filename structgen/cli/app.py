"""The command group; commands are imported when they are asked for."""

from __future__ import annotations

import importlib

import click

from structgen.cli.console import reporting_errors

_COMMANDS = {
    "generate": "Write text that satisfies a constraint.",
    "check": "Judge a schema, grammar or pattern; show what it means.",
    "mask": "Show what may come next after a beginning.",
    "models": "List the models that can be loaded; fetch the default one.",
}


class _Lazy(click.Group):
    """Knows the names of its commands, imports their modules on use."""

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


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="structgen", prog_name="structgen")
def app() -> None:
    """Language models that write what a grammar, a schema or a program allows.

    \b
    structgen generate "A person named Ada." --schema person.json
    structgen check person.json
    structgen mask --regex '[0-9]{4}-[0-9]{2}' 2026-
    structgen models

    Results go to standard output, everything else to standard error.

    \b
    Exit codes: 0 done, 1 the constraint is at fault, 2 the command line is at fault,
    3 a package or model is missing, 4 generation failed.
    """


def run() -> None:
    """Run the command line of this process."""
    with reporting_errors():
        app()
