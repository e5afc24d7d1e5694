"""Speculative decoding: the same text in fewer forward passes.

Text that the constraint forces, or that the prompt already contains, is drafted and verified in
one pass. Drafts are only guesses: with the same seed the text is the same.
"""

import sys

import structgen as sg

SCHEMA = {
    "type": "object",
    "properties": {
        "first_name": {"type": "string", "maxLength": 12},
        "family_name": {"type": "string", "maxLength": 12},
        "profession": {"enum": ["mathematician", "musician", "programmer"]},
    },
    "required": ["first_name", "family_name", "profession"],
    "additionalProperties": False,
}


def main(model: str) -> None:
    prompt = [{"role": "user", "content": "Who was Ada Lovelace? Answer as JSON."}]
    # With one fixed spacing, everything but the values is forced.
    plain = sg.generate(model, prompt, SCHEMA, whitespace="compact", max_tokens=120, seed=11)
    fast = sg.generate(
        model, prompt, SCHEMA, whitespace="compact", max_tokens=120, seed=11, speculative=True
    )
    stats = fast.speculation
    assert stats is not None
    print(fast.text)
    print("same text:", plain.text == fast.text)
    print(f"{stats.tokens_per_forward:.2f} tokens per forward pass instead of 1")


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
