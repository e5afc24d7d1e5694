"""From options to a driver: which sampler runs, and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from structgen.constraints.protocol import Compiled
from structgen.errors import DeadEnd, OptionValueError, TokenBudgetError
from structgen.generate.options import Options
from structgen.generate.probed import Probed
from structgen.misuse import wrong_type
from structgen.models import LanguageModel
from structgen.samplers import (
    SamplerConfig,
    Step,
    Walk,
    importance,
    masked_steps,
    select_one,
    smc,
)
from structgen.speculative import (
    Budget,
    Drafter,
    Planner,
    SpeculativeResult,
    default_drafters,
    speculative_steps,
)
from structgen.types import Ledger, Particles, SpeculationStats

DEFAULT_PARTICLES = 8
DEFAULT_ESS_THRESHOLD = 0.5

_R = TypeVar("_R")


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
    steps = draw_steps(model, prompt_ids, compiled, options, max_retries=None)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast("Outcome", done.value)


def check_budget(compiled: Compiled, options: Options) -> None:
    """Raise if `max_tokens` cannot do, before anything is drawn.

    Raises:
        TokenBudgetError: no complete text fits.
        OptionValueError: the sampler does not go with the constraint.
    """
    asked = _asked(compiled, options)
    assert asked is not None
    Walk(asked.matcher(), _config(options).walk_config(asked.vocabulary.size))


def draw_steps(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    options: Options,
    *,
    max_retries: int | None = 0,
) -> Generator[int, None, Outcome]:
    """One response, yielding tokens as they are committed. A restart after a dead end makes the
    tokens yielded before worthless, hence none by default.

    Raises:
        ValueError: populations have no order of tokens to yield.
    """
    compiled = _asked(compiled, options)
    if options.sampler in ("importance", "smc"):
        raise ValueError(
            f"sampler={options.sampler!r} chooses among finished texts: it cannot stream"
        )
    if options.speculates:
        found = yield from _tokens(_speculation(model, prompt_ids, compiled, options, max_retries))
        outcome = Outcome(ledger=found.ledger, speculation=found.stats)
    else:
        steps = masked_steps(model, prompt_ids, compiled, _config(options), max_retries=max_retries)
        ledgers = yield from _tokens(steps)
        outcome = Outcome(ledger=ledgers[0])
    _require_complete(outcome.ledger, compiled, options)
    return outcome


def _tokens(steps: Generator[Step, None, _R]) -> Generator[int, None, _R]:
    """The tokens of a driver's steps, and its result."""
    while True:
        try:
            step = next(steps)
        except StopIteration as done:
            return cast("_R", done.value)
        yield step.draw.token


def _asked(compiled: Compiled | None, options: Options) -> Compiled | None:
    """The constraint in the way that `options.sampler` asks it."""
    if compiled is None:
        return None
    if options.sampler == "awrs":
        return Probed(compiled)
    if options.sampler == "masked" and compiled.exactness != "exact":
        raise OptionValueError(
            f"sampler='masked' needs exact masks, and this constraint is {compiled.exactness!r}; "
            "use 'auto' or 'awrs'",
            option="sampler",
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
        particles = importance(
            model,
            prompt_ids,
            compiled,
            _config(options),
            particles=count,
            truncation=options.truncation,
        )
    else:
        threshold = options.ess_threshold
        particles = smc(
            model,
            prompt_ids,
            compiled,
            _config(options),
            particles=count,
            ess_threshold=DEFAULT_ESS_THRESHOLD if threshold is None else threshold,
            truncation=options.truncation,
        )
    how = "weighted" if particles.resampled else "imh"
    ledger = select_one(particles, seed=options.seed, how=how)
    _require_complete(ledger, compiled, options)
    return Outcome(ledger=ledger, particles=particles)


def _require_complete(ledger: Ledger, compiled: Compiled | None, options: Options) -> None:
    """A response under a constraint satisfies it, or there is none."""
    if compiled is None or ledger.log_w > -math.inf:
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


def _speculation(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    compiled: Compiled | None,
    options: Options,
    max_retries: int | None,
) -> Generator[Step, None, SpeculativeResult]:
    return speculative_steps(
        model,
        prompt_ids,
        compiled,
        params=options.sampling(),
        seed=options.seed,
        max_tokens=options.max_tokens,
        planner=_planner(options.speculative),
        max_retries=max_retries,
    )


def _planner(given: object) -> Planner:
    """The drafters and the budget that the `speculative` option names.

    Raises:
        OptionTypeError: it is nothing that configures speculation.
    """
    if given is True:
        return Planner(default_drafters(), Budget())
    if isinstance(given, Budget):
        return Planner(default_drafters(), given)
    if isinstance(given, Planner):
        return given
    if isinstance(given, Sequence) and not isinstance(given, str):
        return Planner(cast("Sequence[Drafter]", given), Budget())
    raise wrong_type("speculative", given, "True, a Budget, a Planner or a sequence of drafters")
