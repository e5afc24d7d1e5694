"""The page about the command line is true: its commands run, its table is ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")

from structgen.cli import console
from structgen.cli.console import Exit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def _examples() -> list[tuple[str, str]]:
    """Commands, and what they print, in which ``...`` stands for anything."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def test_the_examples_print_what_they_show(tmp_path: Path) -> None:
    examples = _examples()
    assert len(examples) >= 12
    program = f'structgen() {{ "{sys.executable}" -m structgen "$@"; }}\n'
    for command, printed in examples:
        done = subprocess.run(
            ["sh", "-c", program + command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        shown = "(?s:.*)".join(re.escape(part) for part in printed.split("..."))
        assert re.fullmatch(shown, done.stdout), (command, done.stdout, done.stderr)
    assert (tmp_path / "sum.txt").is_file()


def test_the_table_of_exit_codes_is_ours() -> None:
    shown = re.findall(r"^\| (\d+) \| (.*?) \|$", PAGE, re.M)
    ours = re.findall(r"^(\d+) {3,5}(.*)$", console.__doc__ or "", re.M)
    assert shown == [(code, meaning.strip()) for code, meaning in ours]
    assert [int(code) for code, _ in shown] == [code.value for code in Exit]
