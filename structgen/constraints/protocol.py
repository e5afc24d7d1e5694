"""What samplers need of a constraint; every constraint, native or written in Python, fits this.

A `Constraint` is a description at text level. Compiled for a `Vocabulary` it becomes a
`Compiled`, and a `Matcher` is one sequence's position in it. `exactness` tells a sampler how to
ask:

* ``"exact"``: `Matcher.fill_mask` is the truth, so masked sampling has an exact ``log_z``.
* ``"superset"``: the mask is an upper bound; a live state may turn out dead.
* ``"probe"``: there is no mask worth having beyond `fill_mask`'s upper bound (possibly all
  ones); `Matcher.allows` decides token by token.

For ``"superset"`` and ``"probe"`` the sampler draws by adaptive rejection over the row that the
mask leaves, and `allows` has the last word.

What a token budget may count on, a matcher can say by further members, none of which it needs to
have; they are listed in `structgen.constraints.completions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen.types import Exactness


@runtime_checkable
class Matcher(Protocol):
    """One sequence's position in a compiled constraint. See `structgen._core.Matcher`."""

    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def exactness(self) -> Exactness: ...
    @property
    def tokens(self) -> list[int]: ...
    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """Write the allowed-token bits into ``mask[row]``, shape ``(rows, ceil(V/32))``, int32,
        LSB first, 1 = allowed. End tokens are set where the text is complete. All zero after the
        end token, and at a dead end."""
        ...

    def allows(self, token_id: int, /) -> bool:
        """Whether `token_id` may come next: the truth where it can be known."""
        ...

    def advance(self, token_id: int, /) -> bool:
        """Commit a token; False, and nothing changes, if it is not allowed."""
        ...

    def validate(self, token_ids: Sequence[int], /) -> int:
        """How many of `token_ids` could be committed in order; does not advance."""
        ...

    def rollback(self, count: int, /) -> None:
        """Take back the last `count` tokens, end tokens included. O(1)."""
        ...

    def fork(self) -> Matcher:
        """An independent copy of this position."""
        ...

    def is_accepting(self) -> bool:
        """Whether the text so far is complete."""
        ...

    def is_terminated(self) -> bool:
        """Whether an end token was committed."""
        ...

    def forced_text(self) -> str:
        """The text that must come next, up to the first choice; cut at a code point boundary."""
        ...

    def completion_tokens(self) -> list[int] | None:
        """Token ids of a short completion, *without* the end token; None if none is known."""
        ...


@runtime_checkable
class Compiled(Protocol):
    """A constraint compiled for one vocabulary; shareable between threads and sequences."""

    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def exactness(self) -> Exactness: ...
    def matcher(self) -> Matcher: ...


@runtime_checkable
class Constraint(Protocol):
    """A description of allowed texts, without a vocabulary."""

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> Compiled: ...
