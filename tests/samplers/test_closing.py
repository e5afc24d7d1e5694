"""Closing for loops of one's own: every text is complete, all that fit can be written."""

from __future__ import annotations

import random

import pytest

import structgen as sg
from structgen.samplers import Closing

VOCABULARY = sg.Vocabulary([b"a", b"b", b"ab", b"(", b")", b"()", b"((", None], eos_token_ids=[7])
NESTED = sg.grammar('start: "(" start ")" | "a" start |')


def texts_within(budget: int) -> set[tuple[int, ...]]:
    """All sequences of tokens of members, by trying every one: no mask, no completion."""
    found: set[tuple[int, ...]] = set()
    pieces = [b"a", b"b", b"ab", b"(", b")", b"()", b"(("]

    def go(tokens: tuple[int, ...], text: bytes) -> None:
        if NESTED.accepts(text):
            found.add(tokens)
        if len(tokens) < budget - 1:
            for token, piece in enumerate(pieces):
                if NESTED.live_prefix(text + piece) == len(text + piece):
                    go((*tokens, token), text + piece)

    go((), b"")
    return found


def walk_all(matcher: object, most: int) -> set[tuple[int, ...]]:
    """All sequences that the matcher lets through, ended by the end token."""
    found: set[tuple[int, ...]] = set()

    def go(here: object) -> None:
        assert len(here.tokens) < most  # type: ignore[attr-defined]
        mask = sg.allocate_mask(1, VOCABULARY.size)
        here.fill_mask(mask, 0)  # type: ignore[attr-defined]
        bound = set(sg.allowed_tokens(mask, VOCABULARY.size))
        going = {t for t in range(8) if here.allows(t)}  # type: ignore[attr-defined]
        assert going  # never a dead end
        assert going <= bound
        assert here.sure in going  # type: ignore[attr-defined]
        for token in going:
            after = here.fork()  # type: ignore[attr-defined]
            assert after.advance(token)
            if token == 7:
                assert after.is_terminated()
                found.add(tuple(after.tokens[:-1]))
            else:
                go(after)

    go(matcher)
    return found


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 5])
def test_exactly_the_texts_that_fit_can_be_written(budget: int) -> None:
    closing = Closing(NESTED.compile(VOCABULARY), budget)
    assert walk_all(closing.matcher(), budget + 1) == texts_within(budget)


def test_what_does_not_fit_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(sg.TokenBudgetError):
        Closing(sg.regex("a{9}").compile(VOCABULARY), 5)


def test_rollback_and_validate() -> None:
    matcher = Closing(NESTED.compile(VOCABULARY), 6).matcher()
    draw = random.Random(5)
    for _ in range(60):
        if draw.random() < 0.4 and matcher.tokens:
            matcher.rollback(draw.randint(1, len(matcher.tokens)))
        else:
            options = [t for t in range(8) if matcher.allows(t)]
            if options:
                assert matcher.advance(draw.choice(options))
        fresh = Closing(NESTED.compile(VOCABULARY), 6).matcher()
        assert fresh.validate(matcher.tokens) == len(matcher.tokens)
        assert all(fresh.advance(token) for token in matcher.tokens)
        assert [fresh.allows(t) for t in range(8)] == [matcher.allows(t) for t in range(8)]
        assert matcher.remaining == 6 - len(matcher.tokens)
    matcher.rollback(len(matcher.tokens))
    assert matcher.validate([3, 3, 3, 3]) == 2
    with pytest.raises(ValueError, match="take back"):
        matcher.rollback(1)
