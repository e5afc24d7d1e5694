"""The table of masks on a device: right rows, who leaves, and what is counted."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import structgen as sg
from structgen.errors import LimitExceeded

torch = pytest.importorskip("torch", reason="torch is not installed")

from structgen.integrations.mask_table import MaskTable  # noqa: E402
from structgen.integrations.torch import apply_mask_  # noqa: E402

BYTES = sg.Vocabulary([bytes([b]) for b in range(256)], eos_token_ids=[256], size=260)


def matchers_of(pattern: str) -> Callable[[str], sg.Matcher]:
    """Matchers of one automaton, each after a text."""
    automaton = sg.regex(pattern).compile(BYTES)

    def after(text: str) -> sg.Matcher:
        matcher = automaton.matcher()
        assert all(matcher.advance(b) for b in text.encode())
        return matcher

    return after


def mask_of(matcher: sg.Matcher) -> list[int]:
    mask = sg.allocate_mask(1, BYTES.size)
    matcher.fill_mask(mask, 0)
    return mask[0].tolist()


def check(table: MaskTable, asked: list[sg.Matcher]) -> list[int]:
    rows = table.rows(asked)
    assert rows.dtype == torch.int64
    assert table.masks[rows].tolist() == [mask_of(matcher) for matcher in asked]
    return rows.tolist()


def counts(table: MaskTable) -> tuple[int, int, int, int]:
    return table.hits, table.misses, table.evictions, len(table)


def test_each_state_is_uploaded_once() -> None:
    after = matchers_of("[0-9]{3}|ab*")
    table = MaskTable(BYTES.size, 4, device="cpu")
    first = check(table, [after(""), after("1"), after("2"), after("a")])
    # After one digit it is the same, whatever the digit; likewise for any number of b.
    assert first[1] == first[2]
    assert counts(table) == (1, 3, 0, 3)
    assert check(table, [after("abb"), after("")]) == [first[3], first[0]]
    assert table.row_of(after("7")) == first[1]
    assert counts(table) == (4, 3, 0, 3)


def test_the_least_recently_used_leaves() -> None:
    after = matchers_of("abcdefgh")
    table = MaskTable(BYTES.size, 3, device="cpu")
    check(table, [after(""), after("a"), after("ab")])
    check(table, [after("")])
    (row,) = check(table, [after("abc")])  # in the place of `a`
    assert counts(table) == (1, 4, 1, 3)
    assert check(table, [after(""), after("ab"), after("abc")])[2] == row
    assert counts(table) == (4, 4, 1, 3)
    check(table, [after("a")])
    assert counts(table) == (4, 5, 2, 3)
    table.clear()
    assert counts(table) == (4, 5, 2, 0)
    check(table, [after("abc"), after("abcd"), after("a")])
    assert counts(table) == (4, 8, 2, 3)


def test_a_call_never_evicts_what_it_asks_for() -> None:
    after = matchers_of("abcdefgh")
    table = MaskTable(BYTES.size, 3, device="cpu", staging=1)
    check(table, [after("a"), after("ab"), after("abc")])
    # The oldest is asked for again, with two that are new.
    check(table, [after("abcd"), after("a"), after("abcde"), after("abcd")])
    with pytest.raises(ValueError, match="4 states in one call, but the table has 3 rows"):
        table.rows([after("abcdef"[:n]) for n in range(4)])
    check(table, [after("abcd"), after("a"), after("abcde")])


def test_automata_are_not_confused() -> None:
    one, other = matchers_of("ab"), matchers_of("cd")
    table = MaskTable(BYTES.size, 8, device="cpu")
    assert one("").state == other("").state  # the numbers alone would not do
    rows = check(table, [one(""), other(""), one("a"), other("c")])
    assert len(set(rows)) == 4


def test_states_of_a_cleared_automaton_are_new() -> None:
    automaton = sg.regex("[a-c]{4}|d").compile(BYTES)
    table = MaskTable(BYTES.size, 8, device="cpu")
    old = automaton.matcher()
    (row,) = check(table, [old])
    automaton.clear_cache()
    new = automaton.matcher()
    for byte in b"abc":
        new.advance(byte)
        check(table, [new, old])
    assert check(table, [old]) == [row]


def test_many_random_walks() -> None:
    rng = random.Random(5)
    automata = [matchers_of(pattern) for pattern in ("[ab]{2,9}c?", "(ab|ba)+", "a{7}|b{9}")]
    table = MaskTable(BYTES.size, 12, device="cpu", staging=5)
    words = ["", "ab", "abab", "ba", "abba", "baba", "ababab"]
    for _ in range(200):
        asked = [automata[rng.randrange(2)](rng.choice(words)) for _ in range(rng.randrange(8))]
        asked += [automata[2](rng.choice("ab") * rng.randrange(7)) for _ in range(2)]
        check(table, asked)
        assert len(table) <= 12
    assert table.misses == table.evictions + len(table)
    assert table.evictions > 0
    assert table.hits > table.misses


def test_rows_are_what_masks_on_logits_take() -> None:
    after = matchers_of("[0-9]+")
    table = MaskTable(BYTES.size, 4, device="cpu")
    asked = [after("1"), after("")]
    logits = torch.zeros(2, BYTES.size)
    apply_mask_(logits, table.masks, mask_rows=table.rows(asked), temperature=0.5)
    allowed = [np.flatnonzero(row == 0).tolist() for row in logits.numpy()]
    assert allowed == [[*b"0123456789", 256], [*b"0123456789"]]


def test_what_fails_leaves_the_table_as_it_was() -> None:
    limits = sg.Limits(mask_steps=1)
    failing = sg.regex("[a-z]+", limits=limits).compile(BYTES).matcher()
    table = MaskTable(BYTES.size, 4, device="cpu")
    with pytest.raises(LimitExceeded):
        table.rows([failing])
    assert counts(table) == (0, 0, 0, 0)
    good = sg.regex("[a-z]+").compile(BYTES).matcher()
    check(table, [good])
    assert counts(table) == (0, 1, 0, 1)


def test_what_does_not_fit() -> None:
    wide = sg.Vocabulary([b"a"], eos_token_ids=[1], size=300)
    table = MaskTable(BYTES.size, 4, device="cpu")
    with pytest.raises(ValueError, match="300 tokens"):
        table.rows([sg.regex("a").compile(wide).matcher()])
    wrong: list[dict[str, Any]] = [{"vocab_size": 0}, {"capacity": 0}, {"staging": 0}]
    for arguments in wrong:
        with pytest.raises(ValueError, match="must be positive"):
            MaskTable(**{"vocab_size": 32, "capacity": 1, "device": "cpu", **arguments})
    assert table.rows([]).shape == (0,)


def test_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    after = matchers_of("[ab]{1,200}")
    table = MaskTable(BYTES.size, 16, staging=2)
    for length in range(0, 190, 10):
        check(table, [after("ab" * (length // 2 + k)) for k in range(5)])
