"""The JSON Schema of what pydantic parses, as far as JSON Schema can say it.

pydantic writes schemas for readers, who may be lenient; a constraint is what a model is held to.
So the generator here differs from pydantic's:

- records are closed unless their type is open (``extra="allow"``);
- what pydantic checks and does not write (bounds of decimals and dates, versions of UUIDs, schemes
  of URLs, keys that are no texts, ...) is written, as patterns;
- texts that pydantic would change are left out (capitals under ``to_lower=True``);
- a check that cannot be written is noted (`structgen.constraints.types.notes`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from structgen.constraints.types import scalars
from structgen.constraints.types.distinct import one_text_each, set_schema
from structgen.constraints.types.embedded import embedded_pattern
from structgen.constraints.types.keys import key_schema, no_keys
from structgen.constraints.types.moments import Bounds
from structgen.constraints.types.notes import name_of, noted
from structgen.constraints.types.pydantic_functions import (
    of_both,
    of_chain,
    of_function,
    of_wrapper,
    without_json,
    written_by_others,
)
from structgen.constraints.types.refusals import add_field
from structgen.errors import ConstraintError

_Json = dict[str, Any]
_FUNCTIONS = ("function-after", "function-before", "function-wrap", "function-plain")
_WRAPPERS = ("lax-or-strict", "json-or-python", "custom-error")


@cache
def schema_generator() -> type[Any]:
    """The subclass of `pydantic.json_schema.GenerateJsonSchema` (pydantic is imported here)."""
    from pydantic.errors import PydanticInvalidForJsonSchema
    from pydantic.json_schema import GenerateJsonSchema

    class _Generator(GenerateJsonSchema):
        """Writes what a model should produce, which is narrower than what validation takes."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._names: dict[int, str] = {}

        def _named_required_fields_schema(self, named_required_fields: Any) -> _Json:
            self._names.update((id(field), name) for name, _, field in named_required_fields)
            return super()._named_required_fields_schema(named_required_fields)

        def generate_inner(self, schema: Any) -> _Json:
            name = self._names.get(id(schema))
            if name is None:
                return self._generated(schema)
            try:
                return self._generated(schema)
            except (PydanticInvalidForJsonSchema, ConstraintError) as error:
                add_field(error, name)
                raise

        def _generated(self, schema: Any) -> _Json:
            result = self._narrowed(schema, super().generate_inner(schema))
            if "ref" in schema or not written_by_others(schema) or "$ref" in result:
                return result
            if schema["type"] == "function-plain":
                return result  # nothing is known of it but what others write
            plain: Any = {key: value for key, value in schema.items() if key != "metadata"}
            try:
                own = self._narrowed(plain, super().generate_inner(plain))
            except PydanticInvalidForJsonSchema:
                own = None
            return of_both(own, result)

        def _narrowed(self, schema: Any, result: _Json) -> _Json:
            kind = schema["type"]
            if kind in _FUNCTIONS:
                return of_function(schema, result)
            if kind == "chain":
                return of_chain(schema, result)
            return of_wrapper(schema, result) if kind in _WRAPPERS else result

        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> _Json:
            raise without_json(_why_invalid(schema))

        def emit_warning(self, kind: Any, detail: str) -> None:
            """A choice without a JSON form is left out, and a default says nothing of texts."""

        def is_subclass_schema(self, schema: Any) -> _Json:
            return self.handle_invalid_for_json_schema(schema, "")

        # Records

        def model_schema(self, schema: Any) -> _Json:
            result = _closed(super().model_schema(schema))
            cls = schema["cls"]
            if schema.get("custom_init"):
                result = noted(result, f"{name_of(cls.__init__)} runs")
            return _with_post_init(result, schema, getattr(cls, "model_post_init", None))

        def dataclass_schema(self, schema: Any) -> _Json:
            result = _closed(super().dataclass_schema(schema))
            return _with_post_init(result, schema, getattr(schema["cls"], "__post_init__", None))

        def typed_dict_schema(self, schema: Any) -> _Json:
            return _closed(super().typed_dict_schema(schema))

        def _get_alias_name(self, field: Any, name: str) -> str:
            alias: Any = field.get("validation_alias")
            if not isinstance(alias, list):
                return super()._get_alias_name(field, name)
            # One path, or several.
            path_or_paths = cast("list[Any]", alias)
            several = isinstance(path_or_paths[0], list)
            paths: list[list[Any]] = path_or_paths if several else [path_or_paths]
            for path in paths:
                if len(path) == 1 and isinstance(path[0], str):
                    return path[0]
            raise without_json(
                f"the field `{name}` is read from a place inside another member ({paths[0]!r})"
            )

        def tagged_union_schema(self, schema: Any) -> _Json:
            result = super().tagged_union_schema(schema)
            tag = schema["discriminator"]
            return noted(result, f"{name_of(tag)} chooses the type") if callable(tag) else result

        def default_schema(self, schema: Any) -> _Json:
            # A default says nothing about the text, and may have no JSON form.
            return self.generate_inner(schema["schema"])

        # Finite sets

        def enum_schema(self, schema: Any) -> _Json:
            result = super().enum_schema(schema)
            members = list(schema["members"])
            values = [(member, _jsonable(member.value)) for member in members]
            return _readable(schema, result, values, f"member of {name_of(schema['cls'])}")

        def literal_schema(self, schema: Any) -> _Json:
            values = [(value, _jsonable(value)) for value in schema["expected"]]
            return _readable(schema, {}, values, "value of the Literal")

        # Texts

        def str_schema(self, schema: Any) -> _Json:
            settings: dict[str, Any] = {
                name: schema.get(name, getattr(self._config, f"str_{name}", None))
                for name in ("strip_whitespace", "to_lower", "to_upper", "min_length", "max_length")
            }
            # A config's bounds of 0 and none mean nothing.
            return scalars.text_schema(
                pattern=schema.get("pattern"),
                engine=schema.get("regex_engine") or self._config.regex_engine,
                ascii_only=bool(schema.get("ascii_only")),
                **{name: value or None for name, value in settings.items()},
            )

        def bytes_schema(self, schema: Any) -> _Json:
            return scalars.bytes_schema(
                getattr(self._config, "val_json_bytes", "utf8"),
                schema.get("min_length"),
                schema.get("max_length"),
            )

        def url_schema(self, schema: Any) -> _Json:
            return scalars.url_schema(
                schema.get("allowed_schemes"),
                host_required=bool(schema.get("host_required")),
                max_length=schema.get("max_length"),
            )

        def multi_host_url_schema(self, schema: Any) -> _Json:
            return scalars.servers_schema(
                schema.get("allowed_schemes"), max_length=schema.get("max_length")
            )

        def uuid_schema(self, schema: Any) -> _Json:
            return scalars.uuid_schema(schema.get("version"))

        def json_schema(self, schema: Any) -> _Json:
            inner = self.generate_inner(schema["schema"]) if "schema" in schema else {}
            pattern = embedded_pattern(inner, self.resolved)
            if pattern is None:
                raise without_json(
                    "Json[...] is JSON inside a JSON string, and this one is too much for a "
                    "pattern: use the type itself, which is written as JSON"
                )
            return {
                "type": "string",
                "contentMediaType": "application/json",
                "pattern": f"^(?:{pattern})$",
            }

        # Numbers

        def float_schema(self, schema: Any) -> _Json:
            return scalars.float_schema(super().float_schema(schema))

        def decimal_schema(self, schema: Any) -> _Json:
            return scalars.decimal_schema(
                _bounds(schema),
                multiple_of=schema.get("multiple_of"),
                max_digits=schema.get("max_digits"),
                decimal_places=schema.get("decimal_places"),
            )

        def fraction_schema(self, schema: Any) -> _Json:
            result: _Json = {"type": "string", "format": "fraction", "pattern": scalars.FRACTION}
            return noted(result, "bounds of a fraction") if _bounds(schema) else result

        def complex_schema(self, schema: Any) -> _Json:
            return {"type": "string", "pattern": scalars.COMPLEX}

        # Moments

        def date_schema(self, schema: Any) -> _Json:
            return scalars.date_schema(_bounds(schema), schema.get("now_op"))

        def time_schema(self, schema: Any) -> _Json:
            return scalars.time_schema(_bounds(schema), _zone(schema))

        def datetime_schema(self, schema: Any) -> _Json:
            return scalars.datetime_schema(
                _bounds(schema), schema.get("tz_constraint"), schema.get("now_op")
            )

        def timedelta_schema(self, schema: Any) -> _Json:
            return scalars.duration_schema(_bounds(schema))

        # Containers

        def _common_set_schema(self, schema: Any) -> _Json:
            items = schema.get("items_schema")
            if items is not None and _unhashable(items):
                raise without_json(
                    f"the elements of a set cannot be of type `{items['type']}`: its values "
                    "have no hash"
                )
            result = super()._common_set_schema(schema)
            result = set_schema(result)
            if not result["items"]:
                return noted(result, "elements must have a hash")
            return result

        def set_schema(self, schema: Any) -> _Json:
            return self._common_set_schema(schema)

        def frozenset_schema(self, schema: Any) -> _Json:
            return self._common_set_schema(schema)

        def dict_schema(self, schema: Any) -> _Json:
            return self._mapping(schema, super().dict_schema(schema))

        def frozendict_schema(self, schema: Any) -> _Json:
            return self._mapping(schema, super().frozendict_schema(schema))

        def ordered_dict_schema(self, schema: Any) -> _Json:
            return self._mapping(schema, super().ordered_dict_schema(schema))

        def counter_schema(self, schema: Any) -> _Json:
            return self._mapping(schema, super().counter_schema(schema))

        def _mapping(self, schema: Any, result: _Json) -> _Json:
            """`result` with keys that stand for values of their type, and no others."""
            values = result.pop("additionalProperties", True)
            patterns = result.pop("patternProperties", None)
            if patterns:
                # pydantic moves the pattern of keys there, and says nothing of other keys.
                values = next(iter(patterns.values())) or True
            result.pop("propertyNames", None)
            result["additionalProperties"] = values
            if "keys_schema" not in schema:
                return result
            of_values = self.generate_inner(schema["keys_schema"])
            keys = key_schema(of_values, self.resolved)
            if keys is not None and "enum" in keys:
                keys = _readable_keys(schema["keys_schema"], keys)
            if keys is None:
                raise without_json(no_keys(_described(of_values)).message)
            if keys != {"type": "string"}:
                result["propertyNames"] = keys
            least = result.get("minProperties", 0)
            if least > 1 and not one_text_each(keys):
                return noted(result, "keys of different spelling may be one key, and count once")
            return result

        def resolved(self, reference: str) -> _Json | None:
            """The definition to which a ``$ref`` leads, if it is written already."""
            return self.get_schema_from_definitions(cast("Any", reference))

    return _Generator


def _closed(schema: _Json) -> _Json:
    """A record is closed unless its type says otherwise (``extra="allow"``)."""
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def _with_post_init(result: _Json, schema: Any, function: object) -> _Json:
    """`result`, with a note if users wrote what runs after a record is built.

    pydantic puts functions of its own there for private attributes, and wraps that of users."""
    if not schema.get("post_init") or function is None:
        return result
    module = str(getattr(function, "__module__", ""))
    name = str(getattr(function, "__qualname__", ""))
    if module.startswith("pydantic") and "wrapped" not in name:
        return result
    cls = schema["cls"]
    hook = "__post_init__" if schema["type"] == "dataclass" else "model_post_init"
    return noted(result, f"`{cls.__qualname__}.{hook}` runs")


_INSTANCE_OF = "pydantic can only check that a value is an instance of {}, and no JSON text is one"


def _why_invalid(schema: Any) -> str:
    """What is wrong with a type that has no JSON form."""
    kind = schema["type"]
    if kind == "is-instance":
        return _INSTANCE_OF.format(name_of(schema["cls"]))
    if kind == "is-subclass":
        return "its values are classes, which no JSON text names"
    if kind == "callable":
        return "its values are functions, which no JSON text spells"
    if kind in _FUNCTIONS:
        return f"only {name_of(schema['function']['function'])} knows its values"
    return f"pydantic's {kind!r} values have no JSON form"


def _bounds(schema: Mapping[str, Any]) -> Bounds[Any]:
    low_open, high_open = "gt" in schema, "lt" in schema
    low = schema.get("gt", schema.get("ge"))
    high = schema.get("lt", schema.get("le"))
    # Of two bounds on one side, the narrower counts.
    if low_open and "ge" in schema and schema["ge"] > schema["gt"]:
        low, low_open = schema["ge"], False
    if high_open and "le" in schema and schema["le"] < schema["lt"]:
        high, high_open = schema["le"], False
    return Bounds(low=low, high=high, low_open=low_open, high_open=high_open)


def _zone(schema: Mapping[str, Any]) -> Any:
    zone = schema.get("tz_constraint")
    return zone if zone in ("aware", "naive") else "any"


def _jsonable(value: object) -> object:
    """What pydantic writes for a value; a text that no JSON is, if it cannot."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return cast("object", to_jsonable_python(value))
    except PydanticSerializationError:
        return _Unwritable()


class _Unwritable:
    pass


def _readable(schema: Any, result: _Json, values: list[tuple[Any, Any]], what: str) -> _Json:
    """`result` with those JSON values that pydantic reads back as what they were written for."""
    from pydantic_core import SchemaValidator

    if not values:
        raise without_json(f"there is no {what}")
    bare = {key: value for key, value in schema.items() if key not in ("ref", "metadata")}
    validator = SchemaValidator(cast("Any", bare))
    kept: list[Any] = []
    lost: list[Any] = []
    for value, text in values:
        # A text is always read as itself, or as the member with that value.
        plain = getattr(value, "value", value) if schema["type"] == "enum" else value
        readable = type(plain) is str or _reads(validator, text, value)
        (kept if readable else lost).append(text if readable else value)
    if not kept:
        shown = ", ".join(repr(value) for value in lost[:3])
        raise without_json(f"no JSON text is read as a {what}: {shown}")
    result = {key: value for key, value in result.items() if key not in ("type", "const", "enum")}
    result["enum"] = kept
    return result


def _reads(validator: Any, text: object, value: object) -> bool:
    try:
        found = validator.validate_json(json.dumps(text))
    except (ValueError, TypeError):
        return False
    return found is value or (found == value and type(found) is type(value))


def _readable_keys(keys_schema: Any, keys: _Json) -> _Json | None:
    """Of keys that are listed, those that pydantic reads."""
    from pydantic_core import SchemaError, SchemaValidator

    core: Any = {"type": "dict", "keys_schema": keys_schema}
    try:
        validator = SchemaValidator(core)
    except SchemaError:  # it refers to definitions that are not in it
        return keys
    found = [key for key in keys["enum"] if _takes(validator, {key: None})]
    return {**keys, "enum": found} if found else None


def _takes(validator: Any, value: object) -> bool:
    try:
        validator.validate_json(json.dumps(value))
    except ValueError:
        return False
    return True


def _described(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    return f"values of JSON type {kind}" if isinstance(kind, str) else "values of that type"


_HASHLESS = ("list", "dict", "set", "typed-dict", "deque", "generator")


def _unhashable(schema: Any) -> bool:
    kind = schema["type"]
    if kind in ("model", "dataclass"):
        return getattr(schema["cls"], "__hash__", None) is None
    return kind in _HASHLESS
