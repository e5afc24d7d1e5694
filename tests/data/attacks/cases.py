"""Inputs that strangers send to hurt: each must end in a result or a typed error, soon and small.

A case is (kind, source, text): the source of a constraint, and a text that is then fed to it.
Sources are written as expressions, since the worst of them are long.
"""

from __future__ import annotations

import json
import sys
from typing import Any

Case = tuple[str, Any, bytes]


def nested(depth: int, wrap: Any, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = wrap(leaf)
    return leaf


def lark_rules(count: int) -> str:
    rules = [f"r{i}: r{i + 1} r{i + 1} |" for i in range(count)]
    return "\n".join(["start: r0", *rules, f'r{count}: "a"'])


CASES: dict[str, Case] = {
    # --- patterns
    "regex-deep-groups": ("regex", "(" * 50_000 + "a" + ")" * 50_000, b"a"),
    "regex-deep-alternatives": ("regex", "(a|" * 20_000 + "b" + ")" * 20_000, b"a"),
    "regex-huge-repeat": ("regex", "a{1000000000}", b"a" * 1000),
    "regex-nested-repeats": ("regex", "((((a{0,100}){0,100}){0,100}){0,100}){0,100}", b"a" * 300),
    "regex-nested-stars": ("regex", "((((((a*)*)*)*)*)*)*b", b"a" * 5000),
    "regex-determinisation": ("regex", "^(a|b)*a(a|b){20}$", b"ab" * 500),
    "regex-determinisation-wide": ("regex", "(a|b|c|d)*a(a|b|c|d){200}", b"abcd" * 100),
    "regex-dots": ("regex", "^.{0,5000}$", b"x" * 4000),
    "regex-words": ("regex", r"(?:\S+\s+){0,49}\S+", b"word " * 49),
    "regex-overlap": ("regex", "(a|aa|aaa|aaaa)*" * 20, b"a" * 500),
    "regex-catastrophic": ("regex", "(a+)+$", b"a" * 2000 + b"b"),
    "regex-intersection": ("regex", "".join(f"(?=.*{c})" for c in "abcdefghijklmnop") + ".*", b"x"),
    "regex-nul": ("regex", "a\0b\0*", b"a\0b\0\0"),
    "regex-unterminated": ("regex", "[a-", b""),
    "regex-bad-range": ("regex", "[z-a]", b""),
    "regex-surrogate": ("regex", "\\ud800", b""),
    "regex-backreference": ("regex", r"(a)\1", b"aa"),
    "regex-empty": ("regex", "(?!)", b""),
    "regex-long": ("regex", "abc|" * 100_000 + "d", b"abc"),
    "regex-classes": ("regex", r"[\w\W]{0,1000}\p{L}{0,1000}", "ä".encode() * 500),
    # --- JSON Schemas
    "schema-max-length": ("schema", {"type": "string", "maxLength": 100_000}, b'"' + b"x" * 5000),
    "schema-min-length": ("schema", {"type": "string", "minLength": 100_000}, b'"' + b"x" * 5000),
    "schema-max-items": ("schema", {"type": "array", "maxItems": 10**9}, b"[" + b"1," * 2000),
    "schema-min-items": ("schema", {"type": "array", "minItems": 10**9}, b"[" + b"1," * 2000),
    "schema-huge-number": ("schema", {"type": "integer", "minimum": 10**400, "maximum": 10**401}, b"1"),
    "schema-tiny-multiple": ("schema", {"type": "number", "multipleOf": 1e-300}, b"1"),
    "schema-coprime-multiple": ("schema", {"allOf": [{"multipleOf": p} for p in (7919, 7907, 7901)]}, b"1"),
    "schema-deep-properties": (
        "schema", nested(2000, lambda s: {"properties": {"a": s}, "required": ["a"]}, True), b'{"a":' * 500),
    "schema-deep-not": ("schema", nested(30, lambda s: {"not": s}, {"type": "string"}), b'"a"'),
    "schema-deep-json": ("schema-text", '{"not":' * 100_000 + "true" + "}" * 100_000, b""),
    "schema-deep-one-of": (
        "schema",
        nested(12, lambda s: {"oneOf": [s, {"type": "object", "properties": {"a": s}}]}, {"type": "string"}),
        b'{"a":"b"}'),
    "schema-all-of-any-of": (
        "schema",
        {"allOf": [{"anyOf": [{"properties": {f"p{i}{j}": {"type": "string"}}} for j in range(6)]} for i in range(12)]},
        b"{}"),
    "schema-self-ref": ("schema", {"$ref": "#"}, b"1"),
    "schema-mutual-ref": (
        "schema",
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, b"1"),
    "schema-no-base": (
        "schema",
        {"$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/a"}}, "required": ["b"]}},
         "$ref": "#/$defs/a"}, b'{"b":'),
    "schema-doubling-ref": (
        "schema",
        {"$defs": {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]} for i in range(60)}
         | {"d60": {"type": "integer"}}, "$ref": "#/$defs/d0"}, b"1"),
    "schema-remote-ref": ("schema", {"$ref": "http://example.invalid/schema.json"}, b"1"),
    "schema-bad-pointer": ("schema", {"$ref": "#/$defs/missing"}, b"1"),
    "schema-500-properties": (
        "schema", {"type": "object", "properties": {f"key_{i}": {"type": "string"} for i in range(500)},
                   "additionalProperties": False}, b'{"key_3":"a","key_77":"b"}'),
    "schema-500-any-order": (
        "schema-any", {"type": "object", "properties": {f"key_{i}": {"type": "string"} for i in range(500)},
                       "additionalProperties": False}, b'{"key_77":"a","key_3":"b"}'),
    "schema-enum-5000": ("schema", {"enum": [f"value-{i * 7919}" for i in range(5000)]}, b'"value-7919"'),
    "schema-enum-documents": ("schema", {"enum": [{"k": [i, {"n": str(i)}]} for i in range(2000)]}, b'{"k":[5,'),
    "schema-200-tools": (
        "schema",
        {"anyOf": [{"type": "object", "properties": {"name": {"const": f"tool_{i}"}, "arguments": {
            "type": "object", "properties": {"q": {"type": "string"}, "n": {"type": "integer"}}, "required": ["q"]}},
            "required": ["name", "arguments"], "additionalProperties": False} for i in range(200)]},
        b'{"name":"tool_77","arguments":{"q":"x"'),
    "schema-pattern": ("schema", {"type": "string", "pattern": "^(a|b)*a(a|b){20}$"}, b'"' + b"ab" * 300),
    "schema-pattern-and-length": (
        "schema", {"type": "string", "pattern": r"(?:\S+\s+){0,49}\S+", "maxLength": 500}, b'"' + b"word " * 60),
    "schema-nul": ("schema", {"const": "a\0b", "pattern": "\0"}, b'"a\\u0000b"'),
    "schema-wrong-types": ("schema", {"type": 5, "properties": [], "required": "a"}, b""),
    "schema-nan": ("schema-text", '{"const": NaN}', b""),
    "schema-not-json": ("schema-text", "{" * 1000, b""),
    "schema-duplicate-keys": ("schema-text", '{"type":"string","type":"integer"}', b"1"),
    "schema-unique-items": ("schema", {"type": "array", "uniqueItems": True, "minItems": 10_000}, b"[1,2,3"),
    # --- grammars
    "grammar-left-recursion": ("lark", 'start: start start | "a" |', b"a" * 200),
    "grammar-cycle": ("lark", "start: a\na: b | \"x\"\nb: a", b"x"),
    "grammar-doubling": ("lark", lark_rules(40), b"a" * 60),
    "grammar-unproductive": ("lark", 'start: "a" start', b"a"),
    "grammar-deep": ("lark", 'start: "(" start ")" | "x"', b"(" * 5000),
    "grammar-deep-groups": ("lark", "start: " + "(" * 3000 + '"a"' + ")" * 3000, b"a"),
    "grammar-many-terminals": (
        "lark", "start: " + " | ".join(f"T{i}" for i in range(2000)) + "\n"
        + "\n".join(f"T{i}: /a{{{i}}}b/" for i in range(2000)), b"a" * 300),
    "grammar-bad-syntax": ("lark", "start: ( |", b""),
    "gbnf-deep-groups": ("gbnf", "root ::= " + "(" * 20_000 + '"a"' + ")" * 20_000, b"a"),
    "gbnf-huge-repeat": ("gbnf", 'root ::= "a"{1000000,2000000}', b"a" * 100),
    "gbnf-missing-rule": ("gbnf", "root ::= missing", b""),
    # --- texts
    "text-deep-arrays": ("schema", True, b"[" * 100_000),
    "text-deep-objects": ("schema", True, b'{"a":' * 50_000),
    "text-invalid-utf8": ("schema", {"type": "string"}, b'"\xff\xfe\x80"'),
    "text-overlong-utf8": ("schema", {"type": "string"}, b'"\xc0\x80"'),
    "text-surrogate-utf8": ("schema", {"type": "string"}, b'"\xed\xa0\x80"'),
    "text-lone-surrogate": ("schema", {"type": "string"}, b'"\\ud800"'),
    "text-nul": ("schema", {"type": "string"}, b'"\0"'),
    "text-white-space": ("schema", True, b"[" + b" " * 100_000),
    "text-digits": ("schema", {"type": "number"}, b"1" * 20_000),
    "choice-giant": ("choice", [f"option {i}" for i in range(50_000)], b"option 49"),
    "choice-long": ("choice", ["x" * 1_000_000], b"x" * 1000),
}  # fmt: skip


def source_text(source: Any) -> str:
    """A schema as the JSON text that a request would carry."""
    sys.setrecursionlimit(20_000)  # of the sender's encoder, not of ours
    return source if isinstance(source, str) else json.dumps(source)
