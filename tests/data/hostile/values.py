"""Choices, quotations, Python types, tools, and the algebra of constraints."""

from __future__ import annotations

import enum
import functools
import random
from collections.abc import Callable
from dataclasses import make_dataclass
from math import inf
from typing import Any, Literal, TypedDict, Union

import structgen as sg
from structgen.tools import Tool
from tests.data.hostile.families import Build, Family, Make, family, word, words

TYPES = 100_000
"""The largest types: Python itself takes minutes to make larger ones."""


def choice(write: Callable[[int, random.Random], list[str]]) -> Make:
    def make(size: int, draw: random.Random) -> Build:
        options = write(size, draw)
        return lambda limits: sg.choice(options, limits=limits)

    return make


def substring(write: Callable[[int, random.Random], str]) -> Make:
    def make(size: int, draw: random.Random) -> Build:
        text = write(size, draw)
        return lambda limits: sg.substring(text, limits=limits)

    return make


def of_type(write: Callable[[int, random.Random], Any]) -> Make:
    def make(size: int, draw: random.Random) -> Build:
        tp = write(size, draw)
        return lambda limits: sg.json_schema(tp, limits=limits)

    return make


def _literal(*texts: str) -> Any:
    """``Literal[...]`` of texts that are not written down."""
    literal: Any = Literal
    return literal[texts]


def literals(size: int, draw: random.Random) -> Any:
    return _literal(*words(draw, size, 12))


def dataclass_fields(size: int, draw: random.Random) -> Any:
    names = [f"f{i}" for i in range(max(1, size // 30))]
    return make_dataclass("Record", [(name, str) for name in names])


def typed_dict(size: int, draw: random.Random) -> Any:
    names = [f"f{i}" for i in range(max(1, size // 30))]
    return TypedDict("Record", dict.fromkeys(names, int))  # type: ignore[operator]


def union_of_records(size: int, draw: random.Random) -> Any:
    kinds: list[Any] = [
        make_dataclass(f"R{i}", [("tag", _literal(f"t{i}")), ("v", int)])
        for i in range(max(2, size // 150))
    ]
    union: Any = Union
    return union[tuple(kinds)]


def enumeration(size: int, draw: random.Random) -> Any:
    names = words(draw, size, 12)
    return enum.Enum("Names", {f"n{i}": name for i, name in enumerate(names)})


def tools(size: int, draw: random.Random) -> Build:
    definitions = [
        {"name": f"tool{i}", "parameters": {"properties": {word(draw, 8): {"enum": [i, "a"]}}}}
        for i in range(max(1, size // 80))
    ]
    return lambda limits: sg.ToolSet([Tool.from_schema(d) for d in definitions]).constraint(
        limits=limits
    )


def one_tool(size: int, draw: random.Random) -> Build:
    schema = {"properties": {w: {"type": "string"} for w in words(draw, size, 24)}}
    definition = {"name": "tool", "parameters": schema}
    return lambda limits: sg.ToolSet([Tool.from_schema(definition)]).constraint(limits=limits)


def algebra(join: Callable[[Any, Any], Any], each: int) -> Make:
    """A tree of constraints, joined two by two."""

    def make(size: int, draw: random.Random) -> Build:
        names = [word(draw, each - 2) for _ in range(max(2, size // each))]

        def build(limits: Any) -> Any:
            parts: list[Any] = [sg.regex(f"{w}.*", limits=limits) for w in names]
            while len(parts) > 1:
                paired = zip(parts[::2], parts[1::2], strict=False)
                rest = parts[-1:] if len(parts) % 2 else []
                parts = [join(a, b) for a, b in paired] + rest
            return parts[0]

        return build

    return make


def searched(size: int, draw: random.Random) -> Build:
    names = words(draw, min(size, 4000), 12)
    patterns = [f".*{name}.*" for name in names[: max(2, size // 4000)]]

    def build(limits: Any) -> Any:
        parts = [sg.regex(p, limits=limits) for p in patterns]
        return functools.reduce(lambda a, b: a & b, parts)

    return build


FAMILIES: tuple[Family, ...] = (
    family("choice-words", choice(lambda n, d: words(d, n, 12))),
    family("choice-letters", choice(lambda n, d: words(d, n, 200))),
    family("choice-long", choice(lambda n, d: [word(d, n)])),
    family("choice-alike", choice(lambda n, d: ["a" * 2000 + str(i) for i in range(n // 2000 + 1)])),
    family("choice-prefixes", choice(lambda n, d: ["a" * i for i in range(1, int((2 * n) ** 0.5))])),
    family("choice-unicode", choice(lambda n, d: [word(d, 8, "äöü漢字😀") + str(i) for i in range(n // 20 + 1)])),
    family("choice-same", choice(lambda n, d: ["same"] * (n // 4))),
    family("substring-letters", substring(lambda n, d: word(d, n))),
    family("substring-alike", substring(lambda n, d: word(d, n, "ab"))),
    family("type-literal", of_type(literals)),
    family("type-enum", of_type(enumeration), largest=1_000_000),
    family("type-dataclass", of_type(dataclass_fields), largest=TYPES),
    family("type-typed-dict", of_type(typed_dict), largest=TYPES),
    family("type-union", of_type(union_of_records), largest=10_000),
    family("tools-many", tools, largest=1_000_000, budgets=inf, heeds_limits=False),
    family("tools-wide", one_tool, budgets=inf),
    family("algebra-union", algebra(lambda a, b: a | b, 50), largest=100_000, budgets=inf),
    family("algebra-sequence", algebra(lambda a, b: a + b, 50), largest=100_000, budgets=inf),
    family("algebra-intersection", algebra(lambda a, b: a & b, 50), "result", "EmptyLanguageError", largest=100_000, budgets=inf),
    family("algebra-searches", searched, largest=100_000, budgets=inf),
)  # fmt: skip
