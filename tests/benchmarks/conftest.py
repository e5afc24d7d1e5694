"""A tokenizer of bytes and a few merges; the modules of `benchmarks/`."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.benchmarks.scripts import FOLDER


def module(name: str) -> Any:
    """A fixture: the module `name` of `benchmarks/`."""

    @pytest.fixture(name=name)
    def imported(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        monkeypatch.syspath_prepend(str(FOLDER))
        return importlib.import_module(name)

    return imported


summaries = module("summaries")
dialects = module("dialects")
comparisons = module("comparisons")
long_runs = module("long_runs")
micro = module("micro")


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A folder with a tokenizer.json."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end_of_text|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(['{"name": "a", "number": 12}'] * 9, trainer)
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end_of_text|>"}')
    return folder
