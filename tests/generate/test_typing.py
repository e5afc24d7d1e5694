"""Outputs are typed: pyright agrees with every line of `typing_cases`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("typing_cases.py")


@pytest.mark.slow
def test_pyright_agrees() -> None:
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(CASES)],
        check=False,
        capture_output=True,
        text=True,
        cwd=CASES.parents[2],
    )
    if "nodeenv" in done.stderr or "Could not find" in done.stderr:
        pytest.skip("pyright cannot fetch what it runs on")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_wrong_options_are_seen(tmp_path: Path) -> None:
    """The cases that pyright is told to ignore are errors without the word."""
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    text = CASES.read_text(encoding="utf-8")
    bare = tmp_path / "cases.py"
    bare.write_text(text.replace("# pyright: ignore", "# not"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(bare)],
        check=False,
        capture_output=True,
        text=True,
        cwd=CASES.parents[2],
    )
    if "nodeenv" in done.stderr or "Could not find" in done.stderr:
        pytest.skip("pyright cannot fetch what it runs on")
    assert done.returncode == 1
    assert done.stdout.count('"max_token') + done.stdout.count("No overloads") >= 2, done.stdout
