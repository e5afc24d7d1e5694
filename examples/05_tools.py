"""Tool calls: functions in, calls out, in the format the model was trained on."""

import sys
from typing import Literal

import structgen as sg


def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Tell the weather of a city.

    Args:
        city: name of the city.
        unit: unit of the temperature.
    """
    return f"{city}: 21 degrees {unit}"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def main(model: str) -> None:
    tools = sg.ToolSet([weather, add])
    prompt = [{"role": "user", "content": "What is the weather in Bern?"}]
    result = sg.generate(
        model, prompt, tools=tools, tool_choice="required", parallel_tool_calls=False,
        max_tokens=150, temperature=0.5, seed=2,
    )  # fmt: skip
    for call in result.value.calls:
        print(f"{call.name}({call.arguments_json})")
        print("->", tools.run(call))


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
