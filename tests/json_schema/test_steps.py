"""`multipleOf` over steps, bounds and spellings, judged by exact fractions.

A step of up to nine places before or after the point has a language or, where no number is left, is
told empty; and how long that takes does not depend on its digits.
"""

from __future__ import annotations

import itertools
import json
import random
from fractions import Fraction

import pytest

import structgen as sg

STEPS = (
    "1e-9", "3e-9", "7e-7", "0.001", "0.07", "0.3", "0.125", "1.5", "12.34", "7", "64", "360",
    "99991", "123456.789", "999999937", "1e9", "999999937e-9", "123456789e-5",
)  # fmt: skip
BOUNDS: tuple[dict[str, str], ...] = (
    {},
    {"minimum": "0"},
    {"maximum": "1000000"},
    {"exclusiveMinimum": "-12.34"},
    {"minimum": "-5", "maximum": "5"},
    {"minimum": "1.5", "maximum": "1234567.25"},
    {"exclusiveMinimum": "0", "exclusiveMaximum": "STEP"},
    {"minimum": "STEP", "maximum": "STEP"},
    {"exclusiveMinimum": "-2000000000", "maximum": "1e10"},
)


def spelled(value: Fraction) -> str | None:
    """As a plain decimal; None if it has none of a few places."""
    scaled = value * 10**12
    if scaled.denominator != 1:
        return None
    digits = f"{abs(scaled.numerator):013d}"
    text = (digits[:-12] + "." + digits[-12:]).rstrip("0").rstrip(".")
    return "-" + text if scaled < 0 else text


def holds(value: Fraction, kind: str, step: Fraction, bounds: dict[str, Fraction]) -> bool:
    return (
        value % step == 0
        and (kind == "number" or value.denominator == 1)
        and value >= bounds.get("minimum", value)
        and value <= bounds.get("maximum", value)
        and ("exclusiveMinimum" not in bounds or value > bounds["exclusiveMinimum"])
        and ("exclusiveMaximum" not in bounds or value < bounds["exclusiveMaximum"])
    )


def is_empty(kind: str, step: Fraction, bounds: dict[str, Fraction]) -> bool:
    """Whether no multiple lies between the bounds, which is arithmetic."""
    if kind == "integer":
        step = Fraction(step.numerator)
    low = bounds.get("minimum", bounds.get("exclusiveMinimum"))
    high = bounds.get("maximum", bounds.get("exclusiveMaximum"))
    if low is None or high is None:
        return False
    first, last = -(-low // step), high // step
    first += "exclusiveMinimum" in bounds and first * step == low
    last -= "exclusiveMaximum" in bounds and last * step == high
    return first > last


def near(step: Fraction, bounds: dict[str, Fraction], draw: random.Random) -> set[Fraction]:
    """Multiples, near ones of the bounds too, and numbers beside them."""
    whole = Fraction(step.numerator)
    found: set[Fraction] = {Fraction(0), Fraction(1), step / 2, step * 3 / 2}
    for unit in (step, whole):
        for end in (*bounds.values(), Fraction(0), Fraction(10**6)):
            times = end // unit
            found |= {unit * (times + more) for more in (-1, 0, 1, 2)}
        found |= {unit * draw.randint(-50, 10_000) for _ in range(4)}
    found |= set(bounds.values())
    beside = (Fraction(1), step / 10, Fraction(1, 10**9), Fraction(1, 10))
    found |= {value + draw.choice(beside) for value in sorted(found)}
    return found


@pytest.mark.parametrize("spelling", ["plain", "all"])
@pytest.mark.parametrize("step", STEPS)
def test_steps_between_bounds(step: str, spelling: str) -> None:
    draw = random.Random(f"{step} {spelling}")
    size = Fraction(step)
    accepted = refused = empty = 0
    for kind, given, split in itertools.product(("number", "integer"), BOUNDS, (False, True)):
        texts = {name: value.replace("STEP", step) for name, value in given.items()}
        bounds = {name: Fraction(value) for name, value in texts.items()}
        rules = "".join(f', "{name}": {value}' for name, value in texts.items())
        schema = (
            f'{{"allOf": [{{"multipleOf": {step}}}, {{"type": "{kind}"{rules}}}]}}'
            if split
            else f'{{"type": "{kind}", "multipleOf": {step}{rules}}}'
        )
        if is_empty(kind, size, bounds):
            with pytest.raises(sg.EmptyLanguageError):
                sg.json_schema(schema, number_spelling=spelling)  # type: ignore[arg-type]
            empty += 1
            continue
        constraint = sg.json_schema(schema, number_spelling=spelling)  # type: ignore[arg-type]
        if size.numerator > 10**6 and len(bounds) < 2:
            # To read texts beside one bound may take a search that ends at a limit.
            continue
        for value in near(size, bounds, draw):
            text = spelled(value)
            # Of decimals with more digits a reader's floats do not tell neighbours apart.
            if text is None or len(text) > 15:
                continue
            right = holds(value, kind, size, bounds)
            assert constraint.accepts(text) == right, (schema, text)
            accepted += right
            refused += not right
            if right and spelling == "all":
                padded = text + ("0" if "." in text else ".00")
                assert constraint.accepts(padded), (schema, padded)
        for seed in range(1):
            value = Fraction(
                json.loads(constraint.sample(seed=seed), parse_int=str, parse_float=str)
            )
            assert holds(value, kind, size, bounds), (schema, value)
    assert accepted > 20
    assert refused > 50
    assert empty or size < 1


WORDS = sg.Vocabulary(
    [*(bytes([b]) for b in b"0123456789.-eE+"), b"00", b"12", b"999", b"37", None],
    eos_token_ids=[19],
)


@pytest.mark.parametrize("step", ["0.07", "12.34", "99991"])
@pytest.mark.parametrize("spelling", ["plain", "all"])
def test_masks_on_the_way_to_a_multiple(step: str, spelling: str) -> None:
    """Whatever is begun within masks ends as a multiple, also beside the bounds."""
    draw = random.Random(step)
    for low, high in (("-2000000000", "2000000000"), ("1.5", "1e13"), ("0", "1234567890123")):
        schema = f'{{"multipleOf": {step}, "type": "number", "minimum": {low}, "maximum": {high}}}'
        constraint = sg.json_schema(schema, number_spelling=spelling)  # type: ignore[arg-type]
        compiled = constraint.compile(WORDS)
        for _ in range(6):
            matcher = compiled.matcher()
            mask = sg.allocate_mask(1, WORDS.size)
            while not matcher.is_terminated() and len(matcher.tokens) < 9:
                matcher.fill_mask(mask, 0)
                allowed = list(sg.allowed_tokens(mask, WORDS.size))
                assert allowed, matcher.tokens
                going = [t for t in allowed if t != 19]
                matcher.advance(draw.choice(going or allowed))
            rest = matcher.completion_tokens()
            assert rest is not None
            tokens = [t for t in (*matcher.tokens, *rest) if t != 19]
            text = b"".join(WORDS.token_bytes(t) or b"" for t in tokens).decode()
            bounds = {"minimum": Fraction(low), "maximum": Fraction(high)}
            assert holds(Fraction(text), "number", Fraction(step), bounds), (schema, text)
