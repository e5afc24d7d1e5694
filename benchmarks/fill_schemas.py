"""A real model fills real schemas: is every output complete and valid?

    python benchmarks/fill_schemas.py --data DIR --schemas 100 --max-tokens 200

Takes MaskBench schemas that compile and whose shortest instance fits the budget, asks the model to
fill each, greedily and at temperature 1, and validates the outputs with `jsonschema`. Schemas that
do not compile, or do not fit, are counted and named, never silently skipped.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from second_opinion import errors

import structgen as sg

PROMPT_CHARACTERS = 1200  # of the schema in the prompt: what is measured is validity, not reading


def files(folder: Path, parts: list[str], seed: int) -> list[Path]:
    """MaskBench files of these parts, in a reproducible order."""
    found = sorted(f for part in parts for f in folder.glob(f"{part}*.json"))
    random.Random(seed).shuffle(found)
    return found


def judge(schema: Any, text: str) -> str:
    """Empty if `text` is valid JSON for `schema`; else what is wrong with it."""
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"not JSON: {error}"
    return "; ".join(f"invalid: {message}" for message in errors(schema, value))


def fill(model: Any, schema: Any, temperature: float, args: argparse.Namespace) -> dict[str, Any]:
    """One answer of the model, judged."""
    asked = json.dumps(schema)[:PROMPT_CHARACTERS]
    messages = [{"role": "user", "content": f"Write a JSON document for this schema: {asked}"}]
    started = time.perf_counter()
    result = sg.generate(
        model,
        messages,
        output=schema,
        max_tokens=args.max_tokens,
        temperature=temperature,
        seed=args.seed,
        speculative=args.speculative,
    )
    return {
        "temperature": temperature,
        "tokens": len(result.ledger.tokens),
        "finish": result.ledger.finish_reason,
        "seconds": round(time.perf_counter() - started, 3),
        "log_w": result.ledger.log_w,
        "text": result.text,
        "wrong": judge(schema, result.text),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of MaskBench files")
    parser.add_argument("--parts", default="Glaive,BFCL,Github_easy", help="prefixes of file names")
    parser.add_argument("--schemas", type=int, default=100)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="what `structgen.load` takes; the embedded one by default")
    parser.add_argument("--speculative", action="store_true")
    parser.add_argument("--out", type=Path, help="write one JSON line per output")
    args = parser.parse_args()

    model = sg.load(args.model or "default")
    skipped: Counter[str] = Counter()
    outputs: list[dict[str, Any]] = []
    done = 0
    for file in files(args.data, args.parts.split(","), args.seed):
        if done == args.schemas:
            break
        schema = json.loads(file.read_text("utf-8"))["schema"]
        try:
            filled = [fill(model, schema, temperature, args) for temperature in (0.0, 1.0)]
        except (sg.ConstraintError, sg.LimitExceeded, sg.TokenBudgetError) as error:
            skipped[type(error).__name__] += 1
            print(f"skipped {file.name}: {error.message[:160]}", file=sys.stderr)
            continue
        done += 1
        for output in filled:
            output["file"] = file.name
            outputs.append(output)
            if output["wrong"]:
                print(f"WRONG {file.name}: {output['wrong']}\n{output['text']}", file=sys.stderr)
            if args.out:
                with args.out.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(output) + "\n")
        print(f"\r{done}/{args.schemas}", end="", file=sys.stderr)
    right = sum(not output["wrong"] for output in outputs)
    finishes = Counter(output["finish"] for output in outputs)
    tokens = sum(output["tokens"] for output in outputs)
    seconds = sum(output["seconds"] for output in outputs)
    print(f"\n{right} of {len(outputs)} outputs are complete and valid ({done} schemas)")
    print(f"finished: {dict(finishes)}; skipped: {dict(skipped)}")
    print(f"{tokens} tokens in {seconds:.0f} s, {tokens / seconds:.1f} a second")
    if right != len(outputs) or done < args.schemas:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
