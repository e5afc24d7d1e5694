"""Tool calls: from functions and tool schemas to a constraint, and from text back to calls.

    tools = ToolSet([add], format=format_for("Qwen2.5-7B-Instruct"))
    constraint = tools.constraint("auto")          # prose, or calls
    response = tools.parse(text)                   # ToolResponse(text, calls)
    results = [tools.run(call) for call in response.calls]

Formats: `hermes` (Hermes, Qwen, SmolLM), `llama3`, `mistral`, `mistral-args`. A constraint
promises that every call in the text is well-formed, names a tool of the set, and has arguments
that satisfy the tool's schema. Prose is any text that a parser of the format reads as prose.
"""

from structgen.tools.choice import ToolChoice
from structgen.tools.formats import FORMATS, CallFormat, Markup, format_for, format_named
from structgen.tools.stream import ToolStream
from structgen.tools.tool import Tool
from structgen.tools.toolset import ToolLike, ToolSet, as_tool, spelled
from structgen.tools.types import (
    ArgumentsDelta,
    CallFinished,
    CallStarted,
    TextDelta,
    ToolCall,
    ToolEvent,
    ToolResponse,
)

__all__ = [
    "FORMATS",
    "ArgumentsDelta",
    "CallFinished",
    "CallFormat",
    "CallStarted",
    "Markup",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolEvent",
    "ToolLike",
    "ToolResponse",
    "ToolSet",
    "ToolStream",
    "as_tool",
    "format_for",
    "format_named",
    "spelled",
]
