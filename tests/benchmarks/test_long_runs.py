"""Long lives, in small: sequences and processes that stay within a tiny budget."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import structgen as sg
from tests.benchmarks.scripts import run_script

PIECES = [b'", "', b'": ', b", ", b'{"', b"name", b"price", b"tags", b" the", b"10", b"00", b"id"]

TINY_MB = 1


@pytest.fixture(scope="module")
def vocabulary() -> sg.Vocabulary:
    bytes_ = [bytes([byte]) for byte in range(256)]
    return sg.Vocabulary([*bytes_, *PIECES, None], eos_token_ids=[256 + len(PIECES)])


@pytest.fixture
def encode(vocabulary: sg.Vocabulary) -> Callable[[str], list[int]]:
    return lambda text: vocabulary.longest_match(text.encode())


def held_bytes(window: Any) -> int:
    return window.stats["state_bytes"] + window.stats["mask_bytes"]


@pytest.mark.parametrize(
    ("name", "budget"),
    [
        ("records", TINY_MB),
        ("string", TINY_MB),
        ("grammar", TINY_MB),
        ("keys", TINY_MB),
        ("distinct", 8 * TINY_MB),  # 1,500 elements are kept, and the way back to each
    ],
)
def test_a_long_sequence_stays_within_its_budget(
    long_runs: ModuleType,
    vocabulary: sg.Vocabulary,
    encode: Callable[[str], list[int]],
    name: str,
    budget: int,
) -> None:
    case = long_runs.CASES[name]
    limits = sg.Limits(max_memory_mb=budget)
    trace = long_runs.read_long(case, vocabulary, encode, 3000, 6, limits)
    assert trace.error == ""
    assert trace.tokens == 3000
    assert [window.steps for window in trace.windows] == [500] * 6
    # What a single step adds beyond the budget is small beside it.
    assert max(map(held_bytes, trace.windows)) < 1.5 * budget * 1e6


def test_what_ends_a_sequence_is_told(
    long_runs: ModuleType, vocabulary: sg.Vocabulary, encode: Callable[[str], list[int]]
) -> None:
    lying = long_runs.Case("lying", lambda: sg.regex("a{3}b*"), lambda: iter(["aaab", "x"]))
    trace = long_runs.read_long(lying, vocabulary, encode, 50, 5)
    assert trace.error == f"token 4: {ord('x')} refused after b'aaab'"
    (only,) = trace.windows
    assert only.steps == 5
    assert math.isnan(trace.last_by_first[0])
    exhausted = long_runs.read_long(
        lying, vocabulary, encode, 50, 5, sg.Limits(mask_steps=1, max_memory_mb=TINY_MB)
    )
    assert "LimitExceeded" in exhausted.error


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """Three files in the form of MaskBench; one of them cannot be varied."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    for name, schema, instance in (
        ("a", {"type": "object", "properties": {"n": {"type": "integer"}, "s": {}}}, {"n": 1}),
        ("b", {"properties": {"tags": {"items": {"enum": ["x", "y"]}}}}, {"tags": ["x", "y"]}),
        ("c", {"type": "string", "pattern": "^[a-f]+$"}, "abc"),
    ):
        tests = [{"data": 1.5, "valid": False}, {"data": instance, "valid": True}]
        (folder / f"{name}.json").write_text(json.dumps({"schema": schema, "tests": tests}))
    return folder


def test_variants_differ_and_keep_their_instances(long_runs: ModuleType, schemas: Path) -> None:
    cases = long_runs.schema_cases(schemas, 61, 3)
    assert len({json.dumps(case.schema) for case in cases}) == 61
    assert {case.name for case in cases if case.variant == 0} == {"a", "b", "c"}
    assert any(
        "n_2" in json.dumps(case.schema) or "s_2" in json.dumps(case.schema) for case in cases
    )
    for case in cases:
        assert sg.json_schema(case.schema).accepts(case.text), case
    with pytest.raises(SystemExit, match="no MaskBench files"):
        long_runs.schema_cases(schemas / "none", 3, 3)
    for name in "ab":
        (schemas / f"{name}.json").unlink()
    with pytest.raises(SystemExit, match="only 1 different"):
        long_runs.schema_cases(schemas, 2, 3)


def test_many_schemas_in_one_process_leave_little(
    long_runs: ModuleType,
    vocabulary: sg.Vocabulary,
    encode: Callable[[str], list[int]],
    schemas: Path,
) -> None:
    cases = long_runs.schema_cases(schemas, 300, 3)
    limits = sg.Limits(max_memory_mb=TINY_MB)
    trace = long_runs.live_through(cases, vocabulary, encode, 6, limits)
    assert not trace.refused
    assert sum(window.steps for window in trace.windows) == 300
    assert trace.tokens == sum(len(encode(case.text)) for case in cases)
    assert all(window.probe > 0 for window in trace.windows)
    # What the vocabulary has learnt is of kinds of lexemes, not of schemas.
    learnt = [window.stats["lexical_bytes"] for window in trace.windows]
    assert learnt[-1] < 2 * learnt[1] + 100_000
    assert max(map(held_bytes, trace.windows)) < TINY_MB * 1e6


def test_schemas_that_do_not_compile_are_counted(
    long_runs: ModuleType, vocabulary: sg.Vocabulary, encode: Callable[[str], list[int]]
) -> None:
    empty = long_runs.SchemaCase("empty", {"type": "integer", "minimum": 2, "maximum": 1}, "1", 0)
    well = long_runs.SchemaCase("well", {"type": "integer"}, "12", 0)
    trace = long_runs.live_through([empty, well, well], vocabulary, encode, 1)
    assert trace.refused == {"EmptyLanguageError": 1}
    assert [window.steps for window in trace.windows] == [2]


def test_a_run_prints_its_windows(tmp_path: Path, tokenizer: Path, schemas: Path) -> None:
    pytest.importorskip("matplotlib")
    out, plots = tmp_path / "out.json", tmp_path / "plots"
    options = ["--tokenizer", str(tokenizer), "--data", str(schemas), "--tokens", "300"]
    options += ["--schemas", "20", "--windows", "4", "--cases", "string,grammar,schemas"]
    printed = run_script("long_runs.py", *options, "--out", str(out), "--plots", str(plots))
    runs = {run["name"]: run for run in json.loads(out.read_text())["runs"]}
    assert list(runs) == ["string", "grammar", "schemas"]
    assert all(run["error"] == "" and len(run["windows"]) == 4 for run in runs.values())
    assert runs["string"]["tokens"] == 300
    assert all(ratio > 0 for run in runs.values() for ratio in run["last_by_first"])
    assert "| grammar | 300 |" in printed
    assert (plots / "long_runs.png").read_bytes().startswith(b"\x89PNG")
