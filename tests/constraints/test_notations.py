"""Which notation a grammar text is in, and what is said of those that are not read."""

from __future__ import annotations

import random
import re
import time

import pytest

from structgen.constraints import grammar
from structgen.constraints.grammar import GrammarFormat, load_source
from structgen.constraints.lark_trees import OPAQUE
from structgen.constraints.notations import foreign_notation, guessed_format
from structgen.errors import (
    GrammarSyntaxError,
    LimitExceeded,
    StructgenError,
    UnsupportedFeatureError,
)

LARK = [
    'start: NAME "::=" NAME\nNAME: /[a-z]+/\n',
    "// root ::= x\nstart: A\nA: /a::=b/\n",
    '# root ::= x\n?start: a{"x"}\na{t}: t\n',
    '%import common.WORD\nstart: WORD "root ::= x"\n',
    'start.2: "a"\n  | "b ::= c"\n',
    '!_x: "a"\nstart: _x "\\nroot ::= "\n',
    'start: "a"',
]
GBNF = [
    'root ::= "a"\n',
    '# start: x\nroot ::= "start: b" x\nx ::= [a-z:]\n',
    'root ::= (\n  "a" |\n  "b" )\n',
    '\n\n  root-1 ::= "a"\nroot ::= root-1\n',
]


@pytest.mark.parametrize("text", LARK)
def test_lark_is_told(text: str) -> None:
    assert guessed_format(text) == "lark"
    assert load_source(text).format == "lark"
    assert grammar(text) is not None


@pytest.mark.parametrize("text", GBNF)
def test_gbnf_is_told(text: str) -> None:
    assert guessed_format(text) == "gbnf"
    assert load_source(text + " ").format == "gbnf"
    assert grammar(text) is not None


def test_the_grammar_of_the_fault_report_means_what_it_says() -> None:
    constraint = grammar('start: NAME "::=" NAME\nNAME: /[a-z]+/\n')
    assert constraint.accepts("a::=b")
    assert not constraint.accepts("ab")


@pytest.mark.parametrize("text", ["start: (A\nA: /a/", 'root = "a"\n', 'root ::= ("a"\n'])
def test_an_error_names_the_format_that_was_guessed(text: str) -> None:
    with pytest.raises(GrammarSyntaxError, match="format=") as caught:
        grammar(text)
    assert caught.value.hint
    # Nobody guessed here.
    with pytest.raises(GrammarSyntaxError) as caught:
        grammar(text, format=guessed_format(text))
    assert "format=" not in (caught.value.hint or "")


FOREIGN = [
    ("ISO EBNF", 'digit = "0" | "1" ;\nnumber = digit , { digit } ;\n'),
    ("ISO EBNF", '(* numbers *)\nstart = [ "-" ] , digit ;\ndigit = "0" ;\n'),
    ("ANTLR", "grammar Foo;\nstart : 'a' b ;\nb : 'c' ;\n"),
    ("ANTLR", "start : 'a' b ;\nb : 'c' ;\nWS : [ \\t]+ -> skip ;\n"),
    ("angle brackets", '<start> ::= "a" <b>\n<b> ::= "b"\n'),
    ("PEG", 'start <- "a" / "b"\n'),
    ("ABNF", "start = %x41-5A / DIGIT\n"),
    ("%json", 'start: "a" %json {"type": "string"}\n'),
    ("llguidance", '%llguidance {}\nstart: "a"\n'),
    ("%regex", 'start: A\nA: %regex {"substring_words": "a b"}\n'),
    ("special tokens", 'start: "a" <|im_end|>\n'),
    ("special tokens", "root ::= <[10]> \n"),
    ("attributes", 'start[capture]: "a"\n'),
    ("attributes", 'start: a\na[stop="x", max_tokens=3]: /a*/\n'),
    ("`&`", "start: A\nA: /a/ & /b/\n"),
    ("`&`", "start: A\nA: (/a/ | ~/b/)\n"),
    ("JSON Schema", '{"type": "object"}'),
    ("JSON Schema", '{\n  "$schema": "https://json-schema.org/draft/2020-12/schema"\n}'),
]


@pytest.mark.parametrize(("name", "text"), FOREIGN)
@pytest.mark.parametrize("format", [None, "lark", "gbnf"])
def test_other_notations_are_named(name: str, text: str, format: GrammarFormat | None) -> None:
    if (format, name) == ("gbnf", "ISO EBNF") and "," not in text:
        pytest.skip("this is also what the reader of GBNF takes")
    with pytest.raises(GrammarSyntaxError, match=re.escape(name)) as caught:
        grammar(text, format=format)
    assert caught.value.hint
    assert "Token(" not in str(caught.value)


@pytest.mark.parametrize("text", [*LARK, *GBNF])
def test_notations_that_are_read_are_not_foreign(text: str) -> None:
    assert foreign_notation(text) is None


BROKEN = [
    r"a\h", "[[:digit:]]", "(b", "b)", r"(?P<1>a)", "[b-a]", "a**", r"\p{L}", "[a-z&&[^b]]",
    "(?i)a(?i)b", r"(a)\1", "a*+b(",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_a_bad_pattern_is_shown_where_it_stands(seed: int) -> None:
    """Definitions in any order around a bad pattern, in a terminal, a rule, or an alternative."""
    chance = random.Random(seed)
    bad = chance.choice(BROKEN)
    good = ['"x"', "/[a-z]+/", '"a b"i', "/\\d\\/\\d/", '"// no comment"', "/[^x]+ # no comment/"]
    lines = [f"A{i}: {' | '.join(chance.sample(good, 2))}" for i in range(4)]
    before = chance.choice(["", '"y" ', "/z/ "])
    after = chance.choice(["", ' "y"', " /z/i"])
    home = chance.choice([f"B: {before}/{bad}/{after}", f"b: {before}/{bad}/{after}"])
    home = home.replace("b: /", "b: A0 | /")
    lines += [home, "start: A0 A1 A2 A3 " + home[0], "// /(/ is in a comment", ""]
    chance.shuffle(lines)
    text = "\n".join(lines)
    with pytest.raises((GrammarSyntaxError, UnsupportedFeatureError)) as caught:
        grammar(text, format="lark")
    error = caught.value
    assert error.line == lines.index(home) + 1
    first = home.index(f"/{bad}/") + 2
    assert first <= error.column <= first + len(bad)
    assert f"(line {error.line}, column {error.column})" in str(error)
    assert f"in `{home[0]}`: " in error.message
    if isinstance(error, GrammarSyntaxError):
        shown, caret = error.excerpt.split("\n")
        assert shown == f"{error.line:>4} | {home}"
        assert caret.index("^") == shown.index(home) + error.column - 1


def test_a_missing_start_names_the_rules() -> None:
    with pytest.raises(GrammarSyntaxError, match="no rules at all"):
        grammar('A: "a"\n', format="lark")
    for text, format in (('one: "a"\ntwo: "b"\n', "lark"), ('one ::= "a"\ntwo ::= "b"\n', "gbnf")):
        with pytest.raises(GrammarSyntaxError, match=r'start="..."`: `one`, `two`') as caught:
            grammar(text, format=format)  # pyright: ignore[reportArgumentType]
        assert "line 0" not in str(caught.value)


@pytest.mark.parametrize("seed", range(30))
def test_errors_of_broken_grammars_are_in_our_words(seed: int) -> None:
    chance = random.Random(seed)
    text = chance.choice([text for text in LARK if "import" not in text])
    pieces = ["", "(", "\n\n", "|", '"', "/", "~", "{", "%", "x: ", ")", "*", "~3", "->", ":"]
    for _ in range(30):
        at = chance.randrange(len(text))
        broken = text[:at] + chance.choice(pieces) + text[at + 1 :]
        said = message_of(broken)
        for foreign in ("Token(", "line 0", "<string>", "Expected one of"):
            assert foreign not in said, broken


def message_of(text: str) -> str:
    """What is said of the grammar; nothing if it is one."""
    try:
        grammar(text, format="lark")
    except StructgenError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("length", [51, 102, 500, 2_500])
def test_long_chains_of_rules(length: int) -> None:
    rules = [f'r{i} ::= "a" r{i + 1} | "b"' for i in range(length)]
    constraint = grammar("\n".join(["root ::= r0", *rules, f'r{length} ::= "c"']), format="gbnf")
    for text, expected in [
        ("a" * length + "c", True), ("b", True), ("a" * (length - 1) + "b", True),
        ("a" * length + "b", False), ("a" * length, False), ("a" * (length + 1) + "c", False),
    ]:  # fmt: skip
        assert constraint.accepts(text) is expected


def test_chains_of_groups_repetitions_and_definitions() -> None:
    deep = "root ::= " + "(" * 150 + '"a"' + ")" * 150 + "\n"
    assert grammar(deep, format="gbnf").accepts("a")
    nested = 'r0 ::= "a"\n' + "".join(f'r{i + 1} ::= ("<" r{i} ">")*\n' for i in range(150))
    assert grammar(nested, start="r150", format="gbnf").accepts("<" * 150 + "a" + ">" * 150)
    again = 'root ::= "a"\n' + "".join(f'root ::= "{i}"\n' for i in range(3_000))
    assert grammar(again, format="gbnf").accepts("2999")
    with pytest.raises(LimitExceeded, match="nested deeper"):
        grammar('root ::= "a"' + "*" * 5_000 + "\n", format="gbnf")


@pytest.mark.parametrize(
    "piece", ["\\/", '\\"', "\\'", "/*", "(*", "a:\n", "a=b\n", "a[", "/a/ ", "# ", "<|"]
)
@pytest.mark.parametrize("opening", ["start: /", 'start: "', "start: '", "start: ("])
def test_looking_at_a_text_is_linear(opening: str, piece: str) -> None:
    """Sixteen times the text takes about sixteen times as long, where it was 256 times."""

    def seconds(count: int) -> float:
        text = opening + piece * count
        before = time.process_time()
        for _ in range(5):
            guessed_format(text)
            foreign_notation(text)
            OPAQUE.sub("x", text)
        return time.process_time() - before

    seconds(10)
    assert seconds(16_000) < 64 * (seconds(1_000) + 0.002)
