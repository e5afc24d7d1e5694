"""``python -m tests.json_schema.fuzzing --help``"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time

from tests.json_schema.fuzzing import campaign, checks, malformed, schemas, shrinking, texts
from tests.json_schema.fuzzing.checks import Disagreement, Outcome
from tests.json_schema.fuzzing.judge import DRAFTS


def pasted(case: Disagreement) -> str:
    """As an entry of `crashers.json`."""
    parts = {
        "what": case.detail or case.kind,
        "draft": case.draft,
        "options": case.options,
        "registry": case.registry,
        "deferred": case.deferred,
        "schema": case.schema,
        "text": case.text,
        "valid": case.valid,
    }
    lines = ",\n".join(
        f"  {json.dumps(name)}: "
        + (json.dumps(value, ensure_ascii=False) if name == "text" else texts.dumps(value))
        for name, value in parts.items()
    )
    return "{\n" + lines + "\n}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.json_schema.fuzzing")
    parser.add_argument("--pairs", type=int, default=20_000, help="(schema, instance) pairs")
    parser.add_argument(
        "--schemas", type=int, default=2_000, help="schemas whose generated documents are judged"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draft", choices=["all", *DRAFTS], default="all")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--samples", type=int, default=2, help="documents generated per schema")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--show", type=int, default=20, help="disagreements that are shown")
    parser.add_argument(
        "--broken", type=int, default=0, help="broken schemas, which must end in typed errors"
    )
    parser.add_argument(
        "--deferred",
        action="store_true",
        help="judge all that has several alternatives at the end of its value",
    )
    parser.add_argument("--case", help="run one case alone, by the name that a report gave it")
    asked = parser.parse_args()
    if asked.case is not None:
        return single(asked.case, asked.deferred)
    plan = campaign.Plan(
        seed=asked.seed,
        drafts=DRAFTS if asked.draft == "all" else (asked.draft,),
        pairs=asked.pairs,
        schemas=asked.schemas,
        samples=asked.samples,
        jobs=asked.jobs,
        first=asked.first,
        deferred=asked.deferred,
    )
    started = time.monotonic()

    def progress(outcome: Outcome) -> None:
        if sys.stderr.isatty():
            counts = outcome.counts
            print(
                f"\r{counts['pairs']} pairs, {counts['schemas']} schemas, "
                f"{len(outcome.disagreements)} disagreements",
                end="",
                file=sys.stderr,
            )

    outcome = campaign.run(plan, progress)
    for index in range(asked.broken):
        outcome.add(malformed.check(f"{asked.seed}/{index}"))
    report(outcome, asked.show)
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if outcome.disagreements else 0


def single(name: str, deferred: bool) -> int:
    """One case, by its seed."""
    draft = name.split("/")[1]
    case = schemas.make(random.Random(name), draft)
    print(texts.dumps(case.schema))
    if case.registry:
        print(texts.dumps(case.registry))
    sys.stdout.flush()
    outcome = checks.check(name, draft, pairs=50, samples=10, deferred=deferred)
    report(outcome, 20)
    return 1 if outcome.disagreements else 0


def report(outcome: Outcome, show: int) -> None:
    for name in sorted(outcome.counts):
        print(f"{outcome.counts[name]:9}  {name}")
    pairs = outcome.counts["pairs"]
    if pairs:
        print(f"{outcome.counts['valid'] / pairs:9.1%}  of the pairs are valid")
    for spent, draft, text in sorted(outcome.slow, reverse=True)[:show]:
        print(f"slow: {spent:.2f} s CPU, {draft}: {text}")
    print(f"{len(outcome.disagreements)} disagreements")
    for found in outcome.disagreements[:show]:
        small = found if found.schema is None else shrinking.shrunk(found)
        print(f"\n{found.kind} (case {found.origin})\n{pasted(small)}")


if __name__ == "__main__":
    sys.exit(main())
