"""How often a sequence is begun: by count, and by what its attempts have cost."""

from __future__ import annotations

import re
from typing import Any

import pytest

import structgen as sg
from structgen.generate import ToyModel
from structgen.samplers import SamplerConfig, SamplingParams, masked

SPARSE = sg.regex("[0-9]{3}") & sg.predicate(
    lambda text: True, complete=lambda text: text.isdigit() and int(text) % 7 == 0
)
"""About one attempt in twelve completes under the toy model; the others end after some digits."""

MODEL = ToyModel()
NONE = sg.regex("[0-9]{3}") & sg.predicate(lambda text: True, complete=lambda text: False)


def ledger(constraint: Any, **options: Any) -> sg.Ledger:
    """One sequence, with its attempts, also if none of them completed."""
    config = SamplerConfig(
        max_tokens=options.pop("max_tokens", 64),
        seed=options.pop("seed", 0),
        params=SamplingParams(temperature=options.pop("temperature", 1.0)),
    )
    compiled = constraint.compile(MODEL.vocabulary)
    (one,) = masked(MODEL, [1], compiled, config, **options)
    return one


def attempts_of(constraint: Any, **options: Any) -> int:
    """How often a sequence was begun of which none completes."""
    with pytest.raises((sg.DeadEnd, sg.TokenBudgetError), match=r"attempts?\)") as raised:
        ledger(constraint, **options)
    found = re.search(r"\((\d+) attempts?\)", str(raised.value))
    assert found
    return int(found[1])


def test_short_attempts_go_on_while_they_are_cheap() -> None:
    found = [ledger(SPARSE, seed=seed) for seed in range(60)]
    assert all(one.finish_reason == "complete" and int(one.text) % 7 == 0 for one in found)
    # Nine attempts would have failed in about half of them.
    assert max(one.attempts for one in found) > 9
    assert all(one.conditional for one in found)


def test_generate_finds_sparse_texts() -> None:
    texts = [sg.generate("toy", "x", output=SPARSE, seed=seed).text for seed in range(40)]
    assert all(int(text) % 7 == 0 for text in texts)


def test_attempts_are_bounded_by_count_and_by_cost() -> None:
    assert attempts_of(NONE, max_tokens=64) == 128
    assert 9 < attempts_of(NONE, max_tokens=4) <= 9 * 4 // 2  # of two tokens or three
    assert attempts_of(NONE, max_retries=8) == 9
    assert attempts_of(NONE, max_retries=0) == 1
    assert attempts_of(NONE, restart_weights="unbiased") == 9
    assert attempts_of(NONE, temperature=0.0) == 1
    assert ledger(NONE, dead_ends="keep").attempts == 1


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="max_retries"):
        ledger(SPARSE, max_retries=-1)
    with pytest.raises(ValueError, match="restart_weights"):
        ledger(SPARSE, restart_weights="some")
