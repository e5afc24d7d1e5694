"""Where the shortest document does not fit, that is said before the model is asked anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import structgen as sg
from structgen.generate import ToyModel


class Counting:
    """A model that counts its sessions."""

    def __init__(self, model: ToyModel) -> None:
        self.model = model
        self.starts = 0

    def start(self, prompt_ids: Sequence[int], **options: Any) -> Any:
        self.starts += 1
        return self.model.start(prompt_ids, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


SCHEMAS: list[tuple[dict[str, Any], str]] = [
    (
        {
            "type": "object",
            "properties": {"name": {"type": "string", "minLength": 12}},
            "required": ["name", "age"],
            "additionalProperties": {"type": "integer", "minimum": 1000},
        },
        '{"name":"            ","age":1000}',
    ),
    ({"type": "array", "items": {"enum": ["abc", "defg"]}, "minItems": 4}, json.dumps(["abc"] * 4)),
    ({"const": {"a": list(range(20))}}, json.dumps({"a": list(range(20))}, separators=(",", ":"))),
]


@pytest.mark.parametrize(("schema", "shortest"), SCHEMAS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampler": "awrs"},
        {"sampler": "importance", "particles": 2},
        {"sampler": "smc", "particles": 2},
        {"speculative": True},
    ],
)
def test_nothing_is_generated(
    schema: dict[str, Any], shortest: str, options: dict[str, Any]
) -> None:
    model: Any = Counting(ToyModel())
    with pytest.raises(sg.TokenBudgetError) as caught:
        sg.generate(model, "Hi", schema, max_tokens=5, seed=1, **options)
    assert model.starts == 0
    assert caught.value.given == 5
    # The toy's tokens are bytes, and the end token is one more.
    assert caught.value.needed == len(shortest.replace('", "', '","')) + 1
    assert str(caught.value.needed) in caught.value.message

    needed = caught.value.needed
    result = sg.generate(model, "Hi", schema, max_tokens=needed, seed=1, **options)
    assert len(result.ledger.tokens) <= needed
    assert model.starts > 0
    assert sg.json_schema(schema).accepts(result.text)


def test_a_stream_says_so_too() -> None:
    model: Any = Counting(ToyModel())
    with pytest.raises(sg.TokenBudgetError):
        list(sg.stream(model, "Hi", SCHEMAS[0][0], max_tokens=5, seed=1))
    assert model.starts == 0
