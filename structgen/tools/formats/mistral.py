"""The call formats of Mistral models.

Up to tokenizer version 7, `mistral`: one marker, then one JSON array.

    [TOOL_CALLS][{"name": "add", "arguments": {"a": 1, "b": 2}}]

From version 11 on, `mistral-args`: every call has its markers, and its name stands bare.

    [TOOL_CALLS]add[ARGS]{"a": 1, "b": 2}

The markers are special tokens in their vocabularies; prose may come before the calls.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from structgen.constraints import TextConstraint, literal, regex, sequence, union
from structgen.errors import ConstraintError
from structgen.tools.formats.protocol import Markup, arguments_of, marker, one_object
from structgen.tools.freetext import text_without
from structgen.tools.tool import Tool


class Mistral:
    """``[TOOL_CALLS]`` before a JSON array."""

    name = "mistral"
    markup = Markup(begin="[TOOL_CALLS]", array=True, id_characters=9)
    prose = text_without(["[TOOL_CALLS]"])

    def calls(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        call = one_object(tools, "arguments")
        items = sequence(call, sequence(literal(", "), call).repeat(0, None)) if parallel else call
        return sequence(marker("[TOOL_CALLS]", special_tokens), literal("["), items, literal("]"))

    def response(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        calls = self.calls(tools, parallel=parallel, special_tokens=special_tokens)
        prose = regex(self.prose)
        return prose | sequence(prose, calls)


class MistralArgs:
    """``[TOOL_CALLS]`` and ``[ARGS]`` around the bare name of each call."""

    name = "mistral-args"
    markup = Markup(begin="[TOOL_CALLS]", arguments_marker="[ARGS]", id_characters=9)
    prose = Mistral.prose

    def calls(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        for tool in tools:
            if "[ARGS]" in tool.name:
                raise ConstraintError(
                    f"the tool's name {tool.name!r} holds the marker that ends names, '[ARGS]'"
                )
        call = sequence(
            marker("[TOOL_CALLS]", special_tokens),
            union(
                *(
                    sequence(
                        literal(tool.name),
                        marker("[ARGS]", special_tokens),
                        arguments_of(tool),
                    )
                    for tool in tools
                )
            ),
        )
        return call.repeat(1, None) if parallel else call

    def response(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        calls = self.calls(tools, parallel=parallel, special_tokens=special_tokens)
        prose = regex(self.prose)
        return prose | sequence(prose, calls)
