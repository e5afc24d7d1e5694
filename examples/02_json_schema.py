"""A JSON Schema: every answer parses and validates, whatever the model wanted to say."""

import json
import sys

import structgen as sg

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 30},
        "population": {"type": "integer", "minimum": 0},
        "languages": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "population", "languages"],
    "additionalProperties": False,
}


def main(model: str) -> None:
    prompt = [{"role": "user", "content": "Describe Switzerland as JSON."}]
    # `describe` shows the model the schema; without it, the prompt is left alone.
    result = sg.generate(
        model, prompt, output=SCHEMA, describe=True, max_tokens=120, temperature=0.5, seed=7
    )
    print(json.dumps(result.value, indent=2, ensure_ascii=False))
    print("ended:", result.ledger.finish_reason)


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
