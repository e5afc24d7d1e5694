"""Reads what a docstring says of a function and of its parameters.

Four styles are in use, and mixed: Google's sections (``Args:`` and an indented list), NumPy's
(``Parameters`` underlined with dashes), fields of Sphinx (``:param city: ...``) and of epydoc
(``@param city: ...``). What is said of parameters goes to them; of the other sections (returns,
exceptions, examples) a model that calls the function needs nothing; the rest is the description.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_PARAMETERS = frozenset(
    {
        *("args", "arguments", "params", "parameters", "keyword args", "keyword arguments"),
        *("other parameters", "attributes"),
    }
)
_OTHERS = frozenset(
    {
        *("returns", "return", "yields", "yield", "receives", "raises", "raise", "except"),
        *("exceptions", "warns", "example", "examples", "note", "notes", "references"),
        *("see also", "todo", "methods", "usage"),
    }
)
_GOOGLE_HEADING = re.compile(r"^(?P<title>[A-Za-z][A-Za-z ]*):\s*$")
_RULE = re.compile(r"^[-=~]{3,}\s*$")
_FIELD = re.compile(r"^[:@](?P<kind>[a-z]+)(?:\s+(?P<subject>[^:]*))?:(?:\s+(?P<text>.*))?$")
_PARAMETER_FIELDS = ("param", "parameter", "arg", "argument", "key", "keyword", "kwarg")
_OTHER_FIELDS = (
    *("type", "return", "returns", "rtype", "raise", "raises", "except", "exception", "yield"),
    *("yields", "ytype", "var", "ivar", "cvar", "meta", "note", "see", "since", "todo"),
)
_NAMES = r"\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*"
_GOOGLE_ENTRY = re.compile(
    rf"^(?:[-*\u2022]\s+)?`{{0,2}}(?P<names>{_NAMES})`{{0,2}}(?:\s*\(.*?\))?\s*:(?:\s+(?P<text>.*))?$"
)
_NUMPY_ENTRY = re.compile(rf"^(?P<names>{_NAMES})\s*(?::(?:\s.*)?)?$")


def read_docstring(doc: str, parameters: Collection[str]) -> tuple[str, dict[str, str]]:
    """The description in the cleaned docstring `doc`, and what it says of each of `parameters`.

    >>> read_docstring("Add.\\n\\nArgs:\\n    a (int): one number.", ["a", "b"])
    ('Add.', {'a': 'one number.'})
    """
    return _Reader(doc, parameters).read()


class _Reader:
    """One docstring, line by line; each method takes one construct from `_at` on."""

    def __init__(self, doc: str, parameters: Collection[str]) -> None:
        self._lines = doc.expandtabs().splitlines()
        self._parameters = frozenset(parameters)
        self._at = 0
        self._description: list[str] = []
        self._told: dict[str, list[str]] = {}

    def read(self) -> tuple[str, dict[str, str]]:
        while self._at < len(self._lines):
            if not (self._field() or self._numpy_section() or self._google_section()):
                self._description.append(self._lines[self._at])
                self._at += 1
        told = {name: " ".join(lines).strip() for name, lines in self._told.items()}
        # Sections that were taken out leave several empty lines.
        description = re.sub(r"\n\s*\n\s*\n+", "\n\n", "\n".join(self._description)).strip()
        return description, {name: text for name, text in told.items() if text}

    def _field(self) -> bool:
        """``:param name: text`` or ``@param name: text``, and its deeper lines."""
        line = self._lines[self._at]
        indent = _indent(line)
        found = _FIELD.match(line.strip())
        if found is None or found["kind"] not in (*_PARAMETER_FIELDS, *_OTHER_FIELDS):
            return False
        body = [found["text"] or ""]
        self._at += 1
        while self._at < len(self._lines) and (
            _indent(self._lines[self._at]) > indent or self._is_blank_inside(indent)
        ):
            body.append(self._lines[self._at])
            self._at += 1
        if found["kind"] in _PARAMETER_FIELDS and found["subject"]:
            self._tell(found["subject"].split()[-1], body)  # a type may stand before the name
        return True

    def _is_blank_inside(self, indent: int) -> bool:
        """Whether an empty line is followed by a deeper one."""
        if self._lines[self._at].strip():
            return False
        after = next((line for line in self._lines[self._at :] if line.strip()), "")
        return _indent(after) > indent

    def _numpy_section(self) -> bool:
        """A title, a rule of dashes, and lines up to the next title."""
        title = self._title(self._lines[self._at].strip().rstrip(":"))
        if title is None or not _RULE.match(self._next_line().strip()):
            return False
        indent = _indent(self._lines[self._at])
        self._at += 2
        body: list[str] = []
        while self._at < len(self._lines) and not _RULE.match(self._next_line().strip()):
            line = self._lines[self._at]
            if line.strip() and _indent(line) < indent:
                break
            body.append(line)
            self._at += 1
        if title in _PARAMETERS:
            self._entries(body, _NUMPY_ENTRY)
        return True

    def _google_section(self) -> bool:
        """A title with a colon, and deeper lines."""
        line = self._lines[self._at]
        heading = _GOOGLE_HEADING.match(line.strip())
        title = heading and self._title(heading["title"])
        if not title:
            return False
        indent = _indent(line)
        self._at += 1
        body: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            flat = _indent(line) <= indent and bool(line.strip())
            # Some write the list without indentation.
            if flat and not (title in _PARAMETERS and self._names_of(line, _GOOGLE_ENTRY)):
                break
            body.append(line)
            self._at += 1
        if title in _PARAMETERS:
            self._entries(body, _GOOGLE_ENTRY)
        return True

    def _entries(self, body: Sequence[str], pattern: re.Pattern[str]) -> None:
        """A list of parameters, each with its own and deeper lines."""
        base = min((_indent(line) for line in body if line.strip()), default=0)
        current: list[str] = []
        for line in body:
            # One blank too many is a slip; a text is indented by more.
            names = self._names_of(line, pattern) if _indent(line) <= base + 1 else []
            if names:
                found = pattern.match(line.strip())
                text = found.groupdict().get("text") if found else None
                current = [text or ""]
                for name in names:
                    self._told.setdefault(name, current)
            elif _indent(line) > base:
                current.append(line.strip())
            elif line.strip():
                current = []  # an entry of something that is no parameter

    def _names_of(self, line: str, pattern: re.Pattern[str]) -> list[str]:
        """The parameters that `line` begins to describe."""
        found = pattern.match(line.strip())
        names = re.split(r"\s*,\s*", found["names"]) if found else []
        return [bare for name in names if (bare := name.lstrip("*")) in self._parameters]

    def _tell(self, name: str, lines: Sequence[str]) -> None:
        bare = name.lstrip("*").strip("`")
        if bare in self._parameters:
            self._told.setdefault(bare, [line.strip() for line in lines])

    def _title(self, text: str) -> str | None:
        title = text.lower()
        return title if title in _PARAMETERS or title in _OTHERS else None

    def _next_line(self) -> str:
        return self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""


def _indent(line: str) -> int:
    """Blanks before the text; none for an empty line."""
    return len(line) - len(line.lstrip()) if line.strip() else 0
