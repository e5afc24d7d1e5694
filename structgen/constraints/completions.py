"""How near the end of a text is: what a token budget asks of a constraint.

Samplers keep a budget of tokens (`structgen.samplers.walk`). To do so they need an *admissible*
answer: a constraint may say that a text cannot be complete within n tokens only where that is
certain. Everything here errs on the side of "it may".

A matcher written by a user need not know of any of this. It may say more of itself by members that
`structgen.constraints.protocol.Matcher` does not ask for:

* ``closes: bool``: `closes`;
* ``open_ended: bool``: `open_ended`;
* ``min_tokens_left() -> int``: a lower bound of the tokens to a complete text (`least_tokens`);
* the methods of `Foreseeing`, where the answer is cheaper or sharper than by such a bound.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, cast

from structgen._core import Matcher as NativeMatcher
from structgen.constraints.protocol import Matcher
from structgen.errors import LimitExceeded

SEARCH_STEPS = 400_000
"""Steps of the search for the fewest tokens to a completion. From inside a string of a JSON object
one level is a walk over the whole vocabulary, some 150,000 steps for 49,152 tokens; the levels
after it are small, and the search ends by itself after about 200,000 (10 ms, once per state)."""

SHORT_SEARCH_STEPS = 4_096
"""Steps of that search where a completion is known already, and a shorter one would only be
better: 0.1 to 0.4 ms, once per state."""

SOUGHT_SEARCH_STEPS = 16_384
"""The same for matchers that do not close. Their completions are what a search over bytes came to
first, and others may take fewer tokens: 1 to 6 ms, once per state."""

NEVER = 2**32 - 1
"""Tokens to a completion where it is certain that there is none."""

_Found = tuple[int, list[int] | None]
"""A lower bound, and a completion of that length if the search came to one."""

_FOUND_KEPT = 16_384
_found: OrderedDict[tuple[int, int, int], _Found] = OrderedDict()


class Foreseeing(Protocol):
    """What a matcher may answer about a budget. `within` counts tokens, the end token apart."""

    def may_complete(self, within: int, /) -> bool:
        """Whether the text may be complete after at most `within` more tokens."""
        ...

    def may_complete_after(self, token_id: int, within: int, /) -> bool:
        """The answer after `token_id`, which is allowed."""
        ...

    def completion_within(self, within: int, /) -> list[int] | None:
        """A completion of at most `within` tokens; None if none is known."""
        ...


def _own(matcher: Matcher, name: str) -> Callable[..., object] | None:
    return cast("Callable[..., object] | None", getattr(matcher, name, None))


def closes(matcher: Matcher) -> bool:
    """Whether a completion is known wherever a text can end, so that a text can be promised to end
    complete: what the matcher's attribute ``closes`` says, else that its masks are exact. Native
    matchers say no where the core only searches for completions: of a conjunction of automata, and
    of schemas whose elements must differ. Of schemas with parts that are judged at the end of a
    value it searches, too, but takes a position for a dead end where it finds none."""
    own = getattr(matcher, "closes", None)
    return matcher.exactness == "exact" if own is None else bool(own)


def plans(matcher: Matcher) -> bool:
    """Whether completions are known nearly everywhere, so that the budget can be kept by them where
    there are: of matchers that close, and of all native ones. Others (predicates, conjunctions with
    them) know one by chance."""
    return closes(matcher) or isinstance(matcher, NativeMatcher)


def open_ended(matcher: Matcher) -> bool:
    """Whether a budget may cut the text anywhere and leave it whole: free text, which says so by
    an attribute ``open_ended``."""
    return bool(getattr(matcher, "open_ended", False))


def foresees(matcher: Matcher) -> bool:
    """Whether `may_complete_after` can ever say no of `matcher`."""
    return hasattr(matcher, "may_complete_after") or hasattr(matcher, "min_tokens_left")


def may_complete(matcher: Matcher, within: int) -> bool:
    """Whether the text may be complete after at most `within` more tokens, the end token not
    counted. False only where it certainly cannot.

    Cost: a look at the completion at hand; where that is too long, a search, once per state.
    """
    own = _own(matcher, "may_complete")
    if own is not None:
        return bool(own(within))
    if within <= 0:
        return within == 0 and matcher.is_accepting()
    if not hasattr(matcher, "min_tokens_left"):
        return True
    known = matcher.completion_tokens()
    if known is not None and len(known) <= within:
        return True
    return least_tokens(matcher) <= within


def may_complete_after(matcher: Matcher, token_id: int, within: int) -> bool:
    """Whether the text followed by `token_id`, which is allowed, may be complete after at most
    `within` more tokens. False only where it certainly cannot."""
    own = _own(matcher, "may_complete_after")
    if own is not None:
        return bool(own(token_id, within))
    if not hasattr(matcher, "min_tokens_left"):
        return True
    if not matcher.advance(token_id):
        return False
    try:
        return may_complete(matcher, within)
    finally:
        matcher.rollback(1)


def least_tokens(matcher: Matcher) -> int:
    """A number of tokens, the end token not counted, that every completion takes at least.

    A function of the text so far. Cost: a search of at most `SEARCH_STEPS` steps; of native
    matchers once per state. `NEVER` of a text that certainly cannot be completed.
    """
    if isinstance(matcher, NativeMatcher):
        return _search(matcher, SEARCH_STEPS)[0]
    own = cast("Callable[[], int] | None", getattr(matcher, "min_tokens_left", None))
    return 0 if own is None else own()


def completion_within(matcher: Matcher, within: int) -> list[int] | None:
    """A completion of at most `within` tokens, the end token not counted; None if none is known.

    A function of the text so far: the matcher's own completion, else the result of a search of at
    most `SHORT_SEARCH_STEPS` steps, `SOUGHT_SEARCH_STEPS` of a matcher that does not close.
    """
    own = _own(matcher, "completion_within")
    if own is not None:
        return cast("list[int] | None", own(within))
    tokens = matcher.completion_tokens()
    if tokens is not None and len(tokens) > within and isinstance(matcher, NativeMatcher):
        effort = SHORT_SEARCH_STEPS if closes(matcher) else SOUGHT_SEARCH_STEPS
        tokens = _search(matcher, effort)[1]
    return tokens if tokens is not None and len(tokens) <= within else None


def _search(matcher: NativeMatcher, effort: int) -> _Found:
    key = (matcher.generation, matcher.state, effort)
    known = _found.get(key)
    if known is None:
        known = _new_search(matcher.fork(), effort)
        _found[key] = known
        while len(_found) > _FOUND_KEPT:
            _found.pop(next(iter(_found)), None)
    return known


def _new_search(matcher: NativeMatcher, effort: int) -> _Found:
    try:
        bound = matcher.min_tokens_left(effort=effort)
        tokens = matcher.completion_tokens()
    except LimitExceeded:
        # The limits of the constraint grant less than this search: nothing is known.
        return 0, None
    return bound, tokens if tokens is not None and len(tokens) == bound else None
