"""Python types as JSON Schemas and back, with the standard library alone.

Used where pydantic is not installed. It knows: ``None bool int float str`` and ``object``;
``list tuple set frozenset dict`` and their abstract relatives, with arguments; ``Literal``,
``Enum``, ``Union`` and ``Optional``; dataclasses, TypedDicts and NamedTuples, also recursive ones;
``NewType``; ``Annotated`` with the bounds of `annotated_types` or anything shaped like them;
``datetime date time timedelta UUID Decimal``. Everything else needs pydantic.
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
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, TypeVar, Union, cast

from structgen.errors import ConstraintError, MissingExtraError

Schema = dict[str, object]

DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
"""Decimals are written as strings: a JSON number would pass through binary floats in most
readers."""

_TIMES: dict[object, Schema] = {
    # Python's calendar begins with year 1, and its clocks know no leap seconds.
    datetime.datetime: {
        "type": "string",
        "format": "date-time",
        "pattern": r"^(?!0000)(?!.*:60)",
    },
    datetime.date: {"type": "string", "format": "date", "pattern": r"^(?!0000)"},
    datetime.time: {"type": "string", "format": "time", "pattern": r"^(?!.*:60)"},
    # Weeks, or days and a time: years and months have no length. Six digits always fit.
    datetime.timedelta: {
        "type": "string",
        "format": "duration",
        "pattern": (
            r"^P(?:[0-9]{1,6}W|[0-9]{1,6}D|(?:[0-9]{1,6}D)?T(?:[0-9]{1,6}H(?:[0-9]{1,6}M"
            r"(?:[0-9]{1,6}S)?)?|[0-9]{1,6}M(?:[0-9]{1,6}S)?|[0-9]{1,6}S))$"
        ),
    },
}
"""How dates and times are written: as JSON Schema's formats, less what Python cannot hold."""

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
_BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_UPPER_CASE: tuple[object, ...] = (
    datetime.datetime.fromisoformat,
    datetime.time.fromisoformat,
)
"""Readers that know `T` and `Z`, but not RFC 3339's `t` and `z`."""

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W|(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?)"
)


def plain_schema(tp: object) -> Schema:
    """The JSON Schema of a type.

    Raises:
        MissingExtraError: the type needs pydantic.
        ConstraintError: the type has no JSON form, e.g. a dict with other keys than strings.
    """
    writer = _SchemaWriter()
    schema = writer.schema(tp)
    if writer.definitions:
        schema = {**schema, "$defs": writer.definitions}
    return schema


def plain_value(tp: object, text: str) -> object:
    """The value of type `tp` that the JSON `text` spells.

    Raises:
        ValueError: the text is no JSON, or not of that type.
    """
    return _value(tp, json.loads(text))


def time_schema(tp: type) -> Schema:
    """The schema of `datetime.datetime`, `date`, `time` or `timedelta`."""
    return dict(_TIMES[tp])


def needs_several_elements(schema: Schema) -> Schema:
    """The schema of a set, where elements must differ only if several are asked for."""
    least = schema.get("minItems")
    if isinstance(least, int) and least > 1:
        schema["uniqueItems"] = True
    else:
        schema.pop("uniqueItems", None)
    return schema


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

    def schema(self, tp: object) -> Schema:
        bare, metadata = _unwrapped(tp)
        schema = self._bare(bare)
        if metadata:
            schema = _with_metadata(schema, metadata)
        if (typing.get_origin(bare) or bare) in _SETS:
            needs_several_elements(schema)
        return schema

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
        raise MissingExtraError("pydantic", extra="pydantic")

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
            names = self.schema(args[0])
            if names.get("type") != "string" and not _all_strings(names.get("enum")):
                raise ConstraintError(
                    f"the keys of a JSON object are strings, not {args[0]}",
                    hint="use dict[str, ...]",
                )
            schema["propertyNames"] = names
        return schema

    def _class(self, tp: type) -> Schema:
        if issubclass(tp, enum.Enum):
            members = list(tp)
            return {"enum": [_enum_value(cast("object", member.value)) for member in members]}
        if dataclasses.is_dataclass(tp) or is_typed_dict(tp):
            return self._record(tp)
        if _is_named_tuple(tp):
            hints = typing.get_type_hints(tp, include_extras=True)
            return self._tuple(tuple(hints[name] for name in cast("Any", tp)._fields))
        raise MissingExtraError("pydantic", extra="pydantic")

    def _record(self, tp: type) -> Schema:
        name = self._names.get(tp)
        if name is None:
            name = tp.__name__
            while name in self.definitions:
                name += "_"
            self._names[tp] = name
            self.definitions[name] = True  # holds the place while the fields are written
            fields, required = _fields(tp)
            self.definitions[name] = {
                "type": "object",
                "properties": {field: self.schema(hint) for field, hint in fields.items()},
                "required": [field for field in fields if field in required],
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}


def _simple(tp: object) -> Schema | None:
    if tp is None or tp is type(None):
        return {"type": "null"}
    if tp is object or tp is Any:
        return {}
    table: dict[object, Schema] = {
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        str: {"type": "string"},
        **_TIMES,
        uuid.UUID: {"type": "string", "format": "uuid"},
        decimal.Decimal: {"type": "string", "pattern": DECIMAL_PATTERN},
    }
    try:
        found = table.get(tp)
    except TypeError:  # unhashable: not a simple type
        return None
    return None if found is None else dict(found)


def _all_strings(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) for value in cast("list[object]", values)
    )


def _enum_value(value: object) -> object:
    if isinstance(value, enum.Enum):
        value = cast("object", value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_enum_value(item) for item in cast("list[object]", value)]
    raise ConstraintError(f"the value {value!r} has no JSON form")


def _with_metadata(schema: Schema, metadata: tuple[object, ...]) -> Schema:
    """The bounds of ``Annotated``, understood by the names of their attributes."""
    schema = dict(schema)
    lengths = _LENGTHS.get(str(schema.get("type")))
    for item in metadata:
        if isinstance(item, str):
            schema.setdefault("description", item)
            continue
        if (
            dataclasses.is_dataclass(item)
            or hasattr(item, "__slots__")
            or hasattr(item, "__dict__")
        ):
            for attribute, keyword in _BOUNDS.items():
                bound = getattr(item, attribute, None)
                if bound is not None:
                    schema[keyword] = bound
            for attribute, keyword in zip(
                ("min_length", "max_length"), lengths or (), strict=False
            ):
                bound = getattr(item, attribute, None)
                if bound is not None:
                    schema[keyword] = bound
            pattern = getattr(item, "pattern", None)
            if isinstance(pattern, str) and schema.get("type") == "string":
                schema["pattern"] = pattern
    return schema


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
        return {_value(args[0], key): _value(args[1], item) for key, item in entries.items()}
    if isinstance(tp, type):
        return _instance(tp, value)
    if isinstance(tp, TypeVar):
        return value if tp.__bound__ is None else _value(tp.__bound__, value)
    raise MissingExtraError("pydantic", extra="pydantic")


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
        return datetime.timedelta(
            **{name: float(number) for name, number in found.groupdict().items() if number}
        )
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
        return reader(value.upper() if reader in _UPPER_CASE else value)
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
    raise MissingExtraError("pydantic", extra="pydantic")


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


def record_fields(hints: Mapping[str, object], required: set[str]) -> Schema:
    """The schema of an object with these members, in order, closed."""
    writer = _SchemaWriter()
    schema: Schema = {
        "type": "object",
        "properties": {name: writer.schema(hint) for name, hint in hints.items()},
        "required": [name for name in hints if name in required],
        "additionalProperties": False,
    }
    if writer.definitions:
        schema["$defs"] = writer.definitions
    return schema


def record_values(hints: Mapping[str, object], text: str) -> dict[str, object]:
    """The members of a JSON object, each as its type."""
    entries = _expect(dict, dict, json.loads(text))
    if not entries.keys() <= hints.keys():
        raise _mismatch(dict, entries)
    return {name: _value(hints[name], item) for name, item in entries.items()}
