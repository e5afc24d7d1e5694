"""Ours beside peers on the texts of grammars, where an engine may refuse single texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from judging import Verdict
from summaries import Run, Table, common, samples, spread, statistics

KEYS = ("mean", "p50", "p99", "max")

Grammars = dict[str, tuple[list[Verdict], ...]]


def pairs(one: Run, engines: list[str], scope: str) -> Grammars:
    """By grammar, the verdicts of these engines on the texts that all of them accept."""
    shared = common(one, engines)
    found: Grammars = {}
    for verdicts in zip(*(shared[engine] for engine in engines), strict=True):
        grammar, number = verdicts[0].name.rsplit("/", 1)
        if scope == "all" or number == "0":
            columns = found.setdefault(grammar, tuple([] for _ in engines))
            for column, verdict in zip(columns, verdicts, strict=True):
                column.append(verdict)
    return found


def _times(verdicts: list[Verdict]) -> np.ndarray:
    return samples(verdicts)["tbm_us"]


class Comparison:
    """The runs, in one scope: the first texts or all of them."""

    def __init__(self, runs: list[Run], scope: str) -> None:
        """Verdicts are named by grammar and number, "json/0"; ours come first."""
        self.ours, *self.peers = runs[0]
        self._runs = [
            {engine: pairs(one, [self.ours, engine], scope) for engine in one} for one in runs
        ]

    def figures(self, engine: str, names: set[str]) -> dict[str, float]:
        """Medians over the runs, in microseconds, of the texts that structgen accepts too: time
        between masks, and `ttfm`, the mean to the first mask; empty if there is no such text."""
        tables: list[dict[str, float]] = []
        for one in self._runs:
            verdicts = [v for name in names if name in one[engine] for v in one[engine][name][1]]
            table = statistics(_times(verdicts))
            if not table:
                return {}
            first = samples(verdicts)["ttfm_us"]
            table |= {"masks": len(_times(verdicts))} | (
                {"ttfm": first.mean()} if len(first) else {}
            )
            tables.append(table)
        keys = set.intersection(*(set(table) for table in tables))
        return {
            key: float(np.median([table[key] for table in tables]))
            for key in (*KEYS, "masks", "ttfm")
            if key in keys
        }

    def ratios(self, engine: str, names: set[str]) -> list[float]:
        """Of each run, our mean by that of a peer, on the texts that both accept."""
        found: list[float] = []
        for one in self._runs:
            both = [one[engine][name] for name in names if name in one[engine]]
            if both:
                ours, theirs = (
                    sum(float(_times(pair[side]).sum()) for pair in both) for side in (0, 1)
                )
                found.append(ours / theirs)
        return found

    def better(self, names: set[str]) -> list[float]:
        """Of each run, our times by those of the better peer of each grammar."""
        found: list[float] = []
        for one in self._runs:
            ours = theirs = 0.0
            for name in names:
                both = [
                    tuple(float(_times(side).sum()) for side in one[peer][name])
                    for peer in self.peers
                    if name in one[peer]
                ]
                if both:
                    pair = max(both, key=lambda pair: pair[0] / pair[1])
                    # A slow peer may have had time for a few texts only: to each grammar the
                    # weight of all texts that we accept.
                    total = float(_times(one[self.ours][name][0]).sum())
                    ours += total
                    # In this order: with all texts accepted the weight is exactly one.
                    theirs += pair[1] * (total / pair[0])
            if theirs:
                found.append(ours / theirs)
        return found

    def table(self, groups: dict[str, set[str]]) -> Table:
        """One line for each group of grammars and engine."""
        head = ["grammar", "engine", "masks", f"TBM {' / '.join(KEYS)} (us)"]
        head += ["compile + first mask", "ours by its", "ours by the better peer's"]
        rows: list[list[str]] = []
        for group, names in groups.items():
            for engine in (self.ours, *self.peers):
                own = engine == self.ours
                cells = [group if own else "", engine]
                times = self.figures(engine, names)
                if not times:
                    rows.append([*cells, "0", "-", "-", "-", ""])
                    continue
                cells.append(f"{times['masks']:.0f}")
                cells.append(" / ".join(f"{times[key]:.1f}" for key in KEYS))
                cells.append(f"{times['ttfm'] / 1e3:.2f} ms" if "ttfm" in times else "-")
                cells.append("" if own else spread(self.ratios(engine, names)))
                ratio = self.better(names) if own else []
                cells.append(spread(ratio) if ratio else "")
                rows.append(cells)
        return Table(head, rows)

    def above(self, names: set[str]) -> dict[str, float]:
        """The grammars where a peer is faster, and the ratio."""
        middles = {name: self.better({name}) for name in sorted(names)}
        found = {name: float(np.median(one)) for name, one in middles.items() if one}
        return {name: round(ratio, 2) for name, ratio in found.items() if ratio > 1}

    def as_json(self, groups: dict[str, set[str]]) -> dict[str, Any]:
        return {
            group: {
                "engines": {e: self.figures(e, names) for e in (self.ours, *self.peers)},
                "ratios": {peer: self.ratios(peer, names) for peer in self.peers},
                "by_the_better_peer": self.better(names),
            }
            for group, names in groups.items()
        }
