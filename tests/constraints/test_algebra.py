"""The algebra of native constraints, against the sets that it stands for."""

from __future__ import annotations

import itertools
import random
import threading
import time

import numpy as np
import pytest

from structgen._core import CancelToken, Limits
from structgen.constraints import (
    TextConstraint,
    choice,
    grammar,
    literal,
    regex,
    sequence,
    special_token,
    substring,
    union,
)
from structgen.constraints.protocol import Compiled, Constraint, Matcher
from structgen.errors import (
    Cancelled,
    ConstraintError,
    EmptyLanguageError,
    LimitExceeded,
    OptionTypeError,
    StructgenError,
)

from .vocabularies import END, byte_vocabulary, ids

WORDS = ["".join(w) for n in range(6) for w in itertools.product("ab", repeat=n)]


def language(constraint: object) -> set[str]:
    assert isinstance(constraint, TextConstraint)
    return {word for word in WORDS if constraint.accepts(word)}


PARTS = {
    "star": regex("(?:ab)*"),
    "length": regex("[ab]{2,3}"),
    "choice": choice(["a", "b", "ab", "abab"]),
    "nested": grammar('start: "a" start "b" |'),
    "empty-text": literal(""),
}
PAIRS = list(itertools.product(PARTS, PARTS))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_union_and_sequence(one: str, other: str) -> None:
    first, second = PARTS[one], PARTS[other]
    assert language(first | second) == language(first) | language(second)
    joined = {x + y for x in language(first) for y in language(second)}
    assert language(first + second) == joined & set(WORDS)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_intersection(one: str, other: str) -> None:
    first, second = PARTS[one], PARTS[other]
    expected = language(first) & language(second)
    try:
        both = first & second
    except EmptyLanguageError:
        assert not expected
    else:
        assert language(both) == expected


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(("low", "high"), [(0, None), (1, None), (0, 1), (2, 3), (2, 2)])
def test_repeat(name: str, low: int, high: int | None) -> None:
    part = language(PARTS[name])
    expected, current = set[str](), {""}
    for count in range(6 if high is None else high + 1):
        if count >= low:
            expected |= current
        current = {x + y for x in current for y in part if len(x + y) <= 5}
        if high is None and count >= low:
            expected |= current
    assert language(PARTS[name].repeat(low, high)) == expected


def test_optional_and_texts_as_parts() -> None:
    assert language(literal("ab").optional()) == {"", "ab"}
    assert language("a" + choice(["a", "b"]) + "b") == {"aab", "abb"}
    assert language("a" | literal("b")) == {"a", "b"}
    assert language(sequence()) == {""}
    assert language(sequence("a", "b", PARTS["choice"])) == {"aba", "abb", "abab"}
    assert language(union("a", "b", "ab")) == {"a", "b", "ab"}
    assert language(regex("[ab]+") & "ab") == {"ab"}


def test_wrong_operands_are_refused() -> None:
    with pytest.raises(TypeError, match="needs constraints or texts, not int"):
        literal("a") + 1  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    with pytest.raises(TypeError, match="a constraint is needed, not int"):
        literal("a") & 1  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    with pytest.raises(ConstraintError, match="cannot repeat from 3 to 2"):
        literal("a").repeat(3, 2)
    with pytest.raises(ConstraintError, match="cannot repeat"):
        literal("a").repeat(-1)
    with pytest.raises(ConstraintError, match="at least one part"):
        union()


def test_choice() -> None:
    assert language(choice(word for word in ("a", "a", ""))) == {"a", ""}
    many = [f"option {n}" for n in range(5000)]
    constraint = choice(many)
    assert all(constraint.accepts(option) for option in many[::97])
    assert not constraint.accepts("option 5000")
    with pytest.raises(EmptyLanguageError):
        choice([])
    with pytest.raises(ConstraintError, match="not one str"):
        choice("ab")
    with pytest.raises(ConstraintError, match="must be a str, not int"):
        choice(["a", 1])  # pyright: ignore[reportArgumentType]


def test_special_tokens_are_no_text() -> None:
    constraint = "a" + special_token("<|call|>") + "b"
    matcher = constraint.compile(byte_vocabulary("<|call|>")).matcher()
    assert matcher.validate([ord("a"), 301, ord("b"), END]) == 4
    assert matcher.validate([ord("a"), 256]) == 1
    assert matcher.validate(ids("a<")) == 1
    assert not constraint.accepts("a<|call|>b")
    assert regex("a.*b").compile(byte_vocabulary()).matcher().validate([97, 301]) == 1


def test_substring_keeps_to_its_limits() -> None:
    """Most of the work is done in Python, before the core sees a grammar."""
    text = "".join(random.Random(1).choice("ab") for _ in range(10_000))
    begun = time.process_time()
    with pytest.raises(LimitExceeded, match="compile_ms"):
        substring(text, limits=Limits(compile_ms=20))
    assert time.process_time() - begun < 0.15
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        substring(text, limits=Limits(cancel=cancel))
    assert substring("abc", limits=Limits(compile_ms=1000)).accepts("bc")
    with pytest.raises(OptionTypeError, match="a str"):
        substring(7)  # type: ignore[arg-type]


def test_substring_is_every_stretch_and_nothing_else() -> None:
    text = "to be or not to be: être"
    stretches = {text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)}
    constraint = substring(text)
    assert all(constraint.accepts(stretch) for stretch in stretches)
    for stretch in stretches:
        for wrong in (stretch + "x", stretch[1:] + " ", stretch[::-1], stretch + stretch):
            assert constraint.accepts(wrong) == (wrong in stretches)
    assert not constraint.accepts("ê".encode()[:1])
    with pytest.raises(LimitExceeded):
        substring("a" * 20_001)


def test_bytes_and_lone_surrogates() -> None:
    assert regex(".").accepts("é".encode())
    assert not regex(".").accepts("é".encode()[:1])
    assert not regex(".").accepts("\ud800")
    assert regex("é+").live_prefix("éx") == 2


def test_compile_keeps_a_few_automata() -> None:
    constraint, vocabulary = regex("a+"), byte_vocabulary()
    first = constraint.compile(vocabulary)
    assert constraint.compile(vocabulary) is first
    assert constraint.compile(byte_vocabulary()) is first  # the same tokens, another object
    assert constraint.compile(vocabulary, Limits(max_states=1000)) is not first
    for word in ("b", "c", "d", "e"):
        constraint.compile(byte_vocabulary(word))
    assert constraint.compile(vocabulary) is not first


def test_compile_from_many_threads_gives_one_automaton() -> None:
    constraint, vocabulary = grammar("json"), byte_vocabulary()
    barrier, found = threading.Barrier(8), list[object]()

    def run() -> None:
        barrier.wait()
        found.append(constraint.compile(vocabulary))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(automaton) for automaton in found}) == 1


def test_samples_are_reproducible_members() -> None:
    constraint = grammar("s_expression")
    assert constraint.sample(3) == constraint.sample(3)
    assert len({constraint.sample(seed) for seed in range(20)}) > 5


def test_protocols() -> None:
    constraint = regex("ab")
    compiled = constraint.compile(byte_vocabulary())
    assert isinstance(constraint, Constraint)
    assert isinstance(compiled, Compiled)
    assert isinstance(compiled.matcher(), Matcher)
    assert constraint.exactness == compiled.exactness == "exact"
    assert constraint.report == []


def test_intersection_is_exact_where_masks_alone_are_not() -> None:
    # Both continue with `x` or `y`, but agree on no text that begins with `x`.
    both = choice(["xa", "y"]) & choice(["xb", "y"])
    assert isinstance(both, TextConstraint)
    mask = np.zeros((1, 10), dtype=np.int32)
    both.compile(byte_vocabulary()).matcher().fill_mask(mask)
    allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
    assert allowed.tolist() == [ord("y")]


def test_repr_is_short_and_tells_the_parts() -> None:
    constraint = regex("a" * 500) + choice(["b"])
    assert repr(constraint).startswith("<TextConstraint regex('aaa")
    assert len(repr(constraint)) < 100


def test_errors_are_ours() -> None:
    with pytest.raises(StructgenError):
        regex("(")
