"""Regular expressions for ranges of numbers that are written in digits.

The patterns have no anchors and stand for themselves in any place (alternatives are in groups),
but for `meet` and `decimals`, which describe a whole text. They use what ECMA-262 and Python's
`re` read alike. A range between numbers of *n* digits takes O(*n*) alternatives.
"""

from __future__ import annotations

from decimal import Decimal

_DIGIT = "[0-9]"


def meet(*patterns: str) -> str:
    """A whole-text pattern of what all of `patterns` describe whole."""
    *conditions, last = patterns
    return f"^{''.join(f'(?=(?:{condition})$)' for condition in conditions)}(?:{last})$"


def either(patterns: list[str]) -> str:
    """What any of `patterns` describes. An empty list is what no text matches."""
    if not patterns:
        return "(?!)"
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def free(template: str) -> str:
    """Any digits where `template` has digits; its other characters as they are."""
    found = ""
    at = 0
    while at < len(template):
        end = at
        while end < len(template) and template[end].isdigit():
            end += 1
        if end > at:
            found += _DIGIT if end == at + 1 else f"{_DIGIT}{{{end - at}}}"
            at = end
        else:
            found += _literal(template[at])
            at += 1
    return found


def fixed_above(text: str, *, inclusive: bool) -> str:
    """Texts made like `text` (digits where it has digits) that come after it in digit order."""
    return _fixed(text, inclusive=inclusive, upwards=True)


def fixed_below(text: str, *, inclusive: bool) -> str:
    """Texts made like `text` (digits where it has digits) that come before it in digit order."""
    return _fixed(text, inclusive=inclusive, upwards=False)


def _fixed(text: str, *, inclusive: bool, upwards: bool) -> str:
    found = "" if inclusive else None  # what may follow the digits read so far
    for at in range(len(text) - 1, -1, -1):
        character = text[at]
        if not character.isdigit():
            found = None if found is None else _literal(character) + found
            continue
        others = _beyond(int(character), upwards=upwards)
        options = [others + free(text[at + 1 :])] if others else []
        if found is not None:
            options.insert(0, character + found)
        found = either(options) if options else None
    return "(?!)" if found is None else found


def whole(low: int, high: int | None) -> str:
    """The whole numbers from `low` (at least 0) to `high` or without end, without leading
    zeros."""
    low = max(low, 0)
    if high is not None and high < low:
        return "(?!)"
    shortest = len(str(low))
    longest = shortest if high is None else len(str(high))
    options: list[str] = []
    for width in range(shortest, longest + 1):
        least = max(low, 10 ** (width - 1) if width > 1 else 0)
        most = 10**width - 1 if high is None else min(high, 10**width - 1)
        options.append(_between(str(least), str(most)))
    if high is None:
        options.append(f"[1-9]{_DIGIT}{{{shortest},}}")
    return either(options)


def _between(low: str, high: str) -> str:
    """Digit strings from `low` to `high`, which are of one length."""
    if not low:
        return ""
    if set(low) == {"0"} and set(high) == {"9"}:
        return free(low)
    if low[0] == high[0]:
        return low[0] + _between(low[1:], high[1:])
    rest = low[1:]
    first, last = int(low[0]), int(high[0])
    options: list[str] = []
    if rest.strip("0"):
        options.append(low[0] + _fixed(rest, inclusive=True, upwards=True))
        first += 1
    if high[1:].strip("9"):
        last -= 1
    if first <= last:
        options.append(_class(first, last) + free(rest))
    if high[1:].strip("9"):
        options.append(high[0] + _fixed(high[1:], inclusive=True, upwards=False))
    return either(options)


def integers(low: int | None, high: int | None) -> str:
    """The integers from `low` to `high`, either or both without end; no leading zeros, no -0."""
    options: list[str] = []
    if high is None or high >= 0:
        options.append(whole(0 if low is None else low, high))
    if low is None or low < 0:
        least = 1 if high is None or high >= 0 else -high
        options.append("-" + whole(least, None if low is None else -low))
    return either(options)


def decimals(
    low: Decimal | None,
    high: Decimal | None,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> str:
    """A whole text: a decimal in plain spelling from `low` to `high`, either or both without end.

    Plain is an optional sign, digits without leading zeros, and optionally a point and more
    digits. An open end is itself left out.
    """
    conditions: list[str] = []
    if low is not None:
        conditions.append(_signed(low, inclusive=not low_open, upwards=True))
    if high is not None:
        conditions.append(_signed(high, inclusive=not high_open, upwards=False))
    return meet(*(conditions or [f"-?{ANY_DECIMAL}"]))


_ANY_WHOLE = "(?:0|[1-9][0-9]*)"
_ANY_FRACTION = r"(?:\.[0-9]+)?"
ANY_DECIMAL = _ANY_WHOLE + _ANY_FRACTION
"""Plain decimals without a sign."""


def _signed(bound: Decimal, *, inclusive: bool, upwards: bool) -> str:
    """Plain decimals on one side of `bound`."""
    if upwards:
        from_zero = decimals_above(max(bound, Decimal(0)), inclusive=inclusive or bound < 0)
        if bound >= 0:
            return from_zero
        return either([from_zero, "-" + decimals_below(-bound, inclusive=inclusive)])
    if bound > 0:
        return either([decimals_below(bound, inclusive=inclusive), f"-{ANY_DECIMAL}"])
    below = "-" + decimals_above(-bound, inclusive=inclusive and bound < 0)
    return either([_ZERO, below]) if inclusive and not bound else below


_ZERO = r"0(?:\.0+)?"


def _digits_of(bound: Decimal) -> tuple[str, str]:
    """The digits before and after the point, without trailing zeros."""
    whole_part, _, fraction = f"{bound:f}".partition(".")
    return whole_part, fraction.rstrip("0")


def decimals_above(bound: Decimal, *, inclusive: bool) -> str:
    """Plain decimals that are not negative, from `bound` (at least 0) on."""
    digits, fraction = _digits_of(bound)
    options = [digits + _fraction_above(fraction, inclusive=inclusive)]
    larger = _fixed(digits, inclusive=False, upwards=True)
    if larger != "(?!)":
        options.append(larger + _ANY_FRACTION)
    options.append(f"[1-9]{_DIGIT}{{{len(digits)},}}{_ANY_FRACTION}")
    return either(options)


def decimals_below(bound: Decimal, *, inclusive: bool) -> str:
    """Plain decimals that are not negative, up to `bound` (at least 0)."""
    digits, fraction = _digits_of(bound)
    options: list[str] = []
    if inclusive or fraction:
        options.append(digits + _fraction_below(fraction, inclusive=inclusive))
    if int(digits):
        options.append(whole(0, int(digits) - 1) + _ANY_FRACTION)
    return either(options)


def _fraction_above(fraction: str, *, inclusive: bool) -> str:
    """A point and digits that are at least `fraction`; nothing, if that is 0."""
    if not fraction:
        return _ANY_FRACTION if inclusive else r"\.[0-9]*[1-9][0-9]*"
    found = "[0-9]*" if inclusive else "[0-9]*[1-9][0-9]*"
    for digit in reversed(fraction):
        others = _beyond(int(digit), upwards=True)
        options = [digit + found]
        if others:
            options.append(f"{others}{_DIGIT}*")
        found = either(options)
    return rf"\.{found}"


def _fraction_below(fraction: str, *, inclusive: bool) -> str:
    """Nothing, or a point and digits that are at most `fraction`."""
    if not fraction:
        return r"(?:\.0+)?" if inclusive else "(?!)"
    found = "0*" if inclusive else "(?!)"
    for at, digit in reversed(list(enumerate(fraction))):
        others = _beyond(int(digit), upwards=False)
        options = [] if found == "(?!)" else [digit + found]
        if others:
            options.append(f"{others}{_DIGIT}*")
        if at:  # the digits may end here: what is missing is 0
            options.append("")
        found = either(options)
    return rf"(?:\.{found})?"


def _beyond(digit: int, *, upwards: bool) -> str:
    """The digits above or below `digit`; empty if there are none."""
    if upwards:
        return _class(digit + 1, 9) if digit < 9 else ""
    return _class(0, digit - 1) if digit else ""


def _class(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return _DIGIT if (first, last) == (0, 9) else f"[{first}-{last}]"


def _literal(character: str) -> str:
    return f"\\{character}" if character in r".+*?()[]{}|^$\/" else character
