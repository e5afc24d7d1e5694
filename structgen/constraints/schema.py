"""JSON Schema constraints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, cast, runtime_checkable

from structgen._core import Program
from structgen.constraints.base import TextConstraint
from structgen.errors import LimitExceeded, SchemaError

JsonSchema: TypeAlias = Mapping[str, object] | bool | str | Path
"""A schema: a mapping or bool, its JSON text, or the path of a file that holds it."""

Draft: TypeAlias = Literal["draft4", "draft6", "draft7", "2019-09", "2020-12"]

Whitespace: TypeAlias = Literal["compact", "flexible"] | Mapping[str, object]
"""``"compact"``: none. ``"flexible"``: a bounded run of blanks and line ends wherever JSON allows
it. Or a mapping: ``{"kind": "flexible", "max": 20}``, ``{"kind": "indent", "width": 2}`` or
``{"kind": "separators", "item": ", ", "key": ": "}``."""


@runtime_checkable
class _Resource(Protocol):
    """What a `referencing.Registry` maps to."""

    @property
    def contents(self) -> object: ...


def json_schema(
    schema: JsonSchema,
    *,
    draft: Draft | None = None,
    property_order: Literal["schema", "any"] | None = None,
    whitespace: Whitespace | None = None,
    escapes: Literal["all", "minimal"] | None = None,
    format_assertion: bool | None = None,
    number_spelling: Literal["all", "plain"] | None = None,
    registry: Mapping[str, object] | None = None,
) -> TextConstraint:
    """JSON texts that are valid for `schema`.

    A keyword that is not enforced is an error, never ignored. An option left at None takes the
    core's default.

    Args:
        schema: a dict or bool; a str is JSON text if it parses as a JSON object or bool, else a
            path. Parse a text from a stranger yourself, so that it is never taken for a path.
        draft: the JSON Schema draft, if ``$schema`` does not say or should be overruled.
        property_order: ``"schema"``: properties come in the schema's order; ``"any"``: in any.
        whitespace: see `Whitespace`.
        escapes: ``"all"``: every legal spelling of a character inside strings; ``"minimal"``: one.
        format_assertion: whether ``format`` restricts texts.
        number_spelling: ``"all"``: every legal spelling of a number (``1e2``, ``1.0``);
            ``"plain"``: without exponents.
        registry: schemas by URI that ``$ref`` may name; a mapping or a `referencing.Registry`.

    Raises:
        SchemaError: malformed, with a JSON pointer.
        UnsupportedSchemaError: a keyword that this version does not enforce, with its pointer.
        EmptyLanguageError: no JSON text is valid; the pointers name the conflict.
        LimitExceeded: too deep or too large.
    """
    chosen: dict[str, object | None] = {
        "draft": draft,
        "property_order": property_order,
        "whitespace": {"kind": whitespace} if isinstance(whitespace, str) else whitespace,
        "escapes": escapes,
        "format_assertion": format_assertion,
        "number_spelling": number_spelling,
        "registry": None if registry is None else _plain_registry(registry),
    }
    options = {name: value for name, value in chosen.items() if value is not None}
    text = schema_text(schema)
    return TextConstraint(
        Program.json_schema(text, _dumps(options)), description=f"json_schema({text})"
    )


def json_value() -> TextConstraint:
    """Any JSON text."""
    return json_schema(True)


def schema_text(schema: JsonSchema) -> str:
    """The JSON text of a schema given in any of the ways of `JsonSchema`."""
    if isinstance(schema, Path):
        return _read(schema)
    if not isinstance(schema, str):
        return _dumps(schema)
    try:
        parsed: object = json.loads(schema)
    except json.JSONDecodeError as error:
        if schema.lstrip()[:1] in ("{", "[", '"') or "\n" in schema:
            raise _malformed(error) from None
        return _read(Path(schema))
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(parsed, dict | bool):
        raise SchemaError("a JSON Schema is an object or a bool")
    return schema


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SchemaError(
            f"`{path}` is neither JSON text nor a file that can be read: {error}"
        ) from error
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise _malformed(error) from None
    except RecursionError:
        raise _too_deep() from None
    return text


def _dumps(value: object) -> str:
    try:
        # Round numbers and key order stay as they are: the order of properties means something.
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
        )
    except RecursionError:
        raise _too_deep() from None
    except (TypeError, ValueError) as error:
        raise SchemaError(f"not a JSON value: {error}") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _plain_registry(registry: Mapping[str, object]) -> dict[str, object]:
    plain: dict[str, object] = {}
    for uri in registry:
        resource = registry[uri]
        plain[uri] = resource.contents if isinstance(resource, _Resource) else resource
    return plain


def _malformed(error: json.JSONDecodeError) -> SchemaError:
    return SchemaError(
        f"the schema is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
    )


def _too_deep() -> LimitExceeded:
    return LimitExceeded("the schema is nested too deeply", name="max_depth")
