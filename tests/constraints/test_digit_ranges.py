"""Patterns of ranges of digits, against counting."""

from __future__ import annotations

import itertools
import random
import re
from decimal import Decimal

import pytest

from structgen.constraints.types import digits


def whole_text(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


BOUNDS = [0, 1, 5, 7, 9, 10, 11, 19, 20, 47, 90, 99, 100, 101, 109, 110, 199, 305, 989, 999, 1000]


def test_whole_numbers() -> None:
    texts = [str(n) for n in range(1205)] + ["00", "01", "007", "-1", "", "1.0"]
    for low, high in itertools.product(BOUNDS, [*BOUNDS, None]):
        pattern = digits.whole(low, high)
        for text in texts:
            canonical = text.isdigit() and str(int(text)) == text
            expected = canonical and low <= int(text) and (high is None or int(text) <= high)
            assert whole_text(pattern, text) == expected, (low, high, text, pattern)


def test_integers() -> None:
    ends = [-1000, -101, -99, -10, -9, -1, 0, 1, 9, 10, 99, 101, 1000, None]
    texts = [str(n) for n in range(-1103, 1103, 1)] + ["-0", "01", "-01", "+1", ""]
    for low, high in itertools.product(ends, ends):
        pattern = digits.integers(low, high)
        for text in texts:
            canonical = text not in ("-0", "01", "-01", "+1", "")
            expected = (
                canonical
                and (low is None or low <= int(text))
                and (high is None or int(text) <= high)
            )
            assert whole_text(pattern, text) == expected, (low, high, text, pattern)


@pytest.mark.parametrize("bound", ["000", "001", "090", "099", "123", "500", "909", "990", "999"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_fixed_width(bound: str, inclusive: bool) -> None:
    above = digits.fixed_above(bound, inclusive=inclusive)
    below = digits.fixed_below(bound, inclusive=inclusive)
    for number in range(1000):
        text = f"{number:03}"
        equal = inclusive and text == bound
        assert whole_text(above, text) == (text > bound or equal)
        assert whole_text(below, text) == (text < bound or equal)
    assert not whole_text(above, "1000")
    assert not whole_text(below, "00")


def test_separators_stay() -> None:
    above = digits.fixed_above("2024-02-29", inclusive=True)
    for text in ("2024-02-29", "2024-03-01", "2025-01-01", "9999-12-31"):
        assert whole_text(above, text)
    for text in ("2024-02-28", "2023-12-31", "2024.03.01", "2024-3-01", "20240-03-01"):
        assert not whole_text(above, text)


def spellings() -> list[str]:
    """Plain decimals of all shapes, and others."""
    wholes = [str(n) for n in [*range(14), 19, 99, 100, 123]]
    fractions = ["", ".0", ".00", ".05", ".1", ".4", ".49", ".5", ".50", ".500", ".51", ".99"]
    plain = [sign + w + f for sign in ("", "-") for w in wholes for f in fractions]
    return [*plain, "01", "1.", ".5", "-", "+1", "1e2", ""]


DECIMAL_BOUNDS = ["0", "0.05", "0.5", "1", "1.5", "9.99", "10", "12.345", "99.9", "100", "123"]


@pytest.mark.parametrize("low_open", [False, True])
@pytest.mark.parametrize("high_open", [False, True])
def test_decimals(low_open: bool, high_open: bool) -> None:
    signed = [Decimal(b) for b in DECIMAL_BOUNDS] + [-Decimal(b) for b in DECIMAL_BOUNDS[1:]]
    texts = spellings()
    others = ["01", "1.", ".5", "-", "+1", "1e2", ""]
    negative_zero = re.compile(r"-0(\.0*)?")
    for low, high in itertools.product([*signed, None], repeat=2):
        pattern = digits.decimals(low, high, low_open=low_open, high_open=high_open)
        for text in texts:
            if negative_zero.fullmatch(text):
                continue  # zero, and it need not be written so
            expected = text not in others and _within(
                Decimal(text), low, high, low_open=low_open, high_open=high_open
            )
            assert whole_text(pattern, text) == expected, (low, high, text, pattern)
        zero = _within(Decimal(0), low, high, low_open=low_open, high_open=high_open)
        assert zero or not whole_text(pattern, "-0.0")


def _within(
    number: Decimal, low: Decimal | None, high: Decimal | None, *, low_open: bool, high_open: bool
) -> bool:
    return (low is None or number > low or (number == low and not low_open)) and (
        high is None or number < high or (number == high and not high_open)
    )


def test_random_ranges() -> None:
    draw = random.Random(5)
    for _ in range(300):
        low, high = (draw.randrange(10 ** draw.randrange(1, 9)) for _ in range(2))
        pattern = re.compile(digits.whole(low, high))
        near = {low - 1, low, low + 1, high - 1, high, high + 1, draw.randrange(10**9)}
        for number in near - {-1}:
            assert (pattern.fullmatch(str(number)) is not None) == (low <= number <= high)


def test_the_length_of_a_pattern_grows_with_the_digits() -> None:
    lengths = [len(digits.whole(int("1" * n), int("7" * n))) for n in (10, 20, 40)]
    assert lengths[2] < 5 * lengths[0]
