"""The GBNF notation of llama.cpp, and the EBNF that grew out of it, as a syntax tree.

Understood: ``name ::= ...`` with ``|``, groups, ``* + ? {m} {m,} {m,n}``, literals in double
quotes, character classes with ranges and ``^``, ``.``, escapes (``\\n \\r \\t \\\\ \\" \\[ \\]
\\xNN \\uNNNN \\UNNNNNNNN``), and ``#`` comments. A definition ends at the line's end, except
inside a group and before or after ``|``. So far llama.cpp's. On top of that, as such files in the
wild do: names may hold ``_`` and ``.``, ``=`` and ``:=`` may stand for ``::=``, literals may stand
in single quotes, ``;`` may end a definition, ``\\f \\v \\b \\0 \\-`` and other escaped punctuation
stand for themselves in the usual way.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NoReturn, TypeAlias

from structgen.constraints._excerpt import caret_excerpt, line_and_column
from structgen.constraints.pace import Pace
from structgen.errors import GrammarSyntaxError, LimitExceeded

MAX_DEPTH: Final = 200
"""Nesting of groups."""

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of a grammar."""

MAX_REPEAT: Final = 100_000
"""The largest bound of a repetition."""

_MAX_CODE_POINT = 0x10FFFF
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ASSIGN = re.compile(r"::=|:=|=")
_BOUNDS = re.compile(r"\{[ \t]*([0-9]*)[ \t]*(,?)[ \t]*([0-9]*)[ \t]*\}")
_STEP = 20_000
"""Characters that are read at once: the clock is looked at in between."""

_BLANKS = re.compile(rf"[ \t]{{1,{_STEP}}}")
_LINES = re.compile(rf"[ \t\r\n]{{1,{_STEP}}}")
_PLAIN = {quote: re.compile(rf"[^{quote}\\\r\n]{{1,{_STEP}}}") for quote in ("'", '"')}
"""Characters of a literal that stand for themselves."""

_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}
_NAMED_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "b": "\b", "0": "\0"}


@dataclass(frozen=True, slots=True)
class Text:
    """A literal."""

    text: str


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a class: inclusive code point `ranges`, or none of them."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Ref:
    """Another rule; `offset` is where it is named."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part`, `min` to `max` times; None: without end."""

    part: Node
    min: int
    max: int | None


Node: TypeAlias = Text | Chars | Ref | Sequence | Choice | Repeat

ANY: Final = Chars((), negated=True)
"""``.``: any character, line ends included, as in llama.cpp."""


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """A parsed file: rules in the order of their definition, and where each is defined."""

    rules: dict[str, Node]
    offsets: dict[str, int]
    text: str

    def place(self, name: str) -> tuple[int, int]:
        """The line and column where rule `name` is defined."""
        offset = self.offsets[name]
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    @cached_property
    def _line_starts(self) -> list[int]:
        """Offsets: a grammar may have as many rules as lines, each of which is asked for."""
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def error(self, message: str, offset: int, hint: str | None = None) -> GrammarSyntaxError:
        """An error at `offset` of the text."""
        return _error(self.text, message, offset, hint)


def _error(text: str, message: str, offset: int, hint: str | None = None) -> GrammarSyntaxError:
    line, column = line_and_column(text, offset)
    return GrammarSyntaxError(
        message, line=line, column=column, excerpt=caret_excerpt(text, line, column), hint=hint
    )


def _too_deep(what: str) -> LimitExceeded:
    return LimitExceeded(
        f"{what} are nested deeper than {MAX_DEPTH}", name="max_tree_depth", limit=MAX_DEPTH
    )


def parse_gbnf(text: str, pace: Pace | None = None) -> Definitions:
    """Parse a whole file, at the pace of a budget if one is given.

    Raises:
        GrammarSyntaxError: with line, column and caret.
        LimitExceeded: too long, too deep, or a repetition too large; or out of time.
        Cancelled: the budget's token was cancelled.
    """
    if len(text) > MAX_TEXT:
        raise LimitExceeded(
            f"the grammar has {len(text)} characters, {MAX_TEXT} are allowed",
            name="max_grammar_text",
            limit=MAX_TEXT,
        )
    return _Parser(text, pace or Pace(None)).file()


class _Parser:
    """Recursive descent, no deeper than `MAX_DEPTH` groups."""

    def __init__(self, text: str, pace: Pace) -> None:
        self._text = text
        self._pace = pace
        self._at = 0
        self._depth = 0

    def file(self) -> Definitions:
        # The same name again adds alternatives, as in transformers-CFG; llama.cpp would silently
        # take the last, which is never what a grammar's author wants.
        bodies: dict[str, list[Node]] = {}
        offsets: dict[str, int] = {}
        self._space(lines=True)
        while self._at < len(self._text):
            offset = self._at
            name = self._name()
            if name is None:
                self._fail("a rule name is expected here")
            self._space(lines=False)
            assign = _ASSIGN.match(self._text, self._at)
            if assign is None:
                self._fail(f"`::=` is expected after the rule name `{name}`")
            self._at = assign.end()
            self._space(lines=True)
            body = self._choice(nested=False)
            offsets.setdefault(name, offset)
            bodies.setdefault(name, []).append(body)
            self._end_of_definition()
        if not bodies:
            self._fail("the grammar is empty")
        rules = {
            name: body[0] if len(body) == 1 else Choice(tuple(body))
            for name, body in bodies.items()
        }
        return Definitions(rules=rules, offsets=offsets, text=self._text)

    def _end_of_definition(self) -> None:
        if self._text.startswith(";", self._at):
            self._at += 1
            self._space(lines=True)
        elif self._at < len(self._text) and self._text[self._at] not in "\r\n":
            self._fail(f"unexpected {self._text[self._at]!r}")
        self._space(lines=True)

    def _choice(self, *, nested: bool) -> Node:
        options = [self._sequence(nested=nested)]
        while self._bar(nested=nested):
            self._at += 1
            self._space(lines=True)
            options.append(self._sequence(nested=nested))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _bar(self, *, nested: bool) -> bool:
        """Whether `|` comes next, perhaps on a later line; moves to it then."""
        before = self._at
        self._space(lines=True)
        if self._text.startswith("|", self._at):
            return True
        if not nested:
            self._at = before
        return False

    def _sequence(self, *, nested: bool) -> Node:
        parts: list[Node] = []
        while True:
            part = self._part()
            if part is None:
                break
            self._space(lines=nested)
            part = self._repeated(part)
            self._space(lines=nested)
            parts.append(part)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _part(self) -> Node | None:
        self._pace.tick()
        if self._at >= len(self._text):
            return None
        match self._text[self._at]:
            case '"' | "'":
                return self._literal(self._text[self._at])
            case "[":
                return self._chars()
            case ".":
                self._at += 1
                return ANY
            case "(":
                return self._group()
            case _:
                offset = self._at
                name = self._name()
                return None if name is None else Ref(name, offset)

    def _group(self) -> Node:
        opened = self._at
        self._at += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep("groups")
        self._space(lines=True)
        inner = self._choice(nested=True)
        if not self._text.startswith(")", self._at):
            self._fail(
                "`)` is expected here" if self._at < len(self._text) else "`(` is never closed",
                None if self._at < len(self._text) else opened,
            )
        self._at += 1
        self._depth -= 1
        return inner

    def _repeated(self, part: Node) -> Node:
        """`part` with the repetition operators that follow it."""
        operators = 0
        while self._at < len(self._text):
            match self._text[self._at]:
                case "*":
                    bounds: tuple[int, int | None] = (0, None)
                case "+":
                    bounds = (1, None)
                case "?":
                    bounds = (0, 1)
                case "{":
                    bounds = self._bounds()
                    self._at -= 1
                case _:
                    return part
            self._at += 1
            operators += 1
            if operators > MAX_DEPTH:
                raise _too_deep("repetitions")
            part = Repeat(part, *bounds)
            self._space(lines=False)
        return part

    def _bounds(self) -> tuple[int, int | None]:
        found = _BOUNDS.match(self._text, self._at)
        if found is None or not (found[1] or found[3]):
            self._fail("`{m}`, `{m,}`, `{,n}` or `{m,n}` is expected here")
        low = int(found[1]) if found[1] else 0
        high = int(found[3]) if found[3] else (None if found[2] else low)
        if found[3] and not found[2]:
            self._fail("`{m,n}` needs its comma")
        if high is not None and high < low:
            self._fail(f"cannot repeat from {low} to {high} times")
        if max(low, high or 0) > MAX_REPEAT:
            raise LimitExceeded(
                f"a repetition exceeds {MAX_REPEAT}", name="max_repeat", limit=MAX_REPEAT
            )
        self._at = found.end()
        return low, high

    def _literal(self, quote: str) -> Text:
        opened = self._at
        self._at += 1
        text: list[str] = []
        while True:
            if self._at >= len(self._text) or self._text[self._at] in "\r\n":
                self._fail("the literal is never closed", opened)
            if self._text[self._at] == quote:
                self._at += 1
                return Text("".join(text))
            plain = _PLAIN[quote].match(self._text, self._at)
            if plain is None:
                self._pace.tick()
                text.append(self._character())
            else:
                self._pace.tick(len(plain[0]))
                text.append(plain[0])
                self._at = plain.end()

    def _chars(self) -> Chars:
        opened = self._at
        self._at += 1
        negated = self._text.startswith("^", self._at)
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while not self._text.startswith("]", self._at):
            if self._at >= len(self._text):
                self._fail("the character class is never closed", opened)
            self._pace.tick()
            start = self._at
            low = high = ord(self._character())
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                if self._at >= len(self._text):
                    self._fail("the character class is never closed", opened)
                high = ord(self._character())
            if high < low:
                self._fail(f"the range {chr(low)!r} to {chr(high)!r} is backwards", start)
            ranges.append((low, high))
        self._at += 1
        if not ranges and not negated:
            self._fail("an empty character class matches nothing", opened)
        return Chars(tuple(ranges), negated)

    def _character(self) -> str:
        """One character, escaped or not; the caller has checked that there is one."""
        offset = self._at
        char = self._text[offset]
        self._at += 1
        if char != "\\":
            return char
        if self._at >= len(self._text):
            self._fail("an escape is expected after the backslash", offset)
        kind = self._text[self._at]
        self._at += 1
        if kind in _NAMED_ESCAPES:
            return _NAMED_ESCAPES[kind]
        if kind in _HEX_ESCAPES:
            digits = self._text[self._at : self._at + _HEX_ESCAPES[kind]]
            if not re.fullmatch(f"[0-9A-Fa-f]{{{_HEX_ESCAPES[kind]}}}", digits):
                self._fail(f"`\\{kind}` needs {_HEX_ESCAPES[kind]} hexadecimal digits", offset)
            self._at += len(digits)
            code = int(digits, 16)
            if code > _MAX_CODE_POINT or 0xD800 <= code <= 0xDFFF:
                self._fail(f"U+{code:04X} is not a character", offset)
            return chr(code)
        if kind.isalnum() or kind.isspace():
            self._fail(f"unknown escape `\\{kind}`", offset)
        return kind

    def _name(self) -> str | None:
        found = _NAME.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _space(self, *, lines: bool) -> None:
        text = self._text
        blanks = _LINES if lines else _BLANKS
        while True:
            found = blanks.match(text, self._at)
            if found is not None:
                self._at = found.end()
            elif text.startswith("#", self._at):
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            else:
                return
            self._pace.tick()

    def _fail(self, message: str, offset: int | None = None) -> NoReturn:
        raise _error(self._text, message, self._at if offset is None else offset)
