"""The front door with the embedded model."""

import json
import re

import pytest

import structgen as sg

pytestmark = pytest.mark.model
pytest.importorskip("transformers")

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "country": {"type": "string", "maxLength": 20},
        "capital": {"type": "boolean"},
    },
    "required": ["city", "country", "capital"],
    "additionalProperties": False,
}
PROMPT = [{"role": "user", "content": "Describe Paris as JSON."}]


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return city


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_json_is_valid_and_closed(temperature: float) -> None:
    for budget in (24, 60):
        result = sg.generate(
            None, PROMPT, SCHEMA, max_tokens=budget, temperature=temperature, seed=1
        )
        assert list(json.loads(result.text)) == ["city", "country", "capital"]
        assert len(result.ledger.tokens) <= budget


def test_speculation_writes_the_same_text_in_fewer_passes() -> None:
    plain = sg.generate(None, PROMPT, SCHEMA, whitespace="compact", max_tokens=60, seed=2)
    fast = sg.generate(
        None, PROMPT, SCHEMA, whitespace="compact", max_tokens=60, seed=2, speculative=True
    )
    assert fast.text == plain.text
    assert fast.speculation is not None
    assert fast.speculation.tokens_per_forward > 1.2


def test_streams_are_text_of_generate() -> None:
    pieces = list(sg.stream(None, PROMPT, SCHEMA, max_tokens=60, seed=2))
    assert "".join(pieces) == sg.generate(None, PROMPT, SCHEMA, max_tokens=60, seed=2).text


def test_tools_are_called() -> None:
    prompt = [{"role": "user", "content": "What is the weather in Oslo?"}]
    result = sg.generate(
        None, prompt, tools=[weather], tool_choice="weather", parallel_tool_calls=False,
        temperature=0, max_tokens=60,
    )  # fmt: skip
    assert result.value.calls[0].name == "weather"
    assert isinstance(result.value.calls[0].arguments["city"], str)


def test_a_pair_of_transformers_is_a_model() -> None:
    loaded = sg.load("default")
    pair = (loaded.model, loaded.tokenizer)  # pyright: ignore[reportAttributeAccessIssue]
    result = sg.generate(pair, "The year", sg.regex(r" [12]\d{3}"), max_tokens=8, seed=1)
    assert re.fullmatch(r" [12]\d{3}", result.text)


def test_free_text_ends_by_itself_or_by_the_budget() -> None:
    result = sg.generate(None, [{"role": "user", "content": "Say hi."}], max_tokens=12, seed=1)
    assert result.ledger.finish_reason in ("end", "length")
