"""A pattern: the model can only write a date."""

import sys

import structgen as sg


def main(model: str) -> None:
    date = sg.regex(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
    question = [{"role": "user", "content": "When did people first walk on the Moon?"}]
    result = sg.generate(model, question, output=date, max_tokens=20, seed=1)
    print(result.value)
    # The model's own probability of keeping to the pattern, token by token:
    print("log_z per token:", [round(float(z), 2) for z in result.ledger.log_z])


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
