"""Prompts: texts and chat messages, and the changes that may be asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from structgen.errors import OptionValueError
from structgen.misuse import wrong_type
from structgen.models.protocol import LanguageModel, Message

Prompt: TypeAlias = str | Sequence[Message]
"""A text, or chat messages for the model's chat template."""

REPAIR = "That answer was refused: {error}\nAnswer again, and mend it."
"""What ``repair=True`` says to the model."""

_NEEDED = "a str, or messages like [{'role': 'user', 'content': '...'}]"


def as_prompt(model: LanguageModel, prompt: Prompt, *, raw: bool) -> Prompt:
    """What the model is given: a text becomes the user's message for a model that has a chat
    template, unless it is `raw`; messages stay as they are.

    A model says that it has one by ``has_chat_template``; one that says nothing takes texts raw.

    Raises:
        OptionTypeError: neither a text nor messages.
        OptionValueError: messages are given, and `raw`.
    """
    if isinstance(prompt, str):
        templated = bool(getattr(model, "has_chat_template", False)) and not raw
        return [{"role": "user", "content": prompt}] if templated else prompt
    # The annotation cannot stop an untyped caller, and templates fail in ways of their own.
    given = cast("object", prompt)
    if isinstance(given, Mapping):
        raise wrong_type(
            "prompt", cast("object", prompt), _NEEDED, hint="several messages: [message]"
        )
    if isinstance(given, bytes):
        raise wrong_type("prompt", cast("object", prompt), _NEEDED, hint="prompt.decode()")
    if not isinstance(given, Sequence) or not all(
        isinstance(message, Mapping) for message in cast("Sequence[object]", given)
    ):
        raise wrong_type("prompt", cast("object", prompt), _NEEDED)
    for message in prompt:
        if not isinstance(message.get("role"), str):
            raise wrong_type("prompt", message, "messages that each have a `role`")
    if raw:
        raise OptionValueError(
            "`raw` is for a prompt that is a str: messages go through the chat template",
            option="raw",
        )
    return prompt


def prompt_tokens(
    model: LanguageModel, prompt: Prompt, tools: Sequence[Mapping[str, object]]
) -> list[int]:
    """Token ids of what `as_prompt` gave. Chat templates are told of `tools`; a text is never
    changed."""
    if isinstance(prompt, str):
        return model.prompt_ids(prompt)
    return model.prompt_ids(prompt, tools=tools)


def repaired(prompt: Prompt, text: str, reason: str, how: bool | str) -> list[Message]:
    """`prompt` with the refused `text` as the assistant's answer, and the user's wish for another.

    `how` is True, or the wish, in which ``{error}`` and ``{text}`` are filled in.

    Raises:
        OptionValueError: `prompt` is a plain text.
    """
    if isinstance(prompt, str):
        raise OptionValueError(
            "`repair` asks again in the conversation, and a plain text has none", option="repair"
        )
    wish = how if isinstance(how, str) else REPAIR
    asked = wish.replace("{error}", reason).replace("{text}", text)
    return [
        *prompt,
        {"role": "assistant", "content": text},
        {"role": "user", "content": asked},
    ]


def described(prompt: Prompt, schema: Mapping[str, object] | bool | str) -> list[Message]:
    """`prompt` with the schema, in Python's values or as JSON, appended to its last user message.

    Raises:
        OptionValueError: `prompt` is a plain text, or has no user message that is text.
    """
    if isinstance(prompt, str):
        raise OptionValueError(
            "`describe` needs chat messages; a plain text is never changed", option="describe"
        )
    told = schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False)
    for index in range(len(prompt) - 1, -1, -1):
        content = prompt[index].get("content")
        if prompt[index].get("role") == "user" and isinstance(content, str):
            asked = f"{content}\n\nAnswer with JSON that satisfies this schema:\n{told}"
            return [*prompt[:index], {**prompt[index], "content": asked}, *prompt[index + 1 :]]
    raise OptionValueError(
        "`describe` needs a user message whose content is a text", option="describe"
    )
