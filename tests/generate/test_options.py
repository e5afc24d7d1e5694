"""Options of the front door are checked, none is ignored."""

import pytest

from structgen.errors import StructgenError
from structgen.generate.options import Options
from structgen.generate.prompt import described


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"sampler": "magic"}, "one of 'auto'"),
        ({"particles": 4}, "particles"),
        ({"particles": 0, "sampler": "smc"}, "particles"),
        ({"ess_threshold": 0.5}, "ess_threshold"),
        ({"ess_threshold": 2.0, "sampler": "smc"}, "ess_threshold"),
        ({"seed": -1}, "seed"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"temperature": 0.0, "sampler": "smc"}, "temperature"),
        ({"speculative": True, "sampler": "smc"}, "speculative"),
        ({"stop": ["a", ""]}, "stop"),
    ],
)
def test_bad_values_are_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises((ValueError, StructgenError), match=told):
        Options(**given)  # pyright: ignore[reportArgumentType]


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="temprature"):
        Options(temprature=0.5)  # pyright: ignore[reportCallIssue]


def test_a_fresh_seed_is_drawn_once() -> None:
    options = Options().seeded()
    assert options.seed is not None
    assert options.seeded() is options
    assert Options(seed=5).seeded().seed == 5
    assert Options().seeded().seed != Options().seeded().seed


def test_describe_appends_the_schema_to_the_last_user_message() -> None:
    prompt = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "well"},
    ]
    told = described(prompt, {"type": "integer"})
    assert told[0] == prompt[0]
    assert told[2] == prompt[2]
    assert str(told[1]["content"]).startswith("second\n")
    assert '"integer"' in str(told[1]["content"])
    assert prompt[1]["content"] == "second"


@pytest.mark.parametrize("prompt", ["plain", [], [{"role": "system", "content": "x"}]])
def test_describe_refuses_what_it_cannot_change(prompt: object) -> None:
    with pytest.raises(ValueError, match="describe"):
        described(prompt, True)  # pyright: ignore[reportArgumentType]
