"""The report names every keyword of every schema that is reached, once.

A walker of its own (below) finds the schemas: it shares nothing with the core but the drafts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest

import structgen as sg
from tests.json_schema import data, suite

ONE = {
    "additionalProperties",
    "contains",
    "else",
    "if",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
}
LISTS = {"allOf", "anyOf", "oneOf", "prefixItems"}
MAPS = {"dependentSchemas", "patternProperties", "properties"}
STATUSES = {"enforced", "residual", "annotation", "unreachable"}


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def at(document: Any, pointer: str) -> Any:
    for name in pointer.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


def children(schema: dict[str, Any], judged: set[str], pointer: str) -> Iterator[str]:
    """Pointers of the schemas that the judged keywords apply, references within the document."""
    for keyword in judged:
        value, here = schema[keyword], f"{pointer}/{escaped(keyword)}"
        if keyword == "$ref" and value.startswith("#") and value[1:2] in ("", "/"):
            yield unquote(value[1:])
        elif keyword in ONE or (keyword in ("items", "additionalItems") and holds_one(value)):
            yield here
        elif keyword in LISTS or (keyword == "items" and isinstance(value, list)):
            yield from (f"{here}/{index}" for index in range(len(value)))
        elif keyword in MAPS:
            yield from (f"{here}/{escaped(name)}" for name in value)
        elif keyword == "dependencies":
            yield from (f"{here}/{escaped(n)}" for n, v in value.items() if holds_one(v))


def holds_one(value: Any) -> bool:
    return isinstance(value, dict | bool)


def check(schema: Any, report: list[dict[str, str]]) -> int:
    """Judge a report; the number of keywords that it has."""
    seen: dict[str, list[str]] = defaultdict(list)
    judged: dict[str, set[str]] = defaultdict(set)
    unreachable: set[str] = set()
    for entry in report:
        assert entry["status"] in STATUSES
        assert entry["status"] != "annotation" or entry["note"]
        pointer, keyword = entry["pointer"], entry["keyword"]
        if entry["status"] == "unreachable":
            assert keyword == ""
            assert pointer not in unreachable
            unreachable.add(pointer)
            continue
        seen[pointer].append(keyword)
        if entry["status"] in ("enforced", "residual"):
            judged[pointer].add(keyword)
    # Documents of a registry follow their URI.
    local = {pointer for pointer in seen if not pointer or pointer.startswith("/")}
    for pointer in local:
        found = at(schema, pointer)
        expected = [""] if isinstance(found, bool) else list(found)
        assert Counter(seen[pointer]) == Counter(expected), pointer
    embeds = any("$id" in keywords or "id" in keywords for p, keywords in seen.items() if p)
    reached = {""} if isinstance(schema, bool) or schema else set[str]()
    for pointer in local:
        found = at(schema, pointer)
        if isinstance(found, dict):
            for child in [] if embeds else children(found, judged[pointer], pointer):
                # A schema without keywords has nothing to report.
                assert child in local or at(schema, child) == {}, (pointer, child)
                reached.add(child)
            for keyword in ("$defs", "definitions"):
                for name in found.get(keyword, {}):
                    definition = f"{pointer}/{keyword}/{escaped(name)}"
                    if definition not in local and at(schema, definition) != {}:
                        assert definition in unreachable, definition
    assert not unreachable & local
    return sum(map(len, seen.values()))


# Mistakes of strangers' schemas are not the matter here.
@pytest.mark.filterwarnings("ignore::structgen.errors.SchemaWarning")
def test_maskbench() -> None:
    """Every 12th file."""
    keywords = 0
    for path in sorted(data.folder("maskbench").glob("*.json"))[::12]:
        schema = data.read(path)["schema"]
        try:
            report = sg.json_schema(schema).report
        except sg.StructgenError:
            continue
        keywords += check(schema, report)
    assert keywords > 10_000


@pytest.mark.parametrize("draft", suite.KNOWN_DRAFTS)
def test_official_suite(draft: str) -> None:
    tests = data.folder("json-schema-test-suite") / "tests" / draft
    registry = data.registry()
    keywords = 0
    for path in sorted(tests.glob("*.json")):
        for group in data.read(path):
            schema = group["schema"]
            declared = isinstance(schema, dict) and "$schema" in schema
            try:
                report = sg.json_schema(
                    schema,
                    draft=None if declared else suite.DRAFTS[draft],  # type: ignore[arg-type]
                    registry=registry,
                ).report
            except sg.StructgenError:
                continue
            keywords += check(schema, report)
    assert keywords > 400


def entries(schema: Any, **options: Any) -> dict[tuple[str, str], tuple[str, str | None]]:
    report = sg.json_schema(schema, **options).report
    check(schema, report)
    return {(e["pointer"], e["keyword"]): (e["status"], e.get("note")) for e in report}


def test_statuses_and_notes() -> None:
    found = entries(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$comment": "x",
            "title": "x",
            "type": "object",
            "properties": {
                "a": {"$ref": "#/$defs/used"},
                "b": {"type": "array", "uniqueItems": True, "items": True},
                "c": {"format": "colour", "contentEncoding": "base64", "colour": "red"},
                "d": {"then": {"minimum": 1}, "minContains": 2, "additionalItems": False},
                "e": {"format": "date", "uniqueItems": False},
            },
            "$defs": {"used": {"type": "null", "$defs": {"never": {}}}, "unused": {"type": "null"}},
        }
    )
    by_status = defaultdict(set)
    for (pointer, keyword), (status, _) in found.items():
        by_status[status].add(f"{pointer}:{keyword}")
    assert by_status["residual"] == {"/properties/b:uniqueItems"}
    assert by_status["unreachable"] == {"/$defs/unused:", "/$defs/used/$defs/never:"}
    assert by_status["annotation"] == {
        ":$schema",
        ":$comment",
        ":title",
        ":$defs",
        "/$defs/used:$defs",
        "/properties/c:format",
        "/properties/c:contentEncoding",
        "/properties/c:colour",
        "/properties/d:then",
        "/properties/d:minContains",
        "/properties/d:additionalItems",
    }
    assert found["/properties/c", "format"][1] == "unknown format `colour`"
    assert found["/properties/c", "colour"][1] == "unknown keyword"
    assert "`if`" in str(found["/properties/d", "then"][1])
    assert ("/properties/b/items", "") in found


def test_siblings_of_a_reference_in_old_drafts() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/definitions/n", "minimum": 3}},
        "definitions": {"n": {}},
    }
    status, note = entries(schema, draft="draft7")["/properties/a", "minimum"]
    assert (status, note) == ("annotation", "this draft ignores keywords beside `$ref`")
    assert entries(schema)["/properties/a", "minimum"] == ("enforced", None)


def test_one_schema_under_several_dynamic_scopes_is_listed_once() -> None:
    schema = {
        "anyOf": [{"$ref": "one"}, {"$ref": "two"}],
        "$defs": {
            "one": {
                "$id": "one",
                "$ref": "l",
                "$defs": {"i": {"$dynamicAnchor": "i", "type": "null"}},
            },
            "two": {
                "$id": "two",
                "$ref": "l",
                "$defs": {"i": {"$dynamicAnchor": "i", "minimum": 1}},
            },
            "l": {
                "$id": "l",
                "items": {"$dynamicRef": "#i"},
                "$defs": {"default": {"$dynamicAnchor": "i"}},
            },
        },
    }
    found = entries(schema)
    assert found["/$defs/l", "items"] == ("enforced", None)
    assert found["/$defs/one/$defs/i", "type"] == ("enforced", None)
    assert found["/$defs/two/$defs/i", "minimum"] == ("enforced", None)


def test_documents_of_the_registry_are_named() -> None:
    uri = "http://example.org/n"
    found = entries({"$ref": uri}, registry={uri: {"minimum": 1, "not": {"const": 3}}})
    assert set(found) == {("", "$ref"), (uri, "minimum"), (uri, "not"), (f"{uri}/not", "const")}


def test_keywords_that_an_option_or_the_draft_turns_off() -> None:
    assert entries({"format": "date"}, format_assertion=False)["", "format"][0] == "annotation"
    status, note = entries({"if": {}, "const": 1}, draft="draft4")["", "const"]
    assert (status, note) == ("annotation", "not a keyword of this draft")
