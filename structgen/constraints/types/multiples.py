"""Patterns of decimals that are multiples of a number."""

from __future__ import annotations

from decimal import Decimal
from math import gcd

from structgen.constraints.types.digits import either

_MOST_ENDINGS = 3
"""Digits at the end that a pattern may list: 1,000 endings."""
_MOST_DIGITS = 27
"""Digits of a quotient for which Python's decimals have room."""


def multiples_pattern(step: Decimal) -> str | None:
    """Plain decimals that are multiples of `step`, which is above 0; None, if their last digits do
    not tell.

    They do where `step`, as a whole number of some power of 10, has no factors but 2 and 5: 0.01,
    0.25, 5. A pattern for multiples of 3 would have to add up all digits.
    """
    exponent = step.as_tuple().exponent
    if not isinstance(exponent, int):
        return None
    places = max(0, -exponent)
    if places >= _MOST_DIGITS or step.adjusted() >= _MOST_DIGITS:
        return None
    units = int(step.scaleb(places))
    options: list[str] = []
    room = max(1, _MOST_DIGITS - places)
    for fraction in range(places + 1):
        # A number with so many digits after the point, as whole: multiple of what?
        factor = units // gcd(units, 10 ** (places - fraction))
        texts = _ending(factor, fraction, room)
        if texts is None:
            return None
        options.append(texts)
    return f"^-?{either(options)}$"


def _ending(factor: int, fraction: int, room: int) -> str | None:
    """Numbers with `fraction` digits after the point that without it are multiples of `factor`."""
    width = 0
    while 10**width % factor:
        width += 1
        if width > _MOST_ENDINGS:
            return None
    whole = f"(?:0|[1-9][0-9]{{0,{room - 1}}})"
    if not width:
        return whole + (rf"\.[0-9]{{{fraction}}}" if fraction else "")
    if width <= fraction:
        ends = either([f"{n:0{width}}" for n in range(0, 10**width, factor)])
        free = f"[0-9]{{{fraction - width}}}" if fraction > width else ""
        return rf"{whole}\.{free}{ends}"
    # The last digits reach over the point.
    options: list[str] = []
    point = r"\.{}" if fraction else "{}"
    for number in range(0, 10**width, factor):
        head, tail = divmod(number, 10**fraction)
        after = point.format(f"{tail:0{fraction}}") if fraction else ""
        options.append(f"{head}{after}")
        options.append(f"[1-9][0-9]{{0,{room - 1}}}{head:0{width - fraction}}{after}")
    return either(options)
