"""One request: what `generate` and `stream` share before and after drawing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from structgen.constraints import TextConstraint, union
from structgen.constraints.protocol import Compiled, Constraint
from structgen.errors import ConstraintError, GenerationError, StructgenError
from structgen.generate.drive import Outcome
from structgen.generate.options import Options
from structgen.generate.output import Output, OutputLike, resolve_output
from structgen.generate.pieces import PieceDecoder
from structgen.generate.prompt import Prompt, described, prompt_tokens
from structgen.generate.stops import StoppedText
from structgen.models import LanguageModel
from structgen.tools import ToolLike, ToolSet, format_for
from structgen.types import Generation

ToolsLike: TypeAlias = ToolSet | Iterable[ToolLike]
"""A `ToolSet`, or functions and tool definitions to make one of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A prompt and a compiled constraint, ready to be drawn."""

    model: LanguageModel
    prompt_ids: list[int]
    compiled: Compiled | None
    read: Callable[[str], object]
    options: Options
    tools: ToolSet | None
    output: Output
    started: float
    compile_seconds: float

    def again(self, prompt: Prompt, options: Options) -> Request:
        """The same for another prompt and seed, nothing compiled anew."""
        return replace(
            self,
            prompt_ids=_prompt_ids(self.model, prompt, self.output, self.tools, options),
            options=options,
            started=time.perf_counter(),
            compile_seconds=0.0,
        )

    def decoder(self) -> PieceDecoder:
        """A fresh reader of tokens."""
        return PieceDecoder(
            self.model.vocabulary,
            stops=self.options.stops,
            spell_special=self.tools is not None,
        )

    def _value(self, text: str) -> object:
        try:
            return self.read(text)
        except StructgenError:
            raise
        except ValueError as error:
            raise GenerationError(
                f"{text!r} satisfies the constraint, but not the type: {error}",
                hint="a type's own validators say more than its JSON Schema; try another seed",
            ) from error

    def finish(self, outcome: Outcome) -> Generation[object]:
        """The result: text decoded and parsed."""
        text = self.decoder().text(outcome.ledger.tokens)
        return Generation(
            value=self._value(text),
            text=text,
            ledger=outcome.ledger,
            particles=outcome.particles,
            speculation=outcome.speculation,
            timings={
                "compile": self.compile_seconds,
                "total": time.perf_counter() - self.started,
            },
            seed=self.options.seed,
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
        ValueError: options contradict what is asked for.
    """
    started = time.perf_counter()
    wanted = resolve_output(output, options.whitespace)
    toolset = None if tools is None else _toolset(model, tools, options)
    if toolset is None and options.tool_choice != "auto":
        raise ValueError("`tool_choice` needs `tools`")
    if options.stops and (toolset is not None or wanted.constraint is not None):
        raise ValueError("`stop` ends free text; it does not go with `output` or `tools`")
    prompt_ids = _prompt_ids(model, prompt, wanted, toolset, options)
    constraint = wanted.constraint
    read: Callable[[str], object] = wanted.reading.read
    if toolset is not None:
        constraint, read = _with_tools(toolset, wanted, model, options)
    elif options.stops:
        constraint = StoppedText(options.stops)
    began = time.perf_counter()
    compiled = None if constraint is None else constraint.compile(model.vocabulary, options.limits)
    return Request(
        model=model,
        prompt_ids=prompt_ids,
        compiled=compiled,
        read=read,
        options=options,
        tools=toolset,
        output=wanted,
        started=started,
        compile_seconds=time.perf_counter() - began,
    )


def _prompt_ids(
    model: LanguageModel,
    prompt: Prompt,
    output: Output,
    tools: ToolSet | None,
    options: Options,
) -> list[int]:
    if options.describe:
        if output.reading.schema is None:
            raise ValueError("`describe` needs an `output` that has a JSON Schema")
        prompt = described(prompt, output.reading.schema)
    told: Sequence[Mapping[str, object]] = ()
    if tools is not None and options.tool_choice != "none":
        told = tools.definitions()
    return prompt_tokens(model, prompt, told)


def _toolset(model: LanguageModel, tools: ToolsLike, options: Options) -> ToolSet:
    if isinstance(tools, ToolSet):
        if options.tool_format is not None:
            raise ValueError("`tool_format` belongs to the ToolSet that is given: ToolSet(format=)")
        return tools
    form = options.tool_format
    if form is None:
        template = getattr(getattr(model, "tokenizer", None), "chat_template", None)
        form = format_for(model.name, template if isinstance(template, str) else None)
    return ToolSet(tools, format=form)


def _with_tools(
    tools: ToolSet, output: Output, model: LanguageModel, options: Options
) -> tuple[Constraint, Callable[[str], object]]:
    """Calls, or prose; with an output, calls or that output instead of prose."""
    special = frozenset(model.vocabulary.special_tokens)
    choice = options.tool_choice
    parallel = options.parallel_tool_calls
    if output.constraint is None:
        allowed = tools.constraint(choice, parallel=parallel, special_tokens=special)
        return allowed, tools.parse
    if choice == "none":
        return output.constraint, output.reading.read
    if choice != "auto":
        return tools.constraint(choice, parallel=parallel, special_tokens=special), tools.parse
    if tools.format.markup.begin is None:
        raise ConstraintError(
            f"tool format {tools.format.name!r} writes calls bare, so they cannot be told from "
            "`output`",
            hint="tool_choice='required' or 'none', or another tool_format",
        )
    return _calls_or_output(tools, output, special, parallel)


def _calls_or_output(
    tools: ToolSet, output: Output, special: frozenset[str], parallel: bool
) -> tuple[Constraint, Callable[[str], object]]:
    wanted = output.constraint
    if not isinstance(wanted, TextConstraint):
        raise ConstraintError("with `tools`, `output` must be a native constraint (no predicate)")
    begin = tools.format.markup.begin or ""
    calls = tools.constraint("required", parallel=parallel, special_tokens=special)

    def read(text: str) -> object:
        called = text.startswith(begin)
        return tools.parse(text) if called else output.reading.read(text)

    return union(calls, cast("TextConstraint", wanted)), read
