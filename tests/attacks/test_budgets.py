"""Every entry point works within limits that its caller sets, and can be stopped."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import structgen as sg
from tests.attacks.measure import small_vocabulary

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = small_vocabulary()
FOREVER = 10**9

# The shortest text that contains all of these words: no quick way to it is known to anybody.
_DRAW = random.Random(7)
WIDE = "".join(f"(?=.*{''.join(_DRAW.choices('ab', k=8))})" for _ in range(30)) + ".*"
RECORD = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def schema(**limits: Any) -> sg.TextConstraint:
    return sg.json_schema(RECORD, limits=sg.Limits(**limits))


def matcher(**limits: Any) -> sg.Matcher:
    return sg.json_schema(RECORD).compile(VOCABULARY, sg.Limits(**limits)).matcher()


def mask_of(matcher: sg.Matcher) -> Any:
    mask = sg.allocate_mask(1, VOCABULARY.size)
    matcher.fill_mask(mask, 0)
    return mask


# -- limits are the caller's ---------------------------------------------------------------------

WAYS: dict[str, tuple[str, Callable[[], object]]] = {
    "schema: source": ("max_source_bytes", lambda: schema(max_source_bytes=10)),
    "schema: time": (
        "compile_ms",
        lambda: sg.json_schema(
            {"allOf": [{"not": {"required": [f"p{i}"], "minProperties": i}} for i in range(40)]},
            property_order="any",
            limits=sg.Limits(compile_ms=1),
        ),
    ),
    "schema: expressions": ("max_exprs", lambda: schema(max_exprs=10)),
    "schema: alternatives": (
        "max_alternatives",
        lambda: sg.json_schema(
            {"enum": [{"a": i} for i in range(40)]},
            limits=sg.Limits(max_alternatives=8),
        ),
    ),
    "schema: states": ("max_states", lambda: matcher(max_states=3).advance_text(b'{"a": "b')),
    "regex: source": (
        "max_source_bytes",
        lambda: sg.regex("a" * 20, limits=sg.Limits(max_source_bytes=10)),
    ),
    "regex: expressions": (
        "max_exprs",
        lambda: sg.regex("abc" * 20, limits=sg.Limits(max_exprs=9)),
    ),
    "choice: source": (
        "max_source_bytes",
        lambda: sg.choice(["a" * 20], limits=sg.Limits(max_source_bytes=10)),
    ),
    "grammar: source": (
        "max_source_bytes",
        lambda: sg.grammar('start: "a"', limits=sg.Limits(max_source_bytes=10)),
    ),
    "compile: states": (
        "max_states",
        lambda: (
            sg.regex("[a-z]+x[a-z]{9}")
            .compile(VOCABULARY, sg.Limits(max_states=2))
            .matcher()
            .advance_text(b"axxx")
        ),
    ),
    "fill_mask: steps": ("mask_steps", lambda: mask_of(matcher(mask_steps=2))),
    "fill_masks: steps": (
        "mask_steps",
        lambda: sg.fill_masks([matcher(mask_steps=2)] * 40, sg.allocate_mask(40, VOCABULARY.size)),
    ),
    "fill_tree_masks: steps": (
        "mask_steps",
        lambda: sg.fill_tree_masks(
            matcher(mask_steps=2), [ord("{")], [-1], sg.allocate_mask(1, VOCABULARY.size)
        ),
    ),
    "advance: steps": ("mask_steps", lambda: matcher(mask_steps=0).advance(ord("{"))),
    "allows: steps": ("mask_steps", lambda: matcher(mask_steps=0).allows(ord("{"))),
    "validate: steps": ("mask_steps", lambda: matcher(mask_steps=0).validate([ord("{")])),
    "advance_text: steps": ("mask_steps", lambda: matcher(mask_steps=0).advance_text(b"{")),
    "is_accepting: steps": ("mask_steps", lambda: matcher(mask_steps=0).is_accepting()),
    "forced_text: steps": ("mask_steps", lambda: matcher(mask_steps=2).forced_text()),
    "completion: steps": ("mask_steps", lambda: matcher(mask_steps=2).completion()),
    "completion_tokens: steps": ("mask_steps", lambda: matcher(mask_steps=2).completion_tokens()),
    "min_tokens_left: steps": ("mask_steps", lambda: matcher(mask_steps=2).min_tokens_left()),
    "automaton.mask: steps": (
        "mask_steps",
        lambda: (a := sg.json_schema(RECORD).compile(VOCABULARY, sg.Limits(mask_steps=2))).mask(
            a.start
        ),
    ),
    "accepts: steps": ("mask_steps", lambda: schema(mask_steps=2).accepts('{"a":"b"}')),
    "live_prefix: steps": ("mask_steps", lambda: schema(mask_steps=2).live_prefix('{"a":"b"}')),
    "sample: steps": ("mask_steps", lambda: schema(mask_steps=2).sample()),
    "completion: time": (
        "mask_ms",
        lambda: sg.regex(WIDE).compile(VOCABULARY, sg.Limits(mask_ms=20)).matcher().completion(),
    ),
    "document: depth": (
        "max_depth",
        lambda: (
            sg.json_schema(True)
            .compile(VOCABULARY, sg.Limits(max_depth=5))
            .matcher()
            .advance_text(b"[" * 9)
        ),
    ),
    "states: memory": (
        "max_memory_mb",
        lambda: (
            sg.regex("(a|b)*a(a|b){40}")
            .compile(VOCABULARY, sg.Limits(max_memory_mb=1))
            .matcher()
            .advance_text(
                np.random.default_rng(1).choice([97, 98], 100_000).astype(np.uint8).tobytes()
            )
        ),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_entry_point_names_the_limit_that_its_caller_set(way: str) -> None:
    name, use = WAYS[way]
    with pytest.raises(sg.LimitExceeded) as raised:
        use()
    assert raised.value.name == name


def test_deeper_documents_for_who_asks_for_them() -> None:
    text = b"[" * 3000 + b"]" * 3000
    automaton = sg.json_schema(True).compile(VOCABULARY, sg.Limits(max_depth=5000))
    matcher = automaton.matcher()
    assert matcher.advance_text(text) == len(text)
    assert matcher.is_accepting()


NEXT = {"properties": {"next": {"$ref": "#"}}, "additionalProperties": False, "type": "object"}
LINKED = NEXT | {"properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}}
PAIR = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "array"}]}


@pytest.mark.parametrize(
    ("source", "depth", "prefix", "expected"),
    [
        (LINKED, 3, b'{"next":{"next":{', ' "}'),
        (LINKED, 3, b'{"next":{"next":{"', "v"),
        (LINKED, 4, b'{"next":{"next":{"', "nv"),
        (NEXT, 2, b'{"next":{', " }"),
        (NEXT, 3, b'{"next":{', ' "}'),
        (PAIR, 1, b"[1", " 0123456789]"),
        (PAIR, 2, b"[1", " ,0123456789]"),
    ],
)
def test_at_the_limit_of_depth_nothing_is_begun_that_could_only_go_deeper(
    source: Any, depth: int, prefix: bytes, expected: str
) -> None:
    constraint = sg.json_schema(source, escapes="minimal")
    automaton = constraint.compile(VOCABULARY, sg.Limits(max_depth=depth))
    whole = automaton.matcher()
    assert whole.advance_text(prefix) == len(prefix)
    found = np.unpackbits(mask_of(whole)[0].view(np.uint8), bitorder="little")
    bytes_of = {token: VOCABULARY.token_bytes(token) for token in range(VOCABULARY.size)}
    one = {token: text for token, text in bytes_of.items() if text and len(text) == 1}
    allowed = {chr(text[0]) for token, text in one.items() if found[token]}
    assert "".join(sorted(allowed - set("\t\n\r"))) == expected


def test_what_goes_too_deep_is_no_verdict() -> None:
    limits = sg.Limits(max_depth=3)
    constraint = sg.json_schema(LINKED, limits=limits)
    assert constraint.accepts('{"next":{"next":{"v":1}}}')
    with pytest.raises(sg.LimitExceeded) as raised:
        constraint.accepts('{"next":{"next":{"next":{}}}}')
    assert raised.value.name == "max_depth"


def test_a_constraint_compiles_under_its_own_limits() -> None:
    limits = sg.Limits(mask_steps=2)
    constraint = sg.json_schema(RECORD, limits=limits)
    assert constraint.program.limits == limits
    with pytest.raises(sg.LimitExceeded):
        mask_of(constraint.compile(VOCABULARY).matcher())
    mask_of(constraint.compile(VOCABULARY, sg.Limits()).matcher())


def test_work_that_ran_out_of_steps_leaves_nothing_wrong_behind() -> None:
    """What was learnt before the limit is kept, and is right: asking again comes further, and to
    the same masks as without a limit."""
    sources: list[Any] = [
        RECORD,
        {"oneOf": [RECORD, {"type": "object", "properties": {"b": {"type": "integer"}}}]},
        {
            "type": "array",
            "items": {"enum": ["x", 1, [2]]},
            "uniqueItems": True,
            "contains": {"const": 1},
        },
        {
            "anyOf": [
                {"type": "array", "items": {"$ref": "#"}, "maxItems": 3},
                {"type": "integer", "multipleOf": 7},
            ]
        },
        {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^(a|b)*a(a|b){3}$"},
            "minProperties": 2,
        },
    ]
    texts = [b"", b"[", b'["x"', b'["x", ', b'{"', b'{"a": "', b'{"b', b"7", b'{"a": "ab', b"[[7"]
    compared = 0
    for source in sources:
        free = sg.json_schema(source).compile(VOCABULARY)
        for steps in (40, 400):
            short = sg.json_schema(source).compile(VOCABULARY, sg.Limits(mask_steps=steps))
            for text in texts:
                whole = free.matcher()
                if whole.advance_text(text) < len(text):
                    continue
                begun = short.matcher()
                for _ in range(400):
                    try:
                        if begun.advance_text(text) == len(text):
                            found = mask_of(begun)
                            break
                    except sg.LimitExceeded:
                        begun.reset()
                else:
                    continue
                compared += 1
                assert (found == mask_of(whole)).all(), (source, text, steps)
    assert compared > 20


# -- stopping --------------------------------------------------------------------------------------


def slow_matcher(cancel: sg.CancelToken | None = None) -> sg.Matcher:
    """Its completion takes many seconds."""
    limits = sg.Limits(
        mask_ms=FOREVER, mask_steps=10**15, max_states=2**31, max_memory_mb=3000, cancel=cancel
    )
    return sg.regex(WIDE).compile(VOCABULARY, limits).matcher()


def test_a_cancelled_token_ends_what_runs_and_what_comes() -> None:
    token = sg.CancelToken()
    matcher = slow_matcher(token)
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(sg.Cancelled):
        matcher.completion()
    assert time.monotonic() - started < 5
    assert token.cancelled
    limits = sg.Limits(cancel=token)
    with pytest.raises(sg.Cancelled):
        mask_of(matcher)
    with pytest.raises(sg.Cancelled):
        sg.json_schema(RECORD, limits=limits)
    assert sg.Limits(cancel=token) == limits != sg.Limits()


def test_other_threads_go_on_meanwhile() -> None:
    token = sg.CancelToken()
    matcher = slow_matcher(token)
    ended = threading.Event()

    def work() -> None:
        with pytest.raises(sg.Cancelled):
            matcher.completion()
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        turns += 1
        time.sleep(0.001)
    assert not ended.is_set()
    assert turns > 30  # with the lock held, one
    token.cancel()
    thread.join(timeout=20)
    assert ended.is_set()


def test_waiting_for_a_matcher_does_not_hold_the_lock_that_its_work_needs() -> None:
    """The worker asks Python for signals; a thread that waits for the matcher must let it."""
    token = sg.CancelToken()
    matcher = slow_matcher(token)

    def work() -> None:
        with pytest.raises(sg.Cancelled):
            matcher.completion()

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.1)
    readers = [
        threading.Thread(target=lambda: (matcher.state, matcher.tokens, repr(matcher)))
        for _ in range(3)
    ]
    for reader in readers:
        reader.start()
    time.sleep(0.1)
    token.cancel()
    for thread in (worker, *readers):
        thread.join(timeout=20)
        assert not thread.is_alive()


INTERRUPTIBLE = {
    "completion": "matcher.completion()",
    "completion_tokens": "[matcher.completion_tokens() for _ in range(9)]",
    "accepts": "sg.regex('[ab]*').accepts(b'ab' * 100_000_000)",
    "a worker": "sg.json_schema({'allOf': [{'minimum': i} for i in range(200_000)]}, limits="
    "sg.Limits(compile_ms=10**9))",
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("work", INTERRUPTIBLE)
def test_ctrl_c_ends_long_work(work: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.append({str(ROOT)!r})\n"
        "import structgen as sg\n"
        "from tests.attacks.test_budgets import slow_matcher\n"
        "matcher = slow_matcher()\n"
        "print('begun', flush=True)\n"
        "try:\n"
        f"    {INTERRUPTIBLE[work]}\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
        "else:\n"
        "    print('finished', flush=True)\n"
        "print(sg.regex('a').accepts('a'))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest.splitlines() == ["interrupted", "True"]
    assert time.monotonic() - sent < 10


def test_what_a_caller_has_left_ends_by_itself() -> None:
    """A large source is built by a worker, which goes on for no longer than its next look."""
    token = sg.CancelToken()
    source = json.dumps({"allOf": [{"minimum": i} for i in range(200_000)]})
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    with pytest.raises(sg.Cancelled):
        sg.json_schema(source, limits=sg.Limits(compile_ms=10**9, cancel=token))
    worked = time.process_time()
    time.sleep(1)
    assert time.process_time() - worked < 0.7
    worked = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - worked < 0.1
