"""Forms of types, each with good values: data for `test_type_forms`."""

# Forms are written as users write them, in old spellings too.
# ruff: noqa: UP006, UP007, UP035, UP045
# pyright: reportDeprecated=false, reportMissingTypeArgument=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportInvalidTypeForm=false, reportPrivateUsage=false

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import pathlib
import re
import typing
import uuid
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union

import annotated_types as at
import pydantic
import pydantic.dataclasses
from pydantic import BaseModel, ConfigDict, Field, networks
from typing_extensions import NotRequired, TypedDict


@dataclass(frozen=True)
class Form:
    """A type and values of it that its constraint must take, as pydantic writes them.

    `plain`: the standard library alone knows it too. `notes`: it checks more than can be said.
    `texts`: further texts that belong to it.
    """

    name: str
    tp: Any
    good: tuple[Any, ...] = ()
    plain: bool = False
    notes: bool = False
    texts: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"


class IntE(enum.IntEnum):
    A = 1
    B = 2


class StrE(enum.StrEnum):
    A = "a"


class Mixed(enum.Enum):
    A = 1
    B = "x"
    C = None


class HalfTuples(enum.Enum):
    A = (1, 2)
    B = "b"


class Address(BaseModel):
    street: str
    zip: Annotated[str, Field(pattern=r"^\d{5}$")]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


class Pet(BaseModel):
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    item: T


class Node(BaseModel):
    v: int
    children: list[Node] = []


class Root(pydantic.RootModel[list[int]]):
    pass


class Computed(BaseModel):
    a: int

    @pydantic.computed_field
    @property
    def b(self) -> int:
        return self.a * 2


class Aliased(BaseModel):
    a: int = Field(alias="theA")
    b: int = Field(validation_alias=pydantic.AliasChoices("bb", "bbb"))


class Serialised(BaseModel):
    model_config = ConfigDict(validate_by_name=True)
    a: int = Field(serialization_alias="sa")


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
    a: int = Field(alias="theA")


class Movie(TypedDict):
    a: int
    b: NotRequired[str]


@dataclass
class Point:
    x: int
    y: float = 1.5
    tags: list[str] = dataclasses.field(default_factory=list[str])


@dataclass
class Span:
    low: decimal.Decimal
    since: Annotated[dt.date, at.Ge(dt.date(2024, 1, 1))]


class Pair(NamedTuple):
    x: int
    y: str = "a"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    a: int
    at: dt.date
    price: decimal.Decimal


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Trimmed(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_to_lower=True, str_max_length=9)
    a: str


class Hexadecimal(BaseModel):
    model_config = ConfigDict(val_json_bytes="hex", ser_json_bytes="hex")
    a: Annotated[bytes, Field(min_length=2, max_length=3)]


class Base64(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")
    a: Annotated[bytes, Field(min_length=2, max_length=5)]


class Private(BaseModel):
    a: int
    _b: int = pydantic.PrivateAttr(default=3)


class Ordered(BaseModel):
    a: int
    b: int

    @pydantic.model_validator(mode="after")
    def check(self) -> Ordered:
        if self.a >= self.b:
            raise ValueError("a < b")
        return self


class Upper(BaseModel):
    a: str

    @pydantic.field_validator("a")
    @classmethod
    def upper(cls, value: str) -> str:
        if not value.isupper():
            raise ValueError("upper")
        return value


class Hooked(BaseModel):
    a: int

    def model_post_init(self, context: Any, /) -> None:
        if self.a < 0:
            raise ValueError("a")


@dataclass
class Positive:
    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("a")


@pydantic.dataclasses.dataclass
class Checked:
    a: Annotated[int, Field(ge=3)]


def by_size(value: object) -> str:
    return "cat" if isinstance(value, Cat) or "lives" in str(value) else "dog"


DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(2024, 2, 29, 12, 30)
NOON_UTC = NOON.replace(tzinfo=dt.UTC)
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))
D = decimal.Decimal
ID = uuid.UUID("12345678-1234-4234-8234-123456789012")


def amount(**bounds: Any) -> Any:
    return Annotated[D, Field(**bounds)]


def day(**bounds: Any) -> Any:
    return Annotated[dt.date, Field(**bounds)]


def moment(**bounds: Any) -> Any:
    return Annotated[dt.datetime, Field(**bounds)]


def length(**bounds: Any) -> Any:
    return Annotated[dt.timedelta, Field(**bounds)]


def text(**settings: Any) -> Any:
    return Annotated[str, pydantic.StringConstraints(**settings)]


_HOUR = dt.timedelta(hours=1)


class Written:
    """A type of a library: its schema says less than its validation."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return {"type": "decimal", "ge": D(-90), "le": D(90)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        return {"anyOf": [{"type": "number"}, {"type": "string"}]}


class Loosened(BaseModel):
    """Its schema says less than it checks."""

    a: int = Field(ge=3, json_schema_extra=lambda schema: schema.clear())


FORMS = [
    Form("schema by others", Written, texts=('"89.5"',), bad=('"91"', "91")),
    Form("schema by hand",
         Annotated[int, Field(ge=3), pydantic.WithJsonSchema({"type": "integer"})],
         (3,), bad=("2",)),
    Form("bounds taken out", Loosened, (Loosened(a=3),), bad=('{"a": 2}',)),
    Form("another JSON type", Annotated[int, pydantic.WithJsonSchema({"type": "string"})],
         texts=('"12"',), notes=True),
    Form("int", int, (3, -3, 0), plain=True),
    Form("float", float, (3.5, -0.25, 2.0, 1e-07), plain=True),
    Form("str", str, ("a", "é\n"), plain=True),
    Form("bool", bool, (True, False), plain=True),
    Form("None", None, (None,), plain=True),
    Form("NoneType", type(None), (None,), plain=True),
    Form("Any", Any, ({"a": 1}, [1]), plain=True),
    Form("object", object, (1, "a")),
    Form("Optional[int]", Optional[int], (None, 3), plain=True),
    Form("int | str", int | str, (3, "x"), plain=True),
    Form("Literal", Literal["a", 1, None, True], ("a", 1, None, True), plain=True),
    Form("Enum", Color, (Color.RED,), plain=True),
    Form("IntEnum", IntE, (IntE.A,), plain=True),
    Form("StrEnum", StrE, (StrE.A,), plain=True),
    Form("mixed Enum", Mixed, (Mixed.A, Mixed.B, Mixed.C), plain=True),
    Form("Enum with a tuple", HalfTuples, (HalfTuples.B,)),
    Form("datetime", dt.datetime, (NOON, NOON_UTC, NOON_UTC.astimezone(EAST)), plain=True),
    Form("date", dt.date, (DAY,), plain=True),
    Form("time", dt.time, (NOON.time(), NOON_UTC.timetz()), plain=True),
    Form(
        "timedelta",
        dt.timedelta,
        (dt.timedelta(days=400, seconds=1.5), _HOUR, -_HOUR, dt.timedelta(0)),
        plain=True,
    ),
    Form("UUID", uuid.UUID, (ID,), plain=True),
    Form("UUID1", pydantic.UUID1, (uuid.uuid1(),)),
    Form("UUID3", pydantic.UUID3, (uuid.uuid3(ID, "a"),)),
    Form("UUID4", pydantic.UUID4, (ID, uuid.uuid4())),
    Form("UUID5", pydantic.UUID5, (uuid.uuid5(ID, "a"),)),
    Form("UUID7", pydantic.UUID7, texts=('"01890a5d-ac96-774b-bcce-b302099a8057"',),
         bad=(f'"{ID}"',)),
    Form("Decimal", D, (D("1.5"), D("-0.10"), D("100")), plain=True),
    Form("Decimal ge le", amount(ge=0, le=10), (D(0), D("10.0"), D("9.99")), plain=True),
    Form("Decimal gt lt", amount(gt=D("-1.5"), lt=D("0.05")), (D("-1.49"), D("0.0")), plain=True),
    Form(
        "Decimal digits",
        amount(max_digits=4, decimal_places=2),
        (D("12.34"), D("0.12"), D(99), D("-1.5")),
        plain=True,
    ),
    Form("Decimal max_digits", amount(max_digits=3), (D("0.123"), D("12.3"), D(123)), plain=True),
    Form("Decimal places", amount(decimal_places=0), (D(123456),), plain=True),
    Form("Decimal cents", amount(multiple_of=D("0.05"), ge=0), (D("1.05"), D("0.5"), D(3)),
         plain=True),
    Form("Decimal quarters", amount(multiple_of=D("2.5")), (D("7.5"), D(-5), D(0)), plain=True),
    Form("Decimal thirds", amount(multiple_of=3), (D(3),), notes=True, plain=True),
    Form("Fraction", fractions.Fraction, (fractions.Fraction(-1, 3), fractions.Fraction(2))),
    Form("complex", complex, (1 + 2j, -1.5j, 2 + 0j)),
    Form("EmailStr", pydantic.EmailStr, ("ada@example.org", "a.b+c@x-y.co")),
    Form("EmailStr bounded", Annotated[pydantic.EmailStr, Field(max_length=20)], ("a@b.co",)),
    Form("NameEmail", pydantic.NameEmail, texts=('"Ada L <ada@example.org>"', '"ada@example.org"')),
    Form(
        "HttpUrl",
        pydantic.HttpUrl,
        (pydantic.HttpUrl("http://a.b/c?d=e#f"), pydantic.HttpUrl("https://127.0.0.1:80/")),
        bad=('"ftp://a.b"', '"http://"', '"a.b"'),
    ),
    Form("AnyHttpUrl", pydantic.AnyHttpUrl, (pydantic.AnyHttpUrl("http://a.b/c"),)),
    Form("AnyUrl", pydantic.AnyUrl, (pydantic.AnyUrl("http://a.b/c"), pydantic.AnyUrl("urn:a:b"))),
    Form("FileUrl", pydantic.FileUrl, (pydantic.FileUrl("file:///a/b"),)),
    Form("FtpUrl", pydantic.FtpUrl, (pydantic.FtpUrl("ftp://a.b/c"),)),
    Form("WebsocketUrl", networks.WebsocketUrl, (networks.WebsocketUrl("wss://a.b/c"),)),
    Form("PostgresDsn", pydantic.PostgresDsn, (pydantic.PostgresDsn("postgres://u:p@h:5432/d"),)),
    Form("RedisDsn", pydantic.RedisDsn, (pydantic.RedisDsn("redis://h:6379/0"),)),
    Form("MongoDsn", pydantic.MongoDsn, (pydantic.MongoDsn("mongodb://h1,h2/db"),)),
    Form("AmqpDsn", pydantic.AmqpDsn, (pydantic.AmqpDsn("amqp://u@h/v"),)),
    Form("KafkaDsn", pydantic.KafkaDsn, (pydantic.KafkaDsn("kafka://h:9092"),)),
    Form("NatsDsn", networks.NatsDsn, (networks.NatsDsn("nats://h:4222"),)),
    Form("MySQLDsn", networks.MySQLDsn, (networks.MySQLDsn("mysql://u:p@h:3306/d"),)),
    Form("IPv4Address", ipaddress.IPv4Address, (ipaddress.IPv4Address("1.2.3.4"),)),
    Form("IPv6Address", ipaddress.IPv6Address, (ipaddress.IPv6Address("::1"),)),
    Form("IPv4Network", ipaddress.IPv4Network, (ipaddress.IPv4Network("1.2.3.0/24"),)),
    Form("IPv6Network", ipaddress.IPv6Network, (ipaddress.IPv6Network("2001:db8::/32"),)),
    Form("IPv4Interface", ipaddress.IPv4Interface, (ipaddress.IPv4Interface("1.2.3.4/24"),)),
    Form("IPv6Interface", ipaddress.IPv6Interface, (ipaddress.IPv6Interface("::1/64"),)),
    Form("IPvAnyAddress", pydantic.IPvAnyAddress, texts=('"1.2.3.4"', '"::1"')),
    Form("IPvAnyNetwork", pydantic.IPvAnyNetwork, texts=('"1.2.0.0/16"', '"::/0"')),
    Form("IPvAnyInterface", pydantic.IPvAnyInterface, texts=('"1.2.3.4/8"',)),
    Form("Path", pathlib.Path, (pathlib.Path("/a/b"),)),
    Form("FilePath", pydantic.FilePath, notes=True),
    Form("DirectoryPath", pydantic.DirectoryPath, (pathlib.Path("/tmp"),), notes=True),
    Form("NewPath", pydantic.NewPath, notes=True),
    Form("SecretStr", pydantic.SecretStr, texts=('"a"',)),
    Form(
        "SecretStr bounded",
        Annotated[pydantic.SecretStr, Field(min_length=8)],
        texts=('"abcdefgh"',),
        bad=('"a"',),
    ),
    Form("SecretBytes", pydantic.SecretBytes, texts=('"a"',)),
    Form("Json", pydantic.Json, texts=('"{}"', r'"{\"a\": [1, null]}"', '"3"')),
    Form("Json[list[int]]", pydantic.Json[list[int]], texts=('"[1, 2]"',), bad=('"[null]"',)),
    Form("Json[Model]", pydantic.Json[Cat], texts=(r'"{\"kind\": \"cat\", \"lives\": 9}"',)),
    Form("bytes", bytes, (b"ab",)),
    Form("bytes bounded", Annotated[bytes, Field(min_length=3, max_length=5)], (b"abcd",)),
    Form("bytes in hex", Hexadecimal, (Hexadecimal.model_construct(a=b"\x00\xff"),)),
    Form("bytes in base64", Base64, (Base64.model_construct(a=b"\x00\xff\xfe"),)),
    Form("Base64Str", pydantic.Base64Str, texts=('"YWJj"', '"YQ=="', '""')),
    Form("Base64Bytes", pydantic.Base64Bytes, texts=('"//79"', '"YQ=="')),
    Form("Base64UrlStr", pydantic.Base64UrlStr, texts=('"YWJj"',)),
    Form("Base64UrlBytes", pydantic.Base64UrlBytes, texts=('"__79"',)),
    Form("conint", pydantic.conint(ge=1, le=5), (3,)),
    Form("conint strict", pydantic.conint(strict=True, gt=-4), (3, -3)),
    Form("constr", pydantic.constr(min_length=2, pattern="^[a-z]+$"), ("ab",)),
    Form("conlist", pydantic.conlist(int, min_length=1, max_length=2), ([1],)),
    Form("conset", pydantic.conset(int, min_length=2), ({1, 2},)),
    Form("PositiveInt", pydantic.PositiveInt, (1,)),
    Form("multiple of 5", Annotated[int, Field(multiple_of=5)], (10, -5), plain=True),
    Form("float gt lt", Annotated[float, Field(gt=0, lt=1)], (0.5, 0.999), plain=True),
    Form("float multiple", Annotated[float, Field(multiple_of=0.25, ge=0)], (0.5, 2.0)),
    Form("FiniteFloat", pydantic.FiniteFloat, (1.5,)),
    Form("StrictInt", pydantic.StrictInt, (1,)),
    Form("ByteSize", pydantic.ByteSize, (1024,), texts=('"1.5 GiB"', '"3kb"')),
    Form("list[int]", list[int], ([1],), plain=True),
    Form("list", list, ([1, "a"],), plain=True),
    Form("List[int]", typing.List[int], ([1],), plain=True),
    Form("tuple[int, str]", tuple[int, str], ((1, "a"),), plain=True),
    Form("tuple[int, ...]", tuple[int, ...], ((1, 2),), plain=True),
    Form("tuple[()]", tuple[()], ((),), plain=True),
    Form("set[int]", set[int], ({1, 2},), plain=True),
    Form("set[int] of 3", Annotated[set[int], Field(min_length=3, max_length=3)], ({1, 2, 3},)),
    Form("set[Decimal] of 2", Annotated[set[D], Field(min_length=2)], ({D(1), D(2)},), notes=True),
    Form("frozenset[str]", frozenset[str], (frozenset({"a"}),), plain=True),
    Form("set[frozen tuple]", set[tuple[int, str]], ({(1, "a")},), plain=True),
    Form("deque", collections.deque[int], (collections.deque([1]),)),
    Form("Sequence", Sequence[int], ([1],), plain=True),
    Form("Sequence bounded", Annotated[Sequence[int], at.Len(2, 3)], ([1, 2],), plain=True),
    Form("Iterable", Iterable[int], plain=True, texts=("[1]",)),
    Form("Mapping", Mapping[str, int], ({"a": 1},), plain=True),
    Form("dict[str, int]", dict[str, int], ({"a": 1},), plain=True),
    Form("dict of 2", Annotated[dict[str, int], Field(min_length=2)], ({"a": 1, "b": 2},)),
    Form("dict[int, str]", dict[int, str], ({1: "a", -20: "b"},), plain=True, bad=('{"a":"b"}',)),
    Form("dict[PositiveInt, V]", dict[pydantic.PositiveInt, int], ({7: 1},), bad=('{"0":1}',)),
    Form("dict[float, V]", dict[float, int], ({1.5: 1, -2.0: 2},), plain=True),
    Form("dict[bool, V]", dict[bool, int], ({True: 1},), plain=True),
    Form("dict[Decimal, V]", dict[D, int], ({D("1.5"): 1},), plain=True),
    Form("dict[Enum, V]", dict[Color, int], ({Color.RED: 1},), plain=True, bad=('{"blue":1}',)),
    Form("dict[IntEnum, V]", dict[IntE, int], ({IntE.A: 1},), plain=True),
    Form("dict[Literal, V]", dict[Literal["a", "b"], int], ({"a": 1},), plain=True),
    Form("dict[date, V]", dict[dt.date, int], ({DAY: 1},), plain=True, bad=('{"x":1}',)),
    Form("dict[UUID, V]", dict[uuid.UUID, int], ({ID: 1},), plain=True, bad=('{"x":1}',)),
    Form("dict[pattern, V]", dict[text(pattern="^[a-z]+$"), int], ({"a": 1},), bad=('{"A":1}',)),
    Form("dict[int | date, V]", dict[Union[int, dt.date], int], ({7: 1},), plain=True),
    Form("dict", dict, ({"a": 1},), plain=True),
    Form("defaultdict", collections.defaultdict[str, int], (collections.defaultdict(int, a=1),)),
    Form("OrderedDict", collections.OrderedDict[str, int], (collections.OrderedDict(a=1),)),
    Form("Counter", collections.Counter[str], (collections.Counter("aab"),)),
    Form("nested model", Address, (Address(street="a", zip="12345"),)),
    Form("discriminated", Pet, (Pet(pet=Cat(kind="cat", lives=9)),)),
    Form("union of models", Union[Cat, Dog], (Dog(kind="dog", barks=True),)),
    Form(
        "callable discriminator",
        Annotated[
            Union[Annotated[Cat, pydantic.Tag("cat")], Annotated[Dog, pydantic.Tag("dog")]],
            pydantic.Discriminator(by_size),
        ],
        (Cat(kind="cat", lives=9),),
        notes=True,
    ),
    Form("generic of int", Box[int], (Box[int](item=1),)),
    Form("generic bare", Box, (Box(item=1),)),
    Form("recursive", Node, (Node(v=1, children=[Node(v=2)]),)),
    Form("RootModel", Root, (Root([1]),)),
    Form("computed field", Computed, texts=('{"a": 1}',)),
    Form("aliases", Aliased, texts=('{"theA": 1, "bb": 2}',)),
    Form("serialisation alias", Serialised, (Serialised(a=1),)),
    Form("by name only", ByName, (ByName.model_validate({"a": 1}),)),
    Form("TypedDict", Movie, ({"a": 1}, {"a": 1, "b": "x"}), plain=True),
    Form("dataclass", Point, (Point(1), Point(1, 2.0, ["a"])), plain=True),
    Form("dataclass of moments", Span, (Span(D("1.5"), DAY),), plain=True),
    Form("pydantic dataclass", Checked, (Checked(a=3),), bad=('{"a":1}',)),
    Form("NamedTuple", Pair, (Pair(1, "a"),), plain=True),
    Form("extra forbid, strict", Strict, (Strict(a=1, at=DAY, price=D("1.5")),)),
    Form("extra allow", Open, texts=('{"a": 1, "b": [2]}',)),
    Form("config of texts", Trimmed, (Trimmed(a="abc"),), bad=('{"a": " a"}', '{"a": "A"}')),
    Form("private attributes", Private, (Private(a=1),)),
    Form("model_validator", Ordered, (Ordered(a=1, b=2),), notes=True),
    Form("field_validator", Upper, (Upper(a="A"),), notes=True),
    Form("model_post_init", Hooked, (Hooked(a=1),), notes=True),
    Form("__post_init__", Positive, (Positive(1),), notes=True, plain=True),
    Form("NewType", NewType("UserId", int), (3,), plain=True),
    Form("Final", typing.Final[int], (3,), plain=True),
    Form("TypeVar", T, (1,), plain=True),
    Form("list[Model]", list[Address], ([Address(street="a", zip="12345")],)),
    Form("Optional[Model]", Optional[Address], (None, Address(street="a", zip="12345"))),
    Form("Hashable", typing.Hashable, ("a", 1)),
    Form("PastDate", pydantic.PastDate, (DAY,)),
    Form("FutureDate", pydantic.FutureDate, (dt.date(9999, 1, 1),), notes=True),
    Form("PastDatetime", pydantic.PastDatetime, (NOON, NOON_UTC)),
    Form("FutureDatetime", pydantic.FutureDatetime, (NOON_UTC.replace(year=9996),), notes=True),
    Form("AwareDatetime", pydantic.AwareDatetime, (NOON_UTC,), bad=('"2024-02-29T12:00:00"',)),
    Form("NaiveDatetime", pydantic.NaiveDatetime, (NOON,), bad=('"2024-02-29T12:00:00Z"',)),
    Form("date ge le", day(ge=DAY, le=dt.date(2024, 12, 31)), (DAY,), plain=True),
    Form("date gt lt", day(gt=DAY, lt=dt.date(2024, 3, 2)), (dt.date(2024, 3, 1),), plain=True),
    Form("datetime ge", moment(ge=NOON), (NOON,), plain=True),
    Form("datetime ge in UTC", moment(ge=NOON_UTC), (NOON_UTC,), plain=True),
    Form("aware with bounds", Annotated[pydantic.AwareDatetime, Field(ge=NOON_UTC)], (NOON_UTC,)),
    Form("aware with naive bounds", Annotated[pydantic.AwareDatetime, Field(lt=NOON)]),
    Form("time ge", Annotated[dt.time, Field(ge=dt.time(9), le=dt.time(17))], (dt.time(9),)),
    Form("time in UTC", Annotated[dt.time, Field(ge=dt.time(9, tzinfo=dt.UTC))]),
    Form("timedelta ge", length(ge=_HOUR), (_HOUR, dt.timedelta(days=400)), plain=True),
    Form("timedelta gt lt", length(gt=-_HOUR, lt=_HOUR), (dt.timedelta(0),), plain=True),
    Form("upper, stripped", text(to_upper=True, strip_whitespace=True, min_length=3), ("ABC D",)),
    Form("to_lower", text(to_lower=True, max_length=5), ("abc",)),
    Form("pattern of letters", text(pattern=r"^\p{L}+$"), ("é",)),
    Form("pattern of words", text(pattern=r"^\w+\b\s[^\W\d]\S$"), ("ab c!",)),
    Form("POSIX class", text(pattern=r"^[[:alpha:]]+$"), ("ab",)),
    Form("compiled pattern", text(pattern=re.compile("^ab$", re.IGNORECASE)), ("AB",)),
    Form("re.Pattern", re.Pattern, texts=('"^a[0-9]+$"', '"(?:a|b)*"')),
    Form("ZoneInfo", zoneinfo.ZoneInfo, (zoneinfo.ZoneInfo("Europe/Berlin"),)),
    Form("isupper", Annotated[str, at.Predicate(str.isupper)], ("AB 1",), plain=True),
    Form("LowerCase", at.LowerCase[str], ("ab é",)),
    Form("isalpha", Annotated[str, at.Predicate(str.isalpha)], ("abé",), plain=True),
    Form("isdigit", at.IsDigit[str], ("123",)),
    Form("isascii", at.IsAscii[str], ("", "a b")),
    Form("lambda", Annotated[str, at.Predicate(lambda s: len(s) % 2 == 0)], ("ab",), notes=True),
    Form("Not", Annotated[str, at.Predicate(at.Not(str.isupper))], ("ab",), notes=True),
    Form("IsFinite", at.IsFinite[float], (1.5,)),
    Form("Len", Annotated[list[int], at.Len(2, 3)], ([1, 2],), plain=True),
    Form("Interval", Annotated[int, at.Interval(gt=1, le=3)], (2, 3), plain=True),
    Form("AfterValidator", Annotated[int, pydantic.AfterValidator(lambda v: v)], (1,), notes=True),
    Form("BeforeValidator", Annotated[int, pydantic.BeforeValidator(int)], (1,), notes=True),
    Form(
        "WrapValidator",
        Annotated[int, pydantic.WrapValidator(lambda v, handler: handler(v))],
        (1,),
        notes=True,
    ),
    Form("PlainValidator", Annotated[int, pydantic.PlainValidator(lambda v: v)], (1,), notes=True),
    Form("bounds after a function", Annotated[int, pydantic.AfterValidator(abs), Field(ge=3)],
         (3,), notes=True),
    Form("strict union", Annotated[Union[int, float, str], Field(union_mode="left_to_right")],
         (1, 1.5, "a")),
]  # fmt: skip
