"""Prompts, texts and loading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from structgen.errors import BackendError
from structgen.models import LanguageModel, TransformersModel, load

from .tiny import END, WIDTH, byte_tokenizer, network, tokenizers, transformers

BEGIN = 257


@pytest.fixture(scope="module")
def model() -> TransformersModel:
    return TransformersModel(network("llama"), byte_tokenizer(), name="tiny")


def test_it_is_a_language_model(model: TransformersModel):
    assert isinstance(model, LanguageModel)
    assert model.name == "tiny"
    assert model.vocabulary.size == WIDTH  # the logits', not the tokenizer's 261
    assert model.vocabulary.eos_token_ids == (END,)
    assert model.start([1, 2]).logits().shape == (1, WIDTH)


def test_end_tokens_of_the_generation_configuration():
    net = network("llama")
    net.generation_config.eos_token_id = [END, 260]
    assert TransformersModel(net, byte_tokenizer()).vocabulary.eos_token_ids == (END, 260)
    chosen = TransformersModel(net, byte_tokenizer(), eos_token_ids=[259])
    assert chosen.vocabulary.eos_token_ids == (259,)


def test_encoding_is_of_plain_text(model: TransformersModel):
    assert model.encode("") == []
    assert model.encode("aé") == list("aé".encode())
    assert model.encode("a<|end|>") == list(b"a<|end|>")  # no special token read out of text
    assert model.encode(" a") == list(b" a")


def test_decoding(model: TransformersModel):
    assert model.decode([BEGIN, 72, 105, END, 263]) == "Hi"
    assert model.decode([0xC3]) == "\ufffd"
    assert model.decode([]) == ""


def test_string_prompts_keep_special_tokens(model: TransformersModel):
    assert model.prompt_ids("a<|user|>") == [BEGIN, 97, 258]  # no end token behind it
    assert model.prompt_ids("") == [BEGIN]


def test_messages_go_through_the_template(model: TransformersModel):
    ids = model.prompt_ids([{"role": "user", "content": "hi"}])
    assert ids == [258, *b"hi", END, 259]


def test_answers_can_be_begun(model: TransformersModel):
    ids = model.prompt_ids(
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "well"}]
    )
    assert ids == [258, *b"hi", END, 259, *b"well"]


TOOL = {"type": "function", "function": {"name": "add", "parameters": {}}}


def test_tools_are_told_by_templates_that_know_tools():
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% if tools %}T{{ tools[0].function.name }}{% endif %}|"
    model = TransformersModel(network("llama"), tokenizer)
    message = {"role": "user", "content": "x"}
    assert model.prompt_ids([message], tools=[TOOL]) == list(b"Tadd|")
    assert model.prompt_ids([message]) == list(b"|")


def test_tools_are_told_by_us_otherwise(model: TransformersModel):
    text = model.decode(model.prompt_ids([{"role": "user", "content": "x"}], tools=[TOOL]))
    assert '"name": "add"' in text
    both = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "x"}]
    ids = model.prompt_ids(both, tools=[TOOL])
    assert ids.count(260) == 1  # one system message
    assert model.decode(ids).startswith("Be kind.\n\n")
    with pytest.raises(BackendError, match="no place for tools"):
        model.prompt_ids("x", tools=[TOOL])


def test_prompts_that_cannot_be_made(model: TransformersModel):
    with pytest.raises(BackendError, match="no messages"):
        model.prompt_ids([])
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    bare = TransformersModel(network("llama"), tokenizer)
    with pytest.raises(BackendError, match="no chat template"):
        bare.prompt_ids([{"role": "user", "content": "x"}])
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(BackendError, match="roles must alternate"):
        bare.prompt_ids([{"role": "user", "content": "x"}])


def spaced_tokenizer() -> Any:
    """SentencePiece style: a space is put before every text."""
    pieces = ["<unk>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    pieces += ["▁", "a", "b", "▁a", "ab", "▁ab"]
    backend = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            vocab={piece: i for i, piece in enumerate(pieces)},
            merges=[("▁", "a"), ("a", "b"), ("▁a", "b")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    backend.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Prepend("▁"), tokenizers.normalizers.Replace(" ", "▁")]
    )
    backend.decoder = tokenizers.decoders.Sequence(
        [
            tokenizers.decoders.Replace("▁", " "),
            tokenizers.decoders.ByteFallback(),
            tokenizers.decoders.Fuse(),
            tokenizers.decoders.Strip(" ", 1, 0),
        ]
    )
    backend.add_special_tokens(["<unk>", "</s>"])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", unk_token="<unk>"
    )


@pytest.mark.parametrize("text", ["a", "ab", " ab", "ba", "\nab", "é", "  a  ", "\n", "\n\n"])
def test_no_space_is_put_before_a_text(text: str):
    tokenizer = spaced_tokenizer()
    assert tokenizer.decode(tokenizer.encode("ab")) == "ab"
    model = TransformersModel(network("llama"), tokenizer)
    ids = model.encode(text)
    assert model.vocabulary.decode(ids) == text.encode()
    assert len(ids) <= len(text.encode())


def test_saved_models_load_again(tmp_path: Path, model: TransformersModel):
    net, tokenizer = network("llama"), byte_tokenizer()
    net.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for spec in (str(tmp_path), tmp_path):
        again = load(spec, device="cpu")
        assert again.vocabulary.fingerprint == model.vocabulary.fingerprint
        prompt = model.prompt_ids("Hello")
        assert again.prompt_ids("Hello") == prompt
        expected = model.start(prompt).logits()
        np.testing.assert_allclose(again.start(prompt).logits(), expected, atol=1e-4)
    half = load(str(tmp_path), device="cpu", dtype="bfloat16")
    assert isinstance(half, TransformersModel)
    assert str(half.model.dtype) == "torch.bfloat16"  # pyright: ignore
    reloaded = transformers.AutoModelForCausalLM.from_pretrained(str(tmp_path))
    assert load(reloaded).prompt_ids("Hello") == model.prompt_ids("Hello")


def test_objects_load(model: TransformersModel):
    assert load(model) is model
    pair = load((network("llama"), byte_tokenizer()))
    assert pair.vocabulary.fingerprint == model.vocabulary.fingerprint


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("/nowhere/model", "no folder"),
        ("./nowhere", "no folder"),
        ("/nowhere/model.gguf", "no file"),
        (7, "is no language model"),
        ((1, 2, 3), "is no language model"),
    ],
)
def test_what_is_no_model(spec: object, names: str):
    with pytest.raises(BackendError, match=names):
        load(spec)


def test_folders_without_a_model(tmp_path: Path):
    with pytest.raises(BackendError, match="cannot be loaded"):
        load(tmp_path)


def test_models_without_a_tokenizer():
    with pytest.raises(BackendError, match="where its tokenizer is"):
        load(network("llama"))


def test_unknown_precision():
    with pytest.raises(BackendError, match="float33"):
        TransformersModel(network("llama"), byte_tokenizer(), dtype="float33")
    with pytest.raises(BackendError, match="loaded"):
        load(TransformersModel(network("llama"), byte_tokenizer()), dtype="float32")


def test_importing_the_room_is_light():
    code = (
        "import sys, structgen.models, structgen.vocabulary; "
        "heavy = {'torch', 'transformers', 'tokenizers', 'safetensors'} & set(sys.modules); "
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
