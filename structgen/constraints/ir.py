"""The grammar intermediate representation that every grammar front end writes.

A grammar is a list of rules over two kinds of symbols: other rules and *terminals* (lexemes,
never to be mistaken for LLM tokens). It is scannerless: a text is in the language iff some
derivation lets each terminal match its own stretch of the text. The core reads it as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from structgen._core import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class RegexTerminal:
    """A lexeme given by a regular expression, matched as a whole (``re.fullmatch``).

    `flags` are letters of Python's inline flags. `line` and `column` say where it stands in the
    source, 0 if unknown.
    """

    name: str
    pattern: str
    flags: str = ""
    line: int = 0
    column: int = 0

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "kind": "regex",
            "pattern": self.pattern,
            "flags": self.flags,
            "dialect": "python",
        }

    def as_pattern(self) -> str:
        """The pattern with its flags written into it."""
        return f"(?{self.flags}:{self.pattern})" if self.flags else self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralTerminal:
    """A lexeme that is one fixed text."""

    name: str
    text: str
    ignore_case: bool = False

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "kind": "literal",
            "text": self.text,
            "ignore_case": self.ignore_case,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTerminal:
    """A lexeme given by another compiled constraint, found by `program` in the bindings."""

    name: str
    program: str

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "kind": "program", "program": self.program}


Terminal: TypeAlias = RegexTerminal | LiteralTerminal | ProgramTerminal


@dataclass(frozen=True, slots=True)
class RuleRef:
    """Rule number `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class TerminalRef:
    """Terminal number `index`."""

    index: int


Symbol: TypeAlias = RuleRef | TerminalRef
Alternatives: TypeAlias = tuple[tuple[Symbol, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: a name for messages, and its alternatives."""

    name: str
    alternatives: Alternatives


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarIr:
    """A whole grammar. `ignore` are terminals that may stand between any two lexemes, before the
    first and after the last. `programs` binds the names of `ProgramTerminal`s."""

    rules: tuple[Rule, ...]
    terminals: tuple[Terminal, ...]
    ignore: tuple[int, ...] = ()
    start: int = 0
    programs: Mapping[str, Program] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> str:
        """The JSON that `Program.grammar` reads."""
        return json.dumps(
            {
                "start": self.start,
                "rules": [
                    {
                        "name": rule.name,
                        "alternatives": [
                            [
                                ["r" if isinstance(symbol, RuleRef) else "t", symbol.index]
                                for symbol in alternative
                            ]
                            for alternative in rule.alternatives
                        ],
                    }
                    for rule in self.rules
                ],
                "terminals": [terminal.to_json() for terminal in self.terminals],
                "ignore": list(self.ignore),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


class IrBuilder:
    """Collects rules and terminals by name; equal terminals are shared."""

    def __init__(self) -> None:
        self._rule_index: dict[str, int] = {}
        self._alternatives: list[dict[tuple[Symbol, ...], None]] = []
        self._terminals: list[Terminal] = []
        self._terminal_index: dict[object, int] = {}

    def rule(self, name: str) -> RuleRef:
        """The rule called `name`, created without alternatives if it is new."""
        index = self._rule_index.get(name)
        if index is None:
            index = self._rule_index[name] = len(self._alternatives)
            self._alternatives.append({})
        return RuleRef(index)

    def add(self, name: str, alternative: Sequence[Symbol]) -> None:
        """Add one alternative to the rule called `name`; a repeated one is dropped."""
        self._alternatives[self.rule(name).index].setdefault(tuple(alternative))

    def terminal(self, terminal: Terminal) -> TerminalRef:
        """The terminal, shared with an earlier one of the same name and content."""
        index = self._terminal_index.get(terminal)
        if index is None:
            index = self._terminal_index[terminal] = len(self._terminals)
            self._terminals.append(terminal)
        return TerminalRef(index)

    def build(
        self, *, start: str, ignore: Sequence[TerminalRef], programs: Mapping[str, Program]
    ) -> GrammarIr:
        """The finished grammar."""
        return GrammarIr(
            rules=tuple(
                Rule(name=name, alternatives=tuple(self._alternatives[index]))
                for name, index in self._rule_index.items()
            ),
            terminals=tuple(self._terminals),
            ignore=tuple(dict.fromkeys(ref.index for ref in ignore)),
            start=self._rule_index[start],
            programs=MappingProxyType(dict(programs)),
        )
