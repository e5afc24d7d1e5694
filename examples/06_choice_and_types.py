"""One of several answers; and plain Python types."""

import sys
from dataclasses import dataclass
from enum import Enum

import structgen as sg


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


@dataclass
class Point:
    x: int
    y: int


def main(model: str) -> None:
    review = [{"role": "user", "content": "Is this review good or bad? 'I loved every minute.'"}]
    print(sg.generate(model, review, output=["good", "bad"], temperature=0).value)

    feeling = [{"role": "user", "content": "I won the race! How do I feel: happy or sad?"}]
    print(sg.generate(model, feeling, output=Mood, temperature=0).value)

    number = [{"role": "user", "content": "How many legs has a spider?"}]
    legs = sg.generate(model, number, output=int, max_tokens=8, temperature=0).value
    print(f"{legs} legs, {legs + 1} with one to spare")

    print(sg.generate(model, "A point: ", output=Point, max_tokens=40, seed=1).value)


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
