"""Drafting with a model that has another tokenizer: through text.

What the draft model writes is decoded, tokenized the target's way behind the tokens already
drawn, and filtered by the constraint. The draft model's probabilities are lost on the way, so
its tokens are one-hot guesses like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from structgen.models.protocol import LanguageModel
from structgen.speculative.draft import EMPTY, Draft, DraftContext, VerifiedRow
from structgen.speculative.forced import canonical_tokens
from structgen.speculative.scorer import Scorer

SOURCE = "text-model"

_UNSETTLED = 4
"""Tokens at the end of the text that the draft model's tokenizer may still merge otherwise once
more text follows; they are scored anew each time rather than committed to its cache."""


class TextModelDrafter:
    """Proposes the greedy continuation of `model`, re-tokenized for the target.

    Args:
        model: any `LanguageModel`.
        prompt_ids: the prompt in the draft model's own tokens (its chat template differs from
            the target's). Without it the target's prompt is decoded, which loses its special
            tokens, and taken as plain text.
        max_tokens: tokens of the draft model per draft.
        look_back: drawn tokens that the target's tokenizer sees before the draft.

    Cost: one pass of `model` per token of its own, and its own cache per row.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        prompt_ids: Sequence[int] | None = None,
        max_tokens: int = 6,
        look_back: int = 4,
    ) -> None:
        if max_tokens < 1 or look_back < 0:
            raise ValueError("max_tokens must be positive, look_back must not be negative")
        self._model = model
        self._own_prompt = None if prompt_ids is None else tuple(prompt_ids)
        self._max_tokens = max_tokens
        self._look_back = look_back
        self._prompt: tuple[int, ...] = ()
        self._scorers: dict[int, Scorer] = {}

    @property
    def name(self) -> str:
        """See `Drafter`."""
        return "text-model"

    @property
    def costly(self) -> bool:
        """See `Drafter`."""
        return True

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        """See `Drafter`."""
        self._prompt = tuple(prompt_ids)
        self._scorers = {}

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        """Nothing to learn."""

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        """See `Drafter`."""
        drawn = [*context.history[context.prompt_length :].tolist(), *context.path]
        try:
            text = context.model.vocabulary.decode(drawn).decode("utf-8")
        except UnicodeDecodeError:  # inside a code point: the next position will do
            return EMPTY
        own = self._model.encode(text) if text else []
        settled = max(0, len(own) - _UNSETTLED)
        written = self._write(self._scorer(context), own[:settled], own[settled:], limit)
        if not written:
            return EMPTY
        tail = context.generated_tail(self._look_back)
        ids = canonical_tokens(context.model, tail, written)
        # The last token may have been cut short by where the draft model stopped.
        ids = ids[:-1] if len(ids) > 1 else ids
        ids = ids[: min(limit, context.matcher.validate(ids))]
        return Draft.chain(ids, SOURCE) if ids else EMPTY

    def _scorer(self, context: DraftContext) -> Scorer:
        scorer = self._scorers.get(context.row)
        if scorer is None:
            prompt = self._own_prompt
            if prompt is None:
                prompt = self._model.prompt_ids(context.model.decode(self._prompt))
            scorer = self._scorers[context.row] = Scorer(self._model, prompt)
        return scorer

    def _write(
        self, scorer: Scorer, settled: Sequence[int], unsettled: Sequence[int], limit: int
    ) -> str:
        """The draft model's greedy continuation, cut at the last whole code point."""
        vocabulary = self._model.vocabulary
        path = list(unsettled)
        new: list[int] = []
        for _ in range(min(limit, self._max_tokens)):
            token = int(scorer.after(settled, path).argmax())
            if vocabulary.token_bytes(token) is None:  # an end or special token
                break
            path.append(token)
            new.append(token)
        data = vocabulary.decode(new)
        for cut in range(min(4, len(data) + 1)):
            try:
                return data[: len(data) - cut].decode("utf-8")
            except UnicodeDecodeError:
                continue
        return ""
