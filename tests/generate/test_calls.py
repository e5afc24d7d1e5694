"""Tools in `generate`: who may be called, and ids that hold over turns."""

from __future__ import annotations

from typing import Any

import pytest

import structgen as sg
from structgen.tools import format_for

ADD = {"name": "add", "parameters": {"properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}}
NOW = {"name": "now"}
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]


def _generate(messages: Any, **options: Any) -> Any:
    given = {"tools": [ADD, NOW], "parallel_tool_calls": False, "max_tokens": 80, **options}
    return sg.generate("toy", messages, **given)


def test_ids_are_unique_over_turns_and_the_same_again() -> None:
    def conversation(seed: int) -> list[str]:
        messages, ids = list(HELLO), []
        for _ in range(6):
            # One seed for all turns, and one call that is asked for again and again.
            response = _generate(messages, tool_choice="now", seed=seed).value
            ids.append(response.calls[0].call_id)
            messages += sg.ToolSet([ADD, NOW]).messages(response, ["12:00"])
        return ids

    first = conversation(1)
    assert len(set(first)) == 6
    assert conversation(1) == first
    assert set(conversation(2)).isdisjoint(first)


def test_ids_of_a_batch_differ() -> None:
    results = sg.generate_batch(
        "toy", [HELLO, HELLO], tools=[NOW], tool_choice="now", parallel_tool_calls=False, seed=1
    )
    ids = {call.call_id for one in results for call in one.value.calls}  # type: ignore[attr-defined]
    assert len(ids) == 2


ONLY_NOW = {"type": "allowed_tools", "tools": [{"type": "function", "name": "now"}]}


@pytest.mark.parametrize("seed", range(6))
def test_allowed_tools(seed: int) -> None:
    value = _generate(HELLO, tool_choice={**ONLY_NOW, "mode": "required"}, seed=seed).value
    assert [call.name for call in value.calls] == ["now"]


def test_allowed_tools_beside_an_output() -> None:
    choice = {**ONLY_NOW, "mode": "auto"}
    values = [
        _generate(HELLO, tool_choice=choice, output=["yes", "no"], seed=seed).value
        for seed in range(12)
    ]
    calls = [value for value in values if not isinstance(value, str)]
    assert {call.name for value in calls for call in value.calls} <= {"now"}
    assert {value for value in values if isinstance(value, str)} <= {"yes", "no"}


def test_named_templates_are_all_looked_at() -> None:
    from structgen.generate.request import _one_text

    named = {"default": "{{ messages }}", "tool_use": "[TOOL_CALLS]"}
    assert format_for("unknown", _one_text(named)).name == "mistral"
    assert _one_text(None) is None
