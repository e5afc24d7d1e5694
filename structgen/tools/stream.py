"""Reads a response as it is written: prose, calls, and the arguments of a call as they grow.

Any cut of the text into pieces gives the same concatenated prose and the same calls. A piece of
text is held back only while it might still turn out to begin a marker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum, auto

from structgen.errors import GenerationError
from structgen.tools.formats.protocol import Markup
from structgen.tools.scanner import ObjectScanner
from structgen.tools.types import (
    JSON,
    ArgumentsDelta,
    CallFinished,
    CallStarted,
    TextDelta,
    ToolEvent,
)

BLANKS = " \t\r\n"
_MAX_HEAD = 1000
"""Characters within which the name is looked for as it streams; later it is found at the end."""
_HEAD = re.compile(
    r'\{\s*"name"\s*:\s*(?P<name>"(?:[^"\\]|\\.)*")\s*,\s*"(?P<key>[a-z]+)"\s*:\s*(?=\S)'
)


class _Place(Enum):
    START = auto()  # Nothing but blanks so far (and the opener).
    PROSE = auto()
    ARRAY = auto()  # After the marker, before the array's bracket.
    BETWEEN = auto()  # Inside call markup, before an object.
    CALL = auto()  # Inside the object of a call.
    AFTER = auto()  # After the object of a call.
    CLOSED = auto()  # After an array of calls; only blanks may follow.


class ToolStream:
    """Turns pieces of a response into events.

    Feed text in which special tokens are spelled by their names. Calls may hold any JSON here;
    `structgen.tools.ToolSet` checks them against the tools.
    """

    def __init__(self, markup: Markup) -> None:
        self._markup = markup
        self._place = _Place.PROSE if markup.begin is not None else _Place.START
        self._held = ""
        self._index = -1
        self._object = ""
        self._scanner = ObjectScanner()
        self._inner = ObjectScanner()
        self._name: str | None = None
        self._arguments_at = self._sent = 0
        self._arguments_done = False
        self._prose_seen = False

    def feed(self, text: str) -> list[ToolEvent]:
        """The events that `text` completes.

        Raises:
            GenerationError: the markup of a call is broken.
        """
        self._held += text
        return _merged(self._read(final=False))

    def close(self) -> list[ToolEvent]:
        """The last events, after the response has ended.

        Raises:
            GenerationError: the response ends inside a call.
        """
        events = _merged(self._read(final=True))
        if self._place in (_Place.CALL, _Place.ARRAY) or (
            self._place is _Place.BETWEEN and (self._markup.begin is not None or self._index < 0)
        ):
            raise GenerationError(
                f"the response ends inside tool call {max(self._index, 0)}",
                hint="give the response more tokens",
            )
        return events

    def _read(self, *, final: bool) -> Iterator[ToolEvent]:
        while True:
            before = (self._place, len(self._held))
            match self._place:
                case _Place.START:
                    yield from self._start(final)
                case _Place.PROSE:
                    yield from self._prose(final)
                case _Place.ARRAY:
                    self._array()
                case _Place.BETWEEN:
                    yield from self._between()
                case _Place.CALL:
                    yield from self._call()
                case _Place.AFTER:
                    self._after(final)
                case _Place.CLOSED:
                    self._closed()
            if before == (self._place, len(self._held)):
                return

    def _start(self, final: bool) -> Iterator[ToolEvent]:
        """Bare calls: an object right at the start, perhaps after the opener."""
        bare = self._held.lstrip(BLANKS)
        opener = self._markup.opener
        if opener is not None and bare.startswith(opener):
            self._held, self._place = bare[len(opener) :], _Place.BETWEEN
        elif bare.startswith("{"):
            self._held, self._place = bare, _Place.BETWEEN
        elif opener is not None and opener.startswith(bare) and not final:
            return  # Blanks only, or a beginning of the opener.
        elif bare or final:
            self._place = _Place.PROSE
        yield from ()

    def _prose(self, final: bool) -> Iterator[ToolEvent]:
        begin = self._markup.begin
        if begin is None:
            text, self._held = self._held, ""
        elif (at := self._held.find(begin)) >= 0:
            text, self._held = self._held[:at], self._held[at + len(begin) :]
            self._place = _Place.ARRAY if self._markup.array else _Place.BETWEEN
        else:
            keep = 0 if final else _overlap(self._held, begin)
            cut = len(self._held) - keep
            text, self._held = self._held[:cut], self._held[cut:]
        if self._index >= 0 and not self._prose_seen:
            text = text.lstrip(BLANKS)  # Line ends between two calls are markup, not prose.
        if text:
            self._prose_seen = True
            yield TextDelta(text)

    def _array(self) -> None:
        self._held = self._held.lstrip(BLANKS)
        if not self._held:
            return
        if not self._held.startswith("["):
            raise GenerationError(f"expected `[` after the marker, found {self._held[:20]!r}")
        self._held, self._place = self._held[1:], _Place.BETWEEN

    def _between(self) -> Iterator[ToolEvent]:
        self._held = self._held.lstrip(BLANKS)
        mark = self._markup.arguments_marker
        name: str | None = None
        if mark is not None:
            at = self._held.find(mark)
            if at < 0 and len(self._held) < _MAX_HEAD:
                return
            if at <= 0:
                raise GenerationError(f"expected a name and {mark!r}, found {self._held[:20]!r}")
            name, self._held = self._held[:at].strip(BLANKS), self._held[at + len(mark) :]
        elif not self._held:
            return
        elif not self._held.startswith("{"):
            raise GenerationError(f"expected a call as a JSON object, found {self._held[:20]!r}")
        self._index += 1
        self._object, self._name, self._arguments_done = "", name, False
        self._sent = self._arguments_at = 0
        self._scanner, self._inner = ObjectScanner(), ObjectScanner()
        self._place = _Place.CALL
        if name is not None:
            yield CallStarted(self._index, name)

    def _call(self) -> Iterator[ToolEvent]:
        if not self._object:
            self._held = self._held.lstrip(BLANKS)
            if self._held and not self._held.startswith("{"):
                raise GenerationError(f"expected a JSON object, found {self._held[:20]!r}")
        size, done = 0, False
        for char in self._held:
            size += 1
            if done := self._scanner.feed(char):
                break
        self._object += self._held[:size]
        self._held = self._held[size:]
        yield from self._arguments()
        if done:
            yield from self._finish()

    def _arguments(self) -> Iterator[ToolEvent]:
        """What is new of the arguments, once the name is known."""
        if self._name is None:
            head = _HEAD.match(self._object) if len(self._object) < _MAX_HEAD else None
            if head is None or head["key"] not in self._markup.arguments_keys:
                return
            self._name = json.loads(head["name"])
            self._arguments_at = self._sent = head.end()
            yield CallStarted(self._index, self._name or "")
        if self._arguments_done:
            return
        start = self._sent
        while self._sent < len(self._object) and not self._arguments_done:
            self._arguments_done = self._inner.feed(self._object[self._sent])
            self._sent += 1
        if self._sent > start:
            yield ArgumentsDelta(self._index, self._object[start : self._sent])

    def _finish(self) -> Iterator[ToolEvent]:
        if self._markup.arguments_marker is not None:
            name, text = self._name or "", self._object
            if not isinstance(_loaded(text, self._index), dict):
                raise GenerationError(f"tool call {self._index} (`{name}`) has no arguments object")
            yield CallFinished(self._index, name, text)
            self._place, self._prose_seen = _Place.AFTER, False
            return
        name, arguments = read_call(self._object, self._index, self._markup)
        if self._name is None:
            text = json.dumps(arguments, ensure_ascii=False)
            yield CallStarted(self._index, name)
            yield ArgumentsDelta(self._index, text)
        else:
            text = self._object[self._arguments_at : self._sent]
            if self._name != name or not self._arguments_done or json.loads(text) != arguments:
                raise GenerationError(f"tool call {self._index} repeats a member")
        yield CallFinished(self._index, name, text)
        self._place, self._prose_seen = _Place.AFTER, False

    def _after(self, final: bool) -> None:
        self._held = self._held.lstrip(BLANKS)
        markup = self._markup
        if markup.array:
            if self._held.startswith(","):
                self._held, self._place = self._held[1:], _Place.BETWEEN
            elif self._held.startswith("]"):
                self._held, self._place = self._held[1:], _Place.CLOSED
            elif self._held or final:
                raise GenerationError(
                    f"expected `,` or `]` after a call, found {self._held[:20]!r}"
                )
        elif markup.end is not None:
            if self._held.startswith(markup.end):
                self._held, self._place = self._held[len(markup.end) :], _Place.PROSE
            elif final or not markup.end.startswith(self._held):
                raise GenerationError(
                    f"expected {markup.end!r} after a call, found {self._held[:20]!r}"
                )
        elif markup.begin is not None:
            if self._held.startswith(markup.begin):
                self._held, self._place = self._held[len(markup.begin) :], _Place.BETWEEN
            elif self._held and (final or not markup.begin.startswith(self._held)):
                raise GenerationError(f"expected the end after a call, found {self._held[:20]!r}")
        elif self._held:
            if self._held[0] in markup.separators:
                self._held = self._held[1:]
            elif self._held[0] != "{":
                raise GenerationError(f"expected the end after a call, found {self._held[:20]!r}")
            self._place = _Place.BETWEEN

    def _closed(self) -> None:
        self._held = self._held.lstrip(BLANKS)
        if self._held:
            raise GenerationError(f"expected the end after the calls, found {self._held[:20]!r}")


def read_call(text: str, index: int, markup: Markup) -> tuple[str, dict[str, JSON]]:
    """Name and arguments of the object of one call, its members in any order.

    Raises:
        GenerationError: not JSON, or not a call.
    """
    call = _loaded(text, index)
    if not isinstance(call, dict) or not isinstance(name := call.get("name"), str):
        raise GenerationError(f"tool call {index} has no name: {text[:60]!r}")
    for key in markup.arguments_keys:
        if isinstance(arguments := call.get(key), dict):
            return name, arguments
    raise GenerationError(f"tool call {index} (`{name}`) has no arguments object")


def _loaded(text: str, index: int) -> JSON:
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GenerationError(f"tool call {index} is not JSON: {error}") from error
    return value


def _overlap(text: str, begin: str) -> int:
    """Length of the longest end of `text` that is a proper beginning of `begin`."""
    for size in range(min(len(text), len(begin) - 1), 0, -1):
        if begin.startswith(text[-size:]):
            return size
    return 0


def _merged(events: Iterator[ToolEvent]) -> list[ToolEvent]:
    """The events, neighbouring prose joined."""
    merged: list[ToolEvent] = []
    for event in events:
        if isinstance(event, TextDelta) and merged and isinstance(merged[-1], TextDelta):
            merged[-1] = TextDelta(merged[-1].text + event.text)
        else:
            merged.append(event)
    return merged
