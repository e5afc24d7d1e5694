"""What a type checks beyond its schema, and how people are told.

While a schema is written, a check that it cannot say is noted in the schema itself, at the place
where it acts: so the note moves with the schema into definitions. `taken_out` then collects the
notes with their places.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from structgen.errors import InexactTypeWarning
from structgen.misuse import warn_caller

Schema = dict[str, object]

_MARK = "x-structgen-unchecked"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a type checks, at the place `pointer` of its schema, and masks do not."""

    pointer: str
    check: str

    def entry(self) -> dict[str, str]:
        """The note as an entry of `TextConstraint.report`."""
        return {
            "pointer": self.pointer,
            "keyword": "",
            "status": "unchecked",
            "note": self.check,
        }


@dataclass(frozen=True, slots=True)
class TypeSchema:
    """The JSON Schema of a type, and what the type checks beyond it."""

    schema: Schema
    notes: tuple[Note, ...] = ()


def noted(schema: Schema, check: str) -> Schema:
    """`schema` with a note that its type makes a further `check`."""
    earlier = cast("list[str]", schema.get(_MARK, []))
    return schema if check in earlier else {**schema, _MARK: [*earlier, check]}


def is_noted(schema: Schema) -> bool:
    """Whether any note stands at the top of `schema`."""
    return _MARK in schema


def without_notes(schema: Schema) -> Schema:
    """`schema` without the notes at its top."""
    return {key: value for key, value in schema.items() if key != _MARK}


def taken_out(schema: Schema) -> TypeSchema:
    """`schema` without its notes, and the notes."""
    notes: list[Note] = []
    bare = cast("Schema", _bare(schema, "", notes))
    return TypeSchema(bare, tuple(notes))


def _bare(value: object, pointer: str, notes: list[Note]) -> object:
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [_bare(item, f"{pointer}/{at}", notes) for at, item in enumerate(items)]
    if not isinstance(value, dict):
        return value
    members = cast("Schema", value)
    bare: Schema = {}
    for key, member in members.items():
        # A property may be called anything: the mark is a list of texts, which no schema is.
        if key == _MARK and isinstance(member, list):
            notes.extend(Note(pointer, str(check)) for check in cast("list[object]", member))
        else:
            escaped = key.replace("~", "~0").replace("/", "~1")
            bare[key] = _bare(member, f"{pointer}/{escaped}", notes)
    return bare


def warn(tp: object, notes: Iterable[Note]) -> None:
    """Warn at the caller of structgen, if there are notes."""
    lines = [f"{_place(note.pointer)}: {note.check}" for note in notes]
    if not lines:
        return
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    message = (
        f"{name_of(tp)} checks more than its constraint can say, and may refuse texts of it: "
        f"{'; '.join(lines[:_SHOWN])}{more} (see `report` of the constraint)"
    )
    warn_caller(message, InexactTypeWarning)


def _place(pointer: str) -> str:
    """The field that a pointer leads to, for people."""
    names: list[str] = []
    parts = pointer.split("/")[1:]
    at = 0
    while at < len(parts):
        part = parts[at]
        if part in ("properties", "$defs") and at + 1 < len(parts):
            at += 1
            names.append(parts[at].replace("~1", "/").replace("~0", "~"))
        elif part in ("items", "additionalProperties", "prefixItems"):
            names.append("[]")
        elif part == "propertyNames":
            names.append("keys")
        at += 1
    return f"`{'.'.join(names)}`" if names else "the whole"


def name_of(tp: object) -> str:
    """A type's or function's name, for messages."""
    while isinstance(tp, functools.partial):
        tp = cast("object", tp.func)
    if inspect.isclass(tp) or inspect.isroutine(tp):
        return f"`{tp.__qualname__}`"
    try:
        text = repr(tp)
    except Exception:  # it is deep, or not ours
        text = type(tp).__name__
    return f"`{text}`" if len(text) <= 120 else f"`{text[:117]}...`"
