"""Terminals of one grammar that can match the same text.

Such collisions are no error: the recogniser follows every reading. But they are where grammars
written for a lexer that picks one reading mean something else than their author thinks, so
``structgen check`` shows them, each with a text that both match. The core decides: it intersects
the two patterns exactly, with all of Python's syntax, and within limits, which a library that
builds whole automata does not have (``(a|b)*a(a|b){20}`` has a million states). The tests hold it
against `interegular`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from structgen._core import Program
from structgen.constraints.grammar import GrammarFormat, GrammarSource, load_ir, load_source
from structgen.constraints.ir import GrammarIr, LiteralTerminal, RegexTerminal, Terminal
from structgen.errors import EmptyLanguageError, LimitExceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Two terminals, by name, and a text that both match as a whole."""

    first: str
    second: str
    example: str


def collisions(
    source: str | Path | GrammarSource | GrammarIr,
    *,
    start: str | None = None,
    format: GrammarFormat | None = None,
    max_seconds: float = 5.0,
) -> list[Collision]:
    """The pairs of terminals of a grammar that can match the same text, with an example each.

    Terminals bound to other constraints (``%declare``) are left out, and so are pairs too large
    to decide within the core's limits. The search ends after about `max_seconds`; what was found
    until then is returned.

    Raises:
        GrammarSyntaxError: see `grammar`.
    """
    if isinstance(source, GrammarIr):
        ir = source
    else:
        loaded = source if isinstance(source, GrammarSource) else load_source(source, format)
        ir = load_ir(loaded, start=start)
    deadline = time.monotonic() + max_seconds
    return sorted(_found(ir, deadline), key=lambda found: (found.first, found.second))


@dataclass(frozen=True, slots=True)
class _Lexeme:
    """A terminal with its own program; `text` if it matches one text only."""

    name: str
    program: Program
    text: str | None


def _lexeme(name: str, terminal: Terminal) -> _Lexeme | None:
    if isinstance(terminal, LiteralTerminal) and not terminal.ignore_case:
        return _Lexeme(name, Program.choice([terminal.text]), terminal.text)
    if isinstance(terminal, LiteralTerminal):
        return _Lexeme(name, Program.regex(f"(?i:{re.escape(terminal.text)})"), None)
    if isinstance(terminal, RegexTerminal):
        return _Lexeme(name, Program.regex(terminal.as_pattern()), None)
    return None


def _found(ir: GrammarIr, deadline: float) -> Iterator[Collision]:
    lexemes: dict[str, _Lexeme] = {}
    for index, terminal in enumerate(ir.terminals):
        # Two anonymous terminals may share a name for people; keep them apart.
        name = terminal.name if terminal.name not in lexemes else f"{terminal.name} ({index})"
        try:
            lexeme = _lexeme(name, terminal)
        except EmptyLanguageError:
            continue  # a terminal that matches nothing collides with nothing
        if lexeme is not None:
            lexemes[name] = lexeme
    for first, second in combinations(lexemes.values(), 2):
        if time.monotonic() > deadline:
            return
        example = _common(first, second)
        if example is not None:
            yield Collision(first=first.name, second=second.name, example=example)


def _common(first: _Lexeme, second: _Lexeme) -> str | None:
    """A short text that both match, None if there is none or it is too hard to tell."""
    for one, other in ((first, second), (second, first)):
        if one.text is not None:
            return one.text if other.program.accepts(one.text.encode("utf-8")) else None
    try:
        both = Program.intersect([first.program, second.program])
        return both.sample(seed=0, max_bytes=1).decode("utf-8", "replace")
    except (EmptyLanguageError, LimitExceeded):
        return None
