"""Patterns of texts in general: kinds of characters, white space at the ends, encodings.

What Python says of characters is asked of Python itself, so that the patterns agree with the
version of Unicode that it knows. The patterns have no anchors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from structgen.constraints.types.digits import either

_WHITE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space, which is what pydantic strips."""

TRIMMED = rf"(?:[^{_WHITE}](?:[\s\S]*[^{_WHITE}])?)?"
"""Texts without white space at their ends."""

ASCII = r"[\x00-\x7f]*"

_PLANES = (range(0xD800), range(0xE000, 0x40000), range(0xE0000, 0xE1000))
"""Where characters are. The rest is for private use or not assigned: Python says of none of it that
it is of any kind, and it has no cases."""


def _all_characters() -> Iterable[str]:
    return (chr(point) for plane in _PLANES for point in plane)


def _class_of(holds: Callable[[str], bool]) -> str:
    """The inside of a character class: the characters of which `holds` is true."""
    ranges: list[tuple[int, int]] = []
    for character in _all_characters():
        if holds(character):
            point = ord(character)
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1] = (ranges[-1][0], point)
            else:
                ranges.append((point, point))
    return "".join(
        _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}"
        for first, last in ranges
    )


def _escaped(point: int) -> str:
    if chr(point).isascii() and chr(point).isalnum():
        return chr(point)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\u{{{point:x}}}"


_EVERY_CHARACTER: dict[str, bool] = {
    # the method, and whether the empty text passes
    "isalnum": False,
    "isalpha": False,
    "isascii": True,
    "isdecimal": False,
    "isdigit": False,
    "isnumeric": False,
    "isprintable": True,
    "isspace": False,
}
"""Methods of `str` that hold of a text if they hold of each of its characters."""


@cache
def pattern_of_method(name: str) -> str | None:
    """Texts of which the method of `str` with that name is true; None for other methods."""
    if name in _EVERY_CHARACTER:
        method = getattr(str, name)
        inside = _class_of(lambda character: bool(method(character)))
        return f"[{inside}]{'*' if _EVERY_CHARACTER[name] else '+'}"
    if name in ("isupper", "islower"):
        # Some character has that case, and none has another.
        own, other = (str.isupper, str.islower) if name == "isupper" else (str.islower, str.isupper)
        wrong = _class_of(lambda c: other(c) or (c.istitle() and not own(c)))
        return f"[^{wrong}]*[{_class_of(own)}][^{wrong}]*"
    if name == "isidentifier":
        first = _class_of(str.isidentifier)
        return f"[{first}][{_class_of(lambda c: ('a' + c).isidentifier())}]*"
    return None


def pattern_of_predicate(annotation: object) -> str | None:
    """Texts of which a `Predicate` of `annotated_types` holds, if it asks for a method of `str`."""
    function = getattr(annotation, "func", None)
    name = str(getattr(function, "__name__", ""))
    known = function is not None and function is getattr(str, name, None)
    return pattern_of_method(name) if known and not is_negated(annotation) else None


def is_negated(annotation: object) -> bool:
    """Whether an annotation is `annotated_types.Not`."""
    return type(annotation).__name__ == "Not"


@cache
def unchanged_by(method: str) -> str:
    """Texts that `str.upper` or `str.lower` (by name) leave as they are."""
    convert: Callable[[str], str] = getattr(str, method)
    return f"[^{_class_of(lambda character: convert(character) != character)}]*"


def base64_pattern(
    *, url_safe: bool = False, text: bool = False, least: int = 0, most: int | None = None
) -> str:
    """Base64 of `least` to `most` bytes (None: any number); with `text`, of ASCII text.

    With padding, and with zeros in the bits that padding leaves over, so that no two texts mean the
    same bytes.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + (
        "-_" if url_safe else "+/"
    )

    def digits(holds: Callable[[int], bool]) -> str:
        found = "".join(digit for value, digit in enumerate(alphabet) if holds(value))
        return f"[{found.replace('-', '')}{'-' if '-' in found else ''}]"

    # Three bytes are four digits; a byte is ASCII if its highest bit is 0. That bit is the highest
    # of the first digit, the fourth of the second, and the second-lowest of the third.
    first = digits(lambda value: not text or value < 32)
    second = digits(lambda value: not text or not value & 8)
    third = digits(lambda value: not text or not value & 2)
    fourth = digits(lambda _: True)
    one = first + digits(lambda value: not value & 15 and (not text or not value & 8)) + "=="
    two = first + second + digits(lambda value: not value & 3 and (not text or not value & 2)) + "="
    options: list[str] = []
    for rest, tail in enumerate(("", one, two)):
        if most is not None and most < rest:
            continue
        end = "" if most is None else (most - rest) // 3
        start = max(0, -(-(least - rest) // 3))
        if most is None or start <= (most - rest) // 3:
            options.append(f"(?:{first}{second}{third}{fourth}){{{start},{end}}}{tail}")
    return either(options)


_TERM = (
    r"(?:[A-Za-z0-9 _,;:!@#%&=~'\"<>/-]|\\[dDwWsS.*+?()\[\]{}|^$\\]|\."
    r"|\[\^?(?:a-z|A-Z|0-9|[A-Za-z0-9_ .,:])+-?\])"
)
_QUANTIFIER = r"(?:[*+?]|\{[0-9]{1,2}\}|\{[0-9]{1,2},\})?"


def python_regex() -> str:
    """Regular expressions that Python's `re` compiles: a part of them, with one level of
    groups."""
    terms = f"(?:{_TERM}{_QUANTIFIER})*"
    branches = rf"{terms}(?:\|{terms})*"
    item = rf"(?:{_TERM}{_QUANTIFIER}|\((?:\?:)?{branches}\){_QUANTIFIER})"
    body = rf"{item}*(?:\|{item}*)*"
    return rf"\^?{body}\$?"


FRACTION = "-?(?:0|[1-9][0-9]{0,30})(?:/[1-9][0-9]{0,30})?"
"""Fractions as `str` writes them: ``1/3``."""
COMPLEX = r"(?:-?N(?:[+-]Nj)?|-?Nj)".replace("N", r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?")
"""Complex numbers as `str` writes them, but for the parentheses: ``1-2.5j``."""
