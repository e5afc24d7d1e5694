"""From what people want to a constraint, and from its text back to a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args, get_origin

from structgen.constraints import choice, grammar, json_schema, parse, schema_of_type
from structgen.constraints.protocol import Constraint
from structgen.constraints.schema import Whitespace, schema_value
from structgen.errors import ConstraintError

OutputLike: TypeAlias = (
    "Constraint | Mapping[str, object] | bool | Sequence[str] | type | object | None"
)
"""None: free text. A constraint: its text. A JSON Schema (mapping or bool): JSON, parsed. A list
or tuple of texts: one of them. A path: a grammar (.lark, .gbnf, .ebnf) or schema file. Anything
else is taken as a Python type: its JSON, parsed; `str` is free text, enums and literals of texts
are written without quotation marks, and a function stands for its arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a response must be, how its text becomes a value, and its schema if it has one."""

    constraint: Constraint | None
    read: Callable[[str], object]
    schema: Mapping[str, object] | bool | None = None


def resolve_output(output: OutputLike, whitespace: Whitespace | None = None) -> Output:
    """The constraint that `output` names, and the way back to a value.

    JSON is written with `whitespace` (the core's default if None), plain numbers (`1e400` is JSON,
    and no float) and one spelling per character: freedom that no reader needs would only take
    forced text, and with it speed, from the decoder.

    Raises:
        ConstraintError: it names none, or one that cannot be built; or `whitespace` is given and
            it is not JSON.
    """
    resolved = _resolved(output, whitespace)
    if whitespace is not None and resolved.schema is None:
        raise ConstraintError("`whitespace` is for outputs that are a JSON Schema or a type")
    return resolved


def _resolved(output: OutputLike, whitespace: Whitespace | None) -> Output:
    if output is None:
        return Output(constraint=None, read=str)
    if isinstance(output, Mapping):
        schema = cast("Mapping[str, object]", output)
        return Output(constraint=_json(schema, whitespace), read=json.loads, schema=schema)
    if isinstance(output, bool):
        return Output(constraint=_json(output, whitespace), read=json.loads, schema=output)
    if isinstance(output, Path):
        return _from_file(output, whitespace)
    if isinstance(output, str):
        raise ConstraintError(
            "a str is no output: is it a pattern, a grammar or the only answer?",
            hint="sg.regex(text), sg.grammar(text) or [text]",
        )
    if isinstance(output, Sequence):
        options = cast("Sequence[str]", output)
        return Output(constraint=choice(options), read=str)
    if not isinstance(output, type) and isinstance(output, Constraint):
        return Output(constraint=output, read=str)
    if output is str:
        return Output(constraint=None, read=str)
    texts = _named_texts(output)
    if texts is not None:
        return Output(constraint=choice(texts), read=texts.__getitem__)
    schema = schema_of_type(output)
    return Output(
        constraint=_json(schema, whitespace), read=lambda text: parse(output, text), schema=schema
    )


def _from_file(path: Path, whitespace: Whitespace | None) -> Output:
    if path.suffix in (".lark", ".gbnf", ".ebnf"):
        return Output(constraint=grammar(path), read=str)
    return _resolved(schema_value(path), whitespace)


def _json(schema: Mapping[str, object] | bool, whitespace: Whitespace | None) -> Constraint:
    return json_schema(schema, whitespace=whitespace, escapes="minimal", number_spelling="plain")


def _named_texts(output: object) -> dict[str, object] | None:
    """The values of an enum or literal whose values are all texts, by their texts.

    They are written bare: a model that is asked for one of several words should not have to begin
    with a quotation mark. (Inside other types they are JSON.)
    """
    values: dict[str, object] = {}
    members: Sequence[object] = ()
    if isinstance(output, type) and issubclass(output, Enum):
        members = list(output)
    elif get_origin(output) is Literal:
        members = get_args(output)
    for member in members:
        text = member.value if isinstance(member, Enum) else member
        if not isinstance(text, str):
            return None
        values.setdefault(text, member)
    return values or None
