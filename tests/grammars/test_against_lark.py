"""Random and mutated strings of every shipped grammar, judged as lark judges them.

``STRUCTGEN_LARK_STRINGS`` sets the number of strings per grammar (10,000 is the full bar).
"""

from __future__ import annotations

import os
import random

import pytest

from structgen.constraints import grammar

from .lark_oracle import FOLDER, MAX_LENGTH, NAMES, Derivations, lark_accepts, mutated, parser_of

COUNT = int(os.environ.get("STRUCTGEN_LARK_STRINGS", "500"))
SEED = 20_261_121


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", NAMES)
def test_strings_are_judged_as_lark_judges_them(name: str) -> None:
    parser, constraint = parser_of(name), grammar(name)
    derivations = Derivations(parser)
    rng = random.Random(f"{name} {SEED}")
    samples = [p.read_text(encoding="utf-8")[:-1] for p in (FOLDER / name).glob("*/*.txt")]
    alphabet = "".join(sorted({char for text in samples for char in text})) + "é\x00\u2028"
    accepted = rejected = 0
    while accepted + rejected < COUNT:
        match rng.randrange(4):
            case 0:
                text = constraint.sample(rng.randrange(1 << 30), max_bytes=rng.choice((10, 40)))
            case 1:
                text = derivations.text(rng)
            case 2:
                text = mutated(rng.choice(samples), alphabet, rng)
            case _:
                text = mutated(derivations.text(rng), alphabet, rng)
        text = text[:MAX_LENGTH] if rng.random() < 0.2 else text
        if len(text) > MAX_LENGTH:
            continue
        expected = lark_accepts(parser, text)
        assert constraint.accepts(text) == expected, f"lark says {expected} of {text!r}"
        accepted, rejected = accepted + expected, rejected + (not expected)
    print(f"{name}: {COUNT} strings, {accepted} accepted, {rejected} rejected, no disagreement")
    # The sources must produce both kinds, or the test says nothing.
    assert min(accepted, rejected) > COUNT // 10
