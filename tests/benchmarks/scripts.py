"""Runs a script of `benchmarks/` as one does from a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def run_script(name: str, *options: str) -> str:
    """What `python benchmarks/NAME OPTIONS...` prints; it has to succeed."""
    # A script finds its neighbours, which the variable forbids; the wheel still comes first.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env=env,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
