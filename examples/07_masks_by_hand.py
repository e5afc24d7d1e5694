"""What a host engine does: fill a mask, choose an allowed token, advance; and take some back."""

import json

import numpy as np

import structgen as sg

VOCABULARY = sg.Vocabulary([bytes([b]) for b in range(256)] + [b'"name": "', b"true", b"}}"],
                           eos_token_ids=[259], size=260)  # fmt: skip


def main() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"enum": ["Ada", "Alan"]}, "ok": {"type": "boolean"}},
        "required": ["name", "ok"],
        "additionalProperties": False,
    }
    matcher = sg.json_schema(schema, whitespace="compact").compile(VOCABULARY).matcher()
    mask = sg.allocate_mask(1, VOCABULARY.size)
    rng = np.random.default_rng(0)
    while not matcher.is_terminated():
        matcher.fill_mask(mask, 0)
        allowed = sg.allowed_tokens(mask, VOCABULARY.size)
        token = int(rng.choice(allowed))  # A model's logits would decide here.
        assert matcher.advance(token)
    text = VOCABULARY.decode(matcher.tokens[:-1]).decode()
    print(json.loads(text), "in", len(matcher.tokens), "tokens")

    matcher.rollback(2)  # The end token, and the one before it.
    print("complete after rollback:", matcher.is_accepting())
    print("so what must come is:", matcher.forced_text())


if __name__ == "__main__":
    main()
