"""MaskBench: time to the first mask, time between masks, and who judges instances rightly.

    python benchmarks/maskbench.py --data DIR --tokenizer DIR \\
        --engines structgen,llguidance,xgrammar,glrmask --sample 200 --seed 7

DIR of --data holds MaskBench files (guidance-ai/jsonschemabench): a schema, and instances that are
valid or not. An instance is the text of `json.dumps(data, ensure_ascii=False)`, tokenized without
special tokens; it is accepted if every token is allowed by the mask before it and the state after
the last accepts the end. A schema passes if it compiles and every instance is judged rightly.

TTFM runs from the schema as a dict to the first mask, nothing known of that schema; TBM is mask
plus commit, per token. One thread, a fresh constraint for each schema, the vocabulary built once.
Each engine lives in a process of its own, so that one that crashes or hangs (--timeout) is counted
and started again; only one of them works at a time, and who goes first changes with each schema.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from engines import ENGINES, Tokens, version

SEPARATORS: dict[str, dict[str, Any]] = {
    "default": {},
    "compact": {"separators": (",", ":")},
    "indent": {"indent": 2},
}


@dataclass
class Verdict:
    """What one engine made of one schema; times in seconds."""

    name: str
    error: str = ""
    """Empty, or why the schema did not compile ("timeout", "crash", or the engine's words)."""
    false_accepts: list[str] = field(default_factory=list)
    false_rejects: list[str] = field(default_factory=list)
    ttfm: float = float("nan")
    tbm: list[float] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not (self.error or self.false_accepts or self.false_rejects)


def read_tokens(folder: Path) -> Tokens:
    """The vocabulary of a tokenizer folder."""
    from structgen.vocabulary import from_tokenizer_json

    vocabulary = from_tokenizer_json(folder)
    texts = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
    return Tokens(path=folder, texts=texts, eos=vocabulary.eos_token_ids[0])


def judge(engine: Any, case: dict[str, Any], name: str) -> Verdict:
    """Compiles a schema and feeds it its instances."""
    verdict = Verdict(name)
    started = time.perf_counter()
    try:
        compiled = engine.compile(case["schema"])
        engine.start(compiled).mask()
    except Exception as error:  # every engine has its own
        verdict.error = f"{type(error).__name__}: {error}"[:300]
        return verdict
    verdict.ttfm = time.perf_counter() - started
    for test in case["tests"]:
        try:
            accepted = accepts(engine.start(compiled), test["ids"], verdict.tbm)
        except Exception as error:
            verdict.error = f"at run time: {type(error).__name__}: {error}"[:300]
            return verdict
        if accepted and not test["valid"]:
            verdict.false_accepts.append(test["description"])
        if not accepted and test["valid"]:
            verdict.false_rejects.append(test["description"])
    return verdict


def accepts(sequence: Any, ids: list[int], times: list[float]) -> bool:
    """Whether every token is allowed, and the end after them."""
    clock = time.perf_counter
    for token in ids:
        started = clock()
        allowed = int(sequence.mask()[token >> 5]) >> (token & 31) & 1
        allowed = allowed and sequence.commit(token)
        times.append(clock() - started)
        if not allowed:
            return False
    return bool(sequence.accepting())


def work(pipe: Connection, name: str, tokens: Tokens) -> None:
    """The process of one engine."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    engine = ENGINES[name](tokens)
    pipe.send("ready")
    while True:
        try:
            case_name, case = pipe.recv()
        except EOFError:  # the run is over
            return
        pipe.send(judge(engine, case, case_name))


class Worker:
    """An engine in its process; killed and started again when it hangs or crashes."""

    def __init__(self, name: str, tokens: Tokens, timeout: float) -> None:
        self.name, self._tokens, self._timeout = name, tokens, timeout
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=work, args=(theirs, self.name, self._tokens), daemon=True
        )
        self._process.start()
        theirs.close()
        if not self._pipe.poll(120):
            raise RuntimeError(f"{self.name} did not start")
        self._pipe.recv()

    def judge(self, name: str, case: dict[str, Any]) -> Verdict:
        self._pipe.send((name, case))
        try:
            if self._pipe.poll(self._timeout):
                return self._pipe.recv()
            reason = "timeout"
        except EOFError:
            reason = "crash"
        self._process.kill()
        self._process.join()
        self._start()
        return Verdict(name, error=reason)


def load_cases(folder: Path, sample: int, seed: int, parts: list[str]) -> list[tuple[str, Any]]:
    """A reproducible sample of the collection."""
    files = sorted(folder.glob("*.json"))
    if parts:
        files = [file for file in files if any(file.name.startswith(part) for part in parts)]
    if not files:
        raise SystemExit(f"no MaskBench files in {folder}")
    random.Random(seed).shuffle(files)
    return [(f.name, json.loads(f.read_text("utf-8"))) for f in files[: sample or None]]


def tokenize(cases: list[tuple[str, Any]], folder: Path, spacing: str) -> None:
    """Adds the token ids of every instance."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for _, case in cases:
        for test in case["tests"]:
            text = json.dumps(test["data"], ensure_ascii=False, **SEPARATORS[spacing])
            test["ids"] = tokenizer.encode(text, add_special_tokens=False).ids


QUANTILES = (50, 90, 99, 99.9)


def summary(verdicts: list[Verdict]) -> dict[str, Any]:
    """Counts and percentiles; times in microseconds."""
    ttfm = np.array([v.ttfm for v in verdicts if not np.isnan(v.ttfm)]) * 1e6
    tbm = np.array([t for v in verdicts for t in v.tbm]) * 1e6

    def spread(times: np.ndarray) -> dict[str, float]:
        if not len(times):
            return {}
        found = {f"p{q}": float(np.percentile(times, q)) for q in QUANTILES}
        return found | {"mean": float(times.mean()), "max": float(times.max())}

    return {
        "schemas": len(verdicts),
        "passed": sum(v.passed for v in verdicts),
        "compile_errors": sum(bool(v.error) for v in verdicts),
        "false_accepts": sum(bool(v.false_accepts) for v in verdicts),
        "false_rejects": sum(bool(v.false_rejects) for v in verdicts),
        "masks": len(tbm),
        "ttfm_us": spread(ttfm),
        "tbm_us": spread(tbm),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """The summaries as Markdown."""
    lines = [
        "| engine | pass | compile error | false accept | false reject "
        "| TTFM p50 / p90 / p99 (ms) | TBM p50 / p90 / p99 / p99.9 / mean (us) |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, r in results.items():
        ttfm, tbm = r["ttfm_us"], r["tbm_us"]
        first = " / ".join(f"{ttfm[f'p{q}'] / 1e3:.2f}" for q in (50, 90, 99)) if ttfm else "-"
        keys = [f"p{q}" for q in QUANTILES] + ["mean"]
        between = " / ".join(f"{tbm[key]:.1f}" for key in keys) if tbm else "-"
        lines.append(
            f"| {name} {version(name)} | {r['passed']} | {r['compile_errors']} "
            f"| {r['false_accepts']} | {r['false_rejects']} | {first} | {between} |"
        )
    return "\n".join(lines)


def shared_times(verdicts: dict[str, list[Verdict]]) -> dict[str, list[Verdict]]:
    """Only schemas that every engine compiled: times over different schemas do not compare."""
    compiled = [
        i
        for i in range(len(next(iter(verdicts.values()))))
        if all(not v[i].error for v in verdicts.values())
    ]
    return {name: [v[i] for i in compiled] for name, v in verdicts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of MaskBench files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--engines", default=",".join(ENGINES), help="comma-separated")
    parser.add_argument("--sample", type=int, default=200, help="schemas to draw; 0 takes all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--parts", default="", help="only files with these prefixes, comma-separated"
    )
    parser.add_argument("--spacing", choices=sorted(SEPARATORS), default="default")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one schema")
    parser.add_argument("--out", type=Path, help="write summaries and verdicts as JSON")
    parser.add_argument("--show", action="store_true", help="list structgen's failures")
    args = parser.parse_args()
    names = args.engines.split(",")
    if unknown := set(names) - set(ENGINES):
        parser.error(f"unknown engines {sorted(unknown)}; there are {sorted(ENGINES)}")

    cases = load_cases(args.data, args.sample, args.seed, [p for p in args.parts.split(",") if p])
    tokenize(cases, args.tokenizer, args.spacing)
    tokens = read_tokens(args.tokenizer)
    workers = [Worker(name, tokens, args.timeout) for name in names]
    verdicts: dict[str, list[Verdict]] = {name: [] for name in names}
    for i, (name, case) in enumerate(cases):
        for k in range(len(workers)):
            worker = workers[(i + k) % len(workers)]
            verdicts[worker.name].append(worker.judge(name, case))
        if sys.stderr.isatty():
            print(f"\r{i + 1}/{len(cases)}", end="", file=sys.stderr)

    results = {name: summary(v) for name, v in verdicts.items()}
    shared = {name: summary(v) for name, v in shared_times(verdicts).items()}
    print(
        f"{len(cases)} schemas (seed {args.seed}), {args.tokenizer.name}, {args.spacing} spacing, "
        f"{platform.processor() or platform.machine()}, one thread\n"
    )
    print(table(results))
    print(f"\nthe {next(iter(shared.values()))['schemas']} schemas that all of them compile:\n")
    print(table(shared))
    if args.show:
        for v in verdicts.get("structgen", []):
            if not v.passed:
                print(
                    f"{v.name}: {v.error or ''} accepts={v.false_accepts} rejects={v.false_rejects}"
                )
    if args.out:
        args.out.write_text(
            json.dumps(
                {
                    "command": sys.argv,
                    "machine": platform.platform(),
                    "versions": {name: version(name) for name in names},
                    "results": results,
                    "shared": shared,
                    "verdicts": {
                        name: [asdict(v) | {"tbm": len(v.tbm)} for v in found]
                        for name, found in verdicts.items()
                    },
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
