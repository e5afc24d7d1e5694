"""Python types as JSON Schemas and back, with the standard library alone.

Used where pydantic is not installed. It knows: ``None bool int float str`` and ``object``;
``list tuple set frozenset dict`` and their abstract relatives, with arguments; ``Literal``,
``Enum``, ``Union`` and ``Optional``; dataclasses, TypedDicts and NamedTuples, also recursive ones;
``NewType``; ``Annotated`` with the bounds of `annotated_types` or anything shaped like them;
``datetime date time timedelta UUID Decimal``, also as keys. Everything else needs pydantic.
"""

# `isinstance(tp, type)` makes `type[Unknown]` of an `object`.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import re
import sys
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, TypeVar, Union, cast

from structgen.constraints.types.demands import Demands, with_demands
from structgen.constraints.types.distinct import set_schema
from structgen.constraints.types.keys import key_schema, no_keys
from structgen.constraints.types.notes import TypeSchema, name_of, noted, taken_out
from structgen.constraints.types.refusals import unknown_type
from structgen.constraints.types.scalars import (
    date_schema,
    datetime_schema,
    decimal_schema,
    duration_schema,
    float_schema,
    time_schema,
    uuid_schema,
)
from structgen.errors import ConstraintError, MissingExtraError

Schema = dict[str, object]

_LISTS: dict[object, Callable[[list[object]], object]] = {
    list: list,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
}
_SETS: dict[object, Callable[[list[object]], object]] = {
    set: set,
    collections.abc.MutableSet: set,
    collections.abc.Set: frozenset,
    frozenset: frozenset,
}
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_DAYS_OF_YEAR = 365
"""As pydantic writes durations, and reads them."""

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d+)W|(?:(?P<years>\d+)Y)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?)"
)


def plain_type(tp: object) -> TypeSchema:
    """The JSON Schema of a type, and what the type checks beyond it.

    Raises:
        MissingExtraError: the type needs pydantic.
        ConstraintError: the type has no JSON form, e.g. a dict with keys that no text stands for.
    """
    return _SchemaWriter().whole(lambda writer: writer.schema(tp))


def plain_value(tp: object, text: str) -> object:
    """The value of type `tp` that the JSON `text` spells.

    Raises:
        ValueError: the text is no JSON, or not of that type.
    """
    return _value(tp, json.loads(text))


def is_typed_dict(tp: object) -> bool:
    """Whether `tp` is a TypedDict class."""
    return isinstance(tp, type) and issubclass(tp, dict) and hasattr(tp, "__total__")


def _is_named_tuple(tp: object) -> bool:
    return isinstance(tp, type) and issubclass(tp, tuple) and hasattr(tp, "_fields")


def _unwrapped(tp: object) -> tuple[object, tuple[object, ...]]:
    """`tp` without ``Annotated``, ``NewType`` and the like, and the annotations met."""
    found: tuple[object, ...] = ()
    while True:
        origin = typing.get_origin(tp)
        if origin is Annotated:
            tp, *metadata = typing.get_args(tp)
            found = (*metadata, *found)
        elif origin in (Required, NotRequired, typing.Final, typing.ClassVar):
            (tp,) = typing.get_args(tp)
        elif isinstance(tp, typing.NewType):
            tp = tp.__supertype__
        elif isinstance(tp, dataclasses.InitVar):
            tp = cast("object", tp.type)
        else:
            return tp, found


def _fields(tp: type) -> tuple[dict[str, object], set[str]]:
    """The fields of a dataclass or TypedDict with their types, and those that must be there."""
    hints = typing.get_type_hints(tp, include_extras=True)
    if is_typed_dict(tp):
        required = cast("frozenset[str]", getattr(tp, "__required_keys__", frozenset()))
        # With postponed annotations the class may not know what `NotRequired` says.
        names = {
            name
            for name, hint in hints.items()
            if typing.get_origin(hint) is not NotRequired
            and (name in required or typing.get_origin(hint) is Required)
        }
        return hints, names
    types_by_name: dict[str, object] = {}
    needed: set[str] = set()
    for field in dataclasses.fields(tp):
        if not field.init:
            continue
        types_by_name[field.name] = hints[field.name]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            needed.add(field.name)
    return types_by_name, needed


class _SchemaWriter:
    def __init__(self) -> None:
        self.definitions: dict[str, object] = {}
        self._names: dict[type, str] = {}

    def whole(self, write: Callable[[_SchemaWriter], Schema]) -> TypeSchema:
        """What `write` writes, with its definitions."""
        schema = write(self)
        return taken_out({**schema, "$defs": self.definitions} if self.definitions else schema)

    def schema(self, tp: object) -> Schema:
        bare, metadata = _unwrapped(tp)
        if isinstance(bare, type) and bare in _BOUNDED:
            return _BOUNDED[bare](Demands.of(metadata))
        schema = self._bare(bare)
        if metadata:
            schema = with_demands(schema, Demands.of(metadata))
        return set_schema(schema) if (typing.get_origin(bare) or bare) in _SETS else schema

    def _bare(self, tp: object) -> Schema:
        simple = _simple(tp)
        if simple is not None:
            return simple
        origin, args = typing.get_origin(tp), typing.get_args(tp)
        kind = origin or tp
        if kind is Literal:
            return {"enum": [_enum_value(value) for value in args]}
        if kind in (Union, types.UnionType):
            return {"anyOf": [self.schema(arg) for arg in args]}
        if kind in _LISTS:
            return {"type": "array", "items": self._argument(args, 0)}
        if kind in _SETS:
            # Repeated elements are one element: no need to forbid them.
            return {"type": "array", "items": self._argument(args, 0)}
        if kind is tuple:
            return {"type": "array"} if origin is None else self._tuple(args)
        if kind in _MAPPINGS:
            return self._mapping(args)
        if isinstance(tp, type):
            return self._class(tp)
        if isinstance(tp, TypeVar):
            return {} if tp.__bound__ is None else self.schema(tp.__bound__)
        raise _needs_pydantic(tp)

    def _argument(self, args: tuple[object, ...], index: int) -> Schema:
        return self.schema(args[index]) if len(args) > index else {}

    def _tuple(self, args: tuple[object, ...]) -> Schema:
        if len(args) == 2 and args[1] is Ellipsis:
            return {"type": "array", "items": self.schema(args[0])}
        parts = [self.schema(arg) for arg in args]
        schema: Schema = {"type": "array", "minItems": len(parts), "maxItems": len(parts)}
        return {**schema, "prefixItems": parts} if parts else schema

    def _mapping(self, args: tuple[object, ...]) -> Schema:
        schema: Schema = {"type": "object", "additionalProperties": self._argument(args, 1)}
        if args and args[0] is not str:
            names = key_schema(self.schema(args[0]), self._definition)
            if names is None:
                raise no_keys(name_of(args[0]))
            schema["propertyNames"] = names
        return schema

    def _definition(self, reference: str) -> Schema | None:
        found = self.definitions.get(reference.removeprefix("#/$defs/"))
        return cast("Schema", found) if isinstance(found, dict) else None

    def _class(self, tp: type) -> Schema:
        if issubclass(tp, enum.Enum):
            members = list(tp)
            return {"enum": [_enum_value(cast("object", member.value)) for member in members]}
        if dataclasses.is_dataclass(tp) or is_typed_dict(tp):
            return self._record(tp)
        if _is_named_tuple(tp):
            hints = typing.get_type_hints(tp, include_extras=True)
            return self._tuple(tuple(hints[name] for name in cast("Any", tp)._fields))
        raise _needs_pydantic(tp)

    def _record(self, tp: type) -> Schema:
        name = self._names.get(tp)
        if name is None:
            name = tp.__name__
            while name in self.definitions:
                name += "_"
            self._names[tp] = name
            self.definitions[name] = True  # holds the place while the fields are written
            fields, required = _fields(tp)
            record = self.record(fields, required)
            if dataclasses.is_dataclass(tp) and hasattr(tp, "__post_init__"):
                record = noted(record, f"`{tp.__qualname__}.__post_init__` runs")
            self.definitions[name] = record
        return {"$ref": f"#/$defs/{name}"}

    def record(self, fields: Mapping[str, object], required: set[str]) -> Schema:
        """The schema of an object with these members, in order, closed."""
        return {
            "type": "object",
            "properties": {name: self.schema(hint) for name, hint in fields.items()},
            "required": [name for name in fields if name in required],
            "additionalProperties": False,
        }


def _needs_pydantic(tp: object) -> ConstraintError | MissingExtraError:
    """Most types that are not known here are known to pydantic; of the others it would not help."""
    home = getattr(tp, "__module__", "").partition(".")[0]
    known = home in sys.stdlib_module_names and home != "__main__"
    if known or hasattr(tp, "__get_pydantic_core_schema__") or home.startswith("pydantic"):
        return MissingExtraError("pydantic", extra="pydantic")
    return unknown_type(tp, tp)


_BOUNDED: dict[type, Callable[[Demands], Schema]] = {
    float: lambda demands: float_schema(with_demands({"type": "number"}, demands)),
    decimal.Decimal: lambda demands: demands.noted(
        decimal_schema(
            demands.bounds(),
            multiple_of=demands.multiple_of,
            max_digits=demands.max_digits,
            decimal_places=demands.decimal_places,
        )
    ),
    datetime.date: lambda demands: demands.noted(date_schema(demands.bounds())),
    datetime.time: lambda demands: demands.noted(time_schema(demands.bounds())),
    datetime.datetime: lambda demands: demands.noted(datetime_schema(demands.bounds())),
    datetime.timedelta: lambda demands: demands.noted(duration_schema(demands.bounds())),
}
"""Types whose bounds are patterns."""


def _simple(tp: object) -> Schema | None:
    if tp is None or tp is type(None):
        return {"type": "null"}
    if tp is object or tp is Any:
        return {}
    table: dict[object, Schema] = {
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        str: {"type": "string"},
        uuid.UUID: uuid_schema(),
    }
    try:
        found = table.get(tp)
    except TypeError:  # unhashable: not a simple type
        return None
    if found is None and isinstance(tp, type) and tp in _BOUNDED:
        return _BOUNDED[tp](Demands())
    return None if found is None else dict(found)


def _enum_value(value: object) -> object:
    if isinstance(value, enum.Enum):
        value = cast("object", value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_enum_value(item) for item in cast("list[object]", value)]
    raise ConstraintError(f"the value {value!r} has no JSON form")


def _value(tp: object, value: object) -> object:
    """`value`, made of what JSON has, as a value of type `tp`."""
    tp, _ = _unwrapped(tp)
    simple = _simple(tp)
    if simple is not None:
        return _simple_value(tp, value)
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    kind = origin or tp
    if kind is Literal:
        for option in args:
            if _same(_enum_value(option), value):
                return cast("object", option)
        raise _mismatch(tp, value)
    if kind in (Union, types.UnionType):
        for arg in args:
            try:
                return _value(arg, value)
            except ValueError:
                continue
        raise _mismatch(tp, value)
    if kind in _LISTS or kind in _SETS:
        items = [_value(args[0], item) if args else item for item in _expect(list, tp, value)]
        return (_LISTS.get(kind) or _SETS[kind])(items)
    if kind is tuple:
        if origin is None:
            return tuple(_expect(list, tp, value))
        return _tuple_value(tp, args, value)
    if kind in _MAPPINGS:
        entries = _expect(dict, tp, value)
        if not args:
            return entries
        return {_key(args[0], key): _value(args[1], item) for key, item in entries.items()}
    if isinstance(tp, type):
        return _instance(tp, value)
    if isinstance(tp, TypeVar):
        return value if tp.__bound__ is None else _value(tp.__bound__, value)
    raise _needs_pydantic(tp)


def _key(tp: object, text: str) -> object:
    """The value of type `tp` that the key `text` stands for."""
    try:
        return _value(tp, text)
    except ValueError:
        # Numbers and bools are spelled in keys as they are elsewhere.
        try:
            return _value(tp, json.loads(text))
        except ValueError:
            raise _mismatch(tp, text) from None


def _simple_value(tp: object, value: object) -> object:
    if tp is object or tp is Any:
        return value
    if tp is None or tp is type(None):
        if value is not None:
            raise _mismatch(tp, value)
        return None
    if tp is bool and isinstance(value, bool):
        return value
    if tp is int and not isinstance(value, bool):
        if isinstance(value, int):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
    if tp is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return _from_string(tp, value)
    raise _mismatch(tp, value)


def _from_string(tp: object, value: str) -> object:
    if tp is str:
        return value
    if tp is datetime.timedelta:
        found = _DURATION.fullmatch(value)
        if found is None:
            raise _mismatch(tp, value)
        numbers = found.groupdict(default="0")
        negative = numbers.pop("sign") == "-"
        years = datetime.timedelta(days=int(numbers.pop("years")) * _DAYS_OF_YEAR)
        length = years + datetime.timedelta(**{k: float(n) for k, n in numbers.items()})
        return -length if negative else length
    readers: dict[object, Callable[[str], object]] = {
        datetime.datetime: datetime.datetime.fromisoformat,
        datetime.date: datetime.date.fromisoformat,
        datetime.time: datetime.time.fromisoformat,
        uuid.UUID: uuid.UUID,
        decimal.Decimal: decimal.Decimal,
    }
    reader = readers.get(tp)
    if reader is None:
        raise _mismatch(tp, value)
    try:
        return reader(value)
    except (ValueError, ArithmeticError) as error:
        raise _mismatch(tp, value) from error


def _tuple_value(tp: object, args: tuple[object, ...], value: object) -> tuple[object, ...]:
    items = _expect(list, tp, value)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_value(args[0], item) for item in items)
    if len(args) != len(items):
        raise _mismatch(tp, value)
    return tuple(_value(kind, item) for kind, item in zip(args, items, strict=True))


def _instance(tp: type, value: object) -> object:
    if issubclass(tp, enum.Enum):
        for member in list(tp):
            if _same(_enum_value(cast("object", member.value)), value):
                return member
        raise _mismatch(tp, value)
    if dataclasses.is_dataclass(tp) or is_typed_dict(tp):
        fields, required = _fields(tp)
        entries = _expect(dict, tp, value)
        if not required <= entries.keys() <= fields.keys():
            raise _mismatch(tp, value)
        values = {name: _value(fields[name], item) for name, item in entries.items()}
        return values if is_typed_dict(tp) else cast("object", tp(**values))
    if _is_named_tuple(tp):
        hints = typing.get_type_hints(tp, include_extras=True)
        names = cast("tuple[str, ...]", cast("Any", tp)._fields)
        kinds = tuple(hints[name] for name in names)
        return cast("object", tp(*_tuple_value(tp, kinds, value)))
    raise _needs_pydantic(tp)


@typing.overload
def _expect(kind: type[list[Any]], tp: object, value: object) -> list[object]: ...
@typing.overload
def _expect(kind: type[dict[Any, Any]], tp: object, value: object) -> dict[str, object]: ...
def _expect(kind: type, tp: object, value: object) -> object:
    if not isinstance(value, kind):
        raise _mismatch(tp, value)
    return value


def _same(one: object, other: object) -> bool:
    """Equality of JSON values: `True` is not `1`."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _mismatch(tp: object, value: object) -> ValueError:
    return ValueError(f"{value!r:.80} is not of type {getattr(tp, '__name__', tp)}")


def record_fields(hints: Mapping[str, object], required: set[str]) -> TypeSchema:
    """The schema of an object with these members, in order, closed."""
    return _SchemaWriter().whole(lambda writer: writer.record(hints, required))


def record_values(hints: Mapping[str, object], text: str) -> dict[str, object]:
    """The members of a JSON object, each as its type."""
    entries = _expect(dict, dict, json.loads(text))
    if not entries.keys() <= hints.keys():
        raise _mismatch(dict, entries)
    return {name: _value(hints[name], item) for name, item in entries.items()}
