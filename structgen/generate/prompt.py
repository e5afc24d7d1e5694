"""Prompts: a text as it is, or chat messages; and the one change that may be asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from structgen.models.protocol import LanguageModel, Message

Prompt: TypeAlias = str | Sequence[Message]
"""A text, taken as it is, or chat messages for the model's chat template."""


def prompt_tokens(
    model: LanguageModel, prompt: Prompt, tools: Sequence[Mapping[str, object]]
) -> list[int]:
    """Token ids of `prompt`. Chat templates are told of `tools`; a text is never changed.

    Raises:
        TypeError: neither a text nor messages.
    """
    if isinstance(prompt, str):
        return model.prompt_ids(prompt)
    # The annotation cannot stop an untyped caller, and templates fail in ways of their own.
    given = cast("object", prompt)
    if not isinstance(given, Sequence) or not all(
        isinstance(message, Mapping) for message in cast("Sequence[object]", given)
    ):
        raise TypeError(
            "a prompt is a str, or messages like [{'role': 'user', 'content': '...'}], "
            f"not {type(cast('object', given)).__name__}"
        )
    return model.prompt_ids(prompt, tools=tools)


def described(prompt: Prompt, schema: Mapping[str, object] | bool | str) -> list[Message]:
    """`prompt` with the schema, in Python's values or as JSON, appended to its last user message.

    Raises:
        ValueError: `prompt` is a plain text, or has no user message that is text.
    """
    if isinstance(prompt, str):
        raise ValueError("`describe` needs chat messages; a plain text is never changed")
    told = schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False)
    for index in range(len(prompt) - 1, -1, -1):
        content = prompt[index].get("content")
        if prompt[index].get("role") == "user" and isinstance(content, str):
            asked = f"{content}\n\nAnswer with JSON that satisfies this schema:\n{told}"
            return [*prompt[:index], {**prompt[index], "content": asked}, *prompt[index + 1 :]]
    raise ValueError("`describe` needs a user message whose content is a text")
