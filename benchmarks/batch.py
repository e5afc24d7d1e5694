"""Batch fill: the masks of 64 sequences in one call, on one thread and on two.

    python benchmarks/batch.py --data DIR --tokenizer DIR

A batch is 64 sequences, each under a MaskBench schema of its own: one call of `fill_masks` fills
the masks of all, then each commits the next token of its instance; 40 steps. *Cold* are masks of
fresh constraints, their states met for the first time, on a vocabulary that knows their lexemes;
*warm* the same texts once more, when every mask is memoised. Both numbers of threads take turns,
who goes first changes, and every draw of schemas gives the median over its rounds. On a shared
machine two threads are disturbed more often than one: *undisturbed* takes the least time of each
call over all rounds instead, on either side.

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

import numpy as np
from engines import version
from maskbench import load_cases, tokenize
from numpy.typing import NDArray
from summaries import Table

import structgen as sg

Work = list[tuple[Any, list[int]]]
Seconds = NDArray[np.float64]
"""By kind of time and call."""

TIMES = ("cold", "warm")


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
            sg.json_schema(
                case["schema"], property_order="any", escapes="all", number_spelling="all"
            ).compile(vocabulary)
        except sg.StructgenError:
            continue
        work.append((case["schema"], ids))
    if len(work) < args.rows:
        raise SystemExit(f"{len(work)} schemas with {args.steps} tokens, {args.rows} are needed")
    return work


def seconds(work: Work, vocabulary: sg.Vocabulary, threads: int, steps: int) -> Seconds:
    """Of each call: with fresh constraints, and along the same texts again."""
    mask = sg.allocate_mask(len(work), vocabulary.size)
    matchers = [
        sg.json_schema(schema, property_order="any", escapes="all", number_spelling="all")
        .compile(vocabulary)
        .matcher()
        for schema, _ in work
    ]
    spent = np.zeros((len(TIMES), steps))
    for time_of in spent:
        for matcher in matchers:
            matcher.reset()
        for step in range(steps):
            begun = time.perf_counter()
            sg.fill_masks(matchers, mask, threads=threads)
            time_of[step] = time.perf_counter() - begun
            for matcher, (_, ids) in zip(matchers, work, strict=True):
                matcher.advance(ids[step])
    return spent


def measure(work: Work, vocabulary: sg.Vocabulary, args: Any) -> dict[str, float]:
    """Of one draw: microseconds of a call on one thread, and how many times as fast more are, in
    the median of the rounds and by the least time of each call."""
    for threads in (1, args.threads):
        seconds(work, vocabulary, threads, args.steps)
    rounds: dict[int, list[Seconds]] = {1: [], args.threads: []}
    for number in range(args.rounds):
        for threads in (1, args.threads) if number % 2 else (args.threads, 1):
            rounds[threads].append(seconds(work, vocabulary, threads, args.steps))
    one, more = (np.stack(rounds[threads]) for threads in (1, args.threads))
    figures: dict[str, float] = {}
    for at, name in enumerate(TIMES):
        figures[f"{name} us"] = float(np.median(one[:, at].mean(axis=1))) * 1e6
        gains = one[:, at].sum(axis=1) / more[:, at].sum(axis=1)
        figures[f"{name} gain"] = float(np.median(gains))
        least = one[:, at].min(axis=0).sum() / more[:, at].min(axis=0).sum()
        figures[f"{name} gain, undisturbed"] = float(least)
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
        row = [name]
        for kind in TIMES:
            gains = (one[f"{kind} gain"], one[f"{kind} gain, undisturbed"])
            row += [f"{one[f'{kind} us']:.0f}", *(f"{gain:.2f}" for gain in gains)]
        rows.append(row)
    columns = [(f"{kind}, 1 thread (us)", "gain", "undisturbed") for kind in TIMES]
    table = Table(["draw", *(name for of_kind in columns for name in of_kind)], rows)
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
