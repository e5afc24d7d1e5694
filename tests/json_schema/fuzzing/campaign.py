"""Many cases in several processes, with a watch on those that never end."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.json_schema.fuzzing import checks
from tests.json_schema.fuzzing.checks import Disagreement, Outcome
from tests.json_schema.fuzzing.judge import DRAFTS

HANG = 300.0
"""Wall-clock seconds after which a case is given up and reported: many, for a busy machine."""
BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run: until there are so many pairs and so many schemas with generated documents."""

    seed: int
    drafts: tuple[str, ...] = DRAFTS
    pairs: int
    schemas: int
    samples: int = 2
    jobs: int = 1
    first: int = 0
    deferred: bool = False
    """All that has several alternatives is judged at the end of its value."""

    @property
    def pairs_per_schema(self) -> int:
        # Some schemas have no documents, and some are refused.
        return max(1, round(1.1 * self.pairs / max(1, self.schemas)))

    def case(self, index: int) -> tuple[str, str]:
        draft = self.drafts[index % len(self.drafts)]
        return f"{self.seed}/{draft}/{index}", draft

    def reached(self, outcome: Outcome) -> bool:
        return (
            outcome.counts["pairs"] >= self.pairs
            and outcome.counts["schemas with generated documents"] >= self.schemas
        )


def one(plan: Plan, index: int) -> Outcome:
    """The outcome of one case; a panic of the core, or a fault of the fuzzer, is an outcome."""
    seed, draft = plan.case(index)
    try:
        return checks.check(
            seed,
            draft,
            pairs=plan.pairs_per_schema,
            samples=plan.samples,
            deferred=plan.deferred,
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        kind = "panic" if type(error).__name__ == "PanicException" else "fuzzer failed"
        found = Disagreement(
            kind=kind,
            schema=None,
            draft=draft,
            registry={},
            options={},
            detail=traceback.format_exc()[-1500:],
            origin=seed,
        )
        return Outcome(disagreements=[found])


def run(plan: Plan, progress: Callable[[Outcome], None] = lambda outcome: None) -> Outcome:
    """All of a plan."""
    if plan.jobs > 1:
        return _Pool(plan, progress).run()
    total = Outcome()
    index = plan.first
    while not plan.reached(total):
        total.add(one(plan, index))
        index += 1
        if index % 100 == 0:
            progress(total)
    return total


def _work(plan: Plan, pipe: Any) -> None:
    while (batch := pipe.recv()) is not None:
        outcome = Outcome()
        for index in range(*batch):
            pipe.send(("at", index))
            outcome.add(one(plan, index))
        pipe.send(("done", outcome))


class _Worker:
    def __init__(self, plan: Plan) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_work, args=(plan, theirs), daemon=True)
        self.process.start()
        self.batch = (0, 0)
        self.at = 0
        self.since = time.monotonic()

    def give(self, batch: tuple[int, int]) -> None:
        self.batch = batch
        self.since = time.monotonic()
        self.pipe.send(batch)


class _Pool:
    def __init__(self, plan: Plan, progress: Callable[[Outcome], None]) -> None:
        self.plan = plan
        self.progress = progress
        self.total = Outcome()
        self.next = plan.first

    def fresh(self) -> tuple[int, int]:
        self.next += BATCH
        return self.next - BATCH, self.next

    def run(self) -> Outcome:
        workers = [_Worker(self.plan) for _ in range(self.plan.jobs)]
        for worker in workers:
            worker.give(self.fresh())
        try:
            while not self.plan.reached(self.total):
                pipes = [worker.pipe for worker in workers]
                ready = multiprocessing.connection.wait(pipes, timeout=5)
                for index, worker in enumerate(workers):
                    if worker.pipe in ready:
                        self.hear(worker)
                    elif time.monotonic() - worker.since > HANG:
                        workers[index] = self.replaced(worker)
        finally:
            for worker in workers:
                worker.process.kill()
        return self.total

    def hear(self, worker: _Worker) -> None:
        try:
            kind, what = worker.pipe.recv()
        except EOFError:
            # Killed by the system, for memory as a rule.
            worker.since = float("-inf")
            return
        if kind == "at":
            worker.at = what
            worker.since = time.monotonic()
            return
        self.total.add(what)
        self.progress(self.total)
        worker.give(self.fresh())

    def replaced(self, worker: _Worker) -> _Worker:
        worker.process.kill()
        seed, draft = self.plan.case(worker.at)
        self.total.disagreements.append(
            Disagreement(
                kind="hang",
                schema=None,
                draft=draft,
                registry={},
                options={},
                detail=f"no end within {HANG:.0f} s, or killed",
                origin=seed,
            )
        )
        other = _Worker(self.plan)
        other.give((worker.at + 1, worker.batch[1]))
        return other
