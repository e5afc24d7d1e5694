"""The hostile set under a real vocabulary: `python -m tests.attacks --tokenizer DIR`; and with
`--made`, hundreds of inputs of 1 kB to 10 MB that are made by rule, each held to small budgets."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from structgen import Vocabulary
from tests.attacks.budgets import Budgets, Kept, examine
from tests.attacks.measure import Measured, measure, small_vocabulary
from tests.data.attacks.cases import ATTACKS
from tests.data.hostile import SIZES, inputs

COLUMNS = (
    f"{'attack':36} {'outcome':18} {'compile s':>9} {'MB':>6} {'mask ms':>8} {'token ms':>8} "
    f"{'plan ms':>8} {'texts s':>8} {'bend':>5} {'MB':>6}"
)


def line(name: str, found: Measured) -> str:
    return (
        f"{name:36} {found.outcome:18} {found.compile_s:9.3f} {found.compile_mb:6.0f} "
        f"{found.mask_ms:8.2f} {found.advance_ms:8.2f} {found.completion_ms:8.2f} "
        f"{found.texts_s:8.2f} {found.bend:5.1f} {found.total_mb:6.0f}"
    )


def examine_all(
    names: list[str],
    sizes: tuple[int, ...],
    vocabulary: Vocabulary,
    budgets: Budgets,
    out: Path | None,
) -> int:
    """The inputs that are made; 1 if one of them did not keep within its budgets."""
    print(
        f"{'input':40} {'outcome':22} {'build':>7} {'compile':>7} {'mask':>6} {'MB':>5} "
        f"{'cancel':>6} (ms)"
    )
    kept: dict[str, Kept] = {}
    for hostile in inputs(sizes):
        if names and not any(part in hostile.name for part in names):
            continue
        found = examine(hostile, vocabulary, budgets)
        kept[hostile.name] = found
        print(
            f"{hostile.name:40} {found.outcome:22} {found.build_ms:7.0f} {found.compile_ms:7.0f} "
            f"{found.mask_ms:6.0f} {found.memory_mb:5.0f} {found.latency_ms:6.1f} "
            f"{'; '.join(found.faults)}",
            flush=True,
        )
    if out:
        out.write_text(json.dumps({name: asdict(found) for name, found in kept.items()}, indent=1))
    faulty = [name for name, found in kept.items() if found.faults]
    print(f"{len(kept)} inputs; not within their budgets: {len(faulty)}")
    return int(bool(faulty))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.attacks", description=__doc__)
    parser.add_argument("names", nargs="*", help="attacks, or parts of their names; all if none")
    parser.add_argument("--tokenizer", type=Path, help="a folder with a tokenizer.json")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--walks", type=int, default=3, help="random walks for each attack")
    parser.add_argument("--exact", action="store_true", help="names are whole names")
    parser.add_argument("--verdicts", action="store_true", help="what came of each text")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    made = parser.add_argument_group("inputs that are made")
    made.add_argument("--made", action="store_true", help="these in place of the written ones")
    made.add_argument("--sizes", help="bytes, in place of 1 kB to 10 MB: 1e4,1e6")
    made.add_argument("--compile-ms", type=int, default=200)
    made.add_argument("--mask-ms", type=int, default=100)
    made.add_argument("--cancels", type=int, default=3, help="times that each is cancelled")
    options = parser.parse_args()
    vocabulary = (
        Vocabulary.from_tokenizer_json(options.tokenizer)
        if options.tokenizer
        else small_vocabulary()
    )
    if options.made:
        sizes = tuple(int(float(size)) for size in (options.sizes or "").split(",") if size)
        budgets = Budgets(
            compile_ms=options.compile_ms, mask_ms=options.mask_ms, cancels=options.cancels
        )
        sys.exit(examine_all(options.names, sizes or SIZES, vocabulary, budgets, options.json))
    names = [
        name
        for name in ATTACKS
        if not options.names
        or any(part == name or (not options.exact and part in name) for part in options.names)
    ]
    figures: dict[str, Measured] = {}
    print(COLUMNS)
    for name in names:
        found = measure(ATTACKS[name], vocabulary, runs=options.runs, walks=options.walks)
        figures[name] = found
        print(line(name, found))
        if found.outcome != "result" and not ATTACKS[name].refused:
            print(f"    {found.detail}")
        for verdict in found.verdicts:
            if options.verdicts or "WRONG" in verdict:
                print(f"    {verdict}")
        sys.stdout.flush()
    if options.json:
        options.json.write_text(
            json.dumps({name: asdict(found) for name, found in figures.items()}, indent=1)
        )
    failed = [
        name
        for name, found in figures.items()
        if found.compile_s > 2 or found.compile_mb > 500 or found.mask_ms > 20
    ]
    print(f"{len(names)} attacks; beyond 2 s, 500 MB or 20 ms: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    main()
