"""`grammar`: constraints from grammar files and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from structgen._core import Limits, Program
from structgen.constraints._excerpt import with_caret
from structgen.constraints.base import TextConstraint
from structgen.constraints.ir import GrammarIr, RegexTerminal
from structgen.constraints.shipped import shipped_grammars
from structgen.errors import (
    ConstraintError,
    GrammarSyntaxError,
    RegexSyntaxError,
    UnsupportedFeatureError,
)
from structgen.misuse import answers_misuse

GrammarFormat: TypeAlias = Literal["lark", "gbnf", "ebnf"]
_FORMATS: dict[str, GrammarFormat] = {".lark": "lark", ".gbnf": "gbnf", ".ebnf": "ebnf"}
_START: dict[GrammarFormat, str] = {"lark": "start", "gbnf": "root", "ebnf": "root"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarSource:
    """A grammar's text, its notation, and the file it came from if any. `name` is for people."""

    text: str
    format: GrammarFormat
    path: Path | None = None
    name: str = "grammar"


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
            for a text GBNF if it holds ``::=``, else Lark.
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
    loaded = source if isinstance(source, GrammarSource) else load_source(source, format)
    ir = load_ir(loaded, start=start, terminals=terminals)
    try:
        program = Program.grammar(ir.to_json(), dict(ir.programs), limits=limits)
    except (RegexSyntaxError, UnsupportedFeatureError) as error:
        raise _blamed(error, ir) from None
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
            guessed: GrammarFormat = "gbnf" if "::=" in source else "lark"
            return GrammarSource(
                name=format or guessed, text=source, path=None, format=format or guessed
            )
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
    guessed = _FORMATS.get(path.suffix) or ("gbnf" if "::=" in text else "lark")
    return GrammarSource(name=path.name, text=text, path=path, format=format or guessed)


def load_ir(
    source: GrammarSource,
    *,
    start: str | None = None,
    terminals: Mapping[str, TextConstraint] | None = None,
) -> GrammarIr:
    """The intermediate representation of a grammar; what `grammar` compiles."""
    bindings = {name: part.program for name, part in (terminals or {}).items()}
    start = _START[source.format] if start is None else start
    # Each notation's reader is imported where it is used; lark alone takes a tenth of a second.
    if source.format == "lark":
        from structgen.constraints.lark_files import load_lark

        return load_lark(source.text, source=source.path, start=start, bindings=bindings)
    from structgen.constraints.gbnf import load_gbnf

    tolerant = source.format == "ebnf"
    return load_gbnf(source.text, start=start, bindings=bindings, tolerant=tolerant)


def _blamed(
    error: RegexSyntaxError | UnsupportedFeatureError, ir: GrammarIr
) -> GrammarSyntaxError | UnsupportedFeatureError:
    """The error of the core, with the name and place of the terminal that caused it."""
    for terminal in ir.terminals:
        if not isinstance(terminal, RegexTerminal):
            continue
        try:
            Program.regex(terminal.as_pattern())
        except UnsupportedFeatureError as cause:
            return UnsupportedFeatureError(
                f"terminal `{terminal.name}` (line {terminal.line}): {cause.message}",
                feature=cause.feature,
                hint=cause.hint,
            )
        except RegexSyntaxError as cause:
            return GrammarSyntaxError(
                f"terminal `{terminal.name}`: {cause.message}",
                line=terminal.line,
                column=terminal.column,
                excerpt=with_caret(cause, terminal.as_pattern()).excerpt,
                hint=cause.hint,
            )
    if isinstance(error, RegexSyntaxError):
        return GrammarSyntaxError(error.message, excerpt=error.excerpt, hint=error.hint)
    return error
