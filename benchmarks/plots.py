"""Latency tail curves: how long the slowest hundredth, thousandth, ... of all steps take."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from summaries import TIMES, Run, Table, common, samples

mpl.use("Agg")  # files alone, also where there is a display

from matplotlib import pyplot as plt

TITLES = dict(zip(TIMES, ("first mask", "mask and commit of a token"), strict=True))

POINTS = 400
"""Of a curve."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
"""


def tail_curves(runs: list[Run]) -> Any:
    """A figure of the schemas that all engines compile, all runs together. Across: the share of
    steps that are faster, each nine as wide as the one before. Up: microseconds."""
    shared = [common(run) for run in runs]
    figure, panels = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
    for panel, name in zip(panels, TIMES, strict=True):
        most = 1
        for engine in runs[0]:
            times = np.concatenate([samples(run[engine])[name] for run in shared])
            if not len(times):
                continue
            times.sort()
            most = max(most, len(times))
            # The k-th slowest of n is as slow as one in n / k; few of the fast ones are drawn.
            slowest = np.unique(np.geomspace(1, len(times), POINTS).astype(int))
            panel.plot(len(times) / slowest, times[-slowest], label=engine, linewidth=1.5)
        nines = int(np.ceil(np.log10(most)))
        ticks = [2, *(10**n for n in range(1, nines + 1))]
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlim(1, 10**nines)
        panel.set_xticks(ticks, [f"{100 - 100 / tick:.10g} %" for tick in ticks])
        panel.minorticks_off()
        panel.set_xlabel("percentile")
        panel.set_ylabel("microseconds")
        panel.set_title(TITLES[name])
        panel.grid(visible=True, alpha=0.3)
        panel.legend()
    return figure


def write_plots(
    folder: Path,
    runs: list[Run],
    tables: dict[str, Table],
    about: str,
    *,
    title: str = "MaskBench",
) -> None:
    """The curves as `tails.png`, and with the tables as `report.html`, which needs nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = tail_curves(runs)
    figure.savefig(folder / "tails.png", dpi=120)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg")
    plt.close(figure)
    svg = drawn.getvalue()[drawn.getvalue().index("<svg") :]
    parts = [f"<h2>{html.escape(name)}</h2>\n{table.html()}" for name, table in tables.items()]
    (folder / "report.html").write_text(
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>{STYLE}</style></head>\n<body>\n<h1>{html.escape(title)}</h1>\n<p>{html.escape(about)}</p>\n"
        f"{svg}\n{chr(10).join(parts)}\n</body>\n</html>\n",
        encoding="utf-8",
    )


def write_windows(
    path: Path, series: dict[str, list[tuple[float, ...]]], labels: Sequence[str]
) -> None:
    """One panel for each label, one line for each series: what each window of a run came to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, panels = plt.subplots(
        1, len(labels), figsize=(6 * len(labels), 5), layout="constrained"
    )
    for number, (panel, label) in enumerate(zip(panels, labels, strict=True)):
        for name, windows in series.items():
            values = [window[number] for window in windows]
            panel.plot(range(1, len(values) + 1), values, marker=".", label=name)
        panel.set_yscale("log")
        panel.set_xlabel("window")
        panel.set_ylabel(label)
        panel.grid(visible=True, alpha=0.3)
    panels[0].legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
