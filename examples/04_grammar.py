"""A Lark grammar: arithmetic that always parses, and so can always be computed."""

import sys

import structgen as sg

ARITHMETIC = r"""
start: term (OPERATOR term)~1..3
term: NUMBER | "(" start ")"
OPERATOR: " + " | " - " | " * "
NUMBER: /[1-9][0-9]?/
"""


def main(model: str) -> None:
    expression = sg.grammar(ARITHMETIC)
    prompt = [{"role": "user", "content": "Give me one arithmetic exercise, nothing else."}]
    for seed in range(3):
        text = sg.generate(model, prompt, output=expression, max_tokens=40, seed=seed).value
        print(f"{text} = {eval(text)}")  # The grammar allows nothing but arithmetic.


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
