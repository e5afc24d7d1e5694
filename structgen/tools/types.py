"""Values of the tools room: a call, a response, and the pieces of a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from structgen.plain import plain

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
        call_id: what the answer to the call refers to; unique in a conversation, and the same
            again for the same conversation. Two calls are equal whatever their ids.
    """

    name: str
    arguments: Mapping[str, object]
    arguments_json: str
    call_id: str = field(compare=False)

    def to_message(
        self, result: object, *, content: Literal["text", "value"] = "text"
    ) -> dict[str, object]:
        """The message that answers the call: ``{"role": "tool", ...}``.

        Args:
            result: what the tool returned. Anything but a str is written as JSON; an exception as
                ``{"error": ...}``.
            content: ``"text"`` for chat templates and APIs; ``"value"`` leaves JSON values as
                they are, for the few templates that spell them themselves.
        """
        told: object = result
        if isinstance(result, BaseException):
            told = {"error": f"{type(result).__name__}: {result}"}
        if not isinstance(told, str):
            told = plain(told)
            if content == "text":
                told = json.dumps(told, ensure_ascii=False, allow_nan=False)
        return {"role": "tool", "tool_call_id": self.call_id, "name": self.name, "content": told}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResponse:
    """What a model said: prose, and the calls it asked for (possibly none)."""

    text: str
    calls: tuple[ToolCall, ...]

    def to_message(self, *, arguments: Literal["object", "text"] = "object") -> dict[str, object]:
        """The assistant's message of this response, for the next turn.

        Args:
            arguments: how the arguments of calls are given: as ``"object"``, which chat templates
                of `transformers` write as JSON, or as ``"text"``, which OpenAI's API takes.
        """
        message: dict[str, object] = {"role": "assistant", "content": self.text}
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": call.arguments_json
                        if arguments == "text"
                        else json.loads(call.arguments_json),
                    },
                }
                for call in self.calls
            ]
        return message


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
