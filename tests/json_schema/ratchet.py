"""The ratchet: what is not as the official suite has it stands in one table, and nowhere else.

    python -m tests.json_schema.ratchet             # the figures, and what differs from the table
    python -m tests.json_schema.ratchet --write     # bring the table up to date

`remaining.json` has a row for each test that is not right, with its reason. A false accept may
stand there only in the files of `TOLERATED`; anything else that is wrong and not in the table, or
in the table and not wrong, fails the tests. Writing removes what has become right and moves what
stays; a new row needs a reason (`--reason`), except that a schema which is refused has one already.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.json_schema import data, suite

TABLE = Path(__file__).with_name("remaining.json")

TOLERATED = {
    # Draft 7 lets an implementation assert `contentEncoding` and `contentMediaType`; here they
    # are annotations, as they are for all later drafts.
    ("optional", "content"),
}
"""Parts and files where a test may be listed that calls an instance invalid which we accept."""

Kind = Literal["false accept", "false reject", "refused"]


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A test of the suite that is not right, or a group (`test` is empty) that is refused."""

    part: str
    file: str
    group: str
    test: str
    draft: str
    kind: Kind

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """What the rows of several drafts have in common."""
        return (self.part, self.file, self.group, self.test, self.kind)

    def __str__(self) -> str:
        test = f": {self.test}" if self.test else ""
        return f"{self.kind}: {self.draft}/{self.part}/{self.file}: {self.group}{test}"


@dataclass(kw_only=True)
class Outcome:
    """What one part of one draft came to."""

    draft: str
    part: str
    tests: int = 0
    right: int = 0
    wrong: dict[Place, str] = field(default_factory=dict)
    """With the error message of what was refused; otherwise empty."""

    def count(self, kind: Kind) -> int:
        return sum(place.kind == kind for place in self.wrong)


def outcome(
    draft: str,
    part: suite.Part,
    *,
    folder: Path,
    registry: Mapping[str, object],
    paths: list[suite.TokenPath],
) -> Outcome:
    """Judges one part of one draft."""
    found = Outcome(draft=draft, part=part)
    for group in suite.groups(folder, draft, part):
        found.tests += len(group.tests)

        def wrong(test: str, kind: Kind, why: str = "", *, group: suite.Group = group) -> None:
            place = Place(
                part=part,
                file=group.file,
                group=group.description,
                test=test,
                draft=draft,
                kind=kind,
            )
            found.wrong[place] = why

        verdicts = suite.judge(group, registry, paths)
        if isinstance(verdicts, suite.Refusal):
            wrong("", "refused", verdicts.message)
            continue
        for test, verdict in zip(group.tests, verdicts, strict=True):
            if isinstance(verdict, suite.Refusal):
                wrong(test["description"], "refused", verdict.message)
            elif verdict == test["valid"]:
                found.right += 1
            else:
                wrong(test["description"], "false accept" if verdict else "false reject")
    return found


def read_table(path: Path = TABLE) -> dict[Place, str]:
    """The reason of each place in the table."""
    return {
        Place(
            part=row["part"],
            file=row["file"],
            group=row["group"],
            test=row["test"],
            draft=draft,
            kind=row["verdict"],
        ): row["reason"]
        for row in json.loads(path.read_text(encoding="utf-8"))
        for draft in row["drafts"]
    }


def write_table(rows: Mapping[Place, str], path: Path = TABLE) -> None:
    """One line for each test, whatever the number of drafts."""
    drafts: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for place, reason in sorted(rows.items()):
        drafts.setdefault((place.row, reason), []).append(place.draft)
    lines = [
        json.dumps(
            dict(zip(("part", "file", "group", "test", "verdict"), row, strict=True))
            | {"drafts": sorted(names, key=list(suite.DRAFTS).index), "reason": reason},
            ensure_ascii=False,
        )
        for (row, reason), names in drafts.items()
    ]
    body = ",\n".join(lines)
    path.write_text(f"[\n{body}\n]\n" if lines else "[]\n", encoding="utf-8")


def forbidden(places: Iterable[Place]) -> list[Place]:
    """False accepts that no table may hold."""
    return [
        place
        for place in places
        if place.kind == "false accept" and (place.part, place.file) not in TOLERATED
    ]


def differences(found: Outcome, table: Mapping[Place, str]) -> list[str]:
    """Everything in which an outcome is not what the table says."""
    listed = {place for place in table if place.draft == found.draft and place.part == found.part}
    problems = [f"forbidden: {place}" for place in forbidden(found.wrong)]
    problems += [
        f"not in the table: {place} {found.wrong[place]}" for place in found.wrong.keys() - listed
    ]
    problems += [f"right, and still in the table: {place}" for place in listed - found.wrong.keys()]
    return sorted(problems)


def updated(
    found: Iterable[Outcome], table: Mapping[Place, str], reason: str | None
) -> dict[Place, str]:
    """The table for these outcomes.

    Raises:
        SystemExit: a false accept that must not be there, or a new row without a reason.
    """
    places = {place: message for outcome in found for place, message in outcome.wrong.items()}
    if forbidden(places):
        raise SystemExit("\n".join(f"refused to write: {place}" for place in forbidden(places)))
    # The same test of another draft has the same reason.
    known = {place.row: text for place, text in table.items()}
    rows: dict[Place, str] = {}
    bare: dict[str, None] = {}
    for place, message in places.items():
        text = table.get(place) or known.get(place.row) or message or reason
        rows[place] = text
        if not text:
            bare.setdefault(f"{place.kind}: {'/'.join(place.row[:2])}: {place.group}: {place.test}")
    if bare:
        raise SystemExit(
            "\n".join(f"needs a --reason: {test}" for test in bare)
            + "\n\nwas right before, or is new in the suite: mend it, or say why it stays"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="bring the table up to date")
    parser.add_argument("--reason", help="of the rows that are new")
    args = parser.parse_args()
    folder = data.root() / "json-schema-test-suite"
    if not folder.is_dir():
        parser.error(f"no {folder}; set STRUCTGEN_DATA")
    outcomes = [
        outcome(draft, part, folder=folder, registry=data.registry(), paths=data.paths(part, draft))
        for draft in suite.KNOWN_DRAFTS
        for part in suite.PARTS
    ]
    print("| draft | part | tests | right | false accepts | false rejects | refused |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for found in outcomes:
        if found.tests:
            refused = found.tests - found.right
            refused -= found.count("false accept") + found.count("false reject")
            print(
                f"| {found.draft} | {found.part} | {found.tests} | {found.right} "
                f"| {found.count('false accept')} | {found.count('false reject')} | {refused} |"
            )
    table = read_table() if TABLE.exists() else {}
    if args.write:
        write_table(updated(outcomes, table, args.reason))
        return
    problems = [problem for found in outcomes for problem in differences(found, table)]
    if problems:
        print("\n".join(["", *problems]))
        sys.exit(1)


if __name__ == "__main__":
    main()
