"""JSON Schemas that strangers send to hurt."""

from __future__ import annotations

import random
from typing import Any

from tests.data.attacks.attack import Attack, documents, nested

Schema = Any


def schema(
    source: Schema,
    fed: bytes = b"",
    *,
    valid: tuple[Any, ...] = (),
    invalid: tuple[Any, ...] = (),
    texts: tuple[bytes, ...] = (),
    refused: str = "",
    **options: Any,
) -> Attack:
    """`valid` and `invalid` are values; `texts` are valid as they are written."""
    return Attack(
        "schema",
        source,
        fed,
        valid=documents(*valid) + texts,
        invalid=documents(*invalid),
        refused=refused,
        options=options,
    )


def shuffled(items: list[Any], seed: int = 1) -> list[Any]:
    items = list(items)
    random.Random(seed).shuffle(items)
    return items


def object_of(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}


def overlapping(depth: int) -> Schema:
    """`oneOf` whose branches overlap, each inside the next."""
    return nested(depth, lambda s: {"oneOf": [s, object_of({"a": s})]}, {"type": "string"})


def disjoint(depth: int) -> Schema:
    def wrap(inner: Schema) -> Schema:
        return {
            "oneOf": [
                object_of({"k": {"const": "in"}, "v": inner}, required=["k", "v"]),
                object_of({"k": {"const": "out"}}, required=["k"], additionalProperties=False),
                {"type": "array", "items": inner, "minItems": 1},
            ]
        }

    return nested(depth, wrap, {"type": "integer"})


def tools(keyword: str, count: int = 200) -> Schema:
    def tool(i: int) -> Schema:
        arguments = object_of({"q": {"type": "string"}, "n": {"type": "integer"}}, required=["q"])
        return object_of(
            {"name": {"const": f"tool_{i}"}, "arguments": arguments},
            required=["name", "arguments"],
            additionalProperties=False,
        )

    return {keyword: [tool(i) for i in range(count)]}


def keys(count: int, **more: Any) -> Schema:
    return object_of({f"key_{i}": {"type": "string"} for i in range(count)}, **more)


def letters(count: int) -> list[str]:
    return [chr(ord("a") + i % 26) + str(i // 26 or "") for i in range(count)]


CALL = {"name": "tool_77", "arguments": {"q": "x" * 300, "n": 5}}
RANGE = range(10_000)

LENGTHS: dict[str, Attack] = {
    "max-length": schema(
        {"type": "string", "maxLength": 100_000}, b'"' + b"x" * 5000, valid=("xyz " * 25_000,), invalid=("x" * 100_001,)),
    "max-length-escapes": schema(
        {"type": "string", "maxLength": 20_000}, texts=(b'"' + b"\\u00e9" * 20_000 + b'"',), invalid=("é" * 20_001,)),
    "min-length": schema(
        {"type": "string", "minLength": 100_000}, b'"' + b"x" * 5000, valid=("x" * 100_000,), invalid=("x" * 99_999,)),
    "exact-length": schema(
        {"type": "string", "minLength": 50_000, "maxLength": 50_000, "pattern": "^[a-c]*$"},
        valid=("abc" * 16_666 + "ab",), invalid=("abc" * 16_666,)),
    "pattern-determinisation": schema(
        {"type": "string", "pattern": "^(a|b)*a(a|b){20}$"}, b'"' + b"ab" * 300,
        valid=("ab" * 300 + "a" + "b" * 20,), invalid=("ab" * 300 + "b" * 21,)),
    "pattern-determinisation-length": schema(
        {"type": "string", "pattern": "^(a|b)*a(a|b){20}$", "minLength": 100, "maxLength": 5000},
        valid=("ba" * 2000 + "a" + "b" * 20,), invalid=("a" * 99,)),
    "pattern-dots": schema(
        {"type": "string", "pattern": "^.{0,5000}$"}, valid=("x" * 5000, "é€😀" * 1500), invalid=("x" * 5001,)),
    "pattern-words": schema(
        {"type": "string", "pattern": r"(?:\S+\s+){0,49}\S+", "maxLength": 500}, b'"' + b"word " * 60,
        valid=("word " * 49 + "word",), invalid=("word " * 120,)),
    "pattern-words-anchored": schema(
        {"type": "string", "pattern": r"^(?:\S+\s+){0,49}\S+$", "maxLength": 500},
        valid=("word " * 49 + "word",), invalid=("word " * 51,)),
    "pattern-search-wide": schema(
        {"type": "string", "pattern": r"[a-z]{40}\d{40}[\s\S]{50,100}end", "maxLength": 1000}, b'"' + b"ab1" * 100),
    "patterns-500": schema(
        {"type": "string", "allOf": [{"pattern": f"^[^{chr(0x4E00 + i)}]*$"} for i in range(500)]},
        valid=("plain text " * 20,), invalid=("a\u4e07b",)),
    "patterns-contained": schema(
        {"type": "string", "allOf": [{"pattern": f"w{i}"} for i in range(14)]},
        valid=(" ".join(f"w{i}" for i in range(14)),), invalid=(" ".join(f"w{i}" for i in range(13)),)),
    "pattern-lookaheads": schema(
        {"type": "string", "pattern": "^" + "".join(f"(?=.*{c})" for c in "abcdefghij") + ".*$", "maxLength": 60},
        valid=("jihgfedcba",), invalid=("jihgfedcb",)),
    "pattern-5000-words": schema(
        {"type": "string", "pattern": "^(" + "|".join(f"word{i * 7919}x" for i in range(5000)) + ")$"},
        valid=("word7919x",), invalid=("word7918x",)),
    "pattern-words-both": schema(
        {"type": "string", "allOf": [
            {"pattern": "^(" + "|".join(f"word{i * 7919 % 100_003}x" for i in span) + ")$"} for span in (range(1000), range(500, 1500))]},
        valid=(f"word{501 * 7919 % 100_003}x",), invalid=("word7919x",)),
    "pattern-5000-words-search": schema(
        {"type": "string", "pattern": "(" + "|".join(f"word{i * 7919}x" for i in range(5000)) + ")"},
        valid=("so word7919x it is",), invalid=("so word7918 it is",)),
    "pattern-unicode": schema(
        {"type": "string", "pattern": r"^\p{L}{1,1000}[\p{N}\p{P}]{0,1000}$"}, valid=("日本語" * 200 + "１２。" * 100,)),
    "formats-all": schema(
        {"type": "string", "anyOf": [{"format": f} for f in (
            "date", "time", "date-time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6",
            "uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer",
            "relative-json-pointer", "regex")]},
        valid=("2024-02-29", "a@b.cd", "http://example.org/" + "a/" * 400)),
    "formats-both": schema(
        {"type": "string", "allOf": [{"format": "uri"}, {"format": "iri"}, {"maxLength": 2000}, {"pattern": "a.*b.*c"}]},
        valid=("http://a.example/" + "b/" * 200 + "c",), invalid=("http://a.example/b/",)),
    "format-not": schema(
        {"type": "string", "not": {"anyOf": [{"format": f} for f in ("date-time", "email", "uri", "ipv6", "uuid")]}},
        valid=("none of them " * 30,), invalid=("a@b.cd",)),
}  # fmt: skip

NUMBERS: dict[str, Attack] = {
    "huge-integer": schema(
        {"type": "integer", "minimum": 10**400, "maximum": 10**401}, b"1", valid=(10**400 + 7,), invalid=(10**400 - 1,)),
    "digits-10000": schema(
        '{"type": "integer", "minimum": 1' + "0" * 10_000 + "}", texts=(b"1" + b"0" * 10_000,)),
    "digits-read": schema({"type": "number"}, texts=(b"1" * 20_000, b"0." + b"1" * 20_000)),
    "multiple-tiny": schema({"type": "number", "multipleOf": 1e-300}, b"1"),
    "multiple-huge": schema(
        {"type": "number", "multipleOf": 1e308, "maximum": 1e308}, b"1", texts=(b"1e308",)),
    "multiple-coprime": schema(
        {"allOf": [{"multipleOf": p} for p in (7919, 7907, 7901)]}, b"1"),
    "multiple-decimal": schema(
        {"type": "number", "multipleOf": 0.01, "minimum": -1e6, "maximum": 1e6}, valid=(999999.99,), invalid=(0.001,)),
    "minimum-exponent": schema(
        {"type": "number", "minimum": 1e308}, texts=(b"1e308", b"1" + b"0" * 308, b"0.001e999"), invalid=(1e307,)),
    "maximum-exponent": schema({"type": "number", "exclusiveMaximum": 1e-300}, texts=(b"1e-301",), invalid=(1,)),
    "exponent-absurd": schema('{"minimum": 1e400000}', b"1", refused="LimitExceeded|SchemaError|UnsupportedSchemaError"),
    "ranges-many": schema(
        {"type": "number", "not": {"anyOf": [{"minimum": i * 10, "maximum": i * 10 + 5} for i in range(100)]}},
        valid=(6, 996.5), invalid=(12,)),
    "enum-numbers": schema({"enum": [i * 7 for i in range(5000)]}, valid=(7, 34_993), invalid=(8,)),
}  # fmt: skip

OBJECTS: dict[str, Attack] = {
    "500-properties": schema(
        keys(500, additionalProperties=False), b'{"key_3":"a","key_77":"b"}',
        valid=({f"key_{i}": "v" for i in range(500)},), invalid=({"key_500": ""}, {"key_2": "", "key_1": ""})),
    "500-any-order": schema(
        keys(500, additionalProperties=False), b'{"key_77":"a","key_3":"b"}', property_order="any",
        valid=({f"key_{i}": "v" for i in shuffled(list(range(500)))},), invalid=({"key_500": ""},)),
    "500-any-order-open": schema(
        keys(500), property_order="any",
        valid=({f"key_{i}": "v" for i in shuffled(list(range(520)))},), invalid=({"key_7": 1},)),
    "500-required-any-order": schema(
        keys(500, required=[f"key_{i}" for i in range(500)]), property_order="any",
        valid=({f"key_{i}": "v" for i in shuffled(list(range(500)))},), invalid=({"key_7": "v"},)),
    "keys-open-10000": schema(
        {"type": "object", "additionalProperties": {"type": "integer"}}, valid=({f"k{i}": i for i in range(3000)},)),
    "max-properties": schema(
        keys(300, maxProperties=20), property_order="any",
        valid=({f"key_{i}": "v" for i in range(100, 120)},), invalid=({f"key_{i}": "v" for i in range(21)},)),
    "max-properties-ordered": schema(
        keys(300, maxProperties=20), valid=({f"key_{i}": "v" for i in range(100, 120)},),
        invalid=({f"key_{i}": "v" for i in range(21)},)),
    "min-properties": schema(
        keys(300, minProperties=250, additionalProperties=False), property_order="any",
        valid=({f"key_{i}": "v" for i in range(250)},), invalid=({f"key_{i}": "v" for i in range(249)},)),
    "min-properties-1e9": schema({"type": "object", "minProperties": 10**9}, b'{"a": 1, "b": 2'),
    "dependent-clique": schema(
        {"type": "object", "dependentRequired": {a: letters(30) for a in letters(30)}}, property_order="any",
        valid=({}, dict.fromkeys(shuffled(letters(30)), 1)), invalid=(dict.fromkeys(letters(29), 1),)),
    "dependent-chain": schema(
        object_of(dict.fromkeys(letters(40), True), dependentRequired=dict(zip(letters(40), [[x] for x in letters(41)[1:]], strict=True))),
        property_order="any", valid=({}, {"z": 1} | dict.fromkeys(letters(41)[26:], 1)), invalid=({"a": 1},)),
    "dependent-schemas": schema(
        object_of(dict.fromkeys(letters(12), True), dependentSchemas={a: {"properties": {b: {"type": "integer"}}} for a in letters(12) for b in letters(12)}),
        property_order="any", valid=(dict.fromkeys(letters(12), 1),)),
    "pattern-properties-200": schema(
        {"type": "object", "patternProperties": {f"{a}.*{b}": {"minLength": 1} for a in letters(20) for b in letters(10)}},
        valid=({"plain": "x", "zz": 5},), invalid=({"aa": ""},)),
    "pattern-properties-disjoint": schema(
        {"type": "object", "patternProperties": {f"^x{i}_": {"type": "integer"} for i in range(200)}, "additionalProperties": False},
        valid=({f"x{i}_a": i for i in range(200)},), invalid=({"x7_a": "s"}, {"y": 1})),
    "property-names": schema(
        {"type": "object", "propertyNames": {"pattern": "^(a|b)*a(a|b){20}$"}, "additionalProperties": {"type": "integer"}},
        valid=({"ab" * 100 + "a" + "b" * 20: 1},), invalid=({"b" * 21: 1},)),
    "property-names-words": schema(
        {"type": "object", "propertyNames": {"pattern": r"(?:\S+\s+){0,49}\S+", "maxLength": 500}},
        valid=({"some words " * 20: 1},)),
    "unevaluated": schema(
        {"type": "object", "anyOf": [object_of({f"p{i}": {"type": "string"}}, required=[f"p{i}"]) for i in range(12)],
         "unevaluatedProperties": False},
        property_order="any", valid=({f"p{i}": "x" for i in shuffled(list(range(12)))},), invalid=({"p0": "", "q": 1},)),
    "unevaluated-optional": schema(
        {"type": "object", "anyOf": [object_of({f"p{i}": {"type": "string"}}) for i in range(12)],
         "unevaluatedProperties": False},
        valid=({"p0": "x", "p11": "y"},)),
    "tools-any-of": schema(tools("anyOf"), b'{"name":"tool_77","arguments":{"q":"x"', valid=(CALL,), invalid=({"name": "tool_200"},)),
    "tools-one-of": schema(tools("oneOf"), valid=(CALL,), invalid=({"name": "tool_77", "arguments": {}},)),
    "tools-any-order": schema(tools("anyOf"), property_order="any", valid=(dict(reversed(CALL.items())), CALL)),
    "one-of-closed-100": schema(
        {"oneOf": [object_of({f"a{i}": {"type": "integer"}, f"b{i}": {"type": "string"}}, required=[f"a{i}"],
                             additionalProperties=False) for i in range(100)]},
        property_order="any", valid=({"b77": "x", "a77": 1}, {"a9": 1}), invalid=({"a1": 1, "a2": 2}, {})),
    "one-of-optional": schema(
        {"type": "object", "oneOf": [{"properties": {f"p{i}": {"minimum": i}}} for i in range(12)]}, b'{"p0": 1',
        property_order="any"),
    "all-of-any-of": schema(
        {"allOf": [{"anyOf": [{"properties": {f"p{i}{j}": {"type": "string"}}} for j in range(6)]} for i in range(12)]},
        b"{}"),
    "negations": schema(
        {"type": "object", "allOf": [{"not": {"required": [f"p{i}"], "properties": {"q": {"const": i}}}} for i in range(20)]},
        b"{", property_order="any"),
    "if-ladder": schema(
        object_of({"k": {"type": "integer"}}, required=["k"], allOf=[
            {"if": {"properties": {"k": {"const": i}}}, "then": {"required": [f"p{i}"]}} for i in range(30)]),
        property_order="any", valid=({"k": 7, "p7": 1}, {"p29": 1, "k": 29}), invalid=({"k": 7, "p8": 1},)),
    "if-ladder-nested": schema(
        nested(9, lambda s: {"if": {"required": ["a"]}, "then": {"properties": {"b": s}}, "else": {"properties": {"c": s}}}, {"type": "integer"}),
        b'{"a": 1, "b": {"c": {"c": '),
}  # fmt: skip

ARRAYS: dict[str, Attack] = {
    "max-items": schema({"type": "array", "maxItems": 10**9}, b"[" + b"1," * 2000, valid=([1] * 10_000,)),
    "min-items": schema({"type": "array", "minItems": 10**9}, b"[" + b"1," * 2000),
    "items-10000": schema(
        {"type": "array", "items": object_of({"a": {"type": "integer"}}, required=["a"])},
        valid=([{"a": i % 100} for i in RANGE],), invalid=([{"a": 1}] * 5000 + [{}],)),
    "prefix-items": schema(
        {"type": "array", "prefixItems": [{"const": i} for i in range(2000)], "items": False},
        valid=(list(range(2000)),), invalid=([*range(1999), 0],)),
    "unique-items": schema(
        {"type": "array", "uniqueItems": True}, valid=(list(RANGE),), invalid=([*range(5000), 77],)),
    "unique-items-bound": schema({"type": "array", "uniqueItems": True, "minItems": 10_000}, b"[1,2,3"),
    "unique-strings": schema(
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        valid=([f"item {i}" for i in RANGE],), invalid=(["a"] * 2,)),
    "unique-objects": schema(
        {"type": "array", "items": object_of({"x": {"type": "integer"}}, required=["x"]), "uniqueItems": True},
        valid=([{"x": i, "y": [i]} for i in range(2000)],), invalid=([{"x": 1, "y": 2}, {"x": 1.0, "y": 2}],)),
    "unique-enum": schema(
        {"type": "array", "items": {"enum": [f"v{i}" for i in range(1000)]}, "uniqueItems": True, "minItems": 900},
        valid=([f"v{i}" for i in shuffled(list(range(1000)))],), invalid=(["v1", "v1"],)),
    "unique-nested": schema(
        nested(6, lambda s: {"type": "array", "items": s, "uniqueItems": True}, {"type": "integer"}),
        valid=([[[[[list(range(200))]]]]],), invalid=([[[[[[1, 1]]]]]],)),
    "contains-many": schema(
        {"type": "array", "contains": {"type": "integer"}, "minContains": 3000, "maxContains": 4000},
        valid=([1, "a"] * 3000,), invalid=([1] * 2999, [1] * 4001)),
    "contains-several": schema(
        {"type": "array", "allOf": [{"contains": {"const": i}, "minContains": 3} for i in range(10)]},
        valid=([i % 10 for i in range(30)],), invalid=([i % 10 for i in range(29)],)),
    "contains-overlapping": schema(
        {"type": "array", "items": {"type": "integer"}, "allOf": [
            {"contains": {"minimum": i * 10}, "minContains": 5, "maxContains": 50 + i} for i in range(12)]}, b"[1, 20, 300, 4"),
    "unevaluated-items": schema(
        {"type": "array", "anyOf": [{"contains": {"const": i}} for i in range(10)], "unevaluatedItems": False},
        valid=([0, 9, 5],), invalid=([11],)),
}  # fmt: skip

DEPTH: dict[str, Attack] = {
    "one-of-overlapping-8": schema(overlapping(8), b'{"a":{"a":"b"}}'),
    "one-of-overlapping-12": schema(overlapping(12), b'{"a":"b"}'),
    "one-of-disjoint-8": schema(disjoint(8), valid=(nested(8, lambda v: {"k": "in", "v": v}, 5),), invalid=({"k": "in"},)),
    "one-of-disjoint-12": schema(disjoint(12), valid=(nested(11, lambda v: [v, v] if v == {"k": "out"} else {"k": "in", "v": v}, {"k": "out"}),)),
    "properties-2000": schema(
        nested(2000, lambda s: {"properties": {"a": s}, "required": ["a"]}, True), b'{"a":' * 500),
    "properties-900": schema(
        nested(900, lambda s: object_of({"a": s}, required=["a"]), {"type": "integer"}),
        valid=(nested(900, lambda v: {"a": v}, 1),), invalid=(nested(899, lambda v: {"a": v}, 1),)),
    "list": schema(
        object_of({"next": {"$ref": "#"}}, additionalProperties=False),
        valid=(nested(900, lambda v: {"next": v}, {}),), invalid=({"last": {}},)),
    "list-2000": schema(object_of({"next": {"$ref": "#"}}, additionalProperties=False), b'{"next":' * 2000),
    "not-30": schema(nested(30, lambda s: {"not": s}, {"type": "string"}), valid=("a",), invalid=(1,)),
    "not-31": schema(nested(31, lambda s: {"not": s}, {"type": "string"}), valid=(1, {"a": [1]}), invalid=("a",)),
    "not-mixed": schema(
        nested(8, lambda s: {"not": {"allOf": [s, {"properties": {"a": s}}]}}, {"type": "string"}), b'{"a": {"a":'),
    "deep-json": schema('{"not":' * 100_000 + "true" + "}" * 100_000, refused="LimitExceeded|SchemaError"),
    "self-ref": schema({"$ref": "#"}, refused="SchemaError"),
    "mutual-ref": schema(
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, refused="SchemaError"),
    "mutual-no-base": schema(
        {"$defs": {"a": object_of({"b": {"$ref": "#/$defs/b"}}, required=["b"]),
                   "b": {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1}}, "$ref": "#/$defs/a"},
        refused="EmptyLanguageError"),
    "no-base": schema(
        {"$defs": {"a": object_of({"b": {"$ref": "#/$defs/a"}}, required=["b"])}, "$ref": "#/$defs/a"},
        refused="EmptyLanguageError"),
    "doubling-ref": schema(
        {"$defs": {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(60)} | {"d60": {"type": "integer"}},
         "$ref": "#/$defs/d0"}, b"1"),
    "ref-chain-10000": schema(
        {"$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(10_000)} | {"d10000": {"type": "integer"}},
         "$ref": "#/$defs/d0"}, b"1"),
    "ref-chain-items": schema(
        {"$defs": {f"d{i}": {"type": "array", "items": {"$ref": f"#/$defs/d{i + 1}"}} for i in range(10_000)}
         | {"d10000": {"type": "integer"}}, "$ref": "#/$defs/d0"}, b"[" * 900),
    "dynamic-ladder": schema(
        {"$id": "http://example.invalid/root", "$dynamicAnchor": "node", "$ref": "l0", "$defs": {
            f"l{i}": {"$id": f"l{i}", "$dynamicAnchor": "node", "type": ["object", "integer"],
                      "properties": {"a": {"$dynamicRef": "#node"}, "b": {"$ref": f"l{(i + 1) % 60}"}}} for i in range(60)}},
        valid=({"a": {"b": {"a": 5}}},), invalid=({"a": "x"},)),
    "ambiguous-recursion": schema(
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "maxItems": i} for i in range(2, 14)] + [{"type": "integer"}]},
        valid=(nested(60, lambda v: [v, v] if v == 1 else [v], 1),), invalid=(["a"],)),
    "ambiguous-objects": schema(
        {"anyOf": [object_of({"a": {"$ref": "#"}, f"b{i}": {"$ref": "#"}}) for i in range(10)] + [{"type": "integer"}]},
        b'{"a": {"b1": {"a": {"b2": {"a"', property_order="any"),
    "const-deep": schema(
        {"const": nested(900, lambda v: {"a": [v]}, 1)}, b'{"a": [{"a"', refused="LimitExceeded"),
    "const-deep-400": schema(
        {"const": nested(400, lambda v: {"a": [v]}, 1)}, valid=(nested(400, lambda v: {"a": [v]}, 1),),
        invalid=(nested(400, lambda v: {"a": [v]}, 2),)),
    "const-wide": schema(
        {"const": {f"k{i}": list(range(i % 7)) for i in range(2000)}}, valid=({f"k{i}": list(range(i % 7)) for i in range(2000)},)),
    "remote-ref": schema({"$ref": "http://example.invalid/schema.json"}, refused="UnresolvedReferenceError"),
    "bad-pointer": schema({"$ref": "#/$defs/missing"}, refused="UnresolvedReferenceError"),
    "wrong-types": schema({"type": 5, "properties": [], "required": "a"}, refused="SchemaError"),
    "nan": schema('{"const": NaN}', refused="SchemaError"),
    "not-json": schema("{" * 1000, refused="SchemaError"),
    "duplicate-keys": schema('{"type":"string","type":"integer"}', b"1"),
    "nul": schema({"const": "a\0b", "pattern": "\0"}, texts=(b'"a\\u0000b"',), invalid=("ab",)),
}  # fmt: skip

SIZES: dict[str, Attack] = {
    "enum-5000": schema({"enum": [f"value-{i * 7919}" for i in range(5000)]}, valid=("value-7919",), invalid=("value-1",)),
    "enum-documents": schema(
        {"enum": [{"k": [i, {"n": str(i)}]} for i in range(5000)]}, b'{"k":[5,',
        valid=({"k": [4999, {"n": "4999"}]},), invalid=({"k": [4999, {"n": "4998"}]},)),
    "enum-documents-any-order": schema(
        {"enum": [{"k": [i, {"n": str(i), "m": None}], "a": i % 7} for i in range(2000)]}, property_order="any",
        valid=({"a": 4, "k": [1999, {"m": None, "n": "1999"}]},)),
    "enum-mixed": schema(
        {"enum": [x for i in range(1500) for x in (i, f"s{i}", [i], {"o": i})]}, valid=(1, "s7", [9], {"o": 5}), invalid=({"o": 1500},)),
    "enum-100000": schema(
        {"enum": [f"name {i * 7919 % 1_000_003}" for i in range(100_000)]}, valid=("name 7919",), invalid=("nameless",)),
    "not-enum-5000": schema(
        {"type": "string", "not": {"enum": [f"value-{i * 7919}" for i in range(5000)]}}, valid=("value-1",), invalid=("value-7919",)),
    "text-1mb": schema(
        object_of({f"property_{i}": {"type": "string", "description": "x" * 40, "maxLength": i} for i in range(9000)}),
        valid=({"property_7": "seven", "property_8999": "x" * 100},), invalid=({"property_7": "eight888"},)),
    "text-1mb-definitions": schema(
        {"$defs": {f"d{i}": object_of({f"p{j}": {"$ref": f"#/$defs/d{(i * 7 + j) % 3000}"} for j in range(10)}) for i in range(3000)},
         "$ref": "#/$defs/d0"}, b'{"p0": {"p1": {"p2": {}'),
}  # fmt: skip

SCHEMAS: dict[str, Attack] = LENGTHS | NUMBERS | OBJECTS | ARRAYS | DEPTH | SIZES
