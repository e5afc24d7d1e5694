"""Any Python function as a constraint, drawn by adaptive rejection.

A predicate has no mask; the sampler asks it about the few tokens it would draw anyway. Joined
with a regex, whose mask is exact, few are asked about at all.
"""

import sys
from itertools import pairwise

import structgen as sg


def no_letter_twice_in_a_row(text: str) -> bool:
    """Judges every beginning of the answer, and the answer."""
    return all(a != b for a, b in pairwise(text))


def main(model: str) -> None:
    words = sg.regex(r"[a-z]{2,8}( [a-z]{2,8}){2,5}")
    careful = words & sg.predicate(no_letter_twice_in_a_row)
    prompt = [{"role": "user", "content": "Write a few words about coffee."}]
    result = sg.generate(model, prompt, output=careful, max_tokens=40, seed=5)
    print(result.value)
    print("predicate asked", result.ledger.checks, "times for", len(result.ledger.tokens), "tokens")
    assert no_letter_twice_in_a_row(result.value)


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
