"""Call formats by name, and which models write which.

To add a format, write a class as in `hermes.py` and list it in `FORMATS`; if its models are not
yet found, add a line to `_NAMES` or `_TEMPLATES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from structgen.errors import ConstraintError
from structgen.tools.formats.hermes import Hermes
from structgen.tools.formats.llama3 import Llama3
from structgen.tools.formats.mistral import Mistral, MistralArgs
from structgen.tools.formats.protocol import CallFormat, Markup

FORMATS: Mapping[str, CallFormat] = MappingProxyType(
    {form.name: form for form in (Hermes(), Llama3(), Mistral(), MistralArgs())}
)

# Marks in a chat template say what the model was trained to write; they come before names.
_TEMPLATES = (
    ("<tool_call>", "hermes"),
    ("[ARGS]", "mistral-args"),
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_tag|>", "llama3"),
)
_NAMES = (
    (r"hermes|qwen|smollm|toy", "hermes"),
    (r"llama-?_?3", "llama3"),
    (r"mi[sx]tral|mathstral|ministral|codestral", "mistral"),
)


def format_named(name: str) -> CallFormat:
    """The format called `name`.

    Raises:
        ConstraintError: there is none.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise ConstraintError(
            f"no tool call format is called {name!r}", hint=f"one of {', '.join(FORMATS)}"
        ) from None


def format_for(model_name: str, chat_template: str | None = None) -> CallFormat:
    """The format a model was trained on, as far as its template or its name tells; else Hermes."""
    for mark, name in _TEMPLATES:
        if chat_template is not None and mark in chat_template:
            return FORMATS[name]
    for pattern, name in _NAMES:
        if re.search(pattern, model_name, re.IGNORECASE):
            return FORMATS[name]
    return FORMATS["hermes"]


__all__ = ["FORMATS", "CallFormat", "Markup", "format_for", "format_named"]
