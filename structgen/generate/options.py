"""How to generate: every option of the front door, checked once."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from typing import Any, Literal, TypedDict, TypeVar, cast, get_args

from structgen._core import Limits
from structgen.constraints.schema_options import Whitespace
from structgen.errors import OptionValueError
from structgen.misuse import instance, one_of, real, refuse_unknown, whole, wrong_type
from structgen.samplers import SamplingParams, Truncation
from structgen.tools import CallFormat, ToolChoice

SamplerName = Literal["auto", "masked", "awrs", "importance", "smc"]
_MAX_SEED = 2**63 - 1
_F = TypeVar("_F", bound=Callable[..., object])


class OptionsDict(TypedDict, total=False):
    """Keyword options of `generate`, `stream` and `generate_batch`; see `structgen.generate`."""

    max_tokens: int
    temperature: float
    top_k: int | None
    top_p: float
    min_p: float
    seed: int | None
    sampler: SamplerName
    particles: int | None
    ess_threshold: float | None
    truncation: Truncation | None
    speculative: object
    tool_choice: ToolChoice
    tool_format: str | CallFormat | None
    parallel_tool_calls: bool
    stop: str | Sequence[str]
    raw: bool
    describe: bool
    whitespace: Whitespace | None
    max_retries: int
    repair: bool | str
    timeout: float | None
    limits: Limits | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to generate: the options of `structgen.generate`, which says what they mean.

    Raises:
        OptionTypeError: a value has a wrong type.
        OptionValueError: a value is out of range, or options contradict each other.
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
    truncation: Truncation | None = None
    speculative: object = None
    tool_choice: ToolChoice = "auto"
    tool_format: str | CallFormat | None = None
    parallel_tool_calls: bool = True
    stop: str | Sequence[str] = field(default=())
    raw: bool = False
    describe: bool = False
    whitespace: Whitespace | None = None
    max_retries: int = 0
    repair: bool | str = False
    timeout: float | None = None
    limits: Limits | None = None

    def __post_init__(self) -> None:
        self._check_numbers()
        one_of("sampler", self.sampler, get_args(SamplerName))
        for name in ("raw", "describe", "parallel_tool_calls"):
            instance(name, getattr(self, name), bool, "a bool")
        instance("repair", self.repair, bool | str, "a bool or the text to ask with")
        if self.limits is not None:
            instance("limits", self.limits, Limits, "an sg.Limits")
        self._check_stops()
        self._check_population()
        if self.repair and not self.max_retries:
            raise OptionValueError(
                "`repair` asks again, and there is no attempt left for it",
                option="repair",
                hint="max_retries=1 or more",
            )
        self.sampling()

    def _check_numbers(self) -> None:
        whole("max_tokens", self.max_tokens, 1)
        whole("max_retries", self.max_retries, 0, 1000)
        for name, most in (("seed", _MAX_SEED), ("top_k", None), ("particles", None)):
            given: object = getattr(self, name)
            if given is not None:
                whole(name, given, 0 if name == "seed" else 1, most)
        for name in ("temperature", "top_p", "min_p", "ess_threshold", "timeout"):
            given = getattr(self, name)
            if given is not None or name in ("temperature", "top_p", "min_p"):
                real(name, given)
        if self.timeout is not None and not self.timeout > 0:
            raise OptionValueError(
                f"`timeout` is a number of seconds above 0, not {self.timeout!r}", option="timeout"
            )

    def _check_stops(self) -> None:
        stops = cast("object", self.stop)
        texts = cast("Sequence[object]", stops) if isinstance(stops, Sequence) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise wrong_type("stop", self.stop, "a str or a sequence of them")
        if any(not text for text in self.stops):
            raise OptionValueError("a `stop` text must not be empty", option="stop")

    def _check_population(self) -> None:
        population = self.sampler in ("importance", "smc")
        if self.particles is not None and not population:
            raise OptionValueError(
                "`particles` goes with sampler='importance' or 'smc', "
                f"given particles={self.particles!r}, sampler={self.sampler!r}",
                option="particles",
            )
        if self.ess_threshold is not None and (
            self.sampler != "smc" or not 0.0 <= self.ess_threshold <= 1.0
        ):
            raise OptionValueError(
                "`ess_threshold` lies in [0, 1] and goes with sampler='smc', "
                f"given ess_threshold={self.ess_threshold!r}, sampler={self.sampler!r}",
                option="ess_threshold",
            )
        if self.truncation is not None:
            one_of("truncation", self.truncation, get_args(Truncation))
        unsaid = self.truncation is None and self.sampling().truncates
        if unsaid if population else self.truncation is not None:
            raise OptionValueError(
                "`top_k`, `top_p` and `min_p` change what the weights of a population mean: with"
                " sampler='importance' or 'smc', and only there, say truncation='proposal' (they"
                " guide the draws) or 'target' (texts that they drop do not count), "
                f"given truncation={self.truncation!r}, sampler={self.sampler!r}",
                option="truncation",
            )
        if population and self.temperature == 0.0:
            raise OptionValueError(
                f"sampler={self.sampler!r} weighs random draws: set a temperature > 0",
                option="temperature",
            )
        if population and self.speculates:
            raise OptionValueError(
                f"`speculative` does not go with sampler={self.sampler!r}", option="speculative"
            )

    @classmethod
    def of(cls, given: Mapping[str, object], function: str) -> Options:
        """The options that a call of `function` names.

        Raises:
            OptionTypeError: there is no such option; what else `Options` raises.
        """
        refuse_unknown(given, [one.name for one in fields(cls)], of=function)
        return cls(**cast("dict[str, Any]", given))

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

    def for_attempt(self, attempt: int) -> Options:
        """For a further attempt at the same request: attempt 0 draws with the request's own seed,
        attempt k with a digest of seed and k, so that no row of a batch meets the seed of
        another row's attempt."""
        if not attempt or self.seed is None:
            return self
        digest = blake2b(f"{self.seed}:{attempt}".encode(), digest_size=8).digest()
        return replace(self, seed=int.from_bytes(digest, "big") >> 1)


def lists_options(function: _F) -> _F:
    """Show `Options` one by one in the signature of a function that takes them as keywords.

    Type checkers read them from `OptionsDict`; `help`, notebooks and documentation tools read
    ``__signature__``.
    """
    own = inspect.signature(function)
    kinds = inspect.Parameter
    listed = [
        *(one for one in own.parameters.values() if one.kind is not kinds.VAR_KEYWORD),
        *(
            kinds(one.name, kinds.KEYWORD_ONLY, default=one.default, annotation=one.type)
            for one in fields(Options)
        ),
    ]
    function.__signature__ = own.replace(parameters=listed)  # pyright: ignore[reportFunctionMemberAccess]
    return function
