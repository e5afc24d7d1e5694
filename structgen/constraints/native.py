"""The plain native constraints: patterns, choices, special tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from structgen._core import Limits, Program
from structgen.constraints._excerpt import with_caret
from structgen.constraints.base import TextConstraint, shortened
from structgen.constraints.pace import Pace
from structgen.errors import ConstraintError, EmptyLanguageError, RegexSyntaxError
from structgen.misuse import answers_misuse

_AT_ONCE = 4096
"""Options between two looks at the clock."""

_SHOWN = 8
"""Options that a description may name."""


@answers_misuse
def regex(
    pattern: str,
    dialect: Literal["python", "ecma"] = "python",
    *,
    limits: Limits | None = None,
) -> TextConstraint[str]:
    """Texts that `pattern` matches as a whole, as ``re.fullmatch`` does.

    Args:
        pattern: a regular expression of `dialect`; flags may be written inline, ``(?i)``.
        dialect: ``"python"`` (the `re` module) or ``"ecma"`` (ECMA-262 with the ``u`` flag, as
            in JSON Schema's ``pattern``, but anchored at both ends).
        limits: budgets of reading the pattern, and of its compilations if they name none.

    Raises:
        RegexSyntaxError: not a pattern of the dialect; with line, column and caret.
        UnsupportedFeatureError: a feature outside the regular languages, e.g. a backreference.
    """
    try:
        program = Program.regex(pattern, dialect=dialect, limits=limits)
    except RegexSyntaxError as error:
        raise with_caret(error, pattern) from None
    return TextConstraint(program, description=f"regex({shortened(pattern)!r})")


@answers_misuse
def choice(options: Iterable[str], *, limits: Limits | None = None) -> TextConstraint[str]:
    """Exactly one of the texts `options`. Thousands are cheap: they share a trie.

    Raises:
        EmptyLanguageError: there is no option.
    """
    if isinstance(options, str):
        raise ConstraintError("choice needs several texts, not one str", hint="choice([text])")
    pace = Pace(limits)
    texts: list[str] = []
    for text in options:
        if len(texts) % _AT_ONCE == 0:
            pace.look()
        texts.append(text)
        # The annotation cannot stop an untyped caller, and the core's message would not say which.
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConstraintError(f"every option must be a str, not {type(text).__name__}")
    if not texts:
        raise EmptyLanguageError("a choice needs at least one option")
    program = Program.choice(texts, limits=limits, spent_ms=int(pace.spent_ms))
    return TextConstraint(program, description=f"choice({_some(texts)})")


def _some(texts: list[str]) -> str:
    """A list of texts for a description, which is cut short: there may be megabytes."""
    return repr([shortened(text) for text in texts[:_SHOWN]])


def special_token(name: str) -> TextConstraint[str]:
    """The special token called `name`, e.g. ``"<|eot_id|>"``; never its spelling as text.

    Whether a vocabulary has such a token shows when the constraint is compiled for it.
    """
    return TextConstraint(Program.special_token(name), description=f"special_token({name!r})")
