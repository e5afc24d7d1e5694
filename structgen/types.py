"""Result types shared by all floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, NewType

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    # Defaults of type variables are in `typing` from Python 3.13 on; only type checkers need them.
    from typing_extensions import TypeVar
else:
    from typing import TypeVar

TokenId = NewType("TokenId", int)
"""A token id of the model's vocabulary."""

Exactness = Literal["exact", "superset", "probe"]
"""What a constraint's mask tells: the truth, an upper bound, or nothing (ask token by token)."""

FinishReason = Literal["end", "complete", "closed", "length", "dead_end", "failed"]
"""Why a sequence ended.

`end`: the model drew an end token. `complete`: the constraint allowed nothing but the end.
`closed`: at some step the token budget refused a token that was drawn, because no complete text
would have fitted after it. `length`: the budget ran out: free text was cut, which leaves it whole;
a text under a constraint that promises no completion (a predicate, a conjunction) was not complete,
or not ended by an end token, and has weight zero. `dead_end`: no token may follow; the sequence has
weight zero. `failed`: the model's row was not finite; weight zero.
"""

T_co = TypeVar("T_co", covariant=True)

if TYPE_CHECKING:
    Value = TypeVar("Value", default=Any)
    Value_co = TypeVar("Value_co", covariant=True, default=object)
else:
    Value = TypeVar("Value")
    """What a text is read as; `Any` where only running the reader can tell (a JSON Schema)."""
    Value_co = TypeVar("Value_co", covariant=True)
    """What the texts of a constraint are read as; a bare `TextConstraint` reads as anything."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ledger:
    """One sequence, and everything needed to weigh it.

    Attributes:
        tokens: the ids drawn, end token included if one was drawn.
        text: their text, without the end token.
        logp_raw: log-probability of `tokens` under the model (after temperature, before truncation
            and the constraint), in nats.
        log_w: log importance weight of this sequence: ``E[exp(log_w) * 1{tokens = x}] = gamma(x)``
            for the target ``gamma(x) = p(x) * 1[x satisfies the constraint and ends within
            max_tokens]``, with p the model at this temperature and x the tokens *with* the end
            token. `-inf` for a sequence that failed. Three qualifications:
            with `conditional`, the mean is ``gamma(x) / P(a sequence completes)``;
            under truncation (top-k, top-p, min-p) gamma counts only texts all of whose tokens the
            truncation keeps, so that the mean weight is less than the evidence of the constraint;
            at temperature 0 nothing is random, and log_w is `logp_raw`.
            In a population that was resampled it is the particle's weight in the population: since
            the last resampling, on top of the mean weight then, and no longer ``log_z.sum()``.
        log_z: per drawn token, the log of the model's mass on the allowed tokens (exact for
            masks, an unbiased estimate's log for rejection), shape ``(len(tokens),)``.
        finish_reason: see `FinishReason`.
        checks: constraint probes spent (adaptive rejection), 0 for masks.
        attempts: sequences begun until this one completed, or in all, where its weight needed
            more (`structgen.samplers.restarts`).
        conditional: whether `log_w` is conditional on completion, because a sequence that failed
            would have been replaced by another.
    """

    tokens: tuple[int, ...]
    text: str
    logp_raw: float
    log_w: float
    log_z: npt.NDArray[np.float64]
    finish_reason: FinishReason
    checks: int = 0
    attempts: int = 1
    conditional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationStep:
    """A population after one more token.

    Attributes:
        ess: effective sample size, before resampling.
        log_evidence: log of the mean weight so far. It falls towards the evidence; a late fall that
            few particles share says that the early ones were drawn in the wrong place.
        alive: particles that go on.
        resampled: whether the population was resampled after this token.
        unique_ancestors: how many of the first particles have a descendant of weight above 0.
    """

    ess: float
    log_evidence: float
    alive: int
    resampled: bool
    unique_ancestors: int


def _no_ancestors() -> npt.NDArray[np.intp]:
    return np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Particles:
    """A weighted population of sequences.

    Attributes:
        ledgers: one per particle.
        log_evidence: log of an unbiased estimate of the evidence: of the probability that the
            model's text satisfies the constraint *and ends*, within `max_tokens`, the end token's
            own probability included. With `target` ``"truncated"``: and that truncation keeps each
            of its tokens. Unbiased says little of a single estimate: see `history`.
        ess: effective sample size of the final weights. After resampling it knows nothing of what
            was lost before: see `unique_ancestors`.
        resampled: how often the population was resampled.
        history: one entry per token.
        ancestors: of each particle, the number of the first particle that it descends from, shape
            ``(n,)``.
        failed: particles that ended, with weight 0, because the model's row was not finite; also
            those that resampling has dropped since.
        target: what weights are proper for: ``"constraint"``, the model given the constraint; or
            ``"truncated"``, restricted to texts that top-k, top-p and min-p keep.
    """

    ledgers: Sequence[Ledger]
    log_evidence: float
    ess: float
    resampled: int = 0
    history: Sequence[PopulationStep] = ()
    ancestors: npt.NDArray[np.intp] = field(default_factory=_no_ancestors)
    failed: int = 0
    target: Literal["constraint", "truncated"] = "constraint"

    @property
    def unique_ancestors(self) -> int:
        """How many of the first particles have a descendant of weight above 0. Where it is 1, the
        population is one draw of whatever its descendants have in common."""
        weighted = np.array([ledger.log_w > -np.inf for ledger in self.ledgers], dtype=np.bool_)
        if self.ancestors.size != weighted.size:
            return int(weighted.sum())
        return int(np.unique(self.ancestors[weighted]).size)

    def weights(self) -> npt.NDArray[np.float64]:
        """Normalised weights, shape ``(n,)``; all zero if every particle is dead."""
        log_w = np.array([ledger.log_w for ledger in self.ledgers], dtype=np.float64)
        top = log_w.max(initial=-np.inf)
        if not np.isfinite(top):
            return np.zeros_like(log_w)
        w = np.exp(log_w - top)
        return w / w.sum()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculationStats:
    """What speculation saved: `forwards` target passes for `tokens` committed tokens."""

    forwards: int = 0
    tokens: int = 0
    drafted: int = 0
    accepted: int = 0

    @property
    def tokens_per_forward(self) -> float:
        """Committed tokens per target forward pass."""
        return self.tokens / self.forwards if self.forwards else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Generic[T_co]):
    """What `generate` returns: the parsed value beside the ledger it was drawn with.

    `seed` is the seed that reproduces it, also if none was given: the request's, whichever attempt
    it was. `attempts` counts the texts that were drawn, those that the type refused included.
    `timings` are in seconds. `error` is None; of a row that failed, see `Failed`.
    """

    value: T_co
    text: str
    ledger: Ledger
    particles: Particles | None = None
    speculation: SpeculationStats | None = None
    timings: dict[str, float] = field(default_factory=dict[str, float])
    seed: int | None = None
    attempts: int = 1
    error: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A row of a batch that has no value (``on_error="return"``).

    Attributes:
        error: why: a `structgen.ValidationFailed` with the text, a `DeadEnd`, an `OptionTypeError`
            for something that is no prompt, ...
        row: which.
        seed: that it was drawn with.
        text: what was written, as far as the error tells.
    """

    error: Exception
    row: int
    seed: int | None = None
    text: str | None = None
