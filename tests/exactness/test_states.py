"""States are plain numbers: one that was never handed out is refused, not a crash."""

from __future__ import annotations

import pytest

import structgen as sg

NESTED = sg.grammar('start: "a" start "b" | "b"')
CONSTRAINTS = [sg.regex("a*b"), NESTED, NESTED & sg.regex("a*b*"), sg.json_schema(True)]


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=str)
def test_invented_states_are_refused(constraint: sg.TextConstraint) -> None:
    tokens = [bytes([b]) for b in range(256)]
    automaton = constraint.compile(sg.Vocabulary([*tokens, None], eos_token_ids=[256]))
    assert isinstance(automaton, sg.Automaton)
    automaton.mask(automaton.start)
    for state in (automaton.stats()["states"] + 1000, 10**6, 2**32 - 2):
        for ask in (automaton.mask, automaton.accepts, automaton.forced, automaton.completion):
            with pytest.raises(ValueError, match="not a state"):
                ask(state)
        with pytest.raises(ValueError, match="not a state"):
            automaton.advance(state, 0)
    # Every number up to one that was handed out is a state.
    handed_out = max(automaton.advance(automaton.start, b) for b in b'ab{"')
    for state in range(handed_out + 1):
        automaton.mask(state)
