"""The speculative decoder: draft, prune, score in one pass, sample and match, keep."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Compiled
from structgen.errors import BackendError
from structgen.models.protocol import LanguageModel, Session
from structgen.samplers import (
    DeadEnds,
    Draw,
    FreeText,
    GumbelKeys,
    RajPolicy,
    RestartWeights,
    SamplingParams,
    Step,
    Walk,
    WalkConfig,
    begin_attempts,
    particle_id,
)
from structgen.speculative.copying import CopyDrafter
from structgen.speculative.draft import DraftContext, Drafter, VerifiedRow
from structgen.speculative.forced import ForcedDrafter
from structgen.speculative.plan import Budget, Planner
from structgen.speculative.recycling import RecyclingDrafter
from structgen.speculative.tree import DraftTree
from structgen.speculative.verify import Verified, shared_draw, verify
from structgen.types import Ledger, SpeculationStats


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculativeResult:
    """Sequences, and what speculation saved.

    Attributes:
        ledgers: one per row; identical to those of the same seed without speculation, up to the
            numerics of the model.
        stats: target passes (the prompt's included), tokens, draft nodes verified and accepted.
        acceptance: estimated acceptance per source of drafts, at the end.
    """

    ledgers: tuple[Ledger, ...]
    stats: SpeculationStats
    acceptance: Mapping[str, float]

    @property
    def ledger(self) -> Ledger:
        """The first row's."""
        return self.ledgers[0]


def default_drafters() -> tuple[Drafter, ...]:
    """Forced text, copying from the context, recycled logits: no model, no training."""
    return ForcedDrafter(), CopyDrafter(), RecyclingDrafter()


def speculative(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    /,
    *,
    params: SamplingParams | None = None,
    seed: int | None = None,
    max_tokens: int = 256,
    drafters: Sequence[Drafter] | None = None,
    rows: int = 1,
    budget: Budget | None = None,
    policy: RajPolicy | None = None,
    planner: Planner | None = None,
    max_retries: int | None = None,
    restart_weights: RestartWeights = "completion",
    dead_ends: DeadEnds = "raise",
) -> SpeculativeResult:
    """Draw `rows` texts under a constraint, several tokens per pass of the target.

    Args:
        model: the target.
        prompt_ids: tokens of the prompt.
        compiled: the constraint, compiled for the model's vocabulary; None leaves the text free.
        params: temperature and truncation; temperature 1 if None.
        seed: texts are a function of it, of the row, and of the model's numerics, whatever the
            drafters; they are those of `structgen.samplers.masked`. None draws one.
        max_tokens: tokens per text, the end token included. Where the constraint knows
            completions, texts end complete within it.
        drafters: in order of trust; `default_drafters` if None, none for ``()`` (no speculation).
        rows: independent texts, drawn in one batch.
        budget: how much is drafted.
        policy: adaptive rejection, for constraints without an exact mask.
        planner: keeps what it learns about acceptance and cost from call to call; instead of
            `drafters` and `budget`.
        max_retries, restart_weights, dead_ends: texts that failed; see
            `structgen.samplers.masked`, which restarts the same ones with the same results.

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`; before anything is drawn.
        DeadEnd, TokenBudgetError: no attempt completed.
        ValueError: `rows` is not positive, or `planner` comes with `drafters` or `budget`.
    """
    steps = speculative_steps(
        model,
        prompt_ids,
        compiled,
        params=params,
        seed=seed,
        max_tokens=max_tokens,
        drafters=drafters,
        rows=rows,
        budget=budget,
        policy=policy,
        planner=planner,
        max_retries=max_retries,
        restart_weights=restart_weights,
        dead_ends=dead_ends,
    )
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast("SpeculativeResult", done.value)


def speculative_steps(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    /,
    *,
    params: SamplingParams | None = None,
    seed: int | None = None,
    max_tokens: int = 256,
    drafters: Sequence[Drafter] | None = None,
    rows: int = 1,
    budget: Budget | None = None,
    policy: RajPolicy | None = None,
    planner: Planner | None = None,
    max_retries: int | None = None,
    restart_weights: RestartWeights = "completion",
    dead_ends: DeadEnds = "raise",
) -> Generator[Step, None, SpeculativeResult]:
    """As `speculative`, yielding every token as it is committed; the result is the generator's
    value. The tokens of a restarted text (`Step.attempt`) take the place of those before."""
    if rows < 1:
        raise ValueError(f"`rows` must be positive, given {rows}")
    if planner is None:
        chosen = default_drafters() if drafters is None else drafters
        planner = Planner(chosen, budget or Budget())
    elif drafters is not None or budget is not None:
        raise ValueError("`planner` brings its own drafters and budget")
    config = WalkConfig(
        params=params or SamplingParams(),
        keys=GumbelKeys(seed, model.vocabulary.size),
        max_tokens=max_tokens,
        policy=policy or RajPolicy(),
    )
    constraint = FreeText(model.vocabulary) if compiled is None else compiled
    first = Walk(constraint.matcher(), config, particle=particle_id(0))
    attempts = begin_attempts(
        rows, config, max_retries=max_retries, weights=restart_weights, dead_ends=dead_ends
    )
    spent = SpeculationStats()
    pending = list(range(rows))
    while pending:
        walks = {row: first.fork(particle_id(row, attempts[row].count)) for row in pending}
        decoder = _Decoder(model, prompt_ids, walks, planner)
        for row, drawn in decoder.run():
            if not attempts[row].settled:
                yield Step(row, drawn, attempts[row].count)
        spent = _sum(spent, decoder.stats())
        pending = [row for row in pending if attempts[row].record(walks[row])]
    return SpeculativeResult(
        ledgers=tuple(made.ledger(model.decode, dead_ends) for made in attempts),
        stats=spent,
        acceptance=planner.acceptance.table(),
    )


def _sum(a: SpeculationStats, b: SpeculationStats) -> SpeculationStats:
    return SpeculationStats(
        forwards=a.forwards + b.forwards,
        tokens=a.tokens + b.tokens,
        drafted=a.drafted + b.drafted,
        accepted=a.accepted + b.accepted,
    )


class _Decoder:
    """One batch in progress.

    INVARIANT: between passes, every live walk's last token (its root) is drawn but not in the
    session's cache; everything before it is.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt_ids: Sequence[int],
        walks: Mapping[int, Walk],
        planner: Planner,
    ) -> None:
        self._model = model
        self._prompt = np.asarray(prompt_ids, dtype=np.int64)
        self._walks = walks
        self._planner = planner
        self._live = list(walks)  # row of the session -> the walk's number
        self._drafted = self._accepted = 0
        self._forwards = 0

    def run(self) -> Generator[tuple[int, Draw], None, None]:
        """Draw all walks to their ends, yielding what is committed."""
        for drafter in self._planner.drafters:
            drafter.begin(self._prompt.tolist(), len(self._walks))
        session = self._model.start(self._prompt.tolist(), rows=len(self._walks))
        settled = self._first(session)
        while True:
            self._forwards = session.forwards
            for number, verified in zip(self._live, settled, strict=True):
                for drawn in verified.draws:
                    yield number, drawn
            if not self._drop_finished(session):
                return
            settled = self._round(session)

    def stats(self) -> SpeculationStats:
        """What was spent so far."""
        return SpeculationStats(
            forwards=self._forwards,
            tokens=sum(len(walk.tokens) for walk in self._walks.values()),
            drafted=self._drafted,
            accepted=self._accepted,
        )

    def _first(self, session: Session) -> list[Verified]:
        """The token after the prompt; the prompt's pass has its row already."""
        last = int(self._prompt[-1]) if len(self._prompt) else -1
        logits = session.logits()
        nothing = DraftTree()
        settled = [
            verify(walk, nothing, logits[row : row + 1], row=number, last_token=last)
            for row, (number, walk) in enumerate(self._walks.items())
        ]
        if last >= 0:
            self._learn([nothing] * len(settled), settled)
        return settled

    def _drop_finished(self, session: Session) -> bool:
        """Release the session's rows of walks that have ended; whether any goes on."""
        going = [row for row, number in enumerate(self._live) if self._walks[number].alive]
        if going and len(going) < len(self._live):
            session.select(going)
        self._live = [self._live[row] for row in going]
        return bool(going)

    def _round(self, session: Session) -> list[Verified]:
        """One pass: every live walk advances by at least one token."""
        walks = [self._walks[number] for number in self._live]
        trees = self._planner.plan([self._context(number) for number in self._live])
        roots = [walk.tokens[-1] for walk in walks]
        trees, scored = self._score(session, roots, trees)
        settled = [
            verify(walk, tree, logits, row=number, last_token=root)
            for walk, tree, logits, number, root in zip(
                walks, trees, scored, self._live, roots, strict=True
            )
        ]
        if any(len(tree) for tree in trees):
            session.commit([verified.path for verified in settled])
        self._drafted += sum(len(tree) for tree in trees)
        self._accepted += sum(verified.accepted for verified in settled)
        self._learn(trees, settled)
        return settled

    def _score(
        self, session: Session, roots: Sequence[int], trees: Sequence[DraftTree]
    ) -> tuple[Sequence[DraftTree], list[npt.NDArray[np.float32]]]:
        """Rows after every root and node, in one pass, timed for the budget; and the trees they
        are of. Without any draft the roots are committed at once, as in ordinary decoding.

        Drafts are optional: where the backend cannot score them (they reach beyond the model's
        context, say), the pass is made without."""
        started = time.perf_counter()
        if any(len(tree) for tree in trees):
            proposals = [tree.below(root) for tree, root in zip(trees, roots, strict=True)]
            try:
                rows = session.expand(proposals)
            except BackendError:
                trees = [DraftTree() for _ in trees]
            else:
                tokens = len(roots) + sum(len(tree) for tree in trees)
                self._planner.cost.record(tokens, time.perf_counter() - started)
                return trees, rows
        started = time.perf_counter()
        session.append(roots)
        logits = session.logits()
        self._planner.cost.record(len(roots), time.perf_counter() - started, plain=True)
        return trees, [logits[row : row + 1] for row in range(len(roots))]

    def _learn(self, trees: Sequence[DraftTree], settled: Sequence[Verified]) -> None:
        planner = self._planner
        used: list[VerifiedRow] = []
        for tree, verified in zip(trees, settled, strict=True):
            used.extend(verified.rows)
            for node, row in zip(verified.reached, verified.rows, strict=True):
                planner.learn(tree, node, row.drawn)
        planner.acceptance.end_round()
        for drafter in planner.drafters:
            drafter.observe(used)

    def _context(self, number: int) -> DraftContext:
        walk = self._walks[number]
        drawn = np.asarray(walk.tokens, dtype=np.int64)
        return DraftContext(
            model=self._model,
            matcher=walk.matcher,
            history=np.concatenate([self._prompt, drawn]),
            prompt_length=len(self._prompt),
            path=(),
            remaining=walk.remaining,
            row=number,
            draw=shared_draw(walk),
        )
