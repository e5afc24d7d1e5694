"""What of a Python callable a JSON object of arguments can fill.

Functions, methods, `functools.partial` objects and objects with ``__call__`` all become one plain
function with their signature, whose arguments `structgen.constraints` knows how to describe and to
parse. ``**kwargs`` become further members of the object.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import inspect
import json
import typing
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args, get_origin, is_typeddict

import structgen.constraints as constraints
from structgen.errors import ConstraintError, StructgenError, UnsupportedFeatureError
from structgen.plain import plain

Schema = dict[str, object]

_TEXTS = (enum.Enum, datetime.date, datetime.time, decimal.Decimal, uuid.UUID)
"""Types whose values JSON holds as their text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The arguments of a callable.

    Attributes:
        given: the callable, and what it is called in messages.
        named: a function that takes the named parameters alone, by keyword; never called.
        rest: the type of the values of ``**kwargs``, None if there is no such parameter.
        said: what ``Annotated[T, "text"]`` says of parameters.
        defaults: default values by parameter, as JSON has them.
    """

    given: tuple[Callable[..., object], str]
    named: Callable[..., object]
    rest: object | None
    said: Mapping[str, str]
    defaults: Mapping[str, object]

    def __reduce__(self) -> tuple[object, ...]:
        # `named` is made here, and can be found under no name.
        return signature_of, self.given

    def schema(self) -> Schema:
        """JSON Schema of the object that holds the arguments.

        Raises:
            ConstraintError: a type has no JSON form.
        """
        schema = constraints.schema_of_signature(self.named)
        if self.rest is None:
            return schema
        if self.rest is Any or self.rest is object:
            return {**schema, "additionalProperties": True}
        others = constraints.schema_of_type(dict[str, cast("Any", self.rest)])
        return {
            **schema,
            "additionalProperties": others.get("additionalProperties", True),
            **_joined_definitions(schema, others),
        }

    def parse(self, text: str) -> Mapping[str, object]:
        """The arguments that the JSON `text` spells, of the types of the signature.

        Raises:
            ValueError: they are not of these types.
        """
        written = json.loads(text)
        if not isinstance(written, dict):
            raise ValueError("the arguments are no JSON object")
        names = inspect.signature(self.named).parameters
        members = cast("dict[str, object]", written)
        others = {name: value for name, value in members.items() if name not in names}
        if self.rest is None:
            if others:
                raise ValueError(f"there is no parameter {next(iter(others))!r}")
            return cast("Mapping[str, object]", constraints.parse(self.named, text))
        own = {name: value for name, value in members.items() if name in names}
        rest = Any if self.rest is object else self.rest
        return {
            **cast("dict[str, object]", constraints.parse(self.named, json.dumps(own))),
            **cast(
                "dict[str, object]",
                constraints.parse(dict[str, cast("Any", rest)], json.dumps(others)),
            ),
        }


def unwrapped(given: Callable[..., object]) -> Callable[..., object]:
    """The callable inside of `functools.partial` objects."""
    while isinstance(given, functools.partial):
        given = cast("functools.partial[object]", given).func
    return given


def underlying(given: Callable[..., object]) -> Callable[..., object]:
    """The function whose annotations and docstring speak for `given`."""
    inner = unwrapped(given)
    return inner if inspect.isroutine(inner) else cast("Any", type(inner)).__call__


def signature_of(given: Callable[..., object], name: str) -> Signature:
    """The arguments of a callable, called `name` in messages.

    Raises:
        ConstraintError: its signature cannot be read, or holds a parameter that no JSON object
            can name.
    """
    try:
        signature = inspect.signature(given)
        hints = typing.get_type_hints(underlying(given), include_extras=True)
    except StructgenError:
        raise
    except (ValueError, TypeError, NameError, AttributeError) as error:
        raise ConstraintError(
            f"the signature of tool {name!r} cannot be read: {error}",
            hint="annotations name types that can be found from the function's own module",
        ) from error
    rest: object | None = None
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        annotation = hints.get(parameter.name, Any)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise UnsupportedFeatureError(
                f"parameter `{parameter}` of tool {name!r} has no name that a JSON object could "
                "give",
                feature=parameter.kind.description,
                hint="take a list under a name instead of *args, and no parameters before `/`",
            )
        if parameter.kind is parameter.VAR_KEYWORD:
            unpacked = _unpacked(annotation)
            if unpacked is None:
                rest = annotation
            else:
                parameters.extend(unpacked)
        else:
            parameters.append(parameter.replace(annotation=annotation, kind=parameter.KEYWORD_ONLY))
    return Signature(
        given=(given, name),
        named=_function(name, parameters),
        rest=rest,
        said={one.name: said for one in parameters if (said := _said(one.annotation))},
        defaults=_defaults(parameters),
    )


def _function(name: str, parameters: list[inspect.Parameter]) -> Callable[..., object]:
    def named(**arguments: object) -> object:
        return arguments

    named.__name__ = named.__qualname__ = name
    named.__annotations__ = {one.name: one.annotation for one in parameters}
    cast("Any", named).__signature__ = inspect.Signature(parameters)
    return named


def _unpacked(annotation: object) -> list[inspect.Parameter] | None:
    """The parameters of ``**kwargs: Unpack[Options]``."""
    if get_origin(annotation) is not typing.Unpack:
        return None
    (record,) = get_args(annotation)
    if not is_typeddict(record):
        return None
    required = cast("frozenset[str]", record.__required_keys__)
    hints = typing.get_type_hints(record, include_extras=True)
    return [_member(key, hint, key in required) for key, hint in hints.items()]


def _member(key: str, hint: object, required: bool) -> inspect.Parameter:
    """The parameter for a member of a TypedDict."""
    outer = get_origin(hint)
    if outer in (typing.Required, typing.NotRequired):
        # The class itself does not know of those that were written as texts.
        required = outer is typing.Required
        hint = get_args(hint)[0]
    default = inspect.Parameter.empty if required else ...
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _said(annotation: object) -> str:
    """The words in ``Annotated[T, "words"]`` or ``Annotated[T, Doc("words")]``."""
    for extra in getattr(annotation, "__metadata__", ()):
        words = extra if isinstance(extra, str) else getattr(extra, "documentation", None)
        if isinstance(words, str):
            return words
    return ""


def _defaults(parameters: list[inspect.Parameter]) -> dict[str, object]:
    """Defaults that JSON can hold; of others a model need not know."""
    found: dict[str, object] = {}
    for one in parameters:
        if one.default is not inspect.Parameter.empty and one.default is not ...:
            value = plain(one.default)
            if not isinstance(value, str) or isinstance(one.default, (str, *_TEXTS)):
                found[one.name] = value
    return found


def _joined_definitions(schema: Schema, others: Schema) -> Schema:
    """``$defs`` of both schemas.

    Raises:
        UnsupportedFeatureError: two types of one name.
    """
    own = cast("Schema", schema.get("$defs", {}))
    more = cast("Schema", others.get("$defs", {}))
    for name in own.keys() & more.keys():
        if own[name] != more[name]:
            raise UnsupportedFeatureError(
                f"two types of the signature are called {name!r}", feature="types of one name"
            )
    return {"$defs": {**own, **more}} if own or more else {}
