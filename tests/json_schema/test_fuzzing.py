"""The differential fuzzer: a run of fixed size, what it found before, and its judge.

``python -m tests.json_schema.fuzzing`` runs it for longer.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema")

from structgen._core import Program
from structgen.errors import EmptyLanguageError
from tests.json_schema.fuzzing import atoms, campaign, checks, judge, malformed, schemas, texts

CRASHERS: list[dict[str, Any]] = texts.loads(
    (Path(__file__).parent / "fuzzing" / "crashers.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("draft", judge.DRAFTS)
def test_no_disagreement(draft: str) -> None:
    plan = campaign.Plan(seed=1, drafts=(draft,), pairs=5_000, schemas=500)
    outcome = campaign.run(plan)
    counts = outcome.counts
    assert not outcome.disagreements
    assert counts["valid"] * 3 >= counts["pairs"], "too few valid instances to mean much"
    assert counts["invalid"] * 4 >= counts["pairs"]
    refused = sum(n for name, n in counts.items() if name.startswith("refused"))
    assert refused - counts["refused: empty"] <= 0.03 * counts["schemas"], counts


@pytest.mark.parametrize("draft", judge.DRAFTS)
def test_no_disagreement_where_everything_is_deferred(draft: str) -> None:
    plan = campaign.Plan(seed=1, drafts=(draft,), pairs=2_500, schemas=250, deferred=True)
    outcome = campaign.run(plan)
    counts = outcome.counts
    assert not outcome.disagreements
    refused = sum(n for name, n in counts.items() if name.startswith("refused"))
    assert refused - counts["refused: empty"] <= 0.03 * counts["schemas"], counts


@pytest.mark.parametrize("crasher", CRASHERS, ids=lambda crasher: crasher["what"][:60])
def test_what_was_found(crasher: dict[str, Any]) -> None:
    """Each case once went wrong, here or in the fuzzer."""
    options = {**crasher["options"], "draft": crasher["draft"], "registry": crasher["registry"]}
    valid = crasher["valid"]
    asked = judge.Judge(crasher["schema"], crasher["draft"], crasher["registry"], formats=True)
    assert asked.valid(texts.loads(crasher["text"])) is valid
    deferred = crasher.get("deferred", False)
    try:
        program = checks.compiled(crasher["schema"], options, deferred)
    except EmptyLanguageError:
        assert valid is False
        return
    assert program.accepts(crasher["text"].encode()) is valid
    again = checks.Check(
        schemas.Case(
            schema=crasher["schema"],
            draft=crasher["draft"],
            registry=crasher["registry"],
            names=["a", "b", "c"],
            examples={},
            deferred=deferred,
        ),
        random.Random(1),
        pairs=60,
        samples=10,
    )
    assert not again.run().disagreements


@pytest.mark.parametrize("repair", judge.REPAIRS, ids=lambda repair: repair.keywords)
def test_judge_is_right_where_the_stock_validator_is_not(repair: judge.Repair) -> None:
    def exact(value: Any) -> Any:
        return texts.loads(json.dumps(value))

    repaired = judge.Judge(
        exact(repair.schema), repair.draft, exact(dict(repair.registry)), formats=False
    )
    assert repaired.valid(exact(repair.instance)) is repair.valid
    options = {"draft": repair.draft, "property_order": "any", "registry": repair.registry}
    program = Program.json_schema(json.dumps(repair.schema), json.dumps(options))
    assert program.accepts(json.dumps(repair.instance).encode()) is repair.valid
    try:
        stock = judge.stock_verdict(repair.draft, repair.schema, repair.registry, repair.instance)
    except TypeError:
        return
    assert stock is not repair.valid, "jsonschema has mended this: the repair can go"


def test_schemas_have_every_keyword() -> None:
    """A generator that forgets a keyword finds nothing about it."""
    for draft in judge.DRAFTS:
        seen: Counter[str] = Counter()
        for index in range(1_500):
            case = schemas.make(random.Random(f"keywords/{index}"), draft)
            for root in (case.schema, *case.registry.values()):
                for schema in checks.all_schemas(root, draft):
                    seen.update(list(schema) if isinstance(schema, dict) else [repr(schema)])
        known = judge.keywords(draft) | {"id" if draft == "draft4" else "$id", "$schema"}
        if draft in ("2019-09", "2020-12"):
            known |= {"$defs", "$anchor", "minContains", "maxContains"}
        if draft == "2020-12":
            known |= {"$dynamicAnchor"}
        if draft == "2019-09":
            known |= {"$recursiveAnchor"}
        if draft != "draft4":
            known |= {"True", "False"}
        rare = {keyword for keyword in known if seen[keyword] < 10}
        assert not rare, draft


def test_the_fuzzer_sees_a_fault() -> None:
    """Against a judge that has one keyword wrong, it reports disagreements."""
    found = 0
    for index in range(60):
        dice = random.Random(f"fault/{index}")
        case = schemas.make(dice, "2020-12")
        check = checks.Check(case, dice, pairs=10, samples=0)
        true_verdict = check.judge.valid
        check.judge.valid = lambda value, right=true_verdict: (  # type: ignore[method-assign]
            right(value) and not (isinstance(value, dict) and len(value) == 2)
        )
        found += bool(check.run().disagreements)
    assert found > 5


def test_other_spellings_mean_the_same() -> None:
    dice = random.Random(7)
    for _ in range(300):
        value = atoms.value(dice, ["a", "é", "😀", '"'])
        style = texts.Style(string=lambda text: texts.escaped(dice, text))
        assert texts.loads(texts.dumps(value, style)) == texts.loads(texts.dumps(value))
        style = texts.Style(number=lambda number: texts.respelled(dice, number))
        assert judge.equal(texts.loads(texts.dumps(value, style)), texts.loads(texts.dumps(value)))


def test_broken_schemas_end_in_typed_errors() -> None:
    counts: Counter[str] = Counter()
    for index in range(2_000):
        outcome = malformed.check(f"1/{index}")
        assert not outcome.disagreements
        counts += outcome.counts
    assert counts["broken: SchemaError"] > 500
    assert counts["broken: compiled all the same"] > 200
