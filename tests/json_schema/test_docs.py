"""The code on the page about JSON Schema runs, and the page says what there is."""

from __future__ import annotations

import inspect
import re

import structgen as sg
from tests.json_schema import data

PAGE = (data.REPOSITORY / "docs" / "json-schema.md").read_text(encoding="utf-8")


def test_the_code_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(blocks) >= 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/json-schema.md", "exec"), names)


def test_every_option_is_there() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE.split("## Options")[1].split("###")[0], re.M))
    taken = set(inspect.signature(sg.json_schema).parameters) - {"schema"}
    assert listed == taken


def test_every_keyword_of_our_cases_is_there() -> None:
    cases = data.read(data.REPOSITORY / "tests/json_schema/cases.json")
    keywords = {case["keyword"] for case in cases}
    formats = {case["schema"]["format"] for case in cases if case["keyword"] == "format"}
    for name in keywords | formats - {"no-such-format"}:
        assert f"`{name}`" in PAGE, name
