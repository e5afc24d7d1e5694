"""Patterns and grammars that strangers send to hurt, and all attacks by name."""

from __future__ import annotations

from tests.data.attacks.attack import Attack
from tests.data.attacks.schemas import SCHEMAS, schema


def lark_rules(count: int) -> str:
    rules = [f"r{i}: r{i + 1} r{i + 1} |" for i in range(count)]
    return "\n".join(["start: r0", *rules, f'r{count}: "a"'])


PATTERNS: dict[str, Attack] = {
    "deep-groups": Attack("regex", "(" * 50_000 + "a" + ")" * 50_000, b"a", refused="LimitExceeded|RegexSyntaxError"),
    "deep-alternatives": Attack("regex", "(a|" * 20_000 + "b" + ")" * 20_000, b"a", refused="LimitExceeded|RegexSyntaxError"),
    "huge-repeat": Attack("regex", "a{1000000000}", b"a" * 1000),
    "nested-repeats": Attack("regex", "((((a{0,100}){0,100}){0,100}){0,100}){0,100}", b"a" * 300),
    "nested-stars": Attack("regex", "((((((a*)*)*)*)*)*)*b", b"a" * 5000),
    "determinisation": Attack("regex", "^(a|b)*a(a|b){20}$", b"ab" * 500),
    "determinisation-wide": Attack("regex", "(a|b|c|d)*a(a|b|c|d){200}", b"abcd" * 100),
    "dots": Attack("regex", "^.{0,5000}$", b"x" * 4000),
    "words": Attack("regex", r"(?:\S+\s+){0,49}\S+", b"word " * 49),
    "overlap": Attack("regex", "(a|aa|aaa|aaaa)*" * 20, b"a" * 500),
    "catastrophic": Attack("regex", "(a+)+$", b"a" * 2000 + b"b"),
    "intersection": Attack("regex", "".join(f"(?=.*{c})" for c in "abcdefghijklmnop") + ".*", b"x"),
    "nul": Attack("regex", "a\0b\0*", b"a\0b\0\0"),
    "unterminated": Attack("regex", "[a-", b"", refused="RegexSyntaxError"),
    "bad-range": Attack("regex", "[z-a]", b"", refused="RegexSyntaxError"),
    "surrogate": Attack("regex", "\\ud800", b"", refused="EmptyLanguageError"),
    "backreference": Attack("regex", r"(a)\1", b"aa", refused="UnsupportedFeatureError"),
    "empty": Attack("regex", "(?!)", b"", refused="EmptyLanguageError"),
    "long": Attack("regex", "abc|" * 100_000 + "d", b"abc"),
    "classes": Attack("regex", r"[\w\W]{0,1000}[^\W\d_]{0,1000}", "ä".encode() * 500),
}  # fmt: skip

GRAMMARS: dict[str, Attack] = {
    "left-recursion": Attack("lark", 'start: start start | "a" |', b"a" * 200),
    "cycle": Attack("lark", "start: a\na: b | \"x\"\nb: a", b"x"),
    "doubling": Attack("lark", lark_rules(40), b"a" * 60),
    "unproductive": Attack("lark", 'start: "a" start', b"a", refused="EmptyLanguageError"),
    "deep": Attack("lark", 'start: "(" start ")" | "x"', b"(" * 5000),
    "deep-groups": Attack("lark", "start: " + "(" * 3000 + '"a"' + ")" * 3000, b"a", refused="LimitExceeded"),
    "many-terminals": Attack("lark", "start: " + " | ".join(f"T{i}" for i in range(2000)) + "\n"
        + "\n".join(f"T{i}: /a{{{i}}}b/" for i in range(2000)), b"a" * 300),
    "bad-syntax": Attack("lark", "start: ( |", b"", refused="GrammarSyntaxError"),
    "gbnf-deep-groups": Attack("gbnf", "root ::= " + "(" * 20_000 + '"a"' + ")" * 20_000, b"a", refused="LimitExceeded|GrammarSyntaxError"),
    "gbnf-huge-repeat": Attack("gbnf", 'root ::= "a"{1000000,2000000}', b"a" * 100, refused="LimitExceeded"),
    "gbnf-missing-rule": Attack("gbnf", "root ::= missing", b"", refused="GrammarSyntaxError"),
}  # fmt: skip

TEXTS: dict[str, Attack] = {
    "deep-arrays": schema(True, b"[" * 100_000),
    "deep-objects": schema(True, b'{"a":' * 50_000),
    "nested-900": schema(True, b"[" * 900 + b"]" * 900),
    "long-array": schema(True, valid=(list(range(10_000)),)),
    "long-object": schema(True, valid=({f"k{i}": [i] for i in range(2000)},)),
    "invalid-utf8": schema({"type": "string"}, b'"\xff\xfe\x80"'),
    "overlong-utf8": schema({"type": "string"}, b'"\xc0\x80"'),
    "surrogate-utf8": schema({"type": "string"}, b'"\xed\xa0\x80"'),
    "lone-surrogate": schema({"type": "string"}, b'"\\ud800"'),
    "nul": schema({"type": "string"}, b'"\0"'),
    "white-space": schema(True, b"[" + b" " * 100_000),
    "choice-giant": Attack("choice", [f"option {i}" for i in range(50_000)], valid=(b"option 49",), invalid=(b"option",)),
    "choice-long": Attack("choice", ["x" * 1_000_000], b"x" * 1000),
}  # fmt: skip

ATTACKS: dict[str, Attack] = {
    f"{group}-{name}": attack
    for group, attacks in (
        ("regex", PATTERNS),
        ("schema", SCHEMAS),
        ("grammar", GRAMMARS),
        ("text", TEXTS),
    )
    for name, attack in attacks.items()
}
