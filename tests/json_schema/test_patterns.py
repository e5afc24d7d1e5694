"""`pattern` against Python's `re` and, where there is one, a real ECMA-262 engine; and the
spellings of JSON strings against `json.loads`."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import subprocess

import pytest

from structgen.constraints import json_schema
from structgen.errors import EmptyLanguageError, UnsupportedSchemaError

ALPHABET = ["a", "b", "A", "1", "_", " ", "\n", "-", "é", "😀"]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def texts(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    made = ["".join(chance.choices(ALPHABET, k=chance.randrange(7))) for _ in range(count)]
    return list(dict.fromkeys(["", *ALPHABET, *made]))


ATOMS = [
    "a", "b", "1", "_", "é", "😀", ".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "[ab]", "[^a]",
    "[a-b1]", "[\\w-]", "[^\\W]", "\\x61", "\\u0061", "\\-", "[\\s\\S]", "\\n",
]  # fmt: skip
ECMA_ATOMS = [
    "\\u{1F600}",
    "\\uD83D\\uDE00",
    "\\p{Lu}",
    "\\P{L}",
    "[]",
    "[^]",
    "\\cJ",
    "(?:\\0)",
    "\\/",
]
PLACES = ["^", "$", "\\b", "\\B"]
QUANTIFIERS = ["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "+?", "{1,2}?"]


class Patterns:
    """Random patterns of the features that ECMA-262 (flag `u`) has."""

    def __init__(self, seed: int, *, ecma: bool) -> None:
        self.chance = random.Random(seed)
        self.ecma = ecma
        self.names = itertools.count()

    def atom(self, depth: int) -> tuple[str, bool]:
        """An atom, and whether it may be repeated."""
        roll = self.chance.random()
        if roll < 0.55 or depth == 0:
            more = ECMA_ATOMS if self.ecma else []
            return self.chance.choice(ATOMS + more), True
        if roll < 0.65:
            return self.chance.choice(PLACES), False
        inner = self.alternatives(depth - 1)
        if roll < 0.85:
            name = f"(?<n{next(self.names)}>" if self.ecma else "("
            return self.chance.choice(["(", "(?:", name]) + inner + ")", True
        looks = ["(?=", "(?!", "(?<=", "(?<!"] if self.ecma else ["(?=", "(?!"]
        return self.chance.choice(looks) + inner + ")", False

    def sequence(self, depth: int) -> str:
        out = ""
        for _ in range(self.chance.randrange(1, 5)):
            atom, repeats = self.atom(depth)
            out += atom
            if repeats and self.chance.random() < 0.35:
                out += self.chance.choice(QUANTIFIERS)
        return out

    def alternatives(self, depth: int) -> str:
        count = self.chance.choice([1, 1, 1, 2, 3])
        return "|".join(self.sequence(depth) for _ in range(count))


def found(pattern: str, candidates: list[str]) -> list[bool] | None:
    """The verdicts; None where assertions within repetitions need too many steps."""
    try:
        constraint = json_schema({"type": "string", "pattern": pattern})
    except EmptyLanguageError:
        return [False for _ in candidates]
    except UnsupportedSchemaError as error:
        assert "max_assertion_st" in str(error), (pattern, error)  # noqa: PT017
        return None
    return [constraint.accepts(quoted(text)) for text in candidates]


def test_patterns_are_searched_for_as_ecma_262_does() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    candidates = texts(60, 5)
    made = Patterns(7, ecma=True)
    patterns = [made.alternatives(2) for _ in range(300)]
    script = (
        "const v=JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(v.p.map(p=>{const r=new RegExp(p,'u');"
        "return v.t.map(t=>r.test(t))})))"
    )
    done = subprocess.run(
        [node, "-e", script],
        # `\-`, which we take as a hyphen, is no escape under the flag `u`.
        input=json.dumps({"p": [p.replace("\\-", "-") for p in patterns], "t": candidates}),
        capture_output=True,
        text=True,
        check=True,
    )
    refused = 0
    for pattern, expected in zip(patterns, json.loads(done.stdout), strict=True):
        given = found(pattern, candidates)
        if given is None:
            refused += 1
            continue
        wrong = [t for t, a, b in zip(candidates, given, expected, strict=True) if a != b]
        assert not wrong, (pattern, wrong)
    assert refused <= len(patterns) // 20


def test_patterns_are_searched_for_as_python_does_where_it_is_the_same() -> None:
    """No line terminators but `\\n`, `\\s` and `\\w` of ASCII, `$` for the very end."""
    candidates = [text for text in texts(80, 6) if "\n" not in text]
    made = Patterns(8, ecma=False)
    refused = 0
    for _ in range(300):
        pattern = made.alternatives(2)
        # Up to Python 3.13, `\B` does not match in the empty text.
        compiled = re.compile(pattern, re.ASCII)
        probe = candidates[1:] if "\\B" in pattern else candidates
        given = found(pattern, probe)
        if given is None:
            refused += 1
            continue
        wrong = [
            text
            for text, ours in zip(probe, given, strict=True)
            if ours != bool(compiled.search(text))
        ]
        assert not wrong, (pattern, wrong)
    assert refused <= 15


@pytest.mark.parametrize("pattern", ["(a)\\1", "(?<n>a)\\k<n>"])
def test_back_references_are_refused_with_their_place(pattern: str) -> None:
    with pytest.raises(
        UnsupportedSchemaError, match=r"back-references .* at offset \d+ \(line 1, column \d+\)"
    ):
        json_schema({"type": "string", "pattern": pattern})


def spellings(c: str) -> list[str]:
    """Every spelling of a character in a JSON string."""
    units = c.encode("utf-16-be")
    halves = [units[i : i + 2].hex() for i in range(0, len(units), 2)]
    choices = [sorted({"".join(x) for x in itertools.product(*({d, d.upper()} for d in half))})
               for half in halves]  # fmt: skip
    out = ["".join(f"\\u{half}" for half in pair) for pair in itertools.product(*choices)]
    short = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
    if c in short:
        out.append("\\" + short[c])
    if c >= " " and c not in '"\\':
        out.append(c)
    return out


MEMBERS = ["a", "/", '"', "\\", "\n", "\x00", "\x7f", "é", "ﾊ", "😀", "a/", "é\t", "\\u0061"]


def test_members_have_every_spelling_and_the_minimal_option_has_one() -> None:
    every = json_schema({"enum": MEMBERS}, escapes="all")
    minimal = json_schema({"enum": MEMBERS}, escapes="minimal")
    for member in MEMBERS:
        accepted = 0
        for parts in itertools.product(*map(spellings, member)):
            literal = '"' + "".join(parts) + '"'
            assert json.loads(literal) == member
            assert every.accepts(literal), literal
            accepted += minimal.accepts(literal)
        assert accepted == 1, member


def test_no_other_literal_is_accepted() -> None:
    """All short bodies over the characters that escapes are made of."""
    every = json_schema({"enum": MEMBERS}, escapes="all")
    pieces = [
        "\\",
        "u",
        "0",
        "6",
        "1",
        "2",
        "f",
        "F",
        '"',
        "/",
        "a",
        "é",
        "n",
        "\n",
        "\x00",
        "d83d",
        "de00",
    ]
    for length in range(5):
        for parts in itertools.product(pieces, repeat=length):
            literal = '"' + "".join(parts) + '"'
            try:
                expected = json.loads(literal) in MEMBERS
            except ValueError:
                expected = False
            if length == 4 and hash(parts) % 7:
                continue
            assert every.accepts(literal) == expected, literal


def test_a_lone_surrogate_is_no_character() -> None:
    constraint = json_schema({"type": "string", "pattern": "^[^]$"}, escapes="all")
    assert constraint.accepts('"\\ud83d\\ude00"')
    for literal in ['"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\ud83da"']:
        assert not constraint.accepts(literal), literal
