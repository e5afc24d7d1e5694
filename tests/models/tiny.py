"""Small models with random weights, large enough weights that every mistake shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")

from structgen.vocabulary.pieces import BYTE_ALPHABET  # noqa: E402

WIDTH = 264  # logits; the tokenizer has 261 tokens
END = 256

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def byte_tokenizer(*, bos: bool = True) -> Any:
    """A byte-level tokenizer without merges."""
    vocab = dict(BYTE_ALPHABET)
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    backend.add_special_tokens(
        [
            tokenizers.AddedToken(name, special=True)
            for name in ("<|end|>", "<|begin|>", "<|user|>", "<|assistant|>", "<|system|>")
        ]
    )
    if bos:
        backend.post_processor = tokenizers.processors.TemplateProcessing(
            single="<|begin|> $A <|end|>", special_tokens=[("<|begin|>", 257), ("<|end|>", 256)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|end|>",
        bos_token="<|begin|>",
        pad_token="<|end|>",
        chat_template=CHAT_TEMPLATE,
    )


def _llama(attention: str, **more: Any) -> Any:
    config = transformers.LlamaConfig(
        vocab_size=WIDTH,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        eos_token_id=END,
        bos_token_id=257,
        **more,
    )
    config._attn_implementation = attention
    return transformers.LlamaForCausalLM(config)


def _gpt2(attention: str) -> Any:
    config = transformers.GPT2Config(
        vocab_size=WIDTH,
        n_embd=48,
        n_layer=3,
        n_head=4,
        n_positions=256,
        initializer_range=0.2,
        eos_token_id=END,
        bos_token_id=257,
    )
    config._attn_implementation = attention
    return transformers.GPT2LMHeadModel(config)


def _mistral(attention: str) -> Any:
    """Every layer sees 6 tokens back."""
    config = transformers.MistralConfig(
        vocab_size=WIDTH,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        sliding_window=6,
        eos_token_id=END,
    )
    config._attn_implementation = attention
    return transformers.MistralForCausalLM(config)


def _gemma(attention: str) -> Any:
    """Layers that see all and layers that see 5 tokens back."""
    config = transformers.Gemma3TextConfig(
        vocab_size=WIDTH,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        max_position_embeddings=256,
        initializer_range=0.3,
        sliding_window=5,
        layer_types=["sliding_attention", "full_attention"] * 2,
        eos_token_id=END,
    )
    config._attn_implementation = attention
    return transformers.Gemma3ForCausalLM(config)


FAMILIES: dict[str, Callable[[str], Any]] = {
    "llama": _llama,
    "gpt2": _gpt2,
    "mistral": _mistral,
    "gemma": _gemma,
}


def network(family: str, attention: str = "sdpa", seed: int = 0) -> Any:
    """A model with random weights in float32."""
    torch.manual_seed(seed)
    return FAMILIES[family](attention).eval()


def reference(model: Any, tokens: list[int]) -> Any:
    """Next-token logits after `tokens`, computed without a cache."""
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1].numpy()
