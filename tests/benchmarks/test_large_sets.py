"""The instrument that compares large sets: a run at a hundredth of the size, without a peer."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.scripts import run_script


def test_every_case_is_read_to_its_end(tokenizer: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    options = ["--tokenizer", str(tokenizer), "--peers", "", "--scale", "0.01", "--out", str(out)]
    printed = run_script("large_sets.py", *options)
    results = json.loads(out.read_text())["results"]
    assert len(results) == 8
    for name, found in results.items():
        assert f"| {name} | structgen |" in printed
        assert set(found["structgen"]) == {"build", "largest", "mean"}, name
        assert all(value > 0 for value in found["structgen"].values())
