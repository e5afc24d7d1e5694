"""One request: what `generate` and `stream` share before and after drawing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TypeAlias, cast

from structgen._core import Limits
from structgen.constraints import TextConstraint, union
from structgen.constraints.protocol import Compiled, Constraint
from structgen.errors import (
    ConstraintError,
    GenerationError,
    OptionValueError,
    StructgenError,
    ValidationFailed,
    VocabularyError,
)
from structgen.generate.compiled import Lease, compiled_for, leased
from structgen.generate.deadline import Deadline, TimedModel
from structgen.generate.drive import Outcome, check_budget
from structgen.generate.options import Options
from structgen.generate.output import Output, OutputLike, resolve_output
from structgen.generate.pieces import PieceDecoder
from structgen.generate.prompt import Prompt, as_prompt, described, prompt_tokens, repaired
from structgen.generate.stops import StoppedText
from structgen.misuse import wrong_type
from structgen.models import LanguageModel
from structgen.tools import CallFormat, ToolLike, ToolSet, format_for
from structgen.types import Generation

ToolsLike: TypeAlias = ToolSet | Iterable[ToolLike]
"""A `ToolSet`, or functions and tool definitions to make one of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A prompt and a compiled constraint, ready to be drawn.

    Attributes:
        model: what draws; with a `timeout`, it looks at the clock.
        prompt: what the model was asked, and `prompt_ids` its tokens.
        compiled: the constraint; None leaves the text free.
        read: makes the value of a text.
        row: of a batch.
        attempt: how many texts were refused before.
    """

    model: LanguageModel
    prompt: Prompt
    prompt_ids: list[int]
    compiled: Compiled | None
    read: Callable[[str], object]
    options: Options
    tools: ToolSet | None
    output: Output
    started: float
    compile_seconds: float
    plan: Plan
    clock: Clock | None = None
    row: int | None = None
    attempt: int = 0

    def again(self, prompt: Prompt, options: Options, row: int | None = None) -> Request:
        """The same for another prompt and seed, nothing compiled anew."""
        known = self.compiled if self.clock is None else None
        return self.plan.request(prompt, options, row=row, known=known)

    def next_attempt(self, refused: ValidationFailed) -> Request | None:
        """The request after `refused`; None where no attempt is left, or another one would write
        the same."""
        options = self.options
        if self.attempt >= options.max_retries:
            return None
        if options.repair:
            asked = repaired(self.prompt, refused.text, refused.message, options.repair)
            ids = self.plan.prompt_ids(asked)
            return replace(self, prompt=asked, prompt_ids=ids, attempt=self.attempt + 1)
        if options.temperature == 0.0:
            return None
        return replace(self, attempt=self.attempt + 1)

    def decoder(self) -> PieceDecoder:
        """A fresh reader of tokens."""
        return PieceDecoder(
            self.model.vocabulary,
            stops=self.options.stops,
            spell_special=self.tools is not None,
        )

    @contextmanager
    def told(self) -> Generator[None]:
        """Errors learn of the seed and the row; the clock stops at the end."""
        try:
            if self.clock is None:
                yield
            else:
                with self.clock.running():
                    yield
        except StructgenError as error:
            error.seed, error.row = self.options.seed, self.row
            raise

    def finish(self, outcome: Outcome) -> Generation[object]:
        """The result: text decoded and parsed.

        Raises:
            ValidationFailed: the type refuses the text.
        """
        text = self.decoder().text(outcome.ledger.tokens)
        return Generation(
            value=self._value(text, outcome),
            text=text,
            ledger=outcome.ledger,
            particles=outcome.particles,
            speculation=outcome.speculation,
            timings={
                "compile": self.compile_seconds,
                "total": time.perf_counter() - self.started,
            },
            seed=self.options.seed,
            attempts=self.attempt + 1,
        )

    def _value(self, text: str, outcome: Outcome) -> object:
        try:
            return self.read(text)
        except (ValueError, AssertionError, RecursionError, GenerationError) as error:
            attempts = self.attempt + 1
            raise ValidationFailed(
                f"{text!r:.300} satisfies the constraint, but not its type: {error}",
                text=text,
                value=_plain_value(text),
                ledger=outcome.ledger,
                attempts=attempts,
                hint="a type's own validators say more than its JSON Schema; max_retries= draws "
                "again, repair=True asks again with the error",
            ) from error
        except Exception as error:
            error.add_note(f"raised while {text!r:.300} was read, seed {self.options.seed}")
            raise


def _plain_value(text: str) -> object:
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Clock:
    """The deadline of a request, and the automaton that it may cancel."""

    deadline: Deadline
    model: TimedModel
    lease: Lease | None

    @contextmanager
    def running(self) -> Generator[None]:
        """Close at the end; what the clock cancels is a `GenerationTimeout`."""
        try:
            with self.deadline.kept(self.model):
                yield
        finally:
            self.close()

    def close(self) -> None:
        """Give the automaton back, unless it was cancelled."""
        self.deadline.stop()
        if self.lease is not None:
            self.lease.give_back()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What requests share that differ in prompt and seed: everything but the compiled constraint,
    which a `timeout` has of its own.

    Attributes:
        read: makes the value of a text, given what tells its turn of the conversation from others.
        key, build: of the constraint of a response; `build` is None if it is free.
    """

    model: LanguageModel
    options: Options
    output: Output
    tools: ToolSet | None
    read: Callable[[str, str], object]
    key: Hashable | None
    build: Callable[[Limits | None], Constraint] | None
    started: float = field(default_factory=time.perf_counter)

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """Tokens of `prompt`, which is as `as_prompt` gives it."""
        told: Sequence[Mapping[str, object]] = ()
        if self.tools is not None and self.options.tool_choice != "none":
            told = self.tools.definitions()
        return prompt_tokens(self.model, prompt, told)

    def check(self) -> Compiled | None:
        """The compiled constraint, or what concerns every request is raised. With a `timeout`,
        each request has an automaton of its own, and there is None to share.

        Raises:
            ConstraintError, TokenBudgetError, GenerationTimeout: see `prepare`.
        """
        compiled, clock = self._compiled(None, self.options)
        if clock is None:
            return compiled
        clock.close()
        return None

    def request(
        self,
        prompt: Prompt,
        options: Options,
        *,
        row: int | None = None,
        known: Compiled | None = None,
    ) -> Request:
        """A request for `prompt`; `known` is the constraint as another request compiled it."""
        started = time.perf_counter()
        asked = as_prompt(self.model, prompt, raw=options.raw)
        if options.repair and isinstance(asked, str):
            repaired(asked, "", "", options.repair)  # says why not
        if options.describe:
            asked = described(asked, self._schema())
        ids = self.prompt_ids(asked)
        began = time.perf_counter()
        compiled, clock = self._compiled(known, options)
        return Request(
            model=self.model if clock is None else clock.model,
            prompt=asked,
            prompt_ids=ids,
            compiled=compiled,
            read=self._reader(ids, options),
            options=options,
            tools=self.tools,
            output=self.output,
            started=started,
            compile_seconds=0.0 if known is not None else time.perf_counter() - began,
            plan=self,
            clock=clock,
            row=row,
        )

    def _reader(self, ids: Sequence[int], options: Options) -> Callable[[str], object]:
        """What reads the response to a prompt of these tokens. Ids of calls are made of the prompt
        and the seed: they go into the next prompt, and a seed must reproduce a conversation."""
        read, digest = self.read, blake2b(",".join(map(str, ids)).encode(), digest_size=16)
        salt = f"{options.seed}:{digest.hexdigest()}"
        return lambda text: read(text, salt)

    def _schema(self) -> str:
        if self.output.schema is None:
            raise OptionValueError(
                "`describe` needs an `output` that has a JSON Schema", option="describe"
            )
        return self.output.schema()

    def _compiled(
        self, known: Compiled | None, options: Options
    ) -> tuple[Compiled | None, Clock | None]:
        if options.timeout is None:
            if known is not None or self.build is None:
                return known, None
            compiled = compiled_for(self.model, self.key, self.build, options.limits)
            check_budget(compiled, options)
            return compiled, None
        deadline = Deadline(options.timeout)
        lease = None
        try:
            if self.build is not None:
                with deadline.kept():
                    key = self.output.identity if self.key is None else self.key
                    lease = leased(self.model, key, self.build, options.limits, deadline)
                    check_budget(lease.compiled, options)
        except BaseException:
            deadline.stop()
            raise
        model = TimedModel(self.model, deadline)
        return None if lease is None else lease.compiled, Clock(deadline, model, lease)


def plan(
    model: LanguageModel, output: OutputLike, tools: ToolsLike | None, options: Options
) -> Plan:
    """Resolve everything that a request names but its prompt.

    Raises:
        ConstraintError: `output` or `tools` name no constraint.
        OptionValueError: options contradict what is asked for.
    """
    if (output is not None or tools is not None) and not model.vocabulary.eos_token_ids:
        raise VocabularyError(
            f"the vocabulary of {model.name!r} has no end token, so no text could end",
            hint="Vocabulary(..., eos_token_ids=[...])",
        )
    wanted = resolve_output(output, options.whitespace)
    toolset = None if tools is None else _toolset(model, tools, options)
    if toolset is None and options.tool_choice != "auto":
        raise OptionValueError("`tool_choice` needs `tools`", option="tool_choice")
    if options.stops and (toolset is not None or wanted.build is not None):
        raise OptionValueError(
            "`stop` ends free text; it does not go with `output` or `tools`", option="stop"
        )
    key, build = wanted.key, wanted.build
    read = _without_salt(wanted.reading.read)
    if toolset is not None:
        key, build, read = _with_tools(toolset, wanted, model, options)
    elif options.stops:
        stops = options.stops
        key = ("stops", stops)

        def stopped(_: Limits | None) -> Constraint:
            return StoppedText(stops)

        build = stopped
    return Plan(
        model=model, options=options, output=wanted, tools=toolset, read=read, key=key, build=build
    )


def prepare(
    model: LanguageModel,
    prompt: Prompt,
    output: OutputLike,
    tools: ToolsLike | None,
    options: Options,
) -> Request:
    """Resolve and compile everything that a request names.

    Raises:
        ConstraintError: `output` or `tools` cannot be compiled.
        OptionError: options contradict what is asked for, or it is no prompt.
        TokenBudgetError: no text that the constraint allows fits `max_tokens`.
        GenerationTimeout: compiling took longer than `timeout`.
    """
    return plan(model, output, tools, options).request(prompt, options)


def _toolset(model: LanguageModel, tools: ToolsLike, options: Options) -> ToolSet:
    if isinstance(tools, ToolSet):
        if options.tool_format is not None:
            raise OptionValueError(
                "`tool_format` belongs to the ToolSet that is given: ToolSet(format=)",
                option="tool_format",
            )
        return tools
    form = options.tool_format
    if form is None:
        template = getattr(getattr(model, "tokenizer", None), "chat_template", None)
        form = format_for(model.name, _one_text(template))
    elif not isinstance(cast("object", form), str | CallFormat):
        raise wrong_type("tool_format", form, "a name or a CallFormat")
    return ToolSet(tools, format=form)


def _one_text(template: object) -> str | None:
    """A chat template; of several by their names (`tool_use`, say), all."""
    if isinstance(template, Mapping):
        return "\n".join(map(str, cast("Mapping[str, object]", template).values()))
    return template if isinstance(template, str) else None


def _without_salt(read: Callable[[str], object]) -> Callable[[str, str], object]:
    return lambda text, _: read(text)


_Way = tuple[Hashable | None, Callable[[Limits | None], Constraint], Callable[[str, str], object]]
"""The key of a constraint, what builds it, and what reads its texts."""


def _with_tools(tools: ToolSet, output: Output, model: LanguageModel, options: Options) -> _Way:
    """Calls, or prose; with an output, calls or that output instead of prose."""
    special = frozenset(model.vocabulary.special_tokens)
    parallel = options.parallel_tool_calls
    mode, offered = tools.choose(options.tool_choice)
    key = ("tools", offered.key, mode, parallel)
    wanted = output.build

    def build(limits: Limits | None) -> TextConstraint:
        return offered.constraint(mode, parallel=parallel, special_tokens=special, limits=limits)

    def read_calls(text: str, salt: str) -> object:
        return tools.parse(text, salt=salt)

    if wanted is None or mode == "required":
        return key, build, read_calls
    if mode == "none":
        return output.key, wanted, _without_salt(output.reading.read)
    begin = tools.format.markup.begin
    if begin is None:
        raise ConstraintError(
            f"tool format {tools.format.name!r} writes calls bare, so they cannot be told from "
            "`output`",
            hint="tool_choice='required' or 'none', or another tool_format",
        )

    def build_either(limits: Limits | None) -> TextConstraint:
        other = wanted(limits)
        if not isinstance(other, TextConstraint):
            raise ConstraintError(
                "with `tools`, `output` must be a native constraint (no predicate)"
            )
        calls = offered.constraint(
            "required", parallel=parallel, special_tokens=special, limits=limits
        )
        return union(calls, cast("TextConstraint", other))

    def read(text: str, salt: str) -> object:
        return read_calls(text, salt) if text.startswith(begin) else output.reading.read(text)

    either = None if output.key is None else (*key, output.key)
    return either, build_either, read
