"""Text from tokens as they come: whole characters only, and nothing that may yet be cut."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from structgen._core import Vocabulary
from structgen.generate.stops import cut_at


class PieceDecoder:
    """Turns token ids into pieces of text whose concatenation is the text of all tokens.

    Args:
        vocabulary: its bytes are what the constraint saw, so they are the text.
        stops: the text is cut before the first of these; text is held back while it may begin
            one.
        spell_special: whether special tokens appear by their names (for tool call markers).
    """

    def __init__(
        self, vocabulary: Vocabulary, *, stops: Sequence[str] = (), spell_special: bool = False
    ) -> None:
        self._vocabulary = vocabulary
        self._stops = tuple(stops)
        self._names = (
            {token: name.encode() for name, token in vocabulary.special_tokens.items()}
            if spell_special
            else {}
        )
        self._ends = frozenset(vocabulary.eos_token_ids)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._stopped = False

    def feed(self, token_ids: Sequence[int]) -> str:
        """The text that `token_ids` make certain."""
        spelled = b"".join(self._bytes(token) for token in token_ids)
        return self._release(self._decoder.decode(spelled), final=False)

    def close(self) -> str:
        """The rest, after the last token."""
        return self._release(self._decoder.decode(b"", True), final=True)

    def text(self, token_ids: Sequence[int]) -> str:
        """The text of a whole response. Use a fresh decoder."""
        return self.feed(token_ids) + self.close()

    def _bytes(self, token: int) -> bytes:
        if token in self._ends:
            return b""
        return self._vocabulary.token_bytes(token) or self._names.get(token, b"")

    def _release(self, more: str, *, final: bool) -> str:
        if self._stopped:
            return ""
        self._held += more
        cut = cut_at(self._held, self._stops)
        if len(cut) < len(self._held):
            self._stopped, self._held = True, ""
            return cut
        at = len(self._held) if final else self._certain()
        piece, self._held = self._held[:at], self._held[at:]
        return piece

    def _certain(self) -> int:
        """How much of the held text cannot be the beginning of a stop text."""
        size = len(self._held)
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for at in range(max(0, size - longest), size):
            if any(stop.startswith(self._held[at:]) for stop in self._stops):
                return at
        return size
