"""MaskBench: time to the first mask, time between masks, and who judges instances rightly.

    python benchmarks/maskbench.py --data DIR --tokenizer DIR \\
        --engines structgen,llguidance,xgrammar,glrmask --sample 200 --seed 7

    python benchmarks/maskbench.py --data DIR --tokenizer DIR --engines structgen --all \\
        --order any --spacing default,compact,indent --shuffle 7 --remaining FILE

DIR of --data holds MaskBench files (guidance-ai/jsonschemabench): a schema, and instances that are
valid or not. An instance is the text of `json.dumps(data, ensure_ascii=False)`, tokenized without
special tokens; it is accepted if every token is allowed by the mask before it and the state after
the last accepts the end. A schema passes if it compiles and every instance is judged rightly.

--spacing also writes instances with `separators=(",", ":")` or `indent=2`; --shuffle writes them
once more in the first of the spacings with the members of every object in another order. All these
writings of an instance are fed to the same compiled constraint; times are those of the first.
--remaining lists every schema that does not pass, with what `jsonschema` makes of its instances and
the reasons that the file gave before.

TTFM runs from the schema as a dict to the first mask, nothing known of that schema; TBM is mask
plus commit, per token. One thread, a fresh constraint for each schema, the vocabulary built once.
Each engine lives in a process of its own, so that one that crashes or hangs (--timeout) is counted
and started again; only one of them works at a time, and who goes first changes with each schema.
"""

from __future__ import annotations

import argparse
import json
import platform
import queue
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from engines import ENGINES, Tokens, version
from second_opinion import second_opinion
from workers import Worker, WorkerLostError

# At the end of the path: an installed structgen is found first.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.json_schema.writings import SEPARATORS, writings


@dataclass
class Verdict:
    """What one engine made of one schema; times in seconds."""

    name: str
    error: str = ""
    """Empty, or why the schema did not compile ("timeout", "crash", or the engine's words)."""
    false_accepts: dict[str, list[int]] = field(default_factory=dict)
    """By writing, the numbers of the tests."""
    false_rejects: dict[str, list[int]] = field(default_factory=dict)
    ttfm: float = float("nan")
    tbm: list[float] = field(default_factory=list)
    """Of the first writing alone: the masks of the others are partly known by then."""
    tokens: int = 0
    """In all writings."""

    def passed(self, writing: str) -> bool:
        return not (
            self.error or self.false_accepts.get(writing) or self.false_rejects.get(writing)
        )


def read_tokens(folder: Path) -> Tokens:
    """The vocabulary of a tokenizer folder."""
    from structgen.vocabulary import from_tokenizer_json

    vocabulary = from_tokenizer_json(folder)
    texts = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
    return Tokens(path=folder, texts=texts, eos=vocabulary.eos_token_ids[0])


def setup(name: str, tokens: Tokens) -> Callable[[tuple[str, Any]], Verdict]:
    """The judge of one engine, in its process."""
    engine = ENGINES[name](tokens)
    return lambda request: judge(engine, request[1], request[0])


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
    for number, test in enumerate(case["tests"]):
        times = verdict.tbm
        for writing, ids in test["ids"].items():
            verdict.tokens += len(ids)
            try:
                accepted = accepts(engine.start(compiled), ids, times)
            except Exception as error:
                verdict.error = f"at run time: {type(error).__name__}: {error}"[:300]
                return verdict
            times = []
            if accepted and not test["valid"]:
                verdict.false_accepts.setdefault(writing, []).append(number)
            if not accepted and test["valid"]:
                verdict.false_rejects.setdefault(writing, []).append(number)
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


def ask(worker: Worker, name: str, case: dict[str, Any]) -> Verdict:
    try:
        return worker.ask((name, case))
    except WorkerLostError as error:
        return Verdict(name, error=error.reason)


def load_cases(folder: Path, sample: int, seed: int, parts: list[str]) -> list[tuple[str, Any]]:
    """A reproducible sample of the collection; all of it in the order of names if `sample` is 0."""
    files = sorted(folder.glob("*.json"))
    if parts:
        files = [file for file in files if any(file.name.startswith(part) for part in parts)]
    if not files:
        raise SystemExit(f"no MaskBench files in {folder}")
    if sample:
        random.Random(seed).shuffle(files)
    return [(f.stem, json.loads(f.read_text("utf-8"))) for f in files[: sample or None]]


def tokenize(
    cases: list[tuple[str, Any]], folder: Path, spacings: list[str], shuffle: int | None
) -> None:
    """Adds the token ids of every writing of every instance."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for _, case in cases:
        for test in case["tests"]:
            test["ids"] = {
                name: tokenizer.encode(text, add_special_tokens=False).ids
                for name, text in writings(test["data"], spacings, shuffle)
            }


QUANTILES = (50, 90, 99, 99.9)


def counts(verdicts: list[Verdict], writing: str) -> dict[str, int]:
    """Schemas, by what became of one writing of their instances."""
    return {
        "schemas": len(verdicts),
        "passed": sum(v.passed(writing) for v in verdicts),
        "compile_errors": sum(bool(v.error) for v in verdicts),
        "false_accepts": sum(bool(v.false_accepts.get(writing)) for v in verdicts),
        "false_rejects": sum(bool(v.false_rejects.get(writing)) for v in verdicts),
    }


def summary(verdicts: list[Verdict], writing: str) -> dict[str, Any]:
    """Counts and percentiles; times in microseconds."""
    ttfm = np.array([v.ttfm for v in verdicts if not np.isnan(v.ttfm)]) * 1e6
    tbm = np.array([t for v in verdicts for t in v.tbm]) * 1e6

    def spread(times: np.ndarray) -> dict[str, float]:
        if not len(times):
            return {}
        found = {f"p{q}": float(np.percentile(times, q)) for q in QUANTILES}
        return found | {"mean": float(times.mean()), "max": float(times.max())}

    return counts(verdicts, writing) | {
        "tokens": sum(v.tokens for v in verdicts),
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


def writings_table(verdicts: dict[str, list[Verdict]], names: list[str]) -> str:
    """Counts of every way of writing the instances, as Markdown."""
    lines = [
        "| engine | written | pass | compile error | false accept | false reject |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for engine, found in verdicts.items():
        for writing in names:
            c = counts(found, writing)
            lines.append(
                f"| {engine} | {writing} | {c['passed']} of {c['schemas']} "
                f"({100 * c['passed'] / c['schemas']:.2f} %) | {c['compile_errors']} "
                f"| {c['false_accepts']} | {c['false_rejects']} |"
            )
    return "\n".join(lines)


def order_alone(case: dict[str, Any], numbers: list[int]) -> bool:
    """Whether structgen takes these instances as they are when properties may come in any order."""
    import structgen as sg

    constraint = sg.json_schema(case["schema"], property_order="any")
    texts = [json.dumps(case["tests"][i]["data"], ensure_ascii=False) for i in numbers]
    return all(constraint.accepts(text) for text in texts)


def remaining(
    engine: str, verdicts: list[Verdict], cases: list[tuple[str, Any]]
) -> list[dict[str, Any]]:
    """Every schema that does not pass in some writing, and why, as far as it can be said: the
    error; whether the order of properties is all; where `jsonschema` differs from the collection.
    """
    rows: list[dict[str, Any]] = []
    for verdict, (name, case) in zip(verdicts, cases, strict=True):
        if verdict.error:
            row: dict[str, Any] = {"schema": name, "error": verdict.error}
            if "EmptyLanguageError" in verdict.error:
                row["no_instance_is_valid"] = not any(test["valid"] for test in case["tests"])
        elif verdict.false_accepts or verdict.false_rejects:
            row = {"schema": name}
            for kind in ("false_accepts", "false_rejects"):
                if found := getattr(verdict, kind):
                    row[kind] = found
            rejected = sorted({i for found in verdict.false_rejects.values() for i in found})
            if engine == "structgen" and rejected and not verdict.false_accepts:
                row["order_alone"] = order_alone(case, rejected)
        else:
            continue
        doubtful = [
            {"test": number, "collection": test["valid"], "jsonschema": opinion}
            for number, test in enumerate(case["tests"])
            if (opinion := second_opinion(case["schema"], test["data"])) != test["valid"]
        ]
        if doubtful:
            row["jsonschema_differs"] = doubtful
        rows.append(row)
    return rows


def run(
    cases: list[tuple[str, Any]], names: list[str], tokens: Tokens, timeout: float, jobs: int
) -> dict[str, list[Verdict]]:
    """The verdicts of each engine on all cases, in their order."""
    crews: queue.Queue[list[Worker]] = queue.Queue()
    for _ in range(jobs):
        crews.put([Worker(name, setup, name, tokens, timeout=timeout) for name in names])

    def one(numbered: tuple[int, tuple[str, Any]]) -> dict[str, Verdict]:
        i, (name, case) = numbered
        crew = crews.get()
        try:
            turns = [crew[(i + k) % len(crew)] for k in range(len(crew))]
            return {worker.name: ask(worker, name, case) for worker in turns}
        finally:
            crews.put(crew)
            if i % 100 == 0:
                print(f"{i}/{len(cases)}", end=" ", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(one, enumerate(cases)))
    while not crews.empty():
        for worker in crews.get():
            worker.stop()
    return {name: [verdicts[name] for verdicts in found] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of MaskBench files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument(
        "--engines", default="structgen,llguidance,xgrammar,glrmask", help="comma-separated"
    )
    parser.add_argument("--order", choices=["schema", "any"], default="schema", help="structgen's")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--sample", type=int, default=200, help="schemas to draw")
    size.add_argument("--all", action="store_true", help="take every schema")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--parts", default="", help="only files with these prefixes, comma-separated"
    )
    parser.add_argument("--spacing", default="default", help=f"of {', '.join(SEPARATORS)}")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="properties in random order")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one schema")
    parser.add_argument(
        "--jobs", type=int, default=1, help="schemas at a time; with more than 1, times mean little"
    )
    parser.add_argument("--out", type=Path, help="write summaries as JSON")
    parser.add_argument("--remaining", type=Path, help="write what the first engine fails as JSON")
    args = parser.parse_args()
    names = args.engines.split(",")
    if args.order == "any":
        names = ["structgen-any" if name == "structgen" else name for name in names]
    if unknown := set(names) - set(ENGINES):
        parser.error(f"unknown engines {sorted(unknown)}; there are {sorted(ENGINES)}")
    spacings = args.spacing.split(",")
    if unknown := set(spacings) - set(SEPARATORS):
        parser.error(f"unknown spacings {sorted(unknown)}; there are {sorted(SEPARATORS)}")

    sample = 0 if args.all else args.sample
    cases = load_cases(args.data, sample, args.seed, [p for p in args.parts.split(",") if p])
    tokenize(cases, args.tokenizer, spacings, args.shuffle)
    tokens = read_tokens(args.tokenizer)
    verdicts = run(cases, names, tokens, args.timeout, args.jobs)

    first = spacings[0]
    results = {name: summary(v, first) for name, v in verdicts.items()}
    shared = {name: summary(v, first) for name, v in shared_times(verdicts).items()}
    drawn = "all" if args.all else f"seed {args.seed}"
    print(
        f"{len(cases)} schemas ({drawn}), {args.tokenizer.name}, {first} spacing, "
        f"{platform.processor() or platform.machine()}, {args.jobs} at a time\n"
    )
    print(table(results))
    if len(names) > 1:
        print(f"\nthe {shared[names[0]]['schemas']} schemas that all of them compile:\n")
        print(table(shared))
    written = spacings + (["shuffled"] if args.shuffle is not None else [])
    if len(written) > 1:
        print(f"\n{writings_table(verdicts, written)}")
    if args.remaining:
        rows = remaining(names[0], verdicts[names[0]], cases)
        known = json.loads(args.remaining.read_text("utf-8")) if args.remaining.exists() else []
        reasons = {row["schema"]: row["reason"] for row in known}
        for row in rows:
            alone = "the order of properties" if row.get("order_alone") else ""
            row["reason"] = reasons.get(row["schema"]) or alone or row.get("error", "")
        body = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        args.remaining.write_text(f"[\n{body}\n]\n", encoding="utf-8")
    if args.out:
        args.out.write_text(
            json.dumps(
                {
                    "command": sys.argv,
                    "machine": platform.platform(),
                    "versions": {name: version(name) for name in names},
                    "results": results,
                    "shared": shared,
                    "writings": {
                        name: {writing: counts(found, writing) for writing in written}
                        for name, found in verdicts.items()
                    },
                },
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
