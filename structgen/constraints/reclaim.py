"""Giving back what a reader of a large source has made, without letting the caller wait.

A grammar of a megabyte is a million Python objects on its way to the core. Two things then happen
at no moment of ours: a garbage collection looks at every object of the process, for up to 0.2 s,
and when the reader has ended, or has given up, freeing its objects takes a tenth of the time that
it took. No budget and no cancel token is heeded in either.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from types import TracebackType
from typing import Any

from structgen.errors import StructgenError

_AT_ONCE = 0.005
"""Seconds of work whose remains are given back by who did it: in a tenth of that."""

_HEAD_START = 0.01
"""Seconds before the remains are given back."""


class _Collections:
    """Collections of the process, off while somebody needs them to be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._enabled = False

    def pause(self) -> None:
        with self._lock:
            if self._users == 0:
                self._enabled = gc.isenabled()
                gc.disable()
            self._users += 1

    def resume(self) -> None:
        with self._lock:
            if self._users == 0:  # paused in another process, of which this is a fork
                return
            self._users -= 1
            if self._users == 0 and self._enabled:
                gc.enable()

    def forked(self) -> None:
        """In the child no thread is left that would resume them."""
        if self._users and self._enabled:
            gc.enable()
        self.__init__()


_collections = _Collections()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_collections.forked)


class Ended(BaseException):
    """Ends foreign code, which may catch any `Exception`, for an error of ours."""


class Reclaimed:
    """A reader's work: without collections, and what was made in it is given back in a thread of
    its own: what is in `remains` then, and the frames in which an error of ours was raised, which
    are left out of its traceback. Errors of foreign code keep theirs."""

    def __init__(self, remains: list[object]) -> None:
        self._remains = remains
        self._begun = 0.0

    def __enter__(self) -> Reclaimed:
        _collections.pause()
        self._begun = time.thread_time()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        remains = self._remains.copy()
        self._remains.clear()
        if time.thread_time() - self._begun > _AT_ONCE:
            if isinstance(error, StructgenError | Ended):
                remains.extend(_tracebacks(error))
                # The frame of `__exit__` holds one, too.
                del traceback
            try:
                threading.Thread(target=_give_back, args=(remains,), daemon=True).start()
            except RuntimeError:  # no more threads, or the interpreter ends
                pass
            else:
                return
        _collections.resume()


def _tracebacks(error: BaseException | None) -> list[TracebackType]:
    """Taken off the error and off those that it was raised beside."""
    found: list[TracebackType] = []
    while error is not None:
        if error.__traceback__ is not None:
            found.append(error.__traceback__)
            error.__traceback__ = None
        beside = error.__cause__ or error.__context__
        error.__cause__ = error.__context__ = None
        error = beside
    return found


def _give_back(remains: list[object]) -> None:
    # Freeing holds the GIL: first the caller gets its answer.
    time.sleep(_HEAD_START)
    try:
        remains.clear()
    finally:
        _collections.resume()
