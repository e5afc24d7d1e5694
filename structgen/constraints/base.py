"""`TextConstraint`: a natively compiled constraint, and its algebra.

A `TextConstraint` describes a set of texts and knows no vocabulary. It is immutable and cheap to
share. ``a & b``, ``a | b``, ``a + b``, `repeat` and `optional` stay native: the result is again
one automaton, exact also where one token spans the boundary of two parts.

    >>> from structgen.constraints import regex, choice
    >>> date = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    >>> (date | choice(["today", "tomorrow"])).accepts("today")
    True
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import cast, final, overload

from structgen._core import Automaton, Limits, Program, Vocabulary
from structgen.constraints.conjunction import Composable
from structgen.constraints.protocol import Constraint
from structgen.errors import ConstraintError, UnsupportedFeatureError
from structgen.types import Exactness

_COMPILED_KEPT = 4
"""Compiled automata kept per constraint: a process rarely uses more vocabularies than this, and
each automaton may hold many masks."""

_DESCRIPTION_WIDTH = 60


def shortened(text: str) -> str:
    """`text` for a message: at most `_DESCRIPTION_WIDTH` characters."""
    return text if len(text) <= _DESCRIPTION_WIDTH else text[: _DESCRIPTION_WIDTH - 3] + "..."


@final
class TextConstraint(Composable):
    """A set of texts, compiled natively. Build it with `regex`, `json_schema`, `grammar`, ...

    `description` is for people only (``repr``). Equality is identity.

    Pickles hold what the constraint was made of, and it is made again from that, in another process
    or version: about as much time as the first time. Automata that `compile` keeps stay behind;
    pickle one to send it along. Copies are the constraint itself.
    """

    __slots__ = ("__weakref__", "_compiled", "_description", "_lock", "_program")

    def __init__(self, program: Program, *, description: str = "constraint") -> None:
        self._program = program
        self._description = shortened(description)
        self._compiled: OrderedDict[tuple[str, Limits | None], Automaton] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def program(self) -> Program:
        """The program of the compiled core."""
        return self._program

    @property
    def exactness(self) -> Exactness:
        """Whether masks are the truth or an upper bound of it."""
        return self._program.exactness

    @property
    def report(self) -> list[dict[str, str]]:
        """Of a JSON Schema, what becomes of each keyword of each schema that the root reaches:
        entries with ``pointer``, ``keyword``, ``status`` and sometimes ``note``, one for each
        keyword. Empty for other constraints.

        ``status`` is ``"enforced"`` (masks forbid what it forbids), ``"residual"`` (judged at the
        end of its value), ``"annotation"`` (forbids nothing, or is unknown) or ``"unreachable"``
        (a definition to which no reference leads; not read). ``keyword`` is empty for a schema
        that is a bool, and for an unreachable one. In documents of the registry, pointers follow
        the document's URI."""
        return cast("list[dict[str, str]]", json.loads(self._program.report_json))

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> Automaton:
        """Bind to a vocabulary, under `limits` or those that the constraint was made with.

        The last few automata are kept by (vocabulary, limits) and returned again, with all the
        masks that they have memoised. Thread-safe.

        Raises:
            LimitExceeded: compiling needs more than `limits` grants.
        """
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
    def __and__(self, other: TextConstraint | str) -> TextConstraint: ...
    @overload
    def __and__(self, other: Constraint) -> Constraint: ...
    def __and__(self, other: Constraint | str) -> Constraint:
        return super().__and__(_coerced(other))

    def __rand__(self, other: Constraint | str) -> Constraint:
        return super().__rand__(_coerced(other))

    def merged(self, other: Constraint) -> TextConstraint | None:
        if not isinstance(other, TextConstraint):
            return None
        return TextConstraint(
            Program.intersect([self._program, other._program]),
            description=f"({self._description}) & ({other._description})",
        )

    def __or__(self, other: TextConstraint | str) -> TextConstraint:
        return union(self, other)

    def __ror__(self, other: TextConstraint | str) -> TextConstraint:
        return union(other, self)

    def __add__(self, other: TextConstraint | str) -> TextConstraint:
        return sequence(self, other)

    def __radd__(self, other: TextConstraint | str) -> TextConstraint:
        return sequence(other, self)

    def repeat(self, min: int = 0, max: int | None = None) -> TextConstraint:
        """`min` to `max` (None: any number of) texts of this set, one after the other."""
        if min < 0 or (max is not None and max < min):
            raise ConstraintError(f"cannot repeat from {min} to {max} times")
        bounds = f"{{{min},{'' if max is None else max}}}"
        return TextConstraint(
            Program.repeat(self._program, min=min, max=max),
            description=f"({self._description}){bounds}",
        )

    def optional(self) -> TextConstraint:
        """A text of this set, or nothing."""
        return self.repeat(0, 1)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self._program, self._description)

    def __copy__(self) -> TextConstraint:
        return self

    def __deepcopy__(self, memo: dict[int, object], /) -> TextConstraint:
        return self

    def __repr__(self) -> str:
        return f"<TextConstraint {self._description}>"


def _restored(program: Program, description: str) -> TextConstraint:
    return TextConstraint(program, description=description)


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
        return part
    if isinstance(part, Composable):
        raise UnsupportedFeatureError(
            f"a constraint with a Python predicate cannot be part of a {operation}",
            feature=f"predicate in {operation}",
            hint="conjoin the predicate with the whole instead: (a | b) & predicate(fn)",
        )
    raise TypeError(f"a {operation} needs constraints or texts, not {type(part).__name__}")


def literal(text: str) -> TextConstraint:
    """Exactly `text`. Special tokens do not match it: see `special_token`."""
    return TextConstraint(Program.choice([text]), description=f"literal({text!r})")


def union(*parts: TextConstraint | str) -> TextConstraint:
    """Any one of `parts`; the function behind ``a | b``. A str stands for itself."""
    if not parts:
        raise ConstraintError("a union needs at least one part")
    native = [_native(part, "union") for part in parts]
    return TextConstraint(
        Program.union([part.program for part in native]),
        description=" | ".join(_inner(part) for part in native),
    )


def sequence(*parts: TextConstraint | str) -> TextConstraint:
    """All of `parts`, one after the other; the function behind ``a + b``. A str stands for
    itself."""
    if not parts:
        return literal("")
    native = [_native(part, "sequence") for part in parts]
    return TextConstraint(
        Program.concatenate([part.program for part in native]),
        description=" + ".join(_inner(part) for part in native),
    )


def _inner(part: TextConstraint) -> str:
    return repr(part).removeprefix("<TextConstraint ").removesuffix(">")
