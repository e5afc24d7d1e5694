"""The speculative decoder: draft, prune, score in one pass, sample and match, keep."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Compiled
from structgen.models.protocol import LanguageModel, Session, TokenTree
from structgen.samplers import GumbelKeys, RajPolicy, SamplingParams, particle_id
from structgen.samplers.walk import Walk, WalkConfig
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
    compiled: Compiled,
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
) -> SpeculativeResult:
    """Draw `rows` texts under a constraint, several tokens per pass of the target.

    Args:
        model: the target.
        prompt_ids: tokens of the prompt.
        compiled: the constraint, compiled for the model's vocabulary.
        params: temperature and truncation; temperature 1 if None.
        seed: texts are a function of it, of the row, and of the model's numerics, whatever the
            drafters. None draws one.
        max_tokens: tokens per text, the end token included. Where the constraint knows
            completions, texts end complete within it.
        drafters: in order of trust; `default_drafters` if None, none for ``()`` (no speculation).
        rows: independent texts, drawn in one batch.
        budget: how much is drafted.
        policy: adaptive rejection, for constraints without an exact mask.
        planner: keeps what it learns about acceptance and cost from call to call; instead of
            `drafters` and `budget`.

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`.
        ValueError: `rows` is not positive, or `planner` comes with `drafters` or `budget`.
    """
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
    walks = [Walk(compiled.matcher(), config, particle=particle_id(i)) for i in range(rows)]
    decoder = _Decoder(model, prompt_ids, walks, planner)
    decoder.run()
    return SpeculativeResult(
        ledgers=tuple(walk.ledger(model.decode) for walk in walks),
        stats=decoder.stats(),
        acceptance=planner.acceptance.table(),
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
        walks: Sequence[Walk],
        planner: Planner,
    ) -> None:
        self._model = model
        self._prompt = np.asarray(prompt_ids, dtype=np.int64)
        self._walks = walks
        self._planner = planner
        self._live = list(range(len(walks)))  # row of the session -> index of the walk
        self._drafted = self._accepted = 0
        self._forwards = 0

    def run(self) -> None:
        for drafter in self._planner.drafters:
            drafter.begin(self._prompt.tolist(), len(self._walks))
        session = self._model.start(self._prompt.tolist(), rows=len(self._walks))
        self._first(session)
        while self._drop_finished(session):
            self._round(session)
        self._forwards = session.forwards

    def stats(self) -> SpeculationStats:
        return SpeculationStats(
            forwards=self._forwards,
            tokens=sum(len(walk.tokens) for walk in self._walks),
            drafted=self._drafted,
            accepted=self._accepted,
        )

    def _first(self, session: Session) -> None:
        """The token after the prompt; the prompt's pass has its row already."""
        last = int(self._prompt[-1]) if len(self._prompt) else -1
        logits = session.logits()
        nothing = DraftTree()
        settled = [
            verify(walk, nothing, logits[row : row + 1], row=row, last_token=last)
            for row, walk in enumerate(self._walks)
        ]
        if last >= 0:
            self._learn([nothing] * len(settled), settled)

    def _drop_finished(self, session: Session) -> bool:
        """Release the session's rows of walks that have ended; whether any goes on."""
        going = [row for row, index in enumerate(self._live) if self._walks[index].alive]
        if going and len(going) < len(self._live):
            session.select(going)
            self._live = [self._live[row] for row in going]
        return bool(going)

    def _round(self, session: Session) -> None:
        walks = [self._walks[index] for index in self._live]
        trees = self._planner.plan([self._context(index) for index in self._live])
        roots = [walk.tokens[-1] for walk in walks]
        scored = self._score(session, roots, trees)
        settled = [
            verify(walk, tree, logits, row=index, last_token=root)
            for walk, tree, logits, index, root in zip(
                walks, trees, scored, self._live, roots, strict=True
            )
        ]
        if any(len(tree) for tree in trees):
            session.commit([verified.path for verified in settled])
        self._drafted += sum(len(tree) for tree in trees)
        self._accepted += sum(verified.accepted for verified in settled)
        self._learn(trees, settled)

    def _score(
        self, session: Session, roots: Sequence[int], trees: Sequence[DraftTree]
    ) -> list[npt.NDArray[np.float32]]:
        """Rows after every root and node, in one pass, timed for the budget. Without any draft
        the roots are committed at once, as in ordinary decoding."""
        started = time.perf_counter()
        if any(len(tree) for tree in trees):
            proposals: list[TokenTree] = [
                tree.below(root) for tree, root in zip(trees, roots, strict=True)
            ]
            rows = session.expand(proposals)
        else:
            session.append(roots)
            logits = session.logits()
            rows = [logits[row : row + 1] for row in range(len(roots))]
        seconds = time.perf_counter() - started
        self._planner.cost.record(len(roots) + sum(len(tree) for tree in trees), seconds)
        return rows

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

    def _context(self, index: int) -> DraftContext:
        walk = self._walks[index]
        drawn = np.asarray(walk.tokens, dtype=np.int64)
        return DraftContext(
            model=self._model,
            matcher=walk.matcher,
            history=np.concatenate([self._prompt, drawn]),
            prompt_length=len(self._prompt),
            path=(),
            remaining=walk.remaining,
            row=index,
            draw=shared_draw(walk),
        )
