"""Two versions of structgen beside each other: is the one that is here no slower than another?

    python benchmarks/versions.py --base TREE --data DIR --tokenizer DIR [--sample 300] [--out FILE]

TREE is a source tree with a built core, e.g. a `git worktree` of an earlier commit; --tree names
the other one, by default the tree of this file. Each version lives in a process of its own; they
take turns, schema by schema and first one, then the other. Every pass starts new processes, so
what a process knows of earlier schemas is alike in each of them, and of each time the least of all
passes counts: what waits for the machine is in none of them.

*native* is `Program.json_schema` on JSON text, *json_schema* the function of that name on a dict,
*first mask* `compile` for a vocabulary, a matcher and its mask, all three in time of the thread;
*mask* is each mask along the valid instances, on a constraint that was compiled freshly. The
first two are the least of --inner calls within each pass, too.

Settings: *all* (`escapes="all", number_spelling="all"`) means the same in every version; *plain*
(`"minimal"` and `"plain"`) need not, nor need *default*, each version's own options.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from workers import Worker, WorkerLostError

SETTINGS: dict[str, dict[str, str]] = {
    "all": {"escapes": "all", "number_spelling": "all"},
    "plain": {"escapes": "minimal", "number_spelling": "plain"},
    "default": {},
}
CALLS = ("native", "json_schema", "first mask")


@dataclass
class Times:
    """Of one schema; nanoseconds."""

    error: str = ""
    calls: dict[str, int] = field(default_factory=dict[str, int])
    masks: list[int] = field(default_factory=list[int])


def setup(tree: str, tokenizer: str, inner: int) -> Callable[[tuple[Any, dict[str, str]]], Times]:
    """What measures one schema with the version in `tree`."""
    sys.path.insert(0, tree)
    sg: Any = importlib.import_module("structgen")
    core: Any = importlib.import_module("structgen._core")
    if Path(sg.__file__).parents[1].resolve() != Path(tree).resolve():
        raise RuntimeError(f"structgen of {tree} was asked for, and {sg.__file__} was imported")
    warnings.simplefilter("ignore")
    vocabulary = sg.Vocabulary.from_tokenizer_json(tokenizer)
    mask = sg.allocate_mask(1, vocabulary.size)
    now = time.thread_time_ns

    def least(call: Callable[[], object]) -> int:
        times: list[int] = []
        for _ in range(inner):
            begun = now()
            call()
            times.append(now() - begun)
        return min(times)

    def measure(request: tuple[Any, dict[str, str]]) -> Times:
        case, options = request
        schema, found = case["schema"], Times()
        text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
        written = json.dumps(options)
        try:
            found.calls["native"] = least(lambda: core.Program.json_schema(text, written))
            found.calls["json_schema"] = least(lambda: sg.json_schema(schema, **options))
            constraint = sg.json_schema(schema, **options)
            begun = now()
            compiled = constraint.compile(vocabulary)
            compiled.matcher().fill_mask(mask, 0)
            found.calls["first mask"] = now() - begun
            for ids in case["ids"]:
                matcher = compiled.matcher()
                for token in ids:
                    begun = time.perf_counter_ns()
                    matcher.fill_mask(mask, 0)
                    found.masks.append(time.perf_counter_ns() - begun)
                    if not matcher.advance(token):
                        break
        except Exception as error:  # each version has its own
            found.error = f"{type(error).__name__}: {error}"[:200]
        return found

    return measure


def least(passes: list[Times]) -> Times:
    """The least of each time; of masks, one by one."""
    errors = [times.error for times in passes if times.error]
    if errors:
        return Times(errors[0])
    if len({len(times.masks) for times in passes}) > 1:
        raise RuntimeError("passes of one version disagree on what is allowed")
    return Times(
        calls={name: min(times.calls[name] for times in passes) for name in CALLS},
        masks=[min(found) for found in zip(*(times.masks for times in passes), strict=True)],
    )


def compare(ours: list[Times], base: list[Times]) -> dict[str, dict[str, float]]:
    """Ratios, ours by the base's: per schema in the median and at p90, and of all time together.

    Of masks, those of schemas along which both took as many tokens; `p99` and `p99.9` are
    ratios of percentiles.
    """
    pairs = [(a, b) for a, b in zip(ours, base, strict=True) if not a.error and not b.error]
    found: dict[str, dict[str, float]] = {}
    for name in CALLS:
        a, b = (
            np.array([times.calls[name] for times in side]) for side in zip(*pairs, strict=True)
        )
        found[name] = ratios(a, b)
    alike = [(a, b) for a, b in pairs if len(a.masks) == len(b.masks) > 0]
    sums = [(sum(a.masks), sum(b.masks)) for a, b in alike]
    found["masks of a schema"] = ratios(*map(np.array, zip(*sums, strict=True)))
    a, b = (np.concatenate([times.masks for times in side]) for side in zip(*alike, strict=True))
    found["mask"] = ratios(a, b) | {
        f"p{q:g} by p{q:g}": float(np.percentile(a, q) / np.percentile(b, q))
        for q in (50, 90, 99, 99.9)
    }
    return found


def ratios(ours: np.ndarray, base: np.ndarray) -> dict[str, float]:
    each = ours / base
    return {
        "count": len(each),
        "median": float(np.median(each)),
        "p90": float(np.percentile(each, 90)),
        "sum": float(ours.sum() / base.sum()),
        "ours, median us": float(np.median(ours)) / 1e3,
        "base, median us": float(np.median(base)) / 1e3,
    }


def run(
    trees: dict[str, str],
    tokenizer: str,
    cases: list[tuple[str, Any]],
    options: dict[str, str],
    *,
    passes: int,
    inner: int,
) -> dict[str, list[Times]]:
    """The times of each version on all cases."""
    found: dict[str, list[list[Times]]] = {name: [[] for _ in cases] for name in trees}
    for number in range(passes):
        workers = [
            Worker(name, setup, tree, tokenizer, inner, timeout=120) for name, tree in trees.items()
        ]
        for i, (_, case) in enumerate(cases):
            for worker in workers if (number + i) % 2 else workers[::-1]:
                try:
                    times = worker.ask((case, options))
                except WorkerLostError as error:
                    times = Times(error.reason)
                found[worker.name][i].append(times)
        for worker in workers:
            worker.stop()
    return {name: [least(times) for times in each] for name, each in found.items()}


def tokenized(cases: list[tuple[str, Any]], folder: Path, texts: int) -> None:
    """Adds the tokens of the first valid instances, as `json.dumps` writes them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for _, case in cases:
        valid = [test["data"] for test in case["tests"] if test["valid"]][:texts]
        case["ids"] = [
            tokenizer.encode(json.dumps(data, ensure_ascii=False), add_special_tokens=False).ids
            for data in valid
        ]


def show(setting: str, table: dict[str, dict[str, float]], errors: dict[str, int]) -> None:
    print(f"\n{setting}: errors {errors}\n")
    print("| time | of | median | p90 | sum | ours, median us | base's |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, row in table.items():
        cells = [f"{row[key]:.3f}" for key in ("median", "p90", "sum")]
        times = [f"{row[key]:.1f}" for key in ("ours, median us", "base, median us")]
        print(f"| {name} | {row['count']} | {' | '.join(cells + times)} |")
    tails = (f"{key} {value:.3f}" for key, value in table["mask"].items() if " by " in key)
    print(f"\nmasks: {', '.join(tails)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--tree", type=Path, default=here, help="the version that is asked about")
    parser.add_argument("--base", type=Path, required=True, help="the version to compare it with")
    parser.add_argument("--data", type=Path, required=True, help="folder of MaskBench files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--settings", default="all,plain,default", help="comma-separated")
    parser.add_argument("--sample", type=int, default=300, help="schemas to draw; 0: all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--texts", type=int, default=3, help="valid instances of a schema")
    parser.add_argument("--passes", type=int, default=3, help="new processes of each version")
    parser.add_argument("--inner", type=int, default=3, help="calls within a pass")
    parser.add_argument("--out", type=Path, help="write all as JSON")
    parser.add_argument("--worst", type=int, default=0, help="schemas to name, by ratio of native")
    args = parser.parse_args()
    # Instances for judging come with the schemas; the second opinion's packages need not be here.
    from maskbench import load_cases

    # The trees' own `structgen` is to be found by the workers, not this one.
    os.environ.pop("PYTHONPATH", None)
    cases = load_cases(args.data, args.sample, args.seed, [])
    tokenized(cases, args.tokenizer, args.texts)
    trees = {"ours": str(args.tree.resolve()), "base": str(args.base.resolve())}
    tables: dict[str, Any] = {}
    for setting in args.settings.split(","):
        times = run(
            trees,
            str(args.tokenizer),
            cases,
            SETTINGS[setting],
            passes=args.passes,
            inner=args.inner,
        )
        tables[setting] = compare(times["ours"], times["base"])
        errors = {name: sum(bool(t.error) for t in each) for name, each in times.items()}
        show(setting, tables[setting], errors)
        both = [
            (a.calls["native"] / b.calls["native"], a.calls["native"], name)
            for (name, _), a, b in zip(cases, times["ours"], times["base"], strict=True)
            if not a.error and not b.error
        ]
        for ratio, native, name in sorted(both, reverse=True)[: args.worst]:
            print(f"{ratio:.2f} {native / 1e3:8.0f} us {name}")
    if args.out:
        about = {"command": sys.argv, "machine": platform.platform(), "tables": tables}
        args.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
