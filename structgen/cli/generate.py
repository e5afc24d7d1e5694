"""``structgen generate``: write text that satisfies a constraint."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Literal

import click

from structgen.cli.console import note, reporting_errors
from structgen.cli.constraint_options import ConstraintOptions, constraint_options
from structgen.generate import Options, Stream, answer, described, prepare, resolve_model
from structgen.models import Message
from structgen.types import Generation


@click.command("generate")
@click.argument("prompt", required=False)
@constraint_options
@click.option(
    "--model", default="default", show_default=True, metavar="SPEC", help="See 'structgen models'."
)
@click.option("--system", metavar="TEXT", help="System message.")
@click.option("--raw", is_flag=True, help="Give PROMPT to the model as it is, without chat markup.")
@click.option("--describe", is_flag=True, help="Tell the model the schema (with --schema).")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Token budget; the text is complete and valid within it.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0.0),
    default=1.0,
    show_default=True,
    help="0 is greedy.",
)
@click.option("--top-k", type=click.IntRange(min=1), help="Keep the k likeliest allowed tokens.")
@click.option(
    "--top-p",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=1.0,
    help="Keep the likeliest allowed tokens of this mass.",
)
@click.option(
    "--min-p",
    type=click.FloatRange(0.0, 1.0),
    default=0.0,
    help="Keep allowed tokens at least this share as likely as the likeliest.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Reproduce a result.")
@click.option(
    "--sampler",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "masked", "awrs", "importance", "smc"]),
    help="How to draw.",
)
@click.option("--particles", type=click.IntRange(min=1), help="With importance and smc.")
@click.option("--speculative", is_flag=True, help="Draft and verify: the same text, sooner.")
@click.option("--stop", multiple=True, metavar="TEXT", help="End free text here (repeat).")
@click.option("--stream", "streamed", is_flag=True, help="Print pieces as they are written.")
@click.option("--json", "as_json", is_flag=True, help="Print text, value, weights and timings.")
def command(
    prompt: str | None,
    model: str,
    system: str | None,
    raw: bool,
    describe: bool,
    max_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float,
    min_p: float,
    seed: int | None,
    sampler: Literal["auto", "masked", "awrs", "importance", "smc"],
    particles: int | None,
    speculative: bool,
    stop: tuple[str, ...],
    streamed: bool,
    as_json: bool,
    **constraint: object,
) -> None:
    """Answer PROMPT (or standard input) with text that a constraint allows.

    \b
    structgen generate "A person named Ada." --schema person.json
    structgen generate "Yes or no: is water wet?" --choice yes --choice no --temperature 0
    structgen generate "An ISO date:" --raw --regex '[0-9]{4}-[0-9]{2}-[0-9]{2}'
    echo "Compute something." | structgen generate --grammar grammars/arithmetic/arithmetic.lark

    The text goes to standard output. Without a constraint, the text is free.
    """
    with reporting_errors():
        chosen = ConstraintOptions(**constraint)  # pyright: ignore[reportArgumentType]
        built = chosen.build()
        if as_json and streamed:
            raise click.UsageError("--json and --stream cannot be combined")
        asked = _prompt(prompt, system, raw)
        if describe:
            asked = _described(asked, chosen)
        try:
            options = Options(
                max_tokens=max_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                min_p=min_p,
                seed=seed,
                sampler=sampler,
                particles=particles,
                speculative=True if speculative else None,
                stop=stop,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        network = resolve_model(model)
        if streamed:
            result = _follow(Stream(prepare(network, asked, built, None, options.seeded())))
        else:
            result = answer(prepare(network, asked, built, None, options.seeded()))
            click.echo(json.dumps(_plain(result), ensure_ascii=False) if as_json else result.text)
        if not as_json and seed is None and temperature > 0:
            note(f"seed {result.seed}")


def _prompt(prompt: str | None, system: str | None, raw: bool) -> str | list[Message]:
    text = prompt
    if text is None or text == "-":
        if sys.stdin.isatty():
            raise click.UsageError("give a PROMPT, or pipe one in")
        text = sys.stdin.read()
    if raw:
        if system is not None:
            raise click.UsageError("--system goes with chat messages, not with --raw")
        return text
    messages: list[Message] = [{"role": "user", "content": text}]
    return messages if system is None else [{"role": "system", "content": system}, *messages]


def _described(asked: str | list[Message], chosen: ConstraintOptions) -> list[Message]:
    schema = chosen.schema_value()
    if schema is None:
        raise click.UsageError("--describe goes with --schema")
    if isinstance(asked, str):
        raise click.UsageError("--describe goes with chat messages, not with --raw")
    return described(asked, schema)


def _follow(pieces: Stream[object]) -> Generation[object]:
    for piece in pieces:
        click.echo(piece, nl=False)
    click.echo()
    return pieces.result


def _plain(result: Generation[object]) -> dict[str, object]:
    """The result as JSON: what was written, how likely it was, what it took."""
    ledger = result.ledger
    plain: dict[str, object] = {
        "text": result.text,
        "seed": result.seed,
        "finish_reason": ledger.finish_reason,
        "tokens": len(ledger.tokens),
        "logp_raw": ledger.logp_raw,
        "log_w": ledger.log_w,
        "timings": result.timings,
    }
    if result.particles is not None:
        plain["particles"] = {
            "log_evidence": result.particles.log_evidence,
            "ess": result.particles.ess,
            "texts": [one.text for one in result.particles.ledgers],
            "weights": result.particles.weights().tolist(),
        }
    if result.speculation is not None:
        plain["speculation"] = {
            **asdict(result.speculation),
            "tokens_per_forward": result.speculation.tokens_per_forward,
        }
    return plain
