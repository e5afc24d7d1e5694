"""Call formats by name, and which models write which.

To add a format, write a class as in `hermes.py` and list it in `FORMATS`; the marks by which its
models are found are in `detect.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType

from structgen.errors import ConstraintError, ToolFormatWarning
from structgen.tools.formats.detect import detect, format_seen
from structgen.tools.formats.hermes import Hermes
from structgen.tools.formats.llama3 import Llama3
from structgen.tools.formats.mistral import Mistral, MistralArgs
from structgen.tools.formats.protocol import CallFormat, Markup

FORMATS: Mapping[str, CallFormat] = MappingProxyType(
    {form.name: form for form in (Hermes(), Llama3(), Mistral(), MistralArgs())}
)
DEFAULT_FORMAT = "hermes"


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
    """The format a model was trained on, as far as its template or its name tells.

    Where they do not tell, or tell of a format that structgen does not have, that of Hermes, with
    a `ToolFormatWarning`: calls are then well-formed and can be read back, and may be far from
    what the model is used to write.
    """
    name, why = detect(model_name, chat_template)
    if name is None:
        warnings.warn(
            f"how `{model_name}` writes tool calls is not known ({why}); {DEFAULT_FORMAT!r} is "
            f"taken. Name a format to make certain: tool_format= one of {', '.join(FORMATS)}",
            ToolFormatWarning,
            stacklevel=2,
        )
    return FORMATS[name or DEFAULT_FORMAT]


__all__ = [
    "DEFAULT_FORMAT",
    "FORMATS",
    "CallFormat",
    "Markup",
    "format_for",
    "format_named",
    "format_seen",
]
