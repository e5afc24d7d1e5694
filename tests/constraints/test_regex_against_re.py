"""`regex` against Python's own `re.fullmatch`: hand-written and random patterns, many strings."""

from __future__ import annotations

import random
import re
import sys
import unicodedata
import warnings

import pytest

from structgen.constraints import regex
from structgen.errors import EmptyLanguageError, RegexSyntaxError, UnsupportedFeatureError

PATTERNS = r"""
a
abc
a|b
a|ab
ab|a
(?:a|ab)(?:c|bcd)
(a)(b)
(?P<year>[0-9]{4})-(?P<month>[0-9]{2})
a*
a+
a?
a*?
a+?b
a??
a{3}
a{2,}
a{,2}
a{2,4}
a{0}
a{0,1}b
(?:ab)*
(?:a*)*
(?:a?)*b
(?:a|b)*abb
(?:a+b+)+
(?:)
()
a||b
|a
a{
a{x}
a{1
a{,}
[abc]
[^abc]
[a-z]
[a-]
[-a]
[a\-z]
[]a]
[^]a]
[\]]
[\\]
[a-c-e]
[\d]
[\D]
[\w-]
[\s\S]
[^\s]
[.]
[$]
[\b]
[\n\t]
[\x41-\x43]
[\u00e0-\u00ff]
[A-Za-z_][A-Za-z0-9_]*
.
.*
.+
..
(?s).
(?s:.)x
(?-s:.)
\d
\D
\w
\W
\s
\S
\d+
\w+
\s*x
\.
\*
\\
\/
\-
\@
\t
\n
\r
\f
\v
\a
\0
\07
\101
\x41
\u0041
\U0001F600
\N{BULLET}
^a
a$
^a$
^$
a^b
a$b
(?:^a|b)c
(?m)^a$
(?m)^a$\n^b$
(?m:^)a
\Aa\Z
a\Z
\Aab
a\b
\ba
\ba\b
a\bb
\b
a\b b
\Ba
a\Bb
a\B
\B
\ba+\b \bb+\b
\w+\b.
(?i)abc
(?i:a)b
(?i)[a-c]
(?i)[^a]
(?i)k
(?i)s
(?i)ß
(?i)é
(?i)İ
(?i)ı
(?i)σ
(?i)[k-m]
(?i)\w
(?i)STRASSE
(?i)ǆ
(?a)\w
(?a)\d
(?a)\s
(?a)\bé
(?a:\w)é
(?ai)k
(?ai:s)
(?u)\w
(?x)a b c
(?x) a \ b [ ] # comment
(?x: a b)c d
(?x)a # b
(?is)a.b
(?ims)^a.b$
(?#comment)a
a(?#comment)*b
(?=a)a
(?=a)b
(?=ab)a.
(?!a).
(?!a)a
(?!ab)a.
a(?=b)b
a(?=b)
a(?!b)
a(?!b).
(?<=a)b
a(?<=a)b
.(?<=a)b
.(?<!a)b
(?<!a)b
a(?<!a)b
(?<=^)a
a(?=$)
(?=.*[0-9])(?=.*[a-z]).{3,5}
(?!.*aa)[ab]*
(?:(?!ab).)*
(?:a(?!b)|b)*
(?=a|b)(?!b)[abc]
(?!(?:if|else)\b)[a-z]+
(?!if$)[a-z]+
(?<![a-z])if(?![a-z])
(?=(?=a).)ab
(?!(?!a))a
(?=a*b)a+b
(?:(?=a)a|b)+
(?:\bab?)+
(?:a\b|b)+
(?:^|,)a
(?:^a|b$)+
(?:a$|b)*
a|^b|c$
(?>a*)b
(?>a|ab)c
(?>a*)a
a++b
a*+b
a*+a
a?+a
a{1,2}+a
(?>ab|a)c
(?:a|b|c|d|e|f){3}
(?:[a-c]{1,2}-?){2,3}
-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?
"(?:[^"\\]|\\.)*"
'(?:[^']|'')*'
/\*(?:[^*]|\*[^/])*\*/
<([a-z]+)>[^<]*</[a-z]+>
[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])
(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}
[^@ ]+@[^@ ]+\.[a-z]{2,}
#(?:[0-9a-fA-F]{3}){1,2}
(?:(?:a|b)(?:c|d))*
(?:a(?:b(?:c)?)?)?
(?:aa|aab|ab)*b
(?:a|aa)+$
x*y*z*
(?:x+x+)+y
(?:.*a){3}
.*a.*b.*
.*?a.*?b
[^a]*a[^b]*b
é
[é-ü]
日本
[ぁ-ん]+
\w日
😀
[😀-😎]
.😀
[^😀]
\u00e9
(?i)É
(?i)Ω
(?i)[α-ω]
(?i)µ
(?i)ſ
(?i)\u212a
""".strip("\n").split("\n")

# Atomic groups and possessive quantifiers choose one way to match; a set of texts has no ways.
UNSUPPORTED = {
    r"\N{BULLET}", "(?>a*)b", "(?>a|ab)c", "(?>a*)a", "(?>ab|a)c",
    "a++b", "a*+b", "a*+a", "a?+a", "a{1,2}+a",
}  # fmt: skip

PIECES = [
    *"abcABC019 _-.,x\n\t\"'\\/*@#<>é",
    "ab", "aab", "abb", "if", "else", "k", "K", "\u212a", "s", "ſ", "ß", "İ", "ı", "i", "σ", "ς",
    "Ω", "ω", "µ", "μ", "日", "本", "ぁ", "😀", "😃", "😎", "\u0660", "\u00a0", "\u2028", "\x1c",
    "\r\n", "\x00", "\x07", "\x08", "\x0b", "ü", "É", "ǆ", "ǅ", "Ǆ", "2024-02-29", "1.2.3.4",
    "-0.5e+10", "a@b.cd", "#ffF000", "<b>x</b>", "/* x */", "strasse", "$", "^", "{1}", "a{1", "]",
]  # fmt: skip


def strings(rng: random.Random, count: int) -> list[str]:
    found = ["", *PIECES]
    while len(found) < count:
        found.append("".join(rng.choice(PIECES) for _ in range(rng.randint(1, 4))))
    return found


def random_pattern(rng: random.Random, depth: int = 3) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(
            ["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", "é", "A", "_", "", r"\.", " "]
        )
    inner = [random_pattern(rng, depth - 1) for _ in range(2)]
    return rng.choice(
        [
            f"{inner[0]}{inner[1]}",
            f"{inner[0]}{inner[1]}",
            f"(?:{inner[0]}|{inner[1]})",
            f"({inner[0]})",
            f"(?:{inner[0]})*",
            f"(?:{inner[0]})+",
            f"(?:{inner[0]})?",
            f"(?:{inner[0]})*?",
            f"(?:{inner[0]}){{{rng.randint(0, 2)},{rng.randint(2, 3)}}}",
            f"(?={inner[0]}){inner[1]}",
            f"(?!{inner[0]}){inner[1]}",
            f"{inner[0]}(?!{inner[1]})",
            f"\\b{inner[0]}",
            f"{inner[0]}\\b",
            f"\\B{inner[0]}",
            f"(?i:{inner[0]}){inner[1]}",
            f"^{inner[0]}",
            f"{inner[0]}$",
            f"(?:{inner[0]}$|{inner[1]})",
        ]
    )


def judged_alike(pattern: str, text: str) -> bool:
    """Python before 3.14 alone says that ``\\B`` does not match the empty text, and our tables
    know newer digits and letters than this Python may."""
    if any(unicodedata.category(char) == "Cn" for char in text):
        return False
    return text != "" or r"\B" not in pattern or sys.version_info >= (3, 14)


def compare(pattern: str, texts: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.compile(pattern)
    try:
        constraint = regex(pattern)
    except EmptyLanguageError:
        assert not any(expected.fullmatch(text) for text in texts)
        return
    texts = [text for text in texts if judged_alike(pattern, text)]
    wrong = [t for t in texts if constraint.accepts(t) != bool(expected.fullmatch(t))]
    assert wrong == [], f"{pattern!r} misjudges {wrong[:5]!r}"
    # The other way round: what we generate, `re` accepts.
    for seed in range(5):
        member = constraint.sample(seed, max_bytes=20)
        if judged_alike(pattern, member):
            assert expected.fullmatch(member), f"{pattern!r} does not match our sample {member!r}"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_hand_written(pattern: str) -> None:
    if pattern in UNSUPPORTED:
        with pytest.raises(UnsupportedFeatureError) as caught:
            regex(pattern)
        assert caught.value.feature
    else:
        compare(pattern, strings(random.Random(pattern), 400))


@pytest.mark.parametrize("seed", range(100))
def test_random(seed: int) -> None:
    rng = random.Random(seed)
    pattern = random_pattern(rng, depth=rng.randint(2, 4))
    compare(pattern, strings(rng, 250))


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?P<q>['\"])x(?P=q)", r"(a)?(?(1)b|c)"])
def test_what_is_not_regular_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(UnsupportedFeatureError) as caught:
        regex(pattern)
    assert caught.value.feature


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[a",
        "[z-a]",
        "*a",
        "a**",
        "a{2,1}",
        "(?P<1>a)",
        "(?z)a",
        "\\",
        r"\xZ",
        r"\q",
    ],
)
def test_what_python_refuses_is_refused_with_its_place(pattern: str) -> None:
    with pytest.raises(re.error):
        re.compile(pattern)
    with pytest.raises(RegexSyntaxError) as caught:
        regex(pattern)
    assert caught.value.line == 1
    assert 1 <= caught.value.column <= len(pattern) + 1
    assert "^" in caught.value.excerpt


@pytest.mark.parametrize(
    ("pattern", "accept", "reject"),
    [
        (r"\d+", ["12"], ["\u0661", "a", ""]),
        (r"\w", ["a", "_"], ["é", "-"]),
        (r"\s", [" ", "\ufeff", "\u2028"], ["a"]),
        (r"[^]", ["a", "\n", "é"], ["", "ab"]),
        (r"\cA", ["\x01"], ["A"]),
        (r"\u{1F600}", ["😀"], ["u"]),
        (r"^a$", ["a"], ["a\n", "ab"]),
        (r".", ["a", "é"], ["\n", "\r", "\u2028"]),
        (r"\p{Lu}+", ["AÉ"], ["a", "1"]),
        (r"(?<year>[0-9]{4})", ["2024"], ["24"]),
        (r"a(?=b)b", ["ab"], ["a", "b"]),
    ],
)
def test_ecma_dialect(pattern: str, accept: list[str], reject: list[str]) -> None:
    constraint = regex(pattern, dialect="ecma")
    assert [text for text in accept if not constraint.accepts(text)] == []
    assert [text for text in reject if constraint.accepts(text)] == []
