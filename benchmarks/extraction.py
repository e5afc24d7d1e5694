"""Does a mask change what a model extracts? Prices, percentages, quantities and dates.

    OMP_NUM_THREADS=1 python benchmarks/extraction.py --out extraction.jsonl
    python benchmarks/extraction.py --report extraction.jsonl --summary extraction.json

Each row shows a model a sentence with one value, and takes the value out of it greedily, under the
default options of `structgen.generate`. Of a value that is not the one of the sentence, the model
itself goes on greedily *without* a constraint, from the same text up to the value:

    right     the value of the sentence
    own       another value, which the model alone writes as well: its own mistake
    forced    another value, and the model alone writes something else: the mask's mistake

Outcomes are appended to `--out` as JSON lines as they come, and found there again: the same command
goes on where it was stopped. The exit status is 1 if a value was forced.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

import structgen as sg
from structgen.models import LanguageModel

KINDS = ("price", "percentage", "quantity", "date")
_FREE_TOKENS = 14
"""Tokens that the model writes alone: a value is shorter."""
_THINGS = ("lamp", "chair", "kettle", "book", "phone", "pen", "bike", "hat", "desk", "clock")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A sentence, and the value in it."""

    kind: str
    sentence: str
    schema: dict[str, Any]
    value: str

    def prompt(self) -> list[dict[str, str]]:
        """What the model is asked."""
        asked = f'Extract the {self.kind} as JSON, for example {{"{self.kind}": ...}}.'
        return [{"role": "user", "content": f'{asked} Text: "{self.sentence}"'}]


def rows(count: int, seed: int) -> list[Row]:
    """`count` rows, of each kind in turn."""
    dice = random.Random(seed)
    return [_row(KINDS[index % len(KINDS)], dice) for index in range(count)]


def _row(kind: str, dice: random.Random) -> Row:
    thing = dice.choice(_THINGS)
    if kind == "price":
        cents = dice.choice([dice.randint(1, 99), 10 * dice.randint(0, 9), 0, 50])
        value = f"{dice.randint(0, 999)}.{cents:02d}"
        sentence, kind_of = f"The {thing} costs ${value} in our shop.", "number"
    elif kind == "percentage":
        value = f"{dice.randint(0, 99)}.{dice.choice([0, 5, dice.randint(0, 9)])}"
        sentence, kind_of = f"Sales of the {thing} rose by {value}% this year.", "number"
    elif kind == "quantity":
        value = str(dice.choice([dice.randint(1, 99), 100 * dice.randint(1, 99), 1000]))
        sentence, kind_of = f"Please send us {value} pieces of the {thing}.", "integer"
    else:
        day = f"{dice.randint(1, 28):02d}"
        value = f"{dice.randint(1990, 2030)}-{dice.randint(1, 12):02d}-{day}"
        sentence, kind_of = f"The {thing} was delivered on {value} to the office.", "string"
    field: dict[str, Any] = {"type": kind_of}
    if kind == "date":
        field["format"] = "date"
    schema = {
        "type": "object",
        "properties": {kind: field},
        "required": [kind],
        "additionalProperties": False,
    }
    return Row(kind=kind, sentence=sentence, schema=schema, value=value)


def same(one: str, other: str) -> bool:
    """Whether two texts spell one value."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return one == other


def spelled(kind: str, text: str) -> str | None:
    """The value with which `text` begins, if it does: quotes, blanks and signs of money aside."""
    pattern = r"\d{4}-\d{2}-\d{2}" if kind == "date" else r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
    found = re.match(rf'[\s"$]*({pattern})', text)
    return found[1] if found else None


def alone(model: LanguageModel, prompt_ids: Sequence[int], tokens: int) -> str:
    """What the model writes greedily, without a constraint."""
    session = model.start(list(prompt_ids))
    written: list[int] = []
    for _ in range(tokens):
        token = int(np.argmax(session.logits()[0]))
        if token in model.vocabulary.eos_token_ids:
            break
        written.append(token)
        session.append([token])
    return model.vocabulary.decode(written).decode("utf-8", "replace")


def extract(model: LanguageModel, row: Row) -> dict[str, Any]:
    """One outcome."""
    started = time.process_time()
    result = sg.generate(model, row.prompt(), row.schema, temperature=0, max_tokens=48)
    written = str(json.loads(result.text, parse_float=str, parse_int=str)[row.kind])
    found: dict[str, Any] = {
        "kind": row.kind,
        "sentence": row.sentence,
        "text": result.text,
        "value": row.value,
        "written": written,
    }
    if same(written, row.value):
        found["outcome"] = "right"
    else:
        # Up to the token in which the value begins.
        tokens = list(result.ledger.tokens)
        start = result.text.rindex(written)
        before, kept = 0, 0
        for token in tokens:
            before += len(model.vocabulary.token_bytes(token) or b"")
            if before > start:
                break
            kept += 1
        ids = [*model.prompt_ids(row.prompt()), *tokens[:kept]]
        lead = model.vocabulary.decode(tokens[:kept]).decode()
        text = lead + alone(model, ids, _FREE_TOKENS)
        own = spelled(row.kind, text[start:])
        found["alone"] = text[start:]
        found["outcome"] = "own" if own is not None and same(own, written) else "forced"
    return found | {"cpu_seconds": round(time.process_time() - started, 2)}


def read(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The outcomes in the files that are there."""
    found = [path.read_text("utf-8").splitlines() for path in paths if path.exists()]
    return [json.loads(line) for lines in found for line in lines]


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Extract what is not extracted yet."""
    outcomes = read([args.out] if args.out else [])
    model = sg.load(args.model or "default")
    wanted = rows(args.rows, args.seed)[args.skip :][: args.only]
    for number, row in enumerate(wanted[len(outcomes) :], len(outcomes) + 1):
        outcome = extract(model, row)
        outcomes.append(outcome)
        if args.out:
            with args.out.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(outcome) + "\n")
        print(f"\r{number}/{len(wanted)}", end="", file=sys.stderr, flush=True)
    return outcomes


def report(outcomes: list[dict[str, Any]]) -> bool:
    """Print what came of it; whether no value was forced."""
    for one in outcomes:
        if one["outcome"] != "right":
            print(f"{one['outcome']:6} {one['value']:>12} -> {one['written']:<24} {one['text']!r}")
    for kind in KINDS:
        tally = Counter(one["outcome"] for one in outcomes if one["kind"] == kind)
        print(f"{kind:12} {dict(sorted(tally.items()))}")
    tally = Counter(one["outcome"] for one in outcomes)
    print(f"{len(outcomes)} values: {dict(sorted(tally.items()))}; forced wrong: {tally['forced']}")
    return tally["forced"] == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--skip", type=int, default=0, help="leave out the first so many")
    parser.add_argument("--only", type=int, help="take so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="what `structgen.load` takes; the embedded one by default")
    parser.add_argument("--out", type=Path, help="outcomes as JSON lines; found ones are kept")
    parser.add_argument("--report", type=Path, nargs="+", help="only tell of these outcomes")
    parser.add_argument("--summary", type=Path, help="write everything as one JSON document")
    args = parser.parse_args()
    outcomes = read(args.report) if args.report else run(args)
    unforced = report(outcomes)
    if args.summary:
        command = "python benchmarks/extraction.py " + " ".join(sys.argv[1:])
        about = {"command": command, "forced": sum(o["outcome"] == "forced" for o in outcomes)}
        args.summary.write_text(json.dumps(about | {"outcomes": outcomes}, indent=1) + "\n")
    if not unforced:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
