"""The JSON call format of Llama 3.1, 3.2 and 3.3.

    {"name": "add", "parameters": {"a": 1, "b": 2}}

The whole response is the call, perhaps after the special token ``<|python_tag|>``; several calls
are separated by ``; ``. Prose is told from a call by its first character.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from structgen.constraints import TextConstraint, literal, regex, sequence, special_token
from structgen.tools.formats.protocol import Markup, one_object
from structgen.tools.freetext import text_not_starting_with
from structgen.tools.tool import Tool

PYTHON_TAG = "<|python_tag|>"


class Llama3:
    """A bare JSON object with ``parameters``."""

    name = "llama3"
    markup = Markup(begin=None, opener=PYTHON_TAG, separators=";")
    # Also refuses "<" first, so that prose never begins with the spelling of the opener.
    prose = text_not_starting_with("{<")

    def calls(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        calls = one_object(tools, "parameters")
        if parallel:
            calls = sequence(calls, sequence(literal("; "), calls).repeat(0, None))
        if PYTHON_TAG in special_tokens:
            return calls | sequence(special_token(PYTHON_TAG), calls)
        return calls

    def response(
        self, tools: Sequence[Tool], *, parallel: bool, special_tokens: Collection[str]
    ) -> TextConstraint:
        """See `CallFormat`."""
        calls = self.calls(tools, parallel=parallel, special_tokens=special_tokens)
        return regex(self.prose) | calls
