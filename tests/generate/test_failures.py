"""Errors keep the work: retries, repairs, batches with bad rows, time limits."""

import _thread
import collections
import pickle
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pytest

import structgen as sg
from structgen.generate import Options, ToyModel

pydantic = pytest.importorskip("pydantic")
toy = ToyModel()
pytestmark = pytest.mark.filterwarnings("ignore::structgen.InexactTypeWarning")


class Even(pydantic.BaseModel):
    number: Annotated[int, pydantic.Field(ge=0, le=9)]

    @pydantic.field_validator("number")
    @classmethod
    def even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


class Never(pydantic.BaseModel):
    flag: bool

    @pydantic.model_validator(mode="after")
    def never(self) -> "Never":
        raise ValueError("never right")


ROWS = 24
PLAIN: dict[str, Any] = {"seed": 40, "max_tokens": 40}


def test_a_refused_text_is_kept() -> None:
    with pytest.raises(sg.ValidationFailed, match="never right") as caught:
        sg.generate(toy, "Hi", Never, seed=7, max_tokens=40)
    error = caught.value
    assert re.fullmatch(r'\s*\{\s*"flag":\s*(true|false)\s*\}\s*', error.text)
    assert error.value in ({"flag": True}, {"flag": False})
    assert isinstance(error.ledger, sg.Ledger)
    assert error.ledger.text == error.text
    assert (error.seed, error.row, error.attempts) == (7, None, 1)
    again = pickle.loads(pickle.dumps(error))
    assert (again.text, again.value, again.seed) == (error.text, error.value, 7)
    assert again.ledger.tokens == error.ledger.tokens


def test_the_seed_of_an_unseeded_call_is_in_its_error() -> None:
    with pytest.raises(sg.ValidationFailed) as caught:
        sg.generate(toy, "Hi", Never, max_tokens=40)
    with pytest.raises(sg.ValidationFailed) as again:
        sg.generate(toy, "Hi", Never, max_tokens=40, seed=caught.value.seed)
    assert again.value.text == caught.value.text


def test_every_error_of_a_generation_knows_its_seed() -> None:
    dead = sg.predicate(lambda text: len(text) < 3, complete=lambda text: len(text) == 5)
    with pytest.raises(sg.DeadEnd) as caught:
        sg.generate(toy, "Hi", dead, seed=3, max_tokens=20)
    assert caught.value.seed == 3


@pytest.mark.parametrize("sampler", ["auto", "awrs", "importance", "smc"])
@pytest.mark.parametrize("output", [lambda tp: tp, sg.from_type, sg.json_schema])
def test_retries_draw_until_the_type_takes_one(sampler: Any, output: Any) -> None:
    output = output(Even)
    for seed in range(4):
        result = sg.generate(
            toy, "Hi", output, seed=seed, max_tokens=40, max_retries=30, sampler=sampler
        )
        assert result.value.number % 2 == 0
        assert result.seed == seed
        again = sg.generate(
            toy, "Hi", output, seed=seed, max_tokens=40, max_retries=30, sampler=sampler
        )
        assert (again.text, again.attempts) == (result.text, result.attempts)


def test_retries_are_the_law_given_that_the_type_takes_the_text() -> None:
    """Of texts drawn by retries, the shares are those of the first attempts that pass."""
    drawn = [
        sg.generate(toy, "Hi", Even, seed=s, max_tokens=40, max_retries=200) for s in range(120)
    ]
    share = collections.Counter(one.value.number for one in drawn)
    first = collections.Counter[int]()
    for seed in range(10_000, 10_300):
        try:
            first[sg.generate(toy, "Hi", Even, seed=seed, max_tokens=40).value.number] += 1
        except sg.ValidationFailed:
            continue
    total = first.total()
    chi2 = sum(
        (share[n] - 120 * first[n] / total) ** 2 / (120 * first[n] / total + 1e-9) for n in first
    )
    # Both sides are random: about twice the degrees of freedom, which are four at most.
    assert chi2 < 40
    assert max(one.attempts for one in drawn) > 1
    # The weight is that of the accepted text alone.
    assert all(np.isclose(one.ledger.log_w, one.ledger.log_z.sum()) for one in drawn)


def test_seeds_of_attempts_are_no_seeds_of_rows() -> None:
    seeds = {
        Options(seed=seed).for_attempt(attempt).seed for seed in range(100) for attempt in range(50)
    }
    assert len(seeds) == 5000
    assert Options(seed=5).for_attempt(0).seed == 5


def test_retries_run_out() -> None:
    with pytest.raises(sg.ValidationFailed) as caught:
        sg.generate(toy, "Hi", Never, seed=1, max_tokens=40, max_retries=3)
    assert caught.value.attempts == 4
    with pytest.raises(sg.ValidationFailed) as caught:
        sg.generate(toy, "Hi", Never, max_tokens=40, max_retries=3, temperature=0)
    assert caught.value.attempts == 1  # greedily, another attempt would be the same


def test_other_errors_of_validators_are_told_with_the_text() -> None:
    class Broken(pydantic.BaseModel):
        flag: bool

        @pydantic.field_validator("flag")
        @classmethod
        def broken(cls, value: bool) -> bool:
            raise KeyError("a mistake of its own")

    with pytest.raises(KeyError) as caught:
        sg.generate(toy, "Hi", Broken, seed=1, max_tokens=40, max_retries=3)
    assert any("flag" in note and "seed 1" in note for note in caught.value.__notes__)


class Chat(ToyModel):
    """A toy with a chat template, which remembers its prompts."""

    has_chat_template = True

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def prompt_ids(
        self, prompt: str | Sequence[Any], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        self.seen.append(prompt)
        return super().prompt_ids(prompt, tools=tools)


def test_a_repair_asks_in_the_conversation() -> None:
    chat = Chat()
    asked = [{"role": "system", "content": "Be even."}, {"role": "user", "content": "A number."}]
    with pytest.raises(sg.ValidationFailed) as caught:
        sg.generate(chat, asked, Never, seed=1, max_tokens=40, max_retries=2, repair=True)
    assert caught.value.attempts == 3
    assert [len(prompt) for prompt in chat.seen] == [2, 4, 6]
    last = chat.seen[-1]
    assert last[:2] == asked
    assert [message["role"] for message in last[2:]] == ["assistant", "user"] * 2
    assert "flag" in last[2]["content"]
    assert "never right" in last[3]["content"]
    assert last[5]["content"].endswith("mend it.")


def test_a_repair_says_what_it_is_told_to() -> None:
    chat = Chat()
    with pytest.raises(sg.ValidationFailed):
        sg.generate(
            chat, "A number.", Never, seed=1, max_tokens=40, max_retries=1, temperature=0,
            repair="No: {error}",
        )  # fmt: skip
    assert chat.seen[-1][-1]["content"].startswith("No: ")
    assert len(chat.seen) == 2  # a repair is another prompt, so greedy decoding may try it


def test_a_repair_needs_messages_and_an_attempt() -> None:
    with pytest.raises(sg.OptionValueError, match="conversation"):
        sg.generate(toy, "Hi", Even, max_retries=1, repair=True)
    with pytest.raises(sg.OptionValueError, match="max_retries=1"):
        sg.generate(Chat(), "Hi", Even, repair=True)


# -- batches ----------------------------------------------------------------------------------


def test_one_bad_row_loses_no_other() -> None:
    results = sg.generate_batch(toy, ["Hi"] * ROWS, Even, on_error="return", **PLAIN)
    assert len(results) == ROWS
    failed = [one for one in results if isinstance(one, sg.Failed)]
    done = [one for one in results if not isinstance(one, sg.Failed)]
    assert failed
    assert done
    for row, one in enumerate(results):
        if isinstance(one, sg.Failed):
            assert isinstance(one.error, sg.ValidationFailed)
            assert (one.row, one.error.row, one.seed, one.error.seed) == (
                row,
                row,
                40 + row,
                40 + row,
            )
            assert one.text
            assert "odd" in str(one.error)
        else:
            assert one.error is None
            assert one.value.number % 2 == 0
            alone = sg.generate(toy, "Hi", Even, seed=40 + row, max_tokens=40)
            assert alone.text == one.text


def test_a_batch_that_raises_keeps_what_is_done() -> None:
    with pytest.raises(sg.ValidationFailed) as caught:
        sg.generate_batch(toy, ["Hi"] * ROWS, Even, **PLAIN)
    error = caught.value
    assert error.row is not None
    done: Any = error.results  # type: ignore[attr-defined]
    assert len(done) == error.row
    again = pickle.loads(pickle.dumps(error))
    assert [one.text for one in again.results] == [one.text for one in done]


def test_retries_mend_a_batch() -> None:
    results = sg.generate_batch(toy, ["Hi"] * ROWS, Even, max_retries=50, **PLAIN)
    assert all(one.value.number % 2 == 0 for one in results)


def test_any_iterable_is_a_batch_and_bad_prompts_are_rows() -> None:
    def prompts() -> Iterator[Any]:
        yield "one"
        yield 5
        yield [{"role": "user", "content": "two"}]

    results = sg.generate_batch(toy, prompts(), ["a", "b"], on_error="return", seed=1)
    assert [isinstance(one, sg.Failed) for one in results] == [False, True, False]
    bad: Any = results[1]
    assert isinstance(bad.error, sg.OptionTypeError)
    assert (bad.row, bad.error.row) == (1, 1)


def test_errors_of_users_are_rows_too() -> None:
    def wordy(text: str) -> bool:
        if "e" in text:
            raise RuntimeError("an e")
        return len(text) < 5

    results = sg.generate_batch(
        toy, ["Hi"] * 12, sg.regex("[a-f]+") & sg.predicate(wordy), on_error="return", seed=1,
        max_tokens=8,
    )  # fmt: skip
    errors = [one.error for one in results if isinstance(one, sg.Failed)]
    assert errors
    assert all(isinstance(error, (RuntimeError, sg.GenerationError)) for error in errors)
    assert len(results) == 12


def test_what_concerns_all_rows_is_raised_at_once() -> None:
    def never() -> Iterator[str]:
        raise AssertionError("no prompt is read")
        yield ""

    for output, options, error in (
        (sg.regex("[a-z]{9}"), {"max_tokens": 3}, sg.TokenBudgetError),
        ({"type": "strin"}, {}, sg.SchemaError),
        (sg.predicate(bool), {"sampler": "masked"}, sg.OptionValueError),
    ):
        with pytest.raises(error):
            sg.generate_batch(toy, never(), output, on_error="return", **options)  # type: ignore[call-overload]


# -- prompts ----------------------------------------------------------------------------------


def test_a_text_is_the_users_message_for_a_model_with_a_template() -> None:
    chat = Chat()
    sg.generate(chat, "Hello", ["a"], seed=1)
    assert chat.seen.pop() == [{"role": "user", "content": "Hello"}]
    sg.generate(chat, "Hello", ["a"], seed=1, raw=True)
    assert chat.seen.pop() == "Hello"
    list(sg.stream(chat, "Hello", ["a"], seed=1))
    assert chat.seen.pop() == [{"role": "user", "content": "Hello"}]
    sg.generate_batch(chat, ["Hello"], ["a"], seed=1, raw=True)
    assert chat.seen.pop() == "Hello"
    sg.generate(chat, "Hello", True, seed=1, max_tokens=9, describe=True)
    assert "schema" in chat.seen.pop()[0]["content"]
    with pytest.raises(sg.OptionValueError, match="`raw`"):
        sg.generate(chat, [{"role": "user", "content": "Hello"}], ["a"], raw=True)


def test_a_text_goes_raw_to_a_model_without_one() -> None:
    chat = Chat()
    chat.has_chat_template = False
    sg.generate(chat, "Hello", ["a"], seed=1)
    assert chat.seen.pop() == "Hello"


# -- timeout ----------------------------------------------------------------------------------


class Slow(ToyModel):
    """A toy that thinks."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def row(self, context: Sequence[int], /) -> Any:
        time.sleep(self.seconds)
        return super().row(context)


LONG = sg.regex("[a-z]{400}")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampler": "awrs"},
        {"speculative": True},
        {"sampler": "smc", "particles": 2},
        {"sampler": "importance", "particles": 2},
    ],
)
@pytest.mark.parametrize("output", [LONG, None, sg.predicate(lambda text: True)])
def test_a_timeout_ends_a_generation(options: dict[str, Any], output: Any) -> None:
    began = time.monotonic()
    with pytest.raises(sg.GenerationTimeout) as caught:
        sg.generate(Slow(0.01), "Hi", output, seed=2, max_tokens=500, timeout=0.3, **options)
    # The toy would take 5 s and more.
    assert time.monotonic() - began < 3.5
    error = caught.value
    assert (error.timeout, error.seed) == (0.3, 2)
    if options.get("particles") is None and output is LONG:
        assert error.text
        assert LONG.live_prefix(error.text) == len(error.text)
    assert pickle.loads(pickle.dumps(error)).text == error.text


def test_a_generation_in_time_is_the_same() -> None:
    for options in ({}, {"speculative": True}, {"sampler": "smc"}):
        timed = sg.generate(toy, "Hi", Even.model_json_schema(), seed=3, timeout=60, **options)  # type: ignore[call-overload]
        assert (
            timed.text == sg.generate(toy, "Hi", Even.model_json_schema(), seed=3, **options).text
        )  # type: ignore[call-overload]


def test_a_stream_times_out_with_its_text() -> None:
    told: list[str] = []

    def read() -> None:
        for piece in sg.stream(Slow(0.01), "Hi", LONG, seed=1, max_tokens=500, timeout=0.3):
            told.append(piece)  # noqa: PERF402

    with pytest.raises(sg.GenerationTimeout) as caught:
        read()
    assert caught.value.text
    assert caught.value.text.startswith("".join(told)[:-1])


def test_each_row_of_a_batch_has_its_own_time() -> None:
    results = sg.generate_batch(
        Slow(0.01), ["a", "b"], LONG, seed=1, max_tokens=500, timeout=0.15, on_error="return"
    )
    assert all(isinstance(one.error, sg.GenerationTimeout) for one in results)
    fine = sg.generate_batch(Slow(0.01), ["a", "b", "c"], ["x", "y"], seed=1, timeout=20)
    assert len(fine) == 3


def test_a_timeout_ends_compiling() -> None:
    hostile = "(" + "|".join(f"[a-z]{{0,{n}}}x[0-9]{{{n},300}}" for n in range(1, 60)) + "){1,40}"
    began = time.monotonic()
    with pytest.raises((sg.GenerationTimeout, sg.LimitExceeded)):
        sg.generate(toy, "Hi", sg.regex(hostile) & sg.regex("[a-z0-9]{900,}"), timeout=0.05,
                    max_tokens=20_000)  # fmt: skip
    assert time.monotonic() - began < 20


def test_a_token_of_the_callers_still_cancels() -> None:
    token = sg.CancelToken()
    limits = sg.Limits(cancel=token)
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    with pytest.raises(sg.Cancelled):
        sg.generate(Slow(0.005), "Hi", LONG, seed=1, max_tokens=500, timeout=60, limits=limits)
    timer.join()


def test_no_timer_outlives_its_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[threading.Event] = []
    start = _thread.start_new_thread

    def counted(function: Any, arguments: tuple[()]) -> int:
        done = threading.Event()
        ended.append(done)

        def run() -> None:
            function(*arguments)
            done.set()

        return start(run, ())

    monkeypatch.setattr(_thread, "start_new_thread", counted)
    pieces = sg.stream(toy, "Hi", ["a", "b"], seed=1, timeout=60)
    assert len(ended) == 1
    assert not ended[0].wait(0.05)
    assert "".join(pieces) in ("a", "b")
    for seed in range(3):
        sg.generate(toy, "Hi", ["a", "b"], seed=seed, timeout=60)
    assert len(ended) == 4
    assert all(one.wait(20) for one in ended)


# -- what is compiled once --------------------------------------------------------------------


class Reading:
    """Counts what is compiled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import structgen.generate.output as home

        self.count = 0
        built = home.json_schema

        def counting(*args: Any, **options: Any) -> Any:
            self.count += 1
            return built(*args, **options)

        monkeypatch.setattr(home, "json_schema", counting)


@pytest.mark.parametrize("options", [{}, {"timeout": 60}])
def test_an_equal_request_compiles_nothing(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    model = ToyModel()
    reading = Reading(monkeypatch)
    schema = {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}
    texts = [sg.generate(model, "Hi", dict(schema), seed=1, **options).text for _ in range(3)]
    assert reading.count == 1
    assert len(set(texts)) == 1
    for _ in range(3):
        sg.generate(model, "Hi", Even, max_retries=50, max_tokens=40, **options)
    assert reading.count == 2
    sg.generate(model, "Hi", schema, whitespace="compact", seed=1, **options)
    assert reading.count == 3
    sg.generate(ToyModel(), "Hi", schema, seed=1, **options)  # another model, another vocabulary
    assert reading.count == 4


def test_what_is_kept_goes_with_the_model() -> None:
    import gc
    import weakref

    from structgen.generate import compiled

    model = ToyModel()
    sg.generate(model, "Hi", True, seed=1, max_tokens=9)
    store = weakref.ref(compiled._stores[model])  # pyright: ignore[reportPrivateUsage]
    del model
    gc.collect()
    assert store() is None


def test_threads_share_one_automaton() -> None:
    model = ToyModel()
    schema = {"type": "array", "items": {"enum": [f"w{n}" for n in range(30)]}, "maxItems": 4}
    alone = [sg.generate(model, "Hi", schema, seed=s, max_tokens=60).text for s in range(8)]
    found: dict[int, str] = {}

    def work(seed: int) -> None:
        timeout = 60 if seed % 2 else None
        found[seed] = sg.generate(
            model, "Hi", schema, seed=seed, max_tokens=60, timeout=timeout
        ).text

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(8)] == alone
