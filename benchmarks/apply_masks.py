"""Masks on logits, on the CPU: structgen's core beside what peers call for the same.

    python benchmarks/apply_masks.py --vocab-size 128256 --batches 1,8,64

Masks are of three kinds: *few* (a key or a number may come: some hundred tokens), *most* (inside a
string: all but some thousand), *half* (every bit by chance, the worst case of all). Each contender
masks the same float32 logits in place; who goes first changes with every round. Printed are the
median time of structgen and, of each other one, the median over the rounds of its time by ours.
`torch` is what one writes by hand: bits unpacked, `masked_fill_`.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from engines import version
from summaries import Table

import structgen as sg
from structgen.integrations.torch import apply_mask_, unpack_mask

Apply = Callable[[torch.Tensor, torch.Tensor], Any]


def by_hand(logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits.masked_fill_(~unpack_mask(mask)[:, : logits.shape[1]], -torch.inf)


def contenders(threads: int) -> dict[str, Apply]:
    """Who can apply a mask, by name; structgen comes first."""
    found: dict[str, Apply] = {
        "structgen": lambda logits, mask: apply_mask_(logits, mask, threads=threads),
        "torch": by_hand,
    }
    try:
        import xgrammar

        found["xgrammar"] = xgrammar.apply_token_bitmask_inplace
    except ImportError:
        print("xgrammar is not installed", file=sys.stderr)
    try:
        from llguidance.torch import apply_token_bitmask_inplace

        found["llguidance"] = apply_token_bitmask_inplace
    except ImportError:
        print("llguidance is not installed", file=sys.stderr)
    return found


def masks(kind: str, rows: int, size: int, rng: np.random.Generator) -> torch.Tensor:
    """Packed masks; see the module."""
    bits = (
        rng.random((rows, size)) < {"few": 300 / size, "most": 1 - 3000 / size, "half": 0.5}[kind]
    )
    mask = sg.allocate_mask(rows, size)
    padded = np.ones((rows, mask.shape[1] * 32), dtype=bool)
    padded[:, :size] = bits
    mask[:] = np.packbits(padded, axis=1, bitorder="little").view(np.int32)
    return torch.from_numpy(mask)


def compare(
    applies: dict[str, Apply], mask: torch.Tensor, size: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds of each contender in each round. They have to agree."""
    logits = torch.randn(len(mask), size)
    results = []
    for apply in applies.values():
        results.append(logits.clone())
        apply(results[-1], mask)  # also compiles what is compiled at first use
    for name, result in zip(applies, results, strict=True):
        if not torch.equal(result, results[0]):
            raise SystemExit(f"{name} masks other tokens")
    names = list(applies)
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for k in range(len(names)):
            name = names[(turn + k) % len(names)]
            given = logits.clone()
            started = time.perf_counter()
            applies[name](given, mask)
            found[name].append(time.perf_counter() - started)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vocab-size", type=int, default=128_256)
    parser.add_argument("--batches", default="1,8,64", help="rows, comma-separated")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1, help="of every contender")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    applies = contenders(args.threads)
    rng = np.random.default_rng(args.seed)
    others = [name for name in applies if name != "structgen"]
    rows: list[list[str]] = []
    figures: list[dict[str, Any]] = []
    for batch in map(int, args.batches.split(",")):
        for kind in ("few", "most", "half"):
            mask = masks(kind, batch, args.vocab_size, rng)
            found = compare(applies, mask, args.vocab_size, args.rounds)
            ours = found["structgen"]
            microseconds = statistics.median(ours) * 1e6
            ratios = {
                name: statistics.median(t / o for t, o in zip(found[name], ours, strict=True))
                for name in others
            }
            figures.append({"batch": batch, "mask": kind, "us": microseconds, "ratios": ratios})
            rows.append(
                [f"{batch} x {kind}", f"{microseconds:.0f}", *(f"{r:.1f}" for r in ratios.values())]
            )
    head = ["rows x mask", "structgen (us)"]
    head += [f"{name} by structgen" for name in others]
    print(
        f"{args.vocab_size} tokens, float32, {args.threads} threads, {args.rounds} rounds, "
        f"{platform.processor() or platform.machine()}\n"
    )
    print(Table(head, rows).markdown())
    if args.out:
        versions = {"torch": torch.__version__}
        versions |= {name: version(name) for name in applies if name != "torch"}
        about = {"command": sys.argv, "machine": platform.platform(), "versions": versions}
        args.out.write_text(json.dumps(about | {"figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
