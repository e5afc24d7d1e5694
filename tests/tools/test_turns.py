"""The second turn: messages, ids, choices among tools; and texts in other formats."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import pytest

from structgen.errors import ConstraintError, ToolFormatWarning
from structgen.tools import FORMATS, ToolSet, format_for
from structgen.tools.formats import format_seen

ADD = {"name": "add", "parameters": {"properties": {"a": {"type": "integer"}}, "required": ["a"]}}
SAY = {"name": "say", "parameters": {"properties": {}}}
NOW = {"name": "now"}

CALLS = {
    "hermes": '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
    "llama3": '{"name": "add", "parameters": {"a": 1}}',
    "mistral": '[TOOL_CALLS][{"name": "add", "arguments": {"a": 1}}]',
    "mistral-args": '[TOOL_CALLS]add[ARGS]{"a": 1}',
}


@pytest.fixture(params=sorted(FORMATS))
def tools(request: pytest.FixtureRequest) -> ToolSet:
    return ToolSet([ADD, SAY, NOW], format=request.param)


def test_messages_of_a_turn(tools: ToolSet) -> None:
    response = tools.parse(CALLS[tools.format.name])
    (call,) = response.calls
    assert tools.messages(response, [{"sum": 3}]) == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": "add", "arguments": {"a": 1}},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.call_id, "name": "add", "content": '{"sum": 3}'},
    ]
    (told, _) = tools.messages(response, ["3"], arguments="text")
    assert told["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'  # type: ignore[index]


def test_prose_is_a_message_too(tools: ToolSet) -> None:
    assert tools.messages(tools.parse("Hello.")) == [{"role": "assistant", "content": "Hello."}]


def test_results_of_all_kinds(tools: ToolSet) -> None:
    (call,) = tools.parse(CALLS[tools.format.name]).calls
    contents = [
        ("21 degrees", "21 degrees"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        (None, "null"),
        (float("inf"), "null"),
        (ValueError("no such city"), '{"error": "ValueError: no such city"}'),
        ("é", "é"),
        (["é"], '["é"]'),
    ]
    for result, content in contents:
        assert call.to_message(result)["content"] == content
    assert call.to_message([1], content="value")["content"] == [1]


def test_every_call_needs_a_result(tools: ToolSet) -> None:
    response = tools.parse(CALLS[tools.format.name])
    for results in ([], [1, 2]):
        with pytest.raises(ValueError, match=f"{len(results)} results for 1 calls"):
            tools.messages(response, results)


def test_ids_are_those_of_the_dialect_and_never_twice(tools: ToolSet) -> None:
    shape = r"[a-zA-Z0-9]{9}" if "mistral" in tools.format.name else r"call_[a-zA-Z0-9]{24}"
    ids = [tools.parse(CALLS[tools.format.name]).calls[0].call_id for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(re.fullmatch(shape, one) for one in ids)
    # No chance is involved: a conversation that is repeated has the same ids.
    again = ToolSet([ADD, SAY, NOW], format=tools.format)
    assert [again.parse(CALLS[tools.format.name]).calls[0].call_id for _ in range(200)] == ids
    first, second = (tools.parse(CALLS[tools.format.name], salt=salt) for salt in ("1", "2"))
    assert first.calls[0].call_id != second.calls[0].call_id
    assert first == second
    assert (
        first.calls[0].call_id == again.parse(CALLS[tools.format.name], salt="1").calls[0].call_id
    )


RESPONSES_API = {"type": "allowed_tools", "mode": "required", "tools": [{"name": "add"}]}
CHAT_API = {
    "type": "allowed_tools",
    "allowed_tools": {
        "mode": "required",
        "tools": [{"type": "function", "function": {"name": "add"}}],
    },
}


@pytest.mark.parametrize("choice", [RESPONSES_API, CHAT_API])
def test_allowed_tools(tools: ToolSet, choice: dict[str, object]) -> None:
    constraint = tools.constraint(choice)
    call = CALLS[tools.format.name]
    assert constraint.accepts(call)
    assert not constraint.accepts(call.replace("add", "now").replace('"a": 1', ""))
    assert tools.constraint("required").accepts(call.replace("add", "now").replace('"a": 1', ""))
    assert not constraint.accepts("Hello.")
    assert len(tools.definitions()) == 3  # the model is told of all


def test_allowed_tools_with_prose(tools: ToolSet) -> None:
    names = [{"type": "function", "name": name} for name in ("say", "now")]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": names}
    constraint = tools.constraint(choice)
    assert constraint.accepts("Hello.")
    assert not constraint.accepts(CALLS[tools.format.name])
    mode, offered = tools.choose(choice)
    assert (mode, [tool.name for tool in offered]) == ("auto", ["say", "now"])


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "allowed_tools"},
        {"type": "allowed_tools", "mode": "auto", "tools": []},
        {"type": "allowed_tools", "mode": "none", "tools": [{"name": "add"}]},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"name": "sub"}]},
        {"type": "allowed_tools", "mode": "auto", "tools": "add"},
        {"type": "function"},
        {"type": "function", "function": {"name": 5}},
        "sub",
        7,
    ],
)
def test_choices_that_name_nothing(tools: ToolSet, choice: Any) -> None:
    with pytest.raises(ConstraintError, match="tool_choice"):
        tools.constraint(choice)


@pytest.mark.parametrize("text_of", sorted(FORMATS))
def test_a_text_in_another_format_is_no_silent_prose(tools: ToolSet, text_of: str) -> None:
    text = CALLS[text_of]
    own = tools.format.name
    if text_of == own or {text_of, own} == {"mistral", "mistral-args"}:
        return  # read, or refused as broken
    with pytest.warns(ToolFormatWarning, match="format="):
        assert tools.parse(text).calls == ()


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("<function=add>\n<parameter=a>\n1\n</parameter>\n</function>", "Qwen3-Coder"),
        ("<tool_calls>[{}]</tool_calls>", "Hunyuan"),
        ("<｜tool▁calls▁begin｜>", "DeepSeek"),
        ("<|tool_call|>[{}]", "Granite"),
        ("<|channel|>commentary to=functions.add", "gpt-oss"),
    ],
)
def test_formats_that_we_lack_are_named(text: str, family: str) -> None:
    tools = ToolSet([ADD], format="llama3")
    with pytest.warns(ToolFormatWarning, match=family):
        tools.parse(text)


@pytest.mark.parametrize(
    "text",
    ["Hello.", "", "a {b} [c] <d>", '{"city": "Bern"}', '{"name": "Ada", "age": 7}', "{"],
)
def test_prose_is_prose(text: str) -> None:
    assert format_seen(text) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ToolSet([ADD]).parse(text).text == text


@pytest.mark.parametrize(
    ("model", "template"),
    [
        ("somebody/unknown", None),
        ("somebody/unknown", "{{ messages }}"),
        # Marks of ours beside those of formats that we lack.
        ("Qwen/Qwen3-Coder", "<tool_call>\n<function=name>"),
        ("zai-org/GLM-4.6", "<tool_call>name<arg_key>"),
        ("mistralai/Mistral-Small-3.2", "[TOOL_CALLS]name[CALL_ID]id[ARGS]{}"),
        ("my-llama-3", "<|tool_call_start|>"),
    ],
)
def test_a_model_whose_format_is_not_known_is_warned_of(model: str, template: str | None) -> None:
    with pytest.warns(ToolFormatWarning, match="tool_format= one of hermes") as told:
        assert format_for(model, template).name == "hermes"
    assert model in str(told[0].message)


def test_json_around_calls_may_be_compact_or_in_another_order() -> None:
    tools = ToolSet([ADD])
    for said in (
        {"name": "add", "arguments": {"a": 1}},
        {"arguments": {"a": 1}, "name": "add"},
    ):
        for separators in ((",", ":"), (", ", ": ")):
            text = f"<tool_call>{json.dumps(said, separators=separators)}</tool_call>"
            assert tools.parse(text).calls[0].arguments == {"a": 1}
