"""Lark grammars, loaded by lark itself.

What a grammar means is what lark's most general parser makes of it,
``Lark(text, parser="earley", lexer="dynamic_complete")``: scannerless and ambiguous, every
terminal may match any stretch of text that its pattern matches *as a whole*. Priorities choose
between parses and change no language; they are ignored. ``?rule``, ``_rule``, ``->`` and ``!``
shape trees only. One thing is cleaner here than in lark: lark tries each pattern with Python's
first-alternative-wins matching, so that ``/a|ab/`` never matches ``ab``, and it skips ignored
text as far as it reaches at once; here patterns are sets of texts, and ignored text is any number
of ignored terminals between two lexemes. And lark's dynamic lexer refuses terminals that can
match nothing (``/[a-z]*/``); here they may.

``%declare NAME`` announces a terminal that is bound to another constraint when the grammar is
loaded: a JSON Schema inside a command language, a special token after a block.
"""

# lark is typed in part only, its trees not at all.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from lark import Token
from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.grammar import NonTerminal, Rule
from lark.lexer import PatternStr, TerminalDef
from lark.load_grammar import Grammar, load_grammar

from structgen._core import Program
from structgen.constraints._excerpt import caret_excerpt, line_and_column
from structgen.constraints.ir import (
    GrammarIr,
    IrBuilder,
    LiteralTerminal,
    ProgramTerminal,
    RegexTerminal,
    Symbol,
    Terminal,
    TerminalRef,
)
from structgen.constraints.lark_trees import OPAQUE, check_nesting, check_terminals, prepared
from structgen.errors import (
    GrammarSyntaxError,
    LimitExceeded,
    RegexSyntaxError,
    StructgenError,
    UnsupportedFeatureError,
)

MAX_TEXT = 128 * 1024
"""Characters of a Lark grammar: lark takes about two seconds for as many."""

_PLACE = re.compile(r"at line (\d+),? column (\d+)")
_DEFINED = re.compile(r"[ \t]*[?!]*(\w+)[ \t]*[.:{]")
_PATTERN = re.compile(r"/(?!/)((?:\\.|[^/\\])*+)/([imslux]*)", re.S)
_NAMED = re.compile(r"['`(]([A-Za-z_][A-Za-z_0-9]*)['`)]|(?:defined|empty|: )\(?([A-Z_a-z]\w*)\)?")


def load_lark(
    text: str,
    *,
    source: Path | None = None,
    start: str = "start",
    bindings: Mapping[str, Program] | None = None,
) -> GrammarIr:
    """Load a Lark grammar.

    Args:
        text: the grammar.
        source: the file it comes from; relative ``%import``s are looked up beside it.
        start: the rule to start from.
        bindings: programs for terminals that the grammar declares.

    Raises:
        GrammarSyntaxError: with line, column and a caret where known.
        LimitExceeded: the grammar is too large or too deep.
    """
    bindings = bindings or {}
    if len(text) > MAX_TEXT:
        raise LimitExceeded(
            f"the grammar has {len(text)} characters, {MAX_TEXT} are allowed",
            name="max_grammar_text",
            limit=MAX_TEXT,
        )
    check_nesting(text)
    check_terminals(text)
    try:
        grammar, _ = load_grammar(text, str(source) if source else "<string>", [], False)
        declared = {name for name, (tree, _) in grammar.term_defs if not tree}
        _check_bindings(text, bindings, declared, {name for name, _ in grammar.term_defs})
        terminals, rules, ignored = _compiled(prepared(grammar, start), start)
        places = _definition_places(text)
        by_name = {definition.name: _terminal(definition, places) for definition in terminals}
    except GrammarSyntaxError as error:
        raise error if error.line else _placed(error.message, text, error.hint) from None
    except RecursionError:
        raise LimitExceeded("the grammar is nested too deeply", name="max_tree_depth") from None
    except UnexpectedInput as error:
        raise _unexpected(error, text) from None
    except TypeError as error:
        # lark 1.3 fails to format a message of its log while it looks for words for the error.
        cause = _first_unexpected(error)
        if cause is None:
            raise
        raise _unexpected(cause, text) from None
    except re.error as error:
        raise pattern_error(text) or _placed(_message_of(error), text) from None
    except OSError as error:
        raise _placed(
            f"cannot import `{Path(str(error.filename)).stem}`: no such file", text
        ) from None
    # lark reports some malformed grammars by assertions, and bad patterns by errors of `re`.
    except (LarkError, AssertionError, ValueError, OverflowError) as error:
        raise _placed(_message_of(error), text) from None
    builder = IrBuilder()

    def symbol(name: str) -> TerminalRef:
        known = by_name.get(name)
        if known is not None:
            return builder.terminal(known)
        if name not in bindings:
            raise _placed(
                f"terminal `{name}` is declared and not bound",
                text,
                f'grammar(..., terminals={{"{name}": constraint}})',
            )
        return builder.terminal(ProgramTerminal(name=name, program=name))

    builder.rule(start)
    for rule in rules:
        alternative: list[Symbol] = [
            builder.rule(part.name) if isinstance(part, NonTerminal) else symbol(part.name)
            for part in rule.expansion
        ]
        builder.add(rule.origin.name, alternative)
    return builder.build(start=start, ignore=[symbol(name) for name in ignored], programs=bindings)


def _compiled(grammar: Grammar, start: str) -> tuple[list[TerminalDef], list[Rule], list[str]]:
    return grammar.compile([start], set[str]())


def _check_bindings(
    text: str, bindings: Mapping[str, Program], declared: set[str], defined: set[str]
) -> None:
    for name in bindings:
        if name in declared:
            continue
        if name in defined:
            raise _placed(f"terminal `{name}` is bound, but the grammar defines it", text)
        raise GrammarSyntaxError(
            f"terminal `{name}` is bound, but the grammar does not declare it",
            hint=f"%declare {name}",
        )


def _terminal(definition: TerminalDef, places: Mapping[str, tuple[int, int]]) -> Terminal:
    pattern = definition.pattern
    name = definition.user_repr()
    if isinstance(pattern, PatternStr):
        return LiteralTerminal(name=name, text=pattern.value, ignore_case="i" in pattern.flags)
    line, column = places.get(definition.name, (0, 0))
    return RegexTerminal(
        name=name,
        pattern=pattern.value,
        flags="".join(sorted(pattern.flags)),
        line=line,
        column=column,
    )


def _definition_places(text: str) -> dict[str, tuple[int, int]]:
    """The line and column of each name's definition in `text`."""
    places: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        found = _DEFINED.match(line)
        if found:
            places.setdefault(found[1], (number, found.start(1) + 1))
    return places


_MAX_BLAMED = 1_000
"""Patterns that are tried one by one for the place of an error."""


def pattern_error(text: str) -> GrammarSyntaxError | UnsupportedFeatureError | None:
    """What is wrong with a pattern that stands in the grammar `text`, at its place there; None if
    none of them is wrong by itself."""
    places = sorted((place, name) for name, place in _definition_places(text).items())
    tried = 0
    for found in OPAQUE.finditer(text):
        literal = _PATTERN.fullmatch(found[0])
        if literal is None:
            continue
        tried += 1
        if tried > _MAX_BLAMED:
            return None
        pattern, flags = literal[1], literal[2]
        prefix = f"(?{flags})" if flags else ""
        try:
            Program.regex(prefix + pattern)
        except (RegexSyntaxError, UnsupportedFeatureError) as error:
            within = _offset(prefix + pattern, error.line, error.column) - len(prefix)
            line, column = line_and_column(text, found.start() + 1 + max(within, 0))
            owner = max((name for name in places if name[0] <= (line, column)), default=None)
            where = f"in `{owner[1]}`: " if owner else ""
            if isinstance(error, UnsupportedFeatureError):
                return UnsupportedFeatureError(
                    where + error.message,
                    feature=error.feature,
                    line=line,
                    column=column,
                    hint=error.hint,
                )
            return GrammarSyntaxError(
                where + error.message,
                line=line,
                column=column,
                excerpt=caret_excerpt(text, line, column),
                hint=error.hint,
            )
        except StructgenError:
            continue  # empty, or beyond a limit: no matter of how it is written
    return None


def _offset(text: str, line: int, column: int) -> int:
    """The offset of a 1-based line and column, as the core counts them."""
    lines = text.split("\n")
    return sum(len(one) + 1 for one in lines[: max(line, 1) - 1]) + max(column, 1) - 1


_NAMES = {
    "_NL": "the end of the line",
    "_NL_OR": "`|` on a line of its own",
    "$END": "the end of the grammar",
}


def _unexpected(error: UnexpectedInput, text: str) -> GrammarSyntaxError:
    """The error in words of ours: lark's name the tokens of its own grammar of grammars."""
    if isinstance(error, UnexpectedToken):
        token = cast("Token", error.token)
        kind = str(token.type)
        message = f"unexpected {_NAMES.get(kind) or f'`{token!s:.40}`'}"
    elif isinstance(error, UnexpectedCharacters):
        message = f"unexpected {_character(text, error.line, error.column)}"
    else:
        message = "the grammar ends too early"
    return GrammarSyntaxError(
        message,
        line=max(error.line, 0),
        column=max(error.column, 0),
        excerpt=caret_excerpt(text, error.line, error.column),
    )


def _character(text: str, line: int, column: int) -> str:
    """What stands at a place, quoted."""
    lines = text.split("\n")
    found = lines[line - 1][column - 1 : column] if 0 < line <= len(lines) else ""
    return repr(found) if found else "the end of the line"


def _first_unexpected(error: BaseException) -> UnexpectedInput | None:
    """The earliest error of lark's parser that was being handled when `error` came."""
    found: UnexpectedInput | None = None
    before: BaseException | None = error
    while before is not None:
        found = before if isinstance(before, UnexpectedInput) else found
        before = before.__context__
    return found


def _message_of(error: Exception) -> str:
    if isinstance(error, AssertionError):
        detail = f" ({error})" if str(error) else ""
        return f"lark does not accept the grammar{detail}"
    if isinstance(error, re.error):
        return f"bad pattern `{error.pattern!s:.80}`: {error.msg}"
    if len(error.args) > 1 and isinstance(error.args[1], Exception):  # a bad escape
        return f"bad escape in `{error.args[0]!s:.80}`"
    message = str(error).split("\n\n", 1)[0].split("\n", 1)[0]
    # "Unexpected input at line 1 column 2 in <string>: "
    return message.rstrip(": ")


def _placed(message: str, text: str, hint: str | None = None) -> GrammarSyntaxError:
    """An error at the place that `message` names: a line and column, or the first use of a name
    that it quotes."""
    line = column = 0
    place = _PLACE.search(message)
    if place:
        line, column = int(place[1]), int(place[2])
        message = message[: place.start()].rstrip(" ,").removesuffix(" in <string>")
        if message == "Unexpected input":
            message = f"unexpected {_character(text, line, column)}"
    else:
        for named in _NAMED.finditer(message):
            name = named[1] or named[2]
            found = re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text)
            if found:
                line, column = line_and_column(text, found.start())
                break
    return GrammarSyntaxError(
        message,
        line=line,
        column=column,
        excerpt=caret_excerpt(text, line, column) if line else "",
        hint=hint,
    )
