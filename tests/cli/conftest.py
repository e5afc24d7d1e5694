from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click")

from click.testing import CliRunner, Result

from structgen.cli.app import app

Cli = Callable[..., Result]


@pytest.fixture
def cli() -> Cli:
    """Runs a command line in this process."""

    def run(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def toy(cli: Cli) -> Cli:
    """``generate`` with the toy model and a seed."""

    def run(*arguments: str, stdin: str = "") -> Result:
        return cli("generate", "--model", "toy", "--seed", "5", *arguments, stdin=stdin)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], str]:
    """Writes a file, JSON unless it is text, and returns its path."""

    def run(name: str, content: Any) -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return run
