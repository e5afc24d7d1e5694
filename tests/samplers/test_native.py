"""Samplers on compiled constraints: every text accepted, weights against enumeration."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest

import structgen.samplers
from structgen import Program, Vocabulary
from structgen.models.toy import MarkovModel
from structgen.samplers import SamplerConfig, SamplingParams, importance, masked, smc
from structgen.testing import check_matcher, chi_square, enumerate_law, mean_test, proper_weights
from structgen.types import Ledger, Particles

ALARM = 1e-3
PARENTHESES = {
    "start": 0,
    "rules": [
        {"name": "s", "alternatives": [[["t", 0], ["r", 1], ["t", 1]]]},
        {"name": "e", "alternatives": [[["t", 2]], [["r", 0]], [["r", 1], ["r", 1]]]},
    ],
    "terminals": [
        {"name": "LEFT", "kind": "literal", "text": "a"},
        {"name": "RIGHT", "kind": "literal", "text": "b"},
        {"name": "BODY", "kind": "regex", "pattern": "c+", "flags": "", "dialect": "python"},
    ],
    "ignore": [],
}
PROGRAMS = {
    "choice": Program.choice(["abc", "ab", "bca", "cab"]),
    "regex": Program.regex("(ab|c)*b"),
    "grammar": Program.grammar(json.dumps(PARENTHESES)),
}


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_texts_and_weights(syllables: Vocabulary, name: str) -> None:
    program = PROGRAMS[name]
    compiled = program.compile(syllables)
    model = MarkovModel(syllables, order=2, seed=4)
    check_matcher(compiled.matcher, walks=4, max_tokens=10)
    completion = compiled.matcher().completion_tokens()
    assert completion is not None
    assert program.accepts(syllables.decode(completion))
    for max_tokens in (len(completion) + 1, len(completion) + 2, 5):
        law = enumerate_law(model, compiled, max_tokens=max_tokens)
        settings = SamplerConfig(max_tokens=max_tokens, seed=5)
        ledgers = masked(model, [], compiled, settings, rows=1_000)
        assert all(program.accepts(x.text.encode()) for x in ledgers)
        assert all(x.finish_reason in ("end", "complete", "closed") for x in ledgers)
        assert chi_square(Counter(x.tokens for x in ledgers), law.local) > ALARM
        pairs = [(x.tokens, math.exp(x.log_w)) for x in ledgers]
        assert proper_weights(pairs, law.weight) > ALARM
        for population in (
            importance(model, [], compiled, settings, particles=1_000),
            smc(model, [], compiled, settings, particles=1_000),
        ):
            assert all(program.accepts(x.text.encode()) for x in population.ledgers)
            # Within 20 %: the effective sample size is at least a tenth of 1,000.
            assert population.ess > 50
            assert math.exp(population.log_evidence) == pytest.approx(law.evidence, rel=0.2)
        assert mean_test([w for _, w in pairs], law.evidence) > ALARM


@pytest.mark.parametrize("name", list(PROGRAMS))
@pytest.mark.parametrize("temperature", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("cut", [{}, {"top_k": 1}, {"top_p": 0.3}, {"min_p": 0.5, "top_k": 3}])
def test_every_budget_and_truncation_yields_a_complete_text(
    syllables: Vocabulary, name: str, temperature: float, cut: dict[str, float]
) -> None:
    program = PROGRAMS[name]
    compiled = program.compile(syllables)
    completion = compiled.matcher().completion_tokens()
    assert completion is not None
    params = SamplingParams(temperature=temperature, **cut)  # type: ignore[arg-type]
    for seed in range(3):
        model = MarkovModel(syllables, order=1, seed=seed, end_bias=-4.0)
        for max_tokens in range(len(completion) + 1, 16, 3):
            settings = SamplerConfig(max_tokens=max_tokens, seed=seed, params=params)
            for x in masked(model, [1], compiled, settings, rows=3):
                assert len(x.tokens) <= max_tokens
                assert x.finish_reason in ("end", "complete", "closed")
                assert program.accepts(x.text.encode())


def test_the_example_of_the_room_runs() -> None:
    doc = structgen.samplers.__doc__ or ""
    code = "\n".join(line[4:] for line in doc.splitlines() if line.startswith("    "))
    names: dict[str, object] = {}
    exec(code, names)
    ledger, population = names["ledger"], names["population"]
    assert isinstance(ledger, Ledger)
    assert isinstance(population, Particles)
    assert ledger.text in ("ab", "aab", "b")
    assert len(population.ledgers) == 16


def test_json_is_complete_within_every_budget() -> None:
    """A rambling model, a byte vocabulary: JSON that parses, from the smallest budget on."""
    pieces = [b'{"', b'": ', b'", "', b'"}', b"true", b"name", b"tags", b"[[", b"]]", b"00"]
    tokens = [bytes([i]) for i in range(255)] + pieces + [None]
    vocabulary = Vocabulary(tokens, eos_token_ids=[len(tokens) - 1])
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "age": {"type": "integer", "minimum": 3},
            "tags": {"type": "array", "items": {"type": "array", "items": {"enum": [1, "x"]}}},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    compiled = Program.json_schema(json.dumps(schema), "{}").compile(vocabulary)
    completion = compiled.matcher().completion_tokens()
    assert completion is not None
    for temperature in (0.0, 1.0):
        params = SamplingParams(temperature=temperature)
        for extra in (1, 2, 5, 30):
            model = MarkovModel(vocabulary, order=2, seed=extra, end_bias=-9.0)
            settings = SamplerConfig(max_tokens=len(completion) + extra, seed=extra, params=params)
            for x in masked(model, [], compiled, settings, rows=4):
                value = json.loads(x.text)
                assert set(value) <= {"name", "age", "tags"}
                assert len(value["name"]) >= 2
                assert value["age"] >= 3
                assert math.isfinite(x.log_w)
