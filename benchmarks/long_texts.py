"""What `long_runs.py` reads: endless texts of some constraints, and thousands of schemas."""

from __future__ import annotations

import copy
import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structgen as sg

SEED = 7


@dataclass(frozen=True)
class Case:
    """A constraint and a text without end, every prefix of which it allows."""

    name: str
    constraint: Callable[[], sg.TextConstraint]
    pieces: Callable[[], Iterator[str]]


def _words(rng: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz      éü"
    return "".join(rng.choice(letters) for _ in range(rng.randrange(3, 30)))


def _record(rng: random.Random, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": _words(rng),
        "price": round(rng.random() * 1000, 2),
        "tags": [rng.choice(["new", "old", "sold out"]) for _ in range(rng.randrange(4))],
    }


RECORD = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "name": {"type": "string", "maxLength": 40},
        "price": {"type": "number"},
        "tags": {"type": "array", "items": {"enum": ["new", "old", "sold out"]}},
    },
    "required": ["id", "name", "price", "tags"],
    "additionalProperties": False,
}


def _records() -> Iterator[str]:
    rng = random.Random(SEED)
    for number in itertools.count():
        yield ("[" if not number else ", ") + json.dumps(_record(rng, number))


def _string() -> Iterator[str]:
    rng = random.Random(SEED)
    yield '"'
    while True:
        yield _words(rng) + rng.choice([". ", ", ", "\\n", " "])


def _keys() -> Iterator[str]:
    rng = random.Random(SEED)
    for number in itertools.count():
        key = f"{_words(rng).strip()} {number}"
        value = json.dumps(rng.choice([number, key, None, [number]]))
        yield f"{'{' if not number else ', '}{json.dumps(key)}: {value}"


def _nested() -> Iterator[str]:
    """Values of some depth in a list: it goes down and up again without end."""
    rng = random.Random(SEED)

    def value(depth: int) -> Any:
        kind = rng.randrange(6 if depth else 4)
        if kind == 4:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        if kind == 5:
            return {_words(rng): value(depth - 1) for _ in range(rng.randrange(4))}
        return [None, rng.random() < 0.5, round(rng.gauss(0, 1e3), 3), _words(rng)][kind]

    for number in itertools.count():
        yield ("[" if not number else ", ") + json.dumps(value(6))


def _distinct() -> Iterator[str]:
    rng = random.Random(SEED)
    for number in itertools.count():
        # Distinct, of varying length, in no order.
        value = number * 1000 + rng.randrange(1000)
        yield f"{'[' if not number else ', '}{value if rng.random() < 0.8 else -value - 1}"


def _every(schema: dict[str, Any]) -> sg.TextConstraint[Any]:
    """With every spelling: the texts are written by `json.dumps`, which escapes letters."""
    return sg.json_schema(schema, escapes="all", number_spelling="all")


CASES = {
    case.name: case
    for case in (
        Case("records", lambda: _every({"type": "array", "items": RECORD}), _records),
        Case("string", lambda: _every({"type": "string"}), _string),
        Case("keys", lambda: _every({"type": "object"}), _keys),
        Case("grammar", lambda: sg.grammar("json"), _nested),
        Case(
            "distinct",
            lambda: _every({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
            _distinct,
        ),
    )
}


@dataclass(frozen=True)
class SchemaCase:
    """A schema and the text of an instance."""

    name: str
    schema: Any
    text: str
    variant: int
    """0 as it was found; others differ from it and from each other."""


def schema_cases(folder: Path, number: int, seed: int) -> list[SchemaCase]:
    """`number` different schemas with a valid instance each, shuffled: the files of `folder`, then
    variants of them, as many of each file as are needed."""
    found: list[SchemaCase] = []
    loaded = [
        (file.stem, case["schema"], valid[0])
        for file in sorted(folder.glob("*.json"))
        if (case := json.loads(file.read_text("utf-8")))
        and (valid := [test["data"] for test in case["tests"] if test["valid"]])
    ]
    if not loaded:
        raise SystemExit(f"no MaskBench files with valid instances in {folder}")
    for variant in itertools.count():
        made = 0
        for name, schema, instance in loaded:
            if len(found) >= number:
                random.Random(seed).shuffle(found)
                return found
            pair = varied(schema, instance, variant) if variant else (schema, instance)
            if pair is not None:
                text = json.dumps(pair[1], ensure_ascii=False)
                found.append(SchemaCase(name, pair[0], text, variant))
                made += 1
        if not made:
            raise SystemExit(f"only {len(found)} different schemas can be made of {folder}")
    raise AssertionError


def varied(schema: Any, instance: Any, variant: int) -> tuple[Any, Any] | None:
    """Another schema and an instance of it; None if the schema has no properties to vary.

    An even variant renames a property, in the schema and in the instance, where nothing else may
    name it; the others add a property.
    """
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return None
    changed = copy.deepcopy(schema)
    properties = changed["properties"]
    elsewhere = {k: v for k, v in schema.items() if k not in ("properties", "required")}
    said = json.dumps([elsewhere, list(properties.values())])
    names = [name for name in properties if name not in said]
    if variant % 2 == 0 and names and "$ref" not in said and isinstance(instance, dict):
        old = names[variant // 2 % len(names)]
        new = f"{old}_{variant}"
        changed["properties"] = {new if n == old else n: s for n, s in properties.items()}
        if isinstance(changed.get("required"), list):
            changed["required"] = [new if name == old else name for name in changed["required"]]
        return changed, {new if name == old else name: v for name, v in instance.items()}
    properties[f"added_{variant}"] = {"type": "string", "maxLength": 10 + variant}
    return changed, instance
