"""Tokens to the end: the plan is valid, the bound holds, both against a search without shortcuts."""

from __future__ import annotations

import random

import pytest

import structgen as sg

WORDS = ['"', '":', '{"', '"}', '","', "}}", "]}", "ab", "[[", "]]", "], ", "true", "10", '"a"']
TOKENS = [bytes([b]) for b in sorted(set(b'abc{}[]":, -0123456789truefalsn'))]
VOCABULARY = sg.Vocabulary(
    [*TOKENS, *(word.encode() for word in WORDS), None],
    eos_token_ids=[len(TOKENS) + len(WORDS)],
)
COUNT = len(TOKENS) + len(WORDS)

CONSTRAINTS = {
    "record": sg.json_schema(
        {"type": "object", "properties": {"a": {"enum": ["ab", 10]}}, "required": ["a"]}
    ),
    "lists": sg.json_schema(
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "minItems": 1}, {"const": True}]}
    ),
    "one of": sg.json_schema(
        {"oneOf": [{"type": "array", "minItems": 2, "items": {"const": 1}}, {"enum": ["abab", 1]}]},
        whitespace="compact",
    ),
    "regex": sg.regex(r"(ab)*c(10|true){2,3}"),
    "grammar": sg.grammar('start: "[" start? "]" | "ab" "c"', format="lark"),
}


def truth(automaton: sg.Automaton, state: int, most: int) -> int:
    """The fewest tokens to the end, up to `most`."""
    level, known = [state], {state}
    for depth in range(most):
        if any(automaton.accepts(at) for at in level):
            return depth
        fresh: list[int] = []
        for at in level:
            for token in range(COUNT):
                after = automaton.advance(at, token)
                if after and after not in known:
                    known.add(after)
                    fresh.append(after)
        level = fresh
    return most


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_plan_and_bound(name: str) -> None:
    automaton = CONSTRAINTS[name].compile(VOCABULARY)
    rng = random.Random(name)
    exact = asked = 0
    for _ in range(12):
        matcher = automaton.matcher()
        for _ in range(rng.randrange(12)):
            tokens = [token for token in range(COUNT) if matcher.allows(token)]
            if not tokens or not matcher.advance(rng.choice(tokens)):
                break
        plan = matcher.fork().completion_tokens()
        assert plan is not None
        follower = matcher.fork()
        for token in plan:
            assert follower.advance(token)
        assert follower.is_accepting()
        needed = truth(automaton, matcher.state, 5)
        lowest = 0
        for effort in (0, 10, 300, 1_000_000):
            searcher = matcher.fork()
            bound = searcher.min_tokens_left(effort=effort)
            assert lowest <= bound
            lowest = bound
            assert needed == 5 or bound <= needed
            assert bound <= len(plan)
            assert (bound == 0) == matcher.is_accepting()
            better = searcher.completion_tokens()
            assert better is not None
            assert bound <= len(better) <= len(plan)
        if needed < 5:
            asked += 1
            exact += lowest == needed
    assert asked > 3
    assert exact == asked  # with enough effort
