"""``structgen check``: judge schemas, grammars or patterns, and show what they mean."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click

from structgen._core import Limits
from structgen.cli.console import Exit, be_quiet, note, report, styled, visible
from structgen.cli.constraint_options import (
    Kind,
    Source,
    chosen_json,
    limit_option,
    source_named,
)
from structgen.cli.json_options import json_options
from structgen.cli.plain import dumps
from structgen.cli.samples import readable_sample
from structgen.constraints import GrammarSource, collisions
from structgen.errors import LimitExceeded, StructgenError


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What there is to say of a constraint that compiles."""

    file: str
    ok: bool = True
    kind: Kind
    exactness: str
    report: list[dict[str, str]]
    collisions: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    samples: list[str] = field(default_factory=list[str])


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["schema", "grammar", "regex"]),
    help="What FILE is; by its suffix otherwise. With 'regex', FILE is the pattern itself.",
)
@click.option("--start", default=None, metavar="RULE", help="Rule of a grammar to begin with.")
@limit_option
@json_options
@click.option(
    "--samples",
    type=click.IntRange(0, 100),
    default=3,
    show_default=True,
    help="How many sample texts to show.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which samples."
)
@click.option("--quiet", "-q", is_flag=True, help="Nothing for what is right: the exit code says.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per FILE, one a line.")
def command(
    files: tuple[str, ...],
    kind: Kind | None,
    start: str | None,
    limits: Limits | None,
    samples: int,
    seed: int,
    quiet: bool,
    as_json: bool,
    **given: object,
) -> None:
    """Judge the JSON Schema, grammar or pattern in each FILE ('-' is standard input; the name of a
    shipped grammar, such as json, will do).

    \b
    structgen check person.json
    structgen check schemas/*.json --quiet
    structgen check sql.lark --start select --samples 5
    structgen check json
    structgen check --as regex '(a|b)*c'
    cat person.json | structgen check - --property-order any --json

    If it compiles (exit code 0), shows what is enforced where, terminals of a grammar that
    can match the same text, and sample texts. If not (exit code 1), says what is wrong and
    where: a JSON pointer, or line, column and an excerpt. With several FILEs, each is judged, and
    the exit code is that of the first that fails.

    \b
    Of each keyword of a JSON Schema:
      enforced     masks forbid what it forbids
      residual     judged at the end of its value, not in every mask
      annotation   forbids nothing, or is unknown
      unreachable  a definition to which no reference leads; not read
    """
    be_quiet(quiet)
    if list(files).count("-") > 1:
        raise click.UsageError("'-' is standard input, and can be read once")
    codes: list[Exit] = []
    for position, file in enumerate(files):
        if position and not as_json and not quiet:
            click.echo()
        try:
            source = source_named(
                file, kind, start=start, options=chosen_json(given), limits=limits
            )
            verdict = _judge(file, source, samples, seed)
        except (StructgenError, click.UsageError) as error:
            if len(files) == 1 and not as_json:
                raise
            codes.append(report(error, as_json=as_json, about=file))
            continue
        if as_json:
            click.echo(dumps(verdict))
        elif not quiet:
            _print(verdict)
    if codes:
        sys.exit(codes[0])


def _judge(file: str, source: Source, samples: int, seed: int) -> Verdict:
    constraint = source.build()
    verdict = Verdict(
        file=file, kind=source.kind, exactness=constraint.exactness, report=constraint.report
    )
    if isinstance(source.value, GrammarSource):
        verdict.collisions = _collisions(source.value, source.start)
    if source.kind == "schema":
        # The same values, spelled as people would.
        constraint = source.build(whitespace=(", ", ": "), escapes="minimal")
    verdict.samples = [readable_sample(constraint, seed + index) for index in range(samples)]
    return verdict


def _collisions(source: GrammarSource, start: str | None) -> list[dict[str, str]]:
    try:
        found = collisions(source, start=start)
    except LimitExceeded as error:
        note(f"colliding terminals were not looked for: {error}")
        return []
    return [{"first": one.first, "second": one.second, "example": one.example} for one in found]


def _print(verdict: Verdict) -> None:
    click.echo(f"{styled('ok', bold=True, color='green')}  {verdict.file}: {verdict.kind}")
    masks = "exact" if verdict.exactness == "exact" else "an upper bound (samplers retreat)"
    click.echo(f"masks: {masks}")
    for line in report_lines(verdict.report):
        click.echo(line)
    if verdict.collisions:
        click.echo(styled("terminals that can match the same text:", bold=True))
        for one in verdict.collisions:
            click.echo(f"  {one['first']} and {one['second']}: {visible(one['example'])}")
    if verdict.samples:
        click.echo(styled("samples:", bold=True))
        for sample in verdict.samples:
            click.echo(f"  {visible(sample)}" if verdict.kind != "schema" else f"  {sample}")


def report_lines(report: Sequence[Mapping[str, str]]) -> list[str]:
    """The compiler's report in columns, and how many keywords have each status."""
    rows = [
        (
            one.get("pointer") or "(root)",
            one.get("keyword") or _whole(one.get("status", "")),
            one.get("status", ""),
            one.get("note"),
        )
        for one in report
    ]
    if not rows:
        return []
    pointer, keyword, status = (max(len(str(row[i])) for row in rows) for i in range(3))
    counts = Counter(row[2] for row in rows)
    return [
        styled("keywords:", bold=True)
        + " "
        + ", ".join(f"{count} {name}" for name, count in counts.most_common()),
        *(
            f"  {p:<{pointer}}  {k:<{keyword}}  {s:<{status}}  {note or ''}".rstrip()
            for p, k, s, note in rows
        ),
    ]


def _whole(status: str) -> str:
    """What stands for the keyword where a line is about a whole schema."""
    return "(schema)" if status == "unreachable" else "(bool)"
