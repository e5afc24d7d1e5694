"""The official test suite against the table of what is not right (see `ratchet`)."""

from __future__ import annotations

import functools
from collections import Counter

import pytest

from tests.json_schema import data, ratchet, suite

RIGHT_AT_LEAST = {"required": 0.99, "format": 0.96}
"""Shares; the table says more, but could be let grow."""


@functools.cache
def outcome(draft: str, part: suite.Part) -> ratchet.Outcome:
    return ratchet.outcome(
        draft,
        part,
        folder=data.folder("json-schema-test-suite"),
        registry=data.registry(),
        paths=data.paths(part, draft),
    )


@pytest.mark.parametrize("part", suite.PARTS)
@pytest.mark.parametrize("draft", suite.KNOWN_DRAFTS)
def test_the_table_tells_the_truth(draft: str, part: suite.Part) -> None:
    found = outcome(draft, part)
    if not found.tests:
        assert part == "proposals", f"the suite has no {part} tests of {draft}"
        assert draft != "v1"
        return
    problems = ratchet.differences(found, ratchet.read_table())
    assert not problems, "\n" + "\n".join(problems)
    assert found.right >= RIGHT_AT_LEAST.get(part, 0) * found.tests


def test_the_table_holds_no_false_accept_beyond_the_tolerated_files() -> None:
    assert ratchet.forbidden(ratchet.read_table()) == []


def test_every_row_has_a_reason_and_stands_once() -> None:
    table = ratchet.read_table()
    assert all(reason.strip() for reason in table.values())
    rows = Counter(row for row in _rows())
    assert [row for row, count in rows.items() if count > 1] == []


def _rows() -> list[tuple[str, ...]]:
    return [(*place.row, place.draft) for place in ratchet.read_table()]


def test_the_ratchet_turns_one_way(tmp_path: object) -> None:
    """The rules of the table, on an outcome of our own making."""

    def place(kind: ratchet.Kind, file: str = "items", part: str = "required") -> ratchet.Place:
        return ratchet.Place(part=part, file=file, group="g", test="t", draft="draft7", kind=kind)

    def found(*places: ratchet.Place) -> ratchet.Outcome:
        part = places[0].part if places else "required"
        return ratchet.Outcome(draft="draft7", part=part, wrong=dict.fromkeys(places, ""))

    rejects, accepts = place("false reject"), place("false accept")
    assert ratchet.differences(found(rejects), {rejects: "why"}) == []
    assert len(ratchet.differences(found(rejects), {})) == 1
    assert len(ratchet.differences(found(), {rejects: "why"})) == 1
    assert len(ratchet.differences(found(accepts), {accepts: "why"})) == 1
    tolerated = place("false accept", "content", "optional")
    assert ratchet.differences(found(tolerated), {tolerated: "why"}) == []
    assert ratchet.updated([found()], {rejects: "why"}, None) == {}
    assert ratchet.updated([found(rejects)], {rejects: "why"}, "new") == {rejects: "why"}
    assert ratchet.updated([found(rejects)], {}, "new") == {rejects: "new"}
    with pytest.raises(SystemExit, match="needs a --reason"):
        ratchet.updated([found(rejects)], {}, None)
    with pytest.raises(SystemExit, match="refused to write"):
        ratchet.updated([found(accepts)], {accepts: "why"}, "whatever")
