"""Constraints, and what they are compiled to, in pickles and copies: the same masks elsewhere."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from structgen._core import Automaton, CancelToken, Limits, Matcher, Vocabulary
from structgen.constraints import (
    TextConstraint,
    choice,
    grammar,
    json_schema,
    literal,
    predicate,
    regex,
    special_token,
)
from structgen.constraints.conjunction import Conjunction
from structgen.constraints.protocol import Constraint
from structgen.constraints.protocol import Matcher as AnyMatcher
from structgen.errors import (
    LimitExceeded,
    MissingExtraError,
    NotPicklableError,
    SchemaError,
    StructgenError,
)

from .vocabularies import END, byte_vocabulary, ids

VOCABULARY = byte_vocabulary('":', '", "', "true", '{"', "ab", "abc", "2026-", "\u00e9", b"\xc3")

CONSTRAINTS: dict[str, TextConstraint] = {
    "schema": json_schema(
        {
            "type": "object",
            "properties": {"ab": {"type": "string", "maxLength": 3}, "é": {"enum": [1, None]}},
            "required": ["ab"],
        },
        whitespace=None,
        property_order="any",
    ),
    "schema with a registry": json_schema(
        {"$ref": "urn:x"}, registry={"urn:x": {"type": "array", "items": {"const": "ab"}}}
    ),
    "pattern": regex("(?i)ab+c|[0-9]{4}-", dialect="python"),
    "ecma": regex(r"\u00e9?[^\d]ab", dialect="ecma"),
    "choice": choice(["ab", "abc", "é", ""]),
    "special": literal("ab") + special_token("<|call|>") + "c",
    "grammar": grammar('start: "a" start "b" | "c"'),
    "terminals": grammar(
        'start: A "," B | B\n%declare A B',
        terminals={"A": json_schema({"type": "array"}), "B": regex("[ab]{1,3}")},
    ),
    "algebra": ((regex("[a-c]*") & regex(".*b.*")) | "true").repeat(1, 3) + literal("2026-"),
    "product": grammar('start: "a" start "b" |') & json_schema({"type": "string"}) | "ab",
    "limits": regex("a{3}", limits=Limits(max_states=99, mask_ms=7)),
}


def walked(matcher: AnyMatcher, seed: int) -> list[bytes]:
    """Masks along a text that the masks themselves spell."""
    generator = np.random.default_rng(seed)
    mask = np.empty((1, matcher.vocabulary.mask_words), dtype=np.int32)
    masks: list[bytes] = []
    for _ in range(25):
        matcher.fill_mask(mask, 0)
        masks.append(mask.tobytes())
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
        if not len(allowed) or matcher.is_terminated():
            break
        matcher.advance(int(generator.choice(allowed)))
    return masks


def pickled(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


def unpickled_automaton(automaton: Automaton) -> Automaton:
    twin = pickled(automaton)
    assert isinstance(twin, Automaton)
    assert twin is not automaton
    return twin


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_unpickled_constraints_have_the_same_masks(name: str):
    constraint = CONSTRAINTS[name]
    twin = pickled(constraint)
    assert isinstance(twin, TextConstraint)
    assert twin is not constraint
    assert repr(twin) == repr(constraint)
    assert twin.exactness == constraint.exactness
    assert twin.report == constraint.report
    assert twin.program.limits == constraint.program.limits
    automaton = constraint.compile(VOCABULARY)
    again = unpickled_automaton(automaton)
    for seed in range(6):
        expected = walked(automaton.matcher(), seed)
        assert walked(twin.compile(VOCABULARY).matcher(), seed) == expected
        assert walked(again.matcher(), seed) == expected


ROOT = Path(__file__).resolve().parents[2]

# At the end of the path: an installed structgen is found first.
ELSEWHERE = """
import pickle, sys
sys.path.append(sys.argv[1])
from tests.constraints.test_pickling import walked
automata = pickle.load(sys.stdin.buffer)
masks = {name: [walked(a.matcher(), seed) for seed in range(6)] for name, a in automata.items()}
pickle.dump(masks, sys.stdout.buffer)
"""


def test_a_process_of_its_own_has_the_same_masks():
    automata = {name: c.compile(VOCABULARY) for name, c in CONSTRAINTS.items()}
    done = subprocess.run(
        [sys.executable, "-P", "-c", ELSEWHERE, str(ROOT)],
        input=pickle.dumps(automata),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    for name, masks in cast("dict[str, list[list[bytes]]]", pickle.loads(done.stdout)).items():
        expected = [walked(automata[name].matcher(), seed) for seed in range(6)]
        assert masks == expected, name


def test_every_protocol_will_do():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(CONSTRAINTS["schema"].compile(VOCABULARY), protocol)
        assert isinstance(pickle.loads(data), Automaton)


def test_pickled_automata_share_one_vocabulary():
    constraint = CONSTRAINTS["schema"]
    alone = [pickle.dumps(regex(f"a{{{n}}}").compile(VOCABULARY)) for n in range(1, 9)]
    assert len({pickle.loads(data).vocabulary.fingerprint for data in alone}) == 1
    # What one of them learns about lexemes is there for all.
    first, second = (unpickled_automaton(constraint.compile(VOCABULARY)) for _ in range(2))
    known = second.stats()["lexical_entries"]
    walked(unpickled_automaton(regex("[^x]{3}é*").compile(VOCABULARY)).matcher(), 0)
    assert second.stats()["lexical_entries"] > known
    assert first.stats()["lexical_entries"] == second.stats()["lexical_entries"]


def test_threads_unpickle_one_vocabulary():
    tokens = [bytes([byte]) for byte in range(256)]
    data = pickle.dumps(Vocabulary([*tokens, b"thread"], eos_token_ids=[7]))
    barrier = threading.Barrier(8)
    found: list[Vocabulary] = []

    def work() -> None:
        barrier.wait()
        found.append(cast(Vocabulary, pickle.loads(data)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    automata = [regex("[^x]{3}é*").compile(vocabulary) for vocabulary in found]
    walked(automata[0].matcher(), 0)
    counts = {automaton.stats()["lexical_entries"] for automaton in automata}
    assert len(automata) == 8
    assert len(counts) == 1
    assert counts.pop() > 0


def test_deep_and_shared_programs_are_pickled():
    deep = literal("a")
    for _ in range(150):
        deep = deep + "b"
    twin = pickled(deep)
    assert isinstance(twin, TextConstraint)
    assert twin.accepts("a" + "b" * 150)
    # Each doubles the one before; its parts are written once.
    double = regex("ab?")
    for _ in range(10):
        double = (double + double) | double
    assert len(pickle.dumps(double)) < 4000


def test_limits_are_pickled_but_not_their_token():
    limits = Limits(compile_ms=11, max_exprs=12_000, max_depth=7)
    assert pickled(limits) == limits
    token = CancelToken()
    held = Limits(cancel=token)
    for value in (token, held, regex("a", limits=held), regex("a").compile(VOCABULARY, held)):
        with pytest.raises(NotPicklableError) as caught:
            pickle.dumps(value)
        assert isinstance(caught.value, TypeError)
        assert "cancel" in str(caught.value).lower()
    assert copy.copy(token) is token
    assert copy.deepcopy(token) is token
    assert copy.deepcopy(held).cancel == token


def test_a_matcher_is_pickled_with_its_tokens():
    matcher = CONSTRAINTS["schema"].compile(VOCABULARY).matcher()
    for token in ids('{"ab":"'):
        assert matcher.advance(token)
    twin = cast(Matcher, pickled(matcher))
    assert twin.tokens == matcher.tokens
    assert walked(twin.fork(), 1) == walked(matcher.fork(), 1)
    twin.rollback(3)
    assert twin.tokens == matcher.tokens[:-3]
    for token in [*ids('a"}'), END]:
        assert matcher.advance(token)
    assert cast(Matcher, pickled(matcher)).is_terminated()


def test_text_that_was_read_is_not_lost_silently():
    matcher = CONSTRAINTS["schema"].compile(VOCABULARY).matcher()
    assert matcher.advance_text(b"") == 0
    assert matcher.advance_text(b"nonsense") == 0
    pickle.dumps(matcher)
    matcher.advance_text(b'{"ab"')
    for other in (matcher, matcher.fork(), copy.copy(matcher)):
        with pytest.raises(NotPicklableError, match="advance_text"):
            pickle.dumps(other)
    assert walked(copy.deepcopy(matcher), 2) == walked(matcher.fork(), 2)
    matcher.reset()
    assert cast(Matcher, pickled(matcher)).tokens == []


def test_copies_of_what_cannot_change_are_the_same():
    constraint = CONSTRAINTS["algebra"]
    automaton = constraint.compile(VOCABULARY)
    for value in (VOCABULARY, Limits(), constraint, constraint.program, automaton):
        assert copy.copy(value) is value
        assert copy.deepcopy([value])[0] is value


def test_copies_of_matchers_go_their_own_way():
    both = CONSTRAINTS["pattern"] & predicate(is_short)
    for constraint in (CONSTRAINTS["pattern"], predicate(is_short), both):
        matcher = constraint.compile(VOCABULARY).matcher()
        matcher.advance(ord("a"))
        for twin in (copy.copy(matcher), copy.deepcopy(matcher), pickled(matcher)):
            twin = cast(AnyMatcher, twin)
            assert twin.advance(ord("b"))
            assert twin.tokens == ids("ab")
            assert matcher.tokens == ids("a")


def is_short(text: str) -> bool:
    return len(text) <= 4


def ends_in_c(text: str) -> bool:
    return text.endswith("c")


@pytest.mark.parametrize(
    "constraint",
    [
        predicate(is_short),
        predicate(is_short, complete=ends_in_c),
        CONSTRAINTS["grammar"] & predicate(is_short, complete=ends_in_c),
    ],
)
def test_predicates_and_conjunctions_are_pickled(constraint: Constraint):
    compiled = constraint.compile(VOCABULARY)
    matcher = compiled.matcher()
    matcher.advance(ord("a"))
    for twin in (pickled(constraint), pickled(compiled)):
        if isinstance(twin, Constraint):
            twin = twin.compile(VOCABULARY)
        other = cast(AnyMatcher, twin.matcher())  # type: ignore[attr-defined]
        other.advance(ord("a"))
        assert other.exactness == matcher.exactness == "probe"
        for token in range(VOCABULARY.size):
            assert other.allows(token) == matcher.allows(token)
    twin = cast(AnyMatcher, pickled(matcher))
    assert [twin.allows(t) for t in range(302)] == [matcher.allows(t) for t in range(302)]
    # A half character is held back in the copy as well.
    half = constraint.compile(VOCABULARY).matcher()
    if half.advance(VOCABULARY.longest_match(b"\xc3")[0]):
        twin = cast(AnyMatcher, pickled(half))
        assert twin.advance(0xA9)
        assert not twin.is_terminated()
        twin.rollback(2)
        assert twin.tokens == []


def test_a_conjunction_keeps_its_parts():
    constraint = CONSTRAINTS["grammar"] & predicate(is_short)
    twin = pickled(constraint)
    assert isinstance(twin, Conjunction)
    assert len(twin.parts()) == 2


def test_lambdas_are_pythons_to_refuse():
    function: Callable[[str], bool] = lambda text: True  # noqa: E731
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(predicate(function))


@pytest.mark.parametrize(
    "error",
    [
        LimitExceeded("too much", name="max_states", limit=7, hint="raise it"),
        MissingExtraError("torch", extra="transformers"),
        SchemaError("wrong", pointer="/a", keyword="type"),
        NotPicklableError("no"),
    ],
)
def test_errors_reach_the_process_that_waits(error: StructgenError):
    twin = pickled(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(cast(StructgenError, twin)) == vars(error)
