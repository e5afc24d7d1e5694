"""Every example runs, and what it prints means something."""

import ast
import json
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("[0-9][0-9]_*.py"))
NEEDS = {"03_pydantic": ["pydantic"], "11_transformers_processor": ["torch", "transformers"]}


def _json_of_lines(output: str) -> object:
    return json.loads(output[output.index("{") : output.rindex("}") + 1])


def _schema(output: str) -> bool:
    value = _json_of_lines(output)
    assert isinstance(value, dict)
    return list(value) == ["name", "population", "languages"] and value["population"] >= 0


def _arithmetic(output: str) -> bool:
    lines = output.splitlines()
    return len(lines) == 3 and all(
        eval(left) == int(right) for left, right in (line.split(" = ") for line in lines)
    )


def _speculative(output: str) -> bool:
    rate = re.search(r"([0-9.]+) tokens per forward", output)
    return "same text: True" in output and rate is not None and float(rate[1]) > 1.2


MEANS: dict[str, Callable[[str], object]] = {
    "01_regex": lambda out: re.match(r"(19|20)\d\d-[01]\d-[0-3]\d\n", out),
    "02_json_schema": _schema,
    "03_pydantic": lambda out: re.search(r"^Task\(title=.*due=datetime\.date\(", out, re.M),
    "04_grammar": _arithmetic,
    "05_tools": lambda out: re.search(r"^(weather|add)\(\{.*\}\)\n-> ", out, re.M),
    "06_choice_and_types": lambda out: re.search(
        r"^(good|bad)\nMood\.(HAPPY|SAD)\n-?\d+ legs, -?\d+ with.*\nPoint\(x=-?\d+, y=-?\d+\)$",
        out.strip(),
    ),
    "07_masks_by_hand": lambda out: re.search(r"^\{'name': 'A.*in \d+ tokens\n.*False\n.*: ", out),
    "08_predicate_awrs": lambda out: re.match(r"[a-z ]+\npredicate asked \d+ times", out),
    "09_smc": lambda out: out.count("The ") == 9 and "log P(valid)" in out,
    "10_speculative": _speculative,
    "11_transformers_processor": lambda out: len(re.findall(r"beam\(s\): \d{4}-\d\d, ", out)) == 2,
    "12_stream": lambda out: re.search(r"\]\n[234] items$", out.strip()),
}


def test_every_example_is_judged() -> None:
    assert [file.stem for file in FILES] == sorted(MEANS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_example_is_short_and_titled(file: Path) -> None:
    source = file.read_text()
    assert len(source.splitlines()) < 60
    title = ast.get_docstring(ast.parse(source))
    assert title is not None
    assert title.splitlines()[0].endswith((".", "!"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_example_runs_on_the_toy(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in NEEDS.get(file.stem, []):
        pytest.importorskip(package)
    monkeypatch.setattr(sys, "argv", [str(file), "--toy"])
    runpy.run_path(str(file), run_name="__main__")
    output = capsys.readouterr().out
    assert MEANS[file.stem](output), output


@pytest.mark.model
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_example_runs_on_the_model(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setattr(sys, "argv", [str(file)])
    runpy.run_path(str(file), run_name="__main__")
    output = capsys.readouterr().out
    assert MEANS[file.stem](output), output


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(r"`(\d\d_\w+)\.py`", (EXAMPLES / "README.md").read_text())
    assert listed == [file.stem for file in FILES]
