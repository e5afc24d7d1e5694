"""How well hostile inputs keep within their budgets: `python -m tests.attacks --made`.

Each input is built, compiled, asked for masks and completions, and cancelled, in processes of
its own. Times are processor time, as budgets are: a busy machine does not disturb them. It is that
of the whole process, since a large source is built by a thread of its own: what that and others,
which give back what was built in vain, do until the caller has its answer counts as well.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, make_dataclass
from functools import cache
from typing import Any, TypedDict

import numpy as np

import structgen as sg
from tests.attacks.measure import peak_mb
from tests.data.hostile.families import Hostile

HANG_SECONDS = 300
"""After this much time on the clock a process is killed."""

STEPS = 24
"""Tokens of the walk that asks for masks."""

TEXT_BYTES = 200

SLACK_MS = 10
"""What anything may take beyond its budget, and a tenth of that."""

LATENCY_MS = 10
"""Processor time between the cancelling of a token and the end of the work."""

DISTURBED_MS = 1
"""A moment of cancelling that is known no better is tried again."""

MEMORY_MB = 500

FOREVER = 10**9


@dataclass(kw_only=True)
class Kept:
    """How one input kept within its budgets. Times in milliseconds, the longest of each kind."""

    outcome: str
    detail: str = ""
    build_ms: float = 0.0
    compile_ms: float = 0.0
    mask_ms: float = 0.0
    slowest: str = ""
    """Which question `mask_ms` was."""
    sample_ms: float = 0.0
    """A text without a vocabulary, for which the automaton is compiled again."""
    memory_mb: float = 0.0
    latency_ms: float = 0.0
    """From cancelling to the end."""
    cancelled_in: str = ""
    """The phase in which `latency_ms` was."""
    disturbed: bool = False
    """The moment of cancelling is not known well enough."""
    faults: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """What each input is given."""

    compile_ms: int = 200
    mask_ms: int = 100
    cancels: int = 3

    def limits(self) -> sg.Limits:
        return sg.Limits(compile_ms=self.compile_ms, mask_ms=self.mask_ms, mask_steps=FOREVER)


def within(spent: float, budget: float) -> bool:
    return spent <= budget * 1.1 + SLACK_MS


class Questions:
    """A walk through a matcher: every question is timed."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def ask(self, name: str, question: Callable[[], Any]) -> Any:
        started = time.process_time()
        try:
            return question()
        finally:
            spent = (time.process_time() - started) * 1e3
            if name == "sample":
                self.kept.sample_ms = max(self.kept.sample_ms, spent)
            elif spent > self.kept.mask_ms:
                self.kept.mask_ms, self.kept.slowest = spent, name

    def walk(self, constraint: Any, matcher: Any, vocabulary: sg.Vocabulary, seed: int) -> None:
        mask = sg.allocate_mask(1, vocabulary.size)
        draw = random.Random(seed)
        for step in range(STEPS):
            self.ask("mask", lambda: matcher.fill_mask(mask, 0))
            bits = np.unpackbits(mask[0].view(np.uint8), bitorder="little")[: vocabulary.size]
            bits[list(vocabulary.eos_token_ids)] = 0
            tokens = np.flatnonzero(bits)
            if not len(tokens):
                break
            token = int(tokens[draw.randrange(len(tokens))])
            if not self.ask("advance", lambda token=token: matcher.advance(token)):
                break
            if step % 8 == 0:
                self.ask("forced_text", matcher.forced_text)
                self.ask("completion_tokens", matcher.completion_tokens)
                self.ask("min_tokens_left", matcher.min_tokens_left)
        # The automaton that building had made is the matcher's now: this compiles another.
        text = self.ask("sample", lambda: constraint.sample(seed=seed, max_bytes=TEXT_BYTES))
        text = text[:TEXT_BYTES]
        self.ask("accepts", lambda: constraint.accepts(text))
        self.ask("live_prefix", lambda: constraint.live_prefix(text + "\0"))


def keep(hostile: Hostile, vocabulary: sg.Vocabulary, budgets: Budgets) -> Kept:
    """Builds, compiles and asks, in this process."""
    build = hostile.build()
    before = peak_mb()
    kept = Kept(outcome="result")
    started = time.process_time()
    try:
        limits = budgets.limits()
        try:
            constraint = build(limits)
        finally:
            kept.build_ms = (time.process_time() - started) * 1e3
        started = time.process_time()
        try:
            matcher = constraint.compile(vocabulary, limits).matcher()
        finally:
            kept.compile_ms = (time.process_time() - started) * 1e3
        Questions(kept).walk(constraint, matcher, vocabulary, seed=1)
    except sg.StructgenError as error:
        kept.outcome, kept.detail = type(error).__name__, str(error)[:200]
        if len(str(error)) > 20_000:
            kept.faults.append(f"a message of {len(str(error))} characters")
        if isinstance(error, sg.LimitExceeded) and not error.hint:
            kept.faults.append(f"no hint for `{error.name}`")
    except Exception as error:  # what this is here to find
        kept.outcome, kept.detail = type(error).__name__, repr(error)[:200]
    kept.memory_mb = peak_mb() - before
    return kept


def cancelled(hostile: Hostile, vocabulary: sg.Vocabulary, after: float) -> Kept:
    """Works without budgets, under a token that is cancelled after so many seconds of work."""
    build = hostile.build()
    token = sg.CancelToken()
    limits = sg.Limits(
        compile_ms=FOREVER, mask_ms=FOREVER, mask_steps=10**15, max_memory_mb=3000, cancel=token
    )
    kept = Kept(outcome="result")
    phase = "build"
    ready, ended = threading.Event(), threading.Event()
    spent: list[float] = []

    def work() -> None:
        nonlocal phase
        ready.set()
        try:
            constraint = build(limits)
            phase = "compile"
            matcher = constraint.compile(vocabulary, limits).matcher()
            phase = "questions"
            asked = Kept(outcome="")
            for seed in range(20):
                Questions(asked).walk(constraint, matcher, vocabulary, seed)
        except sg.StructgenError as error:
            kept.outcome = type(error).__name__
        finally:
            spent.append(time.process_time())
            ended.set()

    worker = threading.Thread(target=work)
    begun = time.process_time()
    worker.start()
    ready.wait()
    while time.process_time() - begun < after and not ended.is_set():
        time.sleep(0.001)
    kept.cancelled_in = phase
    # Where another process takes the place of this thread in between, neither reading tells when
    # it was: the work goes on meanwhile.
    before = time.process_time()
    token.cancel()
    at = time.process_time()
    kept.disturbed = at - before > DISTURBED_MS / 1e3
    worker.join()
    kept.latency_ms = max(0.0, (spent[0] - at) * 1e3)
    return kept


def in_child(job: Callable[[], Kept]) -> Kept:
    """Runs `job` in a fork of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(HANG_SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        found = job()
        with os.fdopen(writer, "w") as out:
            json.dump(asdict(found), out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as source:
        text = source.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        return Kept(outcome="CRASH", detail=f"the process ended with status {status}")
    return Kept(**json.loads(text))


def undisturbed(hostile: Hostile, vocabulary: sg.Vocabulary, after: float) -> Kept:
    """`cancelled` in a process of its own, again where the moment was not known."""
    imported()
    while (found := in_child(lambda: cancelled(hostile, vocabulary, after))).disturbed:
        pass
    return found


@cache
def imported() -> None:
    """Readers are imported at their first use, which takes lark and pydantic 0.1 s, and an import
    cannot be stopped: it is no part of what is measured."""
    sg.grammar('start: "a"', format="lark")
    sg.grammar('root ::= "a"', format="gbnf")
    record: Any = make_dataclass("Record", [("key", dict[str, int] | list[str])])
    sg.json_schema(record)
    sg.json_schema(TypedDict("Record", {"key": str}))
    sg.regex("a")


def examine(hostile: Hostile, vocabulary: sg.Vocabulary, budgets: Budgets) -> Kept:
    """All of one input, with what is wrong in `faults`."""
    imported()
    kept = in_child(lambda: keep(hostile, vocabulary, budgets))
    draw = random.Random(hostile.name)
    # Most phases are short: half of the moments lie within a few hundredths of a second.
    for _ in range(budgets.cancels):
        after = 10 ** draw.uniform(-3, 0.3)
        found = undisturbed(hostile, vocabulary, after)
        if found.outcome == "CRASH":
            kept.faults.append(f"cancelling: {found.detail}")
        if found.latency_ms > kept.latency_ms:
            kept.latency_ms, kept.cancelled_in = found.latency_ms, found.cancelled_in
    if kept.outcome not in hostile.family.expected:
        kept.faults.append(f"{kept.outcome} is none of {sorted(hostile.family.expected)}")
    whole = hostile.family.budgets
    for name, spent, budget in (
        ("building", kept.build_ms, budgets.compile_ms * whole),
        ("compiling", kept.compile_ms, budgets.compile_ms * whole),
        (kept.slowest, kept.mask_ms, budgets.mask_ms),
        ("a sample", kept.sample_ms, budgets.compile_ms + budgets.mask_ms),
    ):
        if not within(spent, budget):
            kept.faults.append(f"{name} took {spent:.0f} ms of {budget}")
    if kept.memory_mb > MEMORY_MB:
        kept.faults.append(f"{kept.memory_mb:.0f} MB")
    # A set of many tools is made before its constraint, without limits.
    heard = hostile.family.heeds_limits or kept.cancelled_in != "build"
    if heard and kept.latency_ms > LATENCY_MS:
        kept.faults.append(f"cancelling while {kept.cancelled_in}: {kept.latency_ms:.0f} ms")
    return kept
