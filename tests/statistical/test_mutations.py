"""The rules that were there before, put back: the tests of the laws must fail on each.

(Weights divided by the number of attempts, and the evidence of a truncated draw taken for that of
the constraint, are traps within the tests themselves.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from structgen.constraints.predicate import PredicateMatcher, _Judge
from structgen.samplers import Walk

from . import test_laws


def by_known_completions(walk: Walk, token: int) -> bool:
    """A token is refused wherever no completion is known after it, whatever the constraint."""
    if walk.plan is None:
        return True
    if walk.plan and token == walk.plan[0]:
        return True
    if not walk.matcher.advance(token):
        return False
    completion = walk.matcher.completion_tokens()
    walk.matcher.rollback(1)
    return completion is not None and len(completion) + 2 <= walk.remaining


@pytest.mark.parametrize(
    ("name", "max_tokens"),
    [
        ("three digits & multiple of 7", 6),
        ("balanced brackets, the empty text complete", 5),
        ("multiple of 7 alone", 6),
    ],
)
def test_trap_a_plan_as_a_promise(
    name: str, max_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_laws.test_every_text_within_the_budget_can_be_drawn(name, max_tokens)
    monkeypatch.setattr(Walk, "_fits", by_known_completions)
    with pytest.raises(AssertionError):
        test_laws.test_every_text_within_the_budget_can_be_drawn(name, max_tokens)


def test_trap_half_characters_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Judge, "_may_become", lambda *_: True)
    with pytest.raises(AssertionError):
        test_laws.test_tokens_that_end_inside_a_character_are_asked_ahead("text")


def asks_everywhere(self: PredicateMatcher, mask: npt.NDArray[np.int32], row: int = 0) -> None:
    mask[row] = self._continuations.mask(self._pending)
    self.is_accepting()


def test_trap_complete_asked_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without it, a conjunction asks for the whole mask.
    monkeypatch.delattr(PredicateMatcher, "fill_text_mask")
    monkeypatch.setattr(PredicateMatcher, "fill_mask", asks_everywhere)
    with pytest.raises((AssertionError, ValueError)):
        test_laws.test_complete_is_asked_only_where_the_rest_allows_the_end()
