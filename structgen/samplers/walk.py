"""One sequence in progress: its constraint position, its budget, its weight.

A `Walk` turns a row of logits into a draw and a draw into a step. The drivers of this room and
the speculative decoder all advance walks, so that masks, adaptive rejection, truncation, budgets
and weights are decided in one place, and a text does not depend on who drew it.

**The budget.** With B = `max_tokens`, the end token included, the target of every sampler is

    gamma_B(x) = p(x) * 1[x in L and len(x) <= B]

with p the (tempered) model and x a sequence of tokens *with its end token*: a text that has not
ended within the budget does not count, whatever the constraint (free text apart: it may be cut).
A token t is refused on account of the budget only where no text can follow that fits; weights
are proper for gamma_B, and every text of L within the budget can be drawn. The condition is one
more probe of adaptive rejection over the masked row (`structgen.samplers.awrs`), and depends on
the tokens so far and on t alone. There are two forms of it:

* *A constraint that closes* (exact masks, and a completion known at every position) is a promise
  that the text ends complete. The walk carries a *plan*, tokens that would complete the text, with

      INVARIANT: ``len(plan) + 1 <= max_tokens - len(tokens)``   (the 1 is the end token)

  which holds at the start (else `TokenBudgetError`). A token is permitted if the invariant holds
  after it, for the shorter of what remains of the plan, if t was its next token, and a completion
  that is known there or that a short search finds. L_B is then: texts of L all of whose steps keep
  a *known* completion within the budget; the plan's next token always may be taken.

* *A native constraint whose completions are searched for* (`&` of automata, schemas whose elements
  must differ) promises nothing, but nearly always knows a completion. Where it does, the rule is
  the same, with a longer search; where it does not, the token is permitted unless a search proves
  that no completion fits: that none was found is no reason to refuse.

* *Any other constraint* (predicates, conjunctions with them) knows a completion by chance, and to
  refuse a token because none happens to be known would take texts out of the language unseen. A
  token is permitted if `allows` takes it and a lower bound of the tokens to a complete text fits
  (`may_complete_after`; no knowledge means a bound of 0).

Texts of the latter two may run out of budget: ``finish_reason="length"``, weight 0. A completion
that is known is kept as a plan all the same, as what a bounded search may fall back on.

Rejections by budget are rare while there is slack (budget minus plan), so the number of probes
follows the slack: two (one draw, one more for the estimate) beyond `_FAR` tokens of slack, the
usual tail below it, and a short search at slack 0, where hardly any token but the plan's fits. The
plan's next token is the `sure` one. The laws do not depend on these numbers: they only size the
estimate.

**The end token counts.** The evidence that weights estimate is the probability that the model
writes a text of L *and ends it there*: it includes ``p(end token | text)``, which is small where a
model would rather write on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from structgen._core import Matcher as NativeMatcher
from structgen._core import fill_masks
from structgen.constraints.completions import (
    NEVER,
    closes,
    completion_within,
    foresees,
    least_tokens,
    may_complete,
    may_complete_after,
    open_ended,
    plans,
)
from structgen.constraints.protocol import Matcher
from structgen.errors import EmptyLanguageError, GenerationError, TokenBudgetError
from structgen.samplers.awrs import RajPolicy
from structgen.samplers.draw import DEAD, Draw, draw_adaptive, draw_masked
from structgen.samplers.keys import GumbelKeys
from structgen.samplers.params import SamplingParams
from structgen.samplers.race import Greedy, Keyed, Lazy, Noise
from structgen.samplers.rows import Allowed, LogitRow, mask_words, unpack_mask
from structgen.types import FinishReason, Ledger

_FAR = 64
_FAR_POLICY = RajPolicy(min_tail=1, max_probes=256)
_NEAR_POLICY = RajPolicy(min_tail=4, max_probes=256)
_TIGHT_POLICY = RajPolicy(min_tail=1, max_probes=16)
# A search that can fall back on the plan need not be endless, however rare the allowed tokens.
_PLANNED_PROBES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkConfig:
    """What all walks of one generation share.

    Attributes:
        params: temperature and truncation.
        keys: the random numbers; `keys.size` is the vocabulary's.
        max_tokens: tokens a sequence may have, its end token included.
        policy: adaptive rejection, for constraints without an exact mask.
        shared_keys: draw by position-keyed Gumbels, so that a drafter can share them and texts
            are the same with and without speculation. False draws from the place's own
            generator: as reproducible, about 4 times cheaper per row, but a row with other logits
            shares nothing with it.
        explore: under truncation, the share of sequences that are drawn without, so that weights
            are proper for the constraint (`structgen.samplers.draw`); 0: for what truncation keeps.
    """

    params: SamplingParams
    keys: GumbelKeys
    max_tokens: int
    policy: RajPolicy = field(default_factory=RajPolicy)
    shared_keys: bool = True
    explore: float = 0.0

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise TokenBudgetError(
                f"`max_tokens` must be at least 1, given {self.max_tokens}",
                given=self.max_tokens,
                needed=1,
            )


class Walk:
    """One sequence in progress. `draw` looks, `commit` moves; `fork` copies.

    Raises:
        TokenBudgetError: no complete text fits `max_tokens`.
        EmptyLanguageError: there is no complete text at all, as a search found.
    """

    __slots__ = (
        "_buffer",
        "_closes",
        "_completions",
        "_ends",
        "_explore",
        "_finish",
        "_foresees",
        "_open_ended",
        "_plan",
        "_plans",
        "_probed",
        "_unfit",
        "checks",
        "closed",
        "config",
        "log_w",
        "log_z",
        "logp",
        "matcher",
        "particle",
        "tokens",
    )

    def __init__(self, matcher: Matcher, config: WalkConfig, *, particle: int = 0) -> None:
        self.matcher = matcher
        self.config = config
        self.particle = particle
        self.tokens: list[int] = []
        self.log_z: list[float] = []
        self.logp = 0.0
        self.log_w = 0.0
        self.checks = 0
        self.closed = False
        self._finish: FinishReason | None = None
        self._explore = config.explore
        self._ends = matcher.vocabulary.eos_token_ids
        self._buffer: npt.NDArray[np.int32] | None = None
        # Probes of the current position: verdicts, which of them the budget decided, and the
        # completions found on the way.
        self._probed: dict[int, bool] = {}
        self._unfit: set[int] = set()
        self._completions: dict[int, list[int]] = {}
        self._open_ended = open_ended(matcher)
        self._foresees = not self._open_ended and foresees(matcher)
        plan = None if self._open_ended else matcher.completion_tokens()
        self._closes = plan is not None and closes(matcher)
        self._plans = not self._open_ended and plans(matcher)
        if plan is not None and len(plan) >= config.max_tokens:
            plan = completion_within(matcher, config.max_tokens - 1) or plan
        self._plan = plan
        if plan is not None and len(plan) >= config.max_tokens:
            if self._closes:
                self._refuse_budget(len(plan) + 1, "the shortest complete text found has")
            self._plan = None
        if (
            self._plan is None
            and not self._open_ended
            and not may_complete(matcher, config.max_tokens - 1)
        ):
            least = least_tokens(matcher)
            if least == NEVER:
                raise EmptyLanguageError("no text satisfies all parts of the constraint")
            needed = max(least, config.max_tokens) + 1
            self._refuse_budget(needed, "every complete text has at least")

    def _refuse_budget(self, needed: int, because: str) -> NoReturn:
        given = self.config.max_tokens
        raise TokenBudgetError(
            f"`max_tokens` is {given}, and {because} {needed} tokens, its end token included",
            given=given,
            needed=needed,
            hint=f"give `max_tokens={needed}` or more",
        )

    @property
    def position(self) -> int:
        """How many tokens have been committed; the position of the next."""
        return len(self.tokens)

    @property
    def remaining(self) -> int:
        """How many tokens may still be committed, the end token included."""
        return self.config.max_tokens - len(self.tokens)

    @property
    def plan(self) -> tuple[int, ...] | None:
        """Tokens, without the end token, that complete the text within the budget; None if the
        constraint knows none."""
        return None if self._plan is None else tuple(self._plan)

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the sequence ended; None while it goes on."""
        return self._finish

    @property
    def alive(self) -> bool:
        """Whether the sequence goes on."""
        return self._finish is None

    @property
    def cannot_fail(self) -> bool:
        """Whether the sequence is certain to end complete: every other one like it would, too."""
        return self._closes or self._open_ended

    @property
    def hopeless(self) -> bool:
        """Whether nothing at all may come first: another attempt would find the same."""
        searched = self.config.policy.max_probes is None
        return self._finish == "dead_end" and not self.tokens and searched

    def noise(self) -> Noise:
        """The random numbers of the current position."""
        config = self.config
        if config.params.greedy:
            return Greedy()
        if config.shared_keys:
            return Keyed(config.keys, self.particle, self.position)
        return Lazy(config.keys.generator(self.particle, self.position))

    def mask(self) -> npt.NDArray[np.int32]:
        """The packed mask of the current position, shape ``(ceil(V/32),)``, without the budget."""
        if self._buffer is None:
            words = mask_words(self.matcher.vocabulary.size)
            self._buffer = np.zeros((1, words), dtype=np.int32)
        self.matcher.fill_mask(self._buffer, 0)
        return self._buffer[0]

    def draw(
        self,
        logits: npt.NDArray[np.float32] | LogitRow,
        mask: npt.NDArray[np.int32] | None = None,
    ) -> Draw:
        """The next token for this row of logits, shape ``(V,)``. Commits nothing.

        `mask` is the packed mask of this position if it is known already. The result depends on
        the logits, the position and the seed alone: asked twice, it answers the same.

        Returns:
            A `Draw`; ``token == -1`` at a dead end.
        """
        if self._finish is not None:
            raise GenerationError(f"the sequence has ended ({self._finish})")
        params = self.config.params
        row = logits if isinstance(logits, LogitRow) else LogitRow(logits, params.temperature)
        allowed = unpack_mask(self.mask() if mask is None else mask, row.size)
        count = int(np.count_nonzero(allowed))
        if count == 0:
            return DEAD
        ends = [token for token in self._ends if allowed[token]]
        only_end = count == len(ends)
        closing = False
        if self.remaining == 1 and not only_end and not self._open_ended:
            allowed = np.zeros_like(allowed)
            allowed[ends] = True
            closing, count = True, len(ends)
            if not ends:
                return replace(DEAD, closing=True)
        exact = self.matcher.exactness == "exact"
        if exact and (closing or only_end or count == 1 or not self._budget_may_refuse()):
            drawn = draw_masked(row, allowed, params, self.noise(), explore=self._explore)
        else:
            sure = self._sure(row, allowed, ends)
            refused: list[int] = []

            def probe(token: int) -> bool:
                verdict = self.permits(token)
                if not verdict:
                    refused.append(token)
                return verdict

            drawn = draw_adaptive(
                row,
                allowed,
                params,
                self.noise(),
                probe,
                self._policy(exact),
                sure=sure,
                explore=self._explore,
            )
            closing = closing or any(token in self._unfit for token in refused[: drawn.rejected])
        if closing or only_end:
            return replace(drawn, closing=closing, only_end=only_end)
        return drawn

    def _budget_may_refuse(self) -> bool:
        return self._closes or self._foresees

    def permits(self, token: int) -> bool:
        """Whether `token` may come next, the budget included. Memoised until `commit`."""
        verdict = self._probed.get(token)
        if verdict is None:
            verdict = self.matcher.allows(token)
            if verdict and token not in self._ends and not self._fits(token):
                self._unfit.add(token)
                verdict = False
            self._probed[token] = verdict
        return verdict

    def _fits(self, token: int) -> bool:
        """Whether a text with `token` next, which is allowed, may end within the budget."""
        if self._open_ended:
            return True
        # Between this token and the end token.
        within = self.remaining - 2
        if within < 0:
            return False
        if self._plan and token == self._plan[0]:
            return True
        if not self._plans:
            return may_complete_after(self.matcher, token, within)
        if not self.matcher.advance(token):
            return False
        try:
            completion = completion_within(self.matcher, within)
            if completion is None:
                # Only who closes knows one wherever there is one.
                undecided = not self._closes and self.matcher.completion_tokens() is None
                return undecided and least_tokens(self.matcher) <= within
        finally:
            self.matcher.rollback(1)
        self._completions[token] = completion
        return True

    def _sure(self, row: LogitRow, allowed: Allowed, ends: Sequence[int]) -> int | None:
        """The token that certainly may come next: the plan's, or an end token after it."""
        if self._plan is None:
            return None
        if self._plan:
            return self._plan[0] if allowed[self._plan[0]] else None
        return max(ends, key=lambda token: float(row.logits[token]), default=None)

    def _policy(self, exact: bool) -> RajPolicy:
        if self._plan is None:
            return self.config.policy
        slack = self.remaining - 1 - len(self._plan)
        if slack == 0:
            return _TIGHT_POLICY
        if not exact:
            policy = self.config.policy
            bound = policy.max_probes or _PLANNED_PROBES
            return replace(policy, max_probes=bound)
        return _FAR_POLICY if slack > _FAR else _NEAR_POLICY

    def commit(self, draw: Draw) -> None:
        """Take the step: advance the matcher, add the weight, note the end if it is one.

        A draw without a token ends the walk as a dead end.
        """
        if self._finish is not None:
            raise GenerationError(f"the sequence has ended ({self._finish})")
        self.checks += draw.probes
        self.log_w += draw.log_w
        if draw.token < 0:
            self._finish = "length" if draw.closing else "dead_end"
            return
        token = draw.token
        if not self.matcher.advance(token):
            raise GenerationError(f"token {token} was drawn and is not allowed")
        if draw.explore is not None:
            self._explore = draw.explore
        self.tokens.append(token)
        self.log_z.append(draw.log_z)
        self.logp += draw.logp
        self.closed = self.closed or draw.closing
        if token in self._ends:
            self._finish = "closed" if self.closed else "complete" if draw.only_end else "end"
        elif not self._open_ended:
            self._follow(token)
        self._probed.clear()
        self._unfit.clear()
        self._completions.clear()
        if self._finish is None and self.remaining == 0:
            self._finish = "length"
            if not self._open_ended:
                self.log_w = -math.inf

    def _follow(self, token: int) -> None:
        plan = self._plan or []
        rest = plan[1:] if plan and token == plan[0] else None
        found = self._completions.get(token)
        if found is None:
            found = self.matcher.completion_tokens()
        shorter = rest if found is None or (rest is not None and len(rest) <= len(found)) else found
        fits = shorter is not None and len(shorter) < self.remaining
        if self._closes and not fits:
            raise GenerationError(f"token {token} was committed and breaks the token budget")
        self._plan = shorter if fits else None

    def fail(self) -> None:
        """End the sequence with weight 0 because the model's row is not finite."""
        if self._finish is not None:
            raise GenerationError(f"the sequence has ended ({self._finish})")
        self._finish = "failed"
        self.log_w = -math.inf

    def fork(self, particle: int) -> Walk:
        """A copy that draws with the keys of `particle` from here on."""
        copy = Walk.__new__(Walk)
        copy.matcher = self.matcher.fork()
        copy.config = self.config
        copy.particle = particle
        copy.tokens = list(self.tokens)
        copy.log_z = list(self.log_z)
        copy.logp = self.logp
        copy.log_w = self.log_w
        copy.checks = self.checks
        copy.closed = self.closed
        copy._finish = self._finish
        copy._ends = self._ends
        copy._buffer = None
        copy._explore = self._explore
        copy._closes = self._closes
        copy._foresees = self._foresees
        copy._open_ended = self._open_ended
        copy._probed = dict(self._probed)
        copy._unfit = set(self._unfit)
        copy._completions = dict(self._completions)
        copy._plans = self._plans
        copy._plan = None if self._plan is None else list(self._plan)
        return copy

    def ledger(
        self, decode: Callable[[Sequence[int]], str], *, log_w: float | None = None
    ) -> Ledger:
        """The record of the sequence; `log_w` replaces the sum of the steps' weights."""
        if self._finish is None:
            raise GenerationError("the sequence has not ended")
        ended = bool(self.tokens) and self.tokens[-1] in self._ends
        return Ledger(
            tokens=tuple(self.tokens),
            text=decode(self.tokens[:-1] if ended else self.tokens),
            logp_raw=self.logp,
            log_w=self.log_w if log_w is None else log_w,
            log_z=np.array(self.log_z, dtype=np.float64),
            finish_reason=self._finish,
            checks=self.checks,
        )


def fill_walk_masks(walks: Sequence[Walk], out: npt.NDArray[np.int32]) -> None:
    """Write the packed masks of `walks` into the first rows of `out`, ``(>= rows, ceil(V/32))``.

    Native matchers are filled in one call, without the interpreter lock.
    """
    native = [walk.matcher for walk in walks if isinstance(walk.matcher, NativeMatcher)]
    if len(native) == len(walks) and len(walks) > 1:
        fill_masks(native, out)
        return
    for i, walk in enumerate(walks):
        walk.matcher.fill_mask(out, i)
