"""JSON Schema constraints."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, Unpack, cast, runtime_checkable

from structgen._core import Limits, Program
from structgen.constraints.base import TextConstraint, shortened
from structgen.constraints.metaschemas import published
from structgen.constraints.pace import Pace
from structgen.constraints.python_types import described_type, reader
from structgen.constraints.reading import Reading
from structgen.constraints.schema_options import (
    Draft,
    Escapes,
    JsonOptions,
    NumberSpelling,
    PropertyOrder,
    Whitespace,
    bounds_fields,
    choice_of,
    flag,
    whitespace_fields,
)
from structgen.constraints.types.shown import shown
from structgen.errors import (
    ConstraintError,
    LimitExceeded,
    SchemaError,
    SchemaWarning,
    UnresolvedReferenceError,
)
from structgen.misuse import answers_misuse, refuse_unknown, warn_caller
from structgen.types import Value

if TYPE_CHECKING:
    from typing_extensions import TypeForm

JsonSchema: TypeAlias = Mapping[str, object] | bool | str | Path
"""A schema: a mapping or bool, its JSON text, or the path of a file that holds it."""


@runtime_checkable
class _Resource(Protocol):
    """What a `referencing.Registry` maps to."""

    @property
    def contents(self) -> object: ...


@answers_misuse
def json_schema(
    schema: JsonSchema | TypeForm[Value],
    *,
    draft: Draft | None = None,
    property_order: PropertyOrder | None = None,
    whitespace: Whitespace | None = None,
    escapes: Escapes | None = None,
    format_assertion: bool | None = None,
    number_spelling: NumberSpelling | None = None,
    additional_properties_default: bool | None = None,
    max_string_length: int | None = None,
    max_array_length: int | None = None,
    max_integer_digits: int | None = None,
    max_fraction_digits: int | None = None,
    max_exponent_digits: int | None = None,
    strict: bool | None = None,
    registry: Mapping[str, object] | None = None,
    limits: Limits | None = None,
) -> TextConstraint[Value]:
    """JSON texts that are valid for `schema`, a JSON Schema or a Python type.

        sg.json_schema({"type": "integer"}).parse("7")                  # 7
        sg.json_schema(Person, property_order="any").parse('{"age": 7, "name": "Ada"}')  # a Person

    Texts of a schema are read by `json.loads`, those of a type become its values, here and in
    `structgen.generate`.

    A keyword that is not enforced is an error, never ignored; what becomes of each is said by
    `TextConstraint.report`. Names that no draft defines say nothing: one close to a keyword or
    format (``additonalProperties``) is reported by a `SchemaWarning`. An option left
    at None takes its default. Keys are never written twice in an object, however they are spelled.

    Args:
        schema: a dict or bool; a str is JSON text if it parses as a JSON object or bool, else a
            path. Parse a text from a stranger yourself, so that it is never taken for a path.
            Anything else is a Python type, as for `structgen.from_type`.
        draft: the version of JSON Schema that the schema and its embedded resources are written
            in, whatever they say. By default that of ``$schema``, else 2020-12. ``"v1"`` refuses
            unknown keywords and formats, as it says of itself.
        property_order: ``"schema"`` (default): properties come in the schema's order, then
            required ones that it does not list, then others; ``"any"``: in any order.
        whitespace: see `Whitespace`; ``"flexible"`` by default, which takes what `json.dumps`
            writes by default, compactly, and with an indentation.
        escapes: ``"all"``: every legal spelling of a character inside strings, as `json.dumps`
            and others write them; ``"minimal"``: a character stands for itself where it may, as
            `json.dumps(ensure_ascii=False)` writes it, so that keys are forced text. By default
            all for a schema, minimal for a type; and minimal wherever `structgen.generate` draws
            (`TextConstraint.with_minimal_escapes`).
        format_assertion: whether ``format`` restricts texts (default), whatever vocabularies
            the metaschema lists.
        number_spelling: see `NumberSpelling`. ``"plain"`` (default): as programs write numbers,
            integers without a point or an exponent and with up to 20 digits; ``"all"``: as a
            validator reads them (``1.0`` and ``1e2`` are integers).
        additional_properties_default: False leaves out keys of which no schema says anything, in
            objects for which some schema lists ``properties`` or ``patternProperties``, unless it
            has ``additionalProperties`` or ``unevaluatedProperties`` beside them. All schemas of
            an object count together: with ``allOf``, the keys of all parts may be written.
        max_string_length: code points of strings and keys that no schema bounds.
        max_array_length: elements of arrays that no schema bounds (by ``maxItems``, or a
            ``false`` for what follows ``prefixItems``).
        max_integer_digits, max_fraction_digits, max_exponent_digits: digits of a number before
            and after the point and in its exponent; 0 forbids fractions or exponents. The
            first also replaces the 20 digits of ``"plain"``.
        strict: whether keywords and formats that no draft defines, and keywords of other drafts,
            are refused; False by default, as the drafts ask. Names that begin with ``x-`` and
            OpenAPI's annotations pass.
        registry: schemas by URI that ``$ref`` may name; a mapping or a `referencing.Registry`.
            The published metaschemas need not be in it (extra ``metaschemas``). Nothing is ever
            fetched.
        limits: budgets of reading the schema, and of its compilations if they name none.

    The six options with bounds narrow: their documents are all valid for the schema. They are
    applied to whole values, after all that schemas say of them, and leave alone what has an end
    already (an ``enum``, a ``maxLength``, a date). Where ``anyOf`` and the like leave a choice
    between bounded and unbounded, the whole counts as unbounded.

    Raises:
        SchemaError: malformed, with a JSON pointer.
        UnresolvedReferenceError: a ``$ref`` leads nowhere; ``uri`` is what the registry lacks.
        UnsupportedSchemaError: a keyword, version or vocabulary that is not enforced, with its
            pointer. A ``$schema`` that is neither a version nor in `registry` is one.
        EmptyLanguageError: no JSON text is valid; the pointers name the conflict, or the options
            that exclude all that are.
        ConstraintError: an option has a value that it cannot have.
        MissingExtraError: the schema refers to a published metaschema, and the extra that holds
            them is not installed.
        LimitExceeded: too deep, too large or too long.
        Cancelled: the token of `limits` was cancelled.
    """
    spelled = choice_of("escapes", escapes, Escapes)
    if spelled is None and not is_schema(schema):
        spelled = "minimal"
    pace = Pace(limits)
    options = _options(
        draft,
        property_order,
        whitespace,
        format_assertion,
        number_spelling,
        additional_properties_default,
        strict,
        max_string_length,
        max_array_length,
        max_integer_digits,
        max_fraction_digits,
        max_exponent_digits,
    )
    text, reading = _source(schema, pace)
    documents = {} if registry is None else _plain_registry(registry, pace)
    program = _compiled(text, options, documents, spelled, limits, pace)
    if mistakes := program.mistakes:
        warn_caller("; ".join(mistakes), SchemaWarning)
    return TextConstraint(
        program,
        description=f"json_schema({shortened(text)})",
        reading=cast("Reading[Value]", reading),
    )


def from_type(tp: TypeForm[Value], **options: Unpack[JsonOptions]) -> TextConstraint[Value]:
    """JSON texts that are values of the Python type `tp`, and are read as such.

        sg.from_type(list[int], max_array_length=3).parse("[1, 2]")  # [1, 2]

    Args:
        tp: see `structgen.constraints.schema_of_type`; a function stands for its arguments.
        **options: those of `structgen.json_schema`.
    """
    refuse_unknown(options, list(JsonOptions.__annotations__), of="from_type")
    if is_schema(tp):
        raise ConstraintError(f"{tp!r:.80} is no Python type", hint="sg.json_schema(schema)")
    return json_schema(tp, **options)


def from_signature(
    fn: Callable[..., object], **options: Unpack[JsonOptions]
) -> TextConstraint[dict[str, object]]:
    """JSON objects that hold arguments for `fn`: ``fn(**constraint.parse(text))``. `options` are
    those of `structgen.json_schema`; see also `structgen.constraints.schema_of_signature`."""
    refuse_unknown(options, list(JsonOptions.__annotations__), of="from_signature")
    if not inspect.isroutine(fn):
        raise ConstraintError(f"{fn!r:.80} is no function")
    return cast("TextConstraint[dict[str, object]]", json_schema(cast("type", fn), **options))


_SCHEMAS: Final = (dict, bool, str, Path, Mapping)
"""Classes of `JsonSchema`; those that are quickly told come first."""


def is_schema(given: object) -> bool:
    """Whether `given` is a JSON Schema in one of the ways of `JsonSchema`, and no type."""
    return isinstance(given, _SCHEMAS)


def _options(*given: Any) -> _Options:
    """The options of `json_schema` without escapes, in its order, checked, in the core's words."""
    try:
        hash(given)
    except TypeError:  # white space as a mapping, or something that will be refused
        read = _read_options
    else:
        read = _kept_options
    return read(*given)


@dataclass(frozen=True, slots=True)
class _Options:
    """Options that are not left to their defaults, and their JSON text."""

    fields: dict[str, object]
    text: str


def _read_options(
    draft: str | None,
    property_order: str | None,
    whitespace: Whitespace | None,
    format_assertion: bool | None,
    number_spelling: str | None,
    additional_properties_default: bool | None,
    strict: bool | None,
    *lengths: int | None,
) -> _Options:
    chosen: dict[str, object | None] = {
        "draft": choice_of("draft", draft, Draft),
        "property_order": choice_of("property_order", property_order, PropertyOrder),
        "whitespace": None if whitespace is None else whitespace_fields(whitespace),
        "format_assertion": flag("format_assertion", format_assertion),
        "number_spelling": choice_of("number_spelling", number_spelling, NumberSpelling),
        "additional_properties_default": flag(
            "additional_properties_default", additional_properties_default
        ),
        "strict": flag("strict", strict),
        "bounds": bounds_fields(dict(zip(_LENGTHS, lengths, strict=True))),
    }
    fields = {name: value for name, value in chosen.items() if value is not None}
    return _Options(fields, _dumps(fields))


_LENGTHS: Final = (
    "max_string_length",
    "max_array_length",
    "max_integer_digits",
    "max_fraction_digits",
    "max_exponent_digits",
)

# A process has few sets of options. 1 and True are different options.
_kept_options = lru_cache(maxsize=64, typed=True)(_read_options)


def _source(given: object, pace: Pace) -> tuple[str, Reading[object]]:
    """The text of a schema, or of the schema of a type, and how its documents are read."""
    if is_schema(given):
        text = schema_text(cast("JsonSchema", given), pace)
        return text, Reading(json.loads, schema=text)
    with pace.watching():
        described = described_type(given)
    shown_text = _dumps(shown(described.schema), pace)
    reading = replace(source_reading(given), schema=shown_text, notes=described.notes)
    return _dumps(described.schema, pace), reading


def source_reading(given: object) -> Reading[object]:
    """How the documents of a schema or type are read, and no more of it than that."""
    return Reading(json.loads if is_schema(given) else _ReadAs(given))


def source_schema(given: object) -> str:
    """The schema, or that of the type, as JSON: as a model is told it."""
    return cast("str", _source(given, Pace(None))[1].schema)


class _ReadAs:
    """Reads JSON as values of a type."""

    __slots__ = ("_read", "tp")

    def __init__(self, tp: object) -> None:
        self.tp = tp
        self._read: Callable[[str], object] | None = None

    def __call__(self, text: str) -> object:
        # Two threads may build the same at first; either will do.
        read = self._read
        if read is None:
            read = self._read = reader(self.tp)
        return read(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ReadAs) and self.tp == other.tp

    def __hash__(self) -> int:
        return hash(self.tp)

    def __reduce__(self) -> tuple[object, ...]:
        return _ReadAs, (self.tp,)


def _compiled(
    text: str,
    options: _Options,
    documents: dict[str, object],
    escapes: str | None,
    limits: Limits | None,
    pace: Pace,
) -> Program:
    """The program, with the published metaschemas that turn out to be missing."""
    while True:
        try:
            given_text = options.text
            if documents:
                given_text = _dumps(options.fields | {"registry": documents}, pace)
            spent = int(pace.spent_ms)
            return Program.json_schema(
                text, given_text, escapes=escapes, limits=limits, spent_ms=spent
            )
        except UnresolvedReferenceError as error:
            found = published(error.uri)
            # The caller's own documents come first, whatever they are called.
            fresh = {} if found is None else {u: d for u, d in found.items() if u not in documents}
            if not fresh:
                raise
            documents = fresh | documents


def json_value() -> TextConstraint[Any]:
    """Any JSON text."""
    return json_schema(True)


_NO_PATH: Final = 10_000
"""Characters of a text that is no path."""


def schema_text(schema: JsonSchema, pace: Pace | None = None) -> str:
    """The JSON text of a schema given in any of the ways of `JsonSchema`. That a long text is JSON
    shows when the core reads it."""
    if isinstance(schema, Path):
        return _read(schema)
    if not isinstance(schema, str):
        return _dumps(schema, pace)
    if len(schema) > _NO_PATH:
        return schema
    try:
        parsed = _parsed(schema)
    except json.JSONDecodeError as error:
        if schema.lstrip()[:1] in ("{", "[", '"') or "\n" in schema:
            raise _malformed(error) from None
        return _read(Path(schema))
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(parsed, dict | bool):
        raise SchemaError("a JSON Schema is an object or a bool")
    return schema


def schema_key(schema: JsonSchema, registry: Mapping[str, object] | None = None) -> str:
    """A text that is the same only for schemas, with their registries, that mean the same, and the
    same for those that differ in white space and the spelling of strings alone. The order of keys
    counts: it may be that of properties.

    Raises what `json_schema` raises for what is no JSON.
    """
    if registry is not None:
        documents = _plain_registry(registry, Pace(None))
        parts = [
            schema_key(schema),
            *(text for uri in sorted(documents) for text in (uri, _dumps(documents[uri]))),
        ]
        return _dumps(parts)
    if not isinstance(schema, str | Path):
        return _dumps(schema)
    text = schema_text(schema)
    try:
        return _dumps(
            json.loads(
                text, parse_int=_same_int, parse_float=_same_float, object_pairs_hook=_same_object
            )
        )
    except ValueError:  # Python would write something else: the text stands for itself
        return text


def _same_int(digits: str) -> int:
    number = int(digits)
    if str(number) != digits:
        raise ValueError
    return number


def _same_float(digits: str) -> float:
    number = float(digits)
    if repr(number) != digits:
        raise ValueError
    return number


def _same_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def schema_value(schema: str | Path) -> Mapping[str, object] | bool:
    """A schema in Python's values.

    Raises:
        SchemaError: not a schema, or one with a number that Python cannot hold.
        LimitExceeded: nested too deeply.
    """
    text = schema_text(schema)
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise SchemaError(f"a number of the schema is too long: {error}") from None
    if not isinstance(value, bool | dict):
        raise SchemaError("a JSON Schema is an object or a bool")
    return cast("dict[str, object] | bool", value)


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SchemaError(
            f"`{path}` is neither JSON text nor a file that can be read: {error}"
        ) from error
    try:
        _parsed(text)
    except json.JSONDecodeError as error:
        raise _malformed(error) from None
    except RecursionError:
        raise _too_deep() from None
    return text


def _parsed(text: str) -> object:
    """What `text` says, but for its numbers: the core reads them, and Python makes no integer of
    more than some thousands of digits."""
    return json.loads(text, parse_int=str, parse_float=str)


def _dumps(value: object, pace: Pace | None = None) -> str:
    if pace is not None:
        try:
            return pace.json_text(value, _dumps)
        except RecursionError:
            raise _too_deep() from None
    try:
        return _ENCODER.encode(value)
    except RecursionError:
        raise _too_deep() from None
    except (TypeError, ValueError) as error:
        raise SchemaError(f"not a JSON value: {error}") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


# Round numbers and key order stay as they are: the order of properties means something.
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)


def _plain_registry(registry: Mapping[str, object], pace: Pace) -> dict[str, object]:
    plain: dict[str, object] = {}
    for uri in registry:
        pace.tick()
        resource = registry[uri]
        # To look for the protocol's attributes takes 15 us, and there may be 100,000 documents.
        if not isinstance(resource, dict | bool) and isinstance(resource, _Resource):
            resource = resource.contents
        plain[uri] = resource
    return plain


def _malformed(error: json.JSONDecodeError) -> SchemaError:
    return SchemaError(
        f"the schema is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
    )


def _too_deep() -> LimitExceeded:
    return LimitExceeded(
        "the schema is nested deeper than Python writes it as JSON", name="max_source_depth"
    )
