"""Sets of thousands of values, and objects with dozens of conditions, beside a peer.

    python benchmarks/large_sets.py --tokenizer DIR [--peers llguidance,xgrammar] [--out FILE.json]

Each case is a JSON Schema and a document of it; the document is read token by token. *Build* is the
CPU time from the schema to a matcher, *largest* the slowest of its masks, *mean* that of mask and
commit. Each engine compiles freshly, in one process, one after the other; --repeat takes the least
of several runs. A ratio is our time by the peer's; a peer that refuses a case has none.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines import ENGINES
from judging import read_tokens
from tokenizers import Tokenizer

LETTERS = string.ascii_lowercase


@dataclass(frozen=True)
class Case:
    """A schema and a document."""

    name: str
    schema: Any
    document: Any


@dataclass(frozen=True)
class Times:
    """Of one engine on one case, in milliseconds."""

    build: float
    largest: float
    mean: float


def words(count: int, length: int) -> list[str]:
    """Random words, the same ones each time."""
    draw = random.Random(f"{count} {length}")
    return ["".join(draw.choices(LETTERS, k=length)) for _ in range(count)]


def cases(scale: float) -> list[Case]:
    """Those of the issue, with as many values and conditions as `scale` says."""

    def of(count: int) -> int:
        return max(3, round(count * scale))

    long, short = words(of(3_000), 200), words(of(100_000), 12)
    keys = [(f"k{i}", f"q{i}") for i in range(of(60))]
    required = {"dependentRequired": {key: [other] for key, other in keys}}
    object_of_all = {name: 1 for pair in keys for name in pair}
    kinds = of(40)
    conditions = [
        {
            "if": {"properties": {"t": {"const": f"v{i}"}}, "required": ["t"]},
            "then": {"required": [f"a{i}"]},
        }
        for i in range(kinds)
    ]
    branches = [
        {"properties": {"t": {"const": f"v{i}"}, f"a{i}": {"type": "integer"}}, "required": ["t"]}
        for i in range(kinds)
    ]
    return [
        Case("enum of long words", {"enum": long}, long[1]),
        Case("enum of short words", {"enum": short}, short[1]),
        Case(
            "enum within a pattern",
            {"enum": short, "pattern": "^[a-y]"},
            next(w for w in short if w[0] != "z"),
        ),
        Case(
            "anyOf of constants",
            {"anyOf": [{"const": word} for word in short[: of(5_000)]]},
            short[1],
        ),
        Case("enum of integers", {"enum": list(range(0, 7 * of(100_000), 7))}, 14),
        Case("dependentRequired", {"type": "object", **required}, object_of_all),
        Case("if and then", {"type": "object", "allOf": conditions}, {"t": "v1", "a1": 1, "b": 3}),
        Case("oneOf by a constant", {"type": "object", "oneOf": branches}, {"t": "v1", "a1": 3}),
    ]


def measure(engine: Any, case: Case, ids: list[int]) -> Times | str:
    """What the engine takes, or why it refuses."""
    start = time.thread_time()
    try:
        stepper = engine.start(engine.compile(case.schema))
    except Exception as error:
        return f"refused: {error}"[:80]
    build = time.thread_time() - start
    masks: list[float] = []
    total = 0.0
    for token in ids:
        before = time.thread_time()
        mask = stepper.mask()
        masks.append(time.thread_time() - before)
        if not int(mask[token >> 5]) >> (token & 31) & 1 or not stepper.commit(token):
            return "refuses the document"
        total += time.thread_time() - before
    return Times(build * 1e3, max(masks) * 1e3, total / len(ids) * 1e3)


def least(runs: list[Times | str]) -> Times | str:
    """The least of each, unless a run was refused."""
    times = [run for run in runs if isinstance(run, Times)]
    if len(times) < len(runs):
        return next(run for run in runs if isinstance(run, str))
    return Times(*(min(getattr(run, name) for run in times) for name in asdict(times[0])))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="DIR")
    parser.add_argument("--peers", default="llguidance", help="names, with commas; none for none")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the values of each case")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tokens = read_tokens(options.tokenizer)
    tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
    names = ["structgen", *(name for name in options.peers.split(",") if name)]
    engines = {name: ENGINES[name](tokens) for name in names}
    results: dict[str, dict[str, Any]] = {}
    print("| case | engine | build ms | largest mask ms | mean ms | build, largest by ours |")
    print("|---|---|--:|--:|--:|---|")
    for case in cases(options.scale):
        ids = tokenizer.encode(json.dumps(case.document), add_special_tokens=False).ids
        row = {
            name: least([measure(engine, case, ids) for _ in range(options.repeat)])
            for name, engine in engines.items()
        }
        results[case.name] = {
            name: asdict(found) if isinstance(found, Times) else found
            for name, found in row.items()
        }
        ours = row["structgen"]
        for name, found in row.items():
            if isinstance(found, str):
                print(f"| {case.name} | {name} | {found} | | | |")
                continue
            ratio = ""
            if name != "structgen" and isinstance(ours, Times):
                ratio = f"{ours.build / found.build:.2f}, {ours.largest / found.largest:.2f}"
            print(
                f"| {case.name} | {name} | {found.build:.1f} | {found.largest:.2f} "
                f"| {found.mean:.3f} | {ratio} |"
            )
    if options.out:
        options.out.write_text(json.dumps({"scale": options.scale, "results": results}, indent=1))


if __name__ == "__main__":
    main()
