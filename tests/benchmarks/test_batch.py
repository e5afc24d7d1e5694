"""The instrument of batches: a run over made-up schemas."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.scripts import run_script


def test_a_run_over_a_few_sequences(tokenizer: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for i in range(4):
        schema = {"type": "object", "properties": {f"k{i}": {"type": "integer"}}}
        tests = [
            {"description": "good", "valid": True, "data": {f"k{i}": 12345}},
            {"description": "bad", "valid": False, "data": []},
        ]
        case = {"description": "", "meta": {}, "schema": schema, "tests": tests}
        (data / f"case{i}.json").write_text(json.dumps(case))
    out = tmp_path / "out.json"
    options = ["--rows", "3", "--steps", "4", "--rounds", "2", "--draws", "2", "--out", str(out)]
    printed = run_script("batch.py", "--data", str(data), "--tokenizer", str(tokenizer), *options)
    found = json.loads(out.read_text())
    assert len(found["draws"]) == 2
    assert all(figure > 0 for draw in found["draws"] for figure in draw.values())
    assert printed.count("\n| ") == 5  # head, rule, two draws, their median
