"""The call format of Mistral models up to tokenizer version 7.

    [TOOL_CALLS][{"name": "add", "arguments": {"a": 1, "b": 2}}]

One marker, a special token in their vocabularies, then one JSON array; prose may come before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from structgen.constraints import TextConstraint, literal, regex, sequence
from structgen.tools.formats.protocol import Markup, marker, one_object
from structgen.tools.freetext import text_without
from structgen.tools.tool import Tool


class Mistral:
    """``[TOOL_CALLS]`` before a JSON array."""

    name = "mistral"
    markup = Markup(begin="[TOOL_CALLS]", array=True)
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
