"""Speculation over transformers models with a key-value cache: trees, commits, ragged rows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import torch

from structgen.constraints import json_schema
from structgen.models import TransformersModel, load
from structgen.samplers import SamplerConfig, SamplingParams, masked
from structgen.speculative import (
    Budget,
    ForcedDrafter,
    ModelDrafter,
    TextModelDrafter,
    default_drafters,
    speculative,
)
from tests.models.tiny import FAMILIES, byte_tokenizer, network

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 0, "maximum": 99},
        "tags": {"type": "array", "items": {"enum": ["new", "used"]}, "maxItems": 3},
    },
    "required": ["name", "unit", "days", "tags"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads only slow small models down, badly so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_and_weights_are_those_of_the_plain_sampler(family: str) -> None:
    """Random float32 models of four architectures, sliding windows among them; three ragged rows.
    Weights agree to the rounding of the model's passes."""
    model = TransformersModel(network(family), byte_tokenizer())
    compiled = json_schema(SCHEMA, whitespace="compact", escapes="minimal").compile(
        model.vocabulary
    )
    prompt = model.prompt_ids('{"name":"weather","unit":"celsius"')
    accepted = 0
    for seed in range(3):
        on = speculative(
            model,
            prompt,
            compiled,
            seed=seed,
            max_tokens=110,
            rows=3,
            budget=Budget(adaptive=False, max_nodes=10, max_forced=12),
        )
        config = SamplerConfig(max_tokens=110, seed=seed)
        plain = masked(model, prompt, compiled, config, rows=3)
        for a, b in zip(on.ledgers, plain, strict=True):
            assert a.tokens == b.tokens
            assert a.text == b.text
            assert a.log_w == pytest.approx(b.log_w, abs=1e-2)
            assert np.allclose(a.log_z, b.log_z, atol=1e-3)
            jsonschema.validate(json.loads(a.text), SCHEMA)
        accepted += on.stats.accepted
        # Keys and enumerations are forced byte by byte: most passes accept something.
        assert on.stats.forwards < 0.7 * max(len(ledger.tokens) for ledger in on.ledgers)
    assert accepted > 100


def test_draft_models_with_caches_of_their_own() -> None:
    target = TransformersModel(network("llama"), byte_tokenizer())
    same = TransformersModel(network("llama"), byte_tokenizer())
    other = TransformersModel(network("gpt2"), byte_tokenizer())
    compiled = json_schema(SCHEMA, whitespace="compact", escapes="minimal").compile(
        target.vocabulary
    )
    prompt = target.prompt_ids("report: ")
    plain = masked(target, prompt, compiled, SamplerConfig(max_tokens=110, seed=4))[0]
    passes: dict[str, int] = {}
    for name, drafters in {
        "itself": (ModelDrafter(same),),
        "other": (ForcedDrafter(), ModelDrafter(other)),
        "text": (ForcedDrafter(), TextModelDrafter(other)),
    }.items():
        on = speculative(
            target,
            prompt,
            compiled,
            seed=4,
            max_tokens=110,
            drafters=drafters,
            budget=Budget(adaptive=False),
        )
        assert on.ledger.tokens == plain.tokens
        passes[name] = on.stats.forwards
    # Six tokens are drafted and accepted per pass; at the very end budgets may differ.
    assert passes["itself"] <= len(plain.tokens) / 6 + 3


@pytest.mark.model
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_embedded_model_writes_the_same_text_in_fewer_passes(temperature: float) -> None:
    model = load("default", device="cpu")
    compiled = json_schema(
        SCHEMA,
        whitespace={"kind": "separators", "item": ", ", "key": ": "},
        escapes="minimal",
        number_spelling="plain",
    ).compile(model.vocabulary)
    question = "Weather for Reykjavik, in celsius, three days ahead. Tags: new."
    prompt = model.prompt_ids([{"role": "user", "content": question}])
    params = SamplingParams(temperature=temperature)
    config = SamplerConfig(max_tokens=60, seed=3, params=params)
    plain = masked(model, prompt, compiled, config)[0]
    on = speculative(
        model,
        prompt,
        compiled,
        seed=3,
        max_tokens=60,
        params=params,
        drafters=default_drafters(),
        budget=Budget(adaptive=False),
    )
    assert on.ledger.tokens == plain.tokens
    jsonschema.validate(json.loads(on.ledger.text), SCHEMA)
    assert on.stats.forwards < len(plain.tokens)
