"""What schemas and instances are made of: names, strings, numbers, patterns, values."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from typing import Any, ClassVar

NAMES = ["a", "b", "c", "ab", "abc", "foo", "bar", "x", "x1", "kind"]
ODD_NAMES = [
    "", "a b", "a/b", "a~b", "~1", "100%", "é", "日本", "😀", '"', "\\", "a\nb", "$ref", "type",
    "A", "0", "-1", "properties", "__proto__", "\u007f", "$id", "const", "ſ", "\u2028",
]  # fmt: skip

STRINGS = [
    "", "a", "b", "ab", "ba", "abb", "aab", "abc", "foo", "x1", "A", " ", "aa", "aaa", "0", "12",
    "é", "e\u0301", "日本", "😀", "a😀", '"', "\\", "/", "a\nb", "a\n", "\n", "\t", "\u0000",
    "\u007f", "\u2028", "\u00a0", "\ufeff", "\u001f", "\u0085", "_", "-", "a-b", "a.b", "null", "1",
]  # fmt: skip

INTEGERS = [0, 1, 2, 3, 4, 5, 7, 10, 12, 20, 99, 100, 101, 1000, -1, -2, -3, -10, -100]
LARGE = [2**31, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63), 10**20, 10**20 + 1, -(10**30)]
DECIMALS = [
    Decimal(text)
    for text in (
        "0.5", "1.5", "-0.5", "2.5", "0.1", "0.2", "0.3", "0.25", "0.01", "3.3", "12.34", "99.99",
        "-7.75", "1.0", "0.0", "2.0", "-3.0", "100.0", "0.125", "1.1", "1234.5678", "0.001",
    )
]  # fmt: skip
"""Some of them are whole numbers that are written with a fraction."""

SCIENTIFIC = [Decimal(text) for text in ("1e16", "1e20", "1e-7", "2.5e-8", "1.5e300", "-1e22")]
"""Written with an exponent by `json.dumps`."""

POOL: list[Any] = [
    None, True, False, 0, 1, 1, 2, -1, Decimal("1.0"), Decimal("1.5"), "", "a", "a", "b", "ab",
    "ba",
]  # fmt: skip
"""Of dense schemas, so that what they say overlaps."""

STEPS: list[int | Decimal] = [
    1, 1, 2, 2, 3, 4, 5, 6, 7, 10, 12, 25, 100, 10**6, Decimal("0.5"), Decimal("0.1"),
    Decimal("0.01"), Decimal("0.25"), Decimal("1.5"), Decimal("2.5"), Decimal("0.3"),
    Decimal("1.0"), Decimal("2.0"), Decimal("0.2"), Decimal("0.001"), Decimal("0.75"),
]  # fmt: skip

FORMATS: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["2024-02-29", "2000-02-29", "1999-12-31", "0001-01-01"],
        ["2023-02-29", "1900-02-29", "2024-13-01", "2024-1-01", "2024-01-32", "20240101"],
    ),
    "ipv4": (
        ["127.0.0.1", "0.0.0.0", "255.255.255.255"],
        ["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 "],
    ),
    "ipv6": (
        ["::", "::1", "1:2:3:4:5:6:7:8", "fe80::1", "::ffff:1.2.3.4", "ABCD::"],
        [":::", "1:2:3:4:5:6:7", "12345::", "1::2::3", "::1%eth0", "1:2:3:4:5:6:7:8:9"],
    ),
    "uuid": (
        ["2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
        ["2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa9811eab4aa73b441d16380", "g"],
    ),
    "json-pointer": (["", "/a", "/a~0b/~1", "//"], ["a", "/~", "/~2", "#/a"]),
    "relative-json-pointer": (["0", "1/a", "10#", "0/~0"], ["", "-1", "01", "0##", "/a"]),
}
"""By name, strings that are of the format and strings that are not. Only formats on which the
judge and the drafts agree string by string; the others are tested on their own."""


def integer(dice: random.Random) -> int:
    roll = dice.random()
    if roll < 0.5:
        return dice.choice(INTEGERS)
    if roll < 0.9:
        return dice.randint(-12, 24)
    return dice.choice(LARGE) + dice.choice([0, 0, 1, -1])


def numeric(dice: random.Random, *, scientific: bool = True) -> int | Decimal:
    roll = dice.random()
    if roll < 0.55:
        return integer(dice)
    if roll < 0.8 or (roll >= 0.96 and not scientific):
        return dice.choice(DECIMALS)
    if roll < 0.96:
        # Fractions are seen by readers through floats: few enough digits that all agree.
        return Decimal(dice.randint(-9999, 9999)).scaleb(-dice.randint(1, 3))
    return dice.choice(SCIENTIFIC)


def tamed(value: int | Decimal, scientific: bool) -> int | Decimal:
    """The number, if its usual text is one on which all readers agree, else a plainer one: a float
    has fifteen digits, of which twelve may stand before a point."""
    if isinstance(value, int):
        return value
    digits = len(value.normalize().as_tuple().digits)
    text = repr(float(value))
    if "e" in text:
        return value if scientific and digits <= 15 and abs(value) < Decimal("1e300") else 0
    if digits > 15 or abs(value) >= 10**12:
        return int(value)
    return value


def text(dice: random.Random) -> str:
    roll = dice.random()
    if roll < 0.7:
        return dice.choice(STRINGS)
    if roll < 0.8:
        valid, invalid = FORMATS[dice.choice(list(FORMATS))]
        return dice.choice(valid + invalid)
    return "".join(dice.choice("aabbcx1 _é😀\n/") for _ in range(dice.randint(1, 8)))


def scalar(dice: random.Random, *, scientific: bool = True) -> Any:
    roll = dice.random()
    if roll < 0.1:
        return None
    if roll < 0.22:
        return dice.random() < 0.5
    if roll < 0.6:
        return numeric(dice, scientific=scientific)
    return text(dice)


def value(
    dice: random.Random,
    names: list[str],
    depth: int = 2,
    *,
    pool: list[Any] | None = None,
    scientific: bool = True,
) -> Any:
    """A random document; of scalars from `pool`, if that is given."""
    roll = dice.random()
    if depth == 0 or roll < 0.6:
        return scalar(dice, scientific=scientific) if pool is None else dice.choice(pool)

    def inner() -> Any:
        return value(dice, names, depth - 1, pool=pool, scientific=scientific)

    if roll < 0.8:
        return [inner() for _ in range(dice.choice([0, 1, 1, 2, 2, 3, 4]))]
    chosen = dice.sample(names, min(len(names), dice.choice([0, 1, 1, 2, 2, 3, 4])))
    return {name: inner() for name in chosen}


class Patterns:
    """Random patterns on which ECMA-262 and Python agree once they are translated, each with
    some strings in which it is likely to find something."""

    PLAIN: ClassVar = ["a", "b", "c", "x", "1", "é", "😀", "_", "-", "/", " "]
    CLASSES: ClassVar = {
        "[abc]": "abc", "[a-c]": "abc", "[^a]": "bx\n", "[0-9]": "059", "\\d": "059", "\\w": "a_Z9",
        "\\s": " \n\t\u00a0\ufeff", "\\S": "ax1", "\\D": "a-", "\\W": "- é", ".": "ab\u0085",
        "[^\\d]": "ab", "[\\w-]": "a-", "[a\\]]": "a]", "[^\\s]": "a1", "[\\u00e0-\\u00ff]": "éà",
        "\\u0061": "a", "\\x62": "b", "\\/": "/", "\\.": ".", "\\n": "\n", "\\t": "\t",
    }  # fmt: skip
    FIXED: ClassVar = {
        "^a": ["a", "ab", "ba"],
        "b$": ["b", "ab", "b\n"],
        "^.?$": ["", "a", "😀", "\n"],
        "^[a-z]+$": ["a", "abc", "A"],
        "^x": ["x", "x1"],
        "[0-9]$": ["x1", "0"],
        "^(a|b)*$": ["", "abba", "c"],
        "^\\S+$": ["ab", "a b"],
        "\\bfoo\\b": ["foo", "a foo", "foox"],
        "^(?!a)": ["b", "", "a"],
        "^(?=.*b)[a-c]+$": ["ab", "a", "b"],
        "(?<=a)b": ["ab", "b"],
        "(?<!a)b": ["ab", "b", "bb"],
        "^$": ["", "a"],
        "": ["", "a"],
        "^a{2,3}$": ["aa", "aaa", "aaaa"],
        "^.{3}$": ["abc", "a😀b", "ab"],
    }

    FEW: ClassVar = ["^a", "b$", "^.$", "b", "^a?b?$", "^[^a]", ""]
    """About the names of dense schemas."""

    def __init__(self, *, few: bool = False) -> None:
        self.few = few
        self.examples: dict[str, list[str]] = {}

    def pattern(self, dice: random.Random) -> str:
        if self.few:
            made = dice.choice(self.FEW)
            self.examples[made] = ["a", "b", "ab"]
            return made
        if dice.random() < 0.45:
            made = dice.choice(list(self.FIXED))
            self.examples[made] = self.FIXED[made]
            return made
        made, first = self._sequence(dice, 2)
        made = ("^" if dice.random() < 0.5 else "") + (f"(?:{made})" if "|" in made else made)
        made += "$" if dice.random() < 0.5 else ""
        try:
            finds(made, "")
        except re.error:  # one group name twice
            return self.pattern(dice)
        self.examples[made] = [first, first + "a", "b" + first]
        return made

    def _sequence(self, dice: random.Random, depth: int) -> tuple[str, str]:
        parts = [self._piece(dice, depth) for _ in range(dice.choice([1, 1, 2, 3]))]
        return "".join(made for made, _ in parts), "".join(text for _, text in parts)

    def _piece(self, dice: random.Random, depth: int) -> tuple[str, str]:
        made, text = self._atom(dice, depth)
        roll = dice.random()
        if roll < 0.6:
            return made, text
        if any(mark in made[1:] for mark in "*+}"):
            # No more: Python's search would need exponential time.
            return made + "?", text
        low = dice.randint(0, 2)
        high = low + dice.randint(0, 2)
        quantifier, times = dice.choice(
            [("*", 2), ("+", 1), ("?", 0), (f"{{{low}}}", low), (f"{{{low},}}", low + 1),
             (f"{{{low},{high}}}", high)]
        )  # fmt: skip
        return made + quantifier + ("?" if roll > 0.95 else ""), text * times

    def _atom(self, dice: random.Random, depth: int) -> tuple[str, str]:
        roll = dice.random()
        if depth == 0 or roll < 0.5:
            literal = dice.choice(self.PLAIN)
            return literal, literal
        if roll < 0.75:
            made = dice.choice(list(self.CLASSES))
            return made, dice.choice(self.CLASSES[made])
        branches = [self._sequence(dice, depth - 1) for _ in range(dice.choice([1, 2, 2, 3]))]
        opening = dice.choice(["(", "(", "(?:", "(?:", "(?<n>"])
        made = opening + "|".join(branch for branch, _ in branches) + ")"
        return made, dice.choice(branches)[1]


_ECMA_SPACE = (
    "\\t\\n\\v\\f\\r\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"
)


def to_python(pattern: str) -> str:
    """The Python pattern that means what `pattern` means in ECMA-262 (flag ``u``). Of the syntax
    that `Patterns` uses; to be compiled with `re.ASCII`, which gives ``\\w``, ``\\d`` and ``\\b``
    the meaning that they have there."""
    out: list[str] = []
    in_class = False
    index = 0
    while index < len(pattern):
        here = pattern[index]
        two = pattern[index : index + 2]
        if here == "\\":
            if two == "\\s":
                out.append(_ECMA_SPACE if in_class else f"[{_ECMA_SPACE}]")
            elif two == "\\S":
                if in_class:
                    raise ValueError(f"\\S in a class: {pattern}")
                out.append(f"[^{_ECMA_SPACE}]")
            else:
                out.append(two)
            index += 2
            continue
        if in_class:
            in_class = here != "]"
            out.append("\\[" if here == "[" else here)
        elif here == "[":
            in_class = True
            out.append("[")
        elif here == ".":
            out.append("[^\\n\\r\\u2028\\u2029]")
        elif here == "$":
            out.append("\\Z")
        elif pattern.startswith("(?<", index) and pattern[index + 3 : index + 4] not in "=!":
            out.append("(?P<")
            index += 3
            continue
        else:
            out.append(here)
        index += 1
    return "".join(out)


_compiled: dict[str, re.Pattern[str]] = {}


def finds(pattern: str, text: str) -> bool:
    """Whether an ECMA-262 pattern finds something in a string."""
    compiled = _compiled.get(pattern)
    if compiled is None:
        if len(_compiled) > 10_000:
            _compiled.clear()
        compiled = _compiled[pattern] = re.compile(to_python(pattern), re.ASCII)
    return compiled.search(text) is not None
