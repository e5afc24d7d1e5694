"""Python types as constraints, and texts back as values of those types.

With pydantic installed, a type's values come from `pydantic.TypeAdapter`, and its schema is written
from pydantic's core schema (`structgen.constraints.types.pydantic_schema`): records without a word
on further members are closed (``additionalProperties: false``), so that the model cannot invent
members that validation would drop; bounds that JSON Schema has no word for are patterns; and texts
that Python's types could not hold, or would change, are left out (year 0000, durations in months,
decimals in any but plain spelling). Without pydantic, `structgen.constraints.plain_types` does what
the standard library can.

A type may check more than its schema says: custom validators, for one. Then the report of the
constraint lists the checks, and an `InexactTypeWarning` names them.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any, NotRequired, TypeVar, cast, overload

from structgen.constraints import plain_types
from structgen.constraints.types.notes import TypeSchema, name_of, taken_out, warn
from structgen.constraints.types.refusals import (
    culprit_of,
    field_of,
    refuse_other_things,
    unknown_type,
)
from structgen.errors import (
    ConstraintError,
    LimitExceeded,
    MissingExtraError,
    UnsupportedFeatureError,
)

T = TypeVar("T")
Schema = dict[str, object]


@cache
def _has_pydantic() -> bool:
    return find_spec("pydantic") is not None


def schema_of_type(tp: object) -> Schema:
    """The JSON Schema of a Python type.

    Args:
        tp: a Pydantic model, dataclass, TypedDict, NamedTuple, Enum, Literal, union, container,
            ``Annotated`` with bounds, date, UUID, Decimal, or one of the plain types; a function
            stands for its arguments, see `schema_of_signature`.

    Raises:
        MissingExtraError: the type needs pydantic, which is not installed.
        ConstraintError: the type has no JSON Schema.

    Warns:
        InexactTypeWarning: the type checks more than the schema says.
    """
    return described_type(tp).schema


def described_type(tp: object) -> TypeSchema:
    """`schema_of_type`, and what the type checks beyond it."""
    if inspect.isroutine(tp):
        found = _described_signature(cast("Callable[..., object]", tp))
    else:
        refuse_other_things(tp)
        found = _described(tp)
    warn(tp, found.notes)
    return found


def _described(tp: object) -> TypeSchema:
    if not _has_pydantic():
        return plain_types.plain_type(tp)
    return _or_plain(lambda: _pydantic_schema(tp), lambda: plain_types.plain_type(tp))


def schema_of_signature(fn: Callable[..., object]) -> Schema:
    """The JSON Schema of an object that holds the arguments of `fn`.

    Parameters without an annotation take any JSON value; those with a default may be left out.

    Raises:
        UnsupportedFeatureError: `fn` takes ``*args`` or ``**kwargs`` or positional-only
            parameters, which no JSON object can name.
    """
    found = _described_signature(fn)
    warn(fn, found.notes)
    return found.schema


def _described_signature(fn: Callable[..., object]) -> TypeSchema:
    hints, required = _arguments(fn)
    if not _has_pydantic():
        return plain_types.record_fields(hints, required)
    return _pydantic_schema(_arguments_type(fn.__name__, hints, required))


@overload
def parse(tp: type[T], text: str) -> T: ...
@overload
def parse(tp: object, text: str) -> object: ...
def parse(tp: object, text: str) -> object:
    """The value of type `tp` that the JSON `text` spells: a model instance for a model class.

    For a function, the arguments as a dict: ``fn(**parse(fn, text))``.

    Raises:
        ValueError: the text is not JSON or not of that type (pydantic's `ValidationError` is one).
        MissingExtraError: the type needs pydantic, which is not installed.
    """
    return reader(tp)(text)


def reader(tp: object) -> Callable[[str], object]:
    """`parse` of that type. What pydantic builds for a type, some milliseconds for a model of its
    own kind, is built here, once."""
    if inspect.isroutine(tp):
        hints, required = _arguments(cast("Callable[..., object]", tp))
        if not _has_pydantic():
            return lambda text: plain_types.record_values(hints, text)
        name = str(getattr(tp, "__name__", "arguments"))
        return _adapter(_arguments_type(name, hints, required)).validate_json
    adapter = _or_plain(lambda: _adapter(tp), lambda: None) if _has_pydantic() else None
    if adapter is None:
        return lambda text: plain_types.plain_value(tp, text)
    return adapter.validate_json


def _or_plain(first: Callable[[], T], plain: Callable[[], T]) -> T:
    """What pydantic makes of a type. Before Python 3.12 it refuses `typing.TypedDict`; such types
    then go the plain way if they can."""
    try:
        return first()
    except ConstraintError as error:
        if getattr(error.__cause__, "code", None) != "typed-dict-version":
            raise
        try:
            return plain()
        except MissingExtraError:
            raise error from error.__cause__


def _arguments(fn: Callable[..., object]) -> tuple[dict[str, object], set[str]]:
    hints = typing.get_type_hints(fn, include_extras=True)
    types_by_name: dict[str, object] = {}
    required: set[str] = set()
    for name, parameter in inspect.signature(fn).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise UnsupportedFeatureError(
                f"parameter `{parameter}` of `{fn.__name__}` has no name that a JSON object could "
                "give",
                feature=parameter.kind.description,
            )
        types_by_name[name] = hints.get(name, object)
        if parameter.default is parameter.empty:
            required.add(name)
    return types_by_name, required


def _arguments_type(name: str, hints: dict[str, object], required: set[str]) -> object:
    """A TypedDict of the arguments: unlike the fields of a model, its keys may have any name."""
    # pydantic needs this one before Python 3.12, and depends on it.
    import typing_extensions

    typed_dict = cast("Callable[[str, object], object]", typing_extensions.TypedDict)
    members = {
        key: (Any if hint is object else hint)
        if key in required
        else NotRequired[cast("Any", Any if hint is object else hint)]
        for key, hint in hints.items()
    }
    return typed_dict(name, members)


def _adapter(tp: object) -> Any:
    """A `pydantic.TypeAdapter`, with pydantic's complaints about the type made ours."""
    import pydantic
    import pydantic_core

    try:
        return pydantic.TypeAdapter[Any](cast("type[Any]", tp))
    except RecursionError:
        raise _too_deep(tp) from None
    except pydantic.errors.PydanticSchemaGenerationError as error:
        raise unknown_type(tp, culprit_of(tp, error.message)) from error
    except (
        pydantic.errors.PydanticUserError,
        pydantic.errors.PydanticUndefinedAnnotation,
        pydantic_core.SchemaError,
        # Bounds of types that cannot have them.
        TypeError,
        RuntimeError,
    ) as error:
        message = getattr(error, "message", None) or str(error)
        raise ConstraintError(f"pydantic cannot handle {name_of(tp)}: {message}") from error


def _too_deep(tp: object) -> LimitExceeded:
    # It is Python's own stack that ended: no budget of a constraint would allow more.
    return LimitExceeded(
        f"the type {name_of(tp)} is nested more deeply than Python's stack allows",
        name="max_depth",
        hint="give parts of it names of their own (models, NewType), or sys.setrecursionlimit",
    )


def _pydantic_schema(tp: object) -> TypeSchema:
    import pydantic
    import pydantic_core

    from structgen.constraints.types.pydantic_schema import schema_generator

    adapter = _adapter(tp)
    try:
        schema = adapter.json_schema(
            schema_generator=schema_generator(), ref_template="#/$defs/{model}"
        )
    except RecursionError:
        raise _too_deep(tp) from None
    except pydantic_core.PydanticOmit as error:
        raise UnsupportedFeatureError(
            f"{name_of(tp)} asks to be left out of schemas", feature="a type without JSON form"
        ) from error
    except pydantic.errors.PydanticInvalidForJsonSchema as error:
        raise UnsupportedFeatureError(
            f"{name_of(tp)} has no JSON form{field_of(error)}: {error.message}",
            feature="a type without JSON form",
        ) from error
    except ConstraintError as error:
        error.message = f"{name_of(tp)} cannot be written as JSON{field_of(error)}: {error.message}"
        raise
    except pydantic.errors.PydanticUserError as error:
        if error.code == "class-not-fully-defined":
            raise ConstraintError(
                f"{name_of(tp)} refers to a type that is not defined (yet)",
                hint="define it, then call model_rebuild() on the models that refer to it",
            ) from error
        raise ConstraintError(f"{name_of(tp)} has no JSON Schema: {error.message}") from error
    # Only what JSON can hold goes on: pydantic leaves defaults as Python values at times.
    return taken_out(cast("Schema", json.loads(json.dumps(schema, default=str))))
