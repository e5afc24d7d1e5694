"""Reading responses: whole and cut into pieces, well-formed and broken."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.errors import GenerationError
from structgen.tools import (
    ArgumentsDelta,
    CallFinished,
    CallStarted,
    TextDelta,
    ToolEvent,
    ToolStream,
    format_named,
)

A = '{"name": "add", "arguments": {"a": 1, "b": [2, {"c": "}</tool_call>\\""}]}}'
B = '{"name": "say", "arguments": {}}'
P = '{"name": "add", "parameters": {"a": 1}}'

RESPONSES: list[tuple[str, str, str, list[str]]] = [
    ("hermes", "just text", "just text", []),
    ("hermes", "", "", []),
    ("hermes", "a < b <tool", "a < b <tool", []),
    ("hermes", f"<tool_call>\n{A}\n</tool_call>", "", ["add"]),
    ("hermes", f"I'll add.\n<tool_call>\n{A}\n</tool_call>", "I'll add.\n", ["add"]),
    ("hermes", f"<tool_call>{A}</tool_call>\n<tool_call>{B}</tool_call>", "", ["add", "say"]),
    (
        "hermes",
        f"x<tool_call>{A}</tool_call> and <tool_call>{B}</tool_call>",
        "xand ",
        ["add", "say"],
    ),
    ("llama3", "It is { } five.", "It is { } five.", []),
    ("llama3", P, "", ["add"]),
    ("llama3", f"<|python_tag|>{P}; {P}", "", ["add", "add"]),
    ("llama3", f" {P}\n{B}", "", ["add", "say"]),
    ("mistral", "no [TOOL_ CALLS] here", "no [TOOL_ CALLS] here", []),
    ("mistral", f"ok[TOOL_CALLS] [{A}, {B}]", "ok", ["add", "say"]),
    ("mistral-args", "no [ARGS] here", "no [ARGS] here", []),
    (
        "mistral-args",
        'ok[TOOL_CALLS]add[ARGS]{"a": 1, "b": "{"}[TOOL_CALLS]say[ARGS] {}',
        "ok",
        ["add", "say"],
    ),
]


def _summary(events: list[ToolEvent]) -> tuple[str, list[tuple[str, str]]]:
    """Prose, and (name, arguments) of each call; checks the order of events on the way."""
    prose, calls, growing, open_call = "", [], "", None
    for event in events:
        match event:
            case TextDelta(text):
                assert open_call is None
                prose += text
            case CallStarted(index, name):
                assert open_call is None
                assert index == len(calls)
                open_call, growing = name, ""
            case ArgumentsDelta(index, text):
                assert index == len(calls)
                assert open_call is not None
                growing += text
            case CallFinished(index, name, arguments_json):
                assert (index, name, arguments_json) == (len(calls), open_call, growing)
                calls.append((name, arguments_json))
                open_call = None
    assert open_call is None
    return prose, calls


def _read(form: str, pieces: list[str]) -> list[ToolEvent]:
    stream = ToolStream(format_named(form).markup)
    events = [event for piece in pieces for event in stream.feed(piece)]
    return events + stream.close()


@pytest.mark.parametrize(("form", "text", "prose", "names"), RESPONSES)
def test_whole_and_character_by_character(
    form: str, text: str, prose: str, names: list[str]
) -> None:
    whole = _summary(_read(form, [text]))
    assert whole[0] == prose
    assert [name for name, _ in whole[1]] == names
    assert _summary(_read(form, list(text))) == whole


@given(st.sampled_from(RESPONSES), st.lists(st.integers(0, 120), max_size=6))
def test_any_cut_reads_the_same(response: tuple[str, str, str, list[str]], cuts: list[int]) -> None:
    form, text, _, _ = response
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[i:j] for i, j in itertools.pairwise(bounds)]
    assert _summary(_read(form, pieces)) == _summary(_read(form, [text]))


def test_arguments_stream_as_they_grow() -> None:
    stream = ToolStream(format_named("hermes").markup)
    assert stream.feed('Hm. <tool_call>{"name": "add", "arguments": ') == [TextDelta("Hm. ")]
    assert stream.feed('{"a": 1') == [CallStarted(0, "add"), ArgumentsDelta(0, '{"a": 1')]
    assert stream.feed("2}") == [ArgumentsDelta(0, "2}")]
    assert stream.feed("}") == [CallFinished(0, "add", '{"a": 12}')]


def test_prose_is_not_held_back_longer_than_needed() -> None:
    stream = ToolStream(format_named("hermes").markup)
    assert stream.feed("a <tool") == [TextDelta("a ")]
    assert stream.feed("box") == [TextDelta("<toolbox")]


def test_members_in_another_order_are_read() -> None:
    text = '<tool_call>{"id": 7, "arguments": {"a": 1}, "name": "add"}</tool_call>'
    events = _read("hermes", [text])
    assert events[-1] == CallFinished(0, "add", '{"a": 1}')


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("hermes", '<tool_call>{"name": "add"'),
        ("hermes", "<tool_call>"),
        ("hermes", "<tool_call>add(1)</tool_call>"),
        ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 1}}'),
        ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 1}} oops</tool_call>'),
        ("hermes", '<tool_call>{"name": "add", "arguments": {"a": }}</tool_call>'),
        ("hermes", '<tool_call>{"name": "add", "arguments": "a"}</tool_call>'),
        (
            "hermes",
            '<tool_call>{"name": "add", "arguments": {}, "arguments": {"a": 1}}</tool_call>',
        ),
        ("hermes", '<tool_call>{"arguments": {"a": 1}}</tool_call>'),
        ("hermes", "<tool_call>{" + '"x":[' * 50_000 + "</tool_call>"),
        ("llama3", P + " oops"),
        ("llama3", "<|python_tag|>"),
        ("mistral", "[TOOL_CALLS]add"),
        ("mistral-args", "[TOOL_CALLS]add"),
        ("mistral-args", '[TOOL_CALLS]add{"a": 1}'),
        ("mistral-args", "[TOOL_CALLS][ARGS]{}"),
        ("mistral-args", "[TOOL_CALLS]add[ARGS][1]"),
        ("mistral-args", "[TOOL_CALLS]add[ARGS]{} oops"),
        ("mistral-args", '[TOOL_CALLS]add[ARGS]{"a": }'),
        ("mistral-args", "[TOOL_CALLS]" + "x" * 5000),
        ("mistral", f"[TOOL_CALLS][{A}"),
        ("mistral", f"[TOOL_CALLS][{A}] oops"),
    ],
)
def test_broken_calls_raise(form: str, text: str) -> None:
    with pytest.raises(GenerationError):
        _read(form, [text])


def test_deep_arguments_raise_instead_of_recursing() -> None:
    deep = '<tool_call>{"name": "f", "arguments": {"a": ' + "[" * 200_000 + "]" * 200_000 + "}}"
    with pytest.raises(GenerationError):
        _read("hermes", [deep])


def test_summary_of_arguments_is_json() -> None:
    _, calls = _summary(_read("hermes", [RESPONSES[3][1]]))
    assert json.loads(calls[0][1]) == json.loads(A)["arguments"]
