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

    python benchmarks/maskbench.py --data DIR --tokenizer DIR --sample 1000 --repeat 3 \\
        --out FILE.json --csv FILE.csv --plots DIR

TTFM runs from the schema as a dict to the first mask, nothing known of that schema; TBM is mask
plus commit, per token. One thread, a fresh constraint for each schema, the vocabulary built once.
With --warm, the schema was seen before: it is compiled, and its instances were read once, so TTFM
is the first mask of a new sequence, and TBM that of a text that it has met.
Each engine lives in a process of its own, so that one that crashes or hangs (--timeout) is counted
and started again; only one of them works at a time, and who goes first changes with each schema.
--repeat does all of it several times, in new processes: times are medians of the runs, counts
the worst of them, and ratios have the least and the greatest beside them.
"""

from __future__ import annotations

import argparse
import json
import platform
import queue
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engines import ENGINES, Tokens, version
from judging import Verdict, ask, read_tokens, setup
from second_opinion import second_opinion
from summaries import (
    Run,
    common,
    counts,
    figures,
    middle,
    ratios,
    summary,
    write_csv,
    writings_table,
)
from workers import Worker

# At the end of the path: an installed structgen is found first.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.json_schema.writings import SEPARATORS, writings


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


def order_alone(case: dict[str, Any], numbers: list[int]) -> bool:
    """Whether structgen takes these instances as they are when properties may come in any order."""
    import structgen as sg

    constraint = sg.json_schema(
        case["schema"], property_order="any", escapes="all", number_spelling="all"
    )
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
    cases: list[tuple[str, Any]],
    names: list[str],
    tokens: Tokens,
    *,
    warm: bool,
    timeout: float,
    jobs: int,
    first: int,
) -> Run:
    """The verdicts of each engine on all cases, in their order; engine number `first` begins."""
    crews: queue.Queue[list[Worker]] = queue.Queue()
    for _ in range(jobs):
        crews.put([Worker(name, setup, name, tokens, warm, timeout=timeout) for name in names])

    def one(numbered: tuple[int, tuple[str, Any]]) -> dict[str, Verdict]:
        i, (name, case) = numbered
        crew = crews.get()
        try:
            turns = [crew[(first + i + k) % len(crew)] for k in range(len(crew))]
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
    parser.add_argument("--warm", action="store_true", help="schemas and instances seen before")
    parser.add_argument("--repeat", type=int, default=1, help="runs")
    parser.add_argument("--out", type=Path, help="write summaries as JSON")
    parser.add_argument("--csv", type=Path, help="write the statistics of each run")
    parser.add_argument("--plots", type=Path, help="folder for tails.png and report.html")
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
    runs = [
        run(
            cases,
            names,
            tokens,
            warm=args.warm,
            timeout=args.timeout,
            jobs=args.jobs,
            first=number,
        )
        for number in range(args.repeat)
    ]

    first = spacings[0]
    verdicts = runs[0]
    results = {name: middle([summary(r[name], first) for r in runs]) for name in names}
    shared = {name: middle([summary(common(r)[name], first) for r in runs]) for name in names}
    written = spacings + (["shuffled"] if args.shuffle is not None else [])
    drawn = "all" if args.all else f"seed {args.seed}"
    about = (
        f"{len(cases)} schemas ({drawn}), {args.tokenizer.name}, {first} spacing, "
        f"{'warm' if args.warm else 'cold'}, {args.repeat} runs, "
        f"{platform.processor() or platform.machine()}, {args.jobs} at a time"
    )
    tables = {"Each engine on what it compiles": figures(results)}
    if len(names) > 1:
        number = shared[names[0]]["schemas"]
        tables[f"The {number} schemas that all of them compile"] = figures(shared)
        tables["Ratios, on the schemas that both compile"] = ratios(runs, both=True)
        tables["Ratios, each on what it compiles"] = ratios(runs, both=False)
    if len(written) > 1:
        tables["By writing"] = writings_table(verdicts, written)
    print(about)
    for title, table in tables.items():
        print(f"\n{title}:\n\n{table.markdown()}")
    if args.csv:
        write_csv(args.csv, runs)
    if args.plots:
        from plots import write_plots

        write_plots(args.plots, runs, tables, about)
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
