"""The dialects of the peers, and a run over the shipped grammars."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import structgen as sg
from structgen.constraints.grammar import GrammarSource
from tests.benchmarks.scripts import run_script

HOLES = r"""
root ::= "(" list ")" | gone
list ::= item ("," item)* | "[" gone{0,2} "]" | missing item
item ::= [a-c^\]-] | "\"" . "\n" | ("x" missing | "y")+ | gone
gone ::= "z" missing | missing
"""


def test_undefined_rules_are_pruned_and_the_language_stays(dialects: ModuleType) -> None:
    pruned = dialects.without_undefined(HOLES)
    assert "missing" not in pruned
    assert "gone" not in pruned
    with pytest.warns(UserWarning, match="derives nothing"):
        before = sg.grammar(GrammarSource(text=HOLES, format="ebnf"))
    after = sg.grammar(GrammarSource(text=pruned, format="gbnf"))  # strict: all is defined
    texts = [constraint.sample(seed) for constraint in (before, after) for seed in range(60)]
    texts += ["(a,^,])", '("é\n,y)', "([])", "(-)", "(x)", "(xy)", "()", "z", "([z])", "(a,)"]
    for text in texts:
        assert before.accepts(text) == after.accepts(text), text
    assert after.accepts("(yy)")
    assert not after.accepts("(xy)")


def test_a_grammar_that_is_whole_goes_as_it_is(dialects: ModuleType) -> None:
    text = 'root ::= "a" # a comment\n  | "b" root\n'
    assert dialects.without_undefined(text) == text
    with pytest.raises(dialects.DialectError, match="root"):
        dialects.without_undefined('root ::= "a" missing')


WORDS = ["or", "OR", "order", "in", "into", "is", "x", "or_", "i", "ina", "o", "n1", "Order"]


@pytest.mark.parametrize("pattern", [r"(?!(?:or|in)\b)[a-z_][a-z0-9_]*", "(?!or|in)[a-z_]+"])
def test_lookaheads_become_complements(dialects: ModuleType, pattern: str) -> None:
    rest = "\nB: /b/  // (?! stays\n"
    said = dialects.without_lookahead(f"start: NAME B\nNAME: /{pattern}/i{rest}")
    found = re.fullmatch(r"start: NAME B\nNAME: /(.*)/i & ~/(.*)/i" + re.escape(rest), said)
    assert found, said
    for word in WORDS:
        told = re.fullmatch(found[1], word, re.I) and not re.fullmatch(found[2], word, re.I)
        assert bool(told) == bool(re.fullmatch(pattern, word, re.I)), word


@pytest.mark.parametrize("pattern", ["(?!a(?=b))c", "(?!a)b(?!c)", "(?!a)b(?<!c)d"])
def test_other_lookarounds_are_refused(dialects: ModuleType, pattern: str) -> None:
    with pytest.raises(dialects.DialectError, match="NAME"):
        dialects.without_lookahead(f"start: NAME\nNAME: /{pattern}/\n")


def test_llguidance_reads_the_same_names(dialects: ModuleType) -> None:
    llguidance = pytest.importorskip("llguidance")
    text = 'start: NAME " "\nNAME: /(?!(?:or|in)\\b)[a-z_][a-z0-9_]*/i\n%ignore /;/\n'
    tokenizer = llguidance.LLTokenizer("byte")
    lark = llguidance.LLMatcher.grammar_from_lark(dialects.for_llguidance(text))
    ours = sg.grammar(GrammarSource(text=text, format="lark"))
    for word in [*WORDS, ";x", ";or"]:
        matcher = llguidance.LLMatcher(tokenizer, lark, log_level=0)
        assert not matcher.is_error(), matcher.get_error()
        ids = list(f"{word} ".encode())
        theirs = matcher.validate_tokens(ids) == len(ids)
        assert theirs == ours.accepts(f"{word} "), word


def test_peers_are_compared_on_what_both_accept(
    summaries: ModuleType, comparisons: ModuleType
) -> None:
    def verdict(name: str, tbm: list[float], error: str = "") -> Any:
        first = 1e-3 if name.endswith("/0") else float("nan")
        return summaries.Verdict(name, error=error, ttfm=first, tbm=[t * 1e-6 for t in tbm])

    run = {
        "structgen": [verdict("g/0", [2, 2]), verdict("g/1", [12]), verdict("h/0", [5])],
        "llguidance": [verdict("g/0", [1, 4]), verdict("g/1", [99], "lost"), verdict("h/0", [10])],
        "xgrammar": [verdict("g/0", [8, 8]), verdict("g/1", [4]), verdict("h/0", [], "lost")],
    }
    found = comparisons.Comparison([run, run], "all")
    assert found.ratios("llguidance", {"g"}) == pytest.approx([4 / 5] * 2)
    assert found.ratios("xgrammar", {"g"}) == pytest.approx([16 / 20] * 2)
    assert found.ratios("xgrammar", {"h"}) == []
    assert found.better({"h"}) == pytest.approx([0.5] * 2)
    # Of g the peers are equal, and all our 16 us count; of h only one was there.
    assert found.better({"g", "h"}) == pytest.approx([21 / (16 / 0.8 + 10)] * 2)
    assert found.above({"g", "h"}) == {}
    assert found.figures("llguidance", {"g"})["max"] == pytest.approx(4)
    first = comparisons.Comparison([run], "first")
    assert first.ratios("xgrammar", {"g"}) == pytest.approx([4 / 16])
    assert first.figures("structgen", {"g"})["masks"] == 2
    rows = first.table({"g": {"g"}, "h": {"h"}}).rows
    assert [row[1] for row in rows] == ["structgen", "llguidance", "xgrammar"] * 2
    assert rows[0][-1] == "0.80"
    assert rows[-1][2:] == ["0", "-", "-", "-", ""]
    slow = {"structgen": [verdict("g/0", [9])], "llguidance": [verdict("g/0", [3])]}
    assert comparisons.Comparison([slow], "all").above({"g"}) == {"g": 3.0}


def test_a_run_over_the_shipped_grammars(tmp_path: Path, tokenizer: Path) -> None:
    pytest.importorskip("matplotlib")
    out, plots = tmp_path / "out.json", tmp_path / "plots"
    options = ["--tokenizer", str(tokenizer), "--families", "json,shipped", "--texts", "3"]
    options += ["--engines", "structgen,structgen-any", "--repeat", "2", "--each"]
    options += ["--slowest", "4", "--out", str(out), "--plots", str(plots), "--clock", "cpu"]
    printed = run_script("grammars.py", *options)
    found = json.loads(out.read_text())
    every = {
        "json",
        *(f"shipped.{n}" for n in ("arithmetic", "iso_date", "s_expression", "smiles")),
    }
    assert set(found["texts"]) == every
    assert all(origins["accept"] >= 3 for origins in found["texts"].values())
    # Both are structgen, which accepts its own texts, masks as its recogniser judges.
    assert found["not_accepted"] == {"structgen": {}, "structgen-any": {}}
    assert found["judged_otherwise"] == {"structgen": {}, "structgen-any": {}}
    for scope in ("first", "all"):
        assert set(found["figures"][scope]) == {*every, "shipped", "all"}
    json_first, json_all = (found["figures"][scope]["json"] for scope in ("first", "all"))
    assert json_first["engines"]["structgen"]["masks"] < json_all["engines"]["structgen"]["masks"]
    assert len(json_all["by_the_better_peer"]) == 2
    assert json_all["by_the_better_peer"] == json_all["ratios"]["structgen-any"]
    assert "| shipped.smiles | structgen |" in printed
    assert "<h1>Masks under grammars</h1>" in (plots / "report.html").read_text()
