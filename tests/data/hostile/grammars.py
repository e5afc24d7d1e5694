"""Patterns, and grammars in Lark, GBNF and EBNF."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import structgen as sg
from structgen.constraints.grammar import GrammarSource
from tests.data.hostile.families import Build, Family, Make, family, word, words

Write = Callable[[int, random.Random], str]
LARK = 100_000
"""The largest Lark grammar that is not refused for its size; beyond it two sizes show that."""


def pattern(write: Write, **options: Any) -> Make:
    def make(size: int, draw: random.Random) -> Build:
        source = write(size, draw)
        return lambda limits: sg.regex(source, limits=limits, **options)

    return make


def grammar(format: str, write: Write) -> Make:
    def make(size: int, draw: random.Random) -> Build:
        source = GrammarSource(text=write(size, draw), format=format)  # type: ignore[arg-type]
        return lambda limits: sg.grammar(source, limits=limits)

    return make


def quoted(names: list[str]) -> str:
    return " | ".join(f'"{name}"' for name in names)


def rules(assign: str, start: str, separator: str = "\n") -> Write:
    """A chain of rules."""

    def write(size: int, draw: random.Random) -> str:
        count = max(1, size // 24)
        chain = [f'r{i} {assign} "{word(draw, 3)}" r{i + 1} | "b"' for i in range(count)]
        return separator.join([f"{start} {assign} r0", *chain, f'r{count} {assign} "z"', ""])

    return write


def random_rules(assign: str, start: str) -> Write:
    """Rules that call each other at random: ambiguous, left-recursive, nullable."""

    def write(size: int, draw: random.Random) -> str:
        count = max(2, size // 40)
        body = [
            f"r{i} {assign} "
            + " | ".join(
                " ".join(
                    draw.choice((f"r{draw.randrange(count)}", f'"{word(draw, 2, "ab")}"'))
                    for _ in range(draw.randint(1, 3))
                )
                for _ in range(2)
            )
            + ' | "x"'
            for i in range(count)
        ]
        return "\n".join([f"{start} {assign} r0", *body, ""])

    return write


def terminals(size: int, draw: random.Random) -> str:
    names = [f"T{i}" for i in range(max(1, size // 36))]
    return "\n".join(
        [f"start: {' | '.join(names)}", *(f"{name}: /{word(draw, 6)}[a-z]*/" for name in names)]
    )


def optionals(size: int, draw: random.Random) -> str:
    return "start: " + " ".join(f'["{word(draw, 3)}"]' for _ in range(max(1, size // 8)))


def unfinished(size: int, draw: random.Random) -> str:
    return "root ::= " + quoted(words(draw, size, 12)) + " | ("


FAMILIES: tuple[Family, ...] = (
    family("regex-alternation", pattern(lambda n, d: "|".join(words(d, n, 12)))),
    family("regex-alternation-letters", pattern(lambda n, d: "|".join(words(d, n, 200)))),
    family("regex-alternation-shared", pattern(lambda n, d: "|".join("a" * 50 + w for w in words(d, n, 60)))),
    family("regex-literal", pattern(lambda n, d: word(d, n))),
    family("regex-literal-folded", pattern(lambda n, d: "(?i)" + word(d, n))),
    family("regex-classes", pattern(lambda n, d: "".join(f"[{word(d, 5)}]" for _ in range(n // 7)))),
    family("regex-wide-classes", pattern(lambda n, d: r"[\w-]" * (n // 5))),
    family("regex-class-long", pattern(lambda n, d: "[" + "".join(chr(d.randrange(0x4E00, 0x9FFF)) for _ in range(n // 3)) + "]")),
    family("regex-stars", pattern(lambda n, d: "a*" * (n // 2))),
    family("regex-star-alternatives", pattern(lambda n, d: "(" + "|".join(words(d, n, 12)) + ")*")),
    family("regex-optionals", pattern(lambda n, d: "a?" * (n // 2))),
    family("regex-counts", pattern(lambda n, d: "".join(f"a{{{d.randrange(99)}}}b?" for _ in range(n // 8)))),
    family("regex-nested-counts", pattern(lambda n, d: "(" * (n // 7) + "a" + "{0,99}){2,9})" * (n // 14))),
    family("regex-dots", pattern(lambda n, d: ".*".join(words(d, n, 12)))),
    family("regex-lookaheads", pattern(lambda n, d: "".join(f"(?=.*{w})" for w in words(d, n, 12)) + ".*"), "result", "EmptyLanguageError"),
    family("regex-negative-lookaheads", pattern(lambda n, d: "".join(f"(?!{w})" for w in words(d, n, 12)) + ".*")),
    family("regex-boundaries", pattern(lambda n, d: r"\b\w+ " * (n // 7))),
    family("regex-groups", pattern(lambda n, d: "(" * (n // 2) + "a" + ")" * (n // 2)), "RegexSyntaxError", "result"),
    family("regex-unclosed", pattern(lambda n, d: word(d, n) + "("), "RegexSyntaxError"),
    family("regex-backreference", pattern(lambda n, d: "(a)" + word(d, n) + r"\1"), "UnsupportedFeatureError"),
    family("regex-ecma", pattern(lambda n, d: "|".join(words(d, n, 12)), dialect="ecma")),
    family("regex-empty", pattern(lambda n, d: word(d, n) + "(?!)"), "EmptyLanguageError"),
    family("lark-chain", grammar("lark", rules(":", "start"))),
    family("lark-random", grammar("lark", random_rules(":", "start")), "result", "EmptyLanguageError"),
    family("lark-choice", grammar("lark", lambda n, d: "start: " + quoted(words(d, n, 12)))),
    family("lark-terminals", grammar("lark", terminals)),
    family("lark-optionals", grammar("lark", optionals)),
    family("lark-terminal-long", grammar("lark", lambda n, d: "start: T\nT: " + quoted(words(d, n, 12)))),
    family("lark-pattern-long", grammar("lark", lambda n, d: "start: T\nT: /" + "|".join(words(d, n, 12)) + "/")),
    family("lark-malformed", grammar("lark", lambda n, d: "start: " + quoted(words(d, n, 12)) + " | ("), "GrammarSyntaxError"),
    family("lark-undefined", grammar("lark", lambda n, d: "start: " + " | ".join(words(d, n, 12))), "GrammarSyntaxError"),
    family("lark-comment", grammar("lark", lambda n, d: 'start: "a"\n' + "// a comment\n" * (n // 13))),
    family("gbnf-chain", grammar("gbnf", rules("::=", "root"))),
    family("gbnf-random", grammar("gbnf", random_rules("::=", "root")), "result", "EmptyLanguageError"),
    family("gbnf-choice", grammar("gbnf", lambda n, d: "root ::= " + quoted(words(d, n, 12)))),
    family("gbnf-literal", grammar("gbnf", lambda n, d: f'root ::= "{word(d, n)}"')),
    family("gbnf-classes", grammar("gbnf", lambda n, d: "root ::= " + "".join(f"[{word(d, 5)}] " for _ in range(n // 8)))),
    family("gbnf-class-long", grammar("gbnf", lambda n, d: "root ::= [" + word(d, n) + "]*")),
    family("gbnf-groups", grammar("gbnf", lambda n, d: "root ::= " + "(" * (n // 2) + '"a"' + ")" * (n // 2)), "GrammarSyntaxError", "result"),
    family("gbnf-counts", grammar("gbnf", lambda n, d: "root ::= " + '("a" | "b"){0,99} ' * (n // 18))),
    family("gbnf-malformed", grammar("gbnf", unfinished), "GrammarSyntaxError"),
    family("gbnf-undefined", grammar("gbnf", lambda n, d: "root ::= " + " | ".join(words(d, n, 12))), "GrammarSyntaxError"),
    family("gbnf-comment", grammar("gbnf", lambda n, d: "# a comment\n" * (n // 12) + 'root ::= "a"')),
    family("gbnf-sequence", grammar("gbnf", lambda n, d: "root ::= " + " ".join(f'"{w}"' for w in words(d, n, 12)))),
    family("ebnf-chain", grammar("ebnf", rules("::=", "root"))),
    family("ebnf-choice", grammar("ebnf", lambda n, d: "root ::= " + quoted(words(d, n, 12)))),
)  # fmt: skip
