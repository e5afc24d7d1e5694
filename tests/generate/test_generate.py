"""The front door on a toy model: every kind of output, every sampler, the same seed."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Literal

import numpy as np
import pytest

import structgen as sg
from structgen.generate import ToyModel, resolve_model
from structgen.speculative import Budget, ForcedDrafter, Planner

WORDS = r"[a-z]{2,5}( [a-z]{2,5}){1,3}"
SAMPLERS = ["auto", "masked", "awrs", "importance", "smc"]


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


@pytest.fixture(scope="module")
def toy() -> ToyModel:
    return ToyModel()


def test_free_text_is_a_str_cut_by_the_budget(toy: ToyModel) -> None:
    result = sg.generate(toy, "Hello", max_tokens=9, seed=1)
    assert result.value == result.text
    assert len(result.ledger.tokens) <= 9


@pytest.mark.parametrize("seed", range(5))
def test_a_constraint_gives_its_text(toy: ToyModel, seed: int) -> None:
    result = sg.generate(toy, "Hello", sg.regex(WORDS), seed=seed, max_tokens=30)
    assert re.fullmatch(WORDS, result.value)
    assert result.value == result.text
    assert result.ledger.log_z.shape == (len(result.ledger.tokens),)
    assert result.ledger.log_w == pytest.approx(result.ledger.log_z.sum())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_to_the_constraint_and_reproduces(toy: ToyModel, sampler: str) -> None:
    def once() -> sg.Generation[object]:
        return sg.generate(
            toy,
            "Hi",
            sg.regex(WORDS),
            seed=3,
            max_tokens=30,
            sampler=sampler,  # pyright: ignore[reportArgumentType]
        )

    first, second = once(), once()
    assert re.fullmatch(WORDS, first.text)
    assert first.text == second.text
    assert first.ledger.log_w == second.ledger.log_w
    assert (first.particles is not None) is (sampler in ("importance", "smc"))


def test_a_seed_is_reported_and_reproduces(toy: ToyModel) -> None:
    first = sg.generate(toy, "Hi", sg.regex(WORDS), max_tokens=30)
    again = sg.generate(toy, "Hi", sg.regex(WORDS), max_tokens=30, seed=first.seed)
    assert first.text == again.text
    other = sg.generate(toy, "Hi", sg.regex(WORDS), max_tokens=30)
    assert other.seed != first.seed


def test_greedy_needs_no_seed(toy: ToyModel) -> None:
    texts = {
        sg.generate(toy, "Hi", sg.regex(WORDS), max_tokens=30, temperature=0).text for _ in range(3)
    }
    assert len(texts) == 1


def test_truncation_reaches_the_rows(toy: ToyModel) -> None:
    greedy = sg.generate(toy, "Hi", sg.regex("[a-z]{8}"), temperature=0, max_tokens=20).text
    narrow = sg.generate(toy, "Hi", sg.regex("[a-z]{8}"), top_k=1, seed=9, max_tokens=20).text
    assert narrow == greedy
    nucleus = sg.generate(toy, "Hi", sg.regex("[a-z]{8}"), top_p=1e-6, seed=9, max_tokens=20).text
    assert nucleus == greedy
    sharp = sg.generate(toy, "Hi", sg.regex("[a-z]{8}"), min_p=1.0, seed=9, max_tokens=20).text
    assert sharp == greedy
    free = {sg.generate(toy, "Hi", sg.regex("[a-z]{8}"), seed=s).text for s in range(5)}
    assert len(free) == 5


@pytest.mark.parametrize("budget", [4, 5, 9, 20])
def test_the_budget_closes_the_text(toy: ToyModel, budget: int) -> None:
    for seed in range(5):
        result = sg.generate(toy, "Hi", sg.regex(r"\([a-z]+\)"), seed=seed, max_tokens=budget)
        assert re.fullmatch(r"\([a-z]+\)", result.text)
        assert len(result.ledger.tokens) <= budget
    assert result.ledger.finish_reason in ("closed", "complete", "end")


def test_a_budget_too_small_says_how_much_is_needed(toy: ToyModel) -> None:
    with pytest.raises(sg.TokenBudgetError) as caught:
        sg.generate(toy, "Hi", sg.regex("[a-z]{8}"), max_tokens=5)
    assert caught.value.given == 5
    assert caught.value.needed == 9


@pytest.mark.parametrize(
    ("output", "values"),
    [
        (["tea", "coffee"], ("tea", "coffee")),
        (("one", "two"), ("one", "two")),
        (Mood, (Mood.HAPPY, Mood.SAD)),
        (Literal["yes", "no"], ("yes", "no")),
    ],
)
def test_choices_become_values(toy: ToyModel, output: object, values: Sequence[object]) -> None:
    found = {sg.generate(toy, "Hi", output, seed=s, temperature=9).value for s in range(12)}
    assert found == set(values)


def test_str_is_free_text(toy: ToyModel) -> None:
    a = sg.generate(toy, "Hi", str, seed=4, max_tokens=12)
    assert a.value == sg.generate(toy, "Hi", None, seed=4, max_tokens=12).value


def test_a_bare_str_is_refused_as_output(toy: ToyModel) -> None:
    with pytest.raises(sg.ConstraintError, match=r"the str .* is no output"):
        sg.generate(toy, "Hi", "[a-z]+")


def test_messages_and_texts_are_prompts(toy: ToyModel) -> None:
    text = sg.generate(toy, "Hi", ["a", "b"], seed=1)
    chat = sg.generate(toy, [{"role": "user", "content": "Hi"}], ["a", "b"], seed=1)
    assert text.text == chat.text


def test_predicates_join_patterns(toy: ToyModel) -> None:
    careful = sg.regex(r"[a-z]{6}") & sg.predicate(lambda text: "e" not in text)
    for seed in range(3):
        result = sg.generate(toy, "Hi", careful, seed=seed, max_tokens=20)
        assert re.fullmatch(r"[a-df-z]{6}", result.text)
        assert result.ledger.checks > 0
    with pytest.raises(ValueError, match="'auto' or 'awrs'"):
        sg.generate(toy, "Hi", careful, sampler="masked")


def test_stop_cuts_free_text(toy: ToyModel) -> None:
    whole = sg.generate(toy, "Hi", max_tokens=60, seed=5)
    stop = whole.text[10:12]
    cut = sg.generate(toy, "Hi", max_tokens=60, seed=5, stop=[stop, "\x00never"])
    assert cut.text == whole.text[: whole.text.index(stop)]
    with pytest.raises(ValueError, match="`stop`"):
        sg.generate(toy, "Hi", ["a"], stop="a")


def test_unknown_options_are_refused(toy: ToyModel) -> None:
    with pytest.raises(TypeError, match="max_token"):
        sg.generate(toy, "Hi", max_token=5)  # pyright: ignore[reportCallIssue]
    with pytest.raises(ValueError, match="tool_choice"):
        sg.generate(toy, "Hi", tool_choice="required")


def test_particles_are_weighted(toy: ToyModel) -> None:
    result = sg.generate(toy, "Hi", sg.regex("(aa|bc)x?"), sampler="smc", particles=6, seed=2)
    assert result.particles is not None
    assert len(result.particles.ledgers) == 6
    assert result.text in {ledger.text for ledger in result.particles.ledgers}
    assert np.isclose(result.particles.weights().sum(), 1.0)
    assert result.particles.log_evidence < 0


@pytest.mark.parametrize(
    "speculative",
    [True, Budget(max_nodes=8), [ForcedDrafter()], Planner([ForcedDrafter()], Budget())],
    ids=["default", "budget", "drafters", "planner"],
)
def test_speculation_changes_passes_not_texts(toy: ToyModel, speculative: object) -> None:
    shape = sg.regex(r"name: [a-z]{3}; surname: [a-z]{3}\.")
    plain = sg.generate(toy, "Hi", shape, seed=6, max_tokens=40)
    fast = sg.generate(toy, "Hi", shape, seed=6, max_tokens=40, speculative=speculative)
    assert fast.text == plain.text
    assert fast.ledger.log_w == pytest.approx(plain.ledger.log_w)
    assert fast.speculation is not None
    assert fast.speculation.forwards < len(plain.ledger.tokens)


def test_speculation_takes_only_what_configures_it(toy: ToyModel) -> None:
    with pytest.raises(TypeError, match="speculative"):
        sg.generate(toy, "Hi", ["a"], speculative="fast")


def test_a_batch_answers_every_prompt_as_alone(toy: ToyModel) -> None:
    prompts = ["one", [{"role": "user", "content": "two"}], "one"]
    shape = sg.regex(WORDS)
    batch = sg.generate_batch(toy, prompts, shape, seed=8, max_tokens=30)
    alone = [
        sg.generate(toy, prompt, shape, seed=8 + index, max_tokens=30)
        for index, prompt in enumerate(prompts)
    ]
    assert [one.text for one in batch] == [one.text for one in alone]
    assert [one.seed for one in batch] == [8, 9, 10]
    assert batch[0].text != batch[2].text
    assert sg.generate_batch(toy, [], shape) == []


def test_models_by_name_stay_loaded() -> None:
    assert resolve_model("toy") is resolve_model("toy")


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(sg.BackendError):
        sg.generate(17, "Hi")


def test_timings_are_there(toy: ToyModel) -> None:
    timings = sg.generate(toy, "Hi", ["a"], seed=1).timings
    assert 0 <= timings["compile"] <= timings["total"]
