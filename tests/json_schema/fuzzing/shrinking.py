"""Makes a disagreement small: drops and simplifies parts while it stays."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from structgen._core import Program
from structgen.errors import EmptyLanguageError, StructgenError
from tests.json_schema.fuzzing import texts
from tests.json_schema.fuzzing.checks import Disagreement, compiled
from tests.json_schema.fuzzing.judge import Judge
from tests.json_schema.fuzzing.vocabulary import read, vocabulary, walk

SECONDS = 30.0
"""Spent on one disagreement at most."""


def program(case: Disagreement) -> Program:
    options = {"draft": case.draft, **case.options, "registry": case.registry}
    return compiled(case.schema, options, case.deferred)


def stays(case: Disagreement) -> bool:
    """Whether the disagreement is still there."""
    try:
        formats = case.options.get("format_assertion", True)
        judge = Judge(case.schema, case.draft, case.registry, formats=formats)
        match case.kind:
            case (
                "false accept"
                | "false reject"
                | "generated document is invalid"
                | ("generated document is refused as a text")
            ):
                assert case.text is not None
                valid = judge.valid(texts.loads(case.text))
                refusing = case.kind in (
                    "false reject", "generated document is refused as a text",
                )  # fmt: skip
                return valid is refusing and program(case).accepts(case.text.encode()) is not valid
            case "empty, but this is valid":
                assert case.text is not None
                if not judge.valid(texts.loads(case.text)):
                    return False
                try:
                    program(case)
                except EmptyLanguageError:
                    return True
                return False
            case "walk":
                automaton = program(case).compile(vocabulary())
                return any(
                    walk(automaton, random.Random(seed), steps=12).problem is not None
                    for seed in range(30)
                )
            case "masks":
                assert case.text is not None
                valid = judge.valid(texts.loads(case.text))
                automaton = program(case).compile(vocabulary())
                return any(
                    read(automaton, random.Random(seed), case.text.encode(), valid).problem
                    for seed in range(10)
                )
            case "panic":
                return panics(case)
            case _:
                return False
    except (StructgenError, RecursionError):
        return False
    except Exception:
        # The judge does not know what to do with what is left.
        return False


def panics(case: Disagreement) -> bool:
    try:
        made = program(case)
        made.sample(seed=1)
        if case.text is not None:
            made.accepts(case.text.encode())
    except StructgenError:
        return False
    except BaseException as error:
        return type(error).__name__ == "PanicException"
    return False


def shrunk(case: Disagreement) -> Disagreement:
    """The smallest disagreement found of the same kind; `case` itself if nothing helps."""
    deadline = time.monotonic() + SECONDS
    case = _plainer(case)
    if not stays(case):
        return case
    progress = True
    while progress and time.monotonic() < deadline:
        progress = False
        for step in (_smaller_registries, _smaller_schemas, _smaller_texts):
            again = True
            while again and time.monotonic() < deadline:
                again = False
                for candidate in step(case):
                    if time.monotonic() > deadline:
                        break
                    if stays(candidate):
                        case = candidate
                        progress = again = True
                        break
    return case


def _plainer(case: Disagreement) -> Disagreement:
    """Default options, and the text as `json.dumps` writes it, if that is enough to see it."""
    text = case.text
    try:
        value = None if text is None else texts.loads(text)
    except ValueError:
        return case
    for options in (
        {"property_order": "any"},
        {key: each for key, each in case.options.items() if key == "property_order"},
        {**case.options, "whitespace": {"kind": "flexible"}},
    ):
        candidate = replace(
            case, options=options, text=None if text is None else texts.dumps(value)
        )
        if stays(candidate):
            return candidate
    return case


def _smaller_registries(case: Disagreement) -> Iterator[Disagreement]:
    for uri in case.registry:
        rest = {name: each for name, each in case.registry.items() if name != uri}
        yield replace(case, registry=rest)
        for smaller in reductions(case.registry[uri]):
            yield replace(case, registry={**case.registry, uri: smaller})


def _smaller_schemas(case: Disagreement) -> Iterator[Disagreement]:
    for smaller in reductions(case.schema):
        if isinstance(smaller, dict | bool):
            yield replace(case, schema=smaller)


def _smaller_texts(case: Disagreement) -> Iterator[Disagreement]:
    if case.text is None or case.kind in ("walk", "generated text is no JSON"):
        return
    for smaller in reductions(texts.loads(case.text)):
        yield replace(case, text=texts.dumps(smaller))


def reductions(value: Any) -> Iterator[Any]:
    """Smaller values, the boldest first."""
    if isinstance(value, dict):
        yield from _of_dict(value)
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
        for index, each in enumerate(value):
            for smaller in reductions(each):
                yield [*value[:index], smaller, *value[index + 1 :]]
    elif isinstance(value, str):
        if len(value) > 1 and not value.startswith(("#", "http", "urn")):
            yield value[: len(value) // 2]
            yield value[1:]
            yield value[:-1]
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        for plain in (0, 1, 2):
            if value not in (0, 1, 2) or isinstance(value, Decimal):
                yield plain


def _of_dict(value: dict[str, Any]) -> Iterator[Any]:
    for name, each in value.items():
        if isinstance(each, dict | bool) and name not in ("properties", "$defs", "definitions"):
            yield each
        if isinstance(each, list):
            yield from (inner for inner in each if isinstance(inner, dict))
    for name in value:
        yield {other: each for other, each in value.items() if other != name}
    for name, each in value.items():
        if isinstance(each, dict) and each:
            yield {**value, name: {}}
        for smaller in reductions(each):
            yield {**value, name: smaller}
