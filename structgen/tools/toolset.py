"""The tools of one request: their constraint, and the way back from text to calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, cast

from structgen._core import Vocabulary
from structgen.constraints import TextConstraint, regex
from structgen.constraints.schema_options import JsonOptions
from structgen.errors import ConstraintError, GenerationError
from structgen.tools.formats import CallFormat, format_named
from structgen.tools.stream import ToolStream
from structgen.tools.tool import Tool
from structgen.tools.types import CallFinished, TextDelta, ToolCall, ToolEvent, ToolResponse

ToolLike = Tool | Callable[..., object] | Mapping[str, object]
ToolChoice = Literal["auto", "required", "none"] | str | Mapping[str, object]


class ToolSet:
    """Tools, and the format in which a family of models calls them.

    >>> def add(a: int, b: int) -> int:
    ...     "Add two numbers."
    ...     return a + b
    >>> tools = ToolSet([add])
    >>> said = '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>'
    >>> tools.run(tools.parse(said).calls[0])
    3

    Args:
        tools: functions, definitions (OpenAI's or MCP's) or `Tool`s.
        format: how the model writes calls, by name or as a `CallFormat`.
        json_options: options of `structgen.json_schema` for the arguments of all tools; those of
            a `Tool` come first.

    Raises:
        ConstraintError: no tools, two of one name, or a malformed definition.
    """

    def __init__(
        self,
        tools: Iterable[ToolLike],
        *,
        format: str | CallFormat = "hermes",
        json_options: JsonOptions | None = None,
    ) -> None:
        self.format: CallFormat = format_named(format) if isinstance(format, str) else format
        self._tools: dict[str, Tool] = {}
        for given in tools:
            tool = as_tool(given)
            if json_options:
                tool = replace(tool, json_options=json_options | tool.json_options)
            if tool.name in self._tools:
                raise ConstraintError(f"two tools are called {tool.name!r}")
            self._tools[tool.name] = tool
        if not self._tools:
            raise ConstraintError("a tool set needs at least one tool")

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def definitions(self) -> list[dict[str, object]]:
        """OpenAI-style definitions, for a chat template."""
        return [tool.definition() for tool in self]

    def constraint(
        self,
        tool_choice: ToolChoice = "auto",
        *,
        parallel: bool = True,
        special_tokens: Collection[str] = (),
    ) -> TextConstraint:
        """What a response may be.

        Args:
            tool_choice: ``"auto"``: prose, or calls (with prose before each, where the format
                has it); ``"required"``: calls alone; ``"none"``: prose without a call; a tool's
                name, or ``{"type": "function", "function": {"name": ...}}``: calls of that tool.
            parallel: whether there may be more than one call.
            special_tokens: names of the vocabulary's special tokens. Markers among them must be
                written as those tokens; other markers are text.

        Raises:
            ConstraintError: `tool_choice` names no tool.
        """
        tools = tuple(self)
        if tool_choice == "none":
            return regex(self.format.prose)
        if tool_choice == "auto":
            return self.format.response(tools, parallel=parallel, special_tokens=special_tokens)
        if tool_choice != "required":
            tools = (self._chosen(tool_choice),)
        return self.format.calls(tools, parallel=parallel, special_tokens=special_tokens)

    def parse(self, text: str) -> ToolResponse:
        """Prose and calls of a complete response, special tokens spelled by their names.

        Raises:
            GenerationError: call markup is broken, a call names no tool of this set, or its
                arguments are not of the function's types.
        """
        stream = self.stream()
        return self.collect([*stream.feed(text), *stream.close()])

    def stream(self) -> ToolStream:
        """A reader for a response that arrives in pieces."""
        return ToolStream(self.format.markup)

    def collect(self, events: Sequence[ToolEvent]) -> ToolResponse:
        """The response that a stream's events add up to."""
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        calls = tuple(self._finished(event) for event in events if isinstance(event, CallFinished))
        return ToolResponse(text=text, calls=calls)

    def run(self, call: ToolCall) -> object:
        """What the tool's Python function returns for `call`.

        Raises:
            ConstraintError: the tool has no function.
        """
        function = self._tools[call.name].function
        if function is None:
            raise ConstraintError(f"tool {call.name!r} is a schema: it has no function to run")
        return function(**call.arguments)

    def _finished(self, event: CallFinished) -> ToolCall:
        if event.name not in self._tools:
            raise GenerationError(
                f"call {event.index} names {event.name!r}, which is no tool of this request"
            )
        return self._tools[event.name].call(event.arguments_json, f"call_{event.index}")

    def _chosen(self, tool_choice: ToolChoice) -> Tool:
        name: object = tool_choice
        if isinstance(tool_choice, Mapping):
            inner = tool_choice.get("function", tool_choice)
            name = (
                cast("Mapping[str, object]", inner).get("name")
                if isinstance(inner, Mapping)
                else None
            )
        if not isinstance(name, str) or name not in self._tools:
            raise ConstraintError(
                f"`tool_choice` names no tool: {name!r}",
                hint=f"'auto', 'required', 'none' or one of {', '.join(self._tools)}",
            )
        return self._tools[name]


def as_tool(given: ToolLike) -> Tool:
    """A `Tool` from whatever describes one.

    Raises:
        ConstraintError: nothing that describes a tool.
    """
    if isinstance(given, Tool):
        return given
    if isinstance(given, Mapping):
        return Tool.from_schema(cast("Mapping[str, object]", given))
    if callable(given):
        return Tool.from_function(given)
    raise ConstraintError(f"not a tool: {given!r}", hint="a function or a tool definition (dict)")


def spelled(vocabulary: Vocabulary, token_ids: Sequence[int]) -> str:
    """The text of `token_ids`, special tokens spelled by their names, end tokens left out.

    This is the text that `ToolSet.parse` and `ToolStream.feed` read. Bytes that are not UTF-8
    become U+FFFD.
    """
    names = {token_id: name.encode() for name, token_id in vocabulary.special_tokens.items()}
    ends = frozenset(vocabulary.eos_token_ids)
    pieces = [
        vocabulary.token_bytes(token_id) or names.get(token_id, b"")
        for token_id in token_ids
        if token_id not in ends
    ]
    return b"".join(pieces).decode("utf-8", errors="replace")
