"""Measures one attack: each time in a process of its own, in which nothing has been learnt yet.

Seconds are of processor time, so that a busy machine does not make a liar of the measurement.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import structgen as sg
from tests.data.attacks.attack import Attack, source_text

WALK_TOKENS = 120
"""Tokens of a random walk before it is completed."""

HANG_SECONDS = 120
"""After this much time on the clock a process is killed."""


PATIENCE = 4
"""Tries on a machine that is busy with other things."""


@dataclass(kw_only=True)
class Reading:
    """What came of one text. Times in milliseconds, one entry a token."""

    verdict: str
    masks: list[float] = field(default_factory=list[float])
    advances: list[float] = field(default_factory=list[float])
    completion: float = 0.0
    """Of the completion where reading ended, in tokens."""


@dataclass(kw_only=True)
class Run:
    """One run of an attack."""

    outcome: str
    detail: str = ""
    compile_s: float = 0.0
    compile_mb: float = 0.0
    total_mb: float = 0.0
    readings: list[Reading] = field(default_factory=list[Reading])


@dataclass(kw_only=True)
class Measured:
    """Several runs of an attack: medians of what each run says of the same step."""

    outcome: str
    detail: str
    compile_s: float
    compile_mb: float
    total_mb: float
    mask_ms: float
    """The worst mask."""
    advance_ms: float
    completion_ms: float
    texts_s: float
    """Reading of all texts, masks included."""
    bend: float
    """The time of the second half of a long text by that of the first: 1 if it is linear, 3 if
    quadratic."""
    verdicts: list[str]
    tokens: int


def small_vocabulary() -> sg.Vocabulary:
    """Bytes, and a few of the merges that matter to JSON."""
    merges = [b"the", b" the", b"ing", b'"', b'":', b'","', b"},", b"[{", b"    ", b"aaaa", b"1,"]
    return sg.Vocabulary(
        [bytes([b]) for b in range(256)] + merges + [None], eos_token_ids=[256 + len(merges)]
    )


def build(attack: Attack) -> Any:
    """The constraint of an attack."""
    match attack.kind:
        case "regex":
            return sg.regex(attack.source)
        case "schema":
            # Verdicts are those of validators, which read every spelling.
            every: dict[str, Any] = {"escapes": "all", "number_spelling": "all"}
            return sg.json_schema(source_text(attack.source), **(every | attack.options))
        case "lark" | "gbnf":
            return sg.grammar(attack.source, format=attack.kind)
        case "choice":
            return sg.choice(attack.source)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_here(attack: Attack, vocabulary: sg.Vocabulary, walks: int) -> Run:
    """One run, in this process."""
    if attack.kind == "schema":
        source_text(attack.source)  # not our time
    mask = sg.allocate_mask(1, vocabulary.size)
    before = peak_mb()
    started = time.process_time()
    try:
        automaton = build(attack).compile(vocabulary)
        automaton.matcher().fill_mask(mask, 0)
    except sg.StructgenError as error:
        return Run(
            outcome=type(error).__name__,
            detail=str(error)[:300],
            compile_s=time.process_time() - started,
            compile_mb=peak_mb() - before,
        )
    run = Run(
        outcome="result",
        compile_s=time.process_time() - started,
        compile_mb=peak_mb() - before,
    )
    # Walks come first: they are to find everything cold.
    for seed in range(walks):
        run.readings.append(walk(automaton.matcher(), vocabulary, mask, seed))
    for text, expected in attack.texts():
        run.readings.append(read(automaton.matcher(), vocabulary, mask, text, expected))
    run.total_mb = peak_mb() - before
    return run


class Clock:
    """Calls and how long they took."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def mask(self, matcher: Any, mask: Any) -> None:
        started = time.process_time()
        matcher.fill_mask(mask, 0)
        self.reading.masks.append((time.process_time() - started) * 1e3)

    def advance(self, matcher: Any, token: int) -> bool:
        started = time.process_time()
        allowed = matcher.advance(token)
        self.reading.advances.append((time.process_time() - started) * 1e3)
        return allowed

    def complete(self, matcher: Any) -> None:
        """Adds how the completion went to the verdict."""
        started = time.process_time()
        plan = matcher.completion_tokens()
        self.reading.completion = (time.process_time() - started) * 1e3
        if plan is None:
            self.reading.verdict += ", no completion"
            return
        plan = plan[:20_000]
        if matcher.validate(plan) != len(plan):
            self.reading.verdict += ", WRONG completion"


def has_bit(mask: Any, token: int) -> bool:
    return bool(int(mask[0, token // 32]) >> (token % 32) & 1)


def read(
    matcher: Any, vocabulary: sg.Vocabulary, mask: Any, text: bytes, expected: bool | None
) -> Reading:
    """Reads a text, in tokens that are as long as possible."""
    reading = Reading(verdict="")
    clock = Clock(reading)
    at = 0
    try:
        for token in vocabulary.longest_match(text):
            clock.mask(matcher, mask)
            in_mask = has_bit(mask, token)
            allowed = clock.advance(matcher, token)
            if in_mask != allowed and not (in_mask and matcher.exactness == "superset"):
                reading.verdict = f"WRONG mask at {at}"
                return reading
            if not allowed:
                break
            at += len(vocabulary.token_bytes(token) or b"")
        if at < len(text):
            reading.verdict = f"refused at {at}"
        else:
            clock.mask(matcher, mask)
            complete = matcher.is_accepting()
            if complete != has_bit(mask, vocabulary.eos_token_ids[0]):
                reading.verdict = "WRONG mask at the end"
                return reading
            reading.verdict = "accepted" if complete else "incomplete"
        if expected is None:
            clock.complete(matcher)
    except sg.StructgenError as error:
        reading.verdict = f"{type(error).__name__} at {at}: {str(error)[:100]}"
    if expected is not None and expected != (reading.verdict == "accepted"):
        reading.verdict = "WRONG: " + reading.verdict
    return reading


def walk(matcher: Any, vocabulary: sg.Vocabulary, mask: Any, seed: int) -> Reading:
    """A walk over random allowed tokens, which is then completed."""
    reading = Reading(verdict="walked")
    clock = Clock(reading)
    rng = random.Random(seed)
    try:
        for _ in range(WALK_TOKENS):
            clock.mask(matcher, mask)
            bits = np.unpackbits(mask[0].view(np.uint8), bitorder="little")[: vocabulary.size]
            bits[list(vocabulary.eos_token_ids)] = 0
            tokens = np.flatnonzero(bits)
            if not len(tokens):
                break
            # Half of the time a short one, which leaves more to come.
            token = int(tokens[rng.randrange(len(tokens))])
            if rng.random() < 0.5:
                few = tokens[tokens < 256]
                token = int(few[rng.randrange(len(few))]) if len(few) else token
            if not clock.advance(matcher, token):
                if matcher.exactness == "exact":
                    reading.verdict = f"WRONG mask after {matcher.tokens}"
                    return reading
                break
        clock.complete(matcher)
    except sg.StructgenError as error:
        reading.verdict = f"{type(error).__name__}: {str(error)[:100]}"
    return reading


def in_child(job: Callable[[], Run]) -> Run:
    """Runs `job` in a fork of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(HANG_SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        run = job()
        with os.fdopen(writer, "w") as out:
            json.dump({**run.__dict__, "readings": [r.__dict__ for r in run.readings]}, out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as source:
        text = source.read()
    _, status = os.waitpid(child, 0)
    if status:
        return Run(outcome="CRASH", detail=f"the process ended with status {status}")
    found = json.loads(text)
    found["readings"] = [Reading(**r) for r in found["readings"]]
    return Run(**found)


def measure(attack: Attack, vocabulary: sg.Vocabulary, *, runs: int, walks: int) -> Measured:
    """Medians over `runs`, each of which finds everything cold."""
    done: list[Run] = []
    for _ in range(runs):
        for _ in range(PATIENCE):
            run = in_child(lambda: measure_here(attack, vocabulary, walks))
            # Limits are of the clock: what ran out of it with little done was kept waiting.
            if "compile_ms" not in run.detail or run.compile_s > 1.7:
                break
        done.append(run)
        if done[-1].outcome == "CRASH":
            break
    last = done[-1]

    def median(of: Callable[[Run], float]) -> float:
        return statistics.median(of(run) for run in done)

    def worst(of: Callable[[Reading], list[float]]) -> float:
        """The step whose median is the worst."""
        return max(
            (
                statistics.median(values)
                for readings in zip(*(run.readings for run in done), strict=False)
                for values in zip(*(of(reading) for reading in readings), strict=False)
            ),
            default=0.0,
        )

    def seconds(reading: Reading) -> float:
        return (sum(reading.masks) + sum(reading.advances)) / 1e3

    return Measured(
        outcome=last.outcome,
        detail=last.detail,
        compile_s=median(lambda run: run.compile_s),
        compile_mb=median(lambda run: run.compile_mb),
        total_mb=median(lambda run: run.total_mb),
        mask_ms=worst(lambda reading: reading.masks),
        advance_ms=worst(lambda reading: reading.advances),
        completion_ms=worst(lambda reading: [reading.completion]),
        texts_s=median(lambda run: sum(seconds(reading) for reading in run.readings)),
        bend=max((bend(reading) for reading in last.readings), default=1.0),
        verdicts=[reading.verdict for reading in last.readings],
        tokens=sum(len(reading.masks) for reading in last.readings),
    )


def bend(reading: Reading) -> float:
    """See `Measured.bend`; 1 for what is too short to tell."""
    steps = [a + b for a, b in zip(reading.masks, reading.advances, strict=False)]
    half = len(steps) // 2
    first, second = sum(steps[:half]), sum(steps[half:])
    return second / first if half >= 500 and first + second > 100 else 1.0
