"""`generate` and `generate_batch`: model, prompt and output in; value and ledger out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar, Unpack, overload

from structgen.constraints.protocol import Constraint
from structgen.generate.drive import draw
from structgen.generate.model import ModelLike, resolve_model
from structgen.generate.options import Options, OptionsDict
from structgen.generate.output import OutputLike
from structgen.generate.prompt import Prompt
from structgen.generate.request import Request, ToolsLike, prepare
from structgen.models import LanguageModel
from structgen.tools import ToolResponse
from structgen.types import Generation

T = TypeVar("T")


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
    output: type[T],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[T]: ...
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
    output: Constraint,
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Generation[str]: ...
@overload
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> Generation[object]: ...
def generate(
    model: ModelLike,
    prompt: Prompt,
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> Generation[object]:
    """Let `model` answer `prompt` with text that `output` allows, and parse it.

    Args:
        model: None or ``"default"`` (SmolLM2, embedded), a folder, a hub id, a GGUF file, a
            transformers model with its tokenizer, or a `LanguageModel`. Models given by name stay
            loaded; wrap a (model, tokenizer) pair once with `structgen.load` if you call often,
            because reading a tokenizer takes about a second.
        prompt: a text, taken as it is, or chat messages ``[{"role": ..., "content": ...}]``. It
            is never changed, unless `describe` asks for it.
        output: what the text must be: a constraint; a JSON Schema (dict or bool) or the path of a
            schema or grammar file; a Python type (Pydantic model, dataclass, TypedDict, Enum,
            Literal, int, ...); a list of texts, one of which is chosen; None for free text.
        tools: functions, tool definitions or a `structgen.ToolSet`; the value is then a
            `structgen.tools.ToolResponse`. With `output`, a response is either calls or `output`.
        **options: see `structgen.generate.Options`.

    Returns:
        The value, its text, the ledger (log-probabilities and weights), timings in seconds, and
        the seed that reproduces it.

    Raises:
        ConstraintError: `output` cannot be compiled.
        TokenBudgetError: no text that `output` allows fits `max_tokens`.
        DeadEnd: a constraint without exact masks led nowhere.
        ValueError: an option is out of range or contradicts another.
    """
    chosen = Options(**options).seeded()
    request = prepare(resolve_model(model), prompt, output, tools, chosen)
    return answer(request)


def generate_batch(
    model: ModelLike,
    prompts: Iterable[Prompt],
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> list[Generation[object]]:
    """`generate` for several prompts; result i answers prompt i.

    The model is resolved and the constraint compiled once. Prompt i has the seed ``seed + i``, so
    that equal prompts get different answers, and each answer is the one that `generate` gives
    with its own seed, whatever else is in the batch.
    """
    chosen = Options(**options).seeded()
    resolved: LanguageModel = resolve_model(model)
    results: list[Generation[object]] = []
    shared: Request | None = None
    for index, prompt in enumerate(prompts):
        own = chosen.reseeded(index)
        shared = (
            prepare(resolved, prompt, output, tools, own)
            if shared is None
            else shared.again(prompt, own)
        )
        results.append(answer(shared))
    return results


def answer(request: Request) -> Generation[object]:
    """Draw and parse a prepared request."""
    outcome = draw(request.model, request.prompt_ids, request.compiled, request.options)
    return request.finish(outcome)
