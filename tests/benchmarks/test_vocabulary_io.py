"""The instrument that measures saved vocabularies, on a tokenizer of bytes and some words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from structgen.vocabulary.pieces import BYTE_ALPHABET
from tests.benchmarks.scripts import run_script

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read from /proc"
)


def tokenizer(folder: Path) -> Path:
    pieces = [*sorted(BYTE_ALPHABET), "the", "Ġthe", '":', "Ġquick", "SELECT"]
    data: dict[str, Any] = {
        "added_tokens": [{"id": len(pieces), "content": "<end>", "special": True}],
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": {piece: i for i, piece in enumerate(pieces)}},
    }
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(data))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<end>"}')
    return folder


def test_all_figures_are_there(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    schemas: list[object] = [{"type": "string", "maxLength": n} for n in (3, 5, 7, 9)]
    for number, schema in enumerate([*schemas, {"type": "nonsense"}]):
        tests = [{"data": "the", "valid": True}]
        (data / f"{number}.json").write_text(json.dumps({"schema": schema, "tests": tests}))
    out = tmp_path / "out.json"
    options = ["--learn", "2", "--probe", "3", "--runs", "1", "--out", str(out)]
    options += ["--tokenizer", str(tokenizer(tmp_path / "bytes")), "--data", str(data)]
    printed = run_script("vocabulary_io.py", *options)
    figures = json.loads(out.read_text())
    assert figures["size"] == 262
    build, plain, named, learnt = figures["loading"].values()
    assert "file_mb" not in build
    assert plain["file_mb"] < min(named["file_mb"], learnt["file_mb"])
    assert plain["own_mb"] == learnt["own_mb"] > 0
    assert all(row["ms"] > 0 for row in figures["loading"].values())
    # Two or three schemas: the one that is none may be among those that were learnt from.
    (of,) = {name.split(",")[0] for name in figures["first"] if "schemas" in name}
    assert of in ("2 schemas", "3 schemas")
    for name, row in figures["first"].items():
        assert set(row) == {"first_ms", "all_ms", "first_ms, entries", "all_ms, entries"}, name
        assert f"| {name} |" in printed
