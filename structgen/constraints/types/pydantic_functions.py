"""Python functions in pydantic's core schemas: which check nothing more, which can be written as a
pattern, and which can only be noted.

pydantic builds many of its own types of functions: those are known by module and name. A function
that is not known counts as a check that its schema does not say.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, cast

from structgen.constraints.types import addresses, texts
from structgen.constraints.types.notes import is_noted, name_of, noted, without_notes
from structgen.constraints.types.scalars import BYTE_SIZE, string, text_schema

_Json = dict[str, Any]

_HARMLESS = (
    "pydantic._internal._validators.sequence_validator",
    "pydantic._internal._validators.defaultdict_validator",
    "pydantic._internal._validators.forbid_inf_nan_check",
    "pydantic._internal._validators.ip_v",
    "pydantic._internal._validators.pattern_",
    "pydantic._internal._validators.validate_str_is_valid_iana_tz",
    "pydantic._internal._validators.fraction_validator",
    "pydantic._internal._generate_schema.GenerateSchema._zoneinfo_schema.",
    "pydantic._internal._generate_schema.GenerateSchema._path_schema.",
    "pydantic._internal._generate_schema.GenerateSchema._literal_schema.",
    "pydantic._internal._std_types_schema.",
    "pydantic.networks.",
    "pydantic.types.Secret",
    "pydantic.types._Secret",
    "collections.",
    "ipaddress.",
    "operator.attrgetter",
)
"""Beginnings of names of functions that take what the schema of their type, as written here, lets
through."""


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


@functools.cache
def _time_zones() -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


_FORMATS: dict[str, Callable[[], _Json]] = {
    "ipv4network": lambda: {"pattern": _whole(addresses.ipv4_network())},
    "ipv6network": lambda: {"pattern": _whole(addresses.ipv6_network())},
    "ipv4interface": lambda: {"pattern": _whole(addresses.IPV4_INTERFACE)},
    "ipv6interface": lambda: {"pattern": _whole(addresses.IPV6_INTERFACE)},
    "ipvanyaddress": lambda: {"pattern": _whole(f"{addresses.IPV4}|{addresses.IPV6}")},
    "ipvanyinterface": lambda: {
        "pattern": _whole(f"{addresses.IPV4_INTERFACE}|{addresses.IPV6_INTERFACE}")
    },
    "ipvanynetwork": lambda: {
        "pattern": _whole(f"{addresses.ipv4_network()}|{addresses.ipv6_network()}")
    },
    "email": lambda: {"pattern": _whole(addresses.EMAIL)},
    "name-email": lambda: {"pattern": _whole(addresses.NAME_EMAIL)},
    "regex": lambda: {"pattern": _whole(texts.python_regex())},
    "fraction": lambda: {"pattern": _whole(texts.FRACTION)},
    "zoneinfo": lambda: {"enum": _time_zones()},
}
"""What texts of pydantic's own formats are, which JSON Schema does not know."""

_HEXADECIMAL_COLOR = "#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})"
_TEXTS = {
    "pydantic.color.Color._validate": _HEXADECIMAL_COLOR,
    "pydantic_extra_types.color.Color._validate": _HEXADECIMAL_COLOR,
    "pydantic_extra_types.mac_address.MacAddress._validate": (
        "(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"
    ),
}
"""Texts that functions with these names take, a part of them."""

_PATHS = {
    "PathType.validate_file": "it must be the path of a file",
    "PathType.validate_directory": "it must be the path of a directory",
    "PathType.validate_new": "it must be a new path in a directory that is there",
    "PathType.validate_socket": "it must be the path of a socket",
}

_NO_TEXTS = ("array", "object", "integer", "number", "boolean", "null")
_PASSES_TEXTS = ("email", "password")
"""Formats whose values are the text itself, so that bounds on the value bind the text."""

_LENGTHS = {
    "min_length": {"string": "minLength", "array": "minItems", "object": "minProperties"},
    "max_length": {"string": "maxLength", "array": "maxItems", "object": "maxProperties"},
}


def of_function(schema: Any, result: _Json) -> _Json:
    """`result`, the JSON Schema of a core schema with a function, narrowed to what the function
    takes, or with a note on it."""
    function = schema["function"]["function"]
    bare, keywords = _without_arguments(function)
    name = _full_name(bare)
    if name.startswith(_HARMLESS):
        return _with_format(result)
    if name in _TEXTS and result.get("type") == "string":
        return {**result, "pattern": _whole(_TEXTS[name])}
    if name.endswith("_validators.import_string"):
        raise without_json("its values are what a text names for Python to import")
    if name.startswith("pydantic._internal._validators.") and keywords:
        return _with_bounds(schema, result, keywords)
    if name.startswith("pydantic._internal._known_annotated_metadata."):
        return _with_predicate(result, function)
    if name.startswith("pydantic.types."):
        return _of_pydantic_type(result, name.removeprefix("pydantic.types."), function)
    return noted(result, _runs(bare, schema["type"]))


def of_wrapper(schema: Any, result: _Json) -> _Json:
    """`result`, with what is known of its format if pydantic wrote it."""
    metadata: _Json = schema.get("metadata") or {}
    functions: list[object] = metadata.get("pydantic_js_functions", [])
    return _with_format(result) if functions and all(map(_is_pydantic, functions)) else result


def _is_pydantic(function: object) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "pydantic"


def written_by_others(schema: Any) -> bool:
    """Whether others than pydantic write the JSON Schema of a core schema: functions, or what
    ``json_schema_extra`` puts over it."""
    metadata: _Json = schema.get("metadata") or {}
    if metadata.get("pydantic_js_extra"):
        return True
    functions: list[object] = [
        *metadata.get("pydantic_js_functions", []),
        *metadata.get("pydantic_js_annotation_functions", []),
    ]
    return any(
        not _is_pydantic(function) or "WithJsonSchema" in _full_name(function)
        for function in functions
    )


def of_both(own: _Json | None, written: _Json) -> _Json:
    """What satisfies a type's `own` schema and the one `written` by others, who may have written
    less. Where the two are of different JSON types, that of the others alone, with a note."""
    if own is None or not _may_meet(own, written):
        return written if is_noted(written) else noted(written, "its schema is written by hand")
    if is_noted(written):
        own = without_notes(own)
    if all(written.get(key) == value for key, value in own.items()):
        return written
    return {**written, "allOf": [*written.get("allOf", []), own]}


def _may_meet(own: _Json, written: _Json) -> bool:
    ours, theirs = own.get("type"), written.get("type")
    return not (isinstance(ours, str) and isinstance(theirs, str)) or ours == theirs


def of_chain(schema: Any, result: _Json) -> _Json:
    """`result`, the schema of the first step, with what later steps demand of texts."""
    for step in schema["steps"][1:]:
        inner = step.get("schema", {})
        textual = result.get("format") in _PASSES_TEXTS and not is_noted(result)
        if step["type"] == "function-wrap" and inner.get("type") == "str" and textual:
            settings = {key: value for key, value in inner.items() if key != "type"}
            settings.pop("coerce_numbers_to_str", None)
            result = {**result, "allOf": [*result.get("allOf", []), text_schema(**settings)]}
        elif step["type"] == "is-instance" and step["cls"].__qualname__ == "Hashable":
            result = {**result, "type": ["null", "boolean", "number", "string"]}
        elif inner.get("type") == "str" and result.get("type") in _NO_TEXTS:
            raise without_json(f"a bound on texts is put on JSON of type {result['type']}")
        else:
            result = noted(result, f"a further step of type `{step['type']}`")
    return result


def without_json(why: str) -> Exception:
    """The error with which pydantic's generator leaves out a choice, or gives up."""
    from pydantic.errors import PydanticInvalidForJsonSchema

    return PydanticInvalidForJsonSchema(why)


def _without_arguments(function: object) -> tuple[object, dict[str, Any]]:
    keywords: dict[str, Any] = {}
    while isinstance(function, functools.partial):
        bound = cast("functools.partial[object]", function)
        keywords = {**bound.keywords, **keywords}
        function = cast("object", bound.func)
    return function, keywords


def _full_name(function: object) -> str:
    if not hasattr(function, "__qualname__"):
        function = type(function)
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"


def _runs(function: object, kind: str) -> str:
    when = kind.removeprefix("function-")
    words = {"plain": "alone", "wrap": "around it"}
    return f"{name_of(function)} runs {words.get(when, when + ' it')}"


def _with_format(result: _Json) -> _Json:
    known = _FORMATS.get(str(result.get("format")))
    if known is None or "pattern" in result or "enum" in result:
        return result
    return {**result, **known()}


def _innermost(schema: Any) -> Any:
    """The core schema of the text itself, under functions and choices of a way."""
    for key in ("schema", "lax_schema", "json_schema"):
        if isinstance(schema.get(key), dict):
            return _innermost(schema[key])
    return schema


def _with_bounds(schema: Any, result: _Json, keywords: dict[str, Any]) -> _Json:
    """Bounds on what a function gave: pydantic writes them under names of its own."""
    ((name, bound),) = list(keywords.items())[:1]
    found = dict(result)
    found.pop(name, None)
    key = _LENGTHS.get(name, {}).get(str(found.get("type")))
    textual = found.get("format") in _PASSES_TEXTS and _innermost(schema)["type"] == "str"
    sized = found.get("type") == "array" or textual
    if key is None or not sized or is_noted(found):
        for added in ("minLength", "maxLength", "minItems", "maxItems"):
            found.pop(added, None)
        return noted(found, f"{name} {bound} of the value")
    if name == "min_length":
        found[key] = max(bound, found.get(key, 0))
    else:
        found[key] = min(bound, found.get(key, bound))
    return found


def _with_predicate(result: _Json, function: Any) -> _Json:
    annotation = inspect.getclosurevars(function).nonlocals.get("annotation")
    predicate = getattr(annotation, "func", None)
    pattern = texts.pattern_of_predicate(annotation)
    if pattern is not None and result.get("type") == "string" and not is_noted(result):
        more = {"pattern": _whole(pattern)}
        return {**result, "allOf": [*result.get("allOf", []), more]}
    negated = texts.is_negated(annotation)
    if predicate is math.isfinite and not negated:
        return result  # numbers in JSON are
    return noted(result, f"{name_of(predicate)} must {'not ' if negated else ''}hold")


def _of_pydantic_type(result: _Json, name: str, function: Any) -> _Json:
    if name in _PATHS:
        return noted(result, _PATHS[name])
    if name.startswith("ByteSize."):
        return {**{k: v for k, v in result.items() if k != "anyOf"}, **BYTE_SIZE}
    if name.startswith(("EncodedBytes.", "EncodedStr.")):
        encoder = getattr(getattr(function, "__self__", None), "encoder", None)
        spelling = _full_name(encoder)
        known = {"pydantic.types.Base64Encoder": False, "pydantic.types.Base64UrlEncoder": True}
        if spelling in known and result.get("type") == "string" and not is_noted(result):
            text = name.startswith("EncodedStr.")
            pattern = texts.base64_pattern(url_safe=known[spelling], text=text)
            return {**string([_whole(pattern)]), **result}
        return noted(result, f"{name_of(encoder)} decodes it")
    return noted(result, f"`{name}` runs")
