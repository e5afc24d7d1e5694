"""Quotations: any stretch of a given text.

The suffix automaton of a text (Blumer et al., "The smallest automaton recognizing the subwords of
a text", 1985) has at most two states per character and reads exactly its substrings. Each state
becomes a rule of a right-linear grammar.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from structgen._core import Limits, Program
from structgen.constraints.base import TextConstraint, shortened
from structgen.constraints.ir import GrammarIr, IrBuilder, LiteralTerminal
from structgen.constraints.pace import Pace
from structgen.errors import LimitExceeded
from structgen.misuse import answers_misuse, instance

MAX_TEXT: Final = 20_000
"""Characters of the quoted text; the automaton has up to twice as many states."""


@dataclass(slots=True)
class _State:
    length: int
    link: int
    next: dict[str, int] = field(default_factory=dict[str, int])


def _suffix_automaton(text: str) -> list[_State]:
    states = [_State(0, -1)]
    last = 0
    for char in text:
        new = len(states)
        states.append(_State(states[last].length + 1, 0))
        at = last
        while at >= 0 and char not in states[at].next:
            states[at].next[char] = new
            at = states[at].link
        if at >= 0:
            known = states[at].next[char]
            if states[at].length + 1 == states[known].length:
                states[new].link = known
            else:
                clone = len(states)
                twin = states[known]
                states.append(_State(states[at].length + 1, twin.link, twin.next.copy()))
                while at >= 0 and states[at].next.get(char) == known:
                    states[at].next[char] = clone
                    at = states[at].link
                states[known].link = states[new].link = clone
        last = new
    return states


@answers_misuse
def substring(text: str, *, limits: Limits | None = None) -> TextConstraint[str]:
    """Any stretch of `text`, the empty one included, cut between characters.

        sg.substring("to be or not").accepts("be or")  # True

    Args:
        limits: budgets of building it, and of its compilations if they name none.

    Raises:
        LimitExceeded: `text` has more than `MAX_TEXT` characters, or `limits` are reached.
        Cancelled: the token of `limits` was cancelled.
    """
    text = instance("text", text, str, "a str")
    if len(text) > MAX_TEXT:
        raise LimitExceeded(
            f"a substring constraint takes {MAX_TEXT} characters at most, not {len(text)}",
            name="max_substring_text",
            limit=MAX_TEXT,
        )
    pace = Pace(limits)
    with pace.watching():
        ir = _grammar(_suffix_automaton(text)).to_json()
    program = Program.grammar(ir, {}, limits=limits, spent_ms=int(pace.spent_ms))
    return TextConstraint(program, description=f"substring({shortened(text)!r})")


def _grammar(states: list[_State]) -> GrammarIr:
    builder = IrBuilder()
    for index, state in enumerate(states):
        builder.add(str(index), [])
        for char, target in state.next.items():
            terminal = builder.terminal(LiteralTerminal(name=repr(char), text=char))
            builder.add(str(index), [terminal, builder.rule(str(target))])
    return builder.build(start="0", ignore=[], programs={})
