"""One tool: what a model is told of it, and what is done with its calls."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from structgen.constraints.schema_options import JsonOptions
from structgen.errors import ConstraintError, GenerationError
from structgen.tools.definition import told
from structgen.tools.docstring import read_docstring
from structgen.tools.signature import Signature, signature_of, underlying, unwrapped
from structgen.tools.types import ToolCall

MAX_NAME_CHARS = 256
_PLAIN_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Names that every server and chat template takes; OpenAI's rule."""

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
        shown: the parameters as the model is told of them; `parameters` as they were given, if
            None.
        signature: how arguments become values of the function's types, if it has one.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    function: Callable[..., object] | None = None
    json_options: JsonOptions = field(default_factory=JsonOptions)
    shown: Mapping[str, object] | None = None
    signature: Signature | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= MAX_NAME_CHARS or self.name != self.name.strip():
            raise ConstraintError(
                f"a tool's name has 1 to {MAX_NAME_CHARS} characters, no blanks around them, got "
                f"{self.name[:20]!r}"
            )
        if not self.name.isprintable():
            raise ConstraintError(f"the tool's name {self.name!r} has control characters")
        if self.shown is None:
            told: dict[str, object] = {"type": "object", "properties": {}, **self.parameters}
            object.__setattr__(self, "shown", told)
        object.__setattr__(self, "parameters", _closed(self.name, self.parameters))

    @classmethod
    def from_function(
        cls,
        function: Callable[..., object],
        *,
        name: str | None = None,
        description: str | None = None,
        json_options: JsonOptions | None = None,
    ) -> Tool:
        """A tool made of a callable's name, signature and docstring.

        Args:
            function: a function (async too), a method, a `functools.partial`, or an object with
                ``__call__``. ``**kwargs`` takes members that the signature does not name.
            name: how calls name it; default: the function's own name, or that of the object's
                class.
            description: what it is for; default: the docstring without its sections, which
                describe the parameters in any of the styles of Google, NumPy, Sphinx and epydoc.
            json_options: how arguments are spelled and bounded; see `Tool`.

        Raises:
            ConstraintError: it has no signature that JSON can fill (a type without a JSON form,
                ``*args``), or no name that every server takes, as a lambda has none.
        """
        if inspect.isclass(function) or not callable(function):
            raise ConstraintError(
                f"a tool is a function, a method, a partial or an object with `__call__`, not "
                f"{function!r:.80}",
                hint="for a class: a function that takes it as its argument",
            )
        inner = underlying(function)
        called = name or _name_of(function, inner)
        signature = signature_of(function, called)
        words, by_parameter = read_docstring(_doc_of(function, inner), _names(function))
        schema = signature.schema()
        descriptions = {**by_parameter, **signature.said}
        return cls(
            name=called,
            description=words if description is None else description,
            parameters=schema,
            function=function,
            json_options=JsonOptions() if json_options is None else json_options,
            shown=told(schema, descriptions, signature.defaults),
            signature=signature,
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

    @property
    def is_async(self) -> bool:
        """Whether calls of the function have to be awaited."""
        return self.function is not None and inspect.iscoroutinefunction(underlying(self.function))

    def definition(self) -> dict[str, object]:
        """OpenAI's form, which chat templates expect: what the model is told."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": dict(self.shown or {}),
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
                if self.signature is None
                else self.signature.parse(arguments_json)
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


def _name_of(function: Callable[..., object], inner: Callable[..., object]) -> str:
    """The name of a function, or of an object's class.

    Raises:
        ConstraintError: there is none, or one that servers refuse.
    """
    name = str(getattr(inner, "__name__", ""))
    if name == "__call__":
        name = type(unwrapped(function)).__name__
    if not _PLAIN_NAME.fullmatch(name):
        raise ConstraintError(
            f"{name!r} cannot be the name of a tool: it has 1 to 64 of the characters "
            "a-z, A-Z, 0-9, _ and -",
            hint='Tool.from_function(function, name="...")',
        )
    return name


def _doc_of(function: Callable[..., object], inner: Callable[..., object]) -> str:
    """The docstring of a function; of an object, that of ``__call__`` or else of its class."""
    if inner.__name__ != "__call__":
        return inspect.getdoc(inner) or ""
    # `inspect.getdoc` would find the words of `type.__call__`.
    return inspect.cleandoc(inner.__doc__ or type(unwrapped(function)).__doc__ or "")


def _names(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)


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


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        if all(isinstance(key, str) for key in mapping):
            return cast("Mapping[str, object]", mapping)
    kind = type(cast("object", value)).__name__
    raise ConstraintError(f"{what} must be a JSON object, got {kind}")
