"""`TextConstraint`: a natively compiled constraint, and its algebra.

A `TextConstraint` describes a set of texts and knows no vocabulary. It is immutable and cheap to
share. ``a & b``, ``a | b``, ``a + b``, `repeat` and `optional` stay native: the result is again
one automaton, exact also where one token spans the boundary of two parts.

    >>> from structgen.constraints import regex, choice
    >>> date = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    >>> (date | choice(["today", "tomorrow"])).accepts("today")
    True

A constraint knows how its texts are read (`structgen.constraints.reading` says what the algebra
makes of that):

    >>> from structgen.constraints import json_schema
    >>> (json_schema({"type": "integer"}) | "none").parse("7")
    7
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast, final, overload

from structgen._core import Automaton, Limits, Program, Vocabulary
from structgen.constraints.conjunction import Composable, check_vocabulary
from structgen.constraints.protocol import Constraint
from structgen.constraints.reading import PLAIN, Reading, first_reading
from structgen.errors import ConstraintError, ParseError, UnsupportedFeatureError
from structgen.types import Exactness, Value_co

Other = TypeVar("Other")

_COMPILED_KEPT = 4
"""Compiled automata kept per constraint: a process rarely uses more vocabularies than this, and
each automaton may hold many masks."""

_DESCRIPTION_WIDTH = 60


def shortened(text: str) -> str:
    """`text` for a message: at most `_DESCRIPTION_WIDTH` characters."""
    return text if len(text) <= _DESCRIPTION_WIDTH else text[: _DESCRIPTION_WIDTH - 3] + "..."


@final
class TextConstraint(Composable[Value_co]):
    """A set of texts, compiled natively. Build it with `regex`, `json_schema`, `grammar`, ...

    `description` is for people only (``repr``). Equality is identity.

    Pickles hold what the constraint was made of, and it is made again from that, in another process
    or version: about as much time as the first time. Automata that `compile` keeps stay behind;
    pickle one to send it along. Copies are the constraint itself.
    """

    __slots__ = (
        "__weakref__",
        "_compiled",
        "_description",
        "_lock",
        "_minimal",
        "_program",
        "_reading",
    )

    def __init__(
        self,
        program: Program,
        *,
        description: str = "constraint",
        reading: Reading[Value_co] | None = None,
    ) -> None:
        self._program = program
        # Without a reading, `Value_co` is str.
        self._reading = reading or cast("Reading[Value_co]", PLAIN)
        self._description = shortened(description)
        self._compiled: OrderedDict[tuple[str, Limits | None], Automaton] = OrderedDict()
        self._lock = threading.Lock()
        self._minimal: TextConstraint[Value_co] | None = None

    @property
    def program(self) -> Program:
        """The program of the compiled core."""
        return self._program

    @property
    def reading(self) -> Reading[Value_co]:
        """How a text of the set becomes a value."""
        return self._reading

    def refuse_others(self, text: str, /) -> None:
        """Raise `ParseError` if `text` is not in the set."""
        if self.accepts(text):
            return
        live, size = self.live_prefix(text), len(_utf8(text))
        where = "it is not complete" if live == size else f"at byte {live} of {size}"
        raise ParseError(f"{text!r:.200} does not satisfy {self!r}: {where}", text=text)

    @property
    def exactness(self) -> Exactness:
        """Whether masks are the truth or an upper bound of it."""
        return self._program.exactness

    @property
    def report(self) -> list[dict[str, str]]:
        """Of a JSON Schema, what becomes of each keyword of each schema that the root reaches:
        entries with ``pointer``, ``keyword``, ``status`` and sometimes ``note``, one for each
        keyword; and of a type, what it checks beyond its schema. Empty for other constraints.

        ``status`` is ``"enforced"`` (masks forbid what it forbids), ``"residual"`` (judged at the
        end of its value), ``"annotation"`` (forbids nothing, or is unknown), ``"unreachable"``
        (a definition to which no reference leads; not read) or ``"unchecked"`` (checked by the
        type when a text is parsed, and by no mask). ``keyword`` is empty for a schema that is a
        bool, for an unreachable one, and for what a type checks. In documents of the registry,
        pointers follow the document's URI."""
        entries = cast("list[dict[str, str]]", json.loads(self._program.report_json))
        return entries + [note.entry() for note in self._reading.notes]

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> Automaton:
        """Bind to a vocabulary, under `limits` or those that the constraint was made with.

        The last few automata are kept by (vocabulary, limits) and returned again, with all the
        masks that they have memoised. Thread-safe.

        Raises:
            OptionTypeError: `vocabulary` is none.
            LimitExceeded: compiling needs more than `limits` grants.
        """
        check_vocabulary(vocabulary)
        key = (vocabulary.fingerprint, limits)
        with self._lock:
            known = self._compiled.get(key)
            if known is not None:
                self._compiled.move_to_end(key)
                return known
        automaton = self._program.compile(vocabulary, limits)
        with self._lock:
            # Another thread may have been faster; all callers should share one automaton.
            automaton = self._compiled.setdefault(key, automaton)
            while len(self._compiled) > _COMPILED_KEPT:
                self._compiled.popitem(last=False)
        return automaton

    def with_minimal_escapes(self) -> TextConstraint[Value_co]:
        """This constraint, with ``escapes="minimal"`` for each JSON Schema in it that was given no
        ``escapes``; itself if there is none. A subset that has the same values, in which keys and
        constants are forced text. Made at the first call, as long as making the constraint took,
        and kept.

            constraint = sg.json_schema({"const": "a"})
            constraint.accepts('"\\u0061"')                         # True
            constraint.with_minimal_escapes().accepts('"\\u0061"')  # False
        """
        with self._lock:
            known = self._minimal
        if known is None:
            program = self._program.with_escapes("minimal")
            if program is self._program:
                return self
            known = TextConstraint(program, description=self._description, reading=self._reading)
            with self._lock:
                known = self._minimal = self._minimal or known
        return known

    def accepts(self, text: str | bytes) -> bool:
        """Whether `text`, complete, is in the set. Without any vocabulary."""
        return self._program.accepts(_utf8(text))

    def live_prefix(self, text: str | bytes) -> int:
        """How many bytes of `text` (as UTF-8) lie on a way to some member of the set."""
        return self._program.live_prefix(_utf8(text))

    def sample(self, seed: int = 0, *, max_bytes: int = 400) -> str:
        """Some member of the set, reproducible by `seed`; of about `max_bytes` bytes at most,
        unless every member is longer."""
        return self._program.sample(seed=seed, max_bytes=max_bytes).decode("utf-8", "replace")

    @overload
    def __and__(
        self: TextConstraint[str], other: TextConstraint[Other]
    ) -> TextConstraint[Other]: ...
    @overload
    def __and__(self, other: TextConstraint | str) -> TextConstraint[Value_co]: ...
    @overload
    def __and__(self: TextConstraint[str], other: Composable[Other]) -> Composable[Other]: ...
    @overload
    def __and__(self, other: Constraint) -> Composable[Value_co]: ...
    # A constraint that is a `TextConstraint[str]` may be typed as `Composable[str]`: then the type
    # of a conjunction is wider than it need be.
    def __and__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, other: Constraint | str
    ) -> Composable[object]:
        return super().__and__(_coerced(other))

    def __rand__(self, other: Constraint | str) -> Composable[object]:
        return super().__rand__(_coerced(other))

    def merged(self, other: Constraint) -> TextConstraint | None:
        if not isinstance(other, TextConstraint):
            return None
        joined = cast("TextConstraint", other)
        return TextConstraint(
            Program.intersect([self._program, joined._program]),
            description=f"({self._description}) & ({joined._description})",
            reading=first_reading((self._reading, joined._reading)),
        )

    @overload
    def __or__(self, other: TextConstraint[Other]) -> TextConstraint[Value_co | Other]: ...
    @overload
    def __or__(self, other: str) -> TextConstraint[Value_co | str]: ...
    def __or__(self, other: TextConstraint | str) -> TextConstraint:
        return union(self, other)

    def __ror__(self, other: str) -> TextConstraint[Value_co | str]:
        return union(other, self)

    def __add__(self, other: TextConstraint | str) -> TextConstraint[str]:
        return sequence(self, other)

    def __radd__(self, other: TextConstraint | str) -> TextConstraint[str]:
        return sequence(other, self)

    def repeat(self, min: int = 0, max: int | None = None) -> TextConstraint[str]:
        """`min` to `max` (None: any number of) texts of this set, one after the other."""
        if min < 0 or (max is not None and max < min):
            raise ConstraintError(f"cannot repeat from {min} to {max} times")
        bounds = f"{{{min},{'' if max is None else max}}}"
        return TextConstraint(
            Program.repeat(self._program, min=min, max=max),
            description=f"({self._description}){bounds}",
        )

    def optional(self) -> TextConstraint[str]:
        """A text of this set, or nothing."""
        return self.repeat(0, 1)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self._program, self._description, self._reading)

    def __copy__(self) -> TextConstraint[Value_co]:
        return self

    def __deepcopy__(self, memo: dict[int, object], /) -> TextConstraint[Value_co]:
        return self

    def __repr__(self) -> str:
        return f"<TextConstraint {self._description}>"


def _restored(program: Program, description: str, reading: Reading[object]) -> TextConstraint:
    return TextConstraint(program, description=description, reading=reading)


def _utf8(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    # A lone surrogate has no UTF-8; it must be refused as text, not raise.
    return text.encode("utf-8", "surrogatepass")


def _coerced(part: Constraint | str) -> Constraint:
    return literal(part) if isinstance(part, str) else part


def _native(part: object, operation: str) -> TextConstraint:
    if isinstance(part, str):
        return literal(part)
    if isinstance(part, TextConstraint):
        return cast("TextConstraint", part)
    if isinstance(part, Composable):
        raise UnsupportedFeatureError(
            f"a constraint with a Python predicate cannot be part of a {operation}",
            feature=f"predicate in {operation}",
            hint="conjoin the predicate with the whole instead: (a | b) & predicate(fn)",
        )
    raise TypeError(f"a {operation} needs constraints or texts, not {type(part).__name__}")


def literal(text: str) -> TextConstraint[str]:
    """Exactly `text`. Special tokens do not match it: see `special_token`."""
    return TextConstraint(Program.choice([text]), description=f"literal({shortened(text)!r})")


def union(*parts: TextConstraint[Other] | str) -> TextConstraint[Other | str]:
    """Any one of `parts`; the function behind ``a | b``. A str stands for itself. A text is read as
    one of the first part that it belongs to."""
    if not parts:
        raise ConstraintError("a union needs at least one part")
    native = [_native(part, "union") for part in parts]
    return TextConstraint(
        Program.union([part.program for part in native]),
        description=" | ".join(_inner(part) for part in native),
        reading=cast("Reading[Other | str]", _reading_of_either(native)),
    )


def _reading_of_either(parts: Sequence[TextConstraint]) -> Reading[object]:
    if all(part.reading.read is str for part in parts):
        return PLAIN
    flat: list[TextConstraint] = []
    for part in parts:
        read = part.reading.read
        flat.extend(read.parts if isinstance(read, _ReadEither) else (part,))
    return Reading(_ReadEither(tuple(flat)))


@dataclass(frozen=True, slots=True)
class _ReadEither:
    """Reads a text as the first of `parts` to which it belongs."""

    parts: tuple[TextConstraint, ...]

    def __call__(self, text: str) -> object:
        for part in self.parts:
            if part.accepts(text):
                return part.reading.read(text)
        # A part may consist of special tokens, which are no text.
        if any(part.reading.read is str for part in self.parts):
            return text
        raise ValueError("it belongs to no part of the union")


def sequence(*parts: TextConstraint | str) -> TextConstraint[str]:
    """All of `parts`, one after the other; the function behind ``a + b``. A str stands for
    itself. Texts are read as they are."""
    if not parts:
        return literal("")
    native = [_native(part, "sequence") for part in parts]
    return TextConstraint(
        Program.concatenate([part.program for part in native]),
        description=" + ".join(_inner(part) for part in native),
    )


def _inner(part: TextConstraint) -> str:
    return repr(part).removeprefix("<TextConstraint ").removesuffix(">")
