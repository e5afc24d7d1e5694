"""Terminals of one grammar that can match the same text.

Such collisions are no error: the recogniser follows every reading. But they are where grammars
written for a lexer that picks one reading mean something else than their author thinks, so
``structgen check`` shows them, each with a text that both match. Found with `interegular`
(Python regular expressions as finite automata); pairs that it cannot read are left to the
compiled core, which intersects them exactly.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from structgen._core import Program
from structgen.constraints.grammar import GrammarFormat, GrammarSource, load_ir, load_source
from structgen.constraints.ir import GrammarIr, LiteralTerminal, RegexTerminal
from structgen.errors import MissingExtraError, StructgenError


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

    Terminals bound to other constraints (``%declare``) are left out. The search ends after about
    `max_seconds`; what was found until then is returned.

    Raises:
        MissingExtraError: `interegular` is not installed.
        GrammarSyntaxError: see `grammar`.
    """
    if isinstance(source, GrammarIr):
        ir = source
    else:
        loaded = source if isinstance(source, GrammarSource) else load_source(source, format)
        ir = load_ir(loaded, start=start)
    patterns: dict[str, str] = {}
    for index, terminal in enumerate(ir.terminals):
        # Two anonymous terminals may share a name for people; keep them apart.
        name = terminal.name if terminal.name not in patterns else f"{terminal.name} ({index})"
        if isinstance(terminal, LiteralTerminal):
            escaped = re.escape(terminal.text)
            patterns[name] = f"(?i:{escaped})" if terminal.ignore_case else escaped
        elif isinstance(terminal, RegexTerminal):
            patterns[name] = terminal.as_pattern()
    deadline = time.monotonic() + max_seconds
    return sorted(_found(patterns, deadline), key=lambda found: (found.first, found.second))


def _found(patterns: dict[str, str], deadline: float) -> Iterator[Collision]:
    automata = {name: _automaton(pattern) for name, pattern in patterns.items()}
    for first, second in combinations(patterns, 2):
        if time.monotonic() > deadline:
            return
        one, other = automata[first], automata[second]
        if one is not None and other is not None:
            example = _common(one, other)
        else:
            example = _common_in_core(patterns[first], patterns[second])
        if example is not None:
            yield Collision(first=first, second=second, example=example)


_LARGE_COUNT = re.compile(r"\{[0-9,]*[0-9]{3,}")
_LONG_PATTERN = 2_000


def _automaton(pattern: str) -> Any | None:
    """The pattern as `interegular` sees it, None where it cannot.

    It builds whole automata, without a limit on their size: long patterns and large counts are
    left to the core, which has one.
    """
    try:
        import interegular
    except ImportError:
        raise MissingExtraError("interegular", extra="cli") from None
    try:
        if len(pattern) > _LONG_PATTERN or _LARGE_COUNT.search(pattern):
            return None
        parsed: Any = interegular.parse_pattern(pattern)
        return parsed.to_fsm()
    # interegular raises its own errors, NotImplementedError, KeyError and others on syntax that
    # it does not know; whatever it is, the core is asked instead.
    except Exception:
        return None


def _common(one: Any, other: Any) -> str | None:
    """A shortest text in both automata, with readable characters where there is a choice."""
    both = one & other
    if both.empty():
        return None
    for word in both.strings():
        return "".join(_readable(both, symbol) for symbol in word)
    return None


def _readable(automaton: Any, symbol: object) -> str:
    """`interegular` words are made of characters, or of a mark for all unnamed ones."""
    if isinstance(symbol, str):
        return symbol
    named = set(automaton.alphabet)
    return next((char for char in "xyzabc012_-?" if char not in named), "\N{BULLET}")


def _common_in_core(first: str, second: str) -> str | None:
    try:
        both = Program.intersect([Program.regex(first), Program.regex(second)])
        return both.sample(seed=0, max_bytes=40).decode("utf-8", "replace")
    except StructgenError:
        # No common text, or a pattern that the core does not know either.
        return None
