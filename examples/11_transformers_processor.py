"""Inside `transformers`' own `generate`: beams, batches, and whatever else it does."""

import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import structgen as sg
from structgen.integrations.transformers import StructgenLogitsProcessor


def toy() -> tuple[LlamaForCausalLM, sg.Vocabulary, list[int]]:
    """A tiny network over bytes with random weights."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=257, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, bos_token_id=None, eos_token_id=256, pad_token_id=256,
    )  # fmt: skip
    vocabulary = sg.Vocabulary([bytes([b]) for b in range(256)], eos_token_ids=[256], size=257)
    return LlamaForCausalLM(config), vocabulary, list(b"Dates: ")


def main(model: str) -> None:
    if model == "toy":
        network, vocabulary, prompt = toy()
    else:
        loaded = sg.load(model)
        network, vocabulary, prompt = loaded.model, loaded.vocabulary, loaded.prompt_ids("Dates: ")
    dates = sg.regex(r"[0-9]{4}-(0[1-9]|1[0-2])(, [0-9]{4}-(0[1-9]|1[0-2])){2}")
    ids = torch.tensor([prompt])
    texts: list[str] = []
    for beams in (1, 3):
        out = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            logits_processor=[StructgenLogitsProcessor(dates, vocabulary)],
            max_new_tokens=40,
            num_beams=beams,
            do_sample=False,
        )
        texts.append(vocabulary.decode(out[0, len(prompt) :].tolist()).decode())
        print(f"{beams} beam(s): {texts[-1]}")
    assert all(dates.accepts(text) for text in texts)


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
