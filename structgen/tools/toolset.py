"""The tools of one request: their constraint, and the way back from text to calls."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import string
import warnings
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import replace
from typing import Literal, cast

from structgen._core import Limits, Vocabulary
from structgen.constraints import TextConstraint, regex
from structgen.constraints.schema_options import JsonOptions
from structgen.errors import ConstraintError, GenerationError, LimitExceeded, ToolFormatWarning
from structgen.misuse import refuse_unknown
from structgen.tools.choice import Mode, ToolChoice, resolve_choice
from structgen.tools.formats import DEFAULT_FORMAT, CallFormat, format_named, format_seen
from structgen.tools.stream import ToolStream
from structgen.tools.tool import Tool
from structgen.tools.types import CallFinished, TextDelta, ToolCall, ToolEvent, ToolResponse

ToolLike = Tool | Callable[..., object] | Mapping[str, object]
_ALPHANUMERIC = string.digits + string.ascii_letters

MAX_TOOLS = 1_000
"""Tools of one set: each is a constraint of its own, of some 100 kB and half a millisecond."""


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
        format: str | CallFormat = DEFAULT_FORMAT,
        json_options: JsonOptions | None = None,
    ) -> None:
        refuse_unknown(json_options or (), list(JsonOptions.__annotations__), of="json_options")
        self.format: CallFormat = format_named(format) if isinstance(format, str) else format
        self._tools: dict[str, Tool] = {}
        self._turns = 0
        for given in tools:
            tool = as_tool(given)
            if json_options:
                tool = replace(tool, json_options=json_options | tool.json_options)
            if tool.name in self._tools:
                raise ConstraintError(f"two tools are called {tool.name!r}")
            self._tools[tool.name] = tool
            if len(self._tools) > MAX_TOOLS:
                raise LimitExceeded(
                    f"a tool set has {MAX_TOOLS} tools at most", name="max_tools", limit=MAX_TOOLS
                )
        if not self._tools:
            raise ConstraintError("a tool set needs at least one tool")

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    @property
    def key(self) -> Hashable:
        """Equal for tool sets that allow the same texts: what a cache knows them by."""
        told = [
            (tool.name, json.dumps(tool.parameters, default=repr), repr(tool.json_options))
            for tool in self
        ]
        return self.format.name, type(self.format), tuple(told)

    def definitions(self) -> list[dict[str, object]]:
        """OpenAI-style definitions, for a chat template."""
        return [tool.definition() for tool in self]

    def constraint(
        self,
        tool_choice: ToolChoice = "auto",
        *,
        parallel: bool = True,
        special_tokens: Collection[str] = (),
        limits: Limits | None = None,
    ) -> TextConstraint:
        """What a response may be.

        Args:
            tool_choice: see `ToolChoice`. With ``"auto"``, prose may come before each call, where
                the format has it.
            parallel: whether there may be more than one call.
            special_tokens: names of the vocabulary's special tokens. Markers among them must be
                written as those tokens; other markers are text.
            limits: budgets of the arguments of each tool, where its options name none; and the
                token that cancels making them.

        Calls are spelled in one way, that of chat templates (which makes most of a call forced
        text); `parse` reads any JSON between the markers, compact or with its members in another
        order.

        Raises:
            ConstraintError: `tool_choice` names no tool.
            LimitExceeded: the schema of a tool needs more than `limits` grant.
            Cancelled: the token of `limits` was cancelled.
        """
        mode, offered = self.choose(tool_choice)
        tools = tuple(offered if limits is None else (_under(tool, limits) for tool in offered))
        if mode == "none":
            return regex(self.format.prose)
        if mode == "auto":
            return self.format.response(tools, parallel=parallel, special_tokens=special_tokens)
        return self.format.calls(tools, parallel=parallel, special_tokens=special_tokens)

    def choose(self, tool_choice: ToolChoice) -> tuple[Mode, ToolSet]:
        """The mode that `tool_choice` asks for, and the tools that may be called.

        Raises:
            ConstraintError: `tool_choice` names no tool.
        """
        mode, names = resolve_choice(tool_choice, tuple(self._tools))
        if len(names) == len(self):
            return mode, self
        return mode, ToolSet([self._tools[name] for name in names], format=self.format)

    def parse(self, text: str, *, salt: str | None = None) -> ToolResponse:
        """Prose and calls of a complete response, special tokens spelled by their names.

        A text without calls that bears the marks of another format is prose, with a
        `ToolFormatWarning`.

        Args:
            text: the response.
            salt: what tells this turn of the conversation from others; ids of calls depend on it
                and on the calls. By default, how many responses this set has read.

        Raises:
            GenerationError: call markup is broken, a call names no tool of this set, or its
                arguments are not of the function's types.
        """
        stream = self.stream()
        response = self.collect([*stream.feed(text), *stream.close()], salt=salt)
        if not response.calls:
            self._warn_of_other_formats(text)
        return response

    def stream(self) -> ToolStream:
        """A reader for a response that arrives in pieces."""
        return ToolStream(self.format.markup)

    def collect(self, events: Sequence[ToolEvent], *, salt: str | None = None) -> ToolResponse:
        """The response that a stream's events add up to. `salt`: see `parse`."""
        turn = salt
        if turn is None:
            turn = str(self._turns)
            self._turns += 1
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        calls = tuple(
            self._finished(event, turn) for event in events if isinstance(event, CallFinished)
        )
        return ToolResponse(text=text, calls=calls)

    def run(self, call: ToolCall) -> object:
        """What the tool's Python function returns for `call`.

        Raises:
            ConstraintError: the tool has no function, or one that must be awaited: see `arun`.
        """
        if self._tool(call.name).is_async:
            raise _must_be_awaited(call.name)
        result = self._function(call)(**call.arguments)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise _must_be_awaited(call.name)
        return result

    async def arun(self, call: ToolCall) -> object:
        """`run` for tools of both kinds: an async function is awaited, another runs in a thread, so
        that it does not hold up the loop.

        Raises:
            ConstraintError: the tool has no function.
        """
        function = self._function(call)
        if self._tool(call.name).is_async:
            return await cast("Callable[..., Awaitable[object]]", function)(**call.arguments)
        result = await asyncio.to_thread(function, **call.arguments)
        return await result if inspect.isawaitable(result) else result

    def messages(
        self,
        response: ToolResponse,
        results: Sequence[object] = (),
        *,
        arguments: Literal["object", "text"] = "object",
    ) -> list[dict[str, object]]:
        """The messages that a response adds to a conversation, for the next turn: the assistant's,
        and one for the result of each call.

            messages += tools.messages(response, [tools.run(call) for call in response.calls])

        Args:
            response: what `parse` or `structgen.generate` gave.
            results: what the tools returned, in the order of the calls; an exception tells the
                model what failed.
            arguments: see `ToolResponse.to_message`.

        Raises:
            ValueError: not one result for each call.
        """
        if len(results) != len(response.calls):
            raise ValueError(f"{len(results)} results for {len(response.calls)} calls")
        answers = [
            call.to_message(result) for call, result in zip(response.calls, results, strict=True)
        ]
        return [response.to_message(arguments=arguments), *answers]

    def _finished(self, event: CallFinished, turn: str) -> ToolCall:
        if event.name not in self._tools:
            raise GenerationError(
                f"call {event.index} names {event.name!r}, which is no tool of this request",
                hint=f"its tools are {', '.join(self._tools)}",
            )
        said = f"{turn}\0{event.index}\0{event.name}\0{event.arguments_json}"
        call_id = _call_id(said, self.format.markup.id_characters)
        return self._tools[event.name].call(event.arguments_json, call_id)

    def _tool(self, name: str) -> Tool:
        if name not in self._tools:
            raise ConstraintError(
                f"no tool of this set is called {name!r}",
                hint=f"its tools: {', '.join(self._tools)}",
            )
        return self._tools[name]

    def _function(self, call: ToolCall) -> Callable[..., object]:
        function = self._tool(call.name).function
        if function is None:
            raise ConstraintError(f"tool {call.name!r} is a schema: it has no function to run")
        return function

    def _warn_of_other_formats(self, text: str) -> None:
        seen = format_seen(text)
        if seen is None or seen[0] == self.format.name:
            return
        name, mark = seen
        reads = f"ToolSet(format={name!r}) reads it" if name else "structgen does not read it yet"
        warnings.warn(
            f"the response holds {mark}, and no call in the format {self.format.name!r}, so it was "
            f"taken for prose; {reads}",
            ToolFormatWarning,
            stacklevel=3,
        )


def _must_be_awaited(name: str) -> ConstraintError:
    return ConstraintError(f"tool {name!r} is async", hint="await tools.arun(call)")


def _call_id(said: str, characters: int | None) -> str:
    """An id made of what was `said`: of a number of letters and digits, or like OpenAI's."""
    number = int.from_bytes(hashlib.blake2b(said.encode("utf-8", "surrogatepass")).digest(), "big")
    digits: list[str] = []
    for _ in range(characters or 24):
        number, digit = divmod(number, len(_ALPHANUMERIC))
        digits.append(_ALPHANUMERIC[digit])
    return "".join(digits) if characters else f"call_{''.join(digits)}"


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


def _under(tool: Tool, limits: Limits) -> Tool:
    """`tool`, whose arguments are compiled under `limits` if its options name none."""
    options = JsonOptions(**tool.json_options)
    if options.get("limits") is None:
        options["limits"] = limits
    return replace(tool, json_options=options)
