"""Matchers that move to fresh automata answer as one that never has to.

With few states allowed a matcher moves again and again: its text is read a few tokens at a time in
the new automaton, while tokens are committed and taken back, texts are read, and copies go ways of
their own.
"""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

import structgen as sg

TOKENS: list[bytes | None] = [
    *(bytes([b]) for b in range(0x20, 0x7F)),
    *(b'":', b'","', b'": ', b"},{", b'"}', b"1,", b"23", b"ab", b"cde", b", ", b'{"', b"}]"),
]
EOS = len(TOKENS)
VOCABULARY = sg.Vocabulary([*TOKENS, None], eos_token_ids=[EOS])

KEYS = {"type": "array", "items": {"additionalProperties": {"type": "integer"}}}
DIFFERENT = {"type": "array", "uniqueItems": True, "items": {"type": "integer"}}
NESTED = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}


class Pair:
    """A matcher that has to move, and one with room for everything."""

    def __init__(self, matchers: list[sg.Matcher], held: int = 0) -> None:
        self.matchers = matchers
        self.held = held
        self.mask = sg.allocate_mask(2, VOCABULARY.size)

    def allowed(self) -> list[int]:
        for row, matcher in enumerate(self.matchers):
            matcher.fill_mask(self.mask, row)
        assert np.array_equal(self.mask[0], self.mask[1])
        bits = np.unpackbits(self.mask[:1].view(np.uint8), bitorder="little")
        return [token for token in np.flatnonzero(bits).tolist() if token != EOS]

    def advance(self, token: int) -> None:
        assert [matcher.advance(token) for matcher in self.matchers] == [True, True]
        self.held += 1

    def advance_text(self, text: bytes) -> None:
        read = [matcher.advance_text(text) for matcher in self.matchers]
        assert read == [len(text)] * 2

    def rollback(self, count: int) -> None:
        for matcher in self.matchers:
            matcher.rollback(count)
        self.held -= count

    def fork(self) -> Pair:
        return Pair([matcher.fork() for matcher in self.matchers], self.held)


@pytest.mark.parametrize("schema", [KEYS, DIFFERENT, NESTED], ids=["keys", "different", "nested"])
@pytest.mark.parametrize("seed", range(3))
def test_moves_change_nothing(schema: dict[str, object], seed: int) -> None:
    rng = random.Random(seed)
    constraint = sg.json_schema(schema)
    small = constraint.compile(VOCABULARY, sg.Limits(max_states=1_000))
    large = constraint.compile(VOCABULARY)
    pair = Pair([small.matcher(), large.matcher()])
    left: Pair | None = None
    for _ in range(4_000):
        allowed = pair.allowed()
        drawn = rng.random()
        if not allowed or drawn < 0.01:
            pair.rollback(rng.randint(0, pair.held))
        elif drawn < 0.03:
            pair.rollback(min(pair.held, rng.randint(1, 20)))
        elif drawn < 0.05:
            pair.advance_text(TOKENS[rng.choice(allowed)] or b"")
        elif drawn < 0.06:
            # The other one goes on where it was left, whatever has become of its automaton.
            left, pair = pair.fork(), left or pair
        else:
            pair.advance(rng.choice(allowed))
        if not allowed and pair.held == 0:
            for matcher in pair.matchers:
                matcher.reset()
    assert small.stats()["renewals"] >= 2


def test_many_masks_at_once_while_matchers_move() -> None:
    """A matcher that has to move first is asked under its own lock, once: this did not end."""
    constraint = sg.json_schema(DIFFERENT)
    small = constraint.compile(VOCABULARY, sg.Limits(max_states=1_000))
    large = constraint.compile(VOCABULARY)
    done: list[int] = []

    def draw() -> None:
        rng = random.Random(1)
        matchers = [small.matcher() for _ in range(8)]
        twins = [large.matcher() for _ in range(8)]
        masks, same = sg.allocate_mask(8, VOCABULARY.size), sg.allocate_mask(8, VOCABULARY.size)
        while small.stats()["renewals"] < 3:
            sg.fill_masks(matchers, masks)
            sg.fill_masks(twins, same)
            assert np.array_equal(masks, same)
            for row, pair in enumerate(zip(matchers, twins, strict=True)):
                allowed = sg.allowed_tokens(masks[row : row + 1], VOCABULARY.size)
                going = [token for token in allowed if token != EOS]
                if not going:
                    for matcher in pair:
                        matcher.reset()
                    continue
                token = rng.choice(going)
                assert [matcher.advance(token) for matcher in pair] == [True, True]
        done.append(small.stats()["renewals"])

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    # Some tenths of a second of work; whoever waits for a lock of their own waits for ever.
    thread.join(timeout=120)
    assert done
