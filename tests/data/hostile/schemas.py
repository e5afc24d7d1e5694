"""Schemas, and the options of `json_schema`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import structgen as sg
from tests.data.attacks.attack import nested, senders_stack
from tests.data.hostile.families import Build, Family, Make, family, word, words

Write = Callable[[int, random.Random], Any]


def text(write: Write, **options: Any) -> Make:
    """A schema that arrives as JSON text."""

    def make(size: int, draw: random.Random) -> Build:
        with senders_stack():
            source = json.dumps(write(size, draw))
        return lambda limits: sg.json_schema(source, limits=limits, **options)

    return make


def value(write: Write, **options: Any) -> Make:
    """A schema that arrives as a dict."""

    def make(size: int, draw: random.Random) -> Build:
        source = write(size, draw)
        return lambda limits: sg.json_schema(source, limits=limits, **options)

    return make


def raw(write: Callable[[int, random.Random], str], **options: Any) -> Make:
    """Text that need not be JSON."""

    def make(size: int, draw: random.Random) -> Build:
        source = write(size, draw)
        return lambda limits: sg.json_schema(source, limits=limits, **options)

    return make


def required(size: int, draw: random.Random) -> Any:
    return {"type": "object", "required": words(draw, size, 12)}


def properties(size: int, draw: random.Random) -> Any:
    return {"type": "object", "properties": {w: {"type": "string"} for w in words(draw, size, 24)}}


def required_properties(size: int, draw: random.Random) -> Any:
    names = words(draw, size // 3, 12)
    return {"properties": {w: {"type": "integer"} for w in names}, "required": names}


def pointers(size: int, draw: random.Random) -> Any:
    count = max(1, size // 60)
    return {
        "$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(count)}
        | {f"d{count}": {"type": "null"}},
        "$ref": "#/$defs/d0",
    }


def references(size: int, draw: random.Random) -> Any:
    count = max(1, size // 60)
    order = list(range(1, count))
    draw.shuffle(order)
    return {
        "$defs": {
            f"d{i}": {"type": "array", "items": {"$ref": f"#/$defs/d{draw.randrange(count)}"}}
            for i in range(count)
        },
        "$ref": "#/$defs/d0",
    }


def anchors(size: int, draw: random.Random) -> Any:
    count = max(1, size // 60)
    return {
        "$defs": {f"d{i}": {"$anchor": f"a{i}", "type": "null"} for i in range(count)},
        "anyOf": [{"$ref": f"#a{i}"} for i in range(count)],
    }


def long_reference(size: int, draw: random.Random) -> Any:
    return {"$ref": "#" + "/a" * (size // 2)}


def dependent(size: int, draw: random.Random) -> Any:
    names = words(draw, size // 2, 12)
    return {"dependentRequired": {a: [b] for a, b in zip(names, reversed(names), strict=True)}}


def dependent_wide(size: int, draw: random.Random) -> Any:
    return {"dependentRequired": {"a": words(draw, size, 12)}}


def dependent_schemas(size: int, draw: random.Random) -> Any:
    return {"dependentSchemas": {w: {"required": ["x"]} for w in words(draw, size, 36)}}


def patterns(size: int, draw: random.Random) -> Any:
    return {"patternProperties": {w: {"type": "null"} for w in words(draw, size, 30)}}


def anchored_patterns(size: int, draw: random.Random) -> Any:
    return {"patternProperties": {f"^{w}": {"type": "null"} for w in words(draw, size, 30)}}


def name_patterns(size: int, draw: random.Random) -> Any:
    return {"propertyNames": {"anyOf": [{"pattern": w} for w in words(draw, size, 30)]}}


def conjunction(part: Callable[[int, random.Random], Any], each: int) -> Write:
    """`allOf` of parts of `each` bytes."""
    return lambda size, draw: {"allOf": [part(i, draw) for i in range(max(1, size // each))]}


def disjunction(keyword: str, part: Callable[[int, random.Random], Any], each: int) -> Write:
    return lambda size, draw: {keyword: [part(i, draw) for i in range(max(1, size // each))]}


def numbers(size: int, draw: random.Random) -> list[Any]:
    return [draw.randrange(10**9) for _ in range(max(1, size // 11))]


def mixed(size: int, draw: random.Random) -> list[Any]:
    return [draw.choice((w, len(w), [w], {"k": w}, None, True, 1.5)) for w in words(draw, size, 12)]


def letters(size: int, draw: random.Random) -> list[str]:
    return words(draw, size, 200)


def alike(size: int, draw: random.Random) -> list[str]:
    """Texts that begin alike for long."""
    head = "a" * 2000
    return [f"{head}{i}" for i in range(max(1, size // 2010))]


def escapes(size: int, draw: random.Random) -> list[str]:
    return [word(draw, 20, '\\"\n\t/\u00e9\U0001f600') + str(i) for i in range(max(1, size // 90))]


def conflicting(size: int, draw: random.Random) -> Any:
    names = words(draw, size // 3, 12)
    return {
        "type": "object",
        "properties": {w: {"type": "string"} for w in names},
        "required": names,
        "allOf": [{"properties": {names[-1]: {"type": "integer"}}}],
    }


def too_many(size: int, draw: random.Random) -> Any:
    return {"type": "object", "required": words(draw, size, 12), "maxProperties": 0}


def long_key(size: int, draw: random.Random) -> Any:
    return {"properties": {word(draw, size): {"type": "null"}}, "additionalProperties": False}


def tuples(size: int, draw: random.Random) -> Any:
    return {"prefixItems": [{"const": i % 7} for i in range(max(1, size // 13))]}


def tree(size: int, draw: random.Random) -> Any:
    """Records of records, some wide and some deep."""
    left = size

    def record(depth: int) -> Any:
        nonlocal left
        left -= 60
        if depth == 0 or left < 0:
            return {"type": draw.choice(("string", "integer", "boolean"))}
        names = [word(draw, 8) for _ in range(draw.randint(1, 8))]
        return {"type": "object", "properties": {w: record(depth - 1) for w in names},
                "required": names[::2]}  # fmt: skip

    return {"type": "array", "prefixItems": [record(6) for _ in range(100) if left > 0]}


def switch(size: int, draw: random.Random) -> Any:
    return {
        "type": "object",
        "allOf": [
            {"if": {"properties": {"k": {"const": w}}}, "then": {"required": [w]}}
            for w in words(draw, size // 2, 40)
        ],
    }


def tagged(i: int, draw: random.Random) -> Any:
    return {
        "type": "object",
        "properties": {"tag": {"const": f"t{i}"}, "v": {"type": "integer"}},
        "required": ["tag"],
    }


def overlapping(i: int, draw: random.Random) -> Any:
    return {"type": "string", "pattern": f"{word(draw, 3, 'ab')}.*{word(draw, 3, 'ab')}"}


def registry(size: int, draw: random.Random) -> Build:
    documents = {f"urn:{w}": {"type": "string"} for w in words(draw, size, 24)}
    last = next(reversed(documents))
    return lambda limits: sg.json_schema({"$ref": last}, registry=documents, limits=limits)


def bad_draft(size: int, draw: random.Random) -> Build:
    name: Any = word(draw, size)
    return lambda limits: sg.json_schema(True, draft=name, limits=limits)


def deep_dict(size: int, draw: random.Random) -> Any:
    return nested(size // 10, lambda inner: {"not": inner}, True)


def deep_list(size: int, draw: random.Random) -> Any:
    return {"const": nested(size // 2, lambda inner: [inner], 1)}


def comments(size: int, draw: random.Random) -> Any:
    return {f"x-{w}": w for w in words(draw, size // 2, 20)} | {"type": "null"}


def huge_number(size: int, draw: random.Random) -> str:
    return '{"minimum": ' + word(draw, size, "123456789") + "}"


FAMILIES: tuple[Family, ...] = (
    family("schema-required", text(required)),
    family("schema-required-dict", value(required)),
    family("schema-required-any-order", text(required, property_order="any")),
    family("schema-properties", text(properties)),
    family("schema-properties-dict", value(properties)),
    family("schema-properties-closed", text(lambda n, d: properties(n, d) | {"additionalProperties": False})),
    family("schema-properties-any-order", text(properties, property_order="any")),
    family("schema-required-properties", text(required_properties)),
    family("schema-required-properties-any", text(required_properties, property_order="any")),
    family("schema-enum-letters", text(lambda n, d: {"enum": letters(n, d)})),
    family("schema-enum-words", text(lambda n, d: {"enum": words(d, n, 12)})),
    family("schema-enum-words-dict", value(lambda n, d: {"enum": words(d, n, 12)})),
    family("schema-enum-minimal-escapes", text(lambda n, d: {"enum": words(d, n, 12)}, escapes="minimal")),
    family("schema-enum-alike", text(lambda n, d: {"enum": alike(n, d)})),
    family("schema-enum-numbers", text(lambda n, d: {"enum": numbers(n, d)})),
    family("schema-enum-mixed", text(lambda n, d: {"enum": mixed(n, d)})),
    family("schema-enum-escapes", text(lambda n, d: {"enum": escapes(n, d)})),
    family("schema-enum-conflict", text(lambda n, d: {"enum": words(d, n, 12), "maxLength": 2}), "EmptyLanguageError"),
    family("schema-enum-pattern", text(lambda n, d: {"enum": words(d, n, 12), "pattern": "^a.*1$"}), "result", "EmptyLanguageError"),
    family("schema-enum-typed", text(lambda n, d: {"enum": mixed(n, d), "type": "string"}), "result", "EmptyLanguageError"),
    family("schema-enum-twice", text(lambda n, d: {"enum": words(d, n // 2, 12), "allOf": [{"enum": words(d, n // 2, 12)}]}), "result", "EmptyLanguageError"),
    family("schema-const-text", text(lambda n, d: {"const": word(d, n)})),
    family("schema-const-list", text(lambda n, d: {"const": words(d, n, 12)})),
    family("schema-const-object", text(lambda n, d: {"const": dict.fromkeys(words(d, n, 12), 1)})),
    family("schema-const-numbers", text(lambda n, d: {"const": numbers(n, d)})),
    family("schema-not-enum", text(lambda n, d: {"type": "string", "not": {"enum": words(d, n, 12)}})),
    family("schema-not-const", text(lambda n, d: {"type": "string", "not": {"const": word(d, n)}})),
    family("schema-not-const-object", text(lambda n, d: {"not": {"const": dict.fromkeys(words(d, n, 12), 1)}})),
    family("schema-not-required", text(lambda n, d: {"type": "object", "not": {"required": words(d, n, 12)}})),
    family("schema-property-names-enum", text(lambda n, d: {"propertyNames": {"enum": words(d, n, 12)}})),
    family("schema-property-names-not", text(lambda n, d: {"propertyNames": {"not": {"enum": words(d, n, 12)}}})),
    family("schema-property-names-patterns", text(name_patterns)),
    family("schema-pattern-properties", text(patterns)),
    family("schema-pattern-properties-anchored", text(anchored_patterns)),
    family("schema-pattern-alternation", text(lambda n, d: {"pattern": "^(" + "|".join(words(d, n, 12)) + ")$"})),
    family("schema-pattern-long", text(lambda n, d: {"pattern": word(d, n)})),
    family("schema-pattern-classes", text(lambda n, d: {"pattern": r"[\w-]{0,9}\d" * (n // 12)})),
    family("schema-pattern-lookaheads", text(lambda n, d: {"pattern": "".join(f"(?=.*{w})" for w in words(d, n, 12))}), "result", "UnsupportedSchemaError"),
    family("schema-dependent-required", text(dependent)),
    family("schema-dependent-required-wide", text(dependent_wide)),
    family("schema-dependent-schemas", text(dependent_schemas)),
    family("schema-references-chain", text(pointers)),
    family("schema-references-graph", text(references)),
    family("schema-anchors", text(anchors)),
    family("schema-reference-long", text(long_reference), "UnresolvedReferenceError"),
    family("schema-registry", registry),
    family("schema-conflict", text(conflicting), "EmptyLanguageError"),
    family("schema-conflict-count", text(too_many), "EmptyLanguageError"),
    family("schema-long-key", text(long_key)),
    family("schema-prefix-items", text(tuples)),
    family("schema-records", text(tree)),
    family("schema-records-any-order", text(tree, property_order="any")),
    family("schema-if-then", text(switch)),
    family("schema-one-of-tagged", text(disjunction("oneOf", tagged, 110))),
    family("schema-any-of-tagged", text(disjunction("anyOf", tagged, 110))),
    family("schema-any-of-patterns", text(disjunction("anyOf", overlapping, 45))),
    family("schema-all-of-patterns", text(conjunction(overlapping, 45)), "result", "EmptyLanguageError"),
    family("schema-one-of-consts", text(disjunction("oneOf", lambda i, d: {"const": i}, 14))),
    family("schema-any-of-enums", text(disjunction("anyOf", lambda i, d: {"enum": [f"{i}a", i]}, 28))),
    family("schema-all-of-not-const", text(conjunction(lambda i, d: {"not": {"const": i}}, 24))),
    family("schema-all-of-minimum", text(conjunction(lambda i, d: {"minimum": i}, 18))),
    family("schema-all-of-contains", text(conjunction(lambda i, d: {"contains": {"const": i}}, 32))),
    family("schema-any-of-min-length", text(disjunction("anyOf", lambda i, d: {"minLength": i}, 20))),
    family("schema-deep-dict", value(deep_dict), "result", "EmptyLanguageError"),
    family("schema-deep-text", text(deep_dict), "result", "EmptyLanguageError", largest=100_000),
    family("schema-deep-const", text(deep_list), largest=10_000),
    family("schema-deep-open", raw(lambda n, d: "[" * n), "SchemaError"),
    family("schema-comments", text(comments)),
    family("schema-description", text(lambda n, d: {"description": word(d, n), "type": "null"})),
    family("schema-huge-number", raw(huge_number), "result", "UnsupportedSchemaError"),
    family("schema-malformed", raw(lambda n, d: json.dumps(required(n, d))[:-1]), "SchemaError"),
    family("schema-bad-type", text(lambda n, d: {"type": word(d, n)}), "SchemaError"),
    family("schema-bad-pattern", text(lambda n, d: {"pattern": word(d, n) + "["}), "SchemaError"),
    family("schema-white-space", raw(lambda n, d: "{" + " " * n + "}")),
    family("schema-option-string-length", value(required, max_string_length=5)),
    family("schema-option-draft", text(properties, draft="draft4")),
    family("schema-option-bad-draft", bad_draft, "ConstraintError", may_limit=False),
)  # fmt: skip
