"""From what people want to a constraint, and from its text back to a value."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args, get_origin

from structgen._core import Limits
from structgen.constraints import TextConstraint, choice, grammar, json_schema, load_source
from structgen.constraints.cache import json_key, within_limits
from structgen.constraints.conjunction import with_minimal_escapes
from structgen.constraints.protocol import Constraint
from structgen.constraints.reading import PLAIN, Reading, reading_of
from structgen.constraints.schema import source_reading, source_schema
from structgen.constraints.schema_options import JsonOptions, Whitespace
from structgen.errors import ConstraintError

OutputLike: TypeAlias = (
    "Constraint | Mapping[str, object] | bool | str | Path | Sequence[str] | type | object | None"
)
"""None: free text. A constraint: its text, parsed as the constraint parses it. A JSON Schema
(mapping or bool): JSON, parsed. A list or tuple of texts: one of them. The path of a grammar
(.lark, .gbnf, .ebnf) or of a schema, as a str or `Path`. Anything else is taken as a Python type:
its JSON, parsed; `str` is free text, enums and literals of texts are written without quotation
marks, and a function stands for its arguments."""

_GRAMMARS = (".lark", ".gbnf", ".ebnf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a response must be, and how its text becomes a value.

    Attributes:
        build: makes the constraint under limits; None for free text.
        key: equal for outputs that allow the same texts; None where nothing can stand for it.
        identity: stands for the constraint that was given as such, as long as it lives.
        reading: of its texts.
        schema: tells the JSON Schema, as JSON; None if there is none.
    """

    build: Callable[[Limits | None], Constraint] | None = None
    key: Hashable | None = None
    identity: Hashable | None = None
    reading: Reading[object] = PLAIN
    schema: Callable[[], str] | None = None


def resolve_output(output: OutputLike, whitespace: Whitespace | None = None) -> Output:
    """The constraint that `output` names, and the way back to a value. Nothing is compiled yet.

    JSON has the default options of `structgen.json_schema`, but for `whitespace` if it is given,
    and for ``escapes``: strings are spelled in one way where nothing else was asked for, be it a
    schema or a constraint made of it.

    Raises:
        ConstraintError: it names none; or `whitespace` is given for something else than a schema
            or a type.
    """
    if isinstance(output, str):
        output = _path(output)
    texts = _bare_texts(output)
    source = _json_source(output) if texts is None else None
    if source is not None:
        return _json(source, whitespace)
    if whitespace is not None:
        hint = "sg.json_schema(..., whitespace=...)" if isinstance(output, TextConstraint) else None
        raise ConstraintError(
            "`whitespace` is for outputs that are a JSON Schema or a type", hint=hint
        )
    if texts is not None:
        return Output(
            build=lambda limits: choice(texts, limits=limits),
            key=("choice", tuple(texts)),
            reading=Reading(texts.__getitem__),
        )
    if output is None or output is str:
        return Output()
    if isinstance(output, Path):
        source = load_source(output)
        return Output(
            build=lambda limits: grammar(source, limits=limits),
            key=("grammar", source.text, source.path),
        )
    constraint = cast("Constraint", output)
    native = cast("TextConstraint", output) if isinstance(output, TextConstraint) else None
    reading = reading_of(constraint)
    told = reading.schema
    return Output(
        build=lambda _: with_minimal_escapes(constraint),
        key=_key(constraint),
        identity=None if native is None else weakref.ref(native),
        reading=reading,
        schema=None if told is None else lambda: told,
    )


def _json(source: object, whitespace: Whitespace | None) -> Output:
    options = JsonOptions(whitespace=whitespace, escapes="minimal")
    # Whether it is a type shows when its schema is asked for.
    given = cast("type", source)
    return Output(
        build=lambda limits: json_schema(given, **within_limits(options, limits)),
        key=json_key(source, options),
        reading=source_reading(source),
        schema=lambda: source_schema(source),
    )


def _key(constraint: Constraint) -> Hashable | None:
    # A text constraint keeps its automata itself.
    if isinstance(constraint, TextConstraint):
        return None
    try:
        hash(constraint)
    except TypeError:
        return None
    return "object", constraint


def _json_source(output: OutputLike) -> object | None:
    """`output` if it is a JSON Schema, the path of one, or a type that is written as JSON."""
    if isinstance(output, Path):
        return None if output.suffix in _GRAMMARS else output
    if output is None or output is str:
        return None
    is_constraint = isinstance(output, Constraint) and not isinstance(output, type)
    return None if is_constraint else output


def _path(text: str) -> Path:
    path = Path(text)
    if "\n" not in text and path.suffix in (*_GRAMMARS, ".json"):
        return path
    raise ConstraintError(
        f"the str {text!r:.80} is no output: is it a pattern, a grammar or the only answer?",
        hint="sg.regex(text), sg.grammar(text) or [text]; files end in .json or "
        + ", ".join(_GRAMMARS),
    )


def _bare_texts(output: OutputLike) -> dict[str, object] | None:
    """Values by the texts that stand for them, written bare; None if `output` names no such."""
    if isinstance(output, Sequence) and not isinstance(output, str):
        options = cast("Sequence[object]", output)
        for option in options:
            if not isinstance(option, str):
                raise ConstraintError(
                    f"a list as `output` holds the texts to choose from, not {option!r:.80}",
                    hint="a type is given as it is: list[int], tuple[int, str], int | str",
                )
        return {str(text): text for text in options}
    return _named_texts(output)


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
