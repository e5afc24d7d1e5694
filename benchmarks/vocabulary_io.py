"""Vocabularies built, saved and read again: time, memory, and what saved entries are good for.

    python benchmarks/vocabulary_io.py --tokenizer DIR --data MASKBENCH_DIR

Each figure is the median over processes of their own, since the second vocabulary of a process
finds memory and code warm. Times are of the processor: what else the machine does counts little,
and files are in memory already. *Grown* is what the resident memory grew by, *peak* by how much it
once was higher than before (Linux); *own* is the core's count.

*First* is the time from a constraint to its first mask, *all* the time of the masks along a text,
in a process that has loaded the vocabulary and not seen another constraint: without entries, and
with those that another process has saved. For the named constraints that one had seen the same; of
MaskBench's schemas, others.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from summaries import Table

import structgen as sg
from structgen.constraints import TextConstraint

Case = tuple[Callable[[], TextConstraint], list[str]]
"""What makes a constraint, and texts to read."""

Figures = dict[str, float]

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 60},
        "mail": {"type": "string", "format": "email"},
        "born": {"type": "string", "format": "date"},
    },
    "required": ["name", "mail", "born"],
}

NAMED: dict[str, Case] = {
    "an object": (
        lambda: sg.json_schema(PERSON),
        ['{"name": "Ada Lovelace", "mail": "ada@example.com", "born": "1815-12-10"}'],
    ),
    "a pattern": (lambda: sg.regex(r"(\w+ ){3,9}\w+\."), ["the quick brown fox jumps."]),
    "any JSON": (lambda: sg.grammar("json"), ['{"a": [1, "bcd", null]}']),
    "SQL": (lambda: sg.grammar("sql_select"), ["SELECT a, b FROM t WHERE c = 1"]),
}


def schema_case(file: str) -> Case:
    data = json.loads(Path(file).read_text())
    texts = [json.dumps(test["data"]) for test in data["tests"][:3]]
    return (
        lambda: sg.json_schema(data["schema"], escapes="all", number_spelling="all"),
        texts,
    )


def case_of(name: str) -> Case:
    return NAMED[name] if name in NAMED else schema_case(name)


def resident(field: str = "VmRSS") -> int:
    """Bytes of resident memory: now, or ``VmHWM``, the most that there ever was."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}")


def measured(make: Callable[[], sg.Vocabulary]) -> tuple[sg.Vocabulary, Figures]:
    """Time and memory of a vocabulary."""
    before = resident()
    started = time.process_time()
    vocabulary = make()
    took = time.process_time() - started
    return vocabulary, {
        "ms": took * 1e3,
        "grown_mb": (resident() - before) / 1e6,
        "peak_mb": (resident("VmHWM") - before) / 1e6,
        "own_mb": vocabulary.nbytes / 1e6,
    }


def masks(vocabulary: sg.Vocabulary, case: Case) -> Figures:
    """Times of the masks of a constraint, in milliseconds; none if it is refused."""
    make, texts = case
    mask = sg.allocate_mask(1, vocabulary.size)
    try:
        started = time.process_time()
        matcher = make().compile(vocabulary).matcher()
        matcher.fill_mask(mask)
        first = time.process_time() - started
        spent = 0.0
        for text in texts:
            fresh = matcher.fork()
            for token in vocabulary.longest_match(text.encode()):
                if not fresh.advance(token):
                    break
                started = time.process_time()
                fresh.fill_mask(mask)
                spent += time.process_time() - started
    except sg.StructgenError:
        return {}
    return {"first_ms": first * 1e3, "all_ms": spent * 1e3}


def work(task: dict[str, Any]) -> Figures:
    """What one process does."""
    if task["do"] == "build":
        return measured(lambda: sg.Vocabulary.from_tokenizer_json(task["folder"]))[1]
    vocabulary, figures = measured(lambda: sg.Vocabulary.load(task["path"]))
    if task["do"] == "learn":
        for name in task["cases"]:
            masks(vocabulary, case_of(name))
        started = time.process_time()
        vocabulary.save(task["to"])
        return {"save_ms": (time.process_time() - started) * 1e3}
    if task["do"] == "masks":
        # Importing is not what is measured.
        sg.grammar('start: "x"')
        return masks(vocabulary, case_of(task["case"]))
    return figures


def alone(**task: Any) -> Figures:
    """`work` in a process of its own."""
    command = [sys.executable, __file__, "--task", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def medians(runs: list[Figures]) -> Figures:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def sample(folder: Path, learnt: int, probed: int, seed: int) -> tuple[list[str], list[str]]:
    """Files of schemas to learn from, and others to measure."""
    files = sorted(str(file) for file in folder.rglob("*.json"))
    random.Random(seed).shuffle(files)
    return files[:learnt], files[learnt : learnt + probed]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", type=Path, help="folder with a tokenizer.json")
    parser.add_argument("--data", type=Path, help="folder with MaskBench files")
    parser.add_argument("--learn", type=int, default=400, help="schemas that entries come from")
    parser.add_argument("--probe", type=int, default=100, help="schemas that are measured")
    parser.add_argument("--runs", type=int, default=5, help="processes per figure")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        print(json.dumps(work(json.loads(args.task))))
        return
    if not args.tokenizer:
        parser.error("--tokenizer is needed")
    with tempfile.TemporaryDirectory() as folder:
        figures = report(args, Path(folder))
    if args.out:
        about = {"command": sys.argv, "machine": platform.platform(), "version": sg.__version__}
        args.out.write_text(json.dumps(about | figures, indent=1) + "\n")


def report(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measures and prints."""
    vocabulary = sg.Vocabulary.from_tokenizer_json(args.tokenizer)
    plain, learnt, named = (str(folder / name) for name in ("plain", "learnt", "named"))
    vocabulary.save(plain, entries=False)
    learn, probe = sample(args.data, args.learn, args.probe, args.seed) if args.data else ([], [])
    saved = {named: list(NAMED)} | ({learnt: learn} if learn else {})
    saving = {to: alone(do="learn", path=plain, cases=cases, to=to) for to, cases in saved.items()}

    print(f"{args.tokenizer.name}: {vocabulary.size} tokens, {args.runs} processes a figure\n")
    sources = {"tokenizer.json": {"do": "build", "folder": str(args.tokenizer)}}
    sources["saved"] = {"do": "load", "path": plain}
    sources |= {
        f"saved, entries of {len(cases)} constraints": {"do": "load", "path": path}
        for path, cases in saved.items()
    }
    loading: dict[str, Figures] = {}
    for name, task in sources.items():
        loading[name] = medians([alone(**task) for _ in range(args.runs)])
        if "path" in task:
            loading[name]["file_mb"] = Path(task["path"]).stat().st_size / 1e6
    keys = ["ms", "grown_mb", "peak_mb", "own_mb", "file_mb"]
    print(Table(["from", *keys], rows_of(loading, keys, 1)).markdown() + "\n")

    first: dict[str, Figures] = {}
    for name in NAMED:
        without, with_ = pairs([name] * args.runs, plain, named)
        first[name] = beside(medians(without), medians(with_))
    if probe:
        without, with_ = pairs(probe, plain, learnt)
        of = f"{len(without)} schemas"
        first[f"{of}, median"] = beside(medians(without), medians(with_))
        means = [
            {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
            for runs in (without, with_)
        ]
        first[f"{of}, mean"] = beside(*means)
    keys = ["first_ms", "first_ms, entries", "all_ms", "all_ms, entries"]
    print(Table(["constraint", *keys], rows_of(first, keys, 2)).markdown())
    return {"size": vocabulary.size, "saving": list(saving.values()), "loading": loading,
            "first": first}  # fmt: skip


def pairs(cases: list[str], plain: str, learnt: str) -> tuple[list[Figures], list[Figures]]:
    """Masks of each case, without entries and with them, each in a process of its own; who comes
    first changes. Cases that are refused are left out."""
    found: tuple[list[Figures], list[Figures]] = ([], [])
    for turn, case in enumerate(cases):
        paths = [plain, learnt]
        order = paths if turn % 2 else paths[::-1]
        times = {path: alone(do="masks", path=path, case=case) for path in order}
        if all(times.values()):
            for runs, path in zip(found, paths, strict=True):
                runs.append(times[path])
    return found


def beside(without: Figures, with_: Figures) -> Figures:
    return without | {f"{key}, entries": value for key, value in with_.items()}


def rows_of(figures: dict[str, Figures], keys: list[str], digits: int) -> list[list[str]]:
    def cell(row: Figures, key: str) -> str:
        return f"{row[key]:.{digits}f}" if key in row else ""

    return [[name, *(cell(row, key) for key in keys)] for name, row in figures.items()]


if __name__ == "__main__":
    main()
