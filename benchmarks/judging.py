"""What one engine makes of one schema: is it right, and how long does it take?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines import ENGINES, Tokens
from workers import Worker, WorkerLostError


@dataclass
class Verdict:
    """What one engine made of one schema; times in seconds."""

    name: str
    error: str = ""
    """Empty, or why the schema did not compile ("timeout", "crash", or the engine's words)."""
    false_accepts: dict[str, list[int]] = field(default_factory=dict)
    """By writing, the numbers of the tests."""
    false_rejects: dict[str, list[int]] = field(default_factory=dict)
    ttfm: float = float("nan")
    tbm: list[float] = field(default_factory=list)
    """Of the first writing alone: the masks of the others are partly known by then."""
    tokens: int = 0
    """In all writings."""

    def passed(self, writing: str) -> bool:
        return not (
            self.error or self.false_accepts.get(writing) or self.false_rejects.get(writing)
        )


def read_tokens(folder: Path) -> Tokens:
    """The vocabulary of a tokenizer folder."""
    from structgen.vocabulary import from_tokenizer_json

    vocabulary = from_tokenizer_json(folder)
    texts = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
    return Tokens(path=folder, texts=texts, eos=vocabulary.eos_token_ids[0])


def setup(name: str, tokens: Tokens, warm: bool) -> Callable[[tuple[str, Any]], Verdict]:
    """The judge of one engine, in its process."""
    engine = ENGINES[name](tokens)
    return lambda request: judge(engine, request[1], request[0], warm)


def judge(engine: Any, case: dict[str, Any], name: str, warm: bool) -> Verdict:
    """Compiles a schema and feeds it its instances.

    With `warm`, the compiled schema has been kept and every instance was seen before: times are of
    new sequences under it.
    """
    verdict = Verdict(name)
    started = time.perf_counter()
    try:
        compiled = engine.compile(case["schema"])
        engine.start(compiled).mask()
        if warm:
            for test in case["tests"]:
                accepts(engine.start(compiled), next(iter(test["ids"].values())), [])
            started = time.perf_counter()
            engine.start(compiled).mask()
    except Exception as error:  # every engine has its own
        verdict.error = f"{type(error).__name__}: {error}"[:300]
        return verdict
    verdict.ttfm = time.perf_counter() - started
    for number, test in enumerate(case["tests"]):
        times = verdict.tbm
        for writing, ids in test["ids"].items():
            verdict.tokens += len(ids)
            try:
                accepted = accepts(engine.start(compiled), ids, times)
            except Exception as error:
                verdict.error = f"at run time: {type(error).__name__}: {error}"[:300]
                return verdict
            times = []
            if accepted and not test["valid"]:
                verdict.false_accepts.setdefault(writing, []).append(number)
            if not accepted and test["valid"]:
                verdict.false_rejects.setdefault(writing, []).append(number)
    return verdict


def accepts(
    sequence: Any,
    ids: list[int],
    times: list[float],
    clock: Callable[[], float] = time.perf_counter,
) -> bool:
    """Whether every token is allowed, and the end after them; `times` get the seconds of each mask
    and commit."""
    for token in ids:
        started = clock()
        allowed = int(sequence.mask()[token >> 5]) >> (token & 31) & 1
        allowed = allowed and sequence.commit(token)
        times.append(clock() - started)
        if not allowed:
            return False
    return bool(sequence.accepting())


def ask(worker: Worker, name: str, case: dict[str, Any]) -> Verdict:
    try:
        return worker.ask((name, case))
    except WorkerLostError as error:
        return Verdict(name, error=error.reason)
