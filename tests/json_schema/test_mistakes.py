"""Mistakes of schemas: what is misspelt is reported, what contradicts names its values, and what is
of an unknown version is refused."""

from __future__ import annotations

import itertools
import random
import re
import string
import warnings
from functools import partial
from typing import Any

import pytest

import structgen as sg
from structgen.errors import (
    EmptyLanguageError,
    SchemaError,
    SchemaWarning,
    UnresolvedReferenceError,
    UnsupportedSchemaError,
)

VALUES: dict[str, Any] = {
    "additionalItems": False,
    "additionalProperties": False,
    "allOf": [{}],
    "anyOf": [{}],
    "contains": {"type": "string"},
    "dependentRequired": {"a": ["b"]},
    "dependentSchemas": {"a": {}},
    "enum": ["a", 1],
    "exclusiveMaximum": 3,
    "exclusiveMinimum": 3,
    "format": "date",
    "items": {"type": "string"},
    "maxContains": 2,
    "maxItems": 2,
    "maxLength": 2,
    "maxProperties": 2,
    "maximum": 2,
    "minContains": 2,
    "minItems": 2,
    "minLength": 2,
    "minProperties": 2,
    "minimum": 2,
    "multipleOf": 2,
    "oneOf": [{}],
    "pattern": "a",
    "patternProperties": {"a": {}},
    "prefixItems": [{}],
    "properties": {"a": {}},
    "propertyNames": {"maxLength": 3},
    "required": ["a"],
    "type": "string",
    "unevaluatedItems": False,
    "unevaluatedProperties": False,
    "uniqueItems": True,
}

VENDORS: list[tuple[str, Any]] = [
    # Names of MaskBench that are nobody's mistake, with values as they have there.
    ("ignoreCase", True), ("_format", "uri"), ("_uniqueItems", True), ("readonly", True),
    ("preferredOrder", 3), ("aliases", ["a"]), ("example", 3), ("name", "a"), ("info", "a"),
    ("markdownDescription", "a"), ("propertyOrder", 1), ("self", {"type": "string"}),
    ("instanceof", "Function"), ("alias", "a"), ("validity", {}), ("weight", 1),
    ("links", [{"href": "a"}]), ("form", "a"), ("fieldType", "text"), ("options", ["a"]),
    ("condition", {}), ("multiplicity", "1"), ("version", 3), ("faker", "name"), ("note", "a"),
    ("optional", True), ("mapping", {}), ("comment", "a"), ("validator", "a"), ("scope", "a"),
    ("form", {"type": "a"}), ("multiple", True), ("references", "#/a"), ("enumNames", ["a"]),
    ("nullable", True), ("discriminator", {"propertyName": "a"}), ("xml", {}), ("cost", 5),
    ("when", {}), ("defaultSnippets", [{}]), ("types", "markdown"), ("formats", ["png"]),
    ("count", 3), ("typeof", "function"), ("patterns", ["a"]), ("x-require", ["a"]), ("order", 3),
]  # fmt: skip


def reported(schema: dict[str, Any], **options: Any) -> list[str]:
    """The messages of the warning, one for each mistake."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sg.json_schema(schema, **options)
    assert len(caught) <= 1  # one for a schema, however much is wrong with it
    for warning in caught:
        assert warning.category is SchemaWarning
        assert warning.filename == __file__
    return [
        part for warning in caught for part in re.split("(?<=[?]); (?=`)", str(warning.message))
    ]


def misspelt(chance: random.Random, name: str) -> str:
    """`name` with one slip: a letter left out, doubled, changed, swapped, or of the other case."""
    while True:
        at = chance.randrange(len(name))
        letter = chance.choice(string.ascii_lowercase)
        slip = chance.choice([
            name[:at] + name[at + 1 :],
            name[:at] + name[at] + name[at:],
            name[:at] + letter + name[at + 1 :],
            name[:at] + letter + name[at:],
            name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :],
            name.lower(),
            name[0].upper() + name[1:],
            "".join(f"_{c.lower()}" if c.isupper() else c for c in name),
        ])  # fmt: skip
        if slip and slip not in VALUES and not slip.startswith(("_", "x-")):
            return slip


@pytest.mark.parametrize("seed", range(20))
def test_misspelt_keywords_are_reported(seed: int) -> None:
    chance = random.Random(seed)
    for keyword, value in VALUES.items():
        slip = misspelt(chance, keyword)
        schema = {"contains": {slip: value}}
        (message,) = reported(schema)
        pointer = "/contains"
        assert message.startswith(f"`{slip}` at `{pointer}`: unknown keyword; did you mean `")
        suggested = message.rsplit("`", 2)[1]
        # Where two are as close (`minimum` and `maximum`), either will do.
        assert suggested == keyword or distance(slip, suggested) <= distance(slip, keyword)
        constraint = silently(schema)
        notes = {entry["keyword"]: entry.get("note", "") for entry in constraint.report}
        assert f"did you mean `{suggested}`?" in notes[slip]
        with pytest.raises(UnsupportedSchemaError, match="did you mean") as caught:
            sg.json_schema(schema, strict=True)
        assert (caught.value.pointer, caught.value.keyword) == (pointer, slip)


def distance(one: str, other: str) -> int:
    """Levenshtein's, of what is left without case and `_`."""
    one, other = (name.lower().replace("_", "") for name in (one, other))
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[:], i
        for j, b in enumerate(other, 1):
            row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
    return row[-1]


def silently(schema: dict[str, Any], **options: Any) -> sg.TextConstraint:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SchemaWarning)
        return sg.json_schema(schema, **options)


@pytest.mark.parametrize(("name", "value"), VENDORS)
def test_names_of_ones_own_are_no_mistakes(name: str, value: Any) -> None:
    assert reported({"type": "string", name: value}) == []


def test_one_warning_for_all() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "propertes": {"a": {}},
        "require": ["a"],
        "additionalProprties": False,
    }
    assert len(reported(schema)) == 3
    # The same definition, used twice, is one mistake.
    schema = {
        "$defs": {"a": {"enums": [1]}},
        "items": {"$ref": "#/$defs/a"},
        "contains": {"$ref": "#/$defs/a"},
    }
    assert len(reported(schema)) == 1
    many = {"prefixItems": [{"minlength": i} for i in range(1000)]}
    assert len(reported(many)) == 20


def test_many_names_cost_little() -> None:
    # Each name is looked up once, and not more than a thousand of them.
    schema = {"prefixItems": [{f"minimun{i}": 3} for i in range(20_000)]}
    assert len(silently(schema).report) > 20_000


def test_nullable_has_a_note() -> None:
    (entry,) = sg.json_schema({"nullable": True}).report
    assert "OpenAPI" in entry["note"]
    with pytest.raises(UnsupportedSchemaError, match="OpenAPI"):
        sg.json_schema({"type": "string", "nullable": True}, strict=True)


def test_strict_refuses_what_is_not_of_the_draft() -> None:
    known = {
        "x-own": 1,
        "example": 2,
        "title": "a",
        "$comment": "b",
        "properties": {"a": {"x-b": 1}},
    }
    assert sg.json_schema(known, strict=True).accepts("{}")
    for name in ("propertyOrder", "enumNames", "ignoreCase"):
        with pytest.raises(UnsupportedSchemaError, match="strict") as caught:
            sg.json_schema({"properties": {"a": {name: 1}}}, strict=True)
        assert (caught.value.pointer, caught.value.keyword) == ("/properties/a", name)
    with pytest.raises(UnsupportedSchemaError, match="not a keyword of this draft"):
        sg.json_schema({"dependentRequired": {}}, strict=True, draft="draft7")
    for name in ("int32", "datetime"):
        with pytest.raises(UnsupportedSchemaError, match=f"unknown format `{name}`"):
            sg.json_schema({"format": name}, strict=True)
    assert sg.json_schema({"format": "date"}, strict=True).accepts('"2024-02-29"')


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("datetime", "date-time"), ("DateTime", "date-time"), ("date_time", "date-time"),
        ("url", "uri"), ("e-mail", "email"), ("guid", "uuid"), ("host-name", "hostname"),
        ("ISO8601", "date-time"), ("ip-address", "ipv4"), ("regexp", "regex"), ("emial", "email"),
        ("json_pointer", "json-pointer"),
    ],
)  # fmt: skip
def test_misspelt_formats(name: str, meant: str) -> None:
    (message,) = reported({"format": name})
    assert message == f"`format` at `(root)`: unknown format `{name}`; did you mean `{meant}`?"


@pytest.mark.parametrize(
    "name", ["int32", "int64", "double", "float", "byte", "path", "data", "text", "html", "color"]
)
def test_formats_of_ones_own(name: str) -> None:
    assert reported({"format": name}) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("int", "integer"), ("str", "string"), ("String", "string"), ("bool", "boolean"),
        ("float", "number"), ("double", "number"), ("dict", "object"), ("list", "array"),
        ("None", "null"), ("nil", "null"), ("integr", "integer"), ("arrray", "array"),
        ("objcet", "object"), ("date", "date"), ("datetime", "date-time"),
    ],
)  # fmt: skip
def test_misspelt_types(name: str, meant: str) -> None:
    for given in (name, ["null", name]):
        with pytest.raises(SchemaError) as caught:
            sg.json_schema({"items": {"type": given}})
        message = caught.value.message
        assert f'"{name}" is not the name of a type; did you mean `' in message
        assert meant in message.split("did you mean")[1]
        assert (caught.value.pointer, caught.value.keyword) == ("/items", "type")


# -- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "leap"),
    [
        ("http://json-schema.org/draft-04/schema#", True),
        ("https://json-schema.org/draft-07/schema", True),
        ("http://www.json-schema.org/draft-07/schema#", True),
        ("http://json-schema.org/draft-06/hyper-schema#", True),
        ("https://json-schema.org/draft/2020-12/schema#", True),
        ("https://spec.openapis.org/oas/3.1/dialect/base", True),
        ("https://json-schema.org/v1", False),
        ("https://json-schema.org/v1/", False),
    ],
)
def test_known_versions(uri: str, leap: bool) -> None:
    """Version 1 has no leap seconds in a `time`, which tells it from the drafts."""
    constraint = sg.json_schema({"$schema": uri, "format": "time", "type": "string"})
    assert constraint.accepts('"23:59:59Z"')
    assert constraint.accepts('"23:59:60Z"') is leap
    assert constraint.accepts('"01:29:60+01:30"') is leap


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/schema", "http://json-schema.org/draft-7/schema#", "draft-07", "",
        "http://json-schema.org/schema#", "http://json-schema.org/draft-03/schema#",
        "https://json-schema.org/draft/2021-12/schema", "https://json-schema.org/v2", "urn:x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["root", "resource", "subschema"])
def test_unknown_versions_are_refused(uri: str, place: str) -> None:
    inner: dict[str, Any] = {"$schema": uri, "type": "string"}
    if place == "resource":
        inner["$id"] = "https://example.com/inner"
    schema = inner if place == "root" else {"items": inner}
    with pytest.raises(UnsupportedSchemaError, match="draft") as caught:
        sg.json_schema(schema)
    assert caught.value.keyword == "$schema"
    assert caught.value.pointer == ("" if place == "root" else "/items")
    assert ("`(root)`" in str(caught.value)) is (place == "root")
    assert sg.json_schema(schema, draft="draft7") is not None


def test_the_nearest_version_is_named() -> None:
    with pytest.raises(
        UnsupportedSchemaError, match=r"did you mean `http://json-schema.org/draft-07/"
    ):
        sg.json_schema({"$schema": "http://json-schema.org/draft-7/schema#"})


def test_metaschemas_of_the_registry() -> None:
    own, further = "https://example.com/own", "https://example.com/further"
    schema = {"$schema": own, "type": "integer"}
    draft4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
    read = partial(sg.json_schema, schema, number_spelling="all")
    assert not read(registry={own: {"$schema": further}, further: draft4}).accepts("1.0")
    assert read(registry={own: {}}).accepts("1.0")
    with pytest.raises(UnsupportedSchemaError, match=r"`https://example\.com/further`"):
        sg.json_schema(schema, registry={own: {"$schema": further}})
    with pytest.raises(UnsupportedSchemaError, match=r"`https://example\.com/"):
        sg.json_schema(schema, registry={own: {"$schema": further}, further: {"$schema": own}})
    with pytest.raises(UnsupportedSchemaError, match=r"example\.com"):
        sg.json_schema({"$id": own, "$schema": own})


# -- contradictions and places --------------------------------------------------------------------

BOUNDS = [
    ("number", ["minimum", "exclusiveMinimum"], ["maximum", "exclusiveMaximum"]),
    ("string", ["minLength"], ["maxLength"]),
    ("array", ["minItems"], ["maxItems"]),
    ("object", ["minProperties"], ["maxProperties"]),
]


@pytest.mark.parametrize("seed", range(5))
def test_contradictions_name_their_values(seed: int) -> None:
    chance = random.Random(seed)
    for kind, lower, upper in BOUNDS:
        for low, high in itertools.product(lower, upper):
            least = chance.randrange(5, 100)
            most = chance.randrange(least)
            parts = [(low, least), (high, most), ("title", "t"), ("type", kind)]
            chance.shuffle(parts)
            bad = dict(parts)
            said = f"`{low}` {least} is greater than `{high}` {most}"
            assert conflict(bad) == (said, {f"/{low}", f"/{high}"})
            # In a required property, and in one of several properties.
            name = chance.choice(["a", "b c", "d/e"])
            inner = {"type": "object", "properties": {"x": {}, name: bad}, "required": ["x", name]}
            pointer = f"/properties/{name.replace('/', '~1')}"
            expected = f"required property `{name}` is unsatisfiable: {said} at `{pointer}`"
            assert conflict(inner) == (expected, {f"{pointer}/{low}", f"{pointer}/{high}"})
            # In parts of their own.
            split = {"type": kind, "allOf": [{high: most}, {}, {low: least}]}
            expected = (
                f"`{low}` {least} at `/allOf/2` is greater than `{high}` {most} at `/allOf/0`"
            )
            assert conflict(split) == (expected, {f"/allOf/0/{high}", f"/allOf/2/{low}"})


def conflict(schema: dict[str, Any]) -> tuple[str, set[str]]:
    with pytest.raises(EmptyLanguageError) as caught:
        sg.json_schema(schema)
    opening = "no document satisfies the schema: "
    assert caught.value.message.startswith(opening)
    return caught.value.message.removeprefix(opening), set(caught.value.pointers)


def test_the_root_has_a_name() -> None:
    for schema in (
        {"type": "int"}, {"$ref": "#"}, {"$ref": "#/nowhere"}, {"pattern": "("}, {"minLength": -1},
        {"$schema": "urn:x"}, {"properties": 3}, {"pattern": "(a)\\1"}, False,
    ):  # fmt: skip
        with pytest.raises((SchemaError, EmptyLanguageError)) as caught:
            sg.json_schema(schema)
        assert "``" not in str(caught.value)
        assert "`(root)`" in str(caught.value)
        assert getattr(caught.value, "pointer", "") == ""
    with pytest.raises(UnresolvedReferenceError, match=r"nothing at `b` in `/\$defs/a`"):
        sg.json_schema({"$defs": {"a": {}}, "$ref": "#/$defs/a/b"})


def test_patterns_are_quoted_as_written() -> None:
    with pytest.raises(SchemaError) as caught:
        sg.json_schema({"properties": {"a": {"pattern": r"^\d+\.\d{2}\h\"$"}}})
    assert r"`^\d+\.\d{2}\h\"$`" in caught.value.message
    assert "at offset 11 " in caught.value.message
    assert (caught.value.pointer, caught.value.keyword) == ("/properties/a", "pattern")
    assert caught.value.hint is not None
