"""Masks on logits: structgen beside what peers call for the same.

    python benchmarks/apply_masks.py --vocab-size 128256 --batches 1,8,64
    python benchmarks/apply_masks.py --device cuda --dtype bfloat16 --batches 1,8,64,512
    python benchmarks/apply_masks.py --device cuda --temperature 0.7 --clock wall

Masks are of three kinds: *few* (a key or a number may come: some hundred tokens), *most* (inside a
string: all but some thousand), *half* (every bit by chance, the worst case of all). Each contender
masks the same logits in place, with masks on the same device; who goes first changes with every
round. Printed are the median time of structgen and, of each other one, the median over the rounds
of its time by ours. On the CPU structgen is its core, on a CUDA device its Triton kernel. `torch`
is what one writes by hand: bits unpacked, `masked_fill_`; `compiled`, on CUDA devices, the same
under `torch.compile`. With --temperature, structgen divides in the same call, others divide first.

The clock *wall* runs until the device is ready, so that it holds what the host does to start a
kernel; *device* runs between two events on the device, behind work that keeps it busy until the
host is done, and that leaves nothing of logits or masks in its cache.
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

BUSY_BYTES = 1 << 30
"""Written on a device before its time is taken: some hundred microseconds, more than its cache."""


def by_hand(logits: torch.Tensor, mask: torch.Tensor) -> None:
    logits.masked_fill_(~unpack_mask(mask)[:, : logits.shape[1]], -torch.inf)


def contenders(device: str, threads: int, temperature: float | None) -> dict[str, Apply]:
    """Who can apply a mask, by name; structgen comes first."""

    def divided(apply: Apply) -> Apply:
        if temperature is None:
            return apply
        # One for each row, as in a batch. (By a plain number, torch multiplies by the reciprocal.)
        scale = torch.full((1, 1), temperature, device=device)
        return lambda logits, mask: apply(logits.div_(scale), mask)

    # On the device, as a server has them there: nothing to wait for.
    ours = None if temperature is None else torch.tensor(temperature, device=device)
    if device == "cpu":
        ours = temperature
    found: dict[str, Apply] = {
        "structgen": lambda logits, mask: apply_mask_(
            logits, mask, temperature=ours, threads=threads
        ),
        "torch": divided(by_hand),
    }
    if device == "cuda":
        found["compiled"] = torch.compile(divided(by_hand))
    try:
        import xgrammar

        found["xgrammar"] = divided(xgrammar.apply_token_bitmask_inplace)
    except ImportError:
        print("xgrammar is not installed", file=sys.stderr)
    try:
        from llguidance.torch import apply_token_bitmask_inplace

        found["llguidance"] = divided(apply_token_bitmask_inplace)
    except ImportError:
        print("llguidance is not installed", file=sys.stderr)
    return found


def wall(apply: Apply, logits: torch.Tensor, mask: torch.Tensor) -> float:
    """Seconds until the device is ready again."""
    if logits.is_cuda:
        torch.cuda.synchronize()
    started = time.perf_counter()
    apply(logits, mask)
    if logits.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


def on_device(apply: Apply, logits: torch.Tensor, mask: torch.Tensor) -> float:
    """Seconds of the device alone."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.empty(BUSY_BYTES, dtype=torch.uint8, device=logits.device).zero_()
    begin.record()
    apply(logits, mask)
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


CLOCKS = {"wall": wall, "device": on_device}


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
    applies: dict[str, Apply], mask: torch.Tensor, logits: torch.Tensor, rounds: int, clock: str
) -> dict[str, list[float]]:
    """Seconds of each contender in each round. They have to agree."""
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
            found[name].append(CLOCKS[clock](applies[name], logits.clone(), mask))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vocab-size", type=int, default=128_256)
    parser.add_argument("--batches", default="1,8,64", help="rows, comma-separated")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--dtype", choices=["float32", "float16", "bfloat16"], default="float32", help="of logits"
    )
    parser.add_argument("--temperature", type=float, help="divide by it in the same go")
    parser.add_argument("--clock", choices=list(CLOCKS), help="default: device, on the CPU wall")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1, help="of every contender")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    clock = args.clock or ("wall" if args.device == "cpu" else "device")
    if args.device == "cpu" and clock != "wall":
        parser.error("--clock device is of CUDA devices")
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device")
    torch.set_num_threads(args.threads)
    applies = contenders(args.device, args.threads, args.temperature)
    rng = np.random.default_rng(args.seed)
    others = [name for name in applies if name != "structgen"]
    rows: list[list[str]] = []
    figures: list[dict[str, Any]] = []
    for batch in map(int, args.batches.split(",")):
        for kind in ("few", "most", "half"):
            mask = masks(kind, batch, args.vocab_size, rng).to(args.device)
            logits = torch.randn(batch, args.vocab_size).to(args.device, getattr(torch, args.dtype))
            found = compare(applies, mask, logits, args.rounds, clock)
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
    machine = (
        torch.cuda.get_device_name()
        if args.device == "cuda"
        else f"{args.threads} threads, {platform.processor() or platform.machine()}"
    )
    scaled = "" if args.temperature is None else f", temperature {args.temperature}"
    print(
        f"{args.vocab_size} tokens, {args.dtype}{scaled}, {args.rounds} rounds, {clock} clock, "
        f"{machine}\n"
    )
    print(Table(head, rows).markdown())
    if args.out:
        versions = {"torch": torch.__version__}
        versions |= {name: version(name) for name in applies if name not in ("torch", "compiled")}
        about = {"command": sys.argv, "machine": f"{platform.platform()}, {machine}"}
        about["versions"] = versions
        args.out.write_text(json.dumps(about | {"figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
