"""Pieces of the answer as they are written, then the parsed value."""

import sys

import structgen as sg

FRUIT = {"type": "string", "maxLength": 12}
SCHEMA = {"type": "array", "items": FRUIT, "minItems": 2, "maxItems": 4}


def main(model: str) -> None:
    prompt = [{"role": "user", "content": "Name some fruits as a JSON list."}]
    pieces = sg.stream(model, prompt, output=SCHEMA, max_tokens=60, seed=8)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()
    print(len(pieces.result.value), "items")


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
