"""Outputs with a schema: the value, its type, and what the model is told."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, TypedDict

import pytest

import structgen as sg
from structgen.generate import ToyModel, resolve_output
from structgen.tools import ToolResponse

jsonschema = pytest.importorskip("jsonschema")
pydantic = pytest.importorskip("pydantic")


class Task(pydantic.BaseModel):
    title: Annotated[str, pydantic.Field(min_length=1, max_length=6)]
    due: date


class Even(pydantic.BaseModel):
    number: Annotated[int, pydantic.Field(ge=0, le=9)]

    @pydantic.field_validator("number")
    @classmethod
    def even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


@dataclass
class Point:
    x: int
    y: float


class Pair(TypedDict):
    left: bool
    right: list[bool]


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y", None]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture(scope="module")
def toy() -> ToyModel:
    return ToyModel()


@pytest.mark.parametrize("seed", range(4))
def test_a_schema_gives_json_values(toy: ToyModel, seed: int) -> None:
    result = sg.generate(toy, "Hi", SCHEMA, seed=seed, max_tokens=50)
    jsonschema.validate(result.value, SCHEMA)
    assert result.value == json.loads(result.text)
    assert result.ledger.finish_reason != "length"


@pytest.mark.parametrize("output", [True, {}])
def test_any_json_fits_the_budget(toy: ToyModel, output: object) -> None:
    for seed in range(4):
        result = sg.generate(toy, "Hi", output, seed=seed, max_tokens=12)
        assert len(result.ledger.tokens) <= 12
        json.loads(result.text)


def test_types_give_instances(toy: ToyModel) -> None:
    task = sg.generate(toy, "Hi", Task, seed=1, max_tokens=60).value
    assert isinstance(task, Task)
    assert isinstance(task.due, date)
    point = sg.generate(toy, "Hi", Point, seed=1, max_tokens=60).value
    assert isinstance(point, Point)
    assert isinstance(point.x, int)
    pair = sg.generate(toy, "Hi", Pair, seed=1, max_tokens=60).value
    assert isinstance(pair["left"], bool)
    assert isinstance(sg.generate(toy, "Hi", int, seed=1, max_tokens=9).value, int)
    assert isinstance(sg.generate(toy, "Hi", float, seed=1, max_tokens=9).value, float)
    assert isinstance(sg.generate(toy, "Hi", bool, seed=1).value, bool)
    assert isinstance(sg.generate(toy, "Hi", list[int], seed=1, max_tokens=9).value, list)


@pytest.mark.filterwarnings("ignore::structgen.InexactTypeWarning")
def test_what_only_validators_know_is_a_typed_error(toy: ToyModel) -> None:
    numbers = {_even(toy, seed) for seed in range(12)}
    assert None in numbers
    assert numbers & {0, 2, 4, 6, 8}
    assert not numbers & {1, 3, 5, 7, 9}


def _even(toy: ToyModel, seed: int) -> int | None:
    """A number, or None if the validator refused it."""
    try:
        return sg.generate(toy, "Hi", Even, seed=seed, max_tokens=40).value.number
    except sg.GenerationError as error:
        if "odd" not in str(error):
            raise
        return None


def test_describe_tells_the_schema_and_nothing_else_does(toy: ToyModel) -> None:
    seen: list[object] = []

    class Spy(ToyModel):
        def prompt_ids(self, prompt, /, *, tools=()):
            seen.append(prompt)
            return super().prompt_ids(prompt, tools=tools)

    prompt = [{"role": "user", "content": "Hi"}]
    sg.generate(Spy(), prompt, SCHEMA, seed=1, max_tokens=40)
    assert seen.pop() == prompt
    sg.generate(Spy(), prompt, SCHEMA, seed=1, max_tokens=40, describe=True)
    (told,) = seen
    assert isinstance(told, list)
    assert told[0]["content"].startswith("Hi\n")
    assert json.loads(told[0]["content"].splitlines()[-1]) == SCHEMA
    with pytest.raises(ValueError, match="JSON Schema"):
        sg.generate(toy, prompt, sg.regex("a"), describe=True)


@pytest.mark.parametrize("form", ["hermes", "llama3", "mistral"])
@pytest.mark.parametrize("choice", ["required", "add"])
def test_tools_give_calls(toy: ToyModel, form: str, choice: str) -> None:
    result = sg.generate(
        toy,
        "Hi",
        tools=[add],
        tool_choice=choice,
        tool_format=form,
        parallel_tool_calls=False,
        seed=1,
        max_tokens=120,
    )
    assert isinstance(result.value, ToolResponse)
    (call,) = result.value.calls
    assert call.name == "add"
    a, b = call.arguments["a"], call.arguments["b"]
    assert isinstance(a, int)
    assert isinstance(b, int)
    assert sg.ToolSet([add]).run(call) == a + b


def test_no_tools_may_be_called_if_none_is_chosen(toy: ToyModel) -> None:
    result = sg.generate(toy, "Hi", tools=[add], tool_choice="none", seed=1, max_tokens=20)
    assert result.value.calls == ()
    assert result.value.text == result.text


def test_tools_with_an_output_give_either(toy: ToyModel) -> None:
    kinds: set[str] = set()
    for seed in range(12):
        result = sg.generate(
            toy, "Hi", SCHEMA, tools=[add], seed=seed, max_tokens=120, temperature=4.0
        )
        if isinstance(result.value, ToolResponse):
            kinds.add("calls")
            assert result.value.calls
        else:
            kinds.add("output")
            jsonschema.validate(result.value, SCHEMA)
    assert kinds == {"calls", "output"}
    with pytest.raises(sg.ConstraintError, match="bare"):
        sg.generate(toy, "Hi", SCHEMA, tools=[add], tool_format="llama3")


def test_a_tool_set_has_its_own_format(toy: ToyModel) -> None:
    tools = sg.ToolSet([add], format="mistral")
    text = sg.generate(toy, "Hi", tools=tools, tool_choice="add", seed=1, max_tokens=200).text
    assert text.startswith("[TOOL_CALLS][")
    with pytest.raises(ValueError, match="tool_format"):
        sg.generate(toy, "Hi", tools=tools, tool_format="hermes")


def test_outputs_are_resolved_once_for_a_batch(toy: ToyModel) -> None:
    batch = sg.generate_batch(toy, ["a", "b", "c"], Task, seed=4, max_tokens=60)
    assert all(isinstance(one.value, Task) for one in batch)
    assert batch[0].timings["compile"] >= batch[1].timings["compile"] == 0.0


def test_resolve_output_knows_schemas() -> None:
    told = resolve_output(SCHEMA).schema
    assert told is not None
    assert json.loads(told()) == SCHEMA
    assert resolve_output(sg.json_schema(SCHEMA)).schema is not None
    assert resolve_output(Point).schema is not None
    assert resolve_output(["a"]).schema is None


def test_streams_of_tools_spell_markers(toy: ToyModel) -> None:
    pieces = sg.stream(toy, "Hi", tools=[add], tool_choice="add", seed=1, max_tokens=200)
    text = "".join(pieces)
    assert text.startswith("<tool_call>")
    assert pieces.result.value.calls[0].name == "add"


def test_whitespace_is_for_json(toy: ToyModel) -> None:
    compact = sg.generate(toy, "Hi", SCHEMA, whitespace="compact", seed=1, max_tokens=50)
    assert compact.text == json.dumps(compact.value, separators=(",", ":"), ensure_ascii=False)
    spaced = {"kind": "separators", "item": ", ", "key": ": "}
    point = sg.generate(toy, "Hi", Pair, whitespace=spaced, seed=1, max_tokens=60)
    assert point.text == json.dumps(point.value)
    with pytest.raises(sg.ConstraintError, match="whitespace"):
        sg.generate(toy, "Hi", sg.regex("a"), whitespace="compact")


def test_files_are_outputs(toy: ToyModel, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(SCHEMA))
    value = sg.generate(toy, "Hi", schema, seed=1, max_tokens=50, whitespace="compact").value
    jsonschema.validate(value, SCHEMA)
    grammar = tmp_path / "g.lark"
    grammar.write_text('start: "ab" | "cd"\n')
    assert sg.generate(toy, "Hi", grammar, seed=1).value in ("ab", "cd")
    with pytest.raises(sg.SchemaError):
        sg.generate(toy, "Hi", tmp_path / "nowhere.json")


def test_a_function_stands_for_its_arguments(toy: ToyModel) -> None:
    value = sg.generate(toy, "Hi", add, seed=1, max_tokens=60).value
    assert isinstance(value, dict)
    assert set(value) == {"a", "b"}


@pytest.mark.parametrize("prompt", [5, None, [5], ["Hi"], {"role": "user"}])
def test_what_is_no_prompt_is_refused(toy: ToyModel, prompt: object) -> None:
    with pytest.raises(TypeError, match="`prompt` is"):
        sg.generate(toy, prompt, ["a"])  # pyright: ignore[reportArgumentType, reportCallIssue]
