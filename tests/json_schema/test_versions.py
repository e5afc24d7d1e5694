"""Versions of JSON Schema whose rules are not known are refused, unless the caller names one."""

from __future__ import annotations

import pytest

import structgen as sg


@pytest.mark.parametrize(
    "version",
    [
        "https://json-schema.org/v2",
        "https://json-schema.org/v1/2042",
        "http://json-schema.org/draft-03/schema#",
    ],
)
def test_foreign_version(version: str) -> None:
    schema = {"$schema": version, "type": "string"}
    with pytest.raises(sg.UnsupportedSchemaError) as caught:
        sg.json_schema(schema)
    assert caught.value.keyword == "$schema"
    assert version in caught.value.message
    assert sg.json_schema(schema, draft="2020-12").accepts('"a"')


def test_a_version_of_ones_own_is_refused_unless_it_is_known_or_another_is_named() -> None:
    schema = {"$schema": "http://example.org/mine", "type": "string"}
    with pytest.raises(sg.UnsupportedSchemaError, match="draft"):
        sg.json_schema(schema)
    assert sg.json_schema(schema, draft="2020-12").accepts('"a"')
    known: dict[str, object] = {"http://example.org/mine": {}}
    assert sg.json_schema(schema, registry=known).accepts('"a"')
