"""The official JSON Schema test suite: what each engine makes of each keyword of each draft.

    python benchmarks/json_schema_suite.py --suite DIR \\
        --engines structgen,llguidance,xgrammar,xgrammar-loose,glrmask,outlines \\
        --write docs/json-schema.md --out results.json

DIR is a checkout of json-schema-org/JSON-Schema-Test-Suite. Run it in the repository: the reading
of the suite is that of the tests. An instance is the text of `json.dumps(data,
ensure_ascii=False)`; its tokens are its bytes, so that no tokenizer is judged along. It is accepted
if each byte is in the mask before it and can be committed, and the end is accepted after the last.

Every engine reads the schema with its own defaults, except that

* structgen (`structgen-any` is not needed here) takes properties in any order, formats as
  annotations where the suite says so, the remote documents and the metaschemas as a registry;
* a schema of the suite that does not name its draft gets that `$schema` for the others.

An engine that takes longer than --timeout for a schema, or crashes, has refused it. With --write,
the tables between the markers in that file are replaced. With --reuse, the counts of other engines
than structgen are taken from earlier --outs, where they had the same versions of them.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines import ENGINES, byte_tokens, version
from workers import Worker, WorkerLostError

# At the end of the path: an installed structgen is found first.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.json_schema import suite

BEGIN = "<!-- begin: written by benchmarks/json_schema_suite.py -->"
END = "<!-- end: written by benchmarks/json_schema_suite.py -->"

DIALECTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "v1": "https://json-schema.org/v1",
}

UNSATISFIABLE = re.compile(
    "EmptyLanguageError|unsatisfiable|cannot accept any value|greater than|must not be empty",
    re.IGNORECASE,
)
"""How engines say that no instance is valid."""

TITLES = {
    "required": "required tests",
    "format": "`format` tests, formats asserted",
    "optional": "other optional tests",
    "proposals": "proposals",
}


@dataclass
class Tally:
    """Tests of one file of the suite, by what an engine made of them."""

    right: int = 0
    false_accepts: int = 0
    false_rejects: int = 0
    refused: int = 0
    hung: int = 0
    """Of the refused ones, those where the engine took too long or crashed."""

    @property
    def tests(self) -> int:
        return self.right + self.false_accepts + self.false_rejects + self.refused

    def __iadd__(self, other: Tally) -> Tally:
        for name, count in asdict(other).items():
            setattr(self, name, getattr(self, name) + count)
        return self

    def __str__(self) -> str:
        """A cell of a table: the tests that are right, and what the others are."""
        if self.right == self.tests:
            return "all"
        parts = [str(self.right)]
        if self.false_accepts:
            parts.append(f"**{self.false_accepts}a**")
        if self.false_rejects:
            parts.append(f"{self.false_rejects}r")
        if self.refused:
            parts.append(f"{self.refused}x")
        if self.hung:
            parts.append(f"({self.hung}!)")
        return " ".join(parts)


Tallies = dict[tuple[str, str, str], dict[str, Tally]]
"""By draft, part and file; then by engine."""


def setup(name: str, folder: Path) -> Callable[[suite.Group], list[bool] | None]:
    """The judge of one engine: its verdicts on a group, or None where it refuses the schema."""
    engine = ENGINES[name](byte_tokens())
    registry = metaschemas() | suite.remotes(folder)

    def compiled(group: suite.Group) -> Any:
        if name.startswith("structgen"):
            return suite.constraint(group, registry).compile(engine.vocabulary)
        schema = group.schema
        if isinstance(schema, dict) and "$schema" not in schema:
            schema = {"$schema": DIALECTS[group.draft], **schema}
        return engine.compile(schema)

    def accepts(ready: Any, text: str) -> bool:
        sequence = engine.start(ready)
        for byte in text.encode():
            allowed = int(sequence.mask()[byte >> 5]) >> (byte & 31) & 1
            if not allowed or not sequence.commit(byte):
                return False
        return bool(sequence.accepting())

    def judge(group: suite.Group) -> list[bool] | None:
        try:
            ready = compiled(group)
            return [accepts(ready, suite.dumps(test["data"])) for test in group.tests]
        except Exception as error:  # every engine has its own
            # A schema that nothing satisfies may be refused for just that.
            nothing = UNSATISFIABLE.search(f"{type(error).__name__}: {error}")
            return [False] * len(group.tests) if nothing else None

    return judge


def metaschemas() -> dict[str, Any]:
    from jsonschema_specifications import REGISTRY

    return {uri.rstrip("#"): REGISTRY[uri].contents for uri in REGISTRY}


def tally(group: suite.Group, verdicts: list[bool] | None, *, hung: bool = False) -> Tally:
    found = Tally()
    if verdicts is None:
        found.refused = len(group.tests)
        found.hung = found.refused if hung else 0
        return found
    for test, accepted in zip(group.tests, verdicts, strict=True):
        if accepted == test["valid"]:
            found.right += 1
        elif accepted:
            found.false_accepts += 1
        else:
            found.false_rejects += 1
    return found


def run(
    folder: Path, name: str, drafts: list[str], timeout: float
) -> dict[tuple[str, str, str], Tally]:
    """What one engine makes of these drafts."""
    groups = [
        group
        for draft in drafts
        for part in suite.PARTS
        for group in suite.groups(folder, draft, part)
    ]
    tallies: dict[tuple[str, str, str], Tally] = {}
    if not groups:
        return tallies
    worker = Worker(name, setup, name, folder, timeout=timeout)
    for done, group in enumerate(groups):
        try:
            found = tally(group, worker.ask(group))
        except WorkerLostError:
            found = tally(group, None, hung=True)
        place = (group.draft, group.part, group.file)
        tallies.setdefault(place, Tally())
        tallies[place] += found
        if sys.stderr.isatty() or done % 100 == 0:
            print(f"\r{name} {done + 1}/{len(groups)} ", end="", file=sys.stderr)
    worker.stop()
    return tallies


def as_json(tallies: Tallies) -> list[dict[str, Any]]:
    return [
        {
            "draft": draft,
            "part": part,
            "file": file,
            "engines": {name: asdict(found) for name, found in place.items()},
        }
        for (draft, part, file), place in tallies.items()
    ]


def reusable(paths: list[Path], names: list[str], drafts: list[str]) -> Tallies:
    """What earlier runs have of these engines, in the versions that are installed."""
    found: Tallies = {}
    for path in paths:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        same = [
            name
            for name in names
            if not name.startswith("structgen") and earlier["versions"].get(name) == version(name)
        ]
        for row in earlier["counts"]:
            if row["draft"] in drafts:
                place = found.setdefault((row["draft"], row["part"], row["file"]), {})
                for name in same:
                    if name in row["engines"]:
                        place[name] = Tally(**row["engines"][name])
    return found


def total(tallies: Tallies, name: str, draft: str, part: str) -> Tally:
    found = Tally()
    for (its_draft, its_part, _), place in tallies.items():
        if (its_draft, its_part) == (draft, part) and name in place:
            found += place[name]
    return found


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def overview(tallies: Tallies, names: list[str], drafts: list[str], part: str) -> str:
    rows = []
    for draft in drafts:
        tests = total(tallies, names[0], draft, part).tests
        if tests:
            rows.append(
                [draft, str(tests), *(str(total(tallies, name, draft, part)) for name in names)]
            )
    return table(["draft", "tests", *names], rows)


def by_file(tallies: Tallies, names: list[str], draft: str, part: str) -> str:
    rows = [
        [f"`{file}`", str(place[names[0]].tests), *(str(place[name]) for name in names)]
        for (its_draft, its_part, file), place in tallies.items()
        if (its_draft, its_part) == (draft, part)
    ]
    return table(["file", "tests", *names], rows)


def tables(tallies: Tallies, names: list[str], drafts: list[str]) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    parts = [part for part in suite.PARTS if any(place[1] == part for place in tallies)]
    text = [
        f"{versions}.",
        "A cell says how many tests are right; **a**: false accepts, r: false rejects, x: tests "
        "of schemas that were refused, !: of those, where the engine took too long or crashed.",
    ]
    for part in parts:
        text += [f"### All drafts: {TITLES[part]}", overview(tallies, names, drafts, part)]
    for draft in reversed(drafts):
        for part in parts:
            if total(tallies, names[0], draft, part).tests:
                text += [f"### {draft}: {TITLES[part]}", by_file(tallies, names, draft, part)]
    return "\n\n".join(text)


def write_between_markers(path: Path, text: str) -> None:
    old = path.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + r".*?" + re.escape(END)
    if len(re.findall(pattern, old, re.S)) != 1:
        raise SystemExit(f"{path} wants the markers once:\n{BEGIN}\n{END}")
    new = re.sub(pattern, lambda _: f"{BEGIN}\n\n{text}\n\n{END}", old, flags=re.S)
    path.write_text(new, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", type=Path, required=True, help="checkout of the test suite")
    engines = [name for name in ENGINES if name != "structgen-any"]
    parser.add_argument("--engines", default=",".join(engines), help="comma-separated")
    parser.add_argument("--drafts", default=",".join(suite.KNOWN_DRAFTS), help="comma-separated")
    parser.add_argument("--timeout", type=float, default=20, help="seconds for one schema")
    parser.add_argument("--write", type=Path, help="Markdown file with the markers")
    parser.add_argument(
        "--reuse", type=Path, action="append", default=[], help="an earlier --out; may be repeated"
    )
    parser.add_argument("--out", type=Path, help="write the counts as JSON")
    args = parser.parse_args()
    names, drafts = args.engines.split(","), args.drafts.split(",")
    if unknown := set(names) - set(ENGINES):
        parser.error(f"unknown engines {sorted(unknown)}; there are {sorted(ENGINES)}")
    if unknown := set(drafts) - set(suite.DRAFTS):
        parser.error(f"unknown drafts {sorted(unknown)}; there are {sorted(suite.DRAFTS)}")
    if not (args.suite / "tests").is_dir():
        parser.error(f"{args.suite} holds no tests")
    tallies = reusable(args.reuse, names, drafts)
    known = {(name, draft) for (draft, _, _), place in tallies.items() for name in place}
    for name in names:
        missing = [draft for draft in drafts if (name, draft) not in known]
        for place, found in run(args.suite, name, missing, args.timeout).items():
            tallies.setdefault(place, {})[name] = found
    text = tables(tallies, names, drafts)
    print(text)
    if args.write:
        write_between_markers(args.write, text)
    if args.out:
        head = {
            "command": sys.argv,
            "machine": platform.platform(),
            "versions": {name: version(name) for name in names},
        }
        rows = ",\n".join(json.dumps(row) for row in as_json(tallies))
        args.out.write_text(f'{json.dumps(head)[:-1]}, "counts": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
