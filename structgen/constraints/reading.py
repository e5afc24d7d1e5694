"""How a text of a constraint becomes a value.

A constraint carries its reading, so that a schema gives the same value however it is handed on:
``json_schema`` reads JSON, ``from_type`` builds instances, a pattern leaves the text as it is.
What the algebra does with readings:

=============================  ==================================================================
``a & b``                      the first part that is not read as plain text; a text of the
                               conjunction is one of every part
``a | b``                      the first part to which the text belongs
``a + b``, ``a.repeat(...)``   plain text: nothing tells where a part begins
=============================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, cast

from structgen.constraints.protocol import Constraint
from structgen.constraints.types.notes import Note
from structgen.errors import ParseError
from structgen.types import Value_co


@dataclass(frozen=True, slots=True)
class Reading(Generic[Value_co]):
    """What texts are read as.

    Attributes:
        read: gives the value of a text; raises `ValueError` for one that it refuses.
        schema: the JSON Schema of the texts, as JSON, where there is one: what a prompt can be
            told.
        notes: what reading checks beyond what the constraint says, with its places.
    """

    read: Callable[[str], Value_co]
    schema: str | None = None
    notes: tuple[Note, ...] = ()

    def value(self, text: str) -> Value_co:
        """The value of `text`.

        Raises:
            ParseError: it is refused.
        """
        try:
            return self.read(text)
        except ParseError:
            raise
        except (ValueError, RecursionError) as error:
            raise ParseError(f"{text!r:.200} cannot be read: {error}", text=text) from error


PLAIN = Reading(str)
"""The text itself."""


def reading_of(constraint: Constraint) -> Reading[object]:
    """The reading that a constraint carries: in `reading`, or, for one that users write, in a
    method `parse`; else plain text."""
    carried = getattr(constraint, "reading", None)
    if isinstance(carried, Reading):
        return cast("Reading[object]", carried)
    parse = getattr(constraint, "parse", None)
    return Reading(parse) if callable(parse) else PLAIN


def first_reading(readings: Iterable[Reading[object]]) -> Reading[object]:
    """The first that is more than plain text."""
    return next((reading for reading in readings if reading.read is not str), PLAIN)
