"""The Python code of the README and of the page about generating runs, and gives what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import structgen as sg

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(
        r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S
    )


@pytest.mark.filterwarnings("ignore::structgen.InexactTypeWarning")
def test_the_page_about_generating_runs() -> None:
    pytest.importorskip("pydantic")
    found = blocks("docs/generate.md")
    assert len(found) >= 6
    names: dict[str, object] = {}
    for block in found:
        exec(compile(block, "docs/generate.md", "exec"), names)


def test_the_first_example_of_the_readme_has_the_type_it_shows() -> None:
    """With the toy, which needs no model: other values, the code the same."""
    pytest.importorskip("pydantic")
    names: dict[str, object] = {}
    first = blocks("README.md")[0].replace("generate(None,", 'generate("toy",')
    assert '"toy"' in first
    exec(compile(first, "README.md", "exec"), names)
    result = names["result"]
    assert isinstance(result, sg.Generation)
    assert type(result.value).__name__ == "Order"


@pytest.mark.model
def test_the_first_example_of_the_readme_gives_what_it_shows() -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("pydantic")
    first = blocks("README.md")[0]
    shown = re.search(r"^result\.value  # (.*)$", first, re.M)
    assert shown is not None
    names: dict[str, object] = {}
    exec(compile(first, "README.md", "exec"), names)
    result = names["result"]
    assert isinstance(result, sg.Generation)
    assert repr(result.value) == shown[1]


def test_the_masks_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks about masks and pickles, with a vocabulary of bytes for the tokenizer's."""
    monkeypatch.chdir(tmp_path)
    vocabulary = sg.Vocabulary([*(bytes([b]) for b in range(256)), None], eos_token_ids=[256])
    masks, pickles = blocks("README.md")[1:3]
    made = "vocab = sg.Vocabulary.from_transformers(tokenizer)"
    assert made in masks
    names: dict[str, object] = {
        "sg": sg, "vocab": vocabulary, "schema": {"type": "integer"}, "rows": 2, "row": 1,
        "token_id": ord("7"), "n": 1,
    }  # fmt: skip
    exec(compile(masks.replace(made, "vocab"), "README.md", "exec"), names)
    exec(compile(pickles, "README.md", "exec"), names)
    assert (tmp_path / "llama3.sgv").is_file()
    constraint = names["constraint"]
    assert isinstance(constraint, sg.TextConstraint)
    assert constraint.accepts("7")
