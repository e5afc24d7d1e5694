"""Terminals that can match the same text."""

from __future__ import annotations

import itertools
import re
import time

import interegular
import pytest

from structgen.constraints import collisions, shipped_grammars
from structgen.constraints.grammar import load_ir, load_source
from structgen.constraints.ir import GrammarIr, LiteralTerminal, RegexTerminal


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


def test_look_around_is_understood() -> None:
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


PATTERNS = [
    "a", "a+", "[a-c]+", "b?a", "(?:ab)*", "(?:ba)+", "[^a]", "[^a]{2}", "a|bb", "ab{2,3}", ".",
    "[0-9]+", "-?[0-9]+", "[0-9a-f]{2}", "x[0-9]*", "if", "[a-z]+", "(?!if)[a-z]+", "\\w", "\\d",
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(PATTERNS, 2)))
def test_interegular_finds_the_same(first: str, second: str) -> None:
    comparator = interegular.Comparator.from_regexes({"A": first, "B": second})
    collide = bool(list(comparator.check()))
    ir = GrammarIr(
        rules=(),
        terminals=(
            RegexTerminal(name="A", pattern=first),
            RegexTerminal(name="B", pattern=second),
        ),
    )
    found = collisions(ir)
    # `interegular` knows ASCII digits and letters only; ours are Python's, which agree here.
    assert bool(found) == collide
    for collision in found:
        assert re.fullmatch(first, collision.example)
        assert re.fullmatch(second, collision.example)


def test_explosive_patterns_end_soon() -> None:
    before = time.process_time()
    text = "start: A B\nA: /(?:a|b)*a(?:a|b){24}/\nB: /(?:a|b)*b(?:a|b){23}/"
    for collision in collisions(text, max_seconds=1):
        assert re.fullmatch("[ab]+", collision.example)
    assert time.process_time() - before < 10


def test_keywords_of_sql_are_no_names() -> None:
    found = {(c.first, c.second) for c in collisions("sql_select", max_seconds=20)}
    assert ("NAME", "SELECT") not in found
    assert ("FROM", "NAME") not in found
