"""Where the prompt of ``structgen generate`` comes from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import cast

import click

from structgen.cli.console import existing
from structgen.cli.constraint_options import loads
from structgen.models import Message


def prompt_from(
    prompt: str | None,
    prompt_file: str | None,
    messages_file: str | None,
    system: str | None,
    *,
    raw: bool,
) -> str | list[Message]:
    """The prompt: a text, which `structgen.generate` takes for the user's message unless it is
    `raw`, or chat messages.

    Raises:
        click.UsageError: none was given, or two, or what was given is no prompt.
    """
    given = [
        name
        for name, value in (
            ("PROMPT", prompt),
            ("--prompt-file", prompt_file),
            ("--messages", messages_file),
        )
        if value is not None
    ]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} cannot be combined")
    if raw and (system is not None or messages_file is not None):
        name = "--system" if system is not None else "--messages"
        raise click.UsageError(f"{name} goes with chat markup, not with --raw")
    told: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    if messages_file is not None:
        return [*told, *_messages(messages_file)]
    if prompt_file is not None:
        text = _read(prompt_file)
    elif prompt is None or prompt == "-":
        if sys.stdin.isatty():
            raise click.UsageError("give a PROMPT, or pipe one in")
        text = sys.stdin.read()
    else:
        text = prompt
    return [*told, {"role": "user", "content": text}] if told else text


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return existing(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.UsageError(f"the file `{file}` cannot be read: {error}") from None


def _messages(file: str) -> list[Message]:
    value = loads(_read(file), f"the file `{file}`")
    if isinstance(value, Mapping):
        value = cast("Mapping[str, object]", value).get("messages")
    messages = cast("list[object]", value) if isinstance(value, list) else []
    if not messages or not all(
        isinstance(message, Mapping) and "role" in message for message in messages
    ):
        raise click.UsageError(
            f'the file `{file}` holds no chat messages: [{{"role": "user", "content": "..."}}, ...]'
        )
    return cast("list[Message]", messages)
