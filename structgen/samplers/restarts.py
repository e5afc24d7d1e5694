"""Restarting sequences that fail, and the weight of the one that does not.

A sequence fails where no token may follow, or where the budget ends before the text is complete;
only constraints that do not close (`structgen.samplers.walk`) have such sequences. Attempts are
independent and equal in law: an attempt completes with probability s, and then has the text X and
the weight W with ``E[W * 1{X = x} * 1{completes}] = gamma(x)``. So ``gamma(x) / s`` is what a text
that is drawn *until it completes* is weighted for, and s is not known. Two answers:

* ``"completion"``: the weight is W and says that it is conditional on completion
  (`Ledger.conditional`). It is right for comparing, averaging and choosing texts of one prompt and
  one constraint; its mean is ``P(L) / s``, not ``P(L)``. Free.

* ``"unbiased"``: the attempts go on, silently, to the *second* that completes, the N-th in all.
  For a share s, ``E[1 / (N - 1)] = s`` (Haldane, *Biometrika* 33:222, 1945), and N is independent
  of the first (X, W). So ``w = W / (N - 1)`` is proper: ``E[w * 1{X = x}] = gamma(x)``. With at
  most M attempts, of which only one completes, ``w = W / M``; with none, 0. It stays proper:

      sum_{N <= M} (N-1) s^2 q^(N-2) / (N-1)  +  M s q^(M-1) / M
          = s (1 - q^(M-1)) + s q^(M-1) = s,          q = 1 - s.

  It costs ``1/s`` attempts more. (From the first success alone no function f of its number K but
  ``1{K = 1}`` is unbiased: ``sum_k f(k) s q^(k-1) = s`` for all s has no other solution. To divide
  by K overestimates s by the factor ``-ln(s) / (1 - s)``.)

With M = 1 both are the same and unbiased: a failure counts as weight 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NoReturn

from structgen.errors import DeadEnd, TokenBudgetError
from structgen.samplers.walk import Walk, WalkConfig
from structgen.types import Ledger

RestartWeights = Literal["completion", "unbiased"]
"""What the weight of a restarted sequence is conditional on: its completion, or nothing."""

DeadEnds = Literal["raise", "keep"]
"""What becomes of a sequence none of whose attempts completed."""

DEFAULT_RETRIES = 8
"""Restarts that a sequence has by default, whatever its attempts cost."""

MOST_SHORT_ATTEMPTS = 128
"""Attempts that a sequence has by default as long as they are short: where one in 12 completes, all
of them fail once in 70,000 times, and 9 attempts once in two."""


def begin_attempts(
    rows: int,
    config: WalkConfig,
    *,
    max_retries: int | None,
    weights: RestartWeights,
    dead_ends: DeadEnds,
) -> list[Attempts]:
    """The attempts at `rows` sequences, none of which has been made.

    `max_retries` None stands for none where failures are kept, else for `DEFAULT_RETRIES`, and for
    more up to `MOST_SHORT_ATTEMPTS` as long as all attempts at a sequence have drawn fewer tokens
    than `DEFAULT_RETRIES` + 1 of full length would. Only attempts that have ended decide whether
    another is begun, so the law of the text that completes is the same. With
    ``weights="unbiased"`` the greatest number of attempts is a part of the weight, and is fixed.
    Greedy decoding would fail again in the same way.

    Raises:
        ValueError: `max_retries` is negative, or `weights` is unknown.
    """
    if weights not in ("completion", "unbiased"):
        raise ValueError(f'`restart_weights` is "completion" or "unbiased", given {weights!r}')
    if max_retries is not None and max_retries < 0:
        raise ValueError(f"`max_retries` must be at least 0, given {max_retries}")
    if config.params.greedy or (max_retries is None and dead_ends == "keep"):
        max_retries = 0
    most = 1 + (DEFAULT_RETRIES if max_retries is None else max_retries)
    tokens = 0
    if max_retries is None and weights == "completion":
        tokens = most * config.max_tokens
    return [Attempts(most, weights, tokens) for _ in range(rows)]


class Attempts:
    """The attempts at one sequence, `most`, or more until `tokens` are drawn: `begin_attempts`."""

    __slots__ = ("_first", "_last", "_tokens", "_weights", "completed", "count", "most")

    def __init__(self, most: int, weights: RestartWeights, tokens: int = 0) -> None:
        self.most = most
        self._tokens = tokens
        self.count = 0
        self.completed = 0
        self._weights: RestartWeights = weights
        self._first: Walk | None = None
        self._last: Walk | None = None

    @property
    def settled(self) -> bool:
        """Whether the text is drawn; what follows only measures how likely attempts complete."""
        return self._first is not None

    def record(self, walk: Walk) -> bool:
        """Count an attempt that has ended; whether another is wanted."""
        self.count += 1
        self._tokens -= walk.position
        self._last = walk
        if walk.log_w > -math.inf:
            self.completed += 1
            if self._first is None:
                self._first = walk
            if walk.cannot_fail or self._weights == "completion" or self.completed == 2:
                return False
        elif walk.hopeless:
            return False
        patient = self._tokens > 0 and self.count < MOST_SHORT_ATTEMPTS
        return patient or self.count < self.most

    def ledger(
        self, decode: Callable[[Sequence[int]], str], dead_ends: DeadEnds = "keep"
    ) -> Ledger:
        """The first text that completed with its weight, or else the last that did not.

        Raises:
            DeadEnd, TokenBudgetError: none completed, and `dead_ends` says ``"raise"``.
        """
        if self._first is None:
            if self._last is None:
                raise ValueError("no attempt was made")
            if dead_ends == "raise":
                self._raise(self._last, decode)
            return replace(self._last.ledger(decode), attempts=self.count)
        walk = self._first
        log_w, conditional = walk.log_w, False
        if self._weights == "unbiased":
            if not walk.cannot_fail:
                log_w -= math.log(self.count - 1 if self.completed == 2 else self.count)
        else:
            conditional = self.most > 1 and not walk.cannot_fail
        ledger = walk.ledger(decode, log_w=log_w)
        return replace(ledger, attempts=self.count, conditional=conditional)

    def _raise(self, walk: Walk, decode: Callable[[Sequence[int]], str]) -> NoReturn:
        times = "1 attempt" if self.count == 1 else f"{self.count} attempts"
        if walk.finish_reason == "length":
            given = walk.config.max_tokens
            raise TokenBudgetError(
                f"the text is not complete after `max_tokens` = {given} tokens ({times}), and the"
                " constraint knows no way to complete it",
                given=given,
                hint="raise `max_tokens`, or join the predicate with a regex or grammar (`a & b`)",
            )
        raise DeadEnd(
            f"no token may follow the {walk.position} tokens of {decode(walk.tokens)!r} ({times})",
            position=walk.position,
            hint="the constraint's mask is an upper bound; sample a population (smc), or give it"
            " more retries at a temperature above 0",
        )
