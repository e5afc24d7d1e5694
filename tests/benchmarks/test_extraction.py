"""`benchmarks/extraction.py` on a model that knows nothing, and its reports."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import structgen as sg
from tests.benchmarks.scripts import FOLDER, run_script

sys.path.append(str(FOLDER))
import extraction


def test_values_are_told_apart() -> None:
    assert extraction.same("24.50", "24.5")
    assert not extraction.same("24.50", "24.5024")
    assert extraction.spelled("price", ' "$24.50" and') == "24.50"
    assert extraction.spelled("date", '"2024-05-17"') == "2024-05-17"
    assert extraction.spelled("price", "unknown") is None


def test_the_kinds_come_in_turn() -> None:
    rows = extraction.rows(200, seed=1)
    assert [row.kind for row in rows[:4]] == list(extraction.KINDS)
    assert all(sg.json_schema(row.schema).sample(1) for row in rows[:8])


def test_a_toy_model_is_judged() -> None:
    model = sg.load("toy")
    for row in extraction.rows(4, seed=2):
        outcome = extraction.extract(model, row)
        assert outcome["outcome"] in ("right", "own", "forced")
        assert sg.json_schema(row.schema).accepts(outcome["text"])


@pytest.mark.parametrize("forced", [True, False])
def test_a_forced_value_is_told(tmp_path: Path, forced: bool) -> None:
    outcome = {"kind": "price", "value": "24.50", "written": "24.5024", "text": "{}"}
    outcome["outcome"] = "forced" if forced else "own"
    file = tmp_path / "outcomes.jsonl"
    file.write_text(json.dumps(outcome) + "\n")
    if forced:
        assert not extraction.report(extraction.read([file]))
    else:
        assert "forced wrong: 0" in run_script("extraction.py", "--report", str(file))
