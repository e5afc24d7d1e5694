"""Values of the tools room: a call, a response, and the pieces of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
"""A JSON value, as `json.loads` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call a model asked for.

    Attributes:
        name: the tool.
        arguments: argument values by name. For a tool made from a Python function they are
            converted to the types of its signature; otherwise they are plain JSON values.
        arguments_json: the text the model wrote for the arguments.
        call_id: unique within the response, ``call_0`` for the first call.
    """

    name: str
    arguments: Mapping[str, object]
    arguments_json: str
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResponse:
    """What a model said: prose, and the calls it asked for (possibly none)."""

    text: str
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More prose."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call began; its name is known, its arguments follow."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """More text of the arguments of call `index`."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class CallFinished:
    """Call `index` is complete; `arguments_json` is the text of its arguments."""

    index: int
    name: str
    arguments_json: str


ToolEvent = TextDelta | CallStarted | ArgumentsDelta | CallFinished
"""A piece of a streamed response."""
