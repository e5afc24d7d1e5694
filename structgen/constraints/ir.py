"""The grammar intermediate representation that every grammar front end writes.

A grammar is a list of rules over two kinds of symbols: other rules and *terminals* (lexemes,
never to be mistaken for LLM tokens). It is scannerless: a text is in the language iff some
derivation lets each terminal match its own stretch of the text. The core reads it as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from structgen._core import Program
from structgen.constraints.pace import Pace

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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

    def to_json(self, pace: Pace | None = None) -> str:
        """The JSON that `Program.grammar` reads, written a piece at a time."""
        pace = pace or Pace(None)
        rules = ",".join(_rule_json(rule, pace) for rule in self.rules)
        terminals = ",".join(_paced(self.terminals, pace))
        ignore = _dumps(list(self.ignore))
        return (
            f'{{"start":{self.start},"rules":[{rules}],"terminals":[{terminals}],'
            f'"ignore":{ignore}}}'
        )


def _rule_json(rule: Rule, pace: Pace) -> str:
    alternatives: list[str] = []
    for alternative in rule.alternatives:
        pace.tick()
        alternatives.append(f"[{','.join(_symbols(alternative, pace))}]")
    return f'{{"name":{_dumps(rule.name)},"alternatives":[{",".join(alternatives)}]}}'


def _symbols(alternative: Sequence[Symbol], pace: Pace) -> Iterator[str]:
    for symbol in alternative:
        pace.tick()
        yield f'["{"r" if isinstance(symbol, RuleRef) else "t"}",{symbol.index}]'


def _paced(terminals: Sequence[Terminal], pace: Pace) -> Iterator[str]:
    for terminal in terminals:
        pace.tick()
        yield _dumps(terminal.to_json())


class IrBuilder:
    """Collects rules and terminals by name; equal terminals are shared."""

    def __init__(self) -> None:
        self._rule_index: dict[str, RuleRef] = {}
        self._alternatives: list[dict[tuple[Symbol, ...], None]] = []
        self._terminals: list[Terminal] = []
        self._terminal_index: dict[Terminal, TerminalRef] = {}

    def rule(self, name: str) -> RuleRef:
        """The rule called `name`, created without alternatives if it is new."""
        ref = self._rule_index.get(name)
        if ref is None:
            ref = self._rule_index[name] = RuleRef(len(self._alternatives))
            self._alternatives.append({})
        return ref

    def add(self, name: str, alternative: Sequence[Symbol]) -> None:
        """Add one alternative to the rule called `name`; a repeated one is dropped."""
        self._alternatives[self.rule(name).index].setdefault(tuple(alternative))

    def terminal(self, terminal: Terminal) -> TerminalRef:
        """The terminal, shared with an earlier one of the same name and content."""
        ref = self._terminal_index.get(terminal)
        if ref is None:
            ref = self._terminal_index[terminal] = TerminalRef(len(self._terminals))
            self._terminals.append(terminal)
        return ref

    def build(
        self, *, start: str, ignore: Sequence[TerminalRef], programs: Mapping[str, Program]
    ) -> GrammarIr:
        """The finished grammar."""
        return GrammarIr(
            rules=tuple(
                Rule(name=name, alternatives=tuple(self._alternatives[ref.index]))
                for name, ref in self._rule_index.items()
            ),
            terminals=tuple(self._terminals),
            ignore=tuple(dict.fromkeys(ref.index for ref in ignore)),
            start=self._rule_index[start].index,
            programs=MappingProxyType(dict(programs)),
        )
