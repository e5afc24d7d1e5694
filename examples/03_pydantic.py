"""A Pydantic model in, an instance of it out."""

import sys
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

import structgen as sg


class Task(BaseModel):
    title: Annotated[str, Field(min_length=3, max_length=40)]
    priority: Literal["low", "normal", "high"]
    due: date
    done: bool = False


def main(model: str) -> None:
    prompt = [{"role": "user", "content": "A task: buy milk, urgently, for 3 May 2027."}]
    result = sg.generate(model, prompt, output=Task, describe=True, max_tokens=120, seed=3)
    task = result.value
    print(repr(task))
    print("due in year", task.due.year)


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
