"""Verdicts as figures and tables."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from engines import version
from judging import Verdict

Run = dict[str, list[Verdict]]
"""Of each engine, the verdicts on all schemas, in one order."""

QUANTILES = (50, 90, 99, 99.9, 99.99)
STATISTICS = (*(f"p{q:g}" for q in QUANTILES), "mean", "max")
TIMES = ("ttfm_us", "tbm_us")


@dataclass(frozen=True)
class Table:
    """Text in rows and columns."""

    head: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        lines = [self.head, ["---", *["--:"] * (len(self.head) - 1)], *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def html(self) -> str:
        def row(cells: list[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

        body = "\n".join(row(cells, "td") for cells in self.rows)
        return f"<table>\n{row(self.head, 'th')}\n{body}\n</table>"


def counts(verdicts: list[Verdict], writing: str) -> dict[str, int]:
    """Schemas, by what became of one writing of their instances."""
    return {
        "schemas": len(verdicts),
        "passed": sum(v.passed(writing) for v in verdicts),
        "compile_errors": sum(bool(v.error) for v in verdicts),
        "false_accepts": sum(bool(v.false_accepts.get(writing)) for v in verdicts),
        "false_rejects": sum(bool(v.false_rejects.get(writing)) for v in verdicts),
    }


def samples(verdicts: list[Verdict]) -> dict[str, np.ndarray]:
    """All times, in microseconds: one a schema to the first mask, one a token between masks."""
    ttfm = np.array([v.ttfm for v in verdicts if not np.isnan(v.ttfm)]) * 1e6
    tbm = np.array([t for v in verdicts for t in v.tbm]) * 1e6
    return dict(zip(TIMES, (ttfm, tbm), strict=True))


def statistics(times: np.ndarray) -> dict[str, float]:
    """Percentiles, mean and maximum; empty if there are no times."""
    if not len(times):
        return {}
    found = {f"p{q:g}": float(np.percentile(times, q)) for q in QUANTILES}
    return found | {"mean": float(times.mean()), "max": float(times.max())}


def summary(verdicts: list[Verdict], writing: str) -> dict[str, Any]:
    """Counts and statistics; times in microseconds."""
    times = samples(verdicts)
    return (
        counts(verdicts, writing)
        | {"tokens": sum(v.tokens for v in verdicts), "masks": len(times["tbm_us"])}
        | {name: statistics(found) for name, found in times.items()}
    )


def middle(summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each time over several runs, and the worst of each count: what is wrong once
    is wrong. A time is missing if one of the runs has none."""
    first = summaries[0]
    found: dict[str, Any] = {
        key: (min if key == "passed" else max)(s[key] for s in summaries)
        for key in first
        if key not in TIMES
    }
    for name in TIMES:
        complete = all(s[name] for s in summaries)
        found[name] = (
            {key: float(np.median([s[name][key] for s in summaries])) for key in STATISTICS}
            if complete
            else {}
        )
    return found


def common(run: Run, names: list[str] | None = None) -> Run:
    """Only schemas that each of these engines compiled: times over different schemas do not
    compare."""
    chosen = {name: run[name] for name in names or run}
    compiled = [
        i
        for i in range(len(next(iter(chosen.values()))))
        if all(not verdicts[i].error for verdicts in chosen.values())
    ]
    return {name: [v[i] for i in compiled] for name, v in chosen.items()}


def figures(results: dict[str, dict[str, Any]]) -> Table:
    """One line an engine."""
    head = ["engine", "pass", "compile error", "false accept", "false reject"]
    head += ["TTFM p50 / p90 / p99 (ms)", "TBM p50 / p90 / p99 / p99.9 / p99.99 / max / mean (us)"]
    rows: list[list[str]] = []
    for name, r in results.items():
        ttfm, tbm = r["ttfm_us"], r["tbm_us"]
        first = " / ".join(f"{ttfm[f'p{q}'] / 1e3:.2f}" for q in (50, 90, 99)) if ttfm else "-"
        keys = [f"p{q:g}" for q in QUANTILES] + ["max", "mean"]
        between = " / ".join(f"{tbm[key]:.1f}" for key in keys) if tbm else "-"
        numbers = (r[key] for key in ("passed", "compile_errors", "false_accepts", "false_rejects"))
        rows.append([f"{name} {version(name)}", *map(str, numbers), first, between])
    return Table(head, rows)


def ratios(runs: list[Run], *, both: bool) -> Table:
    """What the first engine takes by what each other one takes: the median over the runs, and
    between which ratios they lie.

    With `both`, on the schemas that the two of them compile; else each on its own.
    """
    ours, *peers = runs[0]
    columns: list[dict[tuple[str, str], str]] = []
    for peer in peers:
        found: dict[tuple[str, str], list[float]] = {}
        for run in runs:
            pair = common(run, [ours, peer]) if both else run
            one, other = samples(pair[ours]), samples(pair[peer])
            for name in TIMES:
                left, right = statistics(one[name]), statistics(other[name])
                for key in left.keys() & right.keys():
                    found.setdefault((name, key), []).append(left[key] / right[key])
        columns.append({key: spread(values) for key, values in found.items()})
    rows = [
        [f"{name.removesuffix('_us').upper()} {key}", *(c.get((name, key), "-") for c in columns)]
        for name in TIMES
        for key in STATISTICS
    ]
    return Table([f"{ours} beside", *(f"{peer} {version(peer)}" for peer in peers)], rows)


def spread(values: list[float]) -> str:
    """The median, and the least and the greatest if there are several."""
    text = f"{np.median(values):.2f}"
    return text if len(values) == 1 else f"{text} ({min(values):.2f} to {max(values):.2f})"


def writings_table(run: Run, writings: list[str]) -> Table:
    """Counts of every way of writing the instances."""
    head = ["engine", "written", "pass", "compile error", "false accept", "false reject"]
    rows: list[list[str]] = []
    for engine, verdicts in run.items():
        for writing in writings:
            c = counts(verdicts, writing)
            passed = f"{c['passed']} of {c['schemas']} ({100 * c['passed'] / c['schemas']:.2f} %)"
            numbers = (c["compile_errors"], c["false_accepts"], c["false_rejects"])
            rows.append([engine, writing, passed, *map(str, numbers)])
    return Table(head, rows)


def _lines(runs: list[Run]) -> Iterator[tuple[int, str, str, str, str, float]]:
    for number, run in enumerate(runs):
        for scope, chosen in (("own", run), ("common", common(run))):
            for engine, verdicts in chosen.items():
                for name, times in samples(verdicts).items():
                    for key, value in statistics(times).items():
                        yield number, scope, engine, name.removesuffix("_us"), key, value


def write_csv(path: Path, runs: list[Run]) -> None:
    """One line for each statistic of each engine and run, on the schemas that it compiles and on
    those that all compile."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["run", "schemas", "engine", "time", "statistic", "us"])
        for *names, value in _lines(runs):
            writer.writerow([*names, f"{value:.3f}"])
