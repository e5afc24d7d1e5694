"""GBNF and EBNF grammars: what they mean, against Python patterns and an oracle, folded and not;
and what is refused, with its place."""

from __future__ import annotations

import itertools
import os
import random
import re
import time
import warnings
from pathlib import Path

import pytest

from structgen._core import Program
from structgen.constraints import grammar, regex, special_token
from structgen.constraints.gbnf import load_gbnf
from structgen.errors import GrammarSyntaxError, LimitExceeded

from .oracle import IrOracle

# name: (grammar, the same language as a Python pattern, alphabet)
REGULAR = {
    "literal": ('root ::= "ab"', "ab", "ab"),
    "alternatives": ('root ::= "a" | "ab" "c" | [b]', "a|abc|b", "abc"),
    "empty-alternative": ('root ::= "a" | ""', "a?", "ab"),
    "nothing-after-bar": ('root ::= "a" |', "a?", "ab"),
    "repetitions": ('root ::= "a"* "b"+ "c"?', "a*b+c?", "abc"),
    "bounds": ('root ::= "a"{2} "b"{1,} "c"{,2} "d"{0,1}', "aab+c{0,2}d?", "abcd"),
    "double-repetition": ('root ::= "a"?* "b"{2}{1,2}', "a*(?:bb){1,2}", "ab"),
    "group": ('root ::= ("a" | "b" "c")+ "d"', "(?:a|bc)+d", "abcd"),
    "group-lines": ('root ::= (\n  "a"  # one\n  | "b"\n) "c"', "[ab]c", "abc"),
    "class": ("root ::= [a-cx]", "[a-cx]", "abcdx-"),
    "class-negated": ("root ::= [^a-c]", "[^a-c]", "abcd\n"),
    "class-dash": ("root ::= [-a] [a-]", "[-a]{2}", "a-b"),
    "class-caret": ("root ::= [a^]", "[a^]", "a^"),
    "class-escapes": (r"root ::= [\]\[\\\n\-]+", r"[\]\[\\\n-]+", "][\\\n-a"),
    "class-hex": (r"root ::= [\x61-\x63é]", "[a-cé]", "abcdé"),
    "class-wide": (r"root ::= [\u00e0-\u00ff] [\U0001F600-\U0001F64F]", "[à-ÿ][😀-🙏]", "aé😀"),
    "escapes": (r'root ::= "\"\\\n\t\x41\u00e9\U0001F600"', '"\\\\\n\tAé😀', '"\\\n\tAé😀'),
    "dot": ('root ::= "a" . "b"', r"a[\s\S]b", "ab\n"),
    "rules": ('root ::= x y?\nx ::= "a"\ny ::= x "b"', "a(?:ab)?", "ab"),
    "rules-on-lines": ('root ::=\n  "a"\n  | "b"\n  | x\n\nx ::= "c"\n', "[abc]", "abc"),
    "names": ('root ::= my-rule_2\nmy-rule_2 ::= "a"', "a", "ab"),
    "comments": ('# top\nroot ::= "a" # "b"\n# end', "a", "ab#"),
    "crlf": ('root ::= "a" x\r\nx ::= "b"\r\n', "ab", "ab"),
    "equals": ("root = \"a\" x;\nx := 'b';", "ab", "ab"),
    "semicolons": ('root ::= x y; x ::= "a"; y ::= "b"', "ab", "ab"),
    "twice-defined": ('root ::= "a"\nroot ::= "b"', "[ab]", "ab"),
    "nullable-repeated": ('root ::= ("a"* "b"?)* "c"', "[ab]*c", "abc"),
    "unused": ('root ::= "a"\nx ::= x "b"', "a", "ab"),
    "special-characters": ('root ::= "(" [.] "*" "$"', r"\(\.\*\$", "(.*$a"),
}

# name: (grammar, alphabet): no pattern exists, the oracle judges
RECURSIVE = {
    "parentheses": ('root ::= "(" root ")" root | ""', "()"),
    "left": ('root ::= root "a" | "b"', "ab"),
    "middle": ('root ::= "a" root "b" | "c"+', "abc"),
    "mutual": ('root ::= "x" a | "y"\na ::= "z" root | root root "x"', "xyz"),
    "repeated": ('root ::= "(" root{0,2} ")"', "()"),
    "repeated-more": ('root ::= ("(" root ")"){2,3} | "a"?', "()a"),
    "star": ('root ::= "[" (root ",")* "]"', "[],"),
    "optional": ('root ::= "a" root? "b"?', "ab"),
    "choice-inside": ('root ::= "a" (root | "b" | "c" "d"*) "e" | "f"', "abcdef"),
    "palindromes": ('root ::= "a" root "a" | "b" root "b" | [ab]?', "ab"),
    "circle": ('root ::= a | "x"\na ::= root | "y" root', "xy"),
}


def words(alphabet: str, seed: str) -> list[str]:
    rng = random.Random(seed)
    short = [
        "".join(letters)
        for length in range(4)
        for letters in itertools.product(alphabet, repeat=length)
    ]
    return short + ["".join(rng.choices(alphabet, k=rng.randint(4, 8))) for _ in range(120)]


@pytest.mark.parametrize("fold", [True, False], ids=["folded", "unfolded"])
@pytest.mark.parametrize("name", REGULAR)
def test_regular_grammars_mean_their_pattern(name: str, fold: bool) -> None:
    text, pattern, alphabet = REGULAR[name]
    ir = load_gbnf(text, fold=fold)
    oracle, program = IrOracle(ir), Program.grammar(ir.to_json(), {})
    expected = re.compile(pattern)
    if fold:
        assert len(ir.terminals) == 1
    for word in words(alphabet, name):
        truth = bool(expected.fullmatch(word))
        assert oracle.accepts(word) == truth, f"the IR misjudges {word!r}"
        assert program.accepts(word.encode()) == truth, f"the core misjudges {word!r}"


@pytest.mark.parametrize("name", RECURSIVE)
def test_recursive_grammars(name: str) -> None:
    text, alphabet = RECURSIVE[name]
    folded, unfolded = load_gbnf(text), load_gbnf(text, fold=False)
    program = Program.grammar(folded.to_json(), {})
    judges = [IrOracle(folded), IrOracle(unfolded)]
    members = 0
    for word in words(alphabet, name):
        first, second = (judge.accepts(word) for judge in judges)
        assert first == second == program.accepts(word.encode()), word
        members += first
    assert members


def test_counted_repetition_of_a_recursive_rule_is_exact_and_small() -> None:
    ir = load_gbnf('root ::= a{37,1000}\na ::= "(" a ")" | "x"')
    assert len(ir.rules) < 60
    program = Program.grammar(ir.to_json(), {})
    for count in (0, 36, 37, 38, 500, 999, 1000, 1001):
        assert program.accepts(b"x" * count) == (37 <= count <= 1000)


def test_names_bound_to_constraints() -> None:
    text = 'root ::= "f(" args ")" end?'
    constraint = grammar(text, terminals={"args": regex("[0-9]+"), "end": special_token("<e>")})
    assert constraint.accepts("f(12)")
    assert constraint.accepts(b"f(12)\xff<e>\xff")
    assert not constraint.accepts("f(x)")
    with pytest.raises(GrammarSyntaxError, match="does not use it"):
        grammar('root ::= "a"', terminals={"args": regex("a")})
    with pytest.raises(GrammarSyntaxError, match="the grammar defines it"):
        grammar('root ::= x\nx ::= "a"', terminals={"x": regex("a")})


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "empty", 1, 1),
        ("# only a comment", "empty", 1, 17),
        ('root "a"', "`::=` is expected", 1, 6),
        ('"a" ::= "b"', "a rule name is expected", 1, 1),
        ('root ::= "a', "never closed", 1, 10),
        ('root ::= "a\n"', "never closed", 1, 10),
        ("root ::= [a", "never closed", 1, 10),
        ("root ::= [a-", "never closed", 1, 10),
        ("root ::= []", "empty character class", 1, 10),
        ("root ::= [z-a]", "backwards", 1, 11),
        ('root ::= ("a"', "never closed", 1, 10),
        ('root ::= "a" )', "unexpected ')'", 1, 14),
        ('root ::= "a"\n  x ::= y', "`y` is used and not defined", 2, 9),
        (r'root ::= "\q"', r"unknown escape `\q`", 1, 11),
        (r'root ::= "\x4"', "2 hexadecimal digits", 1, 11),
        (r'root ::= "\ud800"', "U+D800 is not a character", 1, 11),
        (r'root ::= "\U00110000"', "U+110000 is not a character", 1, 11),
        ('root ::= "a"{2,1}', "cannot repeat from 2 to 1", 1, 13),
        ('root ::= "a"{x}', "is expected here", 1, 13),
        ('root ::= "a"{}', "is expected here", 1, 13),
        ("root ::= * ", "unexpected '*'", 1, 10),
        ('root ::= "a"\nx y', "`::=` is expected", 2, 3),
        ('x ::= "a"', "no rule `root`", 0, 0),
    ],
)
def test_errors_have_a_place(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(GrammarSyntaxError) as caught:
        grammar(text, format="gbnf")
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)
    if line:
        caret = caught.value.excerpt.splitlines()[1]
        assert caret.index("^") - len(" 123 | ") + 1 - 1 == column - 1


def test_undefined_rules_derive_nothing_in_ebnf_with_a_warning() -> None:
    text = 'root ::= "a" | "b" missing | "c"'
    with pytest.raises(GrammarSyntaxError, match="`missing` is used and not defined"):
        grammar(text)
    with pytest.warns(UserWarning, match="`missing` is used and not defined"):
        constraint = grammar(text, format="ebnf")
    assert [constraint.accepts(word) for word in ("a", "b", "c")] == [True, False, True]


HOSTILE = {
    "groups": "root ::= " + "(" * 100_000,
    "groups-closed": "root ::= " + "(" * 5000 + '"a"' + ")" * 5000,
    "huge-count": 'root ::= "a"{1000000000}',
    "nested-counts": "root ::= " + "(" * 100 + '"a"' + "){99}" * 100,
    "recursive-counts": "root ::= " + "(" * 90 + "root" + "){99}" * 90 + ' | "a"',
    "rule-doubling": "\n".join(f"r{n} ::= r{n + 1} r{n + 1}" for n in range(60))
    + '\nr60 ::= "a"\nroot ::= r0',
    "chain": "root ::= r0\n"
    + "\n".join(f"r{n} ::= r{n + 1}" for n in range(5000))
    + '\nr5000 ::= "a"',
    "many-alternatives": "root ::= " + " | ".join(f'"{n}" root' for n in range(20_000)) + ' | ""',
    "long-literal": 'root ::= "' + "a" * 1_000_000 + '"',
    "too-long": 'root ::= "' + "a" * 5_000_000 + '"',
    "long-class": "root ::= [" + "".join(chr(0x4E00 + 2 * n) for n in range(5000)) + "]*",
    "circle": "root ::= a\na ::= b\nb ::= a",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_grammars_end_soon(name: str) -> None:
    before = time.thread_time()
    try:
        constraint = grammar(HOSTILE[name], format="gbnf")
    except (ValueError, LimitExceeded):
        pass
    else:
        constraint.accepts("a" * 30)
    # 2 s is the promise; a loaded machine may take a little longer.
    assert time.thread_time() - before < 5


def _files() -> list[Path]:
    root = Path(os.environ.get("STRUCTGEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
    folder = root / "grammar-aligned"
    return sorted([*folder.glob("*/*.ebnf"), *folder.glob("*/*.lark")])


@pytest.mark.skipif(not _files(), reason="the grammar-aligned data are not here (STRUCTGEN_DATA)")
@pytest.mark.parametrize("path", _files(), ids=lambda path: path.name)
def test_grammars_of_grammar_aligned_decoding_load(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some use rules that they do not define
        constraint = grammar(path)
    for seed in range(5):
        assert constraint.accepts(constraint.sample(seed, max_bytes=80))
