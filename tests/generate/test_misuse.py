"""Calls that were meant otherwise are answered in our words, by the class that the rule names."""

import inspect
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

import structgen as sg
from structgen.generate import Options, OptionsDict, ToyModel
from structgen.generate.front import generate

toy = ToyModel()


@pytest.mark.parametrize("call", [generate, sg.stream, sg.generate_batch])
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("max_token", "max_tokens"),
        ("temprature", "temperature"),
        ("top_K", "top_k"),
        ("max_retry", "max_retries"),
        ("speculation", "speculative"),
    ],
)
def test_unknown_options_name_the_nearest(call: Any, given: str, meant: str) -> None:
    with pytest.raises(sg.OptionTypeError, match=f"no option `{given}`; did you mean") as caught:
        call(toy, ["Hi"] if call is sg.generate_batch else "Hi", **{given: 1})
    assert f"`{meant}`" in str(caught.value)
    assert caught.value.option == given
    assert "__init__" not in str(caught.value)
    assert call.__name__ in str(caught.value)


def test_an_unknown_option_like_no_other_lists_them() -> None:
    with pytest.raises(sg.OptionTypeError, match="options: max_tokens"):
        sg.generate(toy, "Hi", zzz=1)  # type: ignore[call-overload]


WRONG_TYPES: list[tuple[str, object]] = [
    ("temperature", "a"),
    ("temperature", None),
    ("temperature", True),
    ("temperature", [1.0]),
    ("max_tokens", 1.5),
    ("max_tokens", "5"),
    ("max_tokens", True),
    ("max_tokens", None),
    ("seed", 1.5),
    ("seed", True),
    ("seed", "s"),
    ("top_k", 1.5),
    ("top_k", True),
    ("top_p", "0.5"),
    ("min_p", None),
    ("sampler", 3),
    ("particles", 2.5),
    ("ess_threshold", "x"),
    ("parallel_tool_calls", 1),
    ("raw", "yes"),
    ("describe", 1),
    ("stop", 3),
    ("stop", ["a", 3]),
    ("stop", b"a"),
    ("max_retries", 1.0),
    ("repair", 3),
    ("timeout", "1"),
    ("timeout", True),
    ("limits", {"compile_ms": 3}),
]
WRONG_VALUES: list[tuple[str, object]] = [
    ("temperature", -1),
    ("temperature", float("nan")),
    ("temperature", 1e-9),
    ("max_tokens", 0),
    ("seed", -1),
    ("seed", 2**63),
    ("top_k", 0),
    ("top_p", 0.0),
    ("top_p", 1.1),
    ("min_p", -0.1),
    ("sampler", "smcc"),
    ("particles", 4),
    ("max_retries", -1),
    ("timeout", 0),
    ("timeout", -2.5),
    ("timeout", float("nan")),
    ("stop", ""),
]


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES)
def test_a_wrong_type_is_a_type_error_that_names_the_option(name: str, value: object) -> None:
    with pytest.raises(sg.OptionTypeError, match=f"`{name}`") as caught:
        sg.generate(toy, "Hi", **{name: value})  # type: ignore[call-overload]
    assert isinstance(caught.value, TypeError)
    assert not isinstance(caught.value, ValueError)
    assert caught.value.option == name


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES)
def test_a_wrong_value_is_a_value_error_that_names_the_option(name: str, value: object) -> None:
    with pytest.raises(sg.OptionValueError, match=f"`{name}`") as caught:
        sg.generate(toy, "Hi", **{name: value})  # type: ignore[call-overload]
    assert isinstance(caught.value, ValueError)
    assert caught.value.option == name


def test_every_option_is_checked() -> None:
    """Whatever is no value of any option is refused by each, by the rule."""

    class Odd:
        pass

    late = {"tool_choice", "tool_format", "speculative", "whitespace"}
    for name in {one.name for one in fields(Options)} - late:
        with pytest.raises(sg.OptionTypeError, match=f"`{name}`"):
            Options(**{name: Odd()})  # type: ignore[arg-type]
    with pytest.raises(sg.OptionTypeError, match="`speculative`"):
        sg.generate(toy, "Hi", ["a"], speculative=Odd())
    with pytest.raises(sg.ConstraintError, match="`whitespace`"):
        sg.generate(toy, "Hi", True, whitespace=Odd())  # type: ignore[call-overload]
    with pytest.raises(sg.ConstraintError, match="`tool_choice`"):
        sg.generate(toy, "Hi", tools=[print_it], tool_choice=Odd())  # type: ignore[call-overload]
    with pytest.raises(sg.OptionTypeError, match="`tool_format`"):
        sg.generate(toy, "Hi", tools=[print_it], tool_format=Odd())  # type: ignore[call-overload]


def print_it(text: str) -> None:
    """Print a text."""


def test_numbers_of_numpy_are_numbers() -> None:
    result = sg.generate(
        toy, "Hi", ["a", "b"], max_tokens=np.int64(5), seed=np.int32(3), temperature=np.float32(0.5)
    )  # type: ignore[call-overload]
    assert result.value in ("a", "b")


def test_the_near_name_of_a_sampler() -> None:
    with pytest.raises(sg.OptionValueError, match="did you mean 'masked'"):
        sg.generate(toy, "Hi", sampler="mask")  # type: ignore[call-overload]


@pytest.mark.parametrize("call", [generate, sg.stream, sg.generate_batch])
def test_signatures_list_the_options(call: Any) -> None:
    parameters = inspect.signature(call).parameters
    for one in fields(Options):
        assert parameters[one.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[one.name].default == one.default
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert ("on_error" in parameters) is (call is sg.generate_batch)


def test_every_option_is_documented_and_typed() -> None:
    names = {one.name for one in fields(Options)}
    assert set(OptionsDict.__annotations__) == names
    text = inspect.getdoc(generate) or ""
    documented = text[text.index("Args:") : text.index("Returns:")]
    for name in names:
        assert any(
            name in line.split(":")[0].replace(",", " ").split() for line in documented.splitlines()
        ), name


@pytest.mark.parametrize(
    ("prompt", "hint"),
    [
        (b"Hi", "decode"),
        (5, None),
        (None, None),
        ({"role": "user", "content": "Hi"}, "[message]"),
        ([{"content": "Hi"}], None),
        (["Hi"], None),
    ],
)
def test_what_is_no_prompt(prompt: Any, hint: str | None) -> None:
    with pytest.raises(sg.OptionTypeError, match="`prompt` is") as caught:
        sg.generate(toy, prompt, ["a"])
    assert hint is None or hint in str(caught.value)


@pytest.mark.parametrize(
    "prompts", ["hello", b"hello", {"role": "user"}, 5, None, [{"role": "user", "content": "Hi"}]]
)
def test_one_prompt_is_no_batch(prompts: Any) -> None:
    with pytest.raises(sg.OptionTypeError, match="`prompts` is several prompts") as caught:
        sg.generate_batch(toy, prompts, ["a"])
    assert caught.value.hint is not None
    with pytest.raises(sg.OptionTypeError, match="`prompts`"):
        sg.generate_batch(toy, prompts, ["a"], on_error="return")


def test_on_error_is_one_of_two() -> None:
    with pytest.raises(sg.OptionValueError, match="did you mean 'return'"):
        sg.generate_batch(toy, [], ["a"], on_error="returns")  # type: ignore[call-overload]


@pytest.mark.parametrize("output", [[int, str], [1, 2], ["a", None], [["a"]], b"ab", (int,)])
def test_lists_hold_texts(output: Any) -> None:
    with pytest.raises(sg.ConstraintError, match="texts to choose from"):
        sg.generate(toy, "Hi", output)


@pytest.mark.parametrize("output", [3, 2.5, object(), {1, 2}])
def test_what_is_no_output(output: Any) -> None:
    with pytest.raises(sg.ConstraintError):
        sg.generate(toy, "Hi", output)


class Tokenizer:
    """Something that a person takes for a vocabulary."""


@pytest.mark.parametrize(
    "constraint",
    [
        sg.regex("a"),
        sg.json_schema(True),
        sg.predicate(str.isdigit),
        sg.regex("a") & sg.predicate(str.isdigit),
    ],
)
def test_a_tokenizer_is_no_vocabulary(constraint: Any) -> None:
    with pytest.raises(sg.OptionTypeError, match="`vocabulary`") as caught:
        constraint.compile(Tokenizer())
    assert "Vocabulary.from_transformers" in str(caught.value)
    with pytest.raises(sg.OptionTypeError, match="`vocabulary`"):
        sg.ConstraintCache(Tokenizer())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "build",
    [
        lambda **k: sg.json_schema(True, **k),
        lambda **k: sg.from_type(int, **k),
        lambda **k: sg.from_signature(print_it, **k),
        lambda **k: sg.ToolSet([print_it], json_options=k),
        lambda **k: sg.ConstraintCache(toy.vocabulary).json_schema(True, **k),
        lambda **k: sg.ConstraintCache(toy.vocabulary).from_type(int, **k),
    ],
)
def test_unknown_options_of_json_name_the_nearest(build: Any) -> None:
    with pytest.raises(sg.OptionTypeError, match="did you mean `property_order`"):
        build(propety_order="any")


def test_other_builders_answer_too() -> None:
    with pytest.raises(sg.OptionTypeError, match="did you mean `dialect`"):
        sg.regex("a", dialekt="ecma")  # type: ignore[call-arg]
    with pytest.raises(sg.OptionTypeError, match="did you mean `terminals`"):
        sg.grammar('start: "a"', terminal={})  # type: ignore[call-arg]


def test_a_vocabulary_without_end_tokens_cannot_end_a_text() -> None:
    vocabulary = sg.Vocabulary([b"a", b"b"], eos_token_ids=[])
    from structgen.models.toy import MarkovModel

    with pytest.raises(sg.VocabularyError, match="no end token"):
        sg.generate(MarkovModel(vocabulary), "a", ["a", "b"])
    # Its masks are good for those who know themselves when to stop.
    matcher = sg.regex("ab").compile(vocabulary).matcher()
    assert matcher.advance(0)
    assert not matcher.is_accepting()
    assert matcher.advance(1)
    assert matcher.is_accepting()
    assert not matcher.is_terminated()
    mask = sg.allocate_mask(1, vocabulary.size)
    matcher.fill_mask(mask, 0)
    assert len(sg.allowed_tokens(mask, vocabulary.size)) == 0


def test_the_options_of_json_are_those_of_json_schema() -> None:
    from structgen.constraints.schema_options import JsonOptions

    taken = set(inspect.signature(sg.json_schema).parameters) - {"schema"}
    assert set(JsonOptions.__annotations__) == taken
