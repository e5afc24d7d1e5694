"""What a family of models writes when it calls a tool."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from structgen.constraints import (
    TextConstraint,
    json_schema,
    literal,
    sequence,
    special_token,
    union,
)
from structgen.constraints.schema_options import JsonOptions
from structgen.tools.tool import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """Where calls stand in a response; enough to parse it, whatever wrote it.

    Attributes:
        begin: the marker before calls. None: calls stand at the very start, bare.
        opener: an optional special token before bare calls (`begin` is None).
        end: the marker after each call, or None.
        array: whether the calls of a response are the items of one JSON array.
        arguments_marker: what stands between a bare name and the arguments, where a call is not
            one JSON object.
        separators: characters, besides blanks, that may stand between two calls.
        arguments_keys: names the member holding the arguments goes by.
        id_characters: letters and digits of a call's id, where the chat template insists on a
            number of them; None for ids as OpenAI writes them.
    """

    begin: str | None
    opener: str | None = None
    end: str | None = None
    array: bool = False
    arguments_marker: str | None = None
    separators: str = ""
    arguments_keys: tuple[str, ...] = ("arguments", "parameters")
    id_characters: int | None = None


@runtime_checkable
class CallFormat(Protocol):
    """One file per implementation; see `structgen.tools.formats` for the registry."""

    @property
    def name(self) -> str:
        """What the registry calls it."""
        ...

    @property
    def markup(self) -> Markup:
        """Where calls stand in a response."""
        ...

    @property
    def prose(self) -> str:
        """A pattern for text that `markup` reads as no call at all."""
        ...

    def calls(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """One call, or with `parallel` one and more, markers included."""
        ...

    def response(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """Prose alone, or calls with the prose this format allows around them."""
        ...


def marker(text: str, special_tokens: Collection[str]) -> TextConstraint:
    """`text` as the special token of that name where the vocabulary has one, else as text."""
    return special_token(text) if text in special_tokens else literal(text)


def one_object(tools: Sequence[Tool], arguments_key: str) -> TextConstraint:
    """A JSON object that names one of `tools` first and then holds its arguments.

    The name is a fixed text before each tool's own schema, so that a choice of tool is settled
    before its arguments begin, and ``$ref`` in a tool's schema keeps its meaning.
    """
    branches = [
        sequence(
            literal(f'{json.dumps(tool.name, ensure_ascii=False)}, "{arguments_key}": '),
            arguments_of(tool),
        )
        for tool in tools
    ]
    return sequence(literal('{"name": '), union(*branches), literal("}"))


def arguments_of(tool: Tool) -> TextConstraint:
    """The arguments of a call of `tool`, spelled as `json.dumps` spells them if the tool's options
    say nothing else.

    Chat templates show calls so, and models write them so; and one fixed spelling makes most of a
    call forced text.
    """
    defaults = JsonOptions(whitespace=(", ", ": "), escapes="minimal")
    return json_schema(tool.parameters, **(defaults | tool.json_options))
