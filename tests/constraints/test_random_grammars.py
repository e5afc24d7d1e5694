"""Random grammars: the core against lark, against the oracle, and GBNF folded against unfolded."""

from __future__ import annotations

import os
import random
import time

import pytest
from lark import Lark, UnexpectedInput
from lark.exceptions import GrammarError

from structgen._core import Program
from structgen.constraints.gbnf import load_gbnf
from structgen.constraints.lark_files import load_lark
from structgen.errors import EmptyLanguageError

from .oracle import IrOracle

COUNT = int(os.environ.get("STRUCTGEN_RANDOM_GRAMMARS", "40"))

# lark takes the first alternative of a pattern that matches: these have but one way to match.
LARK_ATOMS = ['"a"', '"b"', '"ab"', '"ba"', "/a+/", "/[ab]/", "/b[ab]/", '"c"', "/[^ab ]/"]
GBNF_ATOMS = ['"a"', '"b"', '"ab"', '""', "[ab]", "[^a]", "[a-c]{1,2}", ".", '"c"*', "[b]?"]


def random_body(rng: random.Random, atoms: list[str], rules: list[str], depth: int) -> str:
    def item(depth: int) -> str:
        kind = rng.random()
        if kind < 0.45:
            inner = rng.choice(atoms)
        elif kind < 0.75 or depth == 0:
            inner = rng.choice(rules)
        else:
            inner = f"({random_body(rng, atoms, rules, depth - 1)})"
        return inner + rng.choice(["", "", "", "", "?", "*", "+"])

    alternatives = [
        " ".join(item(depth) for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(1, 3))
    ]
    return " | ".join(alternatives)


def random_words(rng: random.Random, alphabet: str, program: Program) -> list[str]:
    words = ["", *alphabet]
    words += ["".join(rng.choices(alphabet, k=rng.randint(1, 7))) for _ in range(40)]
    for seed in range(8):
        word = program.sample(seed=seed, max_bytes=8).decode()
        words += [word, word[:-1], word + rng.choice(alphabet)]
    return [word for word in words if len(word) <= 10]


def random_lark(rng: random.Random) -> str:
    names = ["start", *"xyz"[: rng.randint(0, 3)]]
    rules = [f"{name}: {random_body(rng, LARK_ATOMS, names, 1)}" for name in names]
    if rng.random() < 0.4:
        rules.append('%ignore " "')
    return "\n".join(rules) + "\n"


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_lark_grammars(seed: int) -> None:
    rng = random.Random(seed)
    text = random_lark(rng)
    try:
        parser = Lark(text, parser="earley", lexer="dynamic_complete")
    except GrammarError as error:
        # Where lark multiplies alternatives out, it may meet the same one twice. We do not.
        assert "defined twice" in str(error), text  # noqa: PT017
        parser = None
    ir = load_lark(text)
    oracle = IrOracle(ir)
    try:
        program = Program.grammar(ir.to_json(), {})
    except EmptyLanguageError:
        assert not any(oracle.accepts(word) for word in ("", "a", "b", "ab", "aab", "c")), text
        return
    deadline = time.monotonic() + 1.0
    for word in random_words(rng, "abc ", program):
        expected = oracle.accepts(word)
        assert program.accepts(word.encode()) == expected, f"{text}\n{word!r}"
        # Very ambiguous grammars take lark seconds for a word: short ones, while time lasts.
        if parser is not None and len(word) <= 5 and time.monotonic() < deadline:
            try:
                parser.parse(word)
                judged = True
            except UnexpectedInput:
                judged = False
            assert judged == expected, f"lark differs\n{text}\n{word!r}"


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_gbnf_grammars(seed: int) -> None:
    rng = random.Random(seed)
    names = ["root", *"xyz"[: rng.randint(0, 3)]]
    bodies = [f"{name} ::= {random_body(rng, GBNF_ATOMS, names, 2)}" for name in names]
    text = "\n".join(bodies)
    folded, unfolded = load_gbnf(text), load_gbnf(text, fold=False)
    oracle = IrOracle(unfolded)
    try:
        program = Program.grammar(folded.to_json(), {})
    except EmptyLanguageError:
        assert not any(oracle.accepts(word) for word in ("", "a", "b", "ab", "aab", "c")), text
        return
    second = Program.grammar(unfolded.to_json(), {})
    for word in random_words(rng, "abcé\n", program):
        expected = oracle.accepts(word)
        assert program.accepts(word.encode()) == expected, f"{text}\n{word!r}"
        assert second.accepts(word.encode()) == expected, f"unfolded\n{text}\n{word!r}"
