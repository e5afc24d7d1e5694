"""Grammars in the dialects of the peers, where they read less than structgen does.

llguidance and xgrammar read Lark and GBNF themselves, so a grammar goes to them as it is written.
Some things stand in the way, and are rewritten here without changing the language:

- GBNF files whose rules name others that nobody defines. structgen lets these derive nothing; the
  peers refuse the file. `without_undefined` drops the alternatives that lead there.
- Lark terminals that begin with a negative lookahead, as names that are not keywords do.
  `without_lookahead` writes them as llguidance's ``/a/ & ~/b/``. xgrammar has no complement and
  reads such terminals as if the lookahead were not there: a larger language, which the counts of
  `grammars.py` show.
- Ignored text in front of the first lexeme: llguidance reads it if told to, xgrammar
  does not.
"""

from __future__ import annotations

import re

from structgen.constraints.gbnf_syntax import (
    Chars,
    Choice,
    Node,
    Ref,
    Repeat,
    Sequence,
    Text,
    parse_gbnf,
)


class DialectError(ValueError):
    """The grammar cannot be said in the dialect."""


def without_undefined(text: str) -> str:
    """A GBNF grammar without the alternatives that need a rule which is not defined. A grammar
    that defines all its rules comes back as it is.

    Raises:
        DialectError: nothing is left of the first rule.
    """
    rules: dict[str, Node | None] = dict(parse_gbnf(text).rules)
    names = {node.name for rule in rules.values() if rule for node in _walk(rule) if _is_ref(node)}
    if names <= rules.keys():
        return text
    # A rule that lost all its alternatives is as good as undefined: until nothing changes.
    changed = True
    while changed:
        pruned = {name: node and _pruned(node, rules) for name, node in rules.items()}
        changed = pruned != rules
        rules = pruned
    first = next(iter(rules))
    if rules[first] is None:
        raise DialectError(f"rule `{first}` derives nothing")
    return "".join(f"{name} ::= {_gbnf(node)}\n" for name, node in rules.items() if node)


def _is_ref(node: Node) -> bool:
    return isinstance(node, Ref)


def _walk(node: Node) -> list[Node]:
    match node:
        case Sequence(parts) | Choice(parts):
            return [node, *(found for part in parts for found in _walk(part))]
        case Repeat(part):
            return [node, *_walk(part)]
        case _:
            return [node]


def _pruned(node: Node, rules: dict[str, Node | None]) -> Node | None:
    """The node without what derives nothing; None if nothing is left."""
    match node:
        case Ref(name):
            return node if rules.get(name) is not None else None
        case Sequence(parts):
            kept = [_pruned(part, rules) for part in parts]
            return None if None in kept else Sequence(tuple(part for part in kept if part))
        case Choice(options):
            left = tuple(found for option in options if (found := _pruned(option, rules)))
            return Choice(left) if left else None
        case Repeat(part, low, high):
            inner = _pruned(part, rules)
            if inner is None:
                return None if low else Text("")
            return Repeat(inner, low, high)
        case _:
            return node


def _gbnf(node: Node) -> str:
    match node:
        case Text(text):
            return f'"{"".join(_char(char, _IN_TEXT) for char in text)}"'
        case Chars((), negated=True):
            return "."
        case Chars(ranges, negated):
            body = "".join(
                _char(chr(low), _IN_CLASS)
                if low == high
                else f"{_char(chr(low), _IN_CLASS)}-{_char(chr(high), _IN_CLASS)}"
                for low, high in ranges
            )
            return f"[{'^' if negated else ''}{body}]"
        case Ref(name):
            return name
        case Sequence(parts):
            return " ".join(_gbnf(part) for part in parts) or '""'
        case Choice(options):
            return f"({' | '.join(_gbnf(option) for option in options)})"
        case Repeat(part, low, high):
            inner = f"({_gbnf(part)})" if isinstance(part, Sequence) else _gbnf(part)
            return f"{inner}{{{low},{'' if high is None else high}}}"


_IN_TEXT = '"\\'
_IN_CLASS = "]^-\\["


def _char(char: str, special: str) -> str:
    code = ord(char)
    if char in special or not char.isprintable():
        return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"
    return char


_IGNORE = re.compile(r"(?m)^[ \t]*%ignore\b")


def for_llguidance(text: str) -> str:
    """A Lark grammar as llguidance reads it.

    Raises:
        DialectError: a lookaround that it cannot say.
    """
    text = without_lookahead(text)
    if _IGNORE.search(text):
        return f'%llguidance {{"allow_initial_skip": true}}\n{text}'
    return text


_LOOKAHEAD = re.compile(r"(?m)^(?P<name>_?[A-Z][A-Z0-9_]*)(?P<colon>[ \t]*:[ \t]*)/\(\?!")
_AROUND = re.compile(r"\(\?<?[=!]")
_FLAGS = re.compile(r"/([imslux]*)[ \t]*(?=\n|$)")


def without_lookahead(text: str) -> str:
    """A Lark grammar whose terminals ``NAME: /(?!K)Y/`` became ``/Y/ & ~/K.../``. The lookahead
    may end in ``\\b``, if all that it looks for ends in a letter, digit or underscore: then it
    forbids only K as a whole word.

    Raises:
        DialectError: a lookaround of another kind.
    """
    parts: list[str] = []
    end = 0
    while found := _LOOKAHEAD.search(text, end):
        inner, body_start = _group(text, found.end())
        body_end = _closing_slash(text, body_start)
        flags = _FLAGS.match(text, body_end)
        if not flags:
            raise DialectError(f"terminal `{found['name']}` is more than one pattern")
        body = text[body_start:body_end]
        if _AROUND.search(body) or _AROUND.search(inner):
            raise DialectError(f"terminal `{found['name']}` has a lookaround inside")
        whole_word = inner.endswith(r"\b")
        # After a whole word, the end or what no word holds; otherwise anything.
        rest = r"(?:[^0-9A-Za-z_](?s:.)*)?" if whole_word else "(?s:.)*"
        forbidden = f"(?:{inner.removesuffix(chr(92) + 'b')}){rest}"
        parts += [text[end : found.start()], found["name"], found["colon"]]
        parts.append(f"/{body}/{flags[1]} & ~/{forbidden}/{flags[1]}")
        end = flags.end()
    return "".join([*parts, text[end:]])


def _group(text: str, start: int) -> tuple[str, int]:
    """What stands in the group that is open at `start`, and where the text goes on after it."""
    depth, i, in_class = 1, start, False
    while i < len(text):
        match text[i]:
            case "\\":
                i += 1
            case "[":
                in_class = True
            case "]":
                in_class = False
            case "(" if not in_class:
                depth += 1
            case ")" if not in_class:
                depth -= 1
                if not depth:
                    return text[start:i], i + 1
            case _:
                pass
        i += 1
    raise DialectError("a group is not closed")


def _closing_slash(text: str, start: int) -> int:
    i = start
    while i < len(text) and text[i] != "/":
        i += 2 if text[i] == "\\" else 1
    return i
