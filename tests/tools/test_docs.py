"""The code on the page about tools runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("pydantic")

PAGE = Path(__file__).parents[2] / "docs" / "tools.md"


def test_the_code_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) >= 6
    names: dict[str, object] = {"__name__": "docs.tools"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
