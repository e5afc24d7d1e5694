"""``structgen generate``: write text that satisfies a constraint."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, Any

import click

from structgen.cli.console import Exit, be_quiet, note, report
from structgen.cli.constraint_options import constraint_options, options_from
from structgen.cli.output_file import opened
from structgen.cli.plain import dumps, plain_result
from structgen.cli.prompts import prompt_from
from structgen.cli.sampling_options import SAMPLING_OPTIONS, sampling_options
from structgen.cli.tool_options import TOOL_OPTIONS, tool_options, tools_from
from structgen.errors import GenerationError, OptionError
from structgen.generate import (
    Options,
    Prompt,
    Request,
    Stream,
    answer,
    prepare,
    resolve_model,
)
from structgen.tools import ToolResponse
from structgen.types import Generation


@click.command("generate")
@click.argument("prompt", required=False)
@click.option("--prompt-file", metavar="FILE", help="Read the prompt from FILE; '-' is stdin.")
@click.option(
    "--messages",
    "messages_file",
    metavar="FILE",
    help='Chat messages as JSON: [{"role": "user", "content": "..."}, ...].',
)
@click.option("--system", metavar="TEXT", help="System message.")
@click.option("--raw", is_flag=True, help="Give PROMPT to the model as it is, without chat markup.")
@constraint_options
@tool_options
@click.option("--describe", is_flag=True, help="Tell the model the schema (with --schema).")
@click.option(
    "--model", default="default", show_default=True, metavar="SPEC", help="See 'structgen models'."
)
@sampling_options
@click.option(
    "--n",
    "count",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many texts, one after the other, with the seeds SEED, SEED + 1, ...",
)
@click.option("--stream", "streamed", is_flag=True, help="Print pieces as they are written.")
@click.option("--output", "-o", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--quiet", "-q", is_flag=True, help="No notes and no progress on standard error.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object per text: value, text, weights, seed, timings, ...",
)
def command(
    prompt: str | None,
    prompt_file: str | None,
    messages_file: str | None,
    system: str | None,
    raw: bool,
    describe: bool,
    model: str,
    streamed: bool,
    count: int,
    output: str | None,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Answer PROMPT (or standard input) with text that a constraint allows.

    \b
    structgen generate "A person named Ada." --schema person.json --describe
    structgen generate "Yes or no: is water wet?" --choice yes --choice no --temperature 0
    structgen generate "An ISO date:" --raw --regex '[0-9]{4}-[0-9]{2}-[0-9]{2}'
    echo "Compute something." | structgen generate --grammar arithmetic
    structgen generate "Weather in Bern?" --tools tools.json --tool-choice required
    structgen generate --prompt-file letter.txt --schema letter.json --json -o letter.out.json

    The text goes to standard output, of tool calls one JSON object a line. Without a constraint,
    the text is free. With --json, the value (parsed JSON, or {"text", "calls"} with --tools), how
    likely the model found it, and the seed that writes it again.
    """
    be_quiet(quiet)
    for name, other in (("--json", as_json), ("--n", count > 1)):
        if streamed and other:
            raise click.UsageError(f"{name} and --stream cannot be combined")
    tools = tools_from(given)
    chosen = options_from(given)
    built = chosen.build()
    asked = prompt_from(prompt, prompt_file, messages_file, system, raw=raw)
    if describe:
        if chosen.schema is None:
            raise click.UsageError("--describe goes with --schema")
        if isinstance(asked, str) and not raw:
            asked = [{"role": "user", "content": asked}]
    with _usage_errors():
        options = Options(
            **{name: given[name] for name in (*SAMPLING_OPTIONS, *TOOL_OPTIONS)},
            raw=raw,
            describe=describe,
            limits=chosen.limits,
        ).seeded()
    with opened(output) as out:
        network = resolve_model(model)
        with _usage_errors():
            request = prepare(network, asked, built, tools, options)
        if streamed:
            _follow(Stream(request), out)
        else:
            _answer_all(request, asked, count, out, as_json=as_json)
    if not as_json and given["seed"] is None and options.temperature > 0:
        note(f"seed {options.seed}")


def _answer_all(
    request: Request,
    prompt: Prompt,
    count: int,
    out: IO[str] | None,
    *,
    as_json: bool,
) -> None:
    """Write `count` texts. Of several, one that fails is told of in its place, and the exit code
    is that of the first failure."""
    failed: list[Exit] = []
    first = request.options
    for index in range(count):
        if index:
            request = request.again(prompt, first.reseeded(index))
        try:
            with _usage_errors():
                result = answer(request)
        except GenerationError as error:
            if count == 1:
                raise
            failed.append(report(error, as_json=as_json, out=out))
            continue
        if as_json:
            click.echo(dumps(plain_result(result)), file=out)
        else:
            click.echo(_text(result), file=out)
    if failed:
        sys.exit(failed[0])


def _follow(pieces: Stream[object], out: IO[str] | None) -> None:
    with _usage_errors():
        for piece in pieces:
            click.echo(piece, nl=False, file=out)
    click.echo(file=out)


def _text(result: Generation[object]) -> str:
    """The text; of a response of calls, the prose and then each call on a line of its own."""
    if not isinstance(result.value, ToolResponse) or not result.value.calls:
        return result.text
    calls = [
        dumps({"name": call.name, "arguments": json.loads(call.arguments_json)})
        for call in result.value.calls
    ]
    return "\n".join([*filter(None, [result.value.text.rstrip()]), *calls])


@contextmanager
def _usage_errors() -> Generator[None]:
    """Options that are out of range or contradict each other are the command line's fault."""
    try:
        yield
    except OptionError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None
