"""Every form of type: random texts of its constraint parse, and its values are in it."""

from __future__ import annotations

import datetime
import decimal
import importlib
import json
import os
import random
import typing
import uuid
import warnings
from typing import Annotated, Any

import pydantic
import pytest

from structgen import Vocabulary, allowed_tokens
from structgen.constraints import from_type, parse, python_types
from structgen.errors import InexactTypeWarning
from tests.constraints.type_forms import FORMS, Color, Form

SEEDS = int(os.environ.get("STRUCTGEN_TYPE_SEEDS", "12"))
"""Random texts of each form; 200 for the whole measure."""

IDS = [form.name for form in FORMS]
NOTED = [form for form in FORMS if form.notes]
PLAIN = [form for form in FORMS if form.plain]


def constraint_of(form: Form) -> Any:
    with warnings.catch_warnings():
        if form.notes:
            warnings.simplefilter("ignore", InexactTypeWarning)
        return from_type(form.tp)


def check(form: Form) -> None:
    constraint = constraint_of(form)
    refused: list[str] = []
    for seed in range(SEEDS):
        text = constraint.sample(seed, max_bytes=80)
        try:
            parse(form.tp, text)
        except ValueError:
            refused.append(text)
    assert form.notes or not refused, refused[:3]


def needs(form: Form) -> None:
    if "Email" in form.name:
        pytest.importorskip("email_validator")


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_random_texts_parse(form: Form) -> None:
    needs(form)
    check(form)


@pytest.mark.parametrize("form", PLAIN, ids=[form.name for form in PLAIN])
def test_random_texts_parse_without_pydantic(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    check(form)


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_values_are_in_the_constraint(form: Form) -> None:
    needs(form)
    constraint = constraint_of(form)
    adapter = pydantic.TypeAdapter[Any](form.tp)
    for value in form.good:
        text = adapter.dump_json(value, by_alias=False).decode()
        assert constraint.accepts(text), text
        parse(form.tp, text)
    for text in form.texts:
        assert constraint.accepts(text), text
        parse(form.tp, text)
    for text in form.bad:
        assert not constraint.accepts(text), text


@pytest.mark.parametrize("form", PLAIN, ids=[form.name for form in PLAIN])
def test_values_are_in_the_plain_constraint(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = pydantic.TypeAdapter[Any](form.tp)
    monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    constraint = constraint_of(form)
    for value in form.good:
        text = adapter.dump_json(value).decode()
        assert constraint.accepts(text), text
        assert parse(form.tp, text) == value
    for text in form.bad:
        assert not constraint.accepts(text), text


PIECES = [
    *'01729-.:TZPabé/@"{}[]X ',
    "19",
    "20",
    ", ",
    ": ",
    "true",
    "null",
    "http",
    "://",
    "co",
    "==",
]
EOS = 256 + len(PIECES)
VOCABULARY = Vocabulary(
    [*(bytes([byte]) for byte in range(256)), *(piece.encode() for piece in PIECES), None],
    eos_token_ids=[EOS],
    special_tokens={"<eos>": EOS},
)
STEPS = 40


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_texts_drawn_under_masks_parse(form: Form) -> None:
    """A model without sense: any allowed token for a while, and then the shortest way out."""
    needs(form)
    automaton = constraint_of(form).compile(VOCABULARY)
    for seed in range(max(2, SEEDS // 10)):
        draw = random.Random(seed)
        state, text, token = automaton.start, b"", -1
        for _ in range(STEPS):
            token = int(draw.choice(allowed_tokens(automaton.mask(state)[None], VOCABULARY.size)))
            if token == EOS:
                break
            text += VOCABULARY.token_bytes(token) or b""
            state = automaton.advance(state, token)
        if token != EOS:
            text += automaton.completion(state) or b""
        if not form.notes:
            parse(form.tp, text.decode())


@pytest.mark.parametrize("form", NOTED, ids=[form.name for form in NOTED])
def test_what_is_not_said_is_told(form: Form) -> None:
    with pytest.warns(InexactTypeWarning) as caught:
        constraint = from_type(form.tp)
    assert caught[0].filename == __file__
    unchecked = [entry for entry in constraint.report if entry["status"] == "unchecked"]
    assert unchecked
    for entry in unchecked:
        assert entry["note"] in str(caught[0].message)


def random_type(draw: random.Random, depth: int) -> Any:
    """A type made of forms: lists, optional ones, dicts, tuples, models of them."""
    if not depth:
        return draw.choice(PARTS).tp

    def inner() -> Any:
        return random_type(draw, depth - 1)

    kind = draw.randrange(6)
    if kind == 0:
        return list[inner()]
    if kind == 1:
        return typing.Optional[inner()]  # noqa: UP045
    if kind == 2:
        return dict[str, inner()]
    if kind == 3:
        return tuple[inner(), inner()]
    if kind == 4:
        return dict[draw.choice([int, datetime.date, Color, uuid.UUID]), inner()]
    fields: dict[str, Any] = {f"f{n}": (inner(), ...) for n in range(draw.randrange(1, 4))}
    return pydantic.create_model(f"Model{draw.randrange(10**9)}", **fields)


APART = ("EmailStr", "EmailStr bounded", "NameEmail", "Final")
PARTS = [form for form in FORMS if not form.notes and form.name not in APART]


@pytest.mark.parametrize("seed", range(SEEDS * 2))
def test_random_texts_of_types_made_of_forms_parse(seed: int) -> None:
    tp = random_type(random.Random(seed), 3)
    constraint = from_type(tp)
    for number in range(5):
        parse(tp, constraint.sample(number, max_bytes=200))


EXTRA = {
    "color": ("Color",),
    "coordinate": ("Latitude", "Longitude", "Coordinate"),
    "currency_code": ("ISO4217",),
    "isbn": ("ISBN",),
    "mac_address": ("MacAddress",),
    "payment": ("PaymentCardNumber",),
    "phone_numbers": ("PhoneNumber",),
    "routing_number": ("ABARoutingNumber",),
}


@pytest.mark.parametrize(("module", "names"), EXTRA.items())
def test_types_of_pydantic_extra_types_parse_or_are_told_of(
    module: str, names: tuple[str, ...]
) -> None:
    pytest.importorskip("pydantic_extra_types")
    try:
        home = importlib.import_module(f"pydantic_extra_types.{module}")
    except (ImportError, RuntimeError) as error:
        pytest.skip(str(error))
    for name in names:
        tp = getattr(home, name)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            constraint = from_type(tp)
        told = any(warning.category is InexactTypeWarning for warning in caught)
        for seed in range(SEEDS if not told else 0):
            parse(tp, constraint.sample(seed, max_bytes=80))


def test_a_model_is_told_what_people_read() -> None:
    class Order(pydantic.BaseModel):
        at: Annotated[datetime.datetime, pydantic.Field(ge=datetime.datetime(2024, 1, 1))]
        day: Annotated[datetime.date, pydantic.Field(ge=datetime.date(2024, 1, 1))]
        price: Annotated[decimal.Decimal, pydantic.Field(gt=0, decimal_places=2)]
        code: Annotated[str, pydantic.Field(pattern="^[a-z]+$")]
        page: pydantic.HttpUrl

    told = from_type(Order).reading.schema
    assert told is not None
    assert len(told) < 1000
    shown = json.loads(told)["properties"]
    assert shown["day"]["format"] == "date"
    assert shown["day"]["formatMinimum"] == "2024-01-01"
    assert shown["at"]["examples"] == ["2024-02-29T12:30:00"]
    assert shown["price"]["formatExclusiveMinimum"] == "0"
    assert shown["code"]["pattern"] == "^[a-z]+$"
    assert shown["page"] == {"format": "uri", "maxLength": 2083, "title": "Page", "type": "string"}
