"""Python functions as constraints, alone and joined with native ones."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import pytest

from structgen.constraints import Predicate, grammar, literal, predicate, regex
from structgen.constraints.conjunction import Conjunction, conjoin
from structgen.constraints.predicate import extend_text
from structgen.constraints.protocol import Compiled, Constraint, Matcher
from structgen.errors import UnsupportedFeatureError

from .vocabularies import END, byte_vocabulary, ids

EURO = "€".encode()


def allowed(matcher: Matcher) -> set[int]:
    mask = np.full((2, 10), -1, dtype=np.int32)
    matcher.fill_mask(mask, 1)
    assert (mask[0] == -1).all(), "the other rows are not ours"
    return bits(mask[1])


def bits(row: npt.NDArray[np.int32]) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


def even_as(text: str) -> bool:
    return set(text) <= {"a"} and len(text) <= 4


def test_prefix_semantics_and_completeness() -> None:
    constraint = predicate(even_as, complete=lambda text: len(text) % 2 == 0)
    matcher = constraint.compile(byte_vocabulary("aa", "ab", "aaaaa")).matcher()
    assert matcher.exactness == "probe"
    assert matcher.is_accepting()
    assert [matcher.allows(token) for token in (97, 98, 256, 257, 258, END, 301, 310, -1, 999)] == [
        True, False, True, False, False, True, False, False, False, False,
    ]  # fmt: skip
    assert matcher.advance(97)
    assert not matcher.is_accepting()
    assert not matcher.advance(END)
    assert matcher.validate([256, 97, END]) == 3
    assert matcher.validate([256, 256]) == 1
    assert matcher.tokens == [97]
    assert matcher.completion_tokens() is None
    assert matcher.advance(97)
    assert matcher.completion_tokens() == []
    assert matcher.advance(END)
    assert matcher.is_terminated()
    assert not matcher.allows(97)
    assert not matcher.advance(END)
    assert matcher.tokens == [97, 97, END]


def test_the_mask_is_an_upper_bound_with_exact_end_tokens() -> None:
    constraint = predicate(even_as, complete=lambda text: text == "aa")
    matcher = constraint.compile(byte_vocabulary("aa")).matcher()
    # Every token but single bytes that no character begins with.
    assert allowed(matcher) == {*range(0x80), *range(0xC2, 0xF5), 256}
    matcher.advance(256)
    assert allowed(matcher) == {*range(0x80), *range(0xC2, 0xF5), 256, END}
    matcher.advance(END)
    assert allowed(matcher) == set()


def test_rollback_and_fork() -> None:
    matcher = predicate(even_as).compile(byte_vocabulary("aa")).matcher()
    assert matcher.validate([97, 256, END]) == 3
    for token in (97, 256, END):
        assert matcher.advance(token)
    twin = matcher.fork()
    matcher.rollback(1)
    assert not matcher.is_terminated()
    assert twin.is_terminated()
    assert matcher.tokens == [97, 256]
    matcher.rollback(2)
    assert matcher.tokens == []
    assert matcher.validate([256, 256]) == 2
    twin.rollback(3)
    assert twin.tokens == []
    matcher.rollback(0)
    with pytest.raises(ValueError, match="cannot take back 1 tokens of 0"):
        matcher.rollback(1)


def test_characters_split_over_tokens() -> None:
    seen: list[str] = []

    def fn(text: str) -> bool:
        seen.append(text)
        return "x" not in text and len(text) <= 2

    matcher = predicate(fn).compile(byte_vocabulary("€", EURO[1:] + EURO)).matcher()
    assert matcher.advance(EURO[0])
    assert not matcher.is_accepting(), "half a character is no text"
    assert not matcher.allows(END)
    assert not matcher.allows(ord("a")), "no character goes on like this"
    assert not matcher.allows(0xFF)
    assert matcher.allows(257)
    assert matcher.advance(EURO[1])
    assert matcher.advance(EURO[2])
    assert matcher.is_accepting()
    assert seen[-1] == "€"
    matcher.rollback(2)
    assert matcher.validate([257, ord("a")]) == 1, "three characters are too many"
    matcher.rollback(1)
    assert matcher.is_accepting()
    assert all(isinstance(text, str) and "\ufffd" not in text for text in seen)


@pytest.mark.parametrize(
    ("pending", "more", "expected"),
    [
        (b"", b"a", ("a", b"")),
        (b"", b"\xe2", ("", b"\xe2")),
        (b"\xe2", b"\x82", ("", b"\xe2\x82")),
        (b"\xe2\x82", b"\xacx\xf0\x9f", ("€x", b"\xf0\x9f")),
        (b"", b"\x80", None),
        (b"", b"\xff", None),
        (b"", b"\xc0", None),
        (b"", b"\xc1", None),
        (b"", b"\xf5", None),
        (b"\xe0", b"\x80", None),
        (b"\xed", b"\xa0", None),
        (b"\xf4", b"\x90", None),
        (b"\xf0", b"\x8f", None),
        (b"\xe2\x82", b"a", None),
    ],
)
def test_extend_text(pending: bytes, more: bytes, expected: tuple[str, bytes] | None) -> None:
    assert extend_text(pending, more) == expected


def test_extend_text_agrees_with_decoding_at_once() -> None:
    rng = random.Random(5)
    for _ in range(300):
        text = "".join(rng.choice("aé€😀\x00\u07ff\ud7ff\U0010ffff") for _ in range(5))
        data, pending, out = text.encode(), b"", ""
        while data:
            cut = rng.randint(1, 4)
            step = extend_text(pending, data[:cut])
            assert step is not None
            out, pending, data = out + step[0], step[1], data[cut:]
        assert (out, pending) == (text, b"")


def test_on_tokens() -> None:
    def fn(tokens: tuple[int, ...]) -> bool:
        return list(tokens) == sorted(tokens)

    constraint = predicate(fn, on="tokens", complete=lambda tokens: len(tokens) == 3)
    matcher = constraint.compile(byte_vocabulary()).matcher()
    assert matcher.validate([97, 98, 98, END]) == 4
    assert matcher.validate([97, 98, 97]) == 2
    assert matcher.validate([97, 98, END]) == 2
    assert not matcher.allows(301), "special tokens are no text"
    with pytest.raises(ValueError, match='"text", "bytes" or "tokens"'):
        predicate(fn, on="words")  # type: ignore[arg-type]


def test_verdicts_are_remembered_across_matchers() -> None:
    calls: list[str] = []

    def fn(text: str) -> bool:
        calls.append(text)
        return True

    compiled = predicate(fn).compile(byte_vocabulary())
    for _ in range(3):
        matcher = compiled.matcher()
        matcher.allows(97)
        matcher.fork().allows(97)
        matcher.advance(97)
    assert calls == ["a"]


def test_exceptions_reach_the_caller_with_a_note() -> None:
    def fn(text: str) -> bool:
        raise KeyError(text)

    matcher = predicate(fn).compile(byte_vocabulary()).matcher()
    with pytest.raises(KeyError) as caught:
        matcher.allows(97)
    assert "fn" in caught.value.__notes__[0]
    assert "'a'" in caught.value.__notes__[0]


def no_double_comma(text: str) -> bool:
    return ",," not in text


def test_native_and_predicate() -> None:
    both = regex("[a,]{3}") & predicate(no_double_comma)
    assert isinstance(both, Conjunction)
    compiled = both.compile(byte_vocabulary(",,", "a,"))
    matcher = compiled.matcher()
    assert compiled.exactness == matcher.exactness == "probe"
    # The mask is the native one; `allows` knows more.
    assert allowed(matcher) == {ord("a"), ord(","), 256, 257}
    assert not matcher.allows(256)
    assert not matcher.advance(256)
    assert matcher.tokens == []
    assert matcher.advance(257)
    assert not matcher.allows(ord(","))
    assert matcher.completion_tokens() in ([ord("a")], None)
    assert matcher.advance(ord("a"))
    assert matcher.is_accepting()
    assert allowed(matcher) == {END}
    assert matcher.advance(END)
    assert matcher.is_terminated()
    assert allowed(matcher) == set()
    matcher.rollback(2)
    assert matcher.tokens == [257]
    assert matcher.validate([ord("a"), END]) == 2
    assert matcher.validate([ord(","), END]) == 0
    twin = matcher.fork()
    assert twin.advance(ord("a"))
    assert matcher.tokens == [257]


def test_end_tokens_need_every_part() -> None:
    never = predicate(lambda text: True, complete=lambda text: False)
    matcher = (regex("a*") & never).compile(byte_vocabulary()).matcher()
    assert allowed(matcher) == {ord("a")}
    assert not matcher.is_accepting()
    assert not matcher.advance(END)


def test_natives_merge_and_predicates_stay_beside_them() -> None:
    p, q = predicate(no_double_comma), predicate(lambda text: len(text) < 9)
    both = regex("[a,]*") & p & regex(".{2,}") & q
    assert isinstance(both, Conjunction)
    assert len(both.parts()) == 3
    assert isinstance(p & q, Conjunction)
    assert isinstance(p & regex("a"), Conjunction)
    assert isinstance(p & (q & regex("a")), Conjunction)
    assert len(conjoin([p, q, literal("a"), literal("a")]).parts()) == 3  # pyright: ignore


def test_a_completion_is_given_only_if_all_accept_it() -> None:
    word = regex("abc|abd")
    liking = (word & predicate("abd".startswith)).compile(byte_vocabulary())
    matcher = liking.matcher()
    completion = matcher.completion_tokens()
    assert completion is None or bytes(completion) == b"abd"
    open_minded = (word & predicate(lambda text: True)).compile(byte_vocabulary()).matcher()
    completion = open_minded.completion_tokens()
    assert completion is not None
    assert open_minded.validate([*completion, END]) == len(completion) + 1


def test_a_raising_part_leaves_all_parts_in_step() -> None:
    def fn(text: str) -> bool:
        if text == "ab":
            raise RuntimeError("no")
        return True

    matcher = (regex("[ab]*") & predicate(fn)).compile(byte_vocabulary()).matcher()
    assert matcher.advance(97)
    with pytest.raises(RuntimeError):
        matcher.advance(98)
    assert matcher.tokens == [97]
    assert matcher.validate([97, 98]) == 2


def test_forced_text_is_what_the_native_part_forces() -> None:
    matcher = (literal("hello") & predicate(lambda text: True)).compile(byte_vocabulary()).matcher()
    assert matcher.forced_text() == "hello"


def test_random_walks_stay_inside_both() -> None:
    def balanced(text: str) -> bool:
        return text.count("[") + text.count("{") <= 3

    constraint = grammar("json") & predicate(balanced)
    vocabulary = byte_vocabulary('":', "[[", "true", "],", '"a"')
    compiled = constraint.compile(vocabulary)
    native = grammar("json")
    finished = 0
    for seed in range(30):
        rng = random.Random(seed)
        matcher = compiled.matcher()
        for _ in range(60):
            candidates = [token for token in allowed(matcher) if matcher.allows(token)]
            if END in candidates and rng.random() < 0.5:
                candidates = [END]
            if not candidates or not matcher.advance(rng.choice(candidates)):
                break
            if matcher.is_terminated():
                text = vocabulary.decode(matcher.tokens[:-1])
                assert native.accepts(text)
                assert balanced(text.decode())
                finished += 1
                break
    assert finished > 5


def test_predicates_are_no_parts_of_unions() -> None:
    p = predicate(no_double_comma)
    with pytest.raises(UnsupportedFeatureError, match="cannot be part of a union"):
        literal("a") | p  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]
    with pytest.raises(UnsupportedFeatureError, match="cannot be part of a sequence"):
        literal("a") + p  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]


def test_protocols() -> None:
    for constraint in (predicate(even_as), regex("a*") & predicate(even_as)):
        assert isinstance(constraint, Constraint)
        compiled = constraint.compile(byte_vocabulary())
        assert isinstance(compiled, Compiled)
        assert isinstance(compiled.matcher(), Matcher)
    assert isinstance(predicate(even_as), Predicate)
    assert "even_as" in repr(predicate(even_as))
    assert ids("a") == [97]
