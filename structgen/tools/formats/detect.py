"""Which call format a model writes, told by its chat template or its name.

Marks of formats that structgen does not have are known as well: what must not happen is that a
model is made to write one format because its template holds a mark of another, or that a text in
another format is taken for prose, both without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

_FOREIGN = (
    ("<function=", "Qwen3-Coder"),
    ("<arg_key", "GLM"),
    ("[CALL_ID]", "Mistral Small 3.2"),
    ("]<]minimax[>[", "MiniMax-M3"),
    ("<minimax:tool_call>", "MiniMax-M2"),
    ("<seed:tool_call>", "Seed-OSS"),
    ("<longcat_tool_call>", "LongCat"),
    ("<iquest_tool_call>", "IQuest"),
    ("<dots_function_call>", "Dots"),
    ("<atem:function_calls>", "Muse"),
    ("<cofl:tool_calls>", "Cohere"),
    ("<steptml:invoke", "Step3"),
    ("<function name=", "MiniCPM5"),
    ("<start_function_call>", "FunctionGemma"),
    ("<function_calls>", "Olmo 3"),
    ("<function_call>", "Granite 20B FC"),
    ("<tool_calls", "Hunyuan, Apriel or Jamba"),
    ("<TOOLCALL>", "Nemotron Nano v2"),
    ("functools[", "Phi-4-mini"),
    (">>>all", "Functionary v3.2"),
    ("<|tool_calls_section_begin|>", "Kimi K2"),
    ("<|open|>", "Kimi K3"),
    ("<ifm|tool_calls>", "K2 Horizon"),
    ("<|channel|>", "gpt-oss"),
    ("<|action_start|>", "InternLM"),
    ("<|function_call|>", "GigaChat"),
    ("function call<|role_sep|>", "GigaChat 3"),
    ("<|START_ACTION|>", "Cohere Command"),
    ("<|tools_prefix|>", "Apertus"),
    ("<|tool_call_start|>", "LFM2"),
    ("<|tool_call:begin|>", "Solar"),
    ("<|tool_call>", "Gemma 4"),
    ("<|tool_call|>", "Granite 3"),
    ("<|plamo:", "PLaMo 3"),
    ("<\uff5cDSML\uff5c", "DeepSeek V3.2"),
    ("<\uff5cGCML\uff5c", "GigaChat 3.5"),
    ("<\uff5ctool\u2581call", "DeepSeek"),
    ("<\uff5ctool_call", "Step3"),
)
"""Marks of formats that structgen does not have yet, the special before the general."""

_OWN = (
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
_BARE_CALL = re.compile(r'\s*(<\|python_tag\|>)?\s*\{\s*"(name|parameters|arguments)"\s*:')


def detect(model_name: str, chat_template: str | None) -> tuple[str | None, str]:
    """The name of the format, None if it cannot be told; and why, for people."""
    template = chat_template or ""
    if (found := _first(_FOREIGN, template)) is not None:
        mark, family = found
        return (
            None,
            f"its chat template has {mark!r}, which is how models like {family} write calls",
        )
    # Marks in a chat template say what the model was trained to write; they come before names.
    if (found := _first(_OWN, template)) is not None:
        return found[1], f"its chat template has {found[0]!r}"
    for pattern, name in _NAMES:
        if re.search(pattern, model_name, re.IGNORECASE):
            return name, "its name says so"
    return None, "neither its chat template nor its name tells"


def format_seen(text: str) -> tuple[str | None, str] | None:
    """The format in which the response `text` seems to hold calls: its name, None if structgen
    does not have it; and the mark by which it is known. None if there is no sign of any."""
    if (found := _first(_FOREIGN, text)) is not None:
        return None, f"{found[0]!r}, as models like {found[1]} begin calls"
    if (found := _first(_OWN, text)) is not None:
        return found[1], f"{found[0]!r}"
    if _BARE_CALL.match(text) and _is_call(text):
        return "llama3", "a bare call as a JSON object"
    return None


def _is_call(text: str) -> bool:
    try:
        value: object = json.loads(text[text.index("{") :])
    except (ValueError, RecursionError):
        return False
    call = cast("Mapping[str, object]", value)
    return isinstance(call.get("name"), str) and any(
        isinstance(call.get(key), Mapping) for key in ("parameters", "arguments")
    )


def _first(marks: tuple[tuple[str, str], ...], text: str) -> tuple[str, str] | None:
    return next((found for found in marks if found[0] in text), None)
