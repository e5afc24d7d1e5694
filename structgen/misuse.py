"""Answers to calls that were meant otherwise: in our words, with the nearest right name."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import ParamSpec, TypeVar, cast

from structgen.errors import OptionTypeError, OptionValueError

T = TypeVar("T")
P = ParamSpec("P")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` is likely to be a misspelling of."""
    by_letters = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), list(by_letters), n=1, cutoff=0.6)
    return by_letters[close[0]] if close else None


def refuse_unknown(given: Iterable[str], known: Sequence[str], *, of: str) -> None:
    """Raise for the first of `given` that is none of the options `known` of the function `of`.

    Raises:
        OptionTypeError: as Python raises a `TypeError` for an unknown keyword.
    """
    for name in given:
        if name not in known:
            near = nearest(name, known)
            meant = "" if near is None else f"; did you mean `{near}`?"
            raise OptionTypeError(
                f"`{of}` has no option `{name}`{meant}",
                option=name,
                hint=None if near else f"options: {', '.join(known)}",
            )


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the first caller outside of structgen. Python shows equal warnings of one place
    once."""
    level = 1
    frame = sys._getframe(0)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "structgen":
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def answers_misuse(function: Callable[P, T]) -> Callable[P, T]:
    """Let `function`, which names its options, refuse others by `refuse_unknown`."""
    known = [
        name
        for name, one in inspect.signature(function).parameters.items()
        if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    names = frozenset(known)
    name = str(getattr(function, "__name__", function))

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        if not kwargs.keys() <= names:
            refuse_unknown(kwargs, known, of=name)
        return function(*args, **kwargs)

    return checked


def whole(name: str, given: object, least: int, most: int | None = None) -> int:
    """`given` as an int.

    Raises:
        OptionTypeError: not a whole number; bools are none.
        OptionValueError: out of range.
    """
    needed = f"a whole number of at least {least}" + ("" if most is None else f", at most {most}")
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise wrong_type(name, given, needed)
    number = int(given)
    if number < least or (most is not None and number > most):
        raise OptionValueError(f"`{name}` is {needed}, not {number}", option=name)
    return number


def real(name: str, given: object) -> float:
    """`given` as a float.

    Raises:
        OptionTypeError: not a number; bools are none.
    """
    if isinstance(given, bool) or not isinstance(given, Real):
        raise wrong_type(name, given, "a number")
    return float(given)


def instance(name: str, given: object, kind: type[T] | UnionType, needed: str) -> T:
    """`given`, which is a `kind`.

    Raises:
        OptionTypeError: it is none.
    """
    if not isinstance(given, kind):
        raise wrong_type(name, given, needed)
    return cast("T", given)


def one_of(name: str, given: object, allowed: Sequence[str]) -> None:
    """Raise `OptionTypeError` or `OptionValueError` if `given` is none of `allowed`."""
    needed = f"one of {', '.join(map(repr, allowed))}"
    if not isinstance(given, str):
        raise wrong_type(name, given, needed)
    if given not in allowed:
        near = nearest(given, allowed)
        raise OptionValueError(
            f"`{name}` is {needed}, not {given!r}" + (f"; did you mean {near!r}?" if near else ""),
            option=name,
        )


def wrong_type(
    name: str, given: object, needed: str, *, hint: str | None = None
) -> OptionTypeError:
    """The error for an option `name` that is `needed` and was given something else."""
    return OptionTypeError(
        f"`{name}` is {needed}, not {given!r:.80} ({type(given).__name__})", option=name, hint=hint
    )
