"""``structgen mask``: what may come next after a beginning."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from structgen._core import Matcher, Vocabulary
from structgen.cli.console import Exit, be_quiet, note, styled, visible
from structgen.cli.constraint_options import constraint_options, options_from
from structgen.cli.plain import dumps
from structgen.cli.vocabularies import vocabulary_named
from structgen.errors import ConstraintError
from structgen.masks import allocate_mask, allowed_tokens


@click.command("mask")
@click.argument("prefix", default="")
@constraint_options
@click.option(
    "--tokenizer",
    metavar="SPEC",
    default="bytes",
    show_default=True,
    help=(
        "Whose tokens: 'bytes' (256 single bytes), 'default' (SmolLM2), a tokenizer folder, or a "
        "tokenizer.json / tekken.json / .gguf file."
    ),
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many tokens to list.",
)
@click.option("--quiet", "-q", is_flag=True, help="No notes and no progress on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    prefix: str, tokenizer: str, top: int, quiet: bool, as_json: bool, **given: object
) -> None:
    """Show what may come next after PREFIX.

    \b
    structgen mask --regex '[0-9]{4}-[0-9]{2}' 2026-
    structgen mask --schema person.json '{"na' --tokenizer default
    structgen mask --grammar json '[1,' --top 5
    structgen mask --schema '{"type": "number"}' --number-spelling all 1e

    Lists the allowed tokens (shortest first), how many there are, the text that is forced
    next, and whether PREFIX is already complete. If PREFIX leaves the constraint, says where;
    the exit code is then 1.
    """
    be_quiet(quiet)
    built = options_from(given).build()
    if built is None:
        raise click.UsageError("name a constraint: --schema, --regex, --choice or --grammar")
    vocabulary = vocabulary_named(tokenizer)
    matcher = built.compile(vocabulary).matcher()
    text = prefix.encode("utf-8", "surrogateescape")
    taken = matcher.advance_text(text)
    if taken < len(text):
        good = text[:taken].decode("utf-8", "replace")
        raise ConstraintError(
            f"the constraint forbids the prefix after {visible(good)}: "
            f"{visible(text[taken:].decode('utf-8', 'replace')[:20])} cannot follow",
            hint=f"structgen mask ... {visible(good)} shows what can",
        )
    _print(matcher, vocabulary, top, as_json)


def _print(matcher: Matcher, vocabulary: Vocabulary, top: int, as_json: bool) -> None:
    mask = allocate_mask(1, vocabulary.size)
    matcher.fill_mask(mask)
    allowed = [int(token) for token in allowed_tokens(mask, vocabulary.size)]
    ends = set(vocabulary.eos_token_ids)
    texts = [token for token in allowed if token not in ends]
    shown = sorted(texts, key=lambda token: _order(vocabulary, token))[:top]
    if as_json:
        click.echo(
            dumps(
                {
                    "complete": matcher.is_accepting(),
                    "forced": matcher.forced_text(),
                    "count": len(allowed),
                    "end_allowed": any(token in ends for token in allowed),
                    "tokens": [{"id": token, "text": _text(vocabulary, token)} for token in shown],
                }
            )
        )
        if not allowed:
            sys.exit(Exit.INPUT)
        return
    complete = "complete" if matcher.is_accepting() else "not complete"
    click.echo(f"{styled('state ', bold=True)}  {complete}")
    click.echo(f"{styled('forced', bold=True)}  {visible(matcher.forced_text())}")
    end = " (with the end)" if any(token in ends for token in allowed) else ""
    click.echo(f"{styled('tokens', bold=True)}  {len(allowed)} of {vocabulary.size}{end}")
    for token in shown:
        click.echo(f"{token:>8}  {visible(_text(vocabulary, token))}")
    if len(texts) > len(shown):
        note(f"{len(texts) - len(shown)} more; --top {len(texts)} shows all")
    if not allowed:
        note("nothing may follow: a dead end")
        sys.exit(Exit.INPUT)


def _order(vocabulary: Vocabulary, token: int) -> tuple[int, bytes]:
    spelled = vocabulary.token_bytes(token)
    return (len(spelled), spelled) if spelled is not None else (0, b"")


def _text(vocabulary: Vocabulary, token: int) -> str:
    spelled = vocabulary.token_bytes(token)
    if spelled is not None:
        return spelled.decode("utf-8", "backslashreplace")
    return next((n for n, i in vocabulary.special_tokens.items() if i == token), "")


__all__: Sequence[str] = ["command"]
