"""Conjunction of constraints that cannot be compiled into one automaton.

Two natively compiled constraints meet in one automaton, whose masks are exact
(`structgen.constraints.base`). Everything else (a Python predicate, a constraint written by a
user) is joined here: all parts run side by side. The AND of their masks is only an *upper bound*
of the conjunction's mask, because two live prefixes may share no completion; `exactness` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar, cast, overload

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen.constraints.completions import least_tokens, may_complete, may_complete_after
from structgen.constraints.protocol import Compiled, Constraint, Matcher
from structgen.constraints.reading import Reading, first_reading, reading_of
from structgen.errors import ConstraintError
from structgen.misuse import wrong_type
from structgen.types import Exactness, Value_co

Other = TypeVar("Other")


class Composable(Generic[Value_co]):
    """What can be joined with ``&``, and read. Subclasses are `Constraint`s."""

    __slots__ = ()

    @property
    def reading(self) -> Reading[Value_co]:
        """How a text of this constraint becomes a value."""
        raise NotImplementedError

    def parse(self, text: str, /) -> Value_co:
        """The value of a text of this constraint, as `structgen.generate` gives it.

        Raises:
            ParseError: the text does not satisfy the constraint, as far as that can be told
                without a vocabulary (a predicate is not asked), or its type refuses it.
        """
        self.refuse_others(text)
        return self.reading.value(text)

    def refuse_others(self, text: str, /) -> None:
        """Raise `ParseError` if `text` is certainly none of this constraint's."""

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> Compiled:
        """Bind to a vocabulary."""
        raise NotImplementedError

    def with_minimal_escapes(self) -> Composable[Value_co]:
        """This constraint, with strings spelled in one way in each JSON Schema in it for which
        nothing else was chosen; see `TextConstraint.with_minimal_escapes`."""
        return self

    def parts(self) -> tuple[Constraint, ...]:
        """The constraints of which this is the conjunction."""
        return (self,)

    def merged(self, other: Constraint) -> Constraint | None:
        """One constraint for ``self & other`` if there is one, else None."""
        del other
        return None

    @overload
    def __and__(self: Composable[str], other: Composable[Other]) -> Composable[Other]: ...
    @overload
    def __and__(self, other: Constraint) -> Composable[Value_co]: ...
    def __and__(self, other: Constraint) -> Composable[object]:
        return _composable(conjoin((self, other)))

    def __rand__(self, other: Constraint) -> Composable[object]:
        return _composable(conjoin((other, self)))


def with_minimal_escapes(constraint: Constraint) -> Constraint:
    """What `TextConstraint.with_minimal_escapes` says, of any constraint: itself if others made
    it."""
    if not isinstance(constraint, Composable):
        return constraint
    return cast("Constraint", constraint.with_minimal_escapes())


def check_vocabulary(given: object) -> None:
    """Raise `OptionTypeError` if `given` is no vocabulary, but a tokenizer, say."""
    if not isinstance(given, Vocabulary):
        hint = "sg.Vocabulary.from_transformers(tokenizer), once per tokenizer"
        raise wrong_type("vocabulary", given, "an sg.Vocabulary", hint=hint)


def conjoin(constraints: Sequence[Constraint]) -> Constraint:
    """The conjunction of `constraints`; those that can meet in one automaton do.

    The order of the parts is kept: cheap ones first pays, since `allows` stops at the first
    part that refuses. Those with masks are asked before predicates.
    """
    merged: list[Constraint] = []
    for constraint in constraints:
        # Anything with a `compile` is a constraint; give people a clear error for the rest.
        if not hasattr(constraint, "compile"):
            raise TypeError(f"a constraint is needed, not {type(constraint).__name__}")
        for part in constraint.parts() if isinstance(constraint, Composable) else (constraint,):
            for index, known in enumerate(merged):
                joined = known.merged(part) if isinstance(known, Composable) else None
                if joined is not None:
                    merged[index] = joined
                    break
            else:
                merged.append(part)
    if not merged:
        raise ConstraintError("a conjunction needs at least one constraint")
    return merged[0] if len(merged) == 1 else Conjunction(merged)


def _composable(constraint: Constraint) -> Composable[object]:
    if isinstance(constraint, Composable):
        return cast("Composable[object]", constraint)
    return Conjunction([constraint])


class Conjunction(Composable[Value_co]):
    """All of `parts` must hold. Masks are an upper bound; `allows` asks every part. Texts are read
    as those of the first part that has a reading of its own.

    It, what it compiles to, and matchers can be pickled where all parts can.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Constraint]) -> None:
        self._parts = tuple(parts)

    @property
    def reading(self) -> Reading[Value_co]:
        return cast("Reading[Value_co]", first_reading(map(reading_of, self._parts)))

    def refuse_others(self, text: str, /) -> None:
        for part in self._parts:
            if isinstance(part, Composable):
                part.refuse_others(text)

    def with_minimal_escapes(self) -> Conjunction[Value_co]:
        parts = [with_minimal_escapes(part) for part in self._parts]
        same = all(new is old for new, old in zip(parts, self._parts, strict=True))
        return self if same else Conjunction(parts)

    def parts(self) -> tuple[Constraint, ...]:
        return self._parts

    def compile(
        self, vocabulary: Vocabulary, /, limits: Limits | None = None
    ) -> CompiledConjunction:
        """Compile every part."""
        check_vocabulary(vocabulary)
        return CompiledConjunction(vocabulary, [p.compile(vocabulary, limits) for p in self._parts])

    def __repr__(self) -> str:
        return " & ".join(f"({part!r})" for part in self._parts)


def _joint_exactness(parts: Sequence[Compiled]) -> Exactness:
    return "probe" if any(part.exactness == "probe" for part in parts) else "superset"


class CompiledConjunction:
    """A conjunction bound to a vocabulary."""

    __slots__ = ("_exactness", "_parts", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary, parts: Sequence[Compiled]) -> None:
        self._vocabulary = vocabulary
        # Python functions are asked last, about what nothing else refuses.
        self._parts = tuple(sorted(parts, key=lambda part: part.exactness == "probe"))
        self._exactness: Exactness = _joint_exactness(parts)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def exactness(self) -> Exactness:
        return self._exactness

    @property
    def parts(self) -> tuple[Compiled, ...]:
        """What is joined."""
        return self._parts

    def matcher(self) -> ConjunctionMatcher:
        """A matcher at the start."""
        return ConjunctionMatcher(
            self._vocabulary, self._exactness, [part.matcher() for part in self._parts]
        )


class ConjunctionMatcher:
    """Matchers of all parts, kept in step."""

    __slots__ = ("_exactness", "_parts", "_vocabulary")

    def __init__(
        self, vocabulary: Vocabulary, exactness: Exactness, parts: Sequence[Matcher]
    ) -> None:
        self._vocabulary = vocabulary
        self._exactness: Exactness = exactness
        self._parts = tuple(parts)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def exactness(self) -> Exactness:
        return self._exactness

    @property
    def tokens(self) -> list[int]:
        return self._parts[0].tokens

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """The AND of the parts' masks: an upper bound of what may follow."""
        self._parts[0].fill_mask(mask, row)
        other = np.empty((1, mask.shape[1]), dtype=np.int32)
        for part in self._parts[1:]:
            fill_text = getattr(part, "fill_text_mask", None)
            if fill_text is not None and not self._has_end(mask[row]):
                fill_text(other, 0)
            else:
                part.fill_mask(other, 0)
            np.bitwise_and(mask[row], other[0], out=mask[row])

    def _has_end(self, words: npt.NDArray[np.int32]) -> bool:
        """Whether an end token is left in a mask: a predicate's `complete`, which may be costly
        and need not hold for half a text, is asked only then."""
        ends = self._vocabulary.eos_token_ids
        return any(int(words[end >> 5]) >> (end & 31) & 1 for end in ends)

    def allows(self, token_id: int, /) -> bool:
        return all(part.allows(token_id) for part in self._parts)

    def advance(self, token_id: int, /) -> bool:
        """Commit to every part, or to none."""
        done = 0
        try:
            for part in self._parts:
                if not part.advance(token_id):
                    break
                done += 1
        finally:
            # Also when a predicate raised: no part may be a token ahead of the others.
            if done < len(self._parts):
                for part in self._parts[:done]:
                    part.rollback(1)
        return done == len(self._parts)

    def validate(self, token_ids: Sequence[int], /) -> int:
        """The shortest of the parts' valid prefixes."""
        count = len(token_ids)
        for part in self._parts:
            count = part.validate(token_ids[:count])
        return count

    def rollback(self, count: int, /) -> None:
        for part in self._parts:
            part.rollback(count)

    def fork(self) -> ConjunctionMatcher:
        return ConjunctionMatcher(
            self._vocabulary, self._exactness, [part.fork() for part in self._parts]
        )

    def __copy__(self) -> ConjunctionMatcher:
        return self.fork()

    def __deepcopy__(self, memo: dict[int, object], /) -> ConjunctionMatcher:
        return self.fork()

    def is_accepting(self) -> bool:
        return all(part.is_accepting() for part in self._parts)

    def is_terminated(self) -> bool:
        return self._parts[0].is_terminated()

    def forced_text(self) -> str:
        """The longest text that one part alone forces. What one part forces, the conjunction
        forces; another part may yet refuse it, and then this position is a dead end."""
        return max((part.forced_text() for part in self._parts), key=len)

    def completion_tokens(self) -> list[int] | None:
        """A short completion of one part that all the others accept, None if none is known.

        That none is known says nothing: there may be others. Parts that can only be probed are
        not asked, as they know no more than whether the text is complete."""
        if self.is_accepting():
            return []
        for part in self._parts:
            tokens = None if part.exactness == "probe" else part.completion_tokens()
            if tokens is None or self.validate(tokens) != len(tokens):
                continue
            probe = self.fork()
            if all(probe.advance(token) for token in tokens) and probe.is_accepting():
                return tokens
        return None

    def min_tokens_left(self) -> int:
        """The largest of the parts' bounds; see `structgen.constraints.completions`."""
        return max(least_tokens(part) for part in self._parts)

    def may_complete(self, within: int, /) -> bool:
        """Whether every part may; see `structgen.constraints.completions`."""
        return all(may_complete(part, within) for part in self._parts)

    def may_complete_after(self, token_id: int, within: int, /) -> bool:
        """Whether every part may; see `structgen.constraints.completions`."""
        return all(may_complete_after(part, token_id, within) for part in self._parts)
