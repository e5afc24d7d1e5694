"""Cases of our own for every keyword and format of every draft; `jsonschema` must agree with them.

They need no other data, so a checkout alone shows what is enforced. Each case holds from the draft
`since` to the draft `until`.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.json_schema import data, suite

jsonschema = pytest.importorskip("jsonschema")

CASES: list[dict[str, Any]] = data.read(data.REPOSITORY / "tests/json_schema/cases.json")
DRAFTS = {
    "draft4": jsonschema.Draft4Validator,
    "draft6": jsonschema.Draft6Validator,
    "draft7": jsonschema.Draft7Validator,
    "2019-09": jsonschema.Draft201909Validator,
    "2020-12": jsonschema.Draft202012Validator,
}
ORDER = list(DRAFTS)

ANNOTATIONS = {
    "$comment", "$defs", "$vocabulary", "contentEncoding", "contentMediaType", "contentSchema",
    "default", "definitions", "deprecated", "description", "examples", "readOnly", "title",
    "writeOnly",
}  # fmt: skip
"""Keywords that forbid nothing."""

UNTESTED = {"$schema"}
"""Judged by `test_versions`."""

FORMATS = {
    "draft4": {"date-time", "email", "hostname", "ipv4", "ipv6", "uri"},
    "draft6": {"uri-reference", "uri-template", "json-pointer"},
    "draft7": {
        "date", "time", "iri", "iri-reference", "idn-email", "idn-hostname",
        "relative-json-pointer", "regex",
    },
    "2019-09": {"duration", "uuid"},
    "2020-12": set[str](),
}  # fmt: skip
"""Formats by the draft that brought them."""

RUNS = [
    pytest.param(case, draft, id=f"{case['keyword']}-{index}-{draft}")
    for index, case in enumerate(CASES)
    for draft in ORDER[
        ORDER.index(case.get("since", ORDER[0])) : ORDER.index(case.get("until", ORDER[-1])) + 1
    ]
]


@functools.cache
def byte_path() -> suite.TokenPath:
    return suite.byte_path()


@pytest.mark.parametrize(("case", "draft"), RUNS)
def test_case(case: dict[str, Any], draft: str) -> None:
    # Bare schemas and schemas that name their draft mean the same.
    for schema in (
        case["schema"],
        {"$schema": DRAFTS[draft].META_SCHEMA["id" if draft == "draft4" else "$id"]}
        | case["schema"],
    ):
        group = suite.Group(
            draft=_folder(draft),
            part="format",  # formats are asserted
            file="",
            description=case["keyword"],
            schema=schema,
            tests=[
                {"data": instance, "description": suite.dumps(instance), "valid": valid}
                for valid in (True, False)
                for instance in case["valid" if valid else "invalid"]
            ],
        )
        verdicts = suite.judge(group, {}, [byte_path()])
        assert isinstance(verdicts, list), verdicts
        wrong = [
            test["description"]
            for test, verdict in zip(group.tests, verdicts, strict=True)
            if verdict != test["valid"]
        ]
        assert not wrong


@pytest.mark.parametrize(("case", "draft"), RUNS)
def test_jsonschema_agrees(case: dict[str, Any], draft: str) -> None:
    validator = DRAFTS[draft]
    if case["keyword"] == "format":
        name = case["schema"]["format"]
        if case["invalid"] and name not in validator.FORMAT_CHECKER.checkers:
            pytest.skip(f"jsonschema has no checker for {name} here")
        judge = validator(case["schema"], format_checker=validator.FORMAT_CHECKER)
    else:
        validator.check_schema(case["schema"])
        judge = validator(case["schema"])
    assert [x for x in case["valid"] if not judge.is_valid(x)] == []
    assert [x for x in case["invalid"] if judge.is_valid(x)] == []


@pytest.mark.parametrize("draft", ORDER)
def test_every_keyword_and_format_has_a_case(draft: str) -> None:
    cases = [param.values[0] for param in RUNS if param.values[1] == draft]
    judged = {case["keyword"] for case in cases if case["valid"] and case["invalid"]}
    named = {case["keyword"] for case in cases}
    for keyword in _keywords(draft) - UNTESTED:
        assert keyword in (named if keyword in ANNOTATIONS else judged), keyword
    formats = {
        case["schema"]["format"]
        for case in cases
        if case["keyword"] == "format" and case["valid"] and case["invalid"]
    }
    assert formats == set[str]().union(*(FORMATS[d] for d in ORDER[: ORDER.index(draft) + 1]))


def _keywords(draft: str) -> set[str]:
    """The keywords of a draft, from its metaschemas."""
    specifications = pytest.importorskip("jsonschema_specifications")
    root = DRAFTS[draft].META_SCHEMA
    parts = [root]
    if draft >= "2019" and not draft.startswith("draft"):
        base = f"https://json-schema.org/draft/{draft}/meta/"
        parts += [
            specifications.REGISTRY[uri].contents
            for uri in specifications.REGISTRY
            if uri.startswith(base)
        ]
    keywords = {name for part in parts for name in part.get("properties", {})}
    # Metaschemas keep some keywords of the drafts before them.
    older = {"2019-09": {"definitions", "dependencies"}}
    older["2020-12"] = older["2019-09"] | {"$recursiveRef", "$recursiveAnchor"}
    return keywords - older.get(draft, set())


def _folder(draft: str) -> str:
    return next(folder for folder, name in suite.DRAFTS.items() if name == draft)
