"""Patterns of pydantic's two engines, Rust's regex and Python's `re`, in ECMA-262's words.

JSON Schema's ``\\d``, ``\\w`` and ``\\s`` know ASCII alone, theirs all of Unicode. A pattern is
translated so that it matches no more texts than it did: where a class stands for what may be there,
it is JSON Schema's (nobody misses the digits of other scripts), and where it stands for what may
not, it is the engine's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from structgen.errors import UnsupportedFeatureError

Engine = Literal["rust-regex", "python-re"]

_WORD = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}"
_NO_WORD = r"\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}\p{Sm}\p{Sc}\p{Sk}\p{Z}\p{Cc}"
"""Characters that are no part of words for anybody."""
_BOTH_SPACE = r"\t\n\f\r\v \x85\p{Zs}\u2028\u2029"
_ANY_SPACE = r"\p{White_Space}\x1c-\x1f\ufeff"

_ALLOWED = {  # where a class says what may be there: what all readers agree on
    "d": "0-9",
    "D": r"\P{N}",
    "w": "A-Za-z0-9_",
    "W": _NO_WORD,
    "s": _BOTH_SPACE,
    "S": r"!-~\p{L}\p{M}\p{N}\p{P}\p{S}",
}
_FORBIDDEN = {  # where it says what may not: all that any reader might mean
    "d": r"\p{N}",
    "D": r"\D",
    "w": _WORD + r"\p{N}",
    "W": r"\W",
    "s": _ANY_SPACE,
    "S": r"\P{White_Space}\ufeff\x1c-\x1f",
}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\0-\x7f",
    "blank": r"\t ",
    "cntrl": r"\0-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-\/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_BOUNDARIES = {
    "b": f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))",
    "B": f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))",
    "<": f"(?<![{_WORD}])(?=[{_WORD}])",
    ">": f"(?<=[{_WORD}])(?![{_WORD}])",
    "A": "(?<![^])",
    "z": "(?![^])",
    "Z": "(?![^])",
}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_HEX = re.compile(r"x\{([0-9A-Fa-f]+)\}|u\{([0-9A-Fa-f]+)\}|U\{([0-9A-Fa-f]+)\}|U([0-9A-Fa-f]{8})")
_PROPERTY = re.compile(r"[pP](?:\{[A-Za-z_]+(?:=[A-Za-z_]+)?\}|([A-Z]))")


def ecma_pattern(pattern: str | re.Pattern[str], engine: Engine = "rust-regex") -> str:
    """A pattern for JSON Schema that matches texts that `pattern` matches, and no others.

    A compiled pattern is one of `re`, with its flags.

    Raises:
        UnsupportedFeatureError: it uses what has no translation: verbose or multi-line mode, set
            operations in classes, back-references, and so on.
    """
    flags = ""
    if isinstance(pattern, re.Pattern):
        engine = "python-re"
        for flag, letter in ((re.IGNORECASE, "i"), (re.DOTALL, "s")):
            flags += letter if pattern.flags & flag else ""
        if pattern.flags & (re.VERBOSE | re.MULTILINE):
            raise _unsupported(pattern.pattern, "verbose or multi-line mode")
        pattern = pattern.pattern
    translated = _Translator(pattern, engine).run()
    return f"(?{flags}){translated}" if flags else translated


def _unsupported(pattern: str, what: str) -> UnsupportedFeatureError:
    return UnsupportedFeatureError(
        f"the pattern {pattern!r} of a type has no exact form in JSON Schema: {what}",
        feature=what,
        hint="write it with what all regular expressions share",
    )


@dataclass
class _Translator:
    pattern: str
    engine: Engine
    at: int = 0

    def run(self) -> str:
        found: list[str] = []
        while self.at < len(self.pattern):
            character = self.pattern[self.at]
            if character == "\\":
                found.append(self._escape())
            elif character == "[":
                found.append(self._class())
            elif character == "(":
                found.append(self._group())
            else:
                found.append(character)
                self.at += 1
        return "".join(found)

    def _unsupported(self, what: str) -> UnsupportedFeatureError:
        return _unsupported(self.pattern, what)

    def _group(self) -> str:
        rest = self.pattern[self.at :]
        if not rest.startswith("(?"):
            self.at += 1
            return "("
        named = re.match(r"\(\?P?<[A-Za-z_][A-Za-z0-9_.\[\]]*>", rest)
        if named:
            self.at += named.end()
            return "(?:"
        if re.match(r"\(\?<?[=!]", rest):
            if re.search(r"\\[dDwWsSbB.]", self.pattern):
                raise self._unsupported("a class such as \\d beside an assertion")
            self.at += 2
            return "(?"
        flags = re.match(r"\(\?([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)])", rest)
        if flags is None:
            raise self._unsupported(f"`{rest[:4]}`")
        if set(flags[1]) - set("is-"):
            raise self._unsupported(f"the flags `{flags[1]}`")
        if flags[2] == ")" and self.at:
            raise self._unsupported("flags in the middle")
        self.at += flags.end()
        return flags[0]

    def _escape(self) -> str:
        letter = self._peek(1)
        if letter in _ALLOWED:
            self.at += 2
            return f"[{_ALLOWED[letter]}]"
        if letter in _BOUNDARIES and not (letter in "<>" and self.engine == "python-re"):
            if self._peek(2) == "{":
                raise self._unsupported(f"`\\{letter}{{`")
            self.at += 2
            return _BOUNDARIES[letter]
        return self._character()

    def _character(self) -> str:
        """A single character or a property, escaped, as ECMA-262 spells it."""
        rest = self.pattern[self.at + 1 :]
        point = _HEX.match(rest)
        if point:
            self.at += 1 + point.end()
            return f"\\u{{{next(group for group in point.groups() if group)}}}"
        named = _PROPERTY.match(rest)
        if named:
            self.at += 1 + named.end()
            return f"\\{rest[0]}{{{named[1]}}}" if named[1] else f"\\{named[0]}"
        letter = rest[:1]
        self.at += 2
        if letter == "a":
            return r"\x07"
        if letter in ("t", "n", "v", "f", "r", "x", "u"):
            return f"\\{letter}"
        if letter == "0" and self.engine == "python-re" and not self._peek(0).isdigit():
            return r"\0"
        if letter.isalnum() or not letter:
            raise self._unsupported(f"`\\{letter}`")
        return f"\\{letter}" if letter in _SYNTAX or letter == "-" else letter

    def _class(self) -> str:
        self.at += 1
        negated = self._peek(0) == "^"
        self.at += negated
        meaning = _FORBIDDEN if negated else _ALLOWED
        found = "[^" if negated else "["
        first = True
        while first or self._peek(0) != "]":
            character = self._peek(0)
            if not character:
                raise self._unsupported("an open class")
            if character == "[" and self.engine == "rust-regex":
                found += self._posix()
            elif self.engine == "rust-regex" and self._peek(0, 2) in ("&&", "--", "~~"):
                raise self._unsupported(f"`{self._peek(0, 2)}` in a class")
            elif character == "\\" and self._peek(1) in meaning:
                found += meaning[self._peek(1)]
                self.at += 2
            elif character == "\\" and self._peek(1) == "b":
                raise self._unsupported("`\\b` in a class")
            elif character == "\\":
                escaped = self._character()
                found += f"\\{escaped}" if escaped in ("^", "-", "]", "[") else escaped
            else:
                found += f"\\{character}" if character in "[]^/" else character
                self.at += 1
            first = False
        self.at += 1
        return found + "]"

    def _posix(self) -> str:
        match = re.match(r"\[:([a-z]+):\]", self.pattern[self.at :])
        if match is None or match[1] not in _POSIX:
            raise self._unsupported("a class in a class")
        self.at += match.end()
        return _POSIX[match[1]]

    def _peek(self, offset: int, width: int = 1) -> str:
        return self.pattern[self.at + offset : self.at + offset + width]
