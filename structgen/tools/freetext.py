"""Text that contains none of some markers, as a plain regular expression.

A response may talk freely until a tool call begins. "Freely" must mean "without the marker that
begins a call", or a parser would find a call where the constraint saw prose. The language is
regular: it is what the Aho-Corasick automaton of the markers accepts when its matching states
are removed (for one marker: Knuth-Morris-Pratt). State elimination turns that automaton into a
pattern without lookaround, so that any regex engine, ours included, can run it.

Aho, Corasick: Efficient string matching (CACM 18:6, 1975). State elimination: Brzozowski,
McCluskey (IEEE Trans. EC-12, 1963).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache

from structgen.errors import ConstraintError

MAX_MARKER_CHARS = 64
"""Sum of the lengths of all markers; the pattern grows with its square."""


def text_without(markers: Sequence[str]) -> str:
    """A pattern matching, in full, exactly the strings in which no marker occurs.

    Cost: O(n^2) characters of pattern for n marker characters; cached.

    Raises:
        ConstraintError: an empty marker, or markers longer than `MAX_MARKER_CHARS` together.
    """
    return _text_without(tuple(sorted(set(markers))))


def text_not_starting_with(characters: str, *, blank: str = " \t\r\n") -> str:
    """A pattern for texts whose first character outside `blank` is none of `characters`.

    Texts of blanks only (the empty text too) are included.
    """
    space = _class(blank, negate=False)
    other = _class(blank + characters, negate=True)
    return rf"{space}*(?:{other}[\s\S]*)?"


@lru_cache(maxsize=64)
def _text_without(markers: tuple[str, ...]) -> str:
    if any(not marker for marker in markers):
        raise ConstraintError("a marker must not be empty: every text contains the empty text")
    if sum(len(marker) for marker in markers) > MAX_MARKER_CHARS:
        raise ConstraintError(
            f"markers have {sum(map(len, markers))} characters together, "
            f"the limit is {MAX_MARKER_CHARS}"
        )
    if not markers:
        return r"[\s\S]*"
    return _eliminate(_live_automaton(markers))


def _live_automaton(markers: Iterable[str]) -> list[dict[int, str]]:
    """``edges[i][j]`` is the pattern of the single characters leading from state i to state j.

    States are the nodes of the markers' trie that contain no marker; state 0 is the root. All
    states accept.
    """
    children: list[dict[str, int]] = [{}]
    dead = [False]
    for marker in markers:
        node = 0
        for char in marker:
            if char not in children[node]:
                children[node][char] = len(children)
                children.append({})
                dead.append(False)
            node = children[node][char]
        dead[node] = True

    step: list[dict[str, int]] = [{} for _ in children]
    fail = [0] * len(children)
    queue = deque([0])
    while queue:
        node = queue.popleft()
        # Characters in no transition of a node lead to the root.
        step[node] = {**(step[fail[node]] if node else {}), **children[node]}
        for char, child in children[node].items():
            fail[child] = step[fail[node]].get(char, 0) if node else 0
            dead[child] = dead[child] or dead[fail[child]]
            queue.append(child)

    live = [node for node in range(len(children)) if not dead[node]]
    number = {node: index for index, node in enumerate(live)}
    edges: list[dict[int, str]] = []
    for node in live:
        by_target: dict[int, str] = {}
        for char, target in step[node].items():
            if target and not dead[target]:
                by_target[target] = by_target.get(target, "") + char
        away = "".join(char for char, target in step[node].items() if target)
        row = {number[target]: _class(chars, negate=False) for target, chars in by_target.items()}
        row[0] = _class(away, negate=True)
        edges.append(row)
    return edges


def _eliminate(edges: list[dict[int, str]]) -> str:
    """The pattern of all paths from state 0, given that every state accepts.

    States are removed from the deepest to the shallowest, so that most detours stay short.
    """
    tails: list[list[str]] = [[] for _ in edges]  # Non-empty ways to end the text from a state.
    for gone in range(len(edges) - 1, 0, -1):
        row = edges[gone]
        loop = _star(row.pop(gone, None))
        end = _optional(tails[gone])
        for source in range(gone):
            way_in = edges[source].pop(gone, None)
            if way_in is None:
                continue
            stay = f"{_group(way_in)}{loop}"
            for target, out in row.items():
                detour = f"{stay}{_group(out)}"
                known = edges[source].get(target)
                edges[source][target] = detour if known is None else f"{known}|{detour}"
            tails[source].append(f"{stay}{end}")
    return f"{_star(edges[0].get(0))}{_optional(tails[0])}"


def _optional(tails: Sequence[str]) -> str:
    return f"(?:{'|'.join(tails)})?" if tails else ""


def _star(pattern: str | None) -> str:
    return "" if pattern is None else f"(?:{pattern})*"


def _group(pattern: str) -> str:
    return f"(?:{pattern})" if "|" in pattern else pattern


def _class(characters: str, *, negate: bool) -> str:
    """A character class; the complement of no character is any character."""
    if not characters:
        return r"[\s\S]" if negate else r"[^\s\S]"
    inside = "".join(_escape(char) for char in sorted(set(characters)))
    return f"[{'^' if negate else ''}{inside}]"


def _escape(char: str) -> str:
    return rf"\x{ord(char):02x}" if ord(char) < 0x20 else re.escape(char)
