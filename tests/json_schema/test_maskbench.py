"""A sample of MaskBench's real schemas, and every one that is known not to pass.

`benchmarks/maskbench.py --all` judges the whole collection; what remains is listed in
`benchmarks/results/maskbench-remaining.json`, with reasons.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from structgen.constraints import json_schema
from structgen.errors import StructgenError
from tests.json_schema import data, suite
from tests.json_schema.writings import writings

# Mistakes of strangers' schemas are not the matter here.
pytestmark = pytest.mark.filterwarnings("ignore::structgen.errors.SchemaWarning")

REMAINING = {
    row["schema"]: row["reason"]
    for row in data.read(data.REPOSITORY / "benchmarks/results/maskbench-remaining.json")
}


def wrong_verdicts(path: Path, tokens: suite.TokenPath | None) -> list[str]:
    """What is not as the collection has it; properties may come in any order."""
    document = data.read(path)
    wrong: list[str] = []
    try:
        constraint = json_schema(
            document["schema"], property_order="any", escapes="all", number_spelling="all"
        )
        automaton = constraint.compile(tokens.vocabulary) if tokens else None
        for number, test in enumerate(document["tests"]):
            for writing, text in writings(test["data"], shuffle=7):
                accepted = constraint.accepts(text)
                if tokens and automaton and writing == "default":
                    ids = tokens.tokenize(text)
                    assert suite.accepts_tokens(automaton, ids) == accepted, (path.stem, number)
                if accepted != test["valid"]:
                    kind = "false accept" if accepted else "false reject"
                    wrong.append(f"{kind}: {path.stem}: {number} ({writing})")
    except StructgenError as error:
        wrong.append(f"{path.stem}: {error.code}: {error.message}")
    return wrong


def test_a_sample_passes_in_every_writing() -> None:
    tokens = data.paths()[-1]
    for index, path in enumerate(sorted(data.folder("maskbench").glob("*.json"))[::25]):
        found = wrong_verdicts(path, tokens if index % 3 == 0 else None)
        assert not [what for what in found if what.startswith("false accept")]
        assert bool(found) == (path.stem in REMAINING), found


@pytest.mark.parametrize("name", sorted(REMAINING))
def test_what_remains_remains(name: str) -> None:
    path = data.folder("maskbench") / f"{name}.json"
    assert REMAINING[name]
    found = wrong_verdicts(path, None)
    assert found, f"{name} passes: strike it off the list"
    assert not [what for what in found if what.startswith("false accept")]
