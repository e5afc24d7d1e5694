"""`timeout`: a generation that ends when its time on the clock is over, wherever it is.

Three things look at the clock. A timer cancels the `CancelToken` under which the constraint is
read, compiled and asked for masks, so that native work stops within some milliseconds. The model is
wrapped, so that no forward pass begins after the time is over, whichever sampler drives it. And
what the wrapped model has been told of is the text so far, which the error keeps.

A forward pass, or a Python predicate, that has begun is not interrupted.
"""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from structgen._core import CancelToken, Limits, Vocabulary
from structgen.errors import Cancelled, GenerationTimeout
from structgen.models import LanguageModel, Message, Session, TokenTree

_POLL_SECONDS = 0.004
"""How often a caller's own token is looked at, which ours stands in for: cancelled work ends within
10 ms."""


class Deadline:
    """The end of one generation's time. Always `stop` it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._done = threading.Event()

    @property
    def left(self) -> float:
        """Seconds that are left, below 0 if it is over."""
        return self._end - time.monotonic()

    def arm(self, token: CancelToken, outer: CancelToken | None) -> None:
        """Cancel `token` when the time is over, or `outer` is cancelled."""

        def watch() -> None:
            while (left := self.left) > 0:
                if self._done.wait(left if outer is None else min(left, _POLL_SECONDS)):
                    return
                if outer is not None and outer.cancelled:
                    break
            token.cancel()

        # `Thread.start` waits until the new thread has run: 5 to 15 ms on a loaded machine.
        _thread.start_new_thread(watch, ())

    def stop(self) -> None:
        """The generation has ended: cancel nothing any more."""
        self._done.set()

    def check(self, text: str = "") -> None:
        """Raise `GenerationTimeout` if the time is over."""
        if self.left <= 0:
            raise self.error(text)

    def error(self, text: str = "") -> GenerationTimeout:
        """What to raise when the time is over."""
        return GenerationTimeout(
            f"the generation was not done after `timeout` = {self.seconds:g} seconds",
            timeout=self.seconds,
            text=text,
            hint="`text` holds what was written until then",
        )

    @contextmanager
    def kept(self, model: TimedModel | None = None) -> Generator[None]:
        """Work that the token cancels ends in `GenerationTimeout`."""
        try:
            yield
        except Cancelled:
            if self.left > 0:  # somebody else cancelled
                raise
            raise self.error(model.text() if model is not None else "") from None


def with_token(limits: Limits | None, token: CancelToken) -> Limits:
    """`limits` that `token` can cancel."""
    given = Limits() if limits is None else limits
    names = [name for name in dir(given) if not name.startswith("_")]
    budgets: dict[str, Any] = {name: getattr(given, name) for name in names}
    budgets["cancel"] = token
    return Limits(**budgets)


class TimedModel:
    """`model`, whose sessions begin no forward pass when the time is over. A `LanguageModel`."""

    def __init__(self, model: LanguageModel, deadline: Deadline) -> None:
        self._model = model
        self._deadline = deadline
        self.written: list[int] = []

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self._model.vocabulary

    def encode(self, text: str, /) -> list[int]:
        """As the model encodes."""
        return self._model.encode(text)

    def decode(self, token_ids: Sequence[int], /) -> str:
        """As the model decodes."""
        return self._model.decode(token_ids)

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """As the model reads prompts."""
        return self._model.prompt_ids(prompt, tools=tools)

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> Session:
        """A session that looks at the clock."""
        self.check()
        self.written = []
        return _TimedSession(self, self._model.start(prompt_ids, rows=rows))

    def text(self) -> str:
        """What one sequence has written so far; of several, nothing."""
        return self._model.decode(self.written)

    def check(self) -> None:
        """Raise `GenerationTimeout` if the time is over."""
        if self._deadline.left <= 0:
            raise self._deadline.error(self.text())


class _TimedSession:
    """A session of the model; notes what its only row commits."""

    def __init__(self, model: TimedModel, session: Session) -> None:
        self._model = model
        self._session = session
        self._trees: Sequence[TokenTree] = ()

    @property
    def rows(self) -> int:
        return self._session.rows

    @property
    def forwards(self) -> int:
        return self._session.forwards

    def logits(self) -> npt.NDArray[np.float32]:
        return self._session.logits()

    def append(self, token_ids: Sequence[int | None], /) -> None:
        self._note([token for token in token_ids if token is not None])
        self._model.check()
        self._session.append(token_ids)

    def select(self, rows: Sequence[int], /) -> None:
        self._session.select(rows)

    def expand(self, trees: Sequence[TokenTree], /) -> list[npt.NDArray[np.float32]]:
        self._model.check()
        self._trees = trees
        return self._session.expand(trees)

    def commit(self, paths: Sequence[Sequence[int]], /) -> None:
        if len(paths) == 1:
            self._note([self._trees[0].tokens[node] for node in paths[0]])
        self._session.commit(paths)

    def _note(self, tokens: Sequence[int]) -> None:
        if self.rows == 1:
            self._model.written.extend(tokens)
