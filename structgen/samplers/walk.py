"""One sequence in progress: its constraint position, its budget, its weight.

A `Walk` turns a row of logits into a draw and a draw into a step. The drivers of this room and
the speculative decoder all advance walks, so that masks, adaptive rejection, truncation, budgets
and weights are decided in one place, and a text does not depend on who drew it.

**Closing within the budget.** With `max_tokens`, a walk under a constraint that knows completions
never ends incomplete. It carries a *plan*: tokens that would complete the text, and the

    INVARIANT: ``len(plan) + 1 <= max_tokens - len(tokens)``   (the 1 is the end token)

which holds at the start (else `TokenBudgetError`). A token t is taken only if the invariant holds
after it, for the shorter of the new position's `completion_tokens` and what remains of the plan
if t was its next token. The plan's next token therefore always may be taken. Whether t may be
taken depends on the tokens so far and on t alone: the target is ``model(x) * 1[x in L_B]``, where
L_B are the texts of L with at most `max_tokens` tokens all of whose steps keep the invariant, and
weights are proper for it. The condition is one more probe of adaptive rejection over the masked
row (`structgen.samplers.awrs`), with the plan's next token as the `sure` one.

Rejections by budget are rare while there is slack (budget minus plan), so the number of probes
follows the slack: two (one draw, one more for the estimate) beyond `_FAR` tokens of slack, the
usual tail below it, and a short search at slack 0, where hardly any token but the plan's fits. The
guarantee does not depend on these numbers: they only size the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from structgen._core import Matcher as NativeMatcher
from structgen._core import fill_masks
from structgen.constraints.protocol import Matcher
from structgen.errors import GenerationError, TokenBudgetError
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
    """

    params: SamplingParams
    keys: GumbelKeys
    max_tokens: int
    policy: RajPolicy = field(default_factory=RajPolicy)
    shared_keys: bool = True

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
    """

    __slots__ = (
        "_buffer",
        "_completions",
        "_ends",
        "_finish",
        "_plan",
        "_probed",
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
        self._ends = matcher.vocabulary.eos_token_ids
        self._buffer: npt.NDArray[np.int32] | None = None
        # Probes of the current position: verdicts, and the completions found on the way.
        self._probed: dict[int, bool] = {}
        self._completions: dict[int, list[int]] = {}
        self._plan = matcher.completion_tokens()
        if self._plan is not None and len(self._plan) + 1 > config.max_tokens:
            needed = len(self._plan) + 1
            raise TokenBudgetError(
                f"`max_tokens` is {config.max_tokens}, and the shortest complete text found has"
                f" {needed} tokens, its end token included",
                given=config.max_tokens,
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
        """The closing plan: tokens, without the end token, that complete the text within the
        budget; None if the constraint knows none."""
        return None if self._plan is None else tuple(self._plan)

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the sequence ended; None while it goes on."""
        return self._finish

    @property
    def alive(self) -> bool:
        """Whether the sequence goes on."""
        return self._finish is None

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
        if self._plan is not None and self.remaining == 1 and not only_end:
            allowed = np.zeros_like(allowed)
            allowed[ends] = True
            closing, count = True, len(ends)
        exact = self.matcher.exactness == "exact"
        if exact and (self._plan is None or closing or only_end or count == 1):
            drawn = draw_masked(row, allowed, params, self.noise())
        else:
            sure = self._sure(row, allowed, ends)
            refused: list[int] = []

            def probe(token: int) -> bool:
                verdict = self.permits(token)
                if not verdict:
                    refused.append(token)
                return verdict

            drawn = draw_adaptive(
                row, allowed, params, self.noise(), probe, self._policy(exact), sure=sure
            )
            if self._plan is not None:
                closing = closing or any(
                    self.matcher.allows(token) for token in refused[: drawn.rejected]
                )
        if closing or only_end:
            return replace(drawn, closing=closing, only_end=only_end)
        return drawn

    def permits(self, token: int) -> bool:
        """Whether `token` may come next, the budget included. Memoised until `commit`."""
        verdict = self._probed.get(token)
        if verdict is None:
            verdict = self._permits(token)
            self._probed[token] = verdict
        return verdict

    def _permits(self, token: int) -> bool:
        if not self.matcher.allows(token):
            return False
        if self._plan is None or token in self._ends:
            return True
        if self._plan and token == self._plan[0]:
            return True
        if not self.matcher.advance(token):
            return False
        completion = self.matcher.completion_tokens()
        self.matcher.rollback(1)
        if completion is None or len(completion) + 2 > self.remaining:
            return False
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
            self._finish = "dead_end"
            return
        token = draw.token
        if not self.matcher.advance(token):
            raise GenerationError(f"token {token} was drawn and is not allowed")
        self.tokens.append(token)
        self.log_z.append(draw.log_z)
        self.logp += draw.logp
        self.closed = self.closed or draw.closing
        if token in self._ends:
            self._finish = "closed" if self.closed else "complete" if draw.only_end else "end"
        elif self._plan is not None:
            self._follow(token)
        self._probed.clear()
        self._completions.clear()
        if self._finish is None and self.remaining == 0:
            self._finish = "length"
            if not self.matcher.is_accepting():
                self.log_w = -math.inf

    def _follow(self, token: int) -> None:
        plan = self._plan or []
        rest = plan[1:] if plan and token == plan[0] else None
        found = self._completions.get(token)
        if found is None:
            found = self.matcher.completion_tokens()
        shorter = rest if found is None or (rest is not None and len(rest) <= len(found)) else found
        if shorter is None or len(shorter) + 1 > self.remaining:
            raise GenerationError(f"token {token} was committed and breaks the token budget")
        self._plan = shorter

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
        copy._probed = dict(self._probed)
        copy._completions = dict(self._completions)
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
