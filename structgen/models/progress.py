"""A progress line on standard error, for people who watch; silent where nobody does."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

_BAR = 24

_allowed = True


def allow(allowed: bool) -> None:
    """Whether this process may show progress at all (``structgen --quiet``)."""
    global _allowed
    _allowed = allowed


def watched() -> bool:
    """Whether somebody watches: standard error is a terminal, and progress is allowed."""
    return _allowed and sys.stderr.isatty()


class Progress:
    """Shows one task after the other, on one line.

        with Progress() as progress:
            progress.task("Fetching", lambda: done_bytes / all_bytes)

    `fraction` is asked from a thread a few times a second; None stands for "not known".
    """

    def __init__(self, *, enabled: bool | None = None) -> None:
        self._stream = sys.stderr
        self._enabled = watched() if enabled is None else enabled
        self._label = ""
        self._fraction: Callable[[], float | None] = lambda: None
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._width = 0

    def task(self, label: str, fraction: Callable[[], float | None] = lambda: None) -> None:
        """The next task."""
        self._label, self._fraction = label, fraction
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if self._enabled:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._write("")

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self._write(self.line())

    def line(self) -> str:
        """What is shown now."""
        if not self._label:
            return ""
        seconds = time.monotonic() - self._began
        try:
            fraction = self._fraction()
        except OSError:  # a file that was being watched moved
            fraction = None
        if fraction is None:
            return f"{self._label} ({seconds:.0f} s)"
        fraction = min(max(fraction, 0.0), 1.0)
        full = round(_BAR * fraction)
        bar = "#" * full + "-" * (_BAR - full)
        return f"{self._label} [{bar}] {fraction:4.0%} ({seconds:.0f} s)"

    def _write(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        self._stream.flush()
        self._width = len(text)
