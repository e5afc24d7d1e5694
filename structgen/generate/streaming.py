"""`stream`: the answer piece by piece, and then the parsed result."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Unpack, cast, overload

from structgen.constraints.conjunction import Composable
from structgen.errors import GenerationError, OptionValueError
from structgen.generate.drive import Outcome, draw_steps
from structgen.generate.model import ModelLike, resolve_model
from structgen.generate.options import Options, OptionsDict, lists_options
from structgen.generate.output import OutputLike
from structgen.generate.prompt import Prompt
from structgen.generate.request import Request, ToolsLike, prepare
from structgen.tools import ToolResponse
from structgen.types import Generation, T_co, Value

if TYPE_CHECKING:
    from typing_extensions import TypeForm


class Stream(Generic[T_co]):
    """An iterator of pieces of text, whose concatenation is the result's text.

    `result` is there when the iterator is exhausted. `close` (or leaving a ``with`` block) stops
    the model early.
    """

    def __init__(self, request: Request) -> None:
        self._pieces = self._run(request)
        self._result: Generation[object] | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def __enter__(self) -> Stream[T_co]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop; what was yielded stays, there will be no result."""
        self._pieces.close()

    @property
    def result(self) -> Generation[T_co]:
        """The finished generation.

        Raises:
            GenerationError: the stream is not exhausted.
        """
        if self._result is None:
            raise GenerationError("the stream has no result before it is exhausted")
        return cast("Generation[T_co]", self._result)

    def _run(self, request: Request) -> Generator[str, None, None]:
        with request.told():
            yield from self._told(request)

    def _told(self, request: Request) -> Generator[str, None, None]:
        decoder = request.decoder()
        steps = draw_steps(request.model, request.prompt_ids, request.compiled, request.options)
        outcome: Outcome
        try:
            while True:
                try:
                    token = next(steps)
                except StopIteration as done:
                    outcome = done.value
                    break
                if piece := decoder.feed([token]):
                    yield piece
        finally:
            steps.close()
        if piece := decoder.close():
            yield piece
        self._result = request.finish(outcome)


@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: None = None,
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Stream[str]: ...
@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: None = None,
    *,
    tools: ToolsLike,
    **options: Unpack[OptionsDict],
) -> Stream[ToolResponse]: ...
@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: Composable[Value],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Stream[Value]: ...
@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: Mapping[str, object] | bool | str | Path,
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Stream[Any]: ...
@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: Sequence[str],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Stream[str]: ...
@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: TypeForm[Value],
    *,
    tools: None = None,
    **options: Unpack[OptionsDict],
) -> Stream[Value]: ...
@overload
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> Stream[object]: ...
@lists_options
def stream(
    model: ModelLike,
    prompt: Prompt,
    output: OutputLike = None,
    *,
    tools: ToolsLike | None = None,
    **options: Unpack[OptionsDict],
) -> Stream[object]:
    """Like `generate`, yielding text as soon as it is committed.

        pieces = stream("default", prompt, output=Person)
        for piece in pieces:
            print(piece, end="")
        person = pieces.result.value

    The text and the value are those that `generate` gives with the same seed. Errors in the
    request, a token budget that is too small among them, are raised here, those of drawing while
    iterating. Because nothing can be taken back, a constraint without exact masks is not retried
    after a dead end, and `max_retries` is refused. Populations (``sampler="importance"``,
    ``"smc"``) cannot stream. `timeout` counts the time that the reader takes, too.

    Args:
        model, prompt, output, tools, options: as for `generate`.
    """
    chosen = Options.of(options, "stream").seeded()
    if chosen.sampler in ("importance", "smc"):
        raise OptionValueError(
            f"sampler={chosen.sampler!r} chooses among finished texts: use `generate`",
            option="sampler",
        )
    if chosen.max_retries:
        raise OptionValueError(
            "`max_retries` cannot take back what was streamed: use `generate`",
            option="max_retries",
        )
    return Stream(prepare(resolve_model(model), prompt, output, tools, chosen))
