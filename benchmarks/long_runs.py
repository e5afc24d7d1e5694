"""Long lives: 100,000 tokens in one sequence, 10,000 schemas in one process. Is it flat?

    python benchmarks/long_runs.py --tokenizer DIR --data DIR --out FILE.json --plots DIR

*Tokens*: under each of some constraints one sequence of --tokens tokens, a mask and a commit for
each. Shown are windows: time per token, and at the window's end the states and bytes of the
automaton and the resident memory of the process (one for each constraint).

*Schemas*: --schemas different ones, drawn from the MaskBench files of --data and, where those are
fewer, from variants of them with a property added or renamed. Each is compiled, gives its first
mask, reads its first valid instance, and is dropped. Shown are windows: time per schema and per
token, resident memory, and bytes of what the vocabulary has learnt. Schemas differ much, so the
same few probes are compiled and read afresh at the end of each window: it is their time that should
be flat.

*Last by first* is the mean time of the last window by that of the second, the first one warms up;
and the same of the median, which a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from engines import version
from long_texts import CASES, Case, SchemaCase, schema_cases
from summaries import Table
from workers import Worker

import structgen as sg

Encode = Callable[[str], list[int]]
Clock = Callable[[], float]

CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.thread_time}
PROBES = 20


def resident_mb() -> float:
    """Of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class Window:
    """A stretch of a run; times in microseconds, of one token or one schema."""

    steps: int
    mean: float
    p50: float
    p99: float
    max: float
    resident_mb: float
    stats: dict[str, int]
    probe: float = 0.0
    """Mean time of the probes at the end; 0 if there are none."""
    probe_p50: float = 0.0


@dataclass
class Trace:
    """A run, and how it ended if that was too early."""

    name: str
    windows: list[Window] = field(default_factory=list)
    error: str = ""
    refused: Counter[str] = field(default_factory=Counter)
    """Schemas that did not compile, by the error."""
    tokens: int = 0

    @property
    def last_by_first(self) -> tuple[float, float]:
        """Growth of the mean and of the median time from the second window to the last; of the
        probes' alone where there are any. NaN if there are fewer windows."""
        if len(self.windows) < 3:
            return float("nan"), float("nan")
        second, last = self.windows[1], self.windows[-1]
        if second.probe:
            return last.probe / second.probe, last.probe_p50 / second.probe_p50
        return last.mean / second.mean, last.p50 / second.p50


def window(times: Sequence[float], stats: dict[str, int]) -> Window:
    us = np.array(times) * 1e6
    p50, p99 = np.percentile(us, [50, 99])
    figures = (float(x) for x in (us.mean(), p50, p99, us.max()))
    return Window(len(us), *figures, resident_mb=resident_mb(), stats=stats)


def read_long(
    case: Case,
    vocabulary: sg.Vocabulary,
    encode: Encode,
    tokens: int,
    windows: int,
    limits: sg.Limits | None = None,
    clock: Clock = time.perf_counter,
) -> Trace:
    """One sequence of so many tokens. An error of the engine ends it."""
    trace = Trace(case.name)
    automaton = case.constraint().compile(vocabulary, limits)
    matcher = automaton.matcher()
    mask = sg.allocate_mask(1, vocabulary.size)
    times: list[float] = []
    per_window = -(-tokens // windows)
    for token in _tokens(case.pieces(), encode, tokens):
        started = clock()
        try:
            matcher.fill_mask(mask, 0)
            advanced = matcher.advance(token)
        except sg.StructgenError as error:
            trace.error = f"token {trace.tokens}: {type(error).__name__}: {error}"
            break
        times.append(clock() - started)
        allowed = int(mask[0, token >> 5]) >> (token & 31) & 1
        if not (allowed and advanced):
            text = vocabulary.decode(matcher.tokens[-20:])
            trace.error = f"token {trace.tokens}: {token} refused after {text!r}"
            break
        trace.tokens += 1
        if len(times) == per_window:
            trace.windows.append(window(times, automaton.stats()))
            times.clear()
    if times:
        trace.windows.append(window(times, automaton.stats()))
    return trace


def _tokens(pieces: Iterator[str], encode: Encode, number: int) -> Iterator[int]:
    """The first tokens of an endless text, tokenized piece by piece."""
    while number > 0:
        ids = encode(next(pieces))[:number]
        number -= len(ids)
        yield from ids


def live_through(
    cases: Sequence[SchemaCase],
    vocabulary: sg.Vocabulary,
    encode: Encode,
    windows: int,
    limits: sg.Limits | None = None,
    clock: Clock = time.perf_counter,
) -> Trace:
    """All schemas in a row, each compiled, read and dropped."""
    trace = Trace("schemas")
    mask = sg.allocate_mask(1, vocabulary.size)
    probes = [case for case in cases if case.variant == 0][:PROBES]
    times: list[float] = []
    stats: dict[str, int] = {}

    def one(case: SchemaCase, ids: list[int]) -> float:
        nonlocal stats
        started = clock()
        automaton = sg.json_schema(case.schema).compile(vocabulary, limits)
        matcher = automaton.matcher()
        for token in ids:
            matcher.fill_mask(mask, 0)
            matcher.advance(token)
        spent = clock() - started
        stats = automaton.stats()
        return spent

    def guarded(case: SchemaCase) -> float | None:
        ids = encode(case.text)
        try:
            spent = one(case, ids)
        except sg.StructgenError as error:
            trace.refused[type(error).__name__] += 1
            return None
        trace.tokens += len(ids)
        return spent

    per_window = -(-len(cases) // windows)
    for number, case in enumerate(cases, 1):
        spent = guarded(case)
        if spent is not None:
            times.append(spent)
        if (number % per_window == 0 or number == len(cases)) and times:
            found = window(times, stats)
            before = trace.refused.copy(), trace.tokens
            probed = [s for probe in probes if (s := guarded(probe)) is not None]
            trace.refused, trace.tokens = before
            if probed:
                found.probe = float(np.mean(probed)) * 1e6
                found.probe_p50 = float(np.median(probed)) * 1e6
            trace.windows.append(found)
            times.clear()
    return trace


@dataclass(frozen=True)
class Work:
    """What a process is asked to do: a case by name, or the schemas."""

    case: str
    tokens: int
    schemas: int
    data: Path | None
    seed: int
    windows: int
    memory_mb: int
    clock: str


def setup(tokenizer: Path) -> Callable[[Work], Trace]:
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    vocabulary = sg.Vocabulary.from_tokenizer_json(tokenizer)

    def encode(text: str) -> list[int]:
        return encoder.encode(text, add_special_tokens=False).ids

    def answer(work: Work) -> Trace:
        limits = sg.Limits(max_memory_mb=work.memory_mb)
        clock = CLOCKS[work.clock]
        if work.case == "schemas":
            assert work.data is not None
            cases = schema_cases(work.data, work.schemas, work.seed)
            return live_through(cases, vocabulary, encode, work.windows, limits, clock)
        case = CASES[work.case]
        return read_long(case, vocabulary, encode, work.tokens, work.windows, limits, clock)

    return answer


def tables(traces: list[Trace]) -> dict[str, Table]:
    """A summary, and the windows of each run."""
    head = [
        "run",
        "steps",
        "us first / second / last",
        "last by first",
        "states",
        "MB of automaton",
    ]
    head += ["resident MB second / last", "ended"]
    rows: list[list[str]] = []
    found: dict[str, Table] = {}
    for trace in traces:
        windows = trace.windows
        if not windows:
            rows.append([trace.name, "0", *["-"] * 5, trace.error])
            continue
        shown = [windows[0], windows[min(1, len(windows) - 1)], windows[-1]]
        rows.append(
            [
                trace.name,
                str(sum(one.steps for one in windows)),
                " / ".join(f"{one.probe or one.mean:.1f}" for one in shown),
                " / ".join(f"{ratio:.2f}" for ratio in trace.last_by_first),
                str(windows[-1].stats["states"]),
                f"{_bytes(windows[-1]) / 1e6:.1f}",
                " / ".join(f"{one.resident_mb:.0f}" for one in shown[1:]),
                trace.error or "well",
            ]
        )
        found[trace.name] = _windows(trace)
    return {"Summary": Table(head, rows)} | found


def _bytes(one: Window) -> int:
    return one.stats["state_bytes"] + one.stats["mask_bytes"]


def _windows(trace: Trace) -> Table:
    probed = trace.name == "schemas"
    head = ["window", "steps", "mean / p50 / p99 / max (us)", *(["probes (us)"] if probed else [])]
    head += ["states", "automaton MB", "lexical MB", "cleared", "resident MB"]
    rows: list[list[str]] = []
    for number, one in enumerate(trace.windows, 1):
        cells = [str(number), str(one.steps)]
        cells.append(" / ".join(f"{x:.1f}" for x in (one.mean, one.p50, one.p99, one.max)))
        cells += [f"{one.probe:.0f}"] if probed else []
        cells += [str(one.stats["states"]), f"{_bytes(one) / 1e6:.1f}"]
        cells.append(f"{one.stats['lexical_bytes'] / 1e6:.1f}")
        cells += [str(one.stats["lexical_cleared"]), f"{one.resident_mb:.0f}"]
        rows.append(cells)
    return Table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--data", type=Path, help="folder of MaskBench files")
    parser.add_argument("--cases", default=",".join((*CASES, "schemas")), help="comma-separated")
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--schemas", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--memory-mb", type=int, default=400, help="Limits(max_memory_mb=...)")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one case")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--out", type=Path, help="write all windows as JSON")
    parser.add_argument("--plots", type=Path, help="folder for long_runs.png")
    args = parser.parse_args()
    names = args.cases.split(",")
    if unknown := set(names) - {*CASES, "schemas"}:
        parser.error(f"unknown cases {sorted(unknown)}; there are {[*CASES, 'schemas']}")
    if "schemas" in names and args.data is None:
        parser.error("`schemas` wants --data")
    traces: list[Trace] = []
    for name in names:
        worker = Worker(name, setup, args.tokenizer, timeout=args.timeout)
        work = Work(
            name,
            args.tokens,
            args.schemas,
            args.data,
            args.seed,
            args.windows,
            args.memory_mb,
            args.clock,
        )
        answer = worker.ask(work)
        worker.stop()
        traces.append(answer)
        print(f"{name}: {answer.error or 'well'}", file=sys.stderr, flush=True)
    about = (
        f"{args.tokenizer.name}, {args.tokens} tokens, {args.schemas} schemas (seed {args.seed}), "
        f"max_memory_mb={args.memory_mb}, {args.clock} time, structgen {version('structgen')}, "
        f"{platform.processor() or platform.machine()}"
    )
    print(about)
    for title, table in tables(traces).items():
        print(f"\n{title}:\n\n{table.markdown()}")
    if refused := traces[-1].refused:
        print(f"\nSchemas not read: {dict(refused)}")
    if args.plots:
        from plots import write_windows

        series = {
            trace.name: [(w.probe or w.mean, w.resident_mb, _bytes(w) / 1e6) for w in trace.windows]
            for trace in traces
        }
        labels = ("us per token (schemas: per probe)", "resident MB", "MB of the automaton")
        write_windows(args.plots / "long_runs.png", series, labels)
    if args.out:
        runs = [asdict(trace) | {"last_by_first": trace.last_by_first} for trace in traces]
        versions = {"structgen": version("structgen")}
        found = {"command": sys.argv, "machine": platform.platform(), "versions": versions}
        args.out.write_text(json.dumps(found | {"runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
