"""Every bound of the library is a field of `Limits`, or known to be fixed; each says what to do."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import structgen as sg
from structgen.errors import FIXED_LIMITS, SETTABLE_LIMITS

ROOT = Path(__file__).resolve().parents[2]
CRATES = ROOT / "core" / "crates"

# Names of the same form that are no limits: options of `json_schema`, what the command line and
# samplers take, bounds inside a crate that nobody meets.
OTHER = {
    *("max_string_length", "max_array_length", "max_integer_digits", "max_fraction_digits"),
    *("max_exponent_digits", "max_trailing_zeros", "max_steps", "max_seconds", "max_lexer_states"),
    *("max_tokens", "max_length", "max_bytes", "max_attempts", "max_retries", "max_new_tokens"),
}
NAME = re.compile(r'"(max_[a-z_]+|compile_ms|mask_ms|mask_steps)"')


def limits(**given: Any) -> sg.Limits:
    return sg.Limits(**given)


def fields() -> dict[str, object]:
    parameters = inspect.signature(sg.Limits).parameters
    return {name: p.default for name, p in parameters.items() if name != "cancel"}


def test_errors_know_the_fields_of_limits() -> None:
    assert set(fields()) == SETTABLE_LIMITS
    assert not SETTABLE_LIMITS & set(FIXED_LIMITS)


def test_defaults_are_what_the_engine_takes_without_limits() -> None:
    program = sg.regex("a").program
    assert program.limits == sg.Limits()
    given = {name: getattr(program.limits, name) for name in fields()}
    assert given == fields()


@pytest.mark.parametrize("name", sorted(SETTABLE_LIMITS))
def test_each_field_is_kept_compared_hashed_and_pickled(name: str) -> None:
    changed = limits(**{name: 77})
    assert getattr(changed, name) == 77
    assert changed != sg.Limits()
    assert hash(changed) != hash(sg.Limits())
    assert f"{name}=77" in repr(changed)
    assert pickle.loads(pickle.dumps(changed)) == changed


@pytest.mark.skipif(not CRATES.is_dir(), reason="the sources are not here")
def test_no_name_of_a_limit_is_unknown() -> None:
    known = SETTABLE_LIMITS | set(FIXED_LIMITS) | OTHER
    unknown: list[str] = []
    sources = [
        *CRATES.glob("*/src/**/*.rs"),
        *(ROOT / "structgen" / "constraints").glob("*.py"),
        *(ROOT / "structgen" / "tools").glob("**/*.py"),
    ]
    assert len(sources) > 100
    for path in sources:
        text = path.read_text()
        if path.suffix == ".py":
            names = re.findall(r"LimitExceeded\([^)]*?name=\"(\w+)\"", text, re.DOTALL)
        else:
            names = NAME.findall(text.split("#[cfg(test)]")[0])
        unknown += [f"{path.name}: {name}" for name in names if name not in known]
    assert not unknown


def test_hints_say_what_to_set() -> None:
    error = sg.LimitExceeded("too deep", name="max_depth", limit=1000)
    assert error.hint == "to allow more: limits=sg.Limits(max_depth=2000)"
    assert sg.LimitExceeded("too long", name="max_grammar_text", limit=9).hint
    assert sg.LimitExceeded("x", name="max_depth", hint="do this").hint == "do this"


def test_a_hint_helps() -> None:
    deep: object = True
    for _ in range(150):
        deep = {"properties": {"a": deep}}
    schema = {"properties": {"a": deep}}
    with pytest.raises(sg.LimitExceeded) as raised:
        sg.json_schema(schema, limits=sg.Limits(max_source_depth=250))
    assert raised.value.name == "max_source_depth"
    assert "max_source_depth=500" in str(raised.value.hint)
    sg.json_schema(schema, limits=sg.Limits(max_source_depth=500))


def test_ten_searched_patterns_of_keys() -> None:
    """1,024 kinds of keys: 512 were allowed, and nothing set that."""
    patterns = {letter * 2: {"type": "null"} for letter in "abcdefghi"}
    limits = sg.Limits(max_key_classes=100)
    with pytest.raises(sg.LimitExceeded) as raised:
        sg.json_schema({"patternProperties": patterns}, limits=limits)
    assert (raised.value.name, raised.value.limit) == ("max_key_classes", 100)


FULL = {"type": "object", "minProperties": 40}


BEYOND: dict[str, Callable[[sg.Limits], object]] = {
    "max_nodes": lambda k: sg.json_schema({"allOf": [{"minLength": 1}] * 30}, limits=k),
    "max_nesting": lambda k: sg.regex("(" * 30 + "a" + ")" * 30, limits=k),
    "max_missing_members": lambda k: sg.json_schema(FULL, limits=k),
    "max_rules": lambda k: sg.grammar('start: a b\na: b b\nb: "x" a | "y"', limits=k),
    "max_terminals": lambda k: sg.grammar('start: "a" start "b" | "c" "d" "e"', limits=k),
    "max_symbols": lambda k: sg.grammar('start: "a" start "b" | "c" "d" "e"', limits=k),
}


@pytest.mark.parametrize("name", BEYOND)
def test_limits_that_could_not_be_set(name: str) -> None:
    build = BEYOND[name]
    with pytest.raises(sg.LimitExceeded) as raised:
        build(limits(**{name: 2}))
    assert (raised.value.name, raised.value.limit) == (name, 2)
    build(sg.Limits())
