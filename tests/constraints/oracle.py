"""A slow judge of the grammar IR, written from its definition: a rule spans i to j iff one of its
alternatives can be cut so that every symbol spans its piece."""

from __future__ import annotations

import re

from structgen.constraints.ir import (
    GrammarIr,
    LiteralTerminal,
    ProgramTerminal,
    RuleRef,
    Symbol,
    Terminal,
)


class IrOracle:
    """Membership by a fixed point over all (symbol, start, end)."""

    def __init__(self, ir: GrammarIr) -> None:
        self._ir = ir

    def accepts(self, text: str) -> bool:
        ir, size = self._ir, len(text)
        ends = {
            index: self._terminal_ends(terminal, text)
            for index, terminal in enumerate(ir.terminals)
        }
        if ir.ignore:
            skip = self._skips(text, ends)
            # Ignored text belongs to the lexeme before it, or comes before all.
            ends = {
                index: [{after for end in row for after in skip[end]} for row in table]
                for index, table in ends.items()
            }
            starts = skip[0]
        else:
            starts = {0}
        spans: list[list[set[int]]] = [[set() for _ in range(size + 1)] for _ in ir.rules]
        changed = True
        while changed:
            changed = False
            for index, rule in enumerate(ir.rules):
                for start in range(size + 1):
                    found = spans[index][start]
                    before = len(found)
                    for alternative in rule.alternatives:
                        found |= self._reach(alternative, start, ends, spans)
                    changed |= len(found) != before
        return any(size in spans[ir.start][start] for start in starts)

    @staticmethod
    def _reach(
        alternative: tuple[Symbol, ...],
        start: int,
        ends: dict[int, list[set[int]]],
        spans: list[list[set[int]]],
    ) -> set[int]:
        at = {start}
        for symbol in alternative:
            table = spans[symbol.index] if isinstance(symbol, RuleRef) else ends[symbol.index]
            at = {end for here in at for end in table[here]}
        return at

    @staticmethod
    def _terminal_ends(terminal: Terminal, text: str) -> list[set[int]]:
        """For each start, where a match of the terminal may end."""
        assert not isinstance(terminal, ProgramTerminal)
        if isinstance(terminal, LiteralTerminal):
            flags = re.IGNORECASE if terminal.ignore_case else 0
            pattern = re.compile(re.escape(terminal.text), flags)
        else:
            pattern = re.compile(terminal.as_pattern())
        size = len(text)
        return [
            {end for end in range(start, size + 1) if pattern.fullmatch(text[start:end])}
            for start in range(size + 1)
        ]

    def _skips(self, text: str, ends: dict[int, list[set[int]]]) -> list[set[int]]:
        """For each place, where one may be after any number of ignored lexemes."""
        skips: list[set[int]] = [{start} for start in range(len(text) + 1)]
        for start in reversed(range(len(text) + 1)):
            for ignored in self._ir.ignore:
                for end in ends[ignored][start]:
                    skips[start] |= skips[end]
        return skips
