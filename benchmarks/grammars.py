"""Time between masks along texts of grammars: ours beside peers, in one run.

    python benchmarks/grammars.py --tokenizer DIR --aligned DIR --data DIR \\
        --engines structgen,llguidance,xgrammar --repeat 3 --out FILE.json

DIR of --aligned holds the tasks of grammar-aligned decoding (github.com/pparys/cars: SLIA, BV4, CP,
spider, smiles, fuzzing), that of --data MaskBench files, for instances of `json`; without them
their families are left out, or measured on other texts. What texts there are of a grammar, and
where they come from, is said by `grammar_texts.py`; in which dialect a peer reads a grammar, by
`dialects.py`.

Each engine compiles each grammar once, freshly, and goes through its texts, mask and commit for
each token. *First*: the first text of each grammar, of which nothing is known; *all*: all texts on
the same compiled grammar, the first included, as a server meets them. Compared with a peer are
texts that both accept; how many it refuses, and for how many it had no time (--budget), is shown
for each. Texts with one character changed show, as far as that goes, whether the engines read the
same language: counted are those that an engine judges unlike structgen's recogniser.

The ratio to a peer is our mean by its mean; that to the better peer is, for each grammar, the
greater of both, and over several grammars the sum of our times by that of the better peers'. Each
engine lives in a process of its own, one works at a time, who goes first changes every few texts,
and --repeat does all of it in new processes: figures are medians of the runs. On a machine that
does other things too, --clock cpu counts the time of the thread alone.

    python benchmarks/grammars.py ... --each --slowest 20

has a line for each grammar, and lists the tokens that structgen takes longest for.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparisons import Comparison
from engines import ENGINES, Tokens, version
from grammar_texts import FAMILIES, Task, tasks
from judging import Verdict, accepts, read_tokens
from summaries import Run, Table, write_csv
from workers import Worker, WorkerLostError

SCOPES = ("first", "all")
IN_A_ROW = 10
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.thread_time}


@dataclass(frozen=True)
class Compile:
    """Asks an engine to compile a grammar; the answer is the time to its first mask."""

    text: str
    notation: str


@dataclass(frozen=True)
class Read:
    """Asks for new sequences under the grammar compiled last; the answer is, for each, whether all
    of it is accepted, or why the engine gave up, and the times."""

    texts: list[list[int]]


def setup(name: str, tokens: Tokens, clock: str) -> Callable[[Compile | Read], Any]:
    """One engine, in its process."""
    engine = ENGINES[name](tokens)
    # What is imported at first use is not the grammar's.
    for text, notation in (('start: "a"', "lark"), ('root ::= "a"', "gbnf")):
        engine.compile_grammar(text, notation)
    tick = CLOCKS[clock]
    compiled: Any = None

    def read(ids: list[int]) -> tuple[bool | str, list[float]]:
        times: list[float] = []
        try:
            return accepts(engine.start(compiled), ids, times, tick), times
        except Exception as error:  # every engine has its own
            return f"{type(error).__name__}: {error}"[:300], times

    def answer(request: Compile | Read) -> Any:
        nonlocal compiled
        if isinstance(request, Read):
            return [read(ids) for ids in request.texts]
        try:
            compiled = None
            started = tick()
            compiled = engine.compile_grammar(request.text, request.notation)
            engine.start(compiled).mask()
            return tick() - started
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:300]

    return answer


class Turn:
    """One engine and one grammar: from compiling to the last text."""

    def __init__(self, worker: Worker, task: Task, budget: float) -> None:
        self.verdicts = [Verdict(f"{task.name}/{i}") for i in range(len(task.texts))]
        self.unlike = 0
        """Mutants that the engine judges unlike structgen's recogniser."""
        self._worker = worker
        self._spent = 0.0
        self._budget = budget
        self._lost = ""

    def _ask(self, request: Compile | Read) -> Any:
        started = time.monotonic()
        try:
            return self._worker.ask(request)
        except WorkerLostError as lost:
            self._lost = lost.reason
            return lost.reason
        finally:
            self._spent += time.monotonic() - started
            if not self._lost and self._spent > self._budget:
                self._lost = "no time left"

    def compile(self, task: Task) -> None:
        answer = self._ask(Compile(task.source.text, task.source.format))
        if isinstance(answer, float):
            self.verdicts[0].ttfm = answer
        else:
            self._lost = answer

    def read(self, first: int, texts: list[list[int]]) -> None:
        """Texts in a row, the number of the first given."""
        verdicts = self.verdicts[first : first + len(texts)]
        answer = self._lost or self._ask(Read(texts))
        for i, (verdict, ids) in enumerate(zip(verdicts, texts, strict=True)):
            verdict.tokens = len(ids)
            if isinstance(answer, str):
                verdict.error = answer
                continue
            accepted, verdict.tbm = answer[i]
            if isinstance(accepted, str):
                verdict.error = accepted
            elif not accepted:
                verdict.error = f"refused at token {len(verdict.tbm)} of {len(ids)}"

    def judge(self, texts: list[list[int]], accepted: list[bool]) -> None:
        answer = self._lost or self._ask(Read(texts))
        if not isinstance(answer, str):
            judged = zip(answer, accepted, strict=True)
            self.unlike = sum(one[0] != expected for one, expected in judged)


@dataclass
class Workload:
    """What all runs have in common."""

    tasks: list[Task]
    tokens: Tokens
    encode: Callable[[str], list[int]]
    engines: list[str]
    budget: float
    clock: str
    unlike: dict[str, Counter[str]] = field(default_factory=dict)
    """Of each engine, by grammar, the mutants that it judges otherwise: the most in a run."""


def in_a_row(number: int) -> list[tuple[int, int]]:
    """Which texts an engine reads before the next one's turn: the first alone, then some. What
    they leave in the processor's caches is its own, as in a server."""
    ends = [min(1 + IN_A_ROW * i, number) for i in range(-(-(number - 1) // IN_A_ROW) + 1)]
    return list(zip([0, *ends], ends, strict=False))


def run(load: Workload, first: int) -> Run:
    """The verdicts on all texts; engine number `first` begins."""
    crew = [
        Worker(name, setup, name, load.tokens, load.clock, timeout=2 * load.budget)
        for name in load.engines
    ]
    found: Run = {name: [] for name in load.engines}
    for number, task in enumerate(load.tasks):
        turns = [Turn(worker, task, load.budget) for worker in crew]
        for k in range(len(turns)):
            turns[(first + number + k) % len(turns)].compile(task)
        texts = [load.encode(text) for text in task.texts]
        for i, (begin, end) in enumerate(in_a_row(len(texts))):
            for k in range(len(turns)):
                turns[(first + number + i + k) % len(turns)].read(begin, texts[begin:end])
        mutants = [load.encode(text) for text, _ in task.mutants]
        for turn in turns:
            turn.judge(mutants, [accepted for _, accepted in task.mutants])
        for worker, turn in zip(crew, turns, strict=True):
            found[worker.name] += turn.verdicts
            known = load.unlike.setdefault(worker.name, Counter())
            known[task.name] = max(known[task.name], turn.unlike)
        print(f"{number + 1}/{len(load.tasks)}", end=" ", file=sys.stderr, flush=True)
    for worker in crew:
        worker.stop()
    print(file=sys.stderr)
    return found


def languages(load: Workload, runs: list[Run], families: dict[str, set[str]]) -> Table:
    """Where texts come from, and what the engines make of them."""
    head = ["grammars", "texts", "refused by", "lost, or no time", "mutants", "judged otherwise by"]
    rows: list[list[str]] = []
    for family, names in families.items():
        origins: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        otherwise: Counter[str] = Counter()
        for task in load.tasks:
            origins += task.origins if task.name in names else Counter()
        for one in runs:  # what is wrong once is wrong
            for engine, verdicts in one.items():
                errors = [
                    v.error for v in verdicts if v.error and v.name.rsplit("/", 1)[0] in names
                ]
                said_no = sum(error.startswith("refused") for error in errors)
                refused[engine] = max(refused[engine], said_no)
                lost[engine] = max(lost[engine], len(errors) - said_no)
        for engine in load.engines:
            otherwise[engine] = sum(load.unlike[engine][name] for name in names)
        listed = ", ".join(f"{count} {origin}" for origin, count in origins.items())
        mutants = sum(len(task.mutants) for task in load.tasks if task.name in names)
        rows.append([f"{family} ({len(names)})", f"{sum(origins.values())}: {listed}"])
        rows[-1] += [_named(refused), _named(lost), str(mutants), _named(otherwise)]
    return Table(head, rows)


def _named(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def slowest(load: Workload, verdicts: list[Verdict], number: int) -> Table:
    """The tokens that took longest."""
    texts = {f"{t.name}/{i}": text for t in load.tasks for i, text in enumerate(t.texts)}
    times = [(t, v.name, i) for v in verdicts for i, t in enumerate(v.tbm)]
    rows: list[list[str]] = []
    for seconds, name, i in sorted(times, reverse=True)[:number]:
        ids = load.encode(texts[name])
        before = b"".join(load.tokens.texts[t] or b"" for t in ids[:i])[-50:]
        token = load.tokens.texts[ids[i]] or b""
        rows.append([f"{seconds * 1e6:.0f}", name, str(i), f"`{before!r}`", f"`{token!r}`"])
    return Table(["us", "text", "token", "text before", "token read"], rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--aligned", type=Path, help="folder of grammar-aligned decoding")
    parser.add_argument("--data", type=Path, help="folder of MaskBench files")
    parser.add_argument("--families", default=",".join(FAMILIES), help="comma-separated")
    parser.add_argument("--engines", default="structgen,llguidance,xgrammar", help="ours first")
    parser.add_argument("--texts", type=int, default=40, help="of each grammar")
    parser.add_argument("--max-tokens", type=int, default=1000, help="of a text")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeat", type=int, default=1, help="runs")
    parser.add_argument("--budget", type=float, default=20, help="seconds of an engine, a grammar")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--each", action="store_true", help="a line for each grammar")
    parser.add_argument("--slowest", type=int, default=0, help="list so many slow tokens")
    parser.add_argument("--out", type=Path, help="write all figures as JSON")
    parser.add_argument("--csv", type=Path, help="write the statistics of each run")
    parser.add_argument("--plots", type=Path, help="folder for tails.png and report.html")
    args = parser.parse_args()
    args.families = args.families.split(",")
    args.engines = args.engines.split(",")
    if unknown := set(args.engines) - set(ENGINES):
        parser.error(f"unknown engines {sorted(unknown)}; there are {sorted(ENGINES)}")
    if unknown := set(args.families) - set(FAMILIES):
        parser.error(f"unknown families {sorted(unknown)}; there are {FAMILIES}")
    return args


def prepared(args: argparse.Namespace) -> Workload:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    tokens = read_tokens(args.tokenizer)

    def encode(text: str) -> list[int]:
        return tokenizer.encode(text, add_special_tokens=False).ids

    def fits(text: str) -> bool:
        ids = encode(text)
        # A tokenizer that does not give a text back would have engines read another one.
        same = b"".join(tokens.texts[i] or b"" for i in ids) == text.encode()
        return same and 0 < len(ids) <= args.max_tokens

    found = tasks(
        args.families,
        aligned=args.aligned,
        maskbench=args.data,
        number=args.texts,
        seed=args.seed,
        fits=fits,
    )
    if not (found := [task for task in found if task.texts]):
        raise SystemExit("no grammar to measure: see --aligned and --data")
    return Workload(found, tokens, encode, args.engines, args.budget, args.clock)


def main() -> None:
    args = parse()
    load = prepared(args)
    runs = [run(load, first) for first in range(args.repeat)]
    families: dict[str, set[str]] = {}
    for task in load.tasks:
        families.setdefault(task.family, set()).add(task.name)
    every = {task.name for task in load.tasks}
    each = {task.name: {task.name} for task in load.tasks}
    groups = families | {"all": every}
    about = (
        f"{len(every)} grammars, {sum(len(t.texts) for t in load.tasks)} texts (seed {args.seed}), "
        f"{args.tokenizer.name}, {args.repeat} runs, {args.clock} time, "
        f"{platform.processor() or platform.machine()}, "
        + ", ".join(f"{name} {version(name)}" for name in args.engines)
    )
    compared = {scope: Comparison(runs, scope) for scope in SCOPES}
    tables = {"Languages": languages(load, runs, families)}
    tables["First text of each grammar"] = compared["first"].table(groups)
    tables["All texts"] = compared["all"].table(groups)
    if args.each:
        tables["All texts, each grammar"] = compared["all"].table(each)
    if args.slowest:
        title = f"Slowest tokens of {args.engines[0]} in the last run"
        tables[title] = slowest(load, runs[-1][args.engines[0]], args.slowest)
    print(about)
    for title, table in tables.items():
        print(f"\n{title}:\n\n{table.markdown()}")
    above = {scope: found.above(every) for scope, found in compared.items()}
    for scope, names in above.items():
        print(f"\n{len(names)} of {len(every)} grammars with a faster peer, {scope}: {names}")
    if args.csv:
        write_csv(args.csv, runs)
    if args.plots:
        from plots import write_plots

        write_plots(args.plots, runs, tables, about, title="Masks under grammars")
    if args.out:
        found = {
            "command": sys.argv,
            "machine": platform.platform(),
            "versions": {name: version(name) for name in args.engines},
            "texts": {task.name: task.origins for task in load.tasks},
            "not_accepted": {
                name: {v.name: v.error for one in runs for v in one[name] if v.error}
                for name in args.engines
            },
            "judged_otherwise": {name: +counts for name, counts in load.unlike.items()},
            "with_a_faster_peer": above,
            "figures": {scope: one.as_json(groups | each) for scope, one in compared.items()},
        }
        args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
