"""Which notation a grammar text is written in: the ones that are read, told apart, and others,
named in errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_OPAQUE: Final = re.compile(
    r"""//[^\n]*|\#[^\n]*"""
    r"""|"(?:\\.|[^"\\\n])*+"?|'(?:\\.|[^'\\\n])*+'?"""
    r"""|/(?:\\.|[^/\\\n])++/?""",
    re.S,
)
"""Comments, literals and patterns, in any of the notations. What is never closed ends with its
line, so that looking for them is linear in the text."""

_DEFINES_GBNF: Final = re.compile(r"^[ \t]*[A-Za-z_][\w.-]*[ \t]*::=", re.M)
_DEFINES_LARK: Final = re.compile(
    r"^[ \t]*(?:[?!]*[A-Za-z_]\w*(?:\{[\w, ]*\})?(?:\.-?\d+)?[ \t]*:(?![:=])"
    r"|%(?:import|ignore|declare|extend|override)\b)",
    re.M,
)


def guessed_format(text: str) -> Literal["lark", "gbnf"]:
    """GBNF if the first definition of `text` is written with ``::=``, else Lark. A ``::=`` inside
    a literal, a pattern or a comment defines nothing."""
    bare = _bare(text)
    gbnf, lark = _DEFINES_GBNF.search(bare), _DEFINES_LARK.search(bare)
    if gbnf is None or (lark is not None and lark.start() < gbnf.start()):
        return "lark"
    return "gbnf"


def _bare(text: str) -> str:
    """`text` with the insides of what is opaque blanked out; places stay where they are."""
    return _OPAQUE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignNotation:
    """A notation that is not read: its name, and what to do instead."""

    name: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    notation: ForeignNotation
    pattern: re.Pattern[str]
    bare: bool = True
    """Looked for outside of comments, literals and patterns."""


def _sign(name: str, hint: str, pattern: str, *, bare: bool = True) -> _Sign:
    return _Sign(
        notation=ForeignNotation(name=name, hint=hint), pattern=re.compile(pattern, re.M), bare=bare
    )


_LLGUIDANCE: Final = "llguidance's dialect of Lark"

# The first sign that is found names the notation, so the surest come first.
_SIGNS: Final = (
    _sign(
        "a JSON Schema",
        "sg.json_schema(...)",
        r'\A\s*\{\s*(?:"[$\w]+"\s*:|\})',
        bare=False,
    ),
    _sign(
        _LLGUIDANCE,
        "leave the line `%llguidance` out; what it switches on is not read",
        r"^[ \t]*%llguidance\b",
    ),
    _sign(
        f"{_LLGUIDANCE} (`%json`)",
        "`%declare NAME` and grammar(..., terminals={'NAME': sg.json_schema(...)})",
        r"%json\b",
    ),
    _sign(
        f"{_LLGUIDANCE} (`%lark`, `%regex`)",
        "`%declare NAME` and grammar(..., terminals={'NAME': sg.grammar(...)})",
        r"%(?:lark|regex)\b",
    ),
    _sign(
        "special tokens as llguidance and llama.cpp write them",
        "a name that GBNF does not define, or `%declare NAME` in Lark, and "
        "grammar(..., terminals={'NAME': sg.special_token('<|...|>')})",
        r"<\|[^|\n]*\|>|<\[[\d,\- ]+\]>",
    ),
    _sign(
        f"{_LLGUIDANCE} (attributes)",
        "leave the attributes in `[...]` out; bounds go to the options of generation",
        r"^[ \t]*[?!]*[A-Za-z_]\w*[ \t]*\[[^\]\n]*\][ \t]*:",
    ),
    _sign(
        f"{_LLGUIDANCE} (`&`, `~`)",
        "`%declare NAME` and grammar(..., terminals={'NAME': first & second})",
        r"^[ \t]*[?!]*[A-Za-z_]\w*[ \t]*:[^\n]*(?:&|[:|(]\s*~)",
    ),
    _sign(
        "an ANTLR grammar",
        "write `name: ...` without the `;`, fragments and `-> skip` as Lark's terminals and "
        "`%ignore`",
        r"^[ \t]*(?:(?:lexer|parser)[ \t]+)?grammar[ \t]+\w+[ \t]*;|^[ \t]*fragment[ \t]+\w+"
        r"|->[ \t]*(?:skip|channel)\b|^[ \t]*\w+\s*:[^;]*;[ \t]*$",
    ),
    _sign(
        "BNF with names in angle brackets",
        "write `name ::= ...` without the brackets, literals in double quotes",
        r"^[ \t]*<[^<>\n]+>[ \t]*(?:::=|:=|=)",
    ),
    _sign(
        "ABNF (RFC 5234)",
        "write `name ::= ...`, `|` for `/`, `[\\x41-\\x5A]` for `%x41-5A`, `x*` for `*x`",
        r"%[xdb][0-9A-Fa-f]+",
    ),
    _sign(
        "a PEG",
        "write `name ::= ...` and `|` for `/`: the alternatives of a grammar have no order",
        r"^[ \t]*[A-Za-z_]\w*[ \t]*(?:<-|←)",
    ),
    _sign(
        "ISO EBNF (ISO 14977)",
        "write `name ::= ...` without commas, `x*` for `{ x }` and `x?` for `[ x ]`",
        r"^[ \t]*[A-Za-z_][\w \t]*=(?:[^=\n]*[,{\[]|[^;]*;[ \t]*$)",
    ),
)

_LONGEST: Final = 4_000
"""Characters that are looked at."""


def foreign_notation(text: str) -> ForeignNotation | None:
    """The notation that a text, which is neither Lark nor GBNF, is probably written in."""
    text = text[:_LONGEST]
    bare = _bare(text)
    for sign in _SIGNS:
        if sign.pattern.search(bare if sign.bare else text):
            return sign.notation
    return None
