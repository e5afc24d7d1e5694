"""What a type checker makes of the front door; `test_typing` runs pyright over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, assert_type

import structgen as sg
from structgen.generate import stream
from structgen.generate.front import generate, generate_batch
from structgen.tools import ToolResponse


@dataclass
class Point:
    x: int
    y: int


class Mood(Enum):
    GOOD = "good"


def add(a: int, b: int) -> int:
    return a + b


def checks(schema: dict[str, object], texts: Sequence[str]) -> None:
    assert_type(generate(None, "Hi"), sg.Generation[str])
    assert_type(generate(None, "Hi", Point), sg.Generation[Point])
    assert_type(generate(None, "Hi", Mood, temperature=0), sg.Generation[Mood])
    assert_type(generate(None, "Hi", list[int]), sg.Generation[list[int]])
    assert_type(generate(None, "Hi", int | None), sg.Generation[int | None])
    assert_type(generate(None, "Hi", Literal["a", "b"]), sg.Generation[Literal["a", "b"]])
    assert_type(generate(None, "Hi", schema), sg.Generation[Any])
    assert_type(generate(None, "Hi", "schema.json"), sg.Generation[Any])
    assert_type(generate(None, "Hi", Path("schema.json")), sg.Generation[Any])
    assert_type(generate(None, "Hi", texts), sg.Generation[str])
    assert_type(generate(None, "Hi", sg.regex("a")), sg.Generation[str])
    assert_type(generate(None, "Hi", sg.from_type(Point)), sg.Generation[Point])
    assert_type(generate(None, "Hi", sg.json_schema(Point)), sg.Generation[Point])
    assert_type(generate(None, "Hi", sg.json_schema(schema)), sg.Generation[Any])
    assert_type(generate(None, "Hi", tools=[add]), sg.Generation[ToolResponse])
    assert_type(stream(None, "Hi", Point), sg.Stream[Point])
    assert_type(generate_batch(None, ["Hi"], Point), list[sg.Generation[Point]])
    assert_type(generate_batch(None, ["Hi"]), list[sg.Generation[str]])
    assert_type(
        generate_batch(None, ["Hi"], Point, on_error="return"),
        list[sg.Generation[Point] | sg.Failed],
    )
    point = sg.from_type(Point)
    assert_type(point.parse("{}"), Point)
    assert_type(point & sg.regex("a"), sg.TextConstraint[Point])
    assert_type(sg.regex("a") & point, sg.TextConstraint[Point])
    assert_type(generate(None, "Hi", point & sg.predicate(str.isdigit)), sg.Generation[Point])
    assert_type(point | "none", sg.TextConstraint[Point | str])
    assert_type(point + "!", sg.TextConstraint[str])


def refused() -> None:
    generate(None, "Hi", max_token=3)  # pyright: ignore[reportCallIssue]
    generate(None, "Hi", max_tokens="3")  # pyright: ignore[reportCallIssue, reportArgumentType]
