"""Lark grammars: what they mean, against lark itself and against an oracle; and what is refused."""

from __future__ import annotations

import itertools
import random
import re
import time
from pathlib import Path

import pytest
from lark import Lark, UnexpectedInput
from lark.exceptions import GrammarError

from structgen._core import Program
from structgen.constraints import choice, grammar, json_schema, regex, special_token
from structgen.constraints.grammar import GrammarSource, load_ir, load_source
from structgen.constraints.lark_files import load_lark
from structgen.errors import (
    ConstraintError,
    GrammarSyntaxError,
    LimitExceeded,
    UnsupportedFeatureError,
)

from .oracle import IrOracle

# name: (grammar, alphabet of the strings that are tried)
GRAMMARS = {
    "sequence": ('start: "a" "b"', "ab"),
    "alternatives": ('start: "a" | "ab" "c" | "abc" "c"', "abc"),
    "empty": ('start: | "a" start', "ab"),
    "left-recursive": ('start: start "a" | "b"', "ab"),
    "right-recursive": ('start: "a" start | "b"', "ab"),
    "nested": ('start: "(" start ")" start |', "()"),
    "ambiguous": ('start: start start | "a" | "ab" | "b"', "ab"),
    "hidden-left": ('start: maybe start "b" | "a"\nmaybe: | "c"', "abc"),
    "mutual": ('start: x\nx: y "a" | "b"\ny: x "c" | x', "abc"),
    "palindromes": ('start: "a" start "a" | "b" start "b" | "a" | "b" |', "ab"),
    "optional": ('start: ["a"] ["b"] "c"?', "abc"),
    "star": ('start: ("a" | "b" "c")*', "abc"),
    "plus": ('start: ("a" "b"?)+', "ab"),
    "count": ('start: "a"~2 "b"~1..3', "ab"),
    "count-of-choice": ('start: ("a" | "b")~2..3', "ab"),
    "nested-groups": ('start: (("a" | ("b" "c")?) "d")+', "abcd"),
    "terminals": ('start: A B\nA: "a"+\nB: A? "b"', "ab"),
    "overlapping-terminals": ('start: WORD "a" WORD?\nWORD: /[ab]+/', "ab"),
    "case": ('start: "ab"i "B"', "aAbB"),
    "regex-flags": ('start: /a.b/s /[ab]/i', "abA\n"),
    "range": ('start: "a".."c" D\nD: "b".."d"', "abcd"),
    "ignore": ('start: "a" "b"\n%ignore " "', "ab "),
    "ignore-two": ('start: X*\nX: "a" | "b"\n%ignore " "\n%ignore "c"', "ab c"),
    "ignore-list": ('start: "[" [X ("," X)*] "]"\nX: /a+/\n%ignore / +/', "[a,] "),
    "import": ('start: INT ("," INT)*\n%import common.INT', "12,a"),
    "import-as": ('start: n "+" n\n%import common.INT -> N\nn: N', "12+a"),
    "template": ('start: _sep{A, ","}\n_sep{x, s}: x (s x)*\nA: "a"', "a,b"),
    "template-nested": ('start: _two{_two{A}}\n_two{x}: x x\nA: "a"', "ab"),
    "template-recursive": ('start: _list{A}\n_list{x}: x | x "," _list{x}\nA: "a"', "a,"),
    "template-of-template": ('start: _apply{_two}\n_apply{t}: t{"a"} "b"\n_two{x}: x x', "ab"),
    "shaping": ('?start: _x -> named | x\n_x: "a" y\n!x: "c"\n?y: "b" -> b | "c"', "abc"),
    "priorities": ('start: a | B\na.2: "ab"\nB.3: "a" | "b"', "ab"),
    "extend": ('start: x\nx: "a"\n%extend x: "b"', "ab"),
    "override": ('%import common.DIGIT\n%override DIGIT: "a"\nstart: DIGIT+', "a1"),
    "comments": ('// one\nstart: "a" // two\n     | "b"', "ab"),
    "unused": ('start: "a"\nunused: unused2 "x"\nunused2: "y"', "axy"),
}  # fmt: skip


def lark_of(text: str) -> Lark:
    return Lark(text, parser="earley", lexer="dynamic_complete")


def lark_accepts(parser: Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except UnexpectedInput:
        return False
    return True


def words(alphabet: str, rng: random.Random) -> list[str]:
    short = [
        "".join(letters)
        for length in range(4)
        for letters in itertools.product(alphabet, repeat=length)
    ]
    long = ["".join(rng.choices(alphabet, k=rng.randint(4, 9))) for _ in range(150)]
    return short + long


@pytest.mark.parametrize("name", GRAMMARS)
def test_lark_the_oracle_and_the_core_agree(name: str) -> None:
    text, alphabet = GRAMMARS[name]
    parser, constraint = lark_of(text), grammar(text)
    oracle = IrOracle(load_lark(text))
    for word in words(alphabet, random.Random(name)):
        expected = lark_accepts(parser, word)
        assert oracle.accepts(word) == expected, f"the IR says otherwise than lark of {word!r}"
        assert constraint.accepts(word) == expected, f"the core says otherwise of {word!r}"


@pytest.mark.parametrize("name", GRAMMARS)
def test_samples_are_accepted_by_lark(name: str) -> None:
    text, _ = GRAMMARS[name]
    parser, constraint = lark_of(text), grammar(text)
    for seed in range(15):
        sample = constraint.sample(seed, max_bytes=20)
        assert lark_accepts(parser, sample), sample


def test_where_we_are_cleaner_than_lark() -> None:
    # lark takes the first alternative that matches, and does not look back.
    assert not lark_accepts(lark_of("start: A\nA: /a|ab/"), "ab")
    assert grammar("start: A\nA: /a|ab/").accepts("ab")
    # lark refuses terminals that match nothing.
    with pytest.raises(GrammarError):
        lark_of('start: A "b"\nA: /a*/')
    assert grammar('start: A "b"\nA: /a*/').accepts("b")


def test_start() -> None:
    text = 'start: "a"\nother: "b" start'
    assert grammar(text, start="other").accepts("ba")
    with pytest.raises(GrammarSyntaxError, match="no rule `nope`"):
        grammar(text, start="nope")


def test_relative_imports_are_looked_up_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "parts.lark").write_text('pair: WORD "=" WORD\nWORD: /[a-z]+/\n')
    main = tmp_path / "main.lark"
    main.write_text('start: pair (";" pair)*\n%import .parts.pair\n')
    assert grammar(main).accepts("a=b;c=d")
    assert grammar(str(main)).accepts("a=b")


def test_declared_terminals_are_bound_to_constraints() -> None:
    text = 'start: NAME "(" ARGS ")" END?\nNAME: /[a-z]+/\n%declare ARGS END'
    bound = {"ARGS": regex("[0-9]+") | choice(["x", "y"]), "END": special_token("<|end|>")}
    constraint = grammar(text, terminals=bound)
    assert constraint.accepts("f(12)")
    assert constraint.accepts("f(y)")
    assert constraint.accepts(b"f(y)\xff<|end|>\xff")
    assert not constraint.accepts("f(z)")
    assert not constraint.accepts("f(y)<|end|>")


def test_a_schema_inside_a_grammar() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    text = 'start: "call " ARGS\n%declare ARGS'
    constraint = grammar(text, terminals={"ARGS": json_schema(schema)})
    assert constraint.accepts('call {"n":1}')
    assert not constraint.accepts('call {"n":"1"}')


def test_a_declared_terminal_must_be_bound_and_a_bound_one_declared() -> None:
    with pytest.raises(GrammarSyntaxError, match="`ARGS` is declared and not bound") as caught:
        grammar('start: "a" ARGS\n%declare ARGS')
    assert (caught.value.line, caught.value.column) == (1, 12)
    with pytest.raises(GrammarSyntaxError, match="does not declare it"):
        grammar('start: "a"', terminals={"ARGS": regex("a")})
    with pytest.raises(GrammarSyntaxError, match="the grammar defines it"):
        grammar('start: A\nA: "a"', terminals={"A": regex("a")})


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('start: "a" b', "'b' used but not defined", 1),
        ('start: "a"\n  | (', "Expecting a value", 2),
        ('start: "a', "unexpected '\"'", 1),
        ('start: A\nA: "x" A', "Recursion in terminal", 1),
        ("start: A\nA: a\na: /x/", "Rules aren't allowed inside terminals", 2),
        ('start: "a"\nstart: "b"', "defined more than once", 1),
        ("start: A\n\nA: /(/", "in `A`: missing `)`", 3),
        (r'start: "\x"', "bad escape", 0),
        ('start: "a"\n%import nope.X', "cannot import `nope`", 2),
        ('start: ""', "Empty terminals", 0),
        ("start: _t{A}\nA: /a/", "'_t' used but not defined", 1),
        ('start: _t{"a"}\n_t{x, y}: x y', "Wrong number of template arguments", 0),
        ("Start: /a/", "", 1),
        ("start: a~3..2\na: /a/", "Bad Range", 0),
    ],
)
def test_errors_have_a_place(text: str, message: str, line: int) -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        grammar(text)
    error = caught.value
    assert message in error.message
    if line:
        assert error.line == line
        assert error.column >= 1
        assert error.excerpt.splitlines()[1].endswith("^")


def test_patterns_that_are_not_regular_name_their_terminal() -> None:
    with pytest.raises(UnsupportedFeatureError, match=r"in `QUOTED`: .* \(line 2, column 17\)"):
        grammar("start: QUOTED\nQUOTED: /(['\"])x\\1/")


HOSTILE = {
    "optionals": "start: " + " ".join(f'["{n}"]' for n in range(40)),
    "choices": "start: " + " ".join('("a"|"b")' for _ in range(40)),
    "counted-choice": 'start: ("a"|"b")~40',
    "counted-twice": 'start: (("a"|"b")~100)~100',
    "huge-count": 'start: "a"~1000000000',
    "terminal-doubling": "\n".join(f"A{n}: A{n + 1} A{n + 1}" for n in range(40))
    + '\nA40: "x"\nstart: A0',
    "terminal-doubling-backwards": "start: A40\n"
    + "\n".join(f"A{n}: A{n - 1} A{n - 1}" for n in range(40, 0, -1))
    + '\nA0: "x"',
    "endless-template": 'start: a{b}\na{y}: y a{a{y}} | y\nb: "x"',
    "permuting-template": 'start: a{"1","2","3","4","5","6","7","8","9"}\n'
    "a{q,r,s,t,u,v,w,x,y}: a{r,q,s,t,u,v,w,x,y} | a{r,s,t,u,v,w,x,y,q} | q",
    "parentheses": "start: " + "(" * 3000 + '"x"' + ")" * 3000,
    "brackets": "start: " + "[" * 3000 + '"x"' + "]" * 3000,
    "stars": 'start: "x"' + "".join(f"\na{n}: (a{n + 1}*)*" for n in range(500)) + '\na500: "x"',
    "chain": "start: a0\n" + "".join(f"a{n}: a{n + 1}\n" for n in range(4000)) + 'a4000: "x"',
    "unused-chain": 'start: "x"\n'
    + "".join(f"a{n}: a{n + 1}\n" for n in range(4000))
    + 'a4000: "x"',
    "long": 'start: "' + "a" * 300_000 + '"',
    "deep-pattern": "start: /" + "(" * 5000 + "a" + ")" * 5000 + "/",
    "huge-pattern": "start: /(?:a{1000}){1000}/",
    "unknown-import": "%import os.path\nstart: /a/",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_grammars_end_soon(name: str) -> None:
    before = time.thread_time()
    try:
        constraint = grammar(HOSTILE[name])
    except (GrammarSyntaxError, LimitExceeded, UnsupportedFeatureError):
        pass
    else:
        constraint.accepts("x" * 30)
    # 2 s is the promise; a loaded machine may take a little longer.
    assert time.thread_time() - before < 5


@pytest.mark.parametrize(("left", "right"), ["()", "[]"])
def test_deep_groups_are_refused_before_lark_reads_them(
    left: str, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where somebody has raised the recursion limit, which would let lark try."""
    monkeypatch.setattr("structgen.constraints.lark_files.load_grammar", None)
    text = 'start: x\nx: "((" /[(]/ // ((\n  | ' + left * 201 + '"x"' + right * 201
    with pytest.raises(LimitExceeded, match=r"line 3, column 205 .* deeper than 200") as caught:
        grammar(text)
    assert (caught.value.name, caught.value.limit) == ("max_tree_depth", 200)


def test_groups_one_after_another_are_not_nested() -> None:
    assert grammar("start: " + '("a")' * 300).accepts("a" * 300)


def test_hoisting_keeps_what_exponential_expansion_would_mean() -> None:
    text = "start: " + " ".join(f'["{n % 10}"]' for n in range(40))
    constraint = grammar(text)
    pattern = re.compile("".join(f"{n % 10}?" for n in range(40)))
    rng = random.Random(7)
    for _ in range(300):
        word = "".join(sorted(rng.choices("0123456789", k=rng.randint(0, 12))))
        word = word * rng.randint(1, 3)
        assert constraint.accepts(word) == bool(pattern.fullmatch(word))


def test_sources(tmp_path: Path) -> None:
    assert load_source("json").format == "lark"
    assert load_source('root ::= "a"').format == "gbnf"
    assert load_source('start: "a"').format == "lark"
    (tmp_path / "x.ebnf").write_text('root ::= "a"')
    assert load_source(tmp_path / "x.ebnf").format == "ebnf"
    assert load_ir(load_source(tmp_path / "x.ebnf")).terminals
    with pytest.raises(Exception, match="neither a shipped grammar") as caught:
        grammar("no_such_grammar")
    assert "sql_select" in str(caught.value)
    with pytest.raises(Exception, match="cannot be read"):
        grammar(tmp_path / "missing.lark")
    with pytest.raises(Exception, match="`format` is one of"):
        grammar('start: "a"', format="yacc")  # pyright: ignore[reportArgumentType]


def test_a_text_that_is_never_taken_for_a_path(tmp_path: Path) -> None:
    path = tmp_path / "secret.lark"
    path.write_text("start: secret")
    with pytest.raises(GrammarSyntaxError) as caught:
        grammar(GrammarSource(text=str(path), format="lark"))
    assert "start: secret" not in str(caught.value)
    assert grammar(GrammarSource(text='start: "a"', format="lark")).accepts("a")
    for strange in ("a" * 10_000, "a\x00b"):
        with pytest.raises(ConstraintError, match="neither a shipped grammar"):
            grammar(strange)


def test_the_program_is_what_the_ir_says() -> None:
    ir = load_lark('start: "a" B\nB: /b+/')
    assert Program.grammar(ir.to_json(), {}).accepts(b"abb")
