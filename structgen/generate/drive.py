"""From options to a driver: which sampler runs, and what comes out of it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import cast

from structgen.constraints.protocol import Compiled
from structgen.errors import DeadEnd, GenerationError, TokenBudgetError
from structgen.generate.options import Options
from structgen.generate.probed import Probed
from structgen.models.protocol import LanguageModel
from structgen.samplers import FreeText, SamplerConfig, importance, masked_steps, select_one, smc
from structgen.speculative import Budget, Drafter, Planner, default_drafters, speculative
from structgen.speculative.draft import EMPTY, Draft, DraftContext, VerifiedRow
from structgen.types import Ledger, Particles, SpeculationStats

DEFAULT_PARTICLES = 8
DEFAULT_ESS_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a driver drew."""

    ledger: Ledger
    particles: Particles | None = None
    speculation: SpeculationStats | None = None


def draw(
    model: LanguageModel, prompt_ids: Sequence[int], compiled: Compiled | None, options: Options
) -> Outcome:
    """One response. `options.seed` must be set.

    Raises:
        TokenBudgetError: no complete text fits, or an open-ended constraint did not complete.
        DeadEnd: every attempt ended where no token may follow.
    """
    if options.sampler in ("importance", "smc"):
        return _population(model, prompt_ids, compiled, options)
    if options.speculates:
        compiled = _asked(compiled, options)
        outcome = _speculate(model, prompt_ids, compiled, options, None)
        _require_complete(outcome.ledger, compiled, options)
        return outcome
    steps = draw_steps(model, prompt_ids, compiled, options, retry=True)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast("Outcome", done.value)


def draw_steps(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    options: Options,
    *,
    retry: bool = False,
) -> Generator[list[int], None, Outcome]:
    """One response, yielding tokens as they are committed. `retry` restarts after dead ends, which
    makes the tokens yielded before worthless.

    Raises:
        ValueError: populations have no order of tokens to yield.
    """
    compiled = _asked(compiled, options)
    if options.sampler in ("importance", "smc"):
        raise ValueError(
            f"sampler={options.sampler!r} chooses among finished texts: it cannot stream"
        )
    if options.speculates:
        outcome = yield from _speculative_steps(model, prompt_ids, compiled, options)
    else:
        steps = masked_steps(
            model, prompt_ids, compiled, _config(options), max_retries=8 if retry else 0
        )
        ledgers: list[Ledger]
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                ledgers = done.value
                break
            yield [step.draw.token]
        outcome = Outcome(ledger=ledgers[0])
    _require_complete(outcome.ledger, compiled, options)
    return outcome


def _asked(compiled: Compiled | None, options: Options) -> Compiled | None:
    """The constraint in the way that `options.sampler` asks it."""
    if compiled is None:
        return None
    if options.sampler == "awrs":
        return Probed(compiled)
    if options.sampler == "masked" and compiled.exactness != "exact":
        raise ValueError(
            f"sampler='masked' needs exact masks, and this constraint is {compiled.exactness!r}; "
            "use 'auto' or 'awrs'"
        )
    return compiled


def _config(options: Options) -> SamplerConfig:
    return SamplerConfig(
        max_tokens=options.max_tokens, params=options.sampling(), seed=options.seed
    )


def _population(
    model: LanguageModel, prompt_ids: Sequence[int], compiled: Compiled | None, options: Options
) -> Outcome:
    count = options.particles or DEFAULT_PARTICLES
    if options.sampler == "importance":
        particles = importance(model, prompt_ids, compiled, _config(options), particles=count)
    else:
        threshold = options.ess_threshold
        particles = smc(
            model,
            prompt_ids,
            compiled,
            _config(options),
            particles=count,
            ess_threshold=DEFAULT_ESS_THRESHOLD if threshold is None else threshold,
        )
    how = "weighted" if particles.resampled else "imh"
    ledger = select_one(particles, seed=options.seed, how=how)
    _require_complete(ledger, compiled, options)
    return Outcome(ledger=ledger, particles=particles)


def _require_complete(ledger: Ledger, compiled: Compiled | None, options: Options) -> None:
    """A response under a constraint satisfies it, or there is none."""
    if compiled is None or ledger.log_w > float("-inf"):
        return
    if ledger.finish_reason == "length":
        raise TokenBudgetError(
            f"the text is not complete after `max_tokens` = {options.max_tokens} tokens, and the "
            "constraint knows no way to complete it",
            given=options.max_tokens,
            hint="raise `max_tokens`, or join the predicate with a regex or grammar (`a & b`)",
        )
    raise DeadEnd(
        f"no token may follow {ledger.text!r}",
        position=len(ledger.tokens),
        hint="another seed, or a population: sampler='smc'",
    )


def _speculate(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    options: Options,
    listener: Drafter | None,
) -> Outcome:
    found = speculative(
        model,
        prompt_ids,
        FreeText(model.vocabulary) if compiled is None else compiled,
        params=options.sampling(),
        seed=options.seed,
        max_tokens=options.max_tokens,
        planner=_planner(options.speculative, () if listener is None else (listener,)),
    )
    return Outcome(ledger=found.ledger, speculation=found.stats)


def _speculative_steps(
    model: LanguageModel, prompt_ids: Sequence[int], compiled: Compiled | None, options: Options
) -> Generator[list[int], None, Outcome]:
    """Runs the speculative driver on a thread of its own and yields what it commits."""
    committed: queue.SimpleQueue[list[int] | None] = queue.SimpleQueue()
    # Without a prompt, the driver has no row to tell of its first token by.
    listener = _Listener(committed) if prompt_ids else None
    results: list[Outcome | BaseException] = []

    def work() -> None:
        try:
            results.append(_speculate(model, prompt_ids, compiled, options, listener))
        except BaseException as error:  # Carried to the caller's thread.
            results.append(error)
        finally:
            committed.put(None)

    worker = threading.Thread(target=work, name="structgen-speculative", daemon=True)
    worker.start()
    try:
        while (tokens := committed.get()) is not None:
            yield tokens
    finally:
        if listener is not None:
            listener.cancelled = True
        worker.join()
    outcome = results[0]
    if isinstance(outcome, BaseException):
        raise outcome
    if listener is None:
        yield list(outcome.ledger.tokens)
    return outcome


def _planner(given: object, listeners: Sequence[Drafter]) -> Planner:
    """The drafters that the `speculative` option names, and the listeners.

    Raises:
        TypeError: it is nothing that configures speculation.
    """
    if given is True:
        return Planner([*default_drafters(), *listeners], Budget())
    if isinstance(given, Budget):
        return Planner([*default_drafters(), *listeners], given)
    if isinstance(given, Planner):
        planner = Planner([*given.drafters, *listeners], given.budget)
        # What it has learned stays with the planner that the caller keeps.
        planner.acceptance, planner.cost = given.acceptance, given.cost
        return planner
    if isinstance(given, Sequence) and not isinstance(given, str):
        return Planner([*cast("Sequence[Drafter]", given), *listeners], Budget())
    raise TypeError(
        "`speculative` is True, a Budget, a Planner or a sequence of drafters, "
        f"not {type(given).__name__}"
    )


class _Listener:
    """A drafter without ideas, told of every committed token."""

    name = "listener"
    costly = False

    def __init__(self, committed: queue.SimpleQueue[list[int] | None]) -> None:
        self._committed = committed
        self.cancelled = False

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        """Nothing to forget."""

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        """No idea."""
        return EMPTY

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        """Pass on what was drawn; stop the driver if nobody listens any more."""
        if self.cancelled:
            raise GenerationError("the stream was closed")
        self._committed.put([row.drawn for row in rows])
