"""`model.generate` under constraints, in all the ways that `generate` calls its processors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import structgen as sg
from structgen.errors import ConstraintError, DeadEnd

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from structgen.integrations.transformers import StructgenLogitsProcessor  # noqa: E402
from tests.models.tiny import END, network  # noqa: E402

PATTERN = r"\{\"(name|age)\": ?(\"[a-z]{2,6}\"|[0-9]{1,3})(, \"ok\": (true|false))?\}"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def model() -> Any:
    return network("llama")


@pytest.fixture(scope="module")
def draft() -> Any:
    return network("llama", seed=1)


@pytest.fixture
def processor(vocabulary: sg.Vocabulary) -> StructgenLogitsProcessor:
    return StructgenLogitsProcessor(sg.regex(PATTERN), vocabulary)


def generate(model: Any, tokenizer: Any, prompts: list[str], processor: Any, **options: Any) -> Any:
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    options = {"max_new_tokens": 60, "do_sample": False, "pad_token_id": END, **options}
    output = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        logits_processor=[processor],
        **options,
    )
    return output[:, inputs["input_ids"].shape[1] :]


def texts(tokenizer: Any, output: Any) -> list[str]:
    rows: list[str] = []
    for row in output.tolist():
        assert END in row, row
        end = row.index(END)
        assert all(token == END for token in row[end:])
        rows.append(tokenizer.decode(row[:end]))
    return rows


def check(tokenizer: Any, output: Any, pattern: str = PATTERN) -> list[str]:
    found = texts(tokenizer, output)
    for text in found:
        assert re.fullmatch(pattern, text), text
    return found


def test_the_model_alone_does_not_do_it(model: Any, tokenizer: Any):
    output = generate(model, tokenizer, ["A: "], lambda ids, scores: scores)
    assert not re.fullmatch(PATTERN, tokenizer.decode(output[0], skip_special_tokens=True))


def test_greedy_is_the_best_allowed_token(
    model: Any, tokenizer: Any, processor: Any, vocabulary: sg.Vocabulary
):
    output = generate(model, tokenizer, ["A: "], processor)[0].tolist()
    matcher = sg.regex(PATTERN).compile(vocabulary).matcher()
    ids = tokenizer("A: ")["input_ids"]
    expected: list[int] = []
    while not matcher.is_terminated():
        with torch.inference_mode():
            logits = model(torch.tensor([ids + expected])).logits[0, -1]
        allowed = [t for t in range(vocabulary.size) if matcher.allows(t)]
        token = max(allowed, key=lambda t: float(logits[t]))
        matcher.advance(token)
        expected.append(token)
    assert output == expected


def test_batches_with_left_padding(model: Any, tokenizer: Any, processor: Any):
    prompts = ["A: ", "A much longer prompt: ", "?"]
    batch = check(tokenizer, generate(model, tokenizer, prompts, processor))
    for prompt, text in zip(prompts, batch, strict=True):
        assert check(tokenizer, generate(model, tokenizer, [prompt], processor)) == [text]


def test_sampling_many(model: Any, tokenizer: Any, processor: Any):
    torch.manual_seed(0)
    output = generate(
        model, tokenizer, ["A: ", "Bb: "], processor, do_sample=True, num_return_sequences=12
    )
    assert len(set(check(tokenizer, output))) > 12


@pytest.mark.parametrize("options", [{}, {"do_sample": True}, {"num_return_sequences": 3}])
def test_beams(model: Any, tokenizer: Any, processor: Any, options: dict[str, Any]):
    torch.manual_seed(0)
    output = generate(model, tokenizer, ["A: ", "Bb: "], processor, num_beams=4, **options)
    check(tokenizer, output)


def test_beams_agree_with_a_fresh_processor_every_step(
    model: Any, tokenizer: Any, processor: Any, vocabulary: sg.Vocabulary
):
    compiled = sg.regex(PATTERN).compile(vocabulary)
    prompt = len(tokenizer("A: ")["input_ids"])

    def forgetful(input_ids: Any, scores: Any) -> Any:
        return StructgenLogitsProcessor(compiled, prompt_length=prompt)(input_ids, scores)

    expected = generate(model, tokenizer, ["A: "], forgetful, num_beams=5, num_return_sequences=5)
    output = generate(model, tokenizer, ["A: "], processor, num_beams=5, num_return_sequences=5)
    assert output.tolist() == expected.tolist()


def test_assisted_by_a_draft_model(model: Any, draft: Any, tokenizer: Any, processor: Any):
    expected = generate(model, tokenizer, ["A: "], processor)
    for assistant in (draft, model):
        output = generate(model, tokenizer, ["A: "], processor, assistant_model=assistant)
        assert output.tolist() == expected.tolist()


def test_assisted_by_prompt_lookup(model: Any, tokenizer: Any, processor: Any):
    prompts = ['{"name": "abc", "ok": true} {"age": 12} ']
    expected = generate(model, tokenizer, prompts, processor)
    output = generate(model, tokenizer, prompts, processor, prompt_lookup_num_tokens=5)
    assert output.tolist() == expected.tolist()


def test_assisted_sampling(model: Any, draft: Any, tokenizer: Any, processor: Any):
    for seed in range(5):
        torch.manual_seed(seed)
        output = generate(
            model, tokenizer, ["A: "], processor, do_sample=True, assistant_model=draft
        )
        check(tokenizer, output)


def test_one_constraint_per_row(model: Any, tokenizer: Any, vocabulary: sg.Vocabulary):
    patterns = ["[0-9]{4}", "[a-f]{3}"]
    processor = StructgenLogitsProcessor([sg.regex(p) for p in patterns], vocabulary)
    output = generate(model, tokenizer, ["A: ", "Bbb: "], processor, num_beams=2)
    for pattern, row in zip(patterns, output, strict=True):
        check(tokenizer, row[None], pattern)
    output = generate(
        model, tokenizer, ["A", "B"], processor, do_sample=True, num_return_sequences=3
    )
    for i, row in enumerate(output):
        check(tokenizer, row[None], patterns[i // 3])
    with pytest.raises(ConstraintError, match="2 constraints for 3 rows"):
        generate(model, tokenizer, ["A", "B", "C"], processor)


def test_chats_go_on(model: Any, tokenizer: Any, processor: Any):
    """A second call whose prompt is all of the first one, and more."""
    prompt = "A: "
    for _ in range(3):
        (text,) = check(tokenizer, generate(model, tokenizer, [prompt], processor))
        prompt += text + "<|end|><|user|>more"


def test_a_text_can_be_continued(model: Any, tokenizer: Any, processor: Any):
    prompt = tokenizer("A: ", return_tensors="pt")["input_ids"]
    whole = generate(model, tokenizer, ["A: "], processor)
    first = generate(model, tokenizer, ["A: "], processor, max_new_tokens=5)
    both = torch.cat([prompt, first], dim=1)
    rest = model.generate(
        input_ids=both,
        attention_mask=torch.ones_like(both),
        logits_processor=[processor],
        max_new_tokens=60,
        do_sample=False,
        pad_token_id=END,
    )
    assert rest[0, prompt.shape[1] :].tolist() == whole[0].tolist()


def test_reset_forgets(vocabulary: sg.Vocabulary):
    processor = StructgenLogitsProcessor(sg.regex("ab"), vocabulary)
    ids, scores = torch.tensor([[1, 2]]), torch.zeros(1, 264)
    assert allowed(processor(ids, scores)) == [{97}]
    longer = torch.tensor([[1, 2, 97]])
    assert allowed(processor(longer, scores)) == [{98}]
    processor.reset()
    assert allowed(processor(longer, scores)) == [{97}]


def allowed(scores: Any) -> list[set[int]]:
    return [set(torch.isfinite(row).nonzero()[:, 0].tolist()) for row in scores]


def test_prefixes_in_any_order(vocabulary: sg.Vocabulary):
    processor = StructgenLogitsProcessor(sg.regex("a(bc|de)f"), vocabulary, prompt_length=2)
    nothing = torch.zeros(1, 264)
    everything = set(range(264))
    expected = {
        (): {97},
        (97,): {98, 100},
        (97, 98): {99},
        (97, 98, 99, 102): {END},
        (97, 100): {101},
        (97, 98, 99, 102, END): {END},
        (97, 98, 99, 102, END, END): {END},
        (97, 120): everything,  # forbidden: nothing to say
        (97, 120, 98): everything,
        (98,): everything,
    }
    for generated, tokens in [*expected.items(), *reversed(expected.items())]:
        ids = torch.tensor([[1, 2, *generated]])
        assert allowed(processor(ids, nothing)) == [tokens], generated


def test_rows_that_change_places(vocabulary: sg.Vocabulary):
    processor = StructgenLogitsProcessor(sg.regex("a(bc|de)f"), vocabulary)
    scores = torch.zeros(3, 264)
    prompts = torch.tensor([[1, 2]] * 3)
    assert allowed(processor(prompts, scores)) == [{97}] * 3
    step = torch.tensor([[1, 2, 97]] * 3)
    assert allowed(processor(step, scores)) == [{98, 100}] * 3
    step = torch.tensor([[1, 2, 97, 98], [1, 2, 97, 100], [1, 2, 97, 98]])
    assert allowed(processor(step, scores)) == [{99}, {101}, {99}]
    step = torch.tensor([[1, 2, 97, 100, 101], [1, 2, 97, 98, 99], [1, 2, 97, 100, 101]])
    assert allowed(processor(step, scores)) == [{102}] * 3


def test_scores_are_not_written_to(processor: Any):
    scores = torch.zeros(1, 264)
    processor(torch.tensor([[1]]), scores)
    assert bool((scores == 0).all())


@pytest.mark.parametrize("width", [258, 264, 300])
def test_other_widths_than_the_vocabulary(vocabulary: sg.Vocabulary, width: int):
    processor = StructgenLogitsProcessor(sg.regex("a?"), vocabulary)
    assert allowed(processor(torch.tensor([[1]]), torch.zeros(1, width))) == [{97, END}]


def test_predicates_are_asked_token_by_token(model: Any, tokenizer: Any, vocabulary: Any):
    def even(tokens: tuple[int, ...]) -> bool:
        return set(tokens) <= set(b"02468") and len(tokens) <= 6

    constraint = sg.predicate(even, complete=lambda tokens: len(tokens) == 6, on="tokens")
    processor = StructgenLogitsProcessor(constraint, vocabulary, probes=5)
    for options in ({}, {"do_sample": True}, {"num_beams": 2}):
        output = generate(model, tokenizer, ["A: "], processor, **options)
        check(tokenizer, output, "[02468]{6}")


def test_the_likeliest_allowed_token_is_always_found(vocabulary: sg.Vocabulary):
    constraint = sg.predicate(lambda tokens: tokens in ((), (ord("z"),)), on="tokens")
    processor = StructgenLogitsProcessor(constraint, vocabulary, probes=1)
    scores = torch.arange(264, 0, -1, dtype=torch.float32)[None]
    (found,) = allowed(processor(torch.tensor([[1]]), scores))
    assert found == {ord("z")}


def test_probes_bound_the_support(vocabulary: sg.Vocabulary):
    constraint = sg.predicate(
        lambda tokens: set(tokens) <= set(b"0123456789"), complete=len, on="tokens"
    )
    scores = torch.arange(264, dtype=torch.float32)[None]
    mask = sg.allocate_mask(1, vocabulary.size)
    constraint.compile(vocabulary).matcher().fill_mask(mask, 0)
    likelier = [t for t in sg.allowed_tokens(mask, vocabulary.size) if t >= ord("7")]
    for probes, last in ((len(likelier), "7"), (1000, "0")):
        processor = StructgenLogitsProcessor(constraint, vocabulary, probes=probes)
        (found,) = allowed(processor(torch.tensor([[1]]), scores))
        assert found == set(range(ord(last), ord("9") + 1))


def test_dead_ends_are_said(vocabulary: sg.Vocabulary):
    constraint = sg.predicate(
        lambda tokens: tokens in ((), (97,)), complete=lambda tokens: False, on="tokens"
    )
    processor = StructgenLogitsProcessor(constraint, vocabulary)
    processor(torch.tensor([[1]]), torch.zeros(1, 264))
    with pytest.raises(DeadEnd, match="may follow"):
        processor(torch.tensor([[1, 97]]), torch.zeros(1, 264))


def test_misuse_is_an_error(vocabulary: sg.Vocabulary):
    make: Callable[..., Any] = StructgenLogitsProcessor
    with pytest.raises(ConstraintError, match="needs the vocabulary"):
        make(sg.regex("a"))
    with pytest.raises(ConstraintError, match="at least one constraint"):
        make([], vocabulary)
    with pytest.raises(ConstraintError, match="probes"):
        make(sg.regex("a"), vocabulary, probes=0)
    with pytest.raises(ConstraintError, match="prompt_length"):
        make(sg.regex("a"), vocabulary, prompt_length=-1)
    other = sg.Vocabulary([b"a", None], eos_token_ids=[1])
    with pytest.raises(ConstraintError, match="different sizes"):
        make([sg.regex("a").compile(other), sg.regex("a").compile(vocabulary)])


def test_a_tokenizer_will_do_for_a_vocabulary(tokenizer: Any):
    processor = StructgenLogitsProcessor(sg.regex("a"), tokenizer)
    assert allowed(processor(torch.tensor([[1]]), torch.zeros(1, 264))) == [{97}]


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("budget", [16, 17, 24, 40])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_sample": True, "num_return_sequences": 2},
        {"num_beams": 2},
        {"prompt_lookup_num_tokens": 3},
    ],
    ids=["greedy", "sampled", "beams", "lookup"],
)
def test_rows_are_complete_at_the_budget(
    model: Any, tokenizer: Any, vocabulary: sg.Vocabulary, budget: int, options: dict[str, Any]
):
    torch.manual_seed(budget)
    constraint = sg.json_schema(SCHEMA)
    processor = StructgenLogitsProcessor(constraint, vocabulary, max_new_tokens=budget)
    prompts = ["one"] if "prompt_lookup_num_tokens" in options else ["one", "another"]
    output = generate(model, tokenizer, prompts, processor, max_new_tokens=budget, **options)
    for text in texts(tokenizer, output):
        assert constraint.accepts(text), text


def test_a_budget_that_nothing_fits_is_said_at_once(vocabulary: sg.Vocabulary):
    with pytest.raises(sg.TokenBudgetError) as caught:
        StructgenLogitsProcessor(sg.json_schema(SCHEMA), vocabulary, max_new_tokens=10)
    assert caught.value.needed == len('{"a":"","b":[]}') + 1


@pytest.mark.model
def test_a_real_model_writes_json():
    model = sg.load("default", device="cpu")
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 20},
            "population": {"type": "integer", "minimum": 0, "maximum": 99_999_999},
        },
        "required": ["city", "population"],
        "additionalProperties": False,
    }
    processor = StructgenLogitsProcessor(
        # plain: 3.14000e+0000... is an integer too, and a small model never comes to its end
        sg.json_schema(schema, whitespace="compact"),
        model.vocabulary,
    )
    ids = model.prompt_ids([{"role": "user", "content": "Tell me about Paris, as JSON."}])
    network_: Any = getattr(model, "model")  # noqa: B009  (not part of the protocol)
    for options in ({}, {"num_beams": 2}, {"do_sample": True, "num_return_sequences": 2}):
        output = network_.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            logits_processor=[processor],
            max_new_tokens=80,
            **{"do_sample": False, **options},
        )
        for row in output[:, len(ids) :].tolist():
            value = json.loads(model.decode(row))
            assert set(value) == {"city", "population"}
            assert len(value["city"]) <= 20
            assert 0 <= value["population"] <= 99_999_999
