"""GBNF and EBNF grammars (`structgen.constraints.gbnf_syntax`) as grammar IR.

These notations are scannerless: characters are the terminals. A recogniser that treats every
character as a lexeme of its own is slow, so whatever is regular, because no rule in it leads back
to itself, is folded into one regular expression: a rule like ``number ::= [0-9]+ ("." [0-9]+)?``
becomes one terminal, and so does every maximal regular stretch of a recursive rule. The language
stays the same.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from structgen._core import Program
from structgen.constraints._excerpt import start_hint
from structgen.constraints.gbnf_syntax import (
    Chars,
    Choice,
    Definitions,
    Node,
    Ref,
    Repeat,
    Sequence,
    Text,
    parse_gbnf,
)
from structgen.constraints.ir import (
    GrammarIr,
    IrBuilder,
    LiteralTerminal,
    ProgramTerminal,
    RegexTerminal,
    Symbol,
)
from structgen.constraints.pace import Pace
from structgen.errors import GrammarSyntaxError, LimitExceeded

_FOLD_LIMIT: Final = 4_000
"""Characters of pattern up to which a rule is folded into its users; beyond that it stays a rule,
so that shared rules are not copied without bound."""

_FOLD_DEPTH: Final = 50
"""Groups within groups of a folded pattern. A rule whose pattern would nest deeper, like the first
of a long chain ``r0 ::= "a" r1 | "b"``, stays a rule: patterns nest 200 deep at most."""

_MAX_RULES: Final = 100_000

_SHOWN: Final = 60
"""Letters of a literal in the name of its terminal."""


def load_gbnf(
    text: str,
    *,
    start: str = "root",
    bindings: Mapping[str, Program] | None = None,
    fold: bool = True,
    tolerant: bool = False,
    pace: Pace | None = None,
) -> GrammarIr:
    """Load a GBNF or EBNF grammar.

    Args:
        text: the grammar.
        start: the rule to start from.
        bindings: programs for names that the grammar uses and does not define.
        fold: fold regular rules into terminals; without it each literal and character class is
            a terminal of its own.
        tolerant: a rule that is used and not defined derives nothing, with a warning, instead of
            being an error. Such files are about, made by tools that only ever use the other
            alternatives.
        pace: the budget of the constraint that it is read for.

    Raises:
        GrammarSyntaxError: with line, column and caret.
        LimitExceeded: too long or too deep, or out of time.
        Cancelled: the budget's token was cancelled.
    """
    pace = pace or Pace(None)
    definitions = parse_gbnf(text, pace)
    bindings = bindings or {}
    if start not in definitions.rules:
        raise GrammarSyntaxError(
            f"the grammar has no rule `{start}` to start from",
            hint=start_hint(definitions.rules),
        )
    for name in bindings:
        if name in definitions.rules:
            raise definitions.error(
                f"`{name}` is bound, but the grammar defines it", definitions.offsets[name]
            )
    lowering = _Lowering(definitions, bindings, fold=fold, tolerant=tolerant, pace=pace)
    unused = sorted(set(bindings) - lowering.used)
    if unused:
        raise GrammarSyntaxError(f"`{unused[0]}` is bound, but the grammar does not use it")
    pace.remains.append(lowering)
    return lowering.build(start)


def _references(node: Node, pace: Pace) -> list[Ref]:
    found: list[Ref] = []
    stack: list[Node] = [node]
    while stack:
        pace.tick()
        match stack.pop():
            case Ref() as ref:
                found.append(ref)
            case Sequence(parts):
                stack.extend(parts)
            case Choice(options):
                stack.extend(options)
            case Repeat(part):
                stack.append(part)
            case _:
                pass
    return found


def _atom_pattern(node: Text | Chars) -> str:
    if isinstance(node, Chars):
        return _class_pattern(node)
    escaped = re.escape(node.text)
    return escaped if len(node.text) == 1 else f"(?:{escaped})"


def _class_pattern(chars: Chars) -> str:
    if not chars.ranges:
        return r"[\s\S]"
    body = "".join(
        _class_char(low) if low == high else f"{_class_char(low)}-{_class_char(high)}"
        for low, high in chars.ranges
    )
    return f"[{'^' if chars.negated else ''}{body}]"


def _class_char(code: int) -> str:
    char = chr(code)
    if char.isascii() and char.isalnum():
        return char
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else (f"\\U{code:08x}")
    )


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A regular expression that is an atom, and how deep its groups nest."""

    text: str
    depth: int = 0

    def repeated(self, bounds: str) -> _Pattern:
        return _Pattern(f"(?:{self.text}{bounds})", self.depth + 1)

    @staticmethod
    def joined(parts: list[_Pattern], separator: str) -> _Pattern:
        if len(parts) == 1:
            return parts[0]
        text = separator.join(part.text for part in parts)
        return _Pattern(f"(?:{text})", 1 + max((part.depth for part in parts), default=0))


class _Lowering:
    """From definitions to IR."""

    def __init__(
        self,
        definitions: Definitions,
        bindings: Mapping[str, Program],
        *,
        fold: bool,
        tolerant: bool,
        pace: Pace,
    ) -> None:
        self._definitions = definitions
        self._pace = pace
        self._tolerant = tolerant
        self._bindings = bindings
        self._fold = fold
        self._builder = IrBuilder()
        self._fresh = 0
        self._undefined: set[str] = set()
        self.used: set[str] = set()
        references = {name: self._checked(node) for name, node in definitions.rules.items()}
        # Patterns of regular rules, dependencies first; None for the others.
        self._patterns: dict[str, _Pattern | None] = {}
        for name in _dependencies_first(references, pace):
            self._patterns[name] = self._pattern(definitions.rules[name]) if fold else None

    def _checked(self, node: Node) -> list[str]:
        names: list[str] = []
        for ref in _references(node, self._pace):
            if ref.name in self._bindings:
                self.used.add(ref.name)
            elif ref.name in self._definitions.rules:
                names.append(ref.name)
            else:
                error = self._definitions.error(
                    f"rule `{ref.name}` is used and not defined", ref.offset
                )
                if not self._tolerant:
                    raise error
                if ref.name not in self._undefined:
                    self._undefined.add(ref.name)
                    warnings.warn(f"{error}\nit derives nothing", stacklevel=2)
        return names

    def _pattern(self, node: Node) -> _Pattern | None:
        """The node as a regular expression, None if it is not regular or too long or deep."""
        self._pace.tick()
        match node:
            case Text(text) if len(text) > _FOLD_LIMIT:
                return None
            case Text() | Chars():
                pattern = _Pattern(_atom_pattern(node))
            case Ref(name):
                # Not yet known: a rule that leads back to itself.
                return self._patterns.get(name)
            case Sequence(parts):
                pattern = self._joined(parts, "")
            case Choice(options):
                pattern = self._joined(options, "|")
            case Repeat(part, low, high):
                inner = self._pattern(part)
                bounds = f"{{{low},{'' if high is None else high}}}"
                pattern = None if inner is None else inner.repeated(bounds)
        if pattern is None or len(pattern.text) > _FOLD_LIMIT or pattern.depth > _FOLD_DEPTH:
            return None
        return pattern

    def _joined(self, nodes: tuple[Node, ...], separator: str) -> _Pattern | None:
        patterns: list[_Pattern] = []
        length = 0
        for node in nodes:
            pattern = self._pattern(node)
            if pattern is None:
                return None
            patterns.append(pattern)
            # The rest of a long list is not looked at in vain.
            length += len(pattern.text)
            if length > _FOLD_LIMIT:
                return None
        return _Pattern.joined(patterns, separator)

    def build(self, start: str) -> GrammarIr:
        """Lower what `start` reaches."""
        waiting = [start]
        seen = {start}
        self._builder.rule(start)
        while waiting:
            name = waiting.pop()
            node = self._definitions.rules[name]
            if self._patterns[name] is not None:
                self._builder.add(name, self._regular(node, name))
                continue
            options = node.options if isinstance(node, Choice) else (node,)
            for option in options:
                self._builder.add(name, self._symbols(option, name))
            for ref in _references(node, self._pace):
                needed = ref.name not in seen and ref.name in self._definitions.rules
                if needed and self._patterns[ref.name] is None:
                    seen.add(ref.name)
                    waiting.append(ref.name)
        return self._builder.build(start=start, ignore=[], programs=self._bindings)

    def _symbols(self, node: Node, owner: str) -> list[Symbol]:
        """The node as symbols in a row, regular stretches folded."""
        self._pace.tick()
        if isinstance(node, Text) and node.text:
            return [self._literal(node)]
        if self._fold:
            pattern = self._pattern(node)
            if pattern is not None:
                return self._terminal(pattern, node, owner)
        match node:
            case Sequence(parts):
                return self._stretches(parts, owner)
            case Text(""):
                return []
            case Text() | Chars():
                return self._regular(node, owner)
            case Ref(name) if name in self._bindings:
                return [self._builder.terminal(ProgramTerminal(name=name, program=name))]
            case Ref(name):
                return [self._builder.rule(name)]
            case Choice(options):
                inner = self._own_rule(owner)
                for option in options:
                    self._builder.add(inner, self._symbols(option, owner))
                return [self._builder.rule(inner)]
            case Repeat(part, low, high):
                return self._repetition(self._symbols(part, owner), low, high, owner)

    def _stretches(self, parts: tuple[Node, ...], owner: str) -> list[Symbol]:
        symbols: list[Symbol] = []
        run: list[Node] = []

        def close() -> None:
            if run:
                # Too long together: then one by one.
                whole = run[0] if len(run) == 1 else _joined_text(run)
                pattern = self._pattern(whole)
                if pattern is not None:
                    symbols.extend(self._terminal(pattern, whole, owner))
                else:
                    for part in run:
                        symbols.extend(self._symbols(part, owner))
                run.clear()

        for part in parts:
            if self._fold and self._pattern(part) is not None:
                run.append(part)
            else:
                close()
                symbols.extend(self._symbols(part, owner))
        close()
        return symbols

    def _regular(self, node: Node, owner: str) -> list[Symbol]:
        # What is a terminal in any case is one also where its pattern is too long to fold.
        is_atom = isinstance(node, Text | Chars)
        pattern = _Pattern(_atom_pattern(node)) if is_atom else self._pattern(node)
        if pattern is None:
            return self._symbols(node, owner)
        return self._terminal(pattern, node, owner)

    def _terminal(self, pattern: _Pattern, node: Node, owner: str) -> list[Symbol]:
        """A terminal for a regular node. The core takes care of terminals that match nothing."""
        if isinstance(node, Text):
            return [self._literal(node)]
        line, column = self._definitions.place(owner)
        terminal = RegexTerminal(name=owner, pattern=pattern.text, line=line, column=column)
        return [self._builder.terminal(terminal)]

    def _literal(self, node: Text) -> Symbol:
        text = node.text
        name = repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
        return self._builder.terminal(LiteralTerminal(name=name, text=text))

    def _repetition(
        self, part: list[Symbol], low: int, high: int | None, owner: str
    ) -> list[Symbol]:
        """`part` repeated, with rules whose number grows as the logarithm of the bounds."""
        if high == 0 or not part:
            return []
        unit = self._as_rule(part, owner)
        required = self._power(unit, low, owner)
        if high is None:
            more = self._own_rule(owner)
            self._builder.add(more, [])
            self._builder.add(more, [self._builder.rule(more), unit])
            return [*required, self._builder.rule(more)]
        return [*required, *self._up_to(unit, high - low, owner)]

    def _as_rule(self, symbols: list[Symbol], owner: str) -> Symbol:
        if len(symbols) == 1:
            return symbols[0]
        name = self._own_rule(owner)
        self._builder.add(name, symbols)
        return self._builder.rule(name)

    def _power(self, unit: Symbol, count: int, owner: str) -> list[Symbol]:
        """Exactly `count` units, by repeated doubling."""
        symbols: list[Symbol] = []
        block = unit
        while count:
            if count & 1:
                symbols.append(block)
            count >>= 1
            if count:
                block = self._as_rule([block, block], owner)
        return symbols

    def _up_to(self, unit: Symbol, count: int, owner: str) -> list[Symbol]:
        """At most `count` units: with ``h = count // 2``, an up-to-h twice, and one more or not."""
        if count <= 0:
            return []
        name = self._own_rule(owner)
        self._builder.add(name, [])
        if count == 1:
            self._builder.add(name, [unit])
        else:
            half = self._up_to(unit, count // 2, owner)
            self._builder.add(name, [*half, *half])
            if count & 1:
                self._builder.add(name, [unit, *half, *half])
        return [self._builder.rule(name)]

    def _own_rule(self, owner: str) -> str:
        self._fresh += 1
        if self._fresh > _MAX_RULES:
            raise LimitExceeded(
                f"the grammar needs more than {_MAX_RULES} rules",
                name="max_grammar_rules",
                limit=_MAX_RULES,
            )
        return f"{owner}#{self._fresh}"


def _joined_text(run: list[Node]) -> Node:
    """The parts as one: a literal if all of them are literals."""
    texts = [part.text for part in run if isinstance(part, Text)]
    return Text("".join(texts)) if len(texts) == len(run) else Sequence(tuple(run))


def _dependencies_first(references: Mapping[str, list[str]], pace: Pace) -> list[str]:
    """Names in an order in which what a name refers to comes before it, circles apart."""
    order: list[str] = []
    seen: set[str] = set()
    for first in references:
        stack = [(first, False)]
        while stack:
            pace.tick()
            name, ready = stack.pop()
            if ready:
                order.append(name)
            elif name not in seen:
                seen.add(name)
                stack.append((name, True))
                stack.extend((used, False) for used in references[name] if used not in seen)
    return order
