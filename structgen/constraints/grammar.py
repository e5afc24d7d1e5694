"""`grammar`: constraints from grammar files and texts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from structgen._core import Limits, Program
from structgen.constraints._excerpt import caret_excerpt
from structgen.constraints.base import TextConstraint
from structgen.constraints.ir import GrammarIr, RegexTerminal
from structgen.constraints.notations import foreign_notation, guessed_format
from structgen.constraints.pace import Pace
from structgen.constraints.reclaim import Reclaimed
from structgen.constraints.shipped import shipped_grammars
from structgen.errors import (
    ConstraintError,
    GrammarSyntaxError,
    RegexSyntaxError,
    UnsupportedFeatureError,
)
from structgen.misuse import answers_misuse

GrammarFormat: TypeAlias = Literal["lark", "gbnf", "ebnf"]
_SHORT = 16_000
"""Characters of a grammar that lark loads in some tenths of a second."""

_FORMATS: dict[str, GrammarFormat] = {".lark": "lark", ".gbnf": "gbnf", ".ebnf": "ebnf"}
_START: dict[GrammarFormat, str] = {"lark": "start", "gbnf": "root", "ebnf": "root"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarSource:
    """A grammar's text, its notation, and the file it came from if any. `name` is for people."""

    text: str
    format: GrammarFormat
    path: Path | None = None
    name: str = "grammar"
    is_guess: bool = False
    """Nobody said `format`: it was guessed from the text."""


@answers_misuse
def grammar(
    source: str | Path | GrammarSource,
    start: str | None = None,
    format: GrammarFormat | None = None,
    *,
    terminals: Mapping[str, TextConstraint] | None = None,
    limits: Limits | None = None,
) -> TextConstraint[str]:
    """Texts of a context-free grammar.

    Args:
        source: the name of a shipped grammar (``"json"``, see `shipped_grammars`), the path of a
            file, or the grammar itself. Wrap a text from a stranger in a `GrammarSource`, so that
            it is never taken for a path.
        start: the rule to start from; default ``"start"`` for Lark, ``"root"`` for the others.
        format: ``"lark"``, ``"gbnf"`` (llama.cpp) or ``"ebnf"`` (its relatives, where a rule that
            is not defined derives nothing, with a warning); default: by the file's suffix, and
            for a text GBNF if its first definition is written with ``::=``, else Lark.
        terminals: constraints for terminals that a Lark grammar declares (``%declare ARGS``) and
            for names that a GBNF grammar uses and does not define. A JSON Schema, a special
            token, another grammar: anything native.
        limits: budgets of building the grammar's automaton, and of its compilations if they name
            none.

    Raises:
        GrammarSyntaxError: with line, column and caret.
        UnsupportedFeatureError: a terminal that is not regular, by name.
        LimitExceeded: the grammar is too large or too deep.
    """
    pace = Pace(limits)
    loaded = source if isinstance(source, GrammarSource) else load_source(source, format)
    with Reclaimed(pace.remains) if len(loaded.text) > _SHORT else nullcontext():
        ir = load_ir(loaded, start=start, terminals=terminals, pace=pace)
        text = ir.to_json(pace)
    try:
        program = Program.grammar(
            text, dict(ir.programs), limits=limits, spent_ms=int(pace.spent_ms)
        )
    except (RegexSyntaxError, UnsupportedFeatureError) as error:
        raise _blamed(error, ir, loaded) from None
    return TextConstraint(program, description=f"grammar({loaded.name})")


def load_source(source: str | Path, format: GrammarFormat | None = None) -> GrammarSource:
    """Find a grammar by name, path or text. See `grammar`."""
    if format is not None and format not in _START:
        raise ConstraintError(f"`format` is one of {', '.join(_START)}, not {format!r}")
    if isinstance(source, str):
        shipped = shipped_grammars()
        if source in shipped:
            return GrammarSource(
                name=source, text=shipped[source], path=None, format=format or "lark"
            )
        if _is_text(source):
            return _of_text(source, format)
        if Path(source).suffix not in _FORMATS and not _is_file(source):
            raise ConstraintError(
                f"`{source}` is neither a shipped grammar, nor a file, nor the text of a grammar",
                hint=f"shipped grammars: {', '.join(sorted(shipped))}",
            )
    return _read(Path(source), format)


def _is_text(source: str) -> bool:
    """Whether `source` is a grammar itself: every grammar has a line end, a quote or a colon, and
    paths of grammars, if they hold any of these, end in a known suffix."""
    if "\n" in source or not source:
        return True
    return any(char in source for char in "\":='#") and Path(source).suffix not in _FORMATS


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        return False


def _read(path: Path, format: GrammarFormat | None) -> GrammarSource:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConstraintError(f"the grammar file `{path}` cannot be read: {error}") from error
    known = format or _FORMATS.get(path.suffix)
    return replace(_of_text(text, known), name=path.name, path=path)


def _of_text(text: str, format: GrammarFormat | None) -> GrammarSource:
    chosen = format or guessed_format(text)
    return GrammarSource(name=chosen, text=text, format=chosen, is_guess=format is None)


def load_ir(
    source: GrammarSource,
    *,
    start: str | None = None,
    terminals: Mapping[str, TextConstraint] | None = None,
    pace: Pace | None = None,
) -> GrammarIr:
    """The intermediate representation of a grammar; what `grammar` compiles."""
    try:
        return _loaded(source, start, terminals, pace or Pace(None))
    except GrammarSyntaxError as error:
        raise _explained(error, source) from None


def _explained(error: GrammarSyntaxError, source: GrammarSource) -> GrammarSyntaxError:
    """The error with the notation that the text is in, where it is none that is read, or with the
    one that it was taken for."""
    foreign = foreign_notation(source.text) if error.hint is None else None
    other = "gbnf" if source.format == "lark" else "lark"
    if foreign is not None:
        message = f"this looks like {foreign.name}, which is not read: {error.message}"
        hint = foreign.hint
    elif source.is_guess and error.hint is None:
        message = error.message
        hint = f'the text was taken for {_TITLES[source.format]}; format="{other}" if it is not'
    else:
        return error
    return GrammarSyntaxError(
        message, line=error.line, column=error.column, excerpt=error.excerpt, hint=hint
    )


_TITLES: dict[GrammarFormat, str] = {"lark": "Lark", "gbnf": "GBNF", "ebnf": "EBNF"}


def _loaded(
    source: GrammarSource,
    start: str | None,
    terminals: Mapping[str, TextConstraint] | None,
    pace: Pace,
) -> GrammarIr:
    bindings = {name: part.program for name, part in (terminals or {}).items()}
    start = _START[source.format] if start is None else start
    # Each notation's reader is imported where it is used; lark alone takes a tenth of a second.
    if source.format == "lark":
        from structgen.constraints.lark_files import load_lark

        with pace.watching(large=len(source.text) > _SHORT):
            return load_lark(source.text, source=source.path, start=start, bindings=bindings)
    from structgen.constraints.gbnf import load_gbnf

    tolerant = source.format == "ebnf"
    return load_gbnf(source.text, start=start, bindings=bindings, tolerant=tolerant, pace=pace)


def _blamed(
    error: RegexSyntaxError | UnsupportedFeatureError, ir: GrammarIr, source: GrammarSource
) -> GrammarSyntaxError | UnsupportedFeatureError:
    """The error of the core, at its place in the text; where the pattern stands in no place of it,
    as that of an imported terminal, with the name and place of the terminal."""
    if source.format == "lark":
        from structgen.constraints.lark_files import pattern_error

        placed = pattern_error(source.text)
        if placed is not None:
            return placed
    for terminal in ir.terminals:
        if not isinstance(terminal, RegexTerminal):
            continue
        try:
            Program.regex(terminal.as_pattern())
        except UnsupportedFeatureError as cause:
            return UnsupportedFeatureError(
                f"in terminal `{terminal.name}`: {cause.message}",
                feature=cause.feature,
                line=terminal.line,
                column=terminal.column,
                hint=cause.hint,
            )
        except RegexSyntaxError as cause:
            return GrammarSyntaxError(
                f"in terminal `{terminal.name}`: {cause.message}",
                line=terminal.line,
                column=terminal.column,
                excerpt=caret_excerpt(source.text, terminal.line, terminal.column),
                hint=cause.hint,
            )
    if isinstance(error, RegexSyntaxError):
        return GrammarSyntaxError(error.message, excerpt=error.excerpt, hint=error.hint)
    return error
