"""References to other documents, the published metaschemas among them, and vocabularies."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

import structgen as sg

pytest.importorskip("jsonschema_specifications")

METASCHEMAS = {
    "http://json-schema.org/draft-04/schema#": {"minLength": -1},
    "http://json-schema.org/draft-06/schema#": {"examples": 1},
    "http://json-schema.org/draft-07/schema#": {"if": 1},
    "https://json-schema.org/draft/2019-09/schema": {"$defs": {"a": {"minContains": -1}}},
    "https://json-schema.org/draft/2020-12/schema": {"properties": {"a": {"prefixItems": {}}}},
    "https://json-schema.org/draft/2020-12/meta/validation": {"maxLength": -1},
}


@pytest.mark.parametrize("uri", METASCHEMAS)
def test_published_metaschemas_need_no_registry(uri: str) -> None:
    constraint = sg.json_schema(
        {"type": "object", "properties": {"schema": {"$ref": uri}}}, property_order="any"
    )
    good = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}
    assert constraint.accepts(json.dumps({"schema": good}))
    assert not constraint.accepts(json.dumps({"schema": METASCHEMAS[uri]}))


def test_a_registry_goes_before_the_published_metaschemas() -> None:
    uri = "http://json-schema.org/draft-07/schema"
    constraint = sg.json_schema({"$ref": f"{uri}#"}, registry={uri: {"const": "mine"}})
    assert constraint.accepts('"mine"')
    assert not constraint.accepts("{}")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_specifications", None)
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "null"}
    assert sg.json_schema(schema).accepts("null")
    with pytest.raises(sg.MissingExtraError) as caught:
        sg.json_schema({"$ref": "http://json-schema.org/draft-07/schema#"})
    assert caught.value.extra == "metaschemas"
    assert "metaschemas" in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "uri"),
    [
        ("http://example.org/other.json#/a", "http://example.org/other.json"),
        ("http://json-schema.org/draft-07/nothing", "http://json-schema.org/draft-07/nothing"),
        ("#/$defs/none", ""),
        ("#none", ""),
    ],
)
def test_nothing_is_fetched(reference: str, uri: str) -> None:
    with pytest.raises(sg.UnresolvedReferenceError) as caught:
        sg.json_schema({"properties": {"a": {"$ref": reference}}})
    assert caught.value.reference == reference
    assert caught.value.uri == uri
    assert caught.value.pointer == "/properties/a"


# -- vocabularies -----------------------------------------------------------------------------

VOCABULARY = "https://json-schema.org/draft/2020-12/vocab/"


def metaschema(*vocabularies: str, **others: bool) -> dict[str, Any]:
    listed = {f"{VOCABULARY}{name}": True for name in ("core", *vocabularies)}
    return {
        "$id": "http://example.org/meta",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$vocabulary": listed | {f"http://example.org/{name}": v for name, v in others.items()},
    }


def with_metaschema(schema: dict[str, Any], document: dict[str, Any]) -> sg.TextConstraint:
    return sg.json_schema(
        {"$schema": "http://example.org/meta", **schema},
        registry={"http://example.org/meta": document},
    )


@pytest.mark.parametrize(
    ("vocabulary", "keywords", "text"),
    [
        ("validation", {"minimum": 10}, "1"),
        ("validation", {"type": "string"}, "1"),
        ("applicator", {"not": {}}, "1"),
        ("applicator", {"items": False}, "[1]"),
        ("unevaluated", {"unevaluatedItems": False}, "[1]"),
        ("format-annotation", {"format": "date"}, '"x"'),
    ],
)
def test_a_vocabulary_that_is_left_out(
    vocabulary: str, keywords: dict[str, Any], text: str
) -> None:
    names = ["applicator", "unevaluated", "validation", "format-annotation"]
    every = with_metaschema(keywords, metaschema(*names)) if keywords != {"not": {}} else None
    assert every is None or not every.accepts(text)
    names.remove(vocabulary)
    constraint = with_metaschema(keywords, metaschema(*names))
    assert constraint.accepts(text)
    (entry,) = (one for one in constraint.report if one["keyword"] in keywords)
    assert entry["status"] == "annotation"
    assert "vocabulary" in entry["note"]


def test_unknown_vocabularies() -> None:
    assert with_metaschema({}, metaschema(mine=False)).accepts("1")
    with pytest.raises(sg.UnsupportedSchemaError) as caught:
        with_metaschema({}, metaschema(mine=True))
    assert caught.value.keyword == "$schema"
    assert "http://example.org/mine" in caught.value.message
    # The option says what it is, whatever the schema says.
    assert sg.json_schema(
        {"$schema": "http://example.org/meta", "type": "null"},
        draft="2020-12",
        registry={"http://example.org/meta": metaschema(mine=True)},
    ).accepts("null")


# -- version 1 --------------------------------------------------------------------------------

V1 = "https://json-schema.org/v1"


def v1(schema: dict[str, Any]) -> sg.TextConstraint:
    return sg.json_schema({"$schema": V1, **schema}, whitespace="compact")


def test_version_1_dynamic_references() -> None:
    lists = {
        "$defs": {
            "item": {"$dynamicAnchor": "item", "type": "string"},
            "list": {"$id": "list", "type": "array", "items": {"$dynamicRef": "#item"}},
        },
        "$ref": "list",
    }
    constraint = v1(lists)
    assert constraint.accepts('["a"]')
    assert not constraint.accepts("[1]")
    # An anchor of the one kind is none of the other.
    with pytest.raises(sg.UnresolvedReferenceError, match="no anchor `a`"):
        v1({"$ref": "#a", "$defs": {"a": {"$dynamicAnchor": "a"}}})
    with pytest.raises(sg.UnresolvedReferenceError, match="dynamicAnchor"):
        v1({"$dynamicRef": "#a", "$defs": {"a": {"$anchor": "a"}}})


def test_version_1_property_dependencies() -> None:
    constraint = v1(
        {
            "properties": {"kind": {"type": "string"}, "radius": {"type": "number"}},
            "propertyDependencies": {
                "kind": {"circle": {"required": ["radius"]}, "point": {"maxProperties": 1}}
            },
            "unevaluatedProperties": False,
        }
    )
    assert constraint.accepts('{"kind":"circle","radius":1}')
    assert not constraint.accepts('{"kind":"circle"}')
    assert constraint.accepts('{"kind":"point"}')
    assert not constraint.accepts('{"kind":"point","radius":1}')
    assert constraint.accepts('{"kind":"line","radius":1}')
    assert constraint.accepts("[]")


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"properties": {"a": {"additionalItems": False}}}, "additionalItems"),
        ({"properties": {"a": {"definitions": {}}}}, "definitions"),
        ({"properties": {"a": {"myKeyword": 1}}}, "myKeyword"),
        ({"properties": {"a": {"format": "mine"}}}, "format"),
    ],
)
def test_version_1_refuses_what_it_does_not_know(schema: dict[str, Any], keyword: str) -> None:
    with pytest.raises(sg.UnsupportedSchemaError) as caught:
        v1(schema)
    assert (caught.value.pointer, caught.value.keyword) == ("/properties/a", keyword)
    assert sg.json_schema(schema, draft="2020-12").accepts("{}")


def test_version_1_annotations_and_items() -> None:
    assert v1({"x-mine": 1, "type": "null"}).accepts("null")
    assert sg.json_schema({"x-mine": 1, "format": "mine"}, draft="v1", format_assertion=False)
    with pytest.raises(sg.SchemaError) as caught:
        v1({"items": [{}]})
    assert caught.value.keyword in ("items", "")
    assert sg.json_schema({"$schema": f"{V1}/2026", "type": "null"}).accepts("null")
