"""The instrument that compares tokenizers: a run over two made-up ones."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.benchmarks.scripts import run_script


def test_a_run_over_two_tokenizers(tmp_path: Path) -> None:
    tokens = [bytes([b]) for b in range(256)]
    ranks = [*tokens, b"true", b'{"']
    lines = (f"{base64.b64encode(token).decode()} {i}\n" for i, token in enumerate(ranks))
    (tmp_path / "ranks.tiktoken").write_text("".join(lines))
    entries = [
        {"rank": i, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for i, token in enumerate(tokens)
    ]
    config = {
        "pattern": r"\S+|\s+",
        "default_vocab_size": 259,
        "default_num_special_tokens": 3,
        "version": "v3",
    }
    specials = [
        {"rank": i, "token_str": name, "is_control": True}
        for i, name in enumerate(["<unk>", "<s>", "</s>"])
    ]
    tekken = {"config": config, "vocab": entries, "special_tokens": specials}
    (tmp_path / "tekken.json").write_text(json.dumps(tekken))
    data = tmp_path / "data"
    data.mkdir()
    case = {
        "schema": {"type": "object", "properties": {"a": {"type": "boolean"}}},
        "tests": [
            {"description": "", "valid": True, "data": {"a": True}},
            {"description": "", "valid": False, "data": {"a": 1}},
        ],
    }
    (data / "one.json").write_text(json.dumps(case))
    (data / "two.json").write_text(json.dumps({**case, "schema": {"minimum": "no number"}}))
    out = tmp_path / "out.json"
    options = ["--data", str(data), "--repeat", "2", "--out", str(out)]
    options += ["--tokenizer", f"ranks={tmp_path / 'ranks.tiktoken'}"]
    options += ["--tokenizer", f"tekken={tmp_path}"]
    printed = run_script("families.py", *options)
    assert "| ranks | 259 | longest token |" in printed
    results = json.loads(out.read_text())["results"]
    assert list(results) == ["ranks", "tekken"]
    valid, invalid = '{"a": true}', '{"a": 1}'
    assert results["tekken"]["tokens"] == len(valid) + len(invalid)
    # `{"` and `true` are one token each.
    assert results["ranks"]["tokens"] == len(valid) - 4 + len(invalid) - 1
    for result in results.values():
        assert (result["passed"], result["schemas"], result["compile_errors"]) == (1, 2, 1)
        assert result["build_s"] > 0
        assert len(result["mean_ratios"]) == 2
    assert results["ranks"]["mean_ratios"] == [1, 1]
