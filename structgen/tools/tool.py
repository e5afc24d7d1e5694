"""One tool: what a model is told of it, and what is done with its calls."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from structgen.constraints import parse, schema_of_signature
from structgen.constraints.schema_options import JsonOptions
from structgen.constraints.types.shown import shown
from structgen.errors import ConstraintError, GenerationError
from structgen.tools.docstring import read_docstring
from structgen.tools.types import ToolCall

MAX_NAME_CHARS = 256

# Where one of these stands beside `properties`, closing the object would change its meaning.
_OPEN_BESIDE = frozenset(
    {
        *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref", "$dynamicRef"),
        *("dependentSchemas", "dependencies", "patternProperties"),
        *("additionalProperties", "unevaluatedProperties"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that a model may call.

    Attributes:
        name: how calls name it; unique in a `ToolSet`.
        description: what it is for, for the model to read.
        parameters: JSON Schema of its arguments, an object. Members that it does not name are
            refused, as function calls refuse unknown arguments, unless it says otherwise.
        function: what `run` calls, if the tool is a Python function.
        json_options: how arguments are spelled and bounded: options of `structgen.json_schema`.
            By default as `json.dumps` spells them.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    function: Callable[..., object] | None = None
    json_options: JsonOptions = field(default_factory=JsonOptions)

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= MAX_NAME_CHARS:
            raise ConstraintError(
                f"a tool's name has 1 to {MAX_NAME_CHARS} characters, got {self.name[:20]!r}"
            )
        object.__setattr__(self, "parameters", _closed(self.name, self.parameters))

    @classmethod
    def from_function(cls, function: Callable[..., object]) -> Tool:
        """A tool made of a function's name, signature and docstring.

        Raises:
            ConstraintError: it has no signature that JSON can fill: a type without a JSON form,
                ``*args``, a callable object.
        """
        if not inspect.isroutine(function):
            raise ConstraintError(f"a tool must be a function, not {type(function).__name__}")
        name = getattr(function, "__name__", "")
        description, by_parameter = read_docstring(function)
        return cls(
            name=name,
            description=description,
            parameters=_described(schema_of_signature(function), by_parameter),
            function=function,
        )

    @classmethod
    def from_schema(cls, definition: Mapping[str, object]) -> Tool:
        """A tool from its definition, OpenAI's (``{"type": "function", "function": {...}}``),
        the bare inner object, or MCP's (``inputSchema``).

        Raises:
            ConstraintError: the definition is malformed.
        """
        inner = definition
        if "function" in definition:
            if definition.get("type", "function") != "function":
                raise ConstraintError(f"a tool's type must be 'function': {definition['type']!r}")
            inner = _mapping(definition["function"], "function")
        name = inner.get("name")
        if not isinstance(name, str):
            raise ConstraintError(
                "a tool definition needs a `name`",
                hint='{"name": "add", "description": "...", "parameters": {"type": "object", ...}}',
            )
        description = inner.get("description") or ""
        schema = inner.get("parameters", inner.get("inputSchema", inner.get("input_schema")))
        return cls(
            name=name,
            description=description if isinstance(description, str) else str(description),
            parameters={} if schema is None else _mapping(schema, f"parameters of {name!r}"),
        )

    def definition(self) -> dict[str, object]:
        """OpenAI's form, which chat templates expect.

        What a model is told of a function's parameters leaves out patterns that only a machine
        reads (`structgen.constraints.types.shown`).
        """
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": dict(self.parameters)
                if self.function is None
                else shown(self.parameters),
            },
        }

    def call(self, arguments_json: str, call_id: str) -> ToolCall:
        """The call that a model wrote, its arguments converted to a function's types.

        Raises:
            GenerationError: the arguments are not of these types.
        """
        try:
            read: object = (
                json.loads(arguments_json)
                if self.function is None
                else parse(self.function, arguments_json)
            )
        except (ValueError, RecursionError) as error:
            raise GenerationError(
                f"the arguments of {self.name!r} are not of its types: {error}"
            ) from error
        arguments = _mapping(read, f"arguments of {self.name!r}")
        return ToolCall(
            name=self.name,
            arguments=arguments,
            arguments_json=arguments_json,
            call_id=call_id,
        )


def _closed(name: str, schema: Mapping[str, object]) -> Mapping[str, object]:
    """The schema as an object's, refusing members that it does not name."""
    if schema.get("type", "object") != "object":
        raise ConstraintError(
            f"the parameters of tool {name!r} must be an object, not {schema['type']!r}"
        )
    closed = {"type": "object", **schema}
    if _OPEN_BESIDE.isdisjoint(schema):
        closed.setdefault("properties", {})
        closed["additionalProperties"] = False
    return closed


def _described(
    schema: Mapping[str, object], descriptions: Mapping[str, str]
) -> Mapping[str, object]:
    """The schema with the docstring's words at its properties, where it has none of its own."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return schema
    described: dict[str, object] = {}
    for name, value in cast("Mapping[str, object]", properties).items():
        if name in descriptions and isinstance(value, Mapping):
            own = cast("Mapping[str, object]", value)
            described[name] = {"description": descriptions[name], **own}
        else:
            described[name] = value
    return {**schema, "properties": described}


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        if all(isinstance(key, str) for key in mapping):
            return cast("Mapping[str, object]", mapping)
    kind = type(cast("object", value)).__name__
    raise ConstraintError(f"{what} must be a JSON object, got {kind}")
