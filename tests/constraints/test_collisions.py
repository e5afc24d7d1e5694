"""Terminals that can match the same text."""

from __future__ import annotations

import re

import pytest

from structgen.constraints import collisions, shipped_grammars
from structgen.constraints.grammar import load_ir, load_source
from structgen.constraints.ir import LiteralTerminal, RegexTerminal


def test_pairs_and_examples() -> None:
    text = 'start: (IF | NAME | NUMBER)+\nIF: "if"\nNAME: /[a-z]+/\nNUMBER: /[0-9]+/'
    found = collisions(text)
    assert [(c.first, c.second, c.example) for c in found] == [("IF", "NAME", "if")]


def test_none() -> None:
    assert collisions('start: A B\nA: "a"\nB: /[b-d]+/') == []


def test_case_and_flags() -> None:
    found = collisions('start: A B\nA: "ab"i\nB: /A./')
    assert len(found) == 1
    assert found[0].example.lower() == "ab"
    assert found[0].example.startswith("A")


def test_patterns_that_interegular_cannot_read_are_left_to_the_core() -> None:
    # A look-behind.
    found = collisions('start: A B\nA: /a(?<=a)b+/\nB: "abb"')
    assert [(c.first, c.second, c.example) for c in found] == [("A", "B", "abb")]


@pytest.mark.parametrize("name", sorted(shipped_grammars()))
def test_examples_are_matched_by_both(name: str) -> None:
    ir = load_ir(load_source(name))
    patterns: dict[str, list[re.Pattern[str]]] = {}
    for terminal in ir.terminals:
        if isinstance(terminal, LiteralTerminal):
            flags = re.IGNORECASE if terminal.ignore_case else 0
            pattern = re.compile(re.escape(terminal.text), flags)
        else:
            assert isinstance(terminal, RegexTerminal)
            pattern = re.compile(terminal.as_pattern())
        patterns.setdefault(terminal.name, []).append(pattern)
    for found in collisions(ir, max_seconds=20):
        for terminal_name in (found.first, found.second):
            name_only = re.sub(r" \(\d+\)$", "", terminal_name)
            assert any(p.fullmatch(found.example) for p in patterns[name_only]), found


def test_keywords_of_sql_are_no_names() -> None:
    found = {(c.first, c.second) for c in collisions("sql_select", max_seconds=20)}
    assert ("NAME", "SELECT") not in found
    assert ("FROM", "NAME") not in found
