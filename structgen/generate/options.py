"""How to generate: every option of the front door, checked once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from structgen._core import Limits
from structgen.constraints.schema import Whitespace
from structgen.samplers import SamplingParams
from structgen.tools import CallFormat, ToolChoice

SamplerName = Literal["auto", "masked", "awrs", "importance", "smc"]


class OptionsDict(TypedDict, total=False):
    """Keyword options of `generate`, `stream` and `generate_batch`; see `Options`."""

    max_tokens: int
    temperature: float
    top_k: int | None
    top_p: float
    min_p: float
    seed: int | None
    sampler: SamplerName
    particles: int | None
    ess_threshold: float | None
    speculative: object
    tool_choice: ToolChoice
    tool_format: str | CallFormat | None
    parallel_tool_calls: bool
    stop: str | Sequence[str]
    describe: bool
    whitespace: Whitespace | None
    limits: Limits | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to generate.

    Attributes:
        max_tokens: token budget of the response, the end token included. A constrained response
            is complete and valid within it; if no valid text fits, `TokenBudgetError`.
        temperature: 0 is greedy; 1 is the model as it is.
        top_k, top_p, min_p: truncation of what the constraint allows, in this order.
        seed: reproduces the result; None draws one and reports it as ``Generation.seed``.
        sampler: ``"masked"``: one draw from the locally masked model. ``"awrs"``: the same law by
            adaptive rejection. ``"importance"``, ``"smc"``: `particles` weighted draws, one of
            which is returned, so that the result follows the model *given* the constraint.
            ``"auto"``: masked, or adaptive rejection where masks are not exact.
        particles: population of ``"importance"`` and ``"smc"`` (default 8).
        ess_threshold: ``"smc"`` resamples below this share of effective particles (default 0.5).
        speculative: True, or a `structgen.speculative` configuration: draft and verify.
        tool_choice: ``"auto"``, ``"required"``, ``"none"`` or a tool's name.
        tool_format: how the model writes calls; None detects it.
        parallel_tool_calls: whether a response may hold several calls.
        stop: texts that end free text; they are cut off. Only without `output` and tools.
        describe: append the JSON Schema of `output` to the last user message. The prompt is never
            changed otherwise.
        whitespace: spacing of JSON: ``"flexible"`` (bounded; the default), ``"compact"``, or a
            mapping as in `structgen.json_schema`. Fixed spacing makes more of the text forced.
        limits: budgets of compiling and masking.

    Raises:
        ValueError: a value is out of range, or options contradict each other.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    sampler: SamplerName = "auto"
    particles: int | None = None
    ess_threshold: float | None = None
    speculative: object = None
    tool_choice: ToolChoice = "auto"
    tool_format: str | CallFormat | None = None
    parallel_tool_calls: bool = True
    stop: str | Sequence[str] = field(default=())
    describe: bool = False
    whitespace: Whitespace | None = None
    limits: Limits | None = None

    def __post_init__(self) -> None:
        if isinstance(self.max_tokens, bool) or self.max_tokens < 1:
            raise ValueError(f"`max_tokens` must be at least 1, given {self.max_tokens!r}")
        samplers = ("auto", "masked", "awrs", "importance", "smc")
        if self.sampler not in samplers:
            raise ValueError(f"`sampler` is one of {', '.join(samplers)}, given {self.sampler!r}")
        population = self.sampler in ("importance", "smc")
        if self.particles is not None and (self.particles < 1 or not population):
            raise ValueError(
                "`particles` must be at least 1 and goes with sampler='importance' or 'smc', "
                f"given particles={self.particles!r}, sampler={self.sampler!r}"
            )
        if self.ess_threshold is not None and (
            self.sampler != "smc" or not 0.0 <= self.ess_threshold <= 1.0
        ):
            raise ValueError(
                "`ess_threshold` lies in [0, 1] and goes with sampler='smc', "
                f"given ess_threshold={self.ess_threshold!r}, sampler={self.sampler!r}"
            )
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ValueError(f"`seed` lies in [0, 2**63), given {self.seed!r}")
        if population and self.temperature == 0.0:
            raise ValueError(f"sampler={self.sampler!r} weighs random draws: set a temperature > 0")
        if population and self.speculates:
            raise ValueError(f"`speculative` does not go with sampler={self.sampler!r}")
        if any(not text for text in self.stops):
            raise ValueError("a `stop` text must not be empty")
        self.sampling()

    @property
    def speculates(self) -> bool:
        """Whether speculation is on."""
        return self.speculative is not None and self.speculative is not False

    @property
    def stops(self) -> tuple[str, ...]:
        """`stop` as a tuple."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    def sampling(self) -> SamplingParams:
        """The part that shapes rows."""
        return SamplingParams(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, min_p=self.min_p
        )

    def seeded(self) -> Options:
        """With a fresh seed if it has none."""
        if self.seed is not None:
            return self
        return replace(self, seed=secrets.randbits(53))

    def reseeded(self, index: int) -> Options:
        """For the request number `index` of a batch."""
        return replace(self, seed=None if self.seed is None else (self.seed + index) % 2**63)
