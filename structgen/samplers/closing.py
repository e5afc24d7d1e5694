"""Closing at the budget for those who draw by themselves: a loop of one's own, a logits processor.

    compiled = Closing(sg.json_schema(schema).compile(vocabulary), max_tokens=60)
    matcher = compiled.matcher()
    while not matcher.is_terminated():
        matcher.fill_mask(mask, 0)                      # an upper bound of what may come next
        token = draw(logits, mask)
        while not matcher.allows(token):                # the budget forbids it
            logits[token] = -inf
            token = draw(logits, mask)
        matcher.advance(token)

The rule is that of `structgen.samplers.walk`, whose walks decide here too: a token is refused if no
completion that is known after it fits, or, of a constraint that promises no completion, if a lower
bound of one does not. `ClosingMatcher.sure` is a token that certainly may come
next, for those who do not want to go on asking. Texts end complete within `max_tokens`, the end
token included, if the constraint has exact masks and knows completions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Vocabulary
from structgen.constraints.completions import open_ended
from structgen.constraints.protocol import Compiled
from structgen.samplers.draw import Draw
from structgen.samplers.keys import GumbelKeys
from structgen.samplers.params import SamplingParams
from structgen.samplers.walk import Walk, WalkConfig
from structgen.types import Exactness


class Closing:
    """`compiled`, of which every text has at most `max_tokens` tokens, the end token included.

    A compiled constraint: masks are upper bounds, `allows` is the truth.

    Raises:
        TokenBudgetError: no complete text fits.
    """

    def __init__(self, compiled: Compiled, max_tokens: int) -> None:
        self._compiled = compiled
        self._config = WalkConfig(
            # Nothing is drawn by these walks: they judge the tokens that others have drawn.
            params=SamplingParams(),
            keys=GumbelKeys(0, compiled.vocabulary.size),
            max_tokens=max_tokens,
        )
        self._first = Walk(compiled.matcher(), self._config)

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._compiled.vocabulary

    @property
    def exactness(self) -> Exactness:
        """``"superset"``: what fits shows when a token is asked for."""
        return "probe" if self._compiled.exactness == "probe" else "superset"

    def matcher(self) -> ClosingMatcher:
        """A position at the start."""
        return ClosingMatcher(self, self._first.fork(0))


class ClosingMatcher:
    """A position under a budget; see `structgen.constraints.protocol.Matcher`."""

    __slots__ = ("_closing", "_walk")

    def __init__(self, closing: Closing, walk: Walk) -> None:
        self._closing = closing
        self._walk = walk

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._closing.vocabulary

    @property
    def exactness(self) -> Exactness:
        """That of `Closing`."""
        return self._closing.exactness

    @property
    def tokens(self) -> list[int]:
        """Tokens committed so far."""
        return list(self._walk.tokens)

    @property
    def remaining(self) -> int:
        """Tokens that may still come, the end token included."""
        return self._walk.remaining

    @property
    def sure(self) -> int | None:
        """A token that certainly may come next: the next of a completion that fits, or an end
        token; None where no completion is known."""
        plan = self._walk.plan
        if plan is None or not self._walk.alive:
            return None
        return plan[0] if plan else self.vocabulary.eos_token_ids[0]

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """An upper bound: what the constraint allows, and end tokens alone where one token is
        left."""
        if not self._walk.alive:
            mask[row] = 0
            return
        self._walk.matcher.fill_mask(mask, row)
        if self.remaining == 1 and not open_ended(self._walk.matcher):
            allowed = [t for t in self.vocabulary.eos_token_ids if self._walk.matcher.allows(t)]
            mask[row] = 0
            words = mask[row].view(np.uint32)
            for token in allowed:
                words[token >> 5] |= np.uint32(1 << (token & 31))

    def allows(self, token_id: int, /) -> bool:
        """Whether `token_id` may come next and leaves room for the end."""
        return self._walk.alive and self._walk.permits(token_id)

    def advance(self, token_id: int, /) -> bool:
        """Commit a token; False, and nothing changes, if it is not allowed."""
        if not self.allows(token_id):
            return False
        self._walk.commit(Draw(token=token_id, logp=0.0, log_w=0.0, log_z=0.0))
        return True

    def validate(self, token_ids: Sequence[int], /) -> int:
        """How many of `token_ids` could be committed in order."""
        trial = self.fork()
        for count, token in enumerate(token_ids):
            if not trial.advance(token):
                return count
        return len(token_ids)

    def rollback(self, count: int, /) -> None:
        """Take back the last `count` tokens. O(tokens): the rest is read again."""
        tokens = self._walk.tokens
        if not 0 <= count <= len(tokens):
            raise ValueError(f"cannot take back {count} tokens of {len(tokens)}")
        if count:
            again = self._closing.matcher()
            for token in tokens[: len(tokens) - count]:
                again.advance(token)
            self._walk = again._walk

    def fork(self) -> ClosingMatcher:
        """An independent copy."""
        return ClosingMatcher(self._closing, self._walk.fork(0))

    def is_accepting(self) -> bool:
        """Whether the text so far is complete."""
        return self._walk.matcher.is_accepting()

    def is_terminated(self) -> bool:
        """Whether an end token was committed."""
        return self._walk.matcher.is_terminated()

    def forced_text(self) -> str:
        """What the constraint forces; the budget may force more."""
        return self._walk.matcher.forced_text()

    def completion_tokens(self) -> list[int] | None:
        """A completion that fits."""
        plan = self._walk.plan
        return None if plan is None else list(plan)
