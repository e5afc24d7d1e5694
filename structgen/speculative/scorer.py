"""A draft model's session, kept in step with a sequence that another model decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen.models.protocol import LanguageModel, Session, TokenTree


class Scorer:
    """Next-token logits of `model` after a sequence that grows, branches and is cut back.

    Tokens that the target has drawn are committed to the session's cache; tokens that are only
    assumed are scored on top of it and dropped. The rows of the last pass are kept, and a guess
    that turns out right is committed without another pass.
    """

    def __init__(self, model: LanguageModel, prompt_ids: Sequence[int]) -> None:
        self._model = model
        self._prompt = list(prompt_ids)
        self._session: Session | None = None
        self._committed: list[int] = []
        self._scored: list[int] = []
        self._rows = np.zeros((0, model.vocabulary.size), dtype=np.float32)

    def after(self, drawn: Sequence[int], assumed: Sequence[int], /) -> npt.NDArray[np.float32]:
        """Logits after prompt, `drawn` and `assumed`, shape ``(V,)``.

        `drawn` normally extends the `drawn` of the call before; if it does not, the session
        starts over. Cost: at most one pass over the tokens not seen in the call before.
        """
        session = self._session
        known = len(self._committed)
        if session is None or list(drawn[:known]) != self._committed:
            session = self._session = self._model.start(self._prompt)
            self._committed, self._scored = [], []
            known = 0
        wanted = [*drawn[known:], *assumed]
        agreed = 0
        for have, want in zip(self._scored, wanted, strict=False):
            if have != want:
                break
            agreed += 1
        if agreed == len(wanted):
            return self._rows[agreed - 1] if agreed else session.logits()[0]
        commit = min(agreed, len(drawn) - known)
        if commit:
            session.commit([tuple(range(commit))])
            self._committed += wanted[:commit]
            wanted = wanted[commit:]
        tree = TokenTree(tokens=tuple(wanted), parents=tuple(range(-1, len(wanted) - 1)))
        self._rows = session.expand([tree])[0]
        self._scored = wanted
        return self._rows[-1]
