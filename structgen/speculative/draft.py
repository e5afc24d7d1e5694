"""Drafts, the context they are drawn from, and the protocol of a drafter.

A draft is a guess about the next tokens. It never decides anything: the ordinary sampler runs
on every row the target has scored, and the draft only says which rows those should be. So a
drafter may be wrong, biased, stale or non-deterministic, and neither the law of the text nor its
weights change; only speed does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Matcher
from structgen.models.protocol import LanguageModel

SharedDraw = Callable[[npt.NDArray[np.float32], Matcher, int], int | None]
"""``draw(row, matcher, position)``: the token that the ordinary constrained sampler would draw
from logits `row` at generated position `position`, under the very keys that the verifier will use
there; None at a dead end. A draft model that draws with the target's keys agrees with it more
often than one that draws its own, and is checked in the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A small tree of proposed tokens.

    Attributes:
        tokens: proposed token ids.
        parents: ``parents[i] < i`` is node i's parent, -1 the position the draft starts from.
        sources: who proposed node i, and how sure of it that kind of guess usually is:
            ``"forced"``, ``"copy/3"``, ``"recycling/0"``. Acceptance is counted per source and
            depth, so a source should name guesses that are about equally good.
    """

    tokens: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.tokens) == len(self.parents) == len(self.sources):
            raise ValueError("a draft needs one parent and one source per token")
        if any(not -1 <= parent < i for i, parent in enumerate(self.parents)):
            raise ValueError("a draft's parents must come before their children")

    def __len__(self) -> int:
        return len(self.tokens)

    @staticmethod
    def chain(tokens: Sequence[int], source: str) -> Draft:
        """One token after the other, all from the same source."""
        n = len(tokens)
        return Draft(tokens=tuple(tokens), parents=tuple(range(-1, n - 1)), sources=(source,) * n)


EMPTY = Draft()
"""No proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftContext:
    """A position to draft from: what is known there.

    Attributes:
        model: the target model (for its tokenizer and vocabulary; drafters do not run it).
        matcher: the constraint's position here, after `path`. Drafters fork it and leave it as
            it is.
        history: prompt and drawn tokens, int64, shape ``(n,)``; read only.
        prompt_length: how many tokens of `history` are the prompt.
        path: tokens assumed after `history` (an ancestor draft); empty at a row's true end.
        remaining: how many more tokens may be drawn after `path`.
        row: which row of the batch; drafters with state per sequence key it by this.
        draw: see `SharedDraw`.
    """

    model: LanguageModel
    matcher: Matcher
    history: npt.NDArray[np.int64]
    prompt_length: int
    path: tuple[int, ...]
    remaining: int
    row: int
    draw: SharedDraw

    @property
    def position(self) -> int:
        """Index, among the drawn tokens, of the token to be proposed first."""
        return len(self.history) - self.prompt_length + len(self.path)

    @property
    def last_token(self) -> int | None:
        """The token before this position; None if there is none."""
        if self.path:
            return self.path[-1]
        return int(self.history[-1]) if len(self.history) else None

    def generated_tail(self, count: int) -> list[int]:
        """The last `count` tokens drawn or assumed, without the prompt's, oldest first."""
        if count <= len(self.path):
            return list(self.path[len(self.path) - count :])
        start = max(self.prompt_length, len(self.history) - (count - len(self.path)))
        return [*self.history[start:].tolist(), *self.path]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRow:
    """One target row that was used: what stood before it, what it said, what was drawn.

    `allowed` is the boolean mask the token was drawn under, shape ``(V,)``, or None where the
    constraint could only be probed.
    """

    row: int
    last_token: int
    logits: npt.NDArray[np.float32]
    allowed: npt.NDArray[np.bool_] | None
    drawn: int


class Drafter(Protocol):
    """Proposes tokens. Implementations must not raise on odd contexts: no idea is `EMPTY`."""

    @property
    def name(self) -> str:
        """A short name for statistics, e.g. ``"copy"``."""
        ...

    @property
    def costly(self) -> bool:
        """True if a proposed token costs about as much as a model call. Such a drafter is asked
        for no more tokens than pay for themselves, and only at the row's true end or below
        certain nodes."""
        ...

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        """Forget earlier sequences; `rows` sequences start from `prompt_ids`."""
        ...

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        """At most `limit` nodes. Every node must be allowed by the constraint after its
        ancestors."""
        ...

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        """Learn from rows that the target has just verified."""
        ...
