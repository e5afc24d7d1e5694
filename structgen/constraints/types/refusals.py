"""Why something is no type whose values JSON can spell, in words that help."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import typing

from structgen.constraints.types.notes import name_of
from structgen.errors import ConstraintError, UnsupportedFeatureError

_RECORDS = "a dataclass, a TypedDict or a Pydantic model with the same fields"


def refuse_other_things(given: object) -> None:
    """Raise for what is a value where a type is needed (3, 1.5), or a model of another pydantic.

    Raises:
        ConstraintError: it is one.
    """
    if inspect.isclass(given) and _is_version_1(given):
        raise unknown_type(given, given)  # pydantic would warn, and then give up in its own words
    if isinstance(given, functools.partial):
        # pydantic would read it as the call itself, and give its result where it is parsed.
        raise ConstraintError(
            f"{given!r:.80} is a function with some arguments filled in, and no type",
            hint="from_signature(function), and the arguments where it is called",
        )
    if given is None or not isinstance(given, bool | int | float | complex | bytes):
        return
    raise ConstraintError(
        f"{given!r:.80} is a value of type {name_of(type(given))}, and no type or schema",
        hint=f"Literal[{given!r:.40}] is the type of that value alone"
        if isinstance(given, int | bytes)
        else f"{type(given).__qualname__} is its type",
    )


def unknown_type(tp: object, culprit: object) -> UnsupportedFeatureError:
    """The error for a type whose part `culprit` (or its name) has no known JSON form."""
    name = culprit if isinstance(culprit, str) else name_of(culprit)
    where = "" if culprit is tp else f", in {name_of(tp)}"
    what, hint = _kind(culprit)
    return UnsupportedFeatureError(
        f"{name} is {what}{where}: a type is needed whose values can be written as JSON",
        feature=what,
        hint=hint,
    )


def _kind(tp: object) -> tuple[str, str]:
    if not inspect.isclass(tp):
        if type(tp).__module__.partition(".")[0] == "numpy":
            return "a numpy dtype", "int, float, bool or str; for arrays list[float]"
        if tp is typing.LiteralString:
            return "a form of typing that only checkers of types know", "str"
        if type(tp).__module__ == "typing":
            return "a form of typing without values that JSON can hold", "give a type of values"
        if isinstance(tp, str):
            return "of no known kind", f"give {_RECORDS}"
        return f"a value of type {name_of(type(tp))}, and no type", "give its type"
    package = tp.__module__.partition(".")[0]
    if package == "numpy":
        return "a numpy type", "int, float, bool or str; for arrays list[float]"
    if any(hasattr(tp, mark) for mark in ("__struct_fields__",)):
        return "a msgspec Struct", f"give {_RECORDS}"
    if hasattr(tp, "__attrs_attrs__"):
        return "an attrs class", f"give {_RECORDS}"
    if getattr(tp, "_is_protocol", False):
        return "a Protocol, which says what values can do and not what they are", f"give {_RECORDS}"
    if tp is type or tp is object:
        return "the class of everything", "Any takes any JSON"
    if _is_version_1(tp):
        return "a model of pydantic's version 1", "derive it from pydantic.BaseModel of version 2"
    for base in (str, int, float, list, dict, set, tuple):
        if issubclass(tp, base):
            return f"a subclass of {base.__name__}, which JSON cannot tell from it", base.__name__
    return "a class that does not declare its fields", f"declare them: {_RECORDS}"


def add_field(error: Exception, name: str) -> None:
    """Note that `error` is about the field `name`, or about one inside of it."""
    vars(error)["fields"] = [name, *vars(error).get("fields", [])]


def field_of(error: Exception) -> str:
    """Where the fault is, if that is a field: `` in its field `a.b` ``."""
    fields = vars(error).get("fields")
    return f" in its field `{'.'.join(fields)}`" if fields else ""


def _is_version_1(tp: type) -> bool:
    return any(base.__module__.startswith("pydantic.v1") for base in tp.__mro__)


_NAMED = re.compile(r"for (<class '(?P<path>[^']+)'>|(?P<other>.+?))\. Set `arbitrary")


def culprit_of(tp: object, message: str) -> object:
    """The type that pydantic complains about in `message`: the class itself if it is found in
    `tp`, else its name."""
    found = _NAMED.search(message)
    if found is None:
        return tp
    wanted = found["path"]
    if wanted is None:
        return f"`{found['other']}`" if repr(tp) != found["other"] else tp
    for part in _parts(tp, set()):
        if repr(part) == f"<class '{wanted}'>":
            return part
    return f"`{wanted}`"


def _parts(tp: object, seen: set[int]) -> list[object]:
    """`tp`, its arguments and the annotations of its fields, without those that cannot be read."""
    if id(tp) in seen or len(seen) > 500:
        return []
    seen.add(id(tp))
    inner = [*getattr(tp, "__args__", ())]
    if inspect.isclass(tp):
        # Names may be defined nowhere, or not yet.
        with contextlib.suppress(NameError, TypeError, AttributeError):
            inner += typing.get_type_hints(tp).values()
    found: list[object] = [tp]
    for part in inner:
        found += _parts(part, seen)
    return found
