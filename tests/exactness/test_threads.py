"""Batches on several threads: the same masks, also in a process that was forked, and while a host's
own threads call."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import structgen as sg

ROOT = Path(__file__).resolve().parents[2]

VOCABULARY = sg.Vocabulary.from_bytes(
    [*(bytes([byte]) for byte in range(256)), b'{"', b'": ', b'", "', b"true", b"12", None],
    eos_token_ids=[261],
)


def matchers(count: int) -> list[sg.Matcher]:
    """Each under a constraint of its own, somewhere in its text."""
    made: list[sg.Matcher] = []
    for i in range(count):
        kind = ["integer", "boolean", "string"][i % 3]
        constraint = sg.json_schema(
            {"type": "object", "properties": {f"k{i}": {"type": kind}}, "required": [f"k{i}"]}
        )
        matcher = constraint.compile(VOCABULARY).matcher()
        assert matcher.advance_text(f'{{"k{i}": '[: i % 7].encode()) == min(i % 7, 7)
        made.append(matcher)
    return made


def test_many_threads_fill_what_one_fills() -> None:
    for threads in (2, 5, 0):
        rows = np.zeros((2, 50, (VOCABULARY.size + 31) // 32), dtype=np.int32)
        sg.fill_masks(matchers(50), rows[0], threads=1)
        sg.fill_masks(matchers(50), rows[1], threads=threads)
        assert np.array_equal(rows[0], rows[1])
        assert rows[0].any(axis=1).all()


def test_a_matcher_may_stand_in_several_rows() -> None:
    (one,) = matchers(1)
    mask = sg.allocate_mask(9, VOCABULARY.size)
    sg.fill_masks([one] * 9, mask, threads=3)
    assert (mask == mask[0]).all()


def test_calls_from_many_threads_at_once() -> None:
    expected = sg.allocate_mask(20, VOCABULARY.size)
    sg.fill_masks(matchers(20), expected, threads=1)

    def call(_: int) -> bool:
        mask = sg.allocate_mask(20, VOCABULARY.size)
        sg.fill_masks(matchers(20), mask, threads=3)
        return bool(np.array_equal(mask, expected))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(call, range(30)))


# At the end of the path: an installed structgen is found first.
FORKED = """
import os, sys
sys.path.append(sys.argv[1])
from tests.exactness.test_threads import VOCABULARY, matchers
import structgen as sg
mask = sg.allocate_mask(20, VOCABULARY.size)
sg.fill_masks(matchers(20), mask, threads=3)
child = os.fork()
again = sg.allocate_mask(20, VOCABULARY.size)
sg.fill_masks(matchers(20), again, threads=3)
assert (again == mask).all()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-c", FORKED, str(ROOT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# Compiling asks for signals, for which it needs the GIL; nobody may hold that and wait for it.
RENEWED = """
import threading
import structgen as sg
vocabulary = sg.Vocabulary.from_bytes([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])
names = [f"key{i}" for i in range(60)]
inner = {f"p{j}": {"type": "string", "pattern": f"^[a-z]{{{j},{9 * j + 9}}}$"} for j in range(12)}
schema = {
    "properties": {name: {"properties": {**inner, name: {}}} for name in names},
    "oneOf": [{"required": [name]} for name in names[:8]],
}
automaton = sg.json_schema(schema).compile(vocabulary)
worker = threading.Thread(target=lambda: [automaton.clear_cache() for _ in range(10)])
worker.start()
while worker.is_alive():
    assert automaton.exactness == "exact"
"""


def test_an_automaton_can_be_asked_while_it_is_begun_afresh() -> None:
    subprocess.run([sys.executable, "-P", "-c", RENEWED], timeout=100, check=True)
