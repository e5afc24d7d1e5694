"""Batch fill: the masks of 64 sequences in one call, on one thread and on two.

    python benchmarks/batch.py --data DIR --tokenizer DIR

A batch is 64 sequences, each under a MaskBench schema of its own: one call of `fill_masks` fills
the masks of all, then each commits the next token of its instance; 40 steps. *Cold* are masks of
fresh constraints, their states met for the first time, on a vocabulary that knows their lexemes;
*warm* the same texts once more, when every mask is memoised. Both numbers of threads take turns,
who goes first changes, and every draw of schemas gives the median over its rounds.

Sequences under one constraint take turns where a mask is not memoised, so it is different
constraints that a second thread helps. A memoised mask is a copy of some 16 KiB: below 128 of them
the calling thread does it alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from engines import version
from maskbench import load_cases, tokenize
from summaries import Table

import structgen as sg

Work = list[tuple[Any, list[int]]]


def draw(data: Path, tokenizer: Path, vocabulary: sg.Vocabulary, seed: int, args: Any) -> Work:
    """Schemas, each with the tokens of a valid instance that is long enough."""
    cases = load_cases(data, 8 * args.rows, seed, [])
    tokenize(cases, tokenizer, ["default"], None)
    work: Work = []
    for _, case in cases:
        instances = [test["ids"]["default"] for test in case["tests"] if test["valid"]]
        ids = next((ids for ids in instances if len(ids) >= args.steps), None)
        if ids is None or len(work) == args.rows:
            continue
        try:
            sg.json_schema(case["schema"], property_order="any").compile(vocabulary)
        except sg.StructgenError:
            continue
        work.append((case["schema"], ids))
    if len(work) < args.rows:
        raise SystemExit(f"{len(work)} schemas with {args.steps} tokens, {args.rows} are needed")
    return work


def seconds(work: Work, vocabulary: sg.Vocabulary, threads: int, steps: int) -> tuple[float, float]:
    """Per call: with fresh constraints, and along the same texts again."""
    mask = sg.allocate_mask(len(work), vocabulary.size)
    matchers = [
        sg.json_schema(schema, property_order="any").compile(vocabulary).matcher()
        for schema, _ in work
    ]
    spent: list[float] = []
    for _ in range(2):
        total = 0.0
        for matcher in matchers:
            matcher.reset()
        for step in range(steps):
            begun = time.perf_counter()
            sg.fill_masks(matchers, mask, threads=threads)
            total += time.perf_counter() - begun
            for matcher, (_, ids) in zip(matchers, work, strict=True):
                matcher.advance(ids[step])
        spent.append(total / steps)
    return spent[0], spent[1]


def measure(work: Work, vocabulary: sg.Vocabulary, args: Any) -> dict[str, float]:
    """Medians over the rounds of one draw: microseconds on one thread, and how many times as fast
    more are."""
    for threads in (1, args.threads):
        seconds(work, vocabulary, threads, args.steps)
    rounds: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for number in range(args.rounds):
        order = (1, args.threads) if number % 2 else (args.threads, 1)
        found = {threads: seconds(work, vocabulary, threads, args.steps) for threads in order}
        rounds.append((found[1], found[args.threads]))
    figures: dict[str, float] = {}
    for at, name in enumerate(("cold", "warm")):
        figures[f"{name} us"] = statistics.median(one[at] for one, _ in rounds) * 1e6
        figures[f"{name} gain"] = statistics.median(one[at] / more[at] for one, more in rounds)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of MaskBench files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--draws", type=int, default=6, help="sets of schemas")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    vocabulary = sg.Vocabulary.from_tokenizer_json(args.tokenizer)
    draws: list[dict[str, float]] = []
    for seed in range(1, args.draws + 1):
        work = draw(args.data, args.tokenizer, vocabulary, seed, args)
        draws.append(measure(work, vocabulary, args))
    middle = {name: statistics.median(one[name] for one in draws) for name in draws[0]}
    rows: list[list[str]] = []
    for name, one in [*((str(i), one) for i, one in enumerate(draws, 1)), ("median", middle)]:
        times = [f"{one['cold us']:.0f}", f"{one['cold gain']:.2f}"]
        rows.append([name, *times, f"{one['warm us']:.0f}", f"{one['warm gain']:.2f}"])
    table = Table(["draw", "cold, 1 thread (us)", "gain", "warm, 1 thread (us)", "gain"], rows)
    print(
        f"{args.rows} sequences, {args.steps} calls, {args.threads} threads beside one, "
        f"{args.rounds} rounds, structgen {version('structgen')}, {platform.machine()}\n"
    )
    print(table.markdown())
    if args.out:
        found = {"command": " ".join(sys.argv), "draws": draws, "median": middle}
        args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
