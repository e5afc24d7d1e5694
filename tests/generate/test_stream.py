"""Streams give the text of `generate`, in pieces, and can be left early."""

import re
import threading

import pytest

import structgen as sg
from structgen.generate import ToyModel

WORDS = r"[a-z]{2,5}( [a-zé]{2,5}){1,3}"


@pytest.fixture(scope="module")
def toy() -> ToyModel:
    return ToyModel()


@pytest.mark.parametrize("speculative", [None, True])
@pytest.mark.parametrize("output", [sg.regex(WORDS), None], ids=["regex", "free"])
def test_pieces_add_up(toy: ToyModel, output: object, speculative: object) -> None:
    pieces = sg.stream(toy, "Hi", output, seed=3, max_tokens=30, speculative=speculative)
    told = list(pieces)
    assert len(told) > 1
    whole = sg.generate(toy, "Hi", output, seed=3, max_tokens=30)
    assert "".join(told) == pieces.result.text == whole.text
    assert pieces.result.value == whole.value
    assert (pieces.result.speculation is not None) is (speculative is True)


def test_the_first_piece_comes_before_the_last_token(toy: ToyModel) -> None:
    pieces = sg.stream(toy, "Hi", sg.regex("[a-z]{20}"), seed=1, max_tokens=30)
    assert len(next(pieces)) == 1
    with pytest.raises(sg.GenerationError, match="exhausted"):
        _ = pieces.result


@pytest.mark.parametrize("speculative", [None, True])
def test_leaving_early_stops_the_model(toy: ToyModel, speculative: object) -> None:
    before = threading.active_count()
    with sg.stream(
        toy, "Hi", sg.regex("[a-z]{500}"), seed=1, max_tokens=600, speculative=speculative
    ) as pieces:
        next(pieces)
    assert list(pieces) == []
    assert threading.active_count() == before


@pytest.mark.parametrize("speculative", [None, True])
def test_an_empty_prompt_streams(toy: ToyModel, speculative: object) -> None:
    pieces = sg.stream(toy, "", sg.regex("[a-z]{5}"), seed=1, speculative=speculative)
    assert re.fullmatch("[a-z]{5}", "".join(pieces))


@pytest.mark.parametrize("speculative", [None, True])
def test_errors_of_drawing_reach_the_reader(toy: ToyModel, speculative: object) -> None:
    def wordy(text: str) -> bool:
        if len(text) > 3:
            raise RuntimeError("too long")
        return True

    pieces = sg.stream(
        toy, "Hi", sg.predicate(wordy), max_tokens=9, seed=1, speculative=speculative
    )
    with pytest.raises(RuntimeError, match="too long"):
        list(pieces)


def test_errors_of_the_request_are_raised_at_once(toy: ToyModel) -> None:
    with pytest.raises(ValueError, match="finished texts"):
        sg.stream(toy, "Hi", ["a"], sampler="smc")
    with pytest.raises(sg.ConstraintError):
        sg.stream(toy, "Hi", sg.regex("("))
    for speculative in (None, True):
        with pytest.raises(sg.TokenBudgetError):
            sg.stream(toy, "Hi", sg.regex("[a-z]{9}"), max_tokens=4, speculative=speculative)
    with pytest.raises(sg.OptionValueError, match="max_retries"):
        sg.stream(toy, "Hi", ["a"], max_retries=1)


def test_stops_are_cut_in_streams_too(toy: ToyModel) -> None:
    whole = sg.generate(toy, "Hi", max_tokens=60, seed=5).text
    stop = whole[10:12]
    pieces = sg.stream(toy, "Hi", max_tokens=60, seed=5, stop=stop)
    assert "".join(pieces) == whole[: whole.index(stop)]
