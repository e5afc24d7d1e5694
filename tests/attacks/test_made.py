"""Inputs that are made by rule keep within their budgets: some of each kind here, all of them by
`python -m tests.attacks --made`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import structgen as sg
from tests.attacks.budgets import Budgets, Kept, examine, undisturbed, within
from tests.attacks.measure import small_vocabulary
from tests.attacks.test_budgets import WIDE
from tests.data.hostile import FAMILIES, SIZES, inputs

ROOT = Path(__file__).resolve().parents[2]

VOCABULARY = small_vocabulary()
BUDGETS = Budgets(compile_ms=200, mask_ms=100, cancels=0)


def test_there_are_many_and_they_are_the_same_for_the_same_seed() -> None:
    names = [hostile.name for hostile in inputs()]
    assert len(names) == len(set(names)) >= 500
    assert {family.name.split("-")[0] for family in FAMILIES} >= {
        *("schema", "regex", "lark", "gbnf", "ebnf", "choice", "substring", "type", "tools"),
        "algebra",
    }
    code = (
        # Behind the installed package, which the checkout would hide.
        f"import json, random, sys; sys.path.append({str(ROOT)!r}); "
        "from tests.data.hostile import schemas; "
        "print(json.dumps(schemas.tree(3000, random.Random(7))))"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(2)
    ]
    assert made[0].stdout == made[1].stdout != ""


SMALL = [hostile for hostile in inputs((3_000,)) if not hostile.name.startswith("lark")]


@pytest.mark.parametrize("hostile", SMALL[::5], ids=lambda hostile: hostile.name)
def test_small_ones_end_as_expected(hostile: object) -> None:
    found = examine(hostile, VOCABULARY, BUDGETS)  # pyright: ignore[reportArgumentType]
    assert not [fault for fault in found.faults if "ms of" not in fault], found


# What used to take seconds beyond its budget, by the phase that did.
LARGE = [
    "schema-required-1000k",
    "schema-required-any-order-1000k",
    "schema-required-properties-1000k",
    "schema-enum-letters-1000k",
    "schema-enum-words-4000k",
    "schema-const-text-4000k",
    "schema-not-enum-1000k",
    "schema-property-names-enum-1000k",
    "schema-dependent-required-1000k",
    "schema-references-graph-1000k",
    "schema-pattern-alternation-1000k",
    "schema-one-of-consts-1000k",
    "schema-enum-numbers-1000k",
    "schema-all-of-minimum-1000k",
    "schema-pattern-properties-1000k",
    "schema-not-const-object-1000k",
    "schema-conflict-1000k",
    "schema-registry-1000k",
    "regex-alternation-shared-1000k",
    "regex-literal-folded-1000k",
    "regex-class-long-1000k",
    "regex-alternation-1000k",
    "choice-words-4000k",
    "gbnf-choice-100k",
]


@pytest.mark.parametrize("name", LARGE)
def test_large_ones_keep_within_their_budgets(name: str) -> None:
    """By the least of three: a page fault or a busy cache may disturb one."""
    hostile = next(hostile for hostile in inputs(SIZES) if hostile.name == name)
    tries = [examine(hostile, VOCABULARY, BUDGETS) for _ in range(3)]
    faults = [found.faults for found in tries]
    assert not min(faults, key=len), tries


@pytest.mark.parametrize("name", LARGE[::3])
def test_large_ones_are_cancelled_soon(name: str) -> None:
    hostile = next(hostile for hostile in inputs(SIZES) if hostile.name == name)
    found = [undisturbed(hostile, VOCABULARY, after) for after in (0.02, 0.1, 0.3)]
    assert statistics.median(kept.latency_ms for kept in found) <= 10, found


def test_time_is_that_of_the_thread() -> None:
    """Other threads take the processor for longer than the budget; the work needs less."""
    source = '{"enum": [' + ", ".join(f'"{i:09d}"' for i in range(3000)) + "]}"
    started = time.thread_time()
    sg.json_schema(source)
    needed = (time.thread_time() - started) * 1e3
    ended = threading.Event()

    def burn() -> None:
        while not ended.is_set():
            sg.regex("[a-z]{3}").accepts("abc")

    others = [threading.Thread(target=burn) for _ in range(12)]
    for other in others:
        other.start()
    try:
        begun = time.monotonic()
        for _ in range(3):
            sg.json_schema(source, limits=sg.Limits(compile_ms=int(4 * needed) + 20))
        assert time.monotonic() > begun
    finally:
        ended.set()
        for other in others:
            other.join()


def test_what_ran_out_of_time_leaves_nothing_wrong_behind() -> None:
    """What is given up in the middle of building poisons an arena: the automaton is left for a
    fresh one, and no answer is wrong."""
    words = [f"{i:07d}{'x' * 40}" for i in range(20_000)]
    source: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"enum": [*words, 1, {"b": words}]}, "b": {"not": {"enum": words}}},
    }
    free = sg.json_schema(source)
    text = b'{"a": "000'
    whole = free.compile(VOCABULARY).matcher()
    assert whole.advance_text(text) == len(text)
    right, mask = (sg.allocate_mask(1, VOCABULARY.size) for _ in range(2))
    whole.fill_mask(right, 0)
    late: set[str] = set()
    found = 0
    for milliseconds in (1, 2, 4, 8, 5_000):
        short = sg.json_schema(source).compile(VOCABULARY, sg.Limits(mask_ms=milliseconds))
        matcher = short.matcher()
        for _ in range(4):
            try:
                if matcher.advance_text(text) == len(text):
                    matcher.fill_mask(mask, 0)
                    assert (mask == right).all()
                    found += 1
                    break
            except sg.LimitExceeded as error:
                late.add(error.name)
                matcher = short.matcher()
    assert late == {"mask_ms"}
    assert found


def test_waiting_for_another_thread_can_be_cancelled() -> None:
    token = sg.CancelToken()
    limits = sg.Limits(mask_ms=10**9, mask_steps=10**15, cancel=token)
    constraint = sg.regex(WIDE, limits=limits)
    ended: list[str] = []

    def ask(question: Callable[[], object]) -> None:
        try:
            question()
        except sg.Cancelled:
            ended.append("cancelled")

    # The first has the automaton for many seconds; the other waits for it.
    threads = [
        threading.Thread(target=ask, args=(lambda: constraint.sample(max_bytes=0),)),
        threading.Thread(target=ask, args=(lambda: constraint.accepts("ab"),)),
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    token.cancel()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()
    assert ended == ["cancelled", "cancelled"]


def test_budgets_are_judged_as_the_bar_says() -> None:
    assert within(230, 200)
    assert not within(231, 200)
    assert Kept(outcome="result").faults == []
