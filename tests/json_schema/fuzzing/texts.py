"""JSON texts: written in many ways, read without loss.

Numbers are `int` or `Decimal`, never `float`, so that what is judged is what is written.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


class DuplicateKeyError(ValueError):
    """An object with two members of one name."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKeyError(str([name for name, _ in pairs]))
    return found


def loads(text: str) -> Any:
    """The value of a text: numbers exact, two members of one name an error."""
    return json.loads(
        text, parse_float=Decimal, object_pairs_hook=_members, parse_constant=_no_constant
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def number(value: int | Decimal) -> str:
    """As `json.dumps` writes the int, or the float of that value."""
    return str(value) if isinstance(value, int) else repr(float(value))


_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}")
_PLAIN_DECIMAL = re.compile(
    r"-?(?:0\.[0-9]{1,23}|(?=[0-9.]{3,18}$)[1-9][0-9]{0,11}\.[0-9]{1,16}"
    r"|[1-9][0-9]{12}\.[0-9]{1,2}|[1-9][0-9]{13}\.[0-9]|[1-9][0-9]{14,15}\.0)"
)
_PLAIN_EXPONENT = re.compile(
    r"-?[1-9](?:\.[0-9]{1,16})?[eE][+-]?(?:[0-9]{1,2}|[0-2][0-9]{2}|30[0-7])"
)


def is_plain(spelling: str, *, scientific: bool = True) -> bool:
    """Whether `spelling` is one of the number spelling ``"plain"``, wherever it stands: a whole
    number as an integer, any other as a float."""
    if not set(".eE") & set(spelling):
        return _PLAIN_INTEGER.fullmatch(spelling) is not None
    value = Decimal(spelling)
    return value != value.to_integral_value() and is_float(spelling, scientific=scientific)


def is_float(spelling: str, *, scientific: bool = True) -> bool:
    """Whether it is one of them where a number of any kind may stand."""
    if _PLAIN_DECIMAL.fullmatch(spelling) or _PLAIN_INTEGER.fullmatch(spelling.lstrip("-")):
        return True
    return scientific and _PLAIN_EXPONENT.fullmatch(spelling) is not None


def plainly_spelled(text: str, *, scientific: bool = True) -> bool:
    """Whether each number of a text is spelled plainly, wherever it stands."""
    found: list[str] = []

    def note(spelling: str) -> int:
        found.append(spelling)
        return 0

    json.loads(text, parse_float=note, parse_int=note)
    return all(is_plain(each, scientific=scientific) for each in found)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a text is written: by default as `json.dumps(value, ensure_ascii=False)` does."""

    item: str = ", "
    key: str = ": "
    indent: int | None = None
    number: Callable[[int | Decimal], str] = number
    string: Callable[[str], str] = quoted


def dumps(value: Any, style: Style = Style(), depth: int = 0) -> str:
    match value:
        case None:
            return "null"
        case True:
            return "true"
        case False:
            return "false"
        case int() | Decimal():
            return style.number(value)
        case str():
            return style.string(value)
        case list():
            parts = [dumps(each, style, depth + 1) for each in value]
            return _bracketed("[", parts, "]", style, depth)
        case dict():
            parts = [
                style.string(name) + style.key + dumps(each, style, depth + 1)
                for name, each in value.items()
            ]
            return _bracketed("{", parts, "}", style, depth)
        case _:
            raise TypeError(f"{value!r} has no JSON text")


def _bracketed(before: str, parts: list[str], after: str, style: Style, depth: int) -> str:
    if not parts or style.indent is None:
        return before + style.item.join(parts) + after
    inner = "\n" + " " * (style.indent * (depth + 1))
    outer = "\n" + " " * (style.indent * depth)
    return before + inner + ("," + inner).join(parts) + outer + after


SHORT_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
    "\t": "\\t",
}  # fmt: skip


def escaped(dice: random.Random, text: str) -> str:
    """A spelling of a string that RFC 8259 allows, each character in one of its ways."""
    out = ['"']
    for character in text:
        ways = [_hex_escape(dice, character)]
        if character in SHORT_ESCAPES:
            ways.append(SHORT_ESCAPES[character])
        if ord(character) >= 0x20 and character not in '"\\':
            ways += [character, character]
        out.append(dice.choice(ways))
    out.append('"')
    return "".join(out)


def _hex_escape(dice: random.Random, character: str) -> str:
    code = ord(character)
    units = [code] if code < 0x10000 else [0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF)]
    return "".join("\\u" + dice.choice([f"{unit:04x}", f"{unit:04X}"]) for unit in units)


def respelled(dice: random.Random, value: int | Decimal) -> str:
    """Some spelling of a number."""
    if isinstance(value, int):
        text = str(value)
        ways = [text]
        if len(text) <= 12:
            ways += [text + ".0", text + ".00"]
        if value % 10 == 0 and value and len(text) <= 12:
            ways += [f"{value // 10}e1", f"{value // 10}E+01"]
        if value == 0:
            ways += ["-0", "0e5", "0.0", "-0.0"]
        return dice.choice(ways)
    text = number(value)
    ways = [text]
    if "e" not in text:
        ways += [text + "0", f"{text}e0", f"{value.scaleb(1):f}E-1"]
    return dice.choice(ways)
