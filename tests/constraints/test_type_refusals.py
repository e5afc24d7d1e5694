"""What is no type for JSON is refused in words that help; so is what no text can ever satisfy."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import pickle
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import attrs
import numpy as np
import pydantic
import pydantic.v1
import pytest
from pydantic import BaseModel, Field

from structgen.constraints import from_type, python_types
from structgen.errors import ConstraintError, EmptyLanguageError, LimitExceeded


class Tuples(enum.Enum):
    A = (1, 2)
    B = (3, 4)


class Plain:
    def __init__(self, a: int) -> None:
        self.a = a


class Named(Protocol):
    name: str


@attrs.define
class Attrs:
    a: int


class Structured:
    """Shaped like a msgspec Struct, which is not installed everywhere."""

    __struct_fields__ = ("a",)


class Code(str):
    __slots__ = ()


class Legacy(pydantic.v1.BaseModel):
    a: int


class Holder(BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    inner: Plain


@dataclass
class Deep:
    inner: list[Plain]


class Elsewhere(BaseModel):
    a: int = Field(validation_alias=pydantic.AliasPath("b", 0))


class Lost(BaseModel):
    a: Missing  # type: ignore[name-defined]  # noqa: F821


class Outer(BaseModel):
    deep: list[Elsewhere]


class Patterned(BaseModel):
    code: Annotated[str, Field(pattern="(?x) a")]


REFUSED: list[tuple[Any, str]] = [
    (3, "`int`, and no type"),
    (1.5, "`float`, and no type"),
    (b"a", "`bytes`, and no type"),
    (object(), "no type"),
    (Plain(1), "`Plain`, and no type"),
    (Plain, "`Plain` is a class that does not declare its fields"),
    (Attrs, "`Attrs` is an attrs class"),
    (Structured, "`Structured` is a msgspec Struct"),
    (Named, "`Named` is a Protocol"),
    (np.int64, "`int64` is a numpy type"),
    (np.ndarray, "`ndarray` is a numpy type"),
    (np.dtype("int64"), "numpy dtype"),
    (Deep, "`Plain` is a class that does not declare its fields, in `Deep`"),
    (list[Attrs], "`Attrs` is an attrs class, in `list"),
    (Holder, "instance of `Plain`"),
    (Code, "`Code` is a subclass of str"),
    (Legacy, "`Legacy` is a model of pydantic's version 1"),
    (range, "`range` is a class that does not declare"),
    (Callable[[int], int], "functions"),
    (type[int], "values are classes"),
    (typing.LiteralString, "a form of typing"),
    (pydantic.ImportString, "for Python to import"),
    (Tuples, "member of `Tuples`: <Tuples.A"),
    (Literal[Tuples.A], "value of the Literal"),
    (dict[tuple[int, int], int], "keys of a JSON object are strings"),
    (dict[None, int], "keys of a JSON object are strings"),
    (dict[Literal[1], int], "keys of a JSON object are strings"),
    (set[list[int]], "have no hash"),
    (frozenset[dict[str, int]], "have no hash"),
    (pydantic.Json[Annotated[str, Field(pattern="a")]], "JSON inside a JSON string"),
    (Elsewhere, "the field `a` is read from a place inside another member"),
    (Outer, "in its field `deep`: the field `a` is read from a place"),
    (Patterned, "in its field `code`: the pattern"),
    (Holder, "in its field `inner`: "),
    (Lost, "not defined"),
    (Annotated[list[int], Field(pattern="a")], "JSON of type array"),
    (enum.Enum("Empty", {}), "there is no member of `Empty`"),
    (typing.Required[int], "a form of typing"),
    (pydantic.json_schema.SkipJsonSchema[int], "asks to be left out"),
    (Annotated[decimal.Decimal, Field(le=decimal.Decimal("NaN"))], "NaN bounds a decimal"),
    (Annotated[decimal.Decimal, Field(le=decimal.Decimal("-Infinity"))], "no decimal is within"),
    (Annotated[decimal.Decimal, Field(le=decimal.Decimal("1E+9999"))], "more than 150 digits"),
    (Annotated[float, Field(lt=float("nan"))], "NaN bounds a float"),
    (Annotated[float, Field(gt=1.7976931348623157e308)], "no float is within"),
    (Annotated[int, Field(ge="a")], "pydantic cannot handle"),  # type: ignore[call-overload]
    (Annotated[str, Field(pattern="(")], "regex parse error"),
    (Annotated[str, Field(pattern="(?x) a b")], "no exact form in JSON Schema: the flags `x`"),
    (Annotated[str, Field(pattern="[a-z&&[^b]]")], "a class in a class|`&&` in a class"),
]


@pytest.mark.parametrize(
    ("tp", "words"), REFUSED, ids=[str(tp).split(" at 0x")[0][:60] for tp, _ in REFUSED]
)
def test_refused(tp: Any, words: str) -> None:
    with pytest.raises(ConstraintError, match=words) as caught:
        from_type(tp)
    assert "arbitrary_types_allowed" not in str(caught.value)
    assert "core_schema" not in str(caught.value)


WITHOUT_PYDANTIC = (3, Plain, Attrs, Structured, Named, np.int64, np.dtype("int64"), Deep)


@pytest.mark.parametrize(
    ("tp", "words"),
    [pair for pair in REFUSED if any(pair[0] is tp for tp in WITHOUT_PYDANTIC)],
    ids=str,
)
def test_refused_without_pydantic(tp: Any, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    with pytest.raises(ConstraintError, match=words.partition(", in")[0]):
        from_type(tp)


@pytest.mark.parametrize(
    "tp",
    [
        Annotated[int, Field(gt=3, lt=4)],
        Annotated[str, Field(min_length=3, max_length=2)],
        Annotated[set[bool], Field(min_length=3)],
    ],
    ids=str,
)
def test_no_text_can_pass(tp: Any) -> None:
    with pytest.raises(EmptyLanguageError):
        from_type(tp)


def nested(depth: int, form: Callable[[Any], Any]) -> Any:
    tp: Any = int
    for _ in range(depth):
        tp = form(tp)
    return tp


def listed(tp: Any) -> Any:
    return list[tp]


def optional(tp: Any) -> Any:
    return list[tp] | None


@pytest.mark.parametrize("form", [listed, optional])
def test_depth_has_a_limit(form: Callable[[Any], Any]) -> None:
    with pytest.raises(LimitExceeded) as caught:
        from_type(nested(900, form))
    assert caught.value.name == "max_depth"
    assert "names of their own" in str(caught.value)


def test_bounds_that_bind_nothing() -> None:
    far = decimal.Decimal("Infinity")
    for field in (Field(le=far), Field(ge=-far)):
        assert from_type(Annotated[decimal.Decimal, field]).accepts('"12.5"')
    day = Annotated[datetime.datetime, Field(ge=datetime.date(2024, 1, 1))]
    assert from_type(day).accepts('"2024-01-01T00:00:00"')
    assert not from_type(day).accepts('"2023-12-31T00:00:00"')


def a_function(a: int, b: str = "") -> None:
    del a, b


@pytest.mark.parametrize("given", [functools.partial(a_function, 1), functools.partial(int)])
def test_partial_functions_are_no_types(given: Any) -> None:
    with pytest.raises(ConstraintError, match="arguments filled in") as caught:
        from_type(given)
    assert "from_signature" in str(caught.value)


def test_the_parser_of_a_type_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    real = pydantic.TypeAdapter

    def counted(tp: Any) -> Any:
        built.append(tp)
        return real(tp)

    constraint = from_type(list[int])
    monkeypatch.setattr(python_types, "_adapter", counted)
    for _ in range(5):
        assert constraint.parse("[1, 2]") == [1, 2]
    assert len(built) == 1
    twin = pickle.loads(pickle.dumps(constraint.reading))
    assert twin == constraint.reading
    assert twin.value("[3]") == [3]
