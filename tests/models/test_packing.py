"""Packed linear layers compute what plain ones do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from structgen.models import TransformersModel, load

from .tiny import byte_tokenizer, network, torch

pack_linear_layers = pytest.importorskip("structgen.models.packing").pack_linear_layers

PROMPT = [257, 72, 101, 108, 108, 111]


@pytest.fixture
def packed() -> Any:
    net = network("llama")
    if pack_linear_layers(net) == 0:
        pytest.skip("this build of torch has no oneDNN operators")
    return net


def test_logits_are_the_same(packed: Any):
    plain = TransformersModel(network("llama"), byte_tokenizer()).start(PROMPT, rows=3)
    session = TransformersModel(packed, byte_tokenizer()).start(PROMPT, rows=3)
    for _ in range(3):
        np.testing.assert_allclose(session.logits(), plain.logits(), atol=2e-4, rtol=1e-4)
        for one in (session, plain):
            one.append([1, 2, None])


def test_every_linear_layer_is_packed(packed: Any):
    layers = [m for m in packed.modules() if isinstance(m, torch.nn.Linear)]
    assert all("forward" in vars(layer) for layer in layers)
    assert pack_linear_layers(packed) == len(layers) == 3 * 7 + 1


def logits(net: Any) -> Any:
    with torch.inference_mode():
        return net(torch.tensor([PROMPT])).logits.float().numpy()


def test_changed_weights_are_used(packed: Any):
    plain = network("llama")
    with torch.no_grad():
        for net in (packed, plain):
            net.model.layers[0].mlp.up_proj.weight.mul_(2.0)
    np.testing.assert_allclose(logits(packed), logits(plain), atol=2e-4, rtol=1e-4)
    packed.load_state_dict(network("llama", seed=4).state_dict())
    np.testing.assert_allclose(logits(packed), logits(network("llama", seed=4)), atol=2e-4)


def test_converted_models_are_used(packed: Any):
    expected = logits(network("llama").to(torch.float64))
    np.testing.assert_allclose(logits(packed.to(torch.float64)), expected, atol=1e-6)


def test_gradients_flow(packed: Any):
    packed(torch.tensor([PROMPT])).logits.sum().backward()
    assert packed.lm_head.weight.grad is not None


def test_other_precisions_are_left_alone():
    assert pack_linear_layers(network("llama").to(torch.bfloat16)) == 0


def test_large_models_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("structgen.models.packing._MAX_BYTES", 1000)
    assert pack_linear_layers(network("llama")) == 0


def test_builds_without_the_operators_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    def missing(weight: Any) -> Any:
        raise AttributeError("_reorder_linear_weight")

    monkeypatch.setattr("structgen.models.packing._pack", missing)
    assert pack_linear_layers(network("llama")) == 0


def test_loaded_models_are_packed(tmp_path: Path, packed: Any):
    network("llama").save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    model = load(tmp_path, device="cpu")
    assert isinstance(model, TransformersModel)
    net: Any = model.model
    assert "forward" in vars(net.lm_head)
    theirs: Any = TransformersModel(network("llama"), byte_tokenizer()).model
    assert "forward" not in vars(theirs.lm_head)  # models that people bring are not touched
