"""Finds the end of a JSON object in text that arrives in pieces, in O(1) per character."""

from __future__ import annotations


class ObjectScanner:
    """Tracks nesting from an opening brace on; knows nothing else of JSON.

    `feed` is given the characters from the first ``{`` on. Validity is judged later, by a JSON
    parser, on the complete text.
    """

    __slots__ = ("_depth", "_escaped", "_in_string")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def depth(self) -> int:
        """Open brackets so far: 1 inside the outermost object."""
        return self._depth

    def feed(self, char: str) -> bool:
        """Take one character; True if it closes the outermost object."""
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif char == "\\":
                self._escaped = True
            elif char == '"':
                self._in_string = False
            return False
        if char == '"':
            self._in_string = True
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1
            return self._depth == 0
        return False
