"""`generate` and `generate_batch`: model, prompt and output in; value and ledger out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from structgen.constraints.conjunction import Composable
from structgen.errors import StructgenError, ValidationFailed
from structgen.generate.drive import draw
from structgen.generate.model import ModelLike, resolve_model
from structgen.generate.options import Options, OptionsDict, lists_options
from structgen.generate.output import OutputLike
from structgen.generate.prompt import Prompt
from structgen.generate.request import Request, ToolsLike, plan, prepare
from structgen.misuse import one_of, wrong_type
from structgen.tools import ToolResponse
from structgen.types import Failed, Generation, Value

if TYPE_CHECKING:
    from typing_extensions import TypeForm


@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: None = None,
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[str]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: None = None,
    *,
    tools: ToolsLike,
    **options: Unpack[OptionsDict],
) -> Generation[ToolResponse]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: Composable[Value],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[Value]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: Mapping[str, object] | bool | str | Path,
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[Any]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: Sequence[str],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[str]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: TypeForm[Value],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[Value]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> Generation[object]: ...
@lists_options
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> Generation[object]:
    """Let `model` answer `prompt` with text that `output` allows, and parse it.

    An equal `output` is compiled once for a model, and found again with all its masks.

    Args:
        model: None or ``"default"`` (SmolLM2, embedded), a folder, a hub id, a GGUF file, a
            transformers model with its tokenizer, or a `LanguageModel`. Models given by name stay
            loaded; wrap a (model, tokenizer) pair once with `structgen.load` if you call often,
            because reading a tokenizer takes about a second.
        prompt: a text, or chat messages ``[{"role": ..., "content": ...}]``. A text is the user's
            message for a model with a chat template, and goes as it is to one without, or with
            `raw`.
        output: what the text must be: a JSON Schema (dict, bool) or the path of a schema or grammar
            file; a Python type (Pydantic model, dataclass, TypedDict, Enum, Literal, int, ...); a
            constraint; a list of texts, one of which is chosen; None for free text.
        tools: functions, tool definitions or a `structgen.ToolSet`; the value is then a
            `structgen.tools.ToolResponse`. With `output`, a response is either calls or `output`.
        max_tokens: token budget of the response, the end token included (default 256). A
            constrained response is complete and valid within it.
        temperature: 0 is greedy; 1 (default) is the model as it is.
        top_k, top_p, min_p: truncation of what the constraint allows, in this order.
        seed: reproduces the result; None draws one and reports it as ``Generation.seed``.
        sampler: ``"masked"``: one draw from the locally masked model. ``"awrs"``: the same law by
            adaptive rejection. ``"importance"``, ``"smc"``: `particles` weighted draws, one of
            which is returned, so that the result follows the model *given* the constraint.
            ``"auto"`` (default): masked, or adaptive rejection where masks are not exact.
        particles: population of ``"importance"`` and ``"smc"`` (default 8).
        ess_threshold: ``"smc"`` resamples below this share of effective particles (default 0.5).
        truncation: what top_k, top_p and min_p mean in a population, which weighs what it draws:
            ``"proposal"``: they guide the draws, and the result follows the model given the
            constraint all the same; ``"target"``: texts that they drop do not count.
        speculative: True, or a `structgen.speculative` configuration: draft and verify. The same
            text, sooner.
        tool_choice: ``"auto"``, ``"required"``, ``"none"`` or a tool's name.
        tool_format: how the model writes calls; None detects it.
        parallel_tool_calls: whether a response may hold several calls.
        stop: texts that end free text; they are cut off. Only without `output` and tools.
        raw: give a prompt that is a str to the model as it is, without its chat template.
        describe: append the JSON Schema of `output` to the last user message.
        whitespace: spacing of JSON, as in `structgen.json_schema`; for its other options give
            ``output=sg.json_schema(schema_or_type, ...)``.
        max_retries: how often another text is drawn where the type's own validators refuse one
            (default 0). Attempt k draws with a seed made of `seed` and k. The text then follows the
            sampler's law given that the type takes it, and its weight is that law's up to a factor
            common to all texts (the share of texts that the type takes): right for comparing and
            averaging texts of equal requests, not for the evidence. At temperature 0 nothing is
            drawn again, since it would be the same.
        repair: True asks again in the conversation, with the refused text and the error, before
            each retry; a str is what to ask, with ``{error}`` and ``{text}``. Log-probabilities and
            weights are those under the longer prompt. Only for chat messages.
        timeout: seconds on the clock, compiling included, after which `GenerationTimeout` is raised
            with the text so far. A forward pass that has begun is not interrupted.
        limits: budgets of compiling and masking.

    Returns:
        The value, its text, the ledger (log-probabilities and weights), timings in seconds, and
        the seed that reproduces it.

    Raises:
        ConstraintError: `output` cannot be compiled.
        OptionError: an option is unknown, of a wrong type (also a `TypeError`), out of range or
            contradicts another (also a `ValueError`).
        TokenBudgetError: no text that `output` allows fits `max_tokens`.
        DeadEnd: a constraint without exact masks led nowhere.
        ValidationFailed: the type refuses the text, also after `max_retries`; it holds the text.
        GenerationTimeout: `timeout` is over.
    """
    chosen = Options.of(options, "generate").seeded()
    return answer(prepare(resolve_model(model), prompt, output, tools, chosen))


@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: None = None,
    *,
    tools: None = None,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[str]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: None = None,
    *,
    tools: ToolsLike,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[ToolResponse]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: Composable[Value],
    *,
    tools: None = None,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[Value]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: Mapping[str, object] | bool | str | Path,
    *,
    tools: None = None,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[Any]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: Sequence[str],
    *,
    tools: None = None,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[str]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: TypeForm[Value],
    *,
    tools: None = None,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[Value]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    on_error: Literal["raise"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[Any]]: ...
@overload
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: TypeForm[Value]
    | Composable[Value]
    | Mapping[str, object]
    | Sequence[str]
    | None = None,
    *,
    tools: ToolsLike | None = None,
    on_error: Literal["return"],
    **options: Unpack[OptionsDict],
) -> list[Generation[Value] | Failed]: ...
@lists_options
def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    on_error: Literal["raise", "return"] = "raise",
    **options: Unpack[OptionsDict],
) -> list[Generation[Any]] | list[Generation[Any] | Failed]:
    """`generate` for several prompts; result i answers prompt i.

    The model is resolved and the constraint compiled once. Prompt i has the seed ``seed + i``, so
    that equal prompts get different answers, and each answer is the one that `generate` gives
    with its own seed, whatever else is in the batch.

    Args:
        model, output, tools: as for `generate`.
        prompts: any iterable of prompts; it is read as rows are drawn.
        on_error: ``"raise"`` (default): the first row that fails ends the batch; the error knows
            its `row`, and `results` holds the rows that were done. ``"return"``: a row that fails
            becomes a `structgen.Failed` in its place, with the error and the text.
        options: those of `generate`; `timeout` is that of each row.

    What concerns all rows is raised at once, whatever `on_error`: options, a constraint that cannot
    be compiled, a token budget that is too small.

    Raises:
        What `generate` raises.
    """
    chosen = Options.of(options, "generate_batch").seeded()
    one_of("on_error", on_error, ("raise", "return"))
    rows = _prompts(prompts)
    shared = plan(resolve_model(model), output, tools, chosen)
    compiled = shared.check()
    results: list[Generation[Any] | Failed] = []
    for row, prompt in enumerate(rows):
        own = chosen.reseeded(row)
        try:
            results.append(answer(shared.request(prompt, own, row=row, known=compiled)))
        except Exception as error:
            if isinstance(error, StructgenError):
                error.row, error.seed = row, own.seed
            if on_error == "raise":
                error.results = results  # type: ignore[attr-defined]
                raise
            text = getattr(error, "text", None)
            results.append(Failed(error=error, row=row, seed=own.seed, text=text))
    return results


def _prompts(given: Iterable[Prompt]) -> Iterator[Prompt]:
    """The rows of a batch.

    Raises:
        OptionTypeError: `given` is one prompt, or nothing that can be gone through.
    """
    prompts = cast("object", given)
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        hint = "one prompt is [prompt], or a call of `generate`"
        raise wrong_type("prompts", cast("object", given), "several prompts", hint=hint)
    if (
        isinstance(prompts, Sequence)
        and prompts
        and all(isinstance(one, Mapping) for one in cast("Sequence[object]", prompts))
    ):
        raise wrong_type(
            "prompts",
            cast("object", given),
            "several prompts",
            hint="these are the messages of one conversation: [messages]",
        )
    return iter(given)


def answer(request: Request) -> Generation[object]:
    """Draw and parse a prepared request, again where its options allow that."""
    with request.told():
        current = request
        while True:
            options = current.options.for_attempt(current.attempt)
            outcome = draw(current.model, current.prompt_ids, current.compiled, options)
            try:
                return current.finish(outcome)
            except ValidationFailed as refused:
                following = current.next_attempt(refused)
                if following is None:
                    raise
                current = following
