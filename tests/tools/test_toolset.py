"""Tool sets: definitions, constraints per format and choice, and the way back to values."""

import json
from datetime import date
from typing import Annotated, Literal

import pytest

import structgen as sg
from structgen import Vocabulary
from structgen.constraints import TextConstraint
from structgen.errors import ConstraintError, GenerationError
from structgen.tools import (
    FORMATS,
    Tool,
    ToolSet,
    format_for,
    format_named,
    spelled,
)

jsonschema = pytest.importorskip("jsonschema")
pydantic = pytest.importorskip("pydantic")


def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Tell the weather.

    The forecast is made up.

    Args:
        city: name of the city,
            in English.
        unit (str): unit of temperature.

    Returns:
        Words.
    """
    return f"{city} in {unit}"


def wait_until(day: date, times: Annotated[int, pydantic.Field(ge=0, le=99)]) -> tuple[date, int]:
    return day, times


TREE = {
    "type": "function",
    "function": {
        "name": "store.tree",
        "description": "Store a tree.",
        "parameters": {
            "type": "object",
            "properties": {"root": {"$ref": "#/$defs/node"}},
            "required": ["root"],
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {
                        "value": {"type": "integer"},
                        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                }
            },
        },
    },
}


@pytest.fixture(scope="module", params=sorted(FORMATS))
def tools(request: pytest.FixtureRequest) -> ToolSet:
    return ToolSet([weather, wait_until, TREE], format=request.param)


def calls(tools: ToolSet, *written: tuple[str, object]) -> str:
    """Calls as a model of the format writes them."""
    key = "parameters" if tools.format.name == "llama3" else "arguments"
    objects = [json.dumps({"name": name, key: arguments}) for name, arguments in written]
    match tools.format.name:
        case "hermes":
            return "\n".join(f"<tool_call>\n{one}\n</tool_call>" for one in objects)
        case "llama3":
            return "; ".join(objects)
        case "mistral":
            return f"[TOOL_CALLS][{', '.join(objects)}]"
        case _:
            return "".join(
                f"[TOOL_CALLS]{name}[ARGS]{json.dumps(arguments)}" for name, arguments in written
            )


BERN = ("weather", {"city": "Bern"})
LEAF = ("store.tree", {"root": {"value": 1, "children": [{"value": 2}]}})


def test_required_means_one_call_or_more(tools: ToolSet) -> None:
    constraint = tools.constraint("required")
    assert constraint.accepts(calls(tools, BERN))
    assert constraint.accepts(calls(tools, LEAF, BERN, BERN))
    assert constraint.accepts(calls(tools, ("weather", {"city": "B", "unit": "fahrenheit"})))
    assert not constraint.accepts("")
    assert not constraint.accepts("Hello.")
    assert not constraint.accepts("Hello. " + calls(tools, BERN))


@pytest.mark.parametrize(
    "wrong",
    [
        ("whether", {"city": "Bern"}),
        ("weather", {}),
        ("weather", {"city": 1}),
        ("weather", {"city": "Bern", "unit": "kelvin"}),
        ("weather", {"city": "Bern", "country": "CH"}),
        ("weather", "Bern"),
        ("store.tree", {"root": {"value": "1"}}),
        ("store.tree", {"root": {"value": 1}, "other": 1}),
    ],
)
def test_wrong_calls_are_forbidden(tools: ToolSet, wrong: tuple[str, object]) -> None:
    for choice in ("auto", "required"):
        assert not tools.constraint(choice).accepts(calls(tools, wrong))
        assert not tools.constraint(choice).accepts(calls(tools, BERN, wrong))


def test_one_call_without_parallel(tools: ToolSet) -> None:
    for choice in ("auto", "required"):
        constraint = tools.constraint(choice, parallel=False)
        assert constraint.accepts(calls(tools, BERN))
        assert not constraint.accepts(calls(tools, BERN, BERN))


def test_auto_is_prose_or_calls(tools: ToolSet) -> None:
    constraint = tools.constraint("auto")
    prose = "I need no tool. 2 < 3, [4] and {5}.\n"
    assert constraint.accepts("")
    assert constraint.accepts(prose)
    assert constraint.accepts(calls(tools, BERN, LEAF))
    mixed = "Let me see. " + calls(tools, BERN)
    if tools.format.name == "llama3":
        # There, what begins as prose is prose to its end.
        assert tools.parse(mixed).calls == ()
    else:
        assert constraint.accepts(mixed)
        assert not constraint.accepts(mixed[:-3])
        assert not constraint.accepts(mixed + " Done.")


def test_none_is_prose_that_no_parser_takes_for_a_call(tools: ToolSet) -> None:
    constraint = tools.constraint("none")
    assert constraint.accepts("Well, 2 < 3.")
    assert not constraint.accepts(calls(tools, BERN))


@pytest.mark.parametrize(
    "choice", ["weather", {"type": "function", "function": {"name": "weather"}}]
)
def test_a_named_tool_is_the_only_one(tools: ToolSet, choice: object) -> None:
    constraint = tools.constraint(choice)  # pyright: ignore[reportArgumentType]
    assert constraint.accepts(calls(tools, BERN))
    assert not constraint.accepts(calls(tools, LEAF))
    assert not constraint.accepts("Hello.")


@pytest.mark.parametrize("choice", ["auto", "required", "weather", "none"])
@pytest.mark.parametrize("parallel", [True, False])
def test_whatever_is_allowed_can_be_read_back(tools: ToolSet, choice: str, parallel: bool) -> None:
    constraint = tools.constraint(choice, parallel=parallel)
    counts: set[int] = set()
    for seed in range(25):
        text = constraint.sample(seed, max_bytes=300)
        response = tools.parse(text)
        counts.add(len(response.calls))
        for call in response.calls:
            jsonschema.validate(json.loads(call.arguments_json), tools[call.name].parameters)
            assert choice in ("auto", "required", call.name)
        assert len({call.call_id for call in response.calls}) == len(response.calls)
        if not response.calls:
            assert response.text == text
    if choice == "none":
        assert counts == {0}
    elif choice != "auto":
        assert min(counts) >= 1
    if not parallel:
        assert max(counts) <= 1


def test_functions_get_values_of_their_types(tools: ToolSet) -> None:
    written = calls(tools, ("wait_until", {"day": "2027-05-03", "times": 2}), BERN)
    first, second = tools.parse(written).calls
    assert first.arguments == {"day": date(2027, 5, 3), "times": 2}
    assert tools.run(first) == (date(2027, 5, 3), 2)
    assert tools.run(second) == "Bern in celsius"


def test_schemas_have_no_function_to_run(tools: ToolSet) -> None:
    (call,) = tools.parse(calls(tools, LEAF)).calls
    assert call.arguments == LEAF[1]
    with pytest.raises(ConstraintError, match="no function"):
        tools.run(call)


@pytest.mark.parametrize(
    "wrong", [("nothing", {}), ("wait_until", {"day": "soon", "times": 1}), ("weather", {})]
)
def test_calls_that_do_not_fit_raise(tools: ToolSet, wrong: tuple[str, object]) -> None:
    with pytest.raises(GenerationError):
        tools.parse(calls(tools, wrong))


def test_definitions_tell_what_the_docstring_says(tools: ToolSet) -> None:
    function = tools.definitions()[0]["function"]
    assert isinstance(function, dict)
    assert function["name"] == "weather"
    assert function["description"] == "Tell the weather.\n\nThe forecast is made up."
    properties = function["parameters"]["properties"]
    assert properties["city"]["description"] == "name of the city, in English."
    assert properties["unit"]["description"] == "unit of temperature."
    assert function["parameters"]["required"] == ["city"]


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "null"}}}},
        {"name": "f", "inputSchema": {"type": "object", "properties": {"a": {"type": "null"}}}},
        {
            "type": "function",
            "function": {"name": "f", "parameters": {"properties": {"a": {"type": "null"}}}},
        },
    ],
)
def test_definitions_of_several_styles_are_read(definition: dict[str, object]) -> None:
    constraint = ToolSet([definition]).constraint("required")
    assert constraint.accepts('<tool_call>\n{"name": "f", "arguments": {"a": null}}\n</tool_call>')
    assert constraint.accepts('<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>')
    assert not constraint.accepts('<tool_call>\n{"name": "f", "arguments": {"b": 1}}\n</tool_call>')


def test_a_tool_without_parameters_takes_none() -> None:
    constraint = ToolSet([{"name": "now"}]).constraint("required")
    assert constraint.accepts('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>')
    assert not constraint.accepts(
        '<tool_call>\n{"name": "now", "arguments": {"a": 1}}\n</tool_call>'
    )


def test_open_parameters_stay_open() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    constraint = ToolSet([{"name": "f", "parameters": schema}]).constraint("required")
    assert constraint.accepts('<tool_call>\n{"name": "f", "arguments": {"z": 1}}\n</tool_call>')


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [weather, weather],
        [{"description": "no name"}],
        [{"name": ""}],
        [{"name": "f", "parameters": {"type": "array"}}],
        [{"name": "f", "parameters": 7}],
        [{"type": "retrieval", "function": {"name": "f"}}],
        [17],
        [lambda *rest: rest],
        [ToolSet],
    ],
)
def test_malformed_tools_are_refused(bad: list[object]) -> None:
    with pytest.raises(ConstraintError):
        ToolSet(bad)  # pyright: ignore[reportArgumentType]


def test_unknown_choices_and_formats_are_refused(tools: ToolSet) -> None:
    with pytest.raises(ConstraintError, match="names no tool"):
        tools.constraint("whether")
    with pytest.raises(ConstraintError, match="names no tool"):
        tools.constraint({"type": "function"})
    with pytest.raises(ConstraintError, match="hermes"):
        format_named("gpt")


@pytest.mark.parametrize(
    ("model", "template", "form"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", None, "hermes"),
        ("meta-llama/Llama-3.2-1B-Instruct", None, "llama3"),
        ("mistralai/Mistral-7B-Instruct-v0.3", None, "mistral"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", None, "hermes"),
        ("my-llama-3", "... <tool_call> ...", "hermes"),
        ("my-model", "... [TOOL_CALLS] ...", "mistral"),
        ("my-model", "... [TOOL_CALLS] ... [ARGS] ...", "mistral-args"),
        ("my-model", "{{ '<|python_tag|>' }}", "llama3"),
    ],
)
def test_formats_are_told_by_template_then_name(
    model: str, template: str | None, form: str
) -> None:
    assert format_for(model, template).name == form


def test_markers_that_are_special_tokens_must_be_those() -> None:
    names = ["<tool_call>", "</tool_call>", "<eos>"]
    vocabulary = Vocabulary(
        [bytes([b]) for b in range(256)],
        eos_token_ids=[258],
        special_tokens={name: 256 + index for index, name in enumerate(names)},
        size=259,
    )
    tools = ToolSet([weather])
    constraint: TextConstraint = tools.constraint(
        "required", special_tokens=vocabulary.special_tokens
    )
    matcher = constraint.compile(vocabulary).matcher()
    assert not matcher.allows(ord("<"))
    body = b'\n{"name": "weather", "arguments": {"city": "Bern"}}\n'
    for token in [256, *body, 257, 258]:
        assert matcher.advance(token), token
    text = spelled(vocabulary, matcher.tokens)
    assert tools.parse(text).calls[0].arguments == {"city": "Bern"}
    # In prose, the marker can be written neither as the token nor as text.
    prose = tools.constraint("none", special_tokens=names).compile(vocabulary).matcher()
    assert not prose.allows(256)
    assert prose.advance_text(b"<tool_call>") == len("<tool_call")


def test_a_llama_call_may_follow_the_python_tag() -> None:
    tools = ToolSet([weather], format="llama3")
    vocabulary = Vocabulary(
        [bytes([b]) for b in range(256)],
        eos_token_ids=[257],
        special_tokens={"<|python_tag|>": 256, "<|eot_id|>": 257},
        size=258,
    )
    allowed = tools.constraint("auto", special_tokens=vocabulary.special_tokens)
    matcher = allowed.compile(vocabulary).matcher()
    for token in [256, *b'{"name": "weather", "parameters": {"city": "Bern"}}', 257]:
        assert matcher.advance(token), token
    assert tools.parse(spelled(vocabulary, matcher.tokens)).calls[0].name == "weather"


def test_a_hundred_tools_share_one_constraint() -> None:
    many = [
        {"name": f"tool_{i}", "parameters": {"type": "object", "properties": {"a": {"const": i}}}}
        for i in range(100)
    ]
    constraint = ToolSet(many).constraint("auto")
    good = '<tool_call>\n{"name": "tool_77", "arguments": {"a": 77}}\n</tool_call>'
    assert constraint.accepts(good)
    assert not constraint.accepts(good.replace('"a": 77', '"a": 76'))


def test_tools_are_values() -> None:
    tool = Tool(name="f", parameters={"type": "object"})
    assert ToolSet([tool])["f"] is tool
    assert len(ToolSet([tool])) == 1


def test_arguments_keep_to_limits() -> None:
    """Schemas of tools come from strangers as others do."""
    names = [f"name{i:06d}" for i in range(100_000)]
    tools = sg.ToolSet([{"name": "f", "parameters": {"properties": {"a": {"enum": names}}}}])
    with pytest.raises(sg.LimitExceeded, match="compile_ms"):
        tools.constraint("required", limits=sg.Limits(compile_ms=5))
    cancel = sg.CancelToken()
    cancel.cancel()
    with pytest.raises(sg.Cancelled):
        tools.constraint("required", limits=sg.Limits(cancel=cancel))
    with pytest.raises(sg.LimitExceeded, match="compile_ms"):
        sg.generate("toy", "x", tools=tools, limits=sg.Limits(compile_ms=5), max_tokens=20)
    own = sg.ToolSet(
        [{"name": "f", "parameters": {"properties": {"a": {"enum": ["x" * 300]}}}}],
        json_options={"limits": sg.Limits(max_source_bytes=10_000)},
    )
    assert own.constraint("required", limits=sg.Limits(max_source_bytes=20))
