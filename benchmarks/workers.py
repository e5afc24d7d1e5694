"""Engines in processes of their own: one that crashes or hangs is counted and started again."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

MEMORY = 16 << 30
"""Address space of a worker, in bytes; an engine that wants more fails alone."""

_START_SECONDS = 300


class WorkerLostError(Exception):
    """The engine took longer than its time, or its process died; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Worker:
    """A process that makes a judge by `setup(*args)` once and then applies it to what it is asked.

    `setup` and its arguments are pickled; only one request is under way at a time.
    """

    def __init__(
        self, name: str, setup: Callable[..., Callable[[Any], Any]], *args: Any, timeout: float
    ) -> None:
        self.name = name
        self._setup, self._args, self._timeout = setup, args, timeout
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._setup, self._args), daemon=True
        )
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_START_SECONDS):
            raise RuntimeError(f"{self.name} did not start")
        self._pipe.recv()

    def ask(self, request: Any) -> Any:
        """The judge's answer.

        Raises:
            WorkerLostError: no answer in time, or none at all; the next request goes to a new
                process.
        """
        try:
            self._pipe.send(request)
            if self._pipe.poll(self._timeout):
                return self._pipe.recv()
            reason = "timeout"
        except (EOFError, OSError):
            reason = "crash"
        self.stop()
        self._start()
        raise WorkerLostError(reason)

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, setup: Callable[..., Callable[[Any], Any]], args: Any) -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    judge = setup(*args)
    pipe.send("ready")
    while True:
        try:
            request = pipe.recv()
        except EOFError:  # the run is over
            return
        pipe.send(judge(request))
