"""Callables of all kinds as tools: what a model is shown, what may be called, what comes back."""

from __future__ import annotations

import asyncio
import enum
import functools
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NotRequired, TypedDict, Unpack

import pytest

from structgen.errors import ConstraintError, GenerationError, UnsupportedFeatureError
from structgen.tools import Tool, ToolSet

pytest.importorskip("pydantic")


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"


@dataclass
class Place:
    title: str
    north: float = 0.0


def weather(
    city: str,
    unit: Literal["c", "f"] = "c",
    day: date = date(2027, 5, 3),
    colour: Colour = Colour.RED,
    places: list[Place] | None = None,
    marker: object = object(),
) -> str:
    """Tell the weather."""
    return f"{city} {unit} {day}"


class Adder:
    """Adds to a number.

    Args:
        x: another number.
    """

    def __init__(self, to: int) -> None:
        self.to = to

    def __call__(self, x: int) -> int:
        return self.to + x

    def method(self, x: int) -> int:
        """Add by a method."""
        return self.to + x

    @staticmethod
    def double(x: int) -> int:
        """Double."""
        return 2 * x


async def slow(x: int) -> int:
    """Wait."""
    await asyncio.sleep(0)
    return x + 1


class Waiter:
    async def __call__(self, x: int) -> int:
        return x + 2


class Options(TypedDict):
    depth: int
    name: NotRequired[str]


def anything(**rest: Any) -> dict[str, Any]:
    return rest


def numbers(a: int, **rest: float) -> tuple[int, dict[str, float]]:
    return a, rest


def located(a: Place, **rest: Place) -> tuple[Place, dict[str, Place]]:
    return a, rest


def unpacked(a: int, **rest: Unpack[Options]) -> tuple[int, Options]:
    return a, rest


def written(name: str, arguments: object) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


def shown(function: Callable[..., object]) -> Any:
    return Tool.from_function(function).definition()["function"]


def test_a_model_is_shown_defaults_and_no_noise() -> None:
    parameters = shown(weather)["parameters"]
    properties = parameters["properties"]
    assert properties["unit"]["default"] == "c"
    assert properties["day"] == {"type": "string", "format": "date", "default": "2027-05-03"}
    assert properties["colour"]["default"] == "r"
    assert properties["places"]["default"] is None
    assert "default" not in properties["marker"]  # nothing that JSON could hold
    assert "default" not in properties["city"]
    assert parameters["required"] == ["city"]
    # A key may be called title; a title that repeats its key says nothing.
    assert set(parameters["$defs"]["Place"]["properties"]) == {"title", "north"}
    assert '"title": "' not in json.dumps(parameters)
    assert "(?!" not in json.dumps(parameters)


def test_the_constraint_keeps_what_the_model_is_not_shown() -> None:
    constraint = ToolSet([weather]).constraint("required")
    assert constraint.accepts(written("weather", {"city": "B", "day": "2027-05-03"}))
    assert not constraint.accepts(written("weather", {"city": "B", "day": "0000-05-03"}))


def test_definitions_are_shown_as_they_were_given() -> None:
    own = {
        "type": "object",
        "properties": {"day": {"title": "Day", "format": "date", "pattern": "^2", "default": "2"}},
    }
    tool = Tool.from_schema({"name": "f", "parameters": own})
    assert tool.definition()["function"]["parameters"] == own  # type: ignore[index]
    assert tool.parameters["additionalProperties"] is False
    empty = Tool.from_schema({"name": "f"}).definition()["function"]["parameters"]  # type: ignore[index]
    assert empty == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("given", "name", "description", "call", "result"),
    [
        (Adder(3), "Adder", "Adds to a number.", {"x": 4}, 7),
        (Adder(3).method, "method", "Add by a method.", {"x": 4}, 7),
        (Adder.double, "double", "Double.", {"x": 4}, 8),
        (functools.partial(weather, day=date(2027, 1, 2)), "weather", "Tell the weather.",
         {"city": "B"}, "B c 2027-01-02"),
        (functools.partial(weather, "B"), "weather", "Tell the weather.", {}, "B c 2027-05-03"),
        (functools.partial(functools.partial(weather, "B"), unit="f"), "weather",
         "Tell the weather.", {"day": "2027-01-02"}, "B f 2027-01-02"),
        (functools.partial(Adder(3), x=1), "Adder", "Adds to a number.", {}, 4),
    ],
)  # fmt: skip
def test_callables_of_all_kinds(
    given: Callable[..., object], name: str, description: str, call: object, result: object
) -> None:
    tools = ToolSet([given])
    assert tools[name].description == description
    text = written(name, call)
    assert tools.constraint("required").accepts(text)
    assert tools.run(tools.parse(text).calls[0]) == result


def test_a_partial_shows_what_is_bound_as_a_default() -> None:
    parameters = shown(functools.partial(weather, unit="f"))["parameters"]
    assert parameters["properties"]["unit"]["default"] == "f"
    assert "city" not in shown(functools.partial(weather, "B"))["parameters"]["properties"]


def test_documentation_of_an_object_is_that_of_its_class() -> None:
    assert shown(Adder(1))["parameters"]["properties"]["x"]["description"] == "another number."


def _named(name: str) -> Callable[..., object]:
    def function(x: int) -> int:
        return x

    function.__name__ = name
    return function


@pytest.mark.parametrize("name", ["<lambda>", "a.b", "grüße", "x" * 65, ""])
def test_names_that_servers_refuse_must_be_given(name: str) -> None:
    with pytest.raises(ConstraintError, match="cannot be the name of a tool") as told:
        ToolSet([_named(name)])
    assert "from_function(function, name=" in (told.value.hint or "")
    assert Tool.from_function(_named(name), name="fine").name == "fine"


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(ConstraintError, match="<lambda>"):
        ToolSet([lambda x: x])
    tool = Tool.from_function(lambda x: x, name="same", description="The same.")
    tools = ToolSet([tool])
    assert tools.definitions()[0]["function"]["description"] == "The same."  # type: ignore[index]
    assert tools.run(tools.parse(written("same", {"x": [1]})).calls[0]) == [1]


@pytest.mark.parametrize("name", [" a", "a\n", "a\x00b", "", "x" * 257])
def test_names_that_no_format_can_hold(name: str) -> None:
    with pytest.raises(ConstraintError, match="name"):
        Tool(name=name)


def test_a_name_may_not_hold_the_marker_that_ends_it() -> None:
    tools = ToolSet([{"name": "a[ARGS]b"}], format="mistral-args")
    with pytest.raises(ConstraintError, match=r"\[ARGS\]"):
        tools.constraint("required")


@pytest.mark.parametrize(
    ("function", "good", "bad", "result"),
    [
        (anything, {"a": 1, "b": [None]}, None, {"a": 1, "b": [None]}),
        (anything, {}, None, {}),
        (numbers, {"a": 1, "x": 1.5}, {"a": 1, "x": "one"}, (1, {"x": 1.5})),
        (numbers, {"a": 1}, {"x": 1.5}, (1, {})),
        (
            located,
            {"a": {"title": "A"}, "b": {"title": "B", "north": 1.5}},
            {"a": {"title": "A"}, "b": {"name": "B"}},
            (Place("A"), {"b": Place("B", 1.5)}),
        ),
        (unpacked, {"a": 1, "depth": 2}, {"a": 1}, (1, {"depth": 2})),
        (
            unpacked,
            {"a": 1, "depth": 2, "name": "n"},
            {"a": 1, "depth": 2, "other": 1},
            (1, {"depth": 2, "name": "n"}),
        ),
    ],
)
def test_keywords_without_names(
    function: Callable[..., object], good: object, bad: object, result: object
) -> None:
    tools = ToolSet([function])
    name = function.__name__
    constraint = tools.constraint("required")
    assert constraint.accepts(written(name, good))
    assert tools.run(tools.parse(written(name, good)).calls[0]) == result
    if bad is not None:
        assert not constraint.accepts(written(name, bad))
        with pytest.raises((GenerationError, TypeError)):
            tools.run(tools.parse(written(name, bad)).calls[0])


def test_what_no_object_can_name_is_refused() -> None:
    def positional(a: int, /) -> int:
        return a

    def several(*a: int) -> None: ...

    for function in (positional, several, len):
        with pytest.raises(UnsupportedFeatureError, match="no name that a JSON object"):
            ToolSet([function])


def test_types_that_cannot_be_found_are_named() -> None:
    def function(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConstraintError, match="Nowhere"):
        ToolSet([function])


@pytest.mark.parametrize("bad", [ToolSet, Place, int, 17, "weather"])
def test_what_is_no_tool(bad: object) -> None:
    with pytest.raises(ConstraintError):
        ToolSet([bad])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("given", "name"), [(slow, "slow"), (functools.partial(slow), "slow"), (Waiter(), "Waiter")]
)
def test_async_tools_are_awaited(given: Callable[..., object], name: str) -> None:
    tools = ToolSet([given, Adder(3)])
    call, other = tools.parse(written(name, {"x": 4}) + written("Adder", {"x": 4})).calls
    assert tools[name].is_async
    with pytest.raises(ConstraintError, match="async") as told:
        tools.run(call)
    assert told.value.hint == "await tools.arun(call)"

    async def both() -> tuple[object, object]:
        return await tools.arun(call), await tools.arun(other)

    assert asyncio.run(both()) in [(5, 7), (6, 7)]


def test_a_function_that_turns_out_to_be_async() -> None:
    def late(x: int) -> Any:
        return slow(x)

    tools = ToolSet([late])
    (call,) = tools.parse(written("late", {"x": 4})).calls
    with pytest.raises(ConstraintError, match="async"):
        tools.run(call)
    assert asyncio.run(tools.arun(call)) == 5  # type: ignore[arg-type]


def test_tools_can_be_pickled() -> None:
    tools = pickle.loads(pickle.dumps(ToolSet([weather, numbers, Adder(3)])))
    (call,) = tools.parse(written("numbers", {"a": 1, "x": 2})).calls
    assert tools.run(call) == (1, {"x": 2.0})
    assert Tool.from_function(weather) == Tool.from_function(weather)


def test_without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    from structgen.constraints import python_types

    monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    tools = ToolSet([weather, numbers, located, anything, Adder(3)])
    texts = {
        written("numbers", {"a": 1, "x": 1.5}): (1, {"x": 1.5}),
        written("located", {"a": {"title": "A"}}): (Place("A"), {}),
        written("anything", {"z": [1]}): {"z": [1]},
        written("Adder", {"x": 4}): 7,
        written("weather", {"city": "B", "day": "2027-01-02"}): "B c 2027-01-02",
    }
    for text, result in texts.items():
        assert tools.constraint("required").accepts(text)
        assert tools.run(tools.parse(text).calls[0]) == result
    assert not tools.constraint("required").accepts(written("numbers", {"a": 1, "x": "1"}))
