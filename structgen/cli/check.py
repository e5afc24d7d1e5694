"""``structgen check``: judge a schema, grammar or pattern, and show what it means."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import click

from structgen.cli.console import note, reporting_errors, styled, visible
from structgen.constraints import TextConstraint, collisions, grammar, json_schema, regex
from structgen.constraints.schema_options import Draft
from structgen.errors import ConstraintError, MissingExtraError

Kind = Literal["schema", "grammar", "regex"]
_KINDS: Mapping[str, Kind] = {
    ".json": "schema",
    ".lark": "grammar",
    ".gbnf": "grammar",
    ".ebnf": "grammar",
}


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What there is to say of a constraint that compiles."""

    kind: Kind
    exactness: str
    report: list[dict[str, str]]
    collisions: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    samples: list[str] = field(default_factory=list[str])


@click.command("check")
@click.argument("source", metavar="FILE")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["schema", "grammar", "regex"]),
    help=("What FILE is; by its suffix otherwise. With 'regex', FILE is the pattern itself."),
)
@click.option("--start", default=None, help="Rule of a grammar to begin with.")
@click.option(
    "--draft",
    type=click.Choice(get_args(Draft)),
    help="Version of a JSON Schema; that of its $schema otherwise.",
)
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    source: str,
    kind: Kind | None,
    start: str | None,
    draft: Draft | None,
    samples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Judge the JSON Schema, grammar or pattern in FILE.

    \b
    structgen check person.json
    structgen check grammars/sql/sql.lark --samples 5
    structgen check --as regex '(a|b)*c'

    If it compiles (exit code 0), shows what is enforced where, terminals of a grammar that
    can match the same text, and sample texts. If not (exit code 1), says what is wrong and
    where: a JSON pointer, or line, column and an excerpt.

    \b
    Of each keyword of a JSON Schema:
      enforced     masks forbid what it forbids
      residual     judged at the end of its value, not in every mask
      annotation   forbids nothing, or is unknown
      unreachable  a definition to which no reference leads; not read
    """
    with reporting_errors():
        found = kind or _KINDS.get(Path(source).suffix)
        if found is None:
            raise click.UsageError(
                f"cannot tell what {source!r} is; say --as schema, grammar or regex"
            )
        if found != "regex" and not Path(source).is_file():
            raise ConstraintError(f"there is no file `{source}`")
        if draft is not None and found != "schema":
            raise click.UsageError("--draft goes with a JSON Schema")
        constraint = _build(found, source, start, draft)
        verdict = Verdict(kind=found, exactness=constraint.exactness, report=constraint.report)
        if found == "grammar":
            verdict.collisions = _collisions(source, start)
        if found == "schema":
            # The same values, spelled as people would.
            constraint = json_schema(
                Path(source),
                draft=draft,
                whitespace="compact",
                escapes="minimal",
                number_spelling="plain",
            )
        verdict.samples = [constraint.sample(seed + index) for index in range(samples)]
        if as_json:
            click.echo(json.dumps(_plain(verdict), ensure_ascii=False, indent=2))
        else:
            _print(verdict, source)


def _build(kind: Kind, source: str, start: str | None, draft: Draft | None) -> TextConstraint:
    if kind == "schema":
        return json_schema(Path(source), draft=draft)
    if kind == "grammar":
        return grammar(Path(source), start)
    return regex(source)


def _collisions(source: str, start: str | None) -> list[dict[str, str]]:
    try:
        found = collisions(Path(source), start=start)
    except MissingExtraError as error:
        note(f"colliding terminals were not looked for: {error}")
        return []
    return [{"first": one.first, "second": one.second, "example": one.example} for one in found]


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "kind": verdict.kind,
        "exactness": verdict.exactness,
        "report": verdict.report,
        "collisions": verdict.collisions,
        "samples": verdict.samples,
    }


def _print(verdict: Verdict, source: str) -> None:
    click.echo(f"{styled('ok', bold=True, color='green')}  {source}: {verdict.kind}")
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
