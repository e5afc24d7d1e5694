"""Patterns of other dialects: translated where they mean one thing, refused where engines differ,
and never read as something else without a word."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from functools import partial
from typing import Literal

import pytest

import structgen as sg
from structgen.constraints import json_schema, regex
from structgen.errors import RegexSyntaxError, SchemaError, UnsupportedFeatureError

ALPHABET = "abzAB19_-& ~[]:#digt\n\t\x1bé😀"


def texts(seed: int, count: int = 60, longest: int = 5) -> list[str]:
    chance = random.Random(seed)
    made = ["".join(chance.choices(ALPHABET, k=chance.randint(1, longest))) for _ in range(count)]
    return ["", *ALPHABET, *made]


def searched(pattern: str) -> sg.TextConstraint:
    return json_schema({"type": "string", "pattern": pattern})


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# -- translated: a pattern in a foreign spelling, and what Python's `re` calls it ------------------

TRANSLATED = [
    (r"(?P<y>\d{2})", r"([0-9]{2})"),
    (r"(?P<y>a)(?<z>b)(?P<_1>_)", r"ab_"),
    (r"\Aa", r"\Aa"),
    (r"a\z", r"a\Z"),
    (r"\A(?:a|b)+\z", r"\A(?:a|b)+\Z"),
    (r"(?#a note (with brackets)b", r"b"),
    (r"a(?#[)b", r"ab"),
    ("(?x) a  b # and more\n | \\  ", "ab| "),
    ("(?x: a b ) b", "ab b"),
    ("(?ix) A [bz] ", "(?i:a[bz])"),
    ("(?i)ab", "(?i:ab)"),
    ("a(?i)b", "a(?i:b)"),
    ("a(?i)b(?-i)z", "a(?i:b)z"),
    ("(?:a(?i)b)z", "a(?i:b)z"),
    ("(?:a|(?i)b|z)9", "(?:a|(?i:b)|(?i:z))9"),
    ("(?s)a.b", "(?s:a.b)"),
    ("(?m)^b", r"(?:\A|(?<=\n))b"),
    (r"\a|\e", "\x07|\x1b"),
    (r"\x{1F600}|\x{61}b", "😀|ab"),
    (r"\U0001F600\u00e9", "😀é"),
    (r"[\x{61}-\x{62}\e]", "[ab\x1b]"),
]


@pytest.mark.parametrize(("foreign", "meant"), TRANSLATED)
def test_what_means_one_thing_is_read(foreign: str, meant: str) -> None:
    constraint = searched(foreign)
    for text in texts(len(foreign), count=200):
        expected = re.search(meant, text) is not None
        assert constraint.accepts(quoted(text)) is expected, (foreign, text)


PYTHON = [(r"(?<y>a)(?P<z>b)", "ab"), (r"a\z", "a"), (r"\x{61}b", "ab"), (r"[\x{61}b]+", "[ab]+")]


@pytest.mark.parametrize(("foreign", "meant"), PYTHON)
def test_what_means_one_thing_is_read_in_pythons_dialect(foreign: str, meant: str) -> None:
    constraint = regex(foreign)
    for text in texts(len(foreign), count=200):
        assert constraint.accepts(text) is (re.fullmatch(meant, text) is not None), (foreign, text)


# -- refused ---------------------------------------------------------------------------------------

POSIX = ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
         "space", "upper", "word", "xdigit"]  # fmt: skip

# The place of the mistake is that of `@`.
BOTH = [
    *(f"[@[:{name}:]]" for name in POSIX),
    *(f"@[:{name}:]" for name in POSIX),
    *(f"[_@[:^{name}:]a]+" for name in POSIX[:3]),
    "[a-z@&&[^b]]+",
    r"[\w@&&\D]",
    "[a-z@&&b-y]",
    "[a-z@~~[b]]",
    "[a-z@--b]",
    "[a-zA-Z0-9@--_]",
    "@[[a-z][0-9]]+",
    "@[[a-z]]",
    "@[^[a-z]]",
    r"@[[\]a][b\]]]",
    r"@\h",
    r"@\R",
    r"@\X",
    r"@\K",
    r"@\G",
    r"@\Qa\E",
    r"@\b{start}",
]
ECMA = [
    r"@\Z",
    r"@\N",
    r"[@\A]",
    r"@\p{Digit}",
    r"@\p{Punct}",
    r"@\P{XDigit}",
    r"@\p{IsGreek}",
    r"@\p{InGreek}",
    r"@\p{javaLowerCase}",
    "a@(?i)b|c",
    "(?x)[@ a]",
    "(?x)[a@#]",
    "(?x)a@{ 2 }",
    "(?@U)a",
    "(?@u)a",
    "@(?'n'a)",
    "@(?|a|b)",
    r"(a)@\g1",
]
UNSUPPORTED = [
    r"(a)@\1",
    "(?P<n>a)@(?P=n)",
    r"(?<n>a)@\k<n>",
    "@(?>a)b",
    "a*@+",
    "a+@+",
    "a?@+",
    "a{2}@+",
    "(a)@(?(1)b|c)",
    "a@(?R)?",
    "(a)@(?1)",
    "(?P<n>a)@(?P>n)",
]


def raised(build: Callable[[str], object], pattern: str) -> Exception:
    with pytest.raises((RegexSyntaxError, UnsupportedFeatureError, SchemaError)) as caught:
        build(pattern)
    return caught.value


@pytest.mark.parametrize("before", ["", "ab", r"\[[^x]\d", "é😀", "(?:a|b)*"])
@pytest.mark.parametrize("marked", [*BOTH, *ECMA, *UNSUPPORTED])
def test_what_engines_differ_in_is_refused(before: str, marked: str) -> None:
    if before and marked.startswith("(?x)"):
        before = ""
    offset = len(before) + marked.index("@")
    pattern = before + marked.replace("@", "")
    error = raised(searched, pattern)
    assert isinstance(error, SchemaError)
    assert f"at offset {offset} (line 1, column {offset + 1})" in error.message
    assert error.hint
    assert error.keyword == "pattern"
    keys = raised(lambda p: json_schema({"patternProperties": {p: {}}}), pattern)
    assert isinstance(keys, SchemaError)
    assert (keys.keyword, keys.hint) == ("patternProperties", error.hint)
    if marked in ECMA:
        return
    dialects: tuple[Literal["python", "ecma"], ...] = ("python", "ecma")
    for dialect in dialects:
        error = raised(partial(regex, dialect=dialect), pattern)
        assert isinstance(error, RegexSyntaxError | UnsupportedFeatureError)
        assert error.hint
        assert (error.line, error.column) == (1, offset + 1), pattern


def test_hints_compile() -> None:
    """What the hint proposes for a POSIX class is that class."""
    for name, member, other in [
        ("digit", "0", "a"), ("alpha", "q", "1"), ("punct", "]", "a"), ("blank", "\t", "\n"),
        ("word", "_", "-"), ("xdigit", "F", "G"), ("cntrl", "\x7f", "a"), ("graph", "~", " "),
        ("print", " ", "\t"), ("space", "\v", "a"), ("upper", "A", "a"), ("lower", "a", "A"),
        ("alnum", "9", "_"), ("ascii", "\x7f", "é"), ("punct", "\\", "é"), ("punct", "/", " "),
    ]:  # fmt: skip
        error = raised(regex, f"[[:{name}:]]")
        assert isinstance(error, RegexSyntaxError)
        assert error.hint is not None
        proposed = error.hint.split("`")[1]
        for dialect in ("python", "ecma"):
            constraint = regex(proposed, dialect=dialect)
            assert constraint.accepts(member), (name, member)
            assert not constraint.accepts(other), (name, other)
        assert re.fullmatch(proposed, member)
        assert not re.fullmatch(proposed, other)


# -- kept: odd, but a class like any other --------------------------------------------------------

MEMBERS = ["a", "b", "z", "A", "0-9", "a-z", "-", "&", "&&", "~", "~~", "[", ":", r"\w", r"\d", "#",
           "--", r"\]", r"\[", " ", "[:", ":]", "^", "a-", "+--", '"-']  # fmt: skip


def classes(seed: int) -> list[str]:
    chance = random.Random(seed)
    made: list[str] = []
    for _ in range(150):
        body = "".join(chance.choices(MEMBERS, k=chance.randint(1, 5)))
        made.append(
            f"[{chance.choice(['', '', '^'])}{body}]" + chance.choice(["", "]", "*", "[b]"])
        )
    return made


@pytest.mark.parametrize("seed", range(8))
def test_classes_are_refused_or_read_as_python_does(seed: int) -> None:
    refused = kept = 0
    for pattern in classes(seed):
        constraint = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            try:
                compiled = re.compile(pattern)
            except re.error:
                compiled = None
        try:
            constraint = regex(pattern)
        except RegexSyntaxError as error:
            refused += compiled is not None
            told = error.hint is not None
        except sg.EmptyLanguageError:
            continue
        else:
            told = False
        if constraint is None:
            # Python has no meaning for it either, or we say how to write one of the two.
            assert compiled is None or told, pattern
            continue
        assert compiled is not None, pattern
        kept += 1
        for text in texts(seed):
            assert constraint.accepts(text) is (compiled.fullmatch(text) is not None), pattern
    assert refused >= 3
    assert kept > 40


NODE = shutil.which("node")
SEARCH = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = p => { try { return new RegExp(p, "u"); } catch { } return new RegExp(p); };
const verdicts = ([p, texts]) => { try { const r = read(p); return texts.map(t => r.test(t)); }
                                   catch { return null; } };
console.log(JSON.stringify(cases.map(verdicts)));
"""


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("seed", range(8))
def test_classes_are_refused_or_read_as_ecma_does(seed: int) -> None:
    assert NODE is not None
    # Without the flag `u`, which the oddest of these classes need to be read at all, the engine
    # sees halves of characters beyond ASCII.
    ascii_texts = [text for text in texts(seed) if text.isascii()]
    patterns = classes(seed)
    done = subprocess.run(
        [NODE, "-e", SEARCH],
        input=json.dumps([[pattern, ascii_texts] for pattern in patterns]),
        capture_output=True,
        text=True,
        check=True,
    )
    kept = 0
    for pattern, verdicts in zip(patterns, json.loads(done.stdout), strict=True):
        try:
            constraint = searched(pattern)
        except (SchemaError, sg.EmptyLanguageError):
            continue
        kept += 1
        assert verdicts is not None, pattern
        for text, verdict in zip(ascii_texts, verdicts, strict=True):
            assert constraint.accepts(quoted(text)) is verdict, (pattern, text)
    assert kept > 40
