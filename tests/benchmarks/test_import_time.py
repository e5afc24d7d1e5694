"""The import's clock."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.scripts import run_script


def test_a_run_measures_each_program(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    printed = run_script("import_time.py", "--rounds", "1", "--out", str(out))
    figures = json.loads(out.read_text())["figures"]
    assert figures["import numpy"]["by_numpy"] == 1
    # The second program does all that the first one does, and more.
    assert 0 < figures["import structgen"]["seconds"] < figures["first schema"]["seconds"]
    assert f"{figures['first mask']['seconds'] * 1e3:.1f}" in printed
