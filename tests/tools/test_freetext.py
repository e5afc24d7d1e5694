"""Patterns for "text without a marker", judged against `str.__contains__` and `re`."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.errors import ConstraintError
from structgen.tools.freetext import MAX_MARKER_CHARS, text_not_starting_with, text_without

MARKERS = [
    ["ab"],
    ["aa"],
    ["aab"],
    ["aba"],
    ["abab"],
    ["aabaa"],
    ["ab", "ba"],
    ["ab", "b"],
    ["aba", "bb", "ca"],
    ["a"],
    [],
]


@pytest.mark.parametrize("markers", MARKERS, ids=lambda m: "+".join(m) or "none")
def test_matches_exactly_the_texts_without_a_marker(markers: list[str]) -> None:
    pattern = re.compile(text_without(markers))
    for length in range(8):
        for chars in itertools.product("abc" if length < 7 else "ab", repeat=length):
            text = "".join(chars)
            free = not any(marker in text for marker in markers)
            assert bool(pattern.fullmatch(text)) is free, (text, pattern.pattern)


@given(st.text(alphabet="<tol_ca>/ \n", max_size=40), st.booleans())
def test_hermes_marker(text: str, planted: bool) -> None:
    if planted:
        text = text[: len(text) // 2] + "<tool_call>" + text[len(text) // 2 :]
    pattern = re.compile(text_without(["<tool_call>"]))
    assert bool(pattern.fullmatch(text)) is ("<tool_call>" not in text)


@pytest.mark.parametrize("marker", ["<tool_call>", "[TOOL_CALLS]", "ab" * 16, "a" * 32, "aabaabaa"])
def test_pattern_stays_small(marker: str) -> None:
    assert len(text_without([marker])) < 60 * len(marker) ** 2


def test_special_characters_are_taken_literally() -> None:
    pattern = re.compile(text_without(["[^\\]-\n"]))
    assert pattern.fullmatch("[^\\]-")
    assert not pattern.fullmatch("x[^\\]-\ny")


def test_bad_markers_are_refused() -> None:
    with pytest.raises(ConstraintError, match="empty"):
        text_without([""])
    with pytest.raises(ConstraintError, match=str(MAX_MARKER_CHARS)):
        text_without(["x" * (MAX_MARKER_CHARS + 1)])


@pytest.mark.parametrize(
    ("text", "free"),
    [("", True), (" \n", True), ("hi {", True), ("  hi", True), ("{", False), (" \n{}", False)],
)
def test_text_not_starting_with(text: str, free: bool) -> None:
    assert bool(re.fullmatch(text_not_starting_with("{"), text)) is free
