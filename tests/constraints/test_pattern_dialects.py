"""Patterns of pydantic's engines in ECMA-262's words: nothing more is matched, and in ASCII nothing
less."""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any

import pydantic
import pytest

from structgen.constraints import json_schema
from structgen.constraints.types.dialects import Engine, ecma_pattern
from structgen.errors import UnsupportedFeatureError

BOTH = [
    r"^\d+$", r"^\D+$", r"^\w+$", r"^\W+$", r"^\s+$", r"^\S+$", r"[^\d]", r"^[^\w]+$", r"^[^\W_]+$",
    r"^[^\S]+$", r"^[\W\d]+$", r"^[\s\d]+$", r"^[\w.-]+$", r"\ba\b", r"a\B1", r"^a{2,3}?1*$",
    r"^(a|1)*\.$", r"(?P<n>a)_", r"(?i)Ab", r"^(?i:a)B", r"^(?s:a.)$", r"^[]a]+$", r"^[^]a]+$",
    r"^[a\-1]+$", r"^[/\\]+$", r"^\-\_a$", r"^[\x20-a]+$", r"^\x41\u0061$", r"^.\.$", r"^\$\|$",
]  # fmt: skip
RUST = [
    r"^\p{L}+$", r"^\pL+$", r"^\P{L}+$", r"^[[:alpha:]_]+$", r"^[[:^alpha:]]+$", r"^[^[:punct:]]+$",
    r"\<a", r"a\>", r"\Aa\z", r"^\x{41}$", r"^\u{61}$", r"(?<n>a)1",
]  # fmt: skip
PYTHON = [r"\Aa\Z", r"^(?=a)..$", r"^(?!a)..$", r"(?<=a)1", r"(?<!a)1"]
CASES: list[tuple[str, Engine]] = [
    *((pattern, "rust-regex") for pattern in BOTH + RUST),
    *((pattern, "python-re") for pattern in BOTH + PYTHON),
]
ALPHABET = "aB1_ .-\n$é"


def judge(pattern: str, engine: Engine) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(
        Annotated[str, pydantic.Field(pattern=pattern)],
        config=pydantic.ConfigDict(regex_engine=engine),
    )


def takes(adapter: pydantic.TypeAdapter[Any], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except pydantic.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("pattern", "engine"), CASES)
def test_translations(pattern: str, engine: Engine) -> None:
    adapter = judge(pattern, engine)
    try:
        translated = ecma_pattern(pattern, engine)
    except UnsupportedFeatureError:
        pytest.skip("refused")
    constraint = json_schema({"type": "string", "pattern": translated}, escapes="all")
    for seed in range(40):
        text = constraint.parse(constraint.sample(seed, max_bytes=40))
        assert takes(adapter, text), text
    for size in range(4):
        for letters in itertools.product(ALPHABET, repeat=size):
            text = "".join(letters)
            ours = constraint.accepts(pydantic.TypeAdapter(str).dump_json(text))
            if text.isascii() and not _ends_in_line(pattern, engine, text):
                assert ours == takes(adapter, text), text
            else:
                assert takes(adapter, text) or not ours, text


def _ends_in_line(pattern: str, engine: Engine, text: str) -> bool:
    """Whether Python's `$`, which also matches before a last line end, may tell."""
    return engine == "python-re" and pattern.endswith("$") and text.endswith("\n")


def test_few_are_refused() -> None:
    refused: list[str] = []
    for pattern, engine in CASES:
        try:
            ecma_pattern(pattern, engine)
        except UnsupportedFeatureError:
            refused.append(pattern)
    assert refused == [r"^[[:^alpha:]]+$"]


@pytest.mark.parametrize(
    "pattern",
    [r"(?x) a", r"(?m)^a", r"(a)\1", r"[a-z&&[^b]]", r"[a-z--b]", r"(?P=n)", r"a(?i)b", r"\p{^L}"],
)
def test_what_has_no_translation_is_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match="no exact form"):
        ecma_pattern(pattern)


def test_flags_of_compiled_patterns() -> None:
    assert ecma_pattern(re.compile("ab", re.IGNORECASE)) == "(?i)ab"
    assert ecma_pattern(re.compile("a.", re.DOTALL)) == "(?s)a."
    with pytest.raises(UnsupportedFeatureError, match="verbose"):
        ecma_pattern(re.compile("a b", re.VERBOSE))
