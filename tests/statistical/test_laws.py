"""What weights say, against enumeration that shares no code with the samplers.

Each law is tested with ``|z| < 4`` for the evidence and for every text; were a seed drawn anew, a
correct program would fail one such comparison in 16,000. `test_mutations` puts the rules back that
were there before, on which these tests must fail.

    pytest tests/statistical/test_laws.py            # minutes
    STRUCTGEN_LAWS=20 pytest tests/statistical/test_laws.py    # 20 times as many draws
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

import structgen as sg
from structgen import Vocabulary
from structgen.constraints.protocol import Constraint
from structgen.generate.probed import Probed
from structgen.samplers import (
    Draw,
    GumbelKeys,
    SamplerConfig,
    SamplingParams,
    Walk,
    WalkConfig,
    masked,
)
from structgen.speculative import speculative
from structgen.types import Ledger

from .oracle import Gamma, TableModel, Tokens, enumerate_gamma, worst, z_scores

SCALE = int(os.environ.get("STRUCTGEN_LAWS", "1"))
BOUND = 4.0

DIGITS = Vocabulary([*(bytes([48 + i]) for i in range(10)), None], eos_token_ids=[10])
BRACKETS = Vocabulary([b"(", b")", b"()", None], eos_token_ids=[3])
ELEMENTS = Vocabulary(
    [b"[", b"]", b",", b"0", b"1", b"7", b"17", b"7,", b",1", b"0]", None], eos_token_ids=[10]
)
SYLLABLES = Vocabulary([b"a", b"b", b"ab", b"c", b"bc", b"abc", None, None], eos_token_ids=[6, 7])


def pairs(ledgers: Sequence[Ledger]) -> list[tuple[Tokens, float]]:
    return [(x.tokens, math.exp(x.log_w)) for x in ledgers]


def config(seed: int, max_tokens: int, **options: float) -> SamplerConfig:
    return SamplerConfig(
        max_tokens=max_tokens,
        seed=seed,
        params=SamplingParams(**options),  # type: ignore[arg-type]
    )


# --- budgets --------------------------------------------------------------------------------


def multiple_of_seven(text: str) -> bool:
    return text.isdigit() and int(text) % 7 == 0


def rising(text: str) -> bool:
    return list(text) == sorted(set(text))


def not_below_zero(text: str) -> bool:
    return set(text) <= {"(", ")"} and all(
        text[:i].count("(") >= text[:i].count(")") for i in range(len(text) + 1)
    )


def balanced(text: str) -> bool:
    return not_below_zero(text) and text.count("(") == text.count(")")


NUMBERS = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": 17},
    "minItems": 1,
    "maxItems": 3,
}


def is_numbers(text: str, *, distinct: bool) -> bool:
    """JSON texts of `NUMBERS` without spaces."""
    if re.fullmatch(r"\[(0|[1-9][0-9]?)(,(0|[1-9][0-9]?)){0,2}\]", text) is None:
        return False
    values = json.loads(text)
    return max(values) <= 17 and not (distinct and len(set(values)) < len(values))


def starts_numbers(text: str) -> bool:
    return re.fullmatch(r"(\[([0-9]{1,2},){0,2}([0-9]{0,2}\]?)?)?", text) is not None


REGEX = r"(ab|ca|b)(ac|bca?)*c?"


@dataclass(frozen=True)
class Case:
    """A constraint, its language as a function on texts, and budgets."""

    vocabulary: Vocabulary
    constraint: Callable[[], Constraint]
    member: Callable[[str], bool]
    prefix: Callable[[bytes], bool]
    budgets: tuple[int, ...]
    probed: bool = False
    texts: int = field(default=0)
    """How many texts there are within the largest budget, where that is known by counting."""


CASES = {
    "three digits & multiple of 7": Case(
        DIGITS,
        lambda: sg.regex("[0-9]{3}") & sg.predicate(lambda s: True, complete=multiple_of_seven),
        lambda s: len(s) == 3 and int(s) % 7 == 0,
        lambda b: len(b) <= 3,
        (4, 6),
        texts=143,
    ),
    "predicate & up to three digits": Case(
        DIGITS,
        lambda: sg.predicate(lambda s: True, complete=multiple_of_seven) & sg.regex("[0-9]{1,3}"),
        lambda s: 1 <= len(s) <= 3 and int(s) % 7 == 0,
        lambda b: len(b) <= 3,
        (3, 6),
    ),
    "multiple of 7 alone": Case(
        DIGITS,
        lambda: sg.predicate(lambda s: len(s) <= 3, complete=multiple_of_seven),
        lambda s: 1 <= len(s) <= 3 and int(s) % 7 == 0,
        lambda b: len(b) <= 3,
        (3, 6),
    ),
    "rising digits: no completion known at the start": Case(
        DIGITS,
        lambda: sg.regex("[0-9]{3}") & sg.predicate(rising),
        lambda s: len(s) == 3 and rising(s),
        lambda b: len(b) <= 3 and rising(b.decode()),
        (4, 5),
        texts=120,
    ),
    "balanced brackets, the empty text complete": Case(
        BRACKETS,
        lambda: sg.predicate(not_below_zero, complete=balanced),
        balanced,
        lambda b: not_below_zero(b.decode()),
        (2, 5, 8),
    ),
    "balanced brackets & a length": Case(
        BRACKETS,
        lambda: sg.regex("[()]{4,6}") & sg.predicate(not_below_zero, complete=balanced),
        lambda s: 4 <= len(s) <= 6 and balanced(s),
        lambda b: len(b) <= 6 and not_below_zero(b.decode()),
        (3, 6),
    ),
    "two grammars": Case(
        SYLLABLES,
        lambda: (
            sg.grammar('start: "a" start "b" | "ab"')
            & sg.grammar('start: x "b" | x "bb" | x "bbb"\nx: "a" | "aa" | "aab" | "aaa"')
        ),
        lambda s: s in ("ab", "aabb", "aaabbb"),
        lambda b: len(b) <= 6,
        (2, 4, 7),
    ),
    "a schema & a pattern": Case(
        ELEMENTS,
        lambda: sg.json_schema(NUMBERS) & sg.regex(r"\[(|.*[^0-9])7(|[^0-9].*)\]"),
        lambda s: is_numbers(s, distinct=False) and 7 in json.loads(s),
        lambda b: starts_numbers(b.decode()),
        (4, 6, 8),
    ),
    "a schema whose elements differ": Case(
        ELEMENTS,
        lambda: sg.json_schema({**NUMBERS, "uniqueItems": True}),
        lambda s: is_numbers(s, distinct=True),
        lambda b: starts_numbers(b.decode()),
        (3, 6, 8),
    ),
    "a schema whose elements differ & a pattern": Case(
        ELEMENTS,
        lambda: sg.json_schema({**NUMBERS, "uniqueItems": True}) & sg.regex(r".*7,.*7.*"),
        lambda s: is_numbers(s, distinct=True) and re.search("7,.*7", s) is not None,
        lambda b: starts_numbers(b.decode()),
        (6, 8),
    ),
    "a schema & a predicate": Case(
        ELEMENTS,
        lambda: (
            sg.json_schema(NUMBERS)
            & sg.predicate(lambda s: True, complete=lambda s: sum(json.loads(s)) == 10)
        ),
        lambda s: is_numbers(s, distinct=False) and sum(json.loads(s)) == 10,
        lambda b: starts_numbers(b.decode()),
        (6, 8),
    ),
    "a grammar & a pattern": Case(
        BRACKETS,
        lambda: sg.grammar('start: ("(" start ")")*') & sg.regex(r"(\(\)|\(\(+\)+\))+"),
        lambda s: balanced(s) and re.fullmatch(r"(\(\)|\(\(+\)+\))+", s) is not None,
        lambda b: not_below_zero(b.decode()),
        (3, 6, 9),
    ),
    "exact masks, ambiguous tokens": Case(
        SYLLABLES,
        lambda: sg.regex(REGEX),
        lambda s: re.fullmatch(REGEX, s) is not None,
        lambda b: True,
        (2, 3, 5),
    ),
    "exact masks, asked token by token": Case(
        SYLLABLES,
        lambda: sg.regex(REGEX),
        lambda s: re.fullmatch(REGEX, s) is not None,
        lambda b: True,
        (2, 3, 5),
        probed=True,
    ),
}
BUDGETS = [(name, budget) for name, case in CASES.items() for budget in case.budgets]


def truth(case: Case, model: TableModel, max_tokens: int) -> Gamma:
    return enumerate_gamma(model, case.member, max_tokens=max_tokens, prefix=case.prefix)


@pytest.mark.parametrize(("name", "max_tokens"), BUDGETS)
def test_every_text_within_the_budget_can_be_drawn(name: str, max_tokens: int) -> None:
    """Along every text of gamma, every token is permitted."""
    case = CASES[name]
    model = TableModel(case.vocabulary, seed=5)
    compiled = case.constraint().compile(case.vocabulary)
    gamma = truth(case, model, max_tokens)
    assert gamma
    if case.texts and max_tokens == max(case.budgets):
        assert len({x[:-1] for x in gamma}) == case.texts
    shared = WalkConfig(
        params=SamplingParams(), keys=GumbelKeys(1, case.vocabulary.size), max_tokens=max_tokens
    )
    start = Walk((Probed(compiled) if case.probed else compiled).matcher(), shared)
    for tokens in gamma:
        walk = start.fork(0)
        for token in tokens:
            assert walk.permits(token), (tokens, token)
            walk.commit(Draw(token=token, logp=0.0, log_w=0.0, log_z=0.0))
        assert not walk.alive
        assert walk.log_w == 0.0


@pytest.mark.parametrize(("name", "max_tokens"), BUDGETS)
@pytest.mark.parametrize("driver", ["importance", "speculative"])
def test_weights_are_proper_within_a_budget(name: str, max_tokens: int, driver: str) -> None:
    case = CASES[name]
    model = TableModel(case.vocabulary, seed=5)
    compiled = case.constraint().compile(case.vocabulary)
    asked = Probed(compiled) if case.probed else compiled
    gamma = truth(case, model, max_tokens)
    if driver == "importance":
        n = 1_500 * SCALE
        ledgers = masked(model, [], asked, config(7, max_tokens), rows=n, dead_ends="keep")
    else:
        n = 300 * SCALE
        ledgers = list(
            speculative(
                model, [], asked, seed=8, max_tokens=max_tokens, rows=n, dead_ends="keep"
            ).ledgers
        )
    for x in ledgers:
        assert (x.log_w > -math.inf) == (x.tokens in gamma), x
        assert x.log_w > -math.inf or x.finish_reason in ("length", "dead_end")
    assert worst(z_scores(pairs(ledgers), gamma)) < BOUND


def test_complete_is_asked_only_where_the_rest_allows_the_end() -> None:
    """``int("")`` would raise, and a judge may be dear."""
    asked: list[str] = []

    def even(text: str) -> bool:
        asked.append(text)
        return int(text) % 2 == 0

    for constraint in (
        sg.predicate(lambda s: True, complete=even) & sg.regex("[0-9]{2}"),
        sg.regex("[0-9]{2}") & sg.predicate(lambda s: True, complete=even),
    ):
        compiled = constraint.compile(DIGITS)
        masked(TableModel(DIGITS), [], compiled, config(1, 5), rows=20, dead_ends="keep")
    assert asked
    assert {len(text) for text in asked} == {2}


# --- half characters ------------------------------------------------------------------------

PIECES = [b"a", b".", b"\xe2\x80", b"\xe2", b"\x80", b"\x94", b"\x93", b"\xc3", b"\xa9",
          b"\xf0\x9f\x98", b"\xf0\x9f", b"\x98", b"a\xc3", b"\xa9."]  # fmt: skip
HALVES = Vocabulary([*PIECES, None], eos_token_ids=[len(PIECES)])
SENTENCES = ["a.", "aé", "aé.", "—", "a—."]


def starts(text: str) -> bool:
    return any(sentence.startswith(text) for sentence in SENTENCES)


def starts_bytes(text: bytes) -> bool:
    return any(sentence.encode().startswith(text) for sentence in SENTENCES)


@pytest.mark.parametrize("on", ["text", "bytes"])
def test_tokens_that_end_inside_a_character_are_asked_ahead(on: str) -> None:
    """No sequence dies, no step asks more than the vocabulary, and all texts can be drawn."""
    constraint = (
        sg.predicate(starts, complete=lambda s: s in SENTENCES)
        if on == "text"
        else sg.predicate(
            starts_bytes, on="bytes", complete=lambda b: b in {s.encode() for s in SENTENCES}
        )
    )
    compiled = constraint.compile(HALVES)
    model = TableModel(HALVES, seed=2)
    gamma = enumerate_gamma(model, SENTENCES.__contains__, max_tokens=7, prefix=starts_bytes)
    ledgers = masked(model, [], compiled, config(3, 7), rows=1_500 * SCALE, dead_ends="keep")
    assert all(x.finish_reason in ("end", "complete", "closed") for x in ledgers)
    assert all(x.checks <= HALVES.size * len(x.tokens) for x in ledgers)
    assert worst(z_scores(pairs(ledgers), gamma)) < BOUND
    assert {x.text for x in ledgers} == set(SENTENCES)
    # All of a row but what the function allows is looked at at most: no end inside a character.
    assert max(x.checks / len(x.tokens) for x in ledgers) <= 8


def test_a_rest_that_nothing_can_complete_is_refused_at_once() -> None:
    asked: list[str] = []

    def only_a(text: str) -> bool:
        asked.append(text)
        return text in ("", "a")

    vocabulary = Vocabulary([*(bytes([i]) for i in range(256)), None], eos_token_ids=[256])
    matcher = sg.predicate(only_a).compile(vocabulary).matcher()
    assert matcher.advance(ord("a"))
    for lead, most in ((0xC3, 64), (0xE2, 4096)):
        asked.clear()
        assert not matcher.allows(lead)
        assert len(asked) <= most + 1
        assert not matcher.allows(lead)
        assert len(asked) <= most + 1, "remembered"
    # A function that allows much is asked about little.
    asked.clear()
    anything = sg.predicate(lambda s: asked.append(s) is None).compile(vocabulary).matcher()
    assert all(anything.allows(lead) for lead in (0xC3, 0xE2, 0xF0))
    assert len(asked) <= 4
    # What follows a rest is what continues it.
    assert anything.advance(0xE2)
    assert {t for t in range(257) if anything.allows(t)} == set(range(0x80, 0xC0))


def test_a_function_that_fails_on_a_text_nobody_drew_is_not_heard() -> None:
    vocabulary = Vocabulary([*(bytes([i]) for i in range(256)), None], eos_token_ids=[256])

    def picky(text: str) -> bool:
        text.encode("ascii")
        return True

    matcher = sg.predicate(picky).compile(vocabulary).matcher()
    assert matcher.advance(0xC3)
    with pytest.raises(UnicodeEncodeError):
        matcher.allows(0xA9)


# --- restarts -------------------------------------------------------------------------------

SHARES = (0.9, 0.5, 0.2, 0.1, 0.05, 0.01)
LETTERS = Vocabulary([b"a", b"b", b"c", b"d", None], eos_token_ids=[4])
RETRIES = {0.9: 3, 0.5: 5, 0.2: 8, 0.1: 12, 0.05: 16, 0.01: 24}
"""Fewer than what makes success certain: texts that never completed count with weight 0."""
WORDS = ("b", "bc", "bcd")


def trapped(share: float, how: str) -> tuple[TableModel, Constraint]:
    """A model that begins with "a" with probability ``1 - share``, and a constraint that finds
    out later that nothing completes such a text: no token may follow, or the budget ends."""

    def rows(context: Tokens, row: object) -> object:
        import numpy as np

        noise = np.array(row, dtype=np.float32)
        if not context:
            noise[:] = -30.0
            noise[0], noise[1] = math.log1p(-share), math.log(share)
        return noise

    def alive(text: str) -> bool:
        if how == "dead end":
            return text == "a" or any(word.startswith(text) for word in WORDS)
        return set(text) <= {"a"} or any(word.startswith(text) for word in WORDS)

    model = TableModel(LETTERS, seed=4, rows=rows)  # type: ignore[arg-type]
    return model, sg.predicate(alive, complete=lambda s: s in WORDS)


def drawn(
    driver: str, model: TableModel, constraint: Constraint, rows: int, retries: int, weights: str
) -> Sequence[Ledger]:
    compiled = constraint.compile(LETTERS)
    if driver == "masked":
        return masked(
            model,
            [],
            compiled,
            config(11, 5),
            rows=rows,
            max_retries=retries,
            restart_weights=weights,  # type: ignore[arg-type]
            dead_ends="keep",
        )
    return speculative(
        model,
        [],
        compiled,
        seed=11,
        max_tokens=5,
        rows=rows,
        max_retries=retries,
        restart_weights=weights,  # type: ignore[arg-type]
        dead_ends="keep",
    ).ledgers


@pytest.mark.parametrize("how", ["dead end", "length"])
@pytest.mark.parametrize("share", SHARES)
def test_weights_after_restarts_are_unbiased(share: float, how: str) -> None:
    model, constraint = trapped(share, how)
    gamma = enumerate_gamma(model, WORDS.__contains__, max_tokens=5)
    rows = (400 if share >= 0.2 else 120) * SCALE
    ledgers = drawn("masked", model, constraint, rows, RETRIES[share], "unbiased")
    assert worst(z_scores(pairs(ledgers), gamma)) < BOUND
    assert not any(x.conditional for x in ledgers)
    assert all(x.attempts <= RETRIES[share] + 1 for x in ledgers)
    # The other driver makes the same attempts.
    few = drawn("masked", model, constraint, 6, RETRIES[share], "unbiased")
    same = drawn("speculative", model, constraint, 6, RETRIES[share], "unbiased")
    assert [(x.tokens, x.attempts, x.finish_reason) for x in few] == [
        (x.tokens, x.attempts, x.finish_reason) for x in same
    ]
    for x, y in zip(few, same, strict=True):
        assert x.log_w == pytest.approx(y.log_w, abs=1e-5)


@pytest.mark.parametrize("share", SHARES)
def test_weights_given_completion_say_so(share: float) -> None:
    """``gamma / s`` given that a text came out; and the rule that this replaces fails."""
    model, constraint = trapped(share, "dead end")
    gamma = enumerate_gamma(model, WORDS.__contains__, max_tokens=5)
    rows = (600 if share >= 0.1 else 200) * SCALE
    ledgers = drawn("masked", model, constraint, rows, RETRIES[share], "completion")
    assert all(x.conditional for x in ledgers if x.log_w > -math.inf)
    found = [x for x in ledgers if x.log_w > -math.inf]
    given = {tokens: weight / share for tokens, weight in gamma.items()}
    assert worst(z_scores(pairs(found), given)) < BOUND
    if 0.05 <= share <= 0.5:
        # Trap: weights divided by the number of attempts.
        divided = [(x.tokens, math.exp(x.log_w) / x.attempts) for x in found]
        assert worst(z_scores(divided, gamma)) > BOUND


def test_sequences_that_cannot_fail_are_drawn_once() -> None:
    compiled = sg.regex("b(cd?)?").compile(LETTERS)
    model = TableModel(LETTERS, seed=4)
    for weights in ("completion", "unbiased"):
        ledgers = masked(model, [], compiled, config(1, 5), rows=50, restart_weights=weights)  # type: ignore[arg-type]
        assert all(x.attempts == 1 and not x.conditional for x in ledgers)


def test_what_never_completes_is_an_error_that_says_why() -> None:
    model, constraint = trapped(0.01, "dead end")
    compiled = constraint.compile(LETTERS)
    with pytest.raises(sg.DeadEnd, match="3 attempts"):
        masked(model, [], compiled, config(1, 5), max_retries=2)
    with pytest.raises(sg.DeadEnd, match="3 attempts"):
        speculative(model, [], compiled, seed=1, max_tokens=5, max_retries=2)
    model, constraint = trapped(0.01, "length")
    with pytest.raises(sg.TokenBudgetError, match="3 attempts"):
        masked(model, [], constraint.compile(LETTERS), config(1, 5), max_retries=2)
    with pytest.raises(ValueError, match="max_retries"):
        masked(model, [], compiled, config(1, 5), max_retries=-1)
    with pytest.raises(ValueError, match="restart_weights"):
        masked(model, [], compiled, config(1, 5), restart_weights="raj")  # type: ignore[arg-type]
