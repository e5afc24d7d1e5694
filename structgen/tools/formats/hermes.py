"""The call format of Hermes, Qwen 2.5, Qwen 3 and SmolLM models.

    <tool_call>
    {"name": "add", "arguments": {"a": 1, "b": 2}}
    </tool_call>

Several calls follow each other, each in its own pair of tags; prose may come before each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from structgen.constraints import TextConstraint, literal, regex, sequence
from structgen.tools.formats.protocol import Markup, marker, one_object
from structgen.tools.freetext import text_without
from structgen.tools.tool import Tool


class Hermes:
    """``<tool_call>`` tags around a JSON object."""

    name = "hermes"
    markup = Markup(begin="<tool_call>", end="</tool_call>")
    prose = text_without(["<tool_call>"])

    def calls(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        call = self._call(tools, special_tokens)
        if not parallel:
            return call
        return sequence(call, sequence(literal("\n"), call).repeat(0, None))

    def response(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        prose = regex(self.prose)
        talk_then_call = sequence(prose, self._call(tools, special_tokens))
        return prose | (talk_then_call.repeat(1, None) if parallel else talk_then_call)

    def _call(self, tools: Sequence[Tool], special_tokens: Collection[str]) -> TextConstraint:
        return sequence(
            marker("<tool_call>", special_tokens),
            literal("\n"),
            one_object(tools, "arguments"),
            literal("\n"),
            marker("</tool_call>", special_tokens),
        )
