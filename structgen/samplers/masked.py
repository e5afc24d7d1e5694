"""Plain constrained sampling: independent sequences, drawn token by token.

Each step draws from the model's row restricted to what the constraint allows: by an exact mask
where there is one, by adaptive rejection otherwise (`Matcher.exactness` decides). The texts follow
the *local projection* ``Q(x) = prod_t p(x_t) 1[allowed] / Z_t``, not the model conditioned on the
constraint; ``log_w = sum_t log Z_t`` is the weight that tells the two apart. Populations
(`structgen.samplers.population`) use it. What the weights are proper for, with a token budget, with
truncation and after restarts, is said in `structgen.samplers.walk`, `structgen.samplers.draw` and
`structgen.samplers.restarts`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from structgen.constraints.protocol import Compiled
from structgen.errors import BackendError
from structgen.models.protocol import LanguageModel, Session
from structgen.samplers.awrs import RajPolicy
from structgen.samplers.draw import DEAD, Draw
from structgen.samplers.free import FreeText
from structgen.samplers.keys import GumbelKeys, particle_id
from structgen.samplers.params import SamplingParams
from structgen.samplers.restarts import DeadEnds, RestartWeights, begin_attempts
from structgen.samplers.rows import mask_words
from structgen.samplers.walk import Walk, WalkConfig, fill_walk_masks
from structgen.types import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerConfig:
    """What every driver of this room takes.

    Attributes:
        max_tokens: tokens per sequence, the end token included.
        params: temperature and truncation.
        seed: in ``[0, 2**64)``; None draws one. A seed and a row number determine a text,
            whatever else is in the batch.
        policy: adaptive rejection, for constraints without an exact mask.
        shared_keys: see `structgen.samplers.walk.WalkConfig`. None shares them in plain sampling,
            where the text then is the one that speculation would draw, and not in populations.
        explore: see `structgen.samplers.walk.WalkConfig`.
    """

    max_tokens: int
    params: SamplingParams = field(default_factory=SamplingParams)
    seed: int | None = None
    policy: RajPolicy = field(default_factory=RajPolicy)
    shared_keys: bool | None = None
    explore: float = 0.0

    def walk_config(self, vocabulary_size: int) -> WalkConfig:
        """The configuration of this run's walks; draws the seed if there is none."""
        return WalkConfig(
            params=self.params,
            keys=GumbelKeys(self.seed, vocabulary_size),
            max_tokens=self.max_tokens,
            policy=self.policy,
            shared_keys=self.shared_keys is not False,
            explore=self.explore,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One token of one row, as it is drawn. `attempt` counts restarts after dead ends."""

    row: int
    draw: Draw
    attempt: int = 0


def compile_or_free(model: LanguageModel, compiled: Compiled | None) -> Compiled:
    """`compiled`, or the constraint that allows everything."""
    return FreeText(model.vocabulary) if compiled is None else compiled


def draw_all(session: Session, walks: Sequence[Walk], *, keep_failed: bool = False) -> list[Draw]:
    """Draw and commit one token for every walk; walk i is the session's row i.

    With `keep_failed`, a row that is not finite ends its own walk, with weight 0, and no other.

    Raises:
        BackendError: a row is not finite.
    """
    logits = session.logits()
    masks = np.zeros((len(walks), mask_words(logits.shape[1])), dtype=np.int32)
    fill_walk_masks(walks, masks)
    draws: list[Draw] = []
    for i, walk in enumerate(walks):
        try:
            draw = walk.draw(logits[i], masks[i])
        except BackendError:
            if not keep_failed:
                raise
            walk.fail()
            draw = DEAD
        else:
            walk.commit(draw)
        draws.append(draw)
    return draws


def append_last(session: Session, walks: Sequence[Walk], rows: Sequence[int]) -> None:
    """Make the session's rows those numbered `rows` (of its present ones) and append to each the
    last token of its walk."""
    if list(rows) != list(range(session.rows)):
        session.select(rows)
    session.append([walk.tokens[-1] for walk in walks])


def masked_steps(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    config: SamplerConfig,
    *,
    rows: int = 1,
    max_retries: int | None = None,
    restart_weights: RestartWeights = "completion",
    dead_ends: DeadEnds = "raise",
) -> Generator[Step, None, list[Ledger]]:
    """Draw `rows` independent sequences in one batch, yielding every token as it is drawn.

    Returns (as the generator's value) one ledger per row. See `masked`. Attempts that only measure
    how likely a sequence completes yield nothing.
    """
    constraint = compile_or_free(model, compiled)
    walk_config = config.walk_config(model.vocabulary.size)
    first = Walk(constraint.matcher(), walk_config, particle=particle_id(0))
    attempts = begin_attempts(
        rows, walk_config, max_retries=max_retries, weights=restart_weights, dead_ends=dead_ends
    )
    pending = list(range(rows))
    while pending:
        walks = {row: first.fork(particle_id(row, attempts[row].count)) for row in pending}
        session = model.start(prompt_ids, rows=len(pending))
        alive = pending
        while alive:
            current = [walks[row] for row in alive]
            draws = draw_all(session, current, keep_failed=dead_ends == "keep")
            for row, draw in zip(alive, draws, strict=True):
                if draw.token >= 0 and not attempts[row].settled:
                    yield Step(row, draw, attempts[row].count)
            kept = [i for i, walk in enumerate(current) if walk.alive]
            alive = [alive[i] for i in kept]
            if alive:
                append_last(session, [walks[row] for row in alive], kept)
        pending = [row for row in pending if attempts[row].record(walks[row])]
    return [made.ledger(model.decode, dead_ends) for made in attempts]


def masked(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    config: SamplerConfig,
    *,
    rows: int = 1,
    max_retries: int | None = None,
    restart_weights: RestartWeights = "completion",
    dead_ends: DeadEnds = "raise",
) -> list[Ledger]:
    """Draw `rows` independent sequences in one batch.

    Args:
        model: the language model.
        prompt_ids: its prompt.
        compiled: the constraint for the model's vocabulary; None leaves the text free.
        config: budget, temperature, seed.
        rows: how many sequences. Row i's text does not depend on how many there are.
        max_retries: restarts of a sequence that failed: that ran into a dead end, or out of its
            budget, which only constraints that do not close can. The text of a restarted sequence
            follows the local projection given that it completes. None: 8, and up to 127
            while the attempts are short (`structgen.samplers.restarts.begin_attempts`); none with
            ``dead_ends="keep"``. Greedy decoding is not retried: it would fail the same way.
        restart_weights: ``"completion"``: the weight of a sequence that might have been restarted
            is conditional on its completion, and says so (`Ledger.conditional`);
            ``"unbiased"``: attempts go on until a second one completes, at about twice the cost,
            and weights are proper without condition. See `structgen.samplers.restarts`.
        dead_ends: ``"raise"``, or ``"keep"`` a ledger of weight -inf of a sequence that failed,
            also where it failed because the model's row was not finite.

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`; before anything is drawn.
        DeadEnd: no attempt completed, and the last ran into a dead end.
        TokenBudgetError: no attempt completed, and the last ran out of its budget.
    """
    steps = masked_steps(
        model,
        prompt_ids,
        compiled,
        config,
        rows=rows,
        max_retries=max_retries,
        restart_weights=restart_weights,
        dead_ends=dead_ends,
    )
    while True:
        try:
            next(steps)
        except StopIteration as done:
            ledgers: list[Ledger] = done.value
            return ledgers
