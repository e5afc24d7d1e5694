"""A small vocabulary with the manners of a real one, and walks over its masks."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

import numpy as np

from structgen._core import Automaton, Matcher, Vocabulary

_PIECES = [
    '{"', '":', '": ', '":"', '": "', '", "', '","', '"}', '"]', '"},', "}}", "]}", "}]", "]]",
    "},", "],", ", ", ' "', ': "', "[]", "{}", "[{", '[["', '["', "[1", "1,", "0,", "null",
    "true", "false", "nul", "tru", " true", ": null", ":1", ": 0", "-1", "10", "00", "12",
    "100", "0.", ".5", "1.0", ".0", "0.1", "e1", "e+", "E-0", "1e", "  ", "\n", "\n  ", "{\n",
    ",\n  ", "\n}", "[\n", '\\"', "\\u", "\\u00", "\\u006", "61", "\\ud83d", "\\ude00", "\\n",
    "\\\\", "ab", "abc", "foo", "bar", '"a"', '"b"', '"a":', '"foo', 'x1"', "kind", '"kind": "',
    "aa", "bb", "20", "2024-", "-02-", "::", "127.", "é", "日", "日本", "\u00e9\"", "😀",
]  # fmt: skip
_FRAGMENTS = [
    b"\xc3",
    b"\xa9",
    b"\xf0\x9f",
    b"\x98\x80",
    b"\xe6\x97",
    b"\xa5\xe6",
    b'\xa9"',
    b'a"\xc3',
]


@functools.cache
def vocabulary() -> Vocabulary:
    """All bytes, pieces of JSON as tokenizers have them, and parts of characters. The last token
    ends the text."""
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    seen = set(tokens)
    for piece in [*(piece.encode() for piece in _PIECES), *_FRAGMENTS]:
        if piece not in seen:
            seen.add(piece)
            tokens.append(piece)
    tokens.append(None)
    return Vocabulary(tokens, eos_token_ids=[len(tokens) - 1])


def token_bytes() -> list[bytes]:
    """The texts of the tokens; the end token has none."""
    known = vocabulary()
    return [known.token_bytes(token) or b"" for token in range(known.size)]


@functools.cache
def _tokens() -> tuple[list[bytes], int]:
    known = vocabulary()
    return token_bytes(), known.eos_token_ids[0]


def allowed(matcher: Matcher) -> list[int]:
    mask = np.zeros((1, matcher.vocabulary.mask_words), dtype=np.int32)
    matcher.fill_mask(mask)
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
    return [int(token) for token in np.flatnonzero(bits)]


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The end of a walk: a whole text, or why there is none."""

    text: bytes | None
    problem: str | None = None


def walk(automaton: Automaton, dice: random.Random, *, steps: int) -> Walk:
    """A random text: tokens drawn from masks, with a liking for those that close something, then
    the completion."""
    texts, end = _tokens()
    matcher = automaton.matcher()
    exact = automaton.exactness == "exact"
    hurry = dice.choice([0.1, 0.3, 0.6])
    for _ in range(steps):
        options = allowed(matcher)
        if not options:
            if exact:
                return Walk(text=None, problem=f"dead end after {_text(matcher)!r}")
            return Walk(text=None)
        if matcher.is_accepting() != (end in options):
            return Walk(text=None, problem=f"end token wrong after {_text(matcher)!r}")
        if end in options and (len(options) == 1 or dice.random() < 0.3):
            return Walk(text=_text(matcher))
        tokens = [token for token in options if token != end]
        token = dice.choice(tokens)
        if dice.random() < hurry:
            closing = [each for each in tokens if texts[each][-1:] in (b'"', b"}", b"]", b",")]
            token = dice.choice(closing) if closing else token
        if not matcher.advance(token):
            if not exact:
                return Walk(text=None)
            return Walk(text=None, problem=f"{texts[token]!r} refused after {_text(matcher)!r}")
    rest = matcher.completion()
    if rest is None:
        if exact:
            return Walk(text=None, problem=f"no completion after {_text(matcher)!r}")
        return Walk(text=None)
    return Walk(text=_text(matcher) + rest)


def _text(matcher: Matcher) -> bytes:
    texts, _ = _tokens()
    return b"".join(texts[token] for token in matcher.tokens)


def tokenized(dice: random.Random, text: bytes) -> list[int]:
    """`text` cut into tokens at random."""
    known = vocabulary()
    texts, _ = _tokens()
    tokens: list[int] = []
    at = 0
    while at < len(text):
        fitting = [
            token
            for token in known.tokens_with_prefix(text[at : at + 1])
            if text.startswith(texts[token], at)
        ]
        token = (
            dice.choice(fitting)
            if dice.random() < 0.7
            else max(fitting, key=lambda each: len(texts[each]))
        )
        tokens.append(token)
        at += len(texts[token])
    return tokens


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of feeding a text by tokens."""

    problem: str | None
    closed: tuple[bytes, ...]
    """Documents that completions made of parts of the text."""


def read(automaton: Automaton, dice: random.Random, text: bytes, accepted: bool) -> Reading:
    """Feeds `text` by tokens, with detours: what the masks say must be what `accepted` says."""
    closed: list[bytes] = []
    problem = _read(automaton, dice, text, accepted, closed)
    return Reading(problem=problem, closed=tuple(closed))


def _read(
    automaton: Automaton, dice: random.Random, text: bytes, accepted: bool, closed: list[bytes]
) -> str | None:
    texts, end = _tokens()
    matcher = automaton.matcher()
    tokens = tokenized(dice, text)
    exact = automaton.exactness == "exact"
    for index, token in enumerate(tokens):
        options = allowed(matcher)
        inside = token in options
        if exact and inside != matcher.allows(token):
            return f"mask and probe differ about {texts[token]!r} after {_text(matcher)!r}"
        if (not inside or dice.random() < 0.1) and (problem := _close(matcher, closed)):
            return problem
        if not inside:
            return f"{texts[token]!r} not allowed after {_text(matcher)!r}" if accepted else None
        if accepted:
            before = _text(matcher)
            forced = matcher.forced_bytes()
            if not text.startswith(forced, len(before)):
                return f"{forced!r} called forced after {before!r}"
        if dice.random() < 0.15:
            here = (matcher.state, options)
            fork = matcher.fork()
            detour = dice.choice(options)
            fork.advance(detour)
            matcher.advance(detour)
            if fork.tokens != matcher.tokens or allowed(fork) != allowed(matcher):
                return f"a fork differs after {_text(matcher)!r}"
            matcher.rollback(1)
            if (matcher.state, allowed(matcher)) != here:
                return f"not the same after going back to {_text(matcher)!r}"
        if not matcher.advance(token):
            if not exact and not accepted:
                return None
            return f"{texts[token]!r} in the mask and refused after {_text(matcher)!r}"
        if dice.random() < 0.05 and index:
            matcher.rollback(2)
            if matcher.validate(tokens[index - 1 : index + 1]) != 2:
                return f"not the same after going back in {text!r}"
            for again in tokens[index - 1 : index + 1]:
                matcher.advance(again)
    if matcher.is_accepting() != accepted or (end in allowed(matcher)) != accepted:
        return f"{text!r} ends otherwise by tokens"
    return _close(matcher, closed)


def _close(matcher: Matcher, closed: list[bytes]) -> str | None:
    """Every live state has a completion, which begins with what is forced."""
    before = _text(matcher)
    rest = matcher.completion()
    if rest is None:
        return f"no completion after {before!r}" if matcher.exactness == "exact" else None
    if not rest.startswith(matcher.forced_bytes()):
        return f"after {before!r}, {matcher.forced_bytes()!r} is forced, the completion is {rest!r}"
    closed.append(before + rest)
    return None
