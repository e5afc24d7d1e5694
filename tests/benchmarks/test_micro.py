"""The micro-benchmarks run, and measure what they say."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

import structgen as sg
from tests.benchmarks.scripts import run_script


def test_every_place_is_reached(micro: ModuleType) -> None:
    vocabulary = sg.Vocabulary([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])
    for place in micro.PLACES:
        matcher = micro.at(place, vocabulary)
        # A mask that allows the end alone would measure nothing.
        mask = sg.allocate_mask(1, vocabulary.size)
        matcher.fill_mask(mask, 0)
        assert set(sg.masks.allowed_tokens(mask, vocabulary.size)) - {256}, place.name
    lying = micro.Place("lying", lambda: sg.regex("a"), "b")
    with pytest.raises(SystemExit, match="lying"):
        micro.at(lying, vocabulary)


def test_a_run_measures_every_group(tmp_path: Path, tokenizer: Path) -> None:
    out = tmp_path / "out.json"
    options = ["--tokenizer", str(tokenizer), "--rounds", "3", "--cold-rounds", "1"]
    printed = run_script("micro.py", *options, "--places", "string", "--out", str(out))
    figures = json.loads(out.read_text())["figures"]
    names = {f"{figure['group']}: {figure['name']}" for figure in figures}
    assert {f"mask: inside a string, {state}" for state in ("cold", "known", "warm")} < names
    assert {"operation: fork", "batch: 64 rows, 2 threads, warm"} < names
    assert {"tree: chain of 64 nodes, new", "tree: wide of 64 nodes, warm"} < names
    assert not any("integer" in name for name in names)
    for figure in figures:
        assert 0 < figure["p50"] <= figure["p99"], figure
        assert f"| {figure['group']}: {figure['name']} | {figure['p50']:.2f} /" in printed
