"""Broken schemas: none may make the core panic, run on, or fail without a typed error.

A schema of the generator gets parts of other kinds in places where they do not belong, or its text
is edited byte by byte. What comes out is compiled, and if that works, asked about texts.
"""

from __future__ import annotations

import random
import time
from typing import Any

from structgen._core import Program
from structgen.errors import StructgenError
from tests.json_schema.fuzzing import atoms, schemas, texts
from tests.json_schema.fuzzing.checks import Disagreement, Outcome
from tests.json_schema.fuzzing.judge import DRAFTS

SECONDS = 3.0
"""CPU time for one broken schema: the limit of compilation is two seconds."""

_KEYWORDS = [
    "type", "enum", "const", "properties", "required", "items", "prefixItems", "allOf", "anyOf",
    "oneOf", "not", "if", "then", "$ref", "$dynamicRef", "$recursiveRef", "$id", "id", "$anchor",
    "$dynamicAnchor", "$recursiveAnchor", "$schema", "$defs", "definitions", "minimum", "maximum",
    "exclusiveMinimum", "multipleOf", "minLength", "maxLength", "pattern", "format", "contains",
    "minContains", "maxContains", "uniqueItems", "minItems", "maxItems", "minProperties",
    "maxProperties", "patternProperties", "additionalProperties", "additionalItems",
    "propertyNames", "dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems",
    "unevaluatedProperties", "$vocabulary",
]  # fmt: skip

_ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**64, -(2**64), 10**400, "", "#", "#/", "#/$defs", "#/a/b",
    "#/%", "#%41", "#/~2", "http://", "//", ":", "urn:x", "http://fuzz.test/\u0000", "(", "[", "a{",
    "(?<=a*)b", "\\1", "(a)\\1", "[z-a]", "a{5,2}", "\\p{L}", "\\p{Nope}", "(?:a{1000}){1000}",
    "\\u{110000}", "\\ud800", "\ud800", "*", "^(?=(?=(?!a)))", "[^]", "[]", {}, [], [[]], [{}],
    {"": {}}, ["a", "a"], ["string", 1], {"a": ["b"]}, {"a": 3}, "integer", ["null"], "date",
]  # fmt: skip


def broken(dice: random.Random) -> tuple[bytes, str]:
    """The text of a schema, and of the options."""
    draft = dice.choice(DRAFTS)
    case = schemas.make(dice, draft)
    schema = case.schema
    if dice.random() < 0.8:
        for _ in range(dice.choice([1, 1, 2, 4])):
            schema = _disturbed(dice, schema)
    text = texts.dumps(schema).encode("utf-8", "surrogatepass")
    if dice.random() < 0.3:
        edited = bytearray(text)
        for _ in range(dice.choice([1, 1, 2, 5])):
            at = dice.randrange(len(edited) + 1)
            match dice.randrange(3):
                case 0:
                    edited[at:at] = dice.choice(
                        [b"{", b"[", b'"', b"\\", b"1e", b"\xff", b",", b":"]
                    )
                case 1:
                    del edited[at : at + dice.randint(1, 8)]
                case _:
                    edited[at:at] = edited[at : at + dice.randint(1, 40)]
        text = bytes(edited)
    options: dict[str, Any] = {
        "property_order": dice.choice(["any", "schema"]),
        "registry": case.registry,
    }
    if dice.random() < 0.7:
        options["draft"] = draft
    if dice.random() < 0.2:
        options = _disturbed(dice, options)
    return text, texts.dumps(options)


def _disturbed(dice: random.Random, value: Any) -> Any:
    if isinstance(value, dict | list) and value and dice.random() < 0.75:
        if isinstance(value, list):
            at = dice.randrange(len(value))
            return [*value[:at], _disturbed(dice, value[at]), *value[at + 1 :]]
        name = dice.choice(list(value))
        return {**value, name: _disturbed(dice, value[name])}
    roll = dice.random()
    if isinstance(value, dict) and roll < 0.7:
        other = value[dice.choice(list(value))] if value and roll < 0.3 else dice.choice(_ODD)
        return {**value, dice.choice(_KEYWORDS): other}
    if roll < 0.9:
        return dice.choice(_ODD)
    return atoms.value(dice, ["a", "b"], 2)


def check(seed: str) -> Outcome:
    """What one broken schema leads to."""
    dice = random.Random(seed)
    raw, options = broken(dice)
    outcome = Outcome()
    outcome.counts["broken schemas"] += 1
    started = time.process_time()
    try:
        _use(dice, raw, options, outcome)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        outcome.disagreements.append(_found(type(error).__name__, raw, options, str(error), seed))
    spent = time.process_time() - started
    if spent > SECONDS:
        outcome.disagreements.append(_found("slow", raw, options, f"{spent:.1f} s CPU", seed))
    return outcome


def _use(dice: random.Random, raw: bytes, options: str, outcome: Outcome) -> None:
    try:
        schema = raw.decode()
        program = Program.json_schema(schema, options)
    except UnicodeError:
        outcome.counts["broken: not UTF-8"] += 1
        return
    except StructgenError as error:
        outcome.counts[f"broken: {type(error).__name__}"] += 1
        return
    outcome.counts["broken: compiled all the same"] += 1
    try:
        text = program.sample(seed=dice.getrandbits(16), max_bytes=40)
        if not program.accepts(text):
            outcome.disagreements.append(_found("own sample refused", raw, options, repr(text), ""))
        program.accepts(bytes(dice.randrange(256) for _ in range(20)))
        program.live_prefix(raw[:200])
    except StructgenError as error:
        outcome.counts[f"broken, in use: {type(error).__name__}"] += 1


def _found(kind: str, raw: bytes, options: str, detail: str, seed: str) -> Disagreement:
    return Disagreement(
        kind=f"broken schema: {kind}",
        schema=raw.decode("utf-8", "backslashreplace"),
        draft="",
        registry={},
        options={"text": options},
        detail=detail,
        origin=seed,
    )
