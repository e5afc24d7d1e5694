"""The shipped grammars and their samples."""

from __future__ import annotations

import pytest

from structgen.constraints import grammar, shipped_grammars

from .lark_oracle import FOLDER, NAMES, lark_accepts, parser_of


def samples(name: str, kind: str) -> list[str]:
    folder = FOLDER / name / kind
    # A sample is the file without its last line feed, byte for byte.
    return [p.read_bytes().decode("utf-8").removesuffix("\n") for p in sorted(folder.iterdir())]


def test_the_promised_grammars_are_there() -> None:
    promised = {"arithmetic", "iso_date", "json", "s_expression", "smiles", "sql_select"}
    assert promised <= set(NAMES)


def test_those_compiled_in_are_those_of_the_folder() -> None:
    texts = {name: (FOLDER / name / "grammar.lark").read_text(encoding="utf-8") for name in NAMES}
    assert shipped_grammars() == texts, "build the core again"


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_readme_and_samples(name: str) -> None:
    readme = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    for word in ("Source:", "Limits:", "Licence:"):
        assert word in readme
    assert len(samples(name, "accept")) >= 10
    assert len(samples(name, "reject")) >= 10


@pytest.mark.parametrize("kind", ["accept", "reject"])
@pytest.mark.parametrize("name", NAMES)
def test_samples_are_confirmed_by_lark_and_by_structgen(name: str, kind: str) -> None:
    parser, constraint = parser_of(name), grammar(name)
    wrong = [
        text
        for text in samples(name, kind)
        if not lark_accepts(parser, text) == constraint.accepts(text) == (kind == "accept")
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_random_members_are_members(name: str) -> None:
    constraint = grammar(name)
    for seed in range(50):
        text = constraint.sample(seed, max_bytes=60)
        assert constraint.accepts(text)
        assert constraint.live_prefix(text) == len(text.encode())
