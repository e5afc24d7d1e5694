"""Budgets of what is done in Python before the core sees a source.

The core looks at its own clock. What comes before it (a dict that is written as JSON, a grammar
that lark loads) takes its time from the same budget, `Limits.compile_ms` of the thread's processor
time, and heeds the same token.
"""

from __future__ import annotations

import gc
import inspect
import sys
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import cast

from structgen._core import Limits
from structgen.constraints.reclaim import Ended, Reclaimed
from structgen.errors import Cancelled, LimitExceeded, StructgenError

_CALLS = 2_000
"""Calls of Python functions between two looks at the clock: some tenths of a millisecond."""

_TICKS = 500
"""Steps of our own readers between two looks at the clock: some tenths of a millisecond."""

_WEIGHT = 4_000
"""Values that are written at once: some tenths of a millisecond."""

_LETTERS = 100
"""Letters of a text that are written in the time of a value."""

_DEFAULT = Limits()


class Pace:
    """How long one constraint has been worked on, under `limits`."""

    def __init__(self, limits: Limits | None) -> None:
        self._limits = _DEFAULT if limits is None else limits
        self._given = limits is not None
        self._begun = time.thread_time()
        self._ticks = 0
        self.remains: list[object] = []
        """What a reader leaves behind, for who gives it back."""

    @property
    def spent_ms(self) -> float:
        """Processor time of this thread since the work began."""
        return (time.thread_time() - self._begun) * 1e3

    def look(self) -> None:
        """Raises `LimitExceeded` or `Cancelled` where the work has to end."""
        cancel = self._limits.cancel
        if cancel is not None and cancel.cancelled:
            raise Cancelled("the work was cancelled")
        allowed = self._limits.compile_ms
        if self.spent_ms > allowed:
            raise LimitExceeded(
                f"limit `compile_ms` reached: it took more than {allowed} ms",
                name="compile_ms",
                limit=allowed,
            )

    def tick(self, letters: int = 0) -> None:
        """One step of a reader of ours, which has read so many letters at once; looks around after
        some hundreds of steps."""
        self._ticks += 1 + letters // _LETTERS
        if self._ticks >= _TICKS:
            self._ticks = 0
            self.look()

    @contextmanager
    def watching(self, *, large: bool = False) -> Generator[None]:
        """Looks around while foreign Python code runs, which does not: whenever it has called some
        thousands of functions. A profiler that is at work goes without these calls.

        That makes lark and pydantic take twice as long, so it is done only where limits were given
        or the source is `large`; else the time is looked at when the code has run.
        """
        if not (large or self._given):
            yield
            self.look()
            return
        watcher = _caller(2)  # of this generator, and of the manager that it is made into
        calls = 0
        stopped: StructgenError | None = None

        def called(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls, stopped
            calls += 1
            if calls < _CALLS:
                return
            calls = 0
            try:
                self.look()
            except StructgenError as error:
                # A profiler that has raised is called no more, so what it raises must not get
                # lost: such a frame is left first.
                if not _drops_errors(frame, watcher):
                    # Its traceback refers to this frame, and that to all that it is called by.
                    stopped = error.with_traceback(None)
                    raise Ended from None

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            with Reclaimed(self.remains):
                yield
        except (Ended, Exception):
            # pydantic's core raises an error of its own in place of what its callbacks raise.
            if stopped is None:
                raise
        finally:
            sys.setprofile(before)
        if stopped is not None:
            raise stopped

    def json_text(self, value: object, dumps: Callable[[object], str]) -> str:
        """What `dumps`, a form of `json.dumps` without white space, writes, in pieces if it is
        large and somebody set limits. In the default time a hundred megabytes are written, and
        the core looks when it has them."""
        if not self._given or _weight(value) <= _WEIGHT:
            return dumps(value)
        out: list[str] = []
        with Reclaimed(self.remains):
            self._write(value, dumps, out)
            return "".join(out)

    def _write(self, value: object, dumps: Callable[[object], str], out: list[str]) -> None:
        self.look()
        if type(value) is dict:
            members = cast("dict[object, object]", value)
            self._write_all("{}", iter(members.items()), _member, dumps, out)
        elif type(value) in (list, tuple):
            elements = ((None, element) for element in cast("list[object]", value))
            self._write_all("[]", elements, _element, dumps, out)
        else:
            out.append(dumps(value))

    def _write_all(
        self,
        brackets: str,
        parts: Iterator[tuple[object, object]],
        gather: Callable[[list[tuple[object, object]]], object],
        dumps: Callable[[object], str],
        out: list[str],
    ) -> None:
        """A container: runs of small parts together, large ones each by itself."""
        run: list[tuple[object, object]] = []
        weight = 0
        begun = len(out)
        out.append(brackets[0])

        def flush() -> None:
            nonlocal run, weight
            if run:
                out.append(("," if len(out) > begun + 1 else "") + dumps(gather(run))[1:-1])
                run, weight = [], 0
                self.look()

        for key, part in parts:
            heavy = _weight(part)
            if heavy > _WEIGHT and type(part) in (dict, list, tuple):
                flush()
                comma = "," if len(out) > begun + 1 else ""
                # `{"key":0}` without what is not the key and its colon.
                out.append(comma + dumps(gather([(key, 0)]))[1:-2])
                self._write(part, dumps, out)
                continue
            run.append((key, part))
            weight += heavy
            if weight > _WEIGHT:
                flush()
        flush()
        out.append(brackets[1])


_IMPORT = "<frozen importlib"


def _caller(levels: int) -> FrameType | None:
    """The frame so many levels below that of the function which asks."""
    frame = inspect.currentframe()
    for _ in range(levels + 1):
        frame = frame.f_back if frame else None
    return frame


def _drops_errors(frame: FrameType | None, watcher: FrameType | None) -> bool:
    """Whether `frame`, called by `watcher`, runs inside a finaliser or a callback of the garbage
    collector, whose errors Python prints and forgets, or inside an import, which clears its locks
    in such callbacks."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None and frame is not watcher:
        code = frame.f_code
        if code in callbacks or code.co_name == "__del__" or code.co_filename.startswith(_IMPORT):
            return True
        frame = frame.f_back
    return False


def _member(run: list[tuple[object, object]]) -> object:
    return dict(run)


def _element(run: list[tuple[object, object]]) -> object:
    return [part for _, part in run]


def _weight(value: object) -> int:
    """Values inside `value`, counted as far as `_WEIGHT`."""
    if isinstance(value, str):
        return 1 + len(value) // _LETTERS
    weight = letters = 0
    containers = [value]
    # The list grows meanwhile.
    for container in containers:
        parts: Collection[object] = ()
        if type(container) is dict:
            members = cast("dict[object, object]", container)
            parts = members.values()
            weight += len(members)
        elif type(container) in (list, tuple):
            parts = cast("list[object]", container)
        weight += 1 + len(parts)
        # A container counts before its parts are looked at: a large one is never copied.
        if weight + letters // _LETTERS > _WEIGHT:
            break
        for part in parts:
            kind = type(part)
            if kind is str:
                letters += len(cast("str", part))
            elif kind is dict or kind is list or kind is tuple:
                containers.append(part)
    return weight + letters // _LETTERS
