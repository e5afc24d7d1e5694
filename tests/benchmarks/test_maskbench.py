"""The instrument that compares engines: figures of made-up verdicts, and a run over a collection of
two schemas."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.benchmarks.scripts import run_script


def verdicts(summaries: ModuleType, *rows: tuple[float, list[float], str]) -> list[Any]:
    return [
        summaries.Verdict(str(number), error=error, ttfm=ttfm, tbm=tbm, tokens=len(tbm))
        for number, (ttfm, tbm, error) in enumerate(rows)
    ]


def row(table: Any, name: str) -> list[str]:
    (found,) = [cells for cells in table.rows if cells[0] == name]
    return found[1:]


def test_ratios_are_medians_over_runs_of_what_both_compile(summaries: ModuleType) -> None:
    failed = float("nan"), [], "crash"
    runs = [
        {
            "structgen": verdicts(summaries, (1e-3 * slow, [2e-6 * slow] * 9, ""), (1, [1], "")),
            "glrmask": verdicts(summaries, (4e-3, [1e-6] * 9, ""), failed),
        }
        for slow in (1, 5, 2)
    ]
    both = summaries.ratios(runs, both=True)
    assert both.head[0] == "structgen beside"
    assert row(both, "TTFM p50") == ["0.50 (0.25 to 1.25)"]
    assert row(both, "TBM max") == ["4.00 (2.00 to 10.00)"]
    # On its own, structgen answers for the schema that the other one lost.
    assert row(summaries.ratios(runs[:1], both=False), "TTFM max") == ["250.00"]
    assert row(summaries.ratios(runs[:1], both=False), "TBM max") == ["1000000.00"]


def test_middle_is_the_median_of_times_and_the_worst_of_counts(summaries: ModuleType) -> None:
    found = summaries.middle(
        [
            summaries.summary(verdicts(summaries, (1e-3, [t * 1e-6], "")), "default")
            for t in (3, 1, 2)
        ]
    )
    assert found["passed"] == 1
    assert found["tbm_us"]["p99.99"] == pytest.approx(2)
    failed = summaries.summary(verdicts(summaries, (float("nan"), [], "crash")), "default")
    assert summaries.middle([found, failed, failed])["tbm_us"] == {}
    once = summaries.middle([found, found, failed])
    assert (once["passed"], once["compile_errors"], once["tbm_us"]) == (0, 1, {})


@pytest.fixture
def collection(tmp_path: Path, tokenizer: Path) -> Path:
    """Two MaskBench files."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tests = [{"data": {"n": 1}, "valid": True}, {"data": {"n": "1"}, "valid": False}]
    impossible = {"type": "integer", "minimum": 2, "maximum": 1}
    for name, case in {
        "one": {"schema": schema, "tests": tests},
        "two": {"schema": impossible, "tests": [{"data": 1, "valid": False}]},
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(case))
    return tmp_path


@pytest.mark.parametrize("warm", [[], ["--warm"]])
def test_a_run_writes_figures_ratios_and_curves(
    collection: Path, tokenizer: Path, warm: list[str]
) -> None:
    pytest.importorskip("matplotlib")
    out, table, plots = (collection / name for name in ("out/a.json", "out/a.csv", "plots"))
    out.parent.mkdir()
    options = ["--data", str(collection), "--tokenizer", str(tokenizer), "--repeat", "2", *warm]
    options += ["--engines", "structgen,structgen-any", "--sample", "2", "--shuffle", "1"]
    options += ["--out", str(out), "--csv", str(table), "--plots", str(plots)]
    printed = run_script("maskbench.py", *options)
    assert ("warm, 2 runs" if warm else "cold, 2 runs") in printed
    figures = json.loads(out.read_text())["results"]["structgen"]
    assert (figures["passed"], figures["compile_errors"], figures["false_accepts"]) == (1, 1, 0)
    assert figures["ttfm_us"]["p50"] > 0
    # Times are of one writing of two, and end where a text is refused.
    assert 5 < figures["masks"] < figures["tokens"] / 2
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    assert {row["run"] for row in rows} == {"0", "1"}
    assert {row["statistic"] for row in rows} >= {"p50", "p99.99", "mean", "max"}
    assert (plots / "tails.png").read_bytes().startswith(b"\x89PNG")
    report = (plots / "report.html").read_text()
    assert "<svg" in report
    assert "Ratios, on the schemas that both compile" in report
