"""A constraint given by the list of its texts, in plain Python: slow, obvious, and exact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen.types import Exactness


class FiniteLanguage:
    """`Constraint` and `Compiled` in one: the texts that may be written."""

    def __init__(
        self, texts: Iterable[str], vocabulary: Vocabulary, exactness: Exactness = "exact"
    ) -> None:
        self.texts = frozenset(text.encode() for text in texts)
        self.prefixes = frozenset(t[:i] for t in self.texts for i in range(len(t) + 1))
        self.vocabulary = vocabulary
        self.exactness: Exactness = exactness

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> FiniteLanguage:
        return FiniteLanguage((t.decode() for t in self.texts), vocabulary, self.exactness)

    def matcher(self) -> FiniteMatcher:
        return FiniteMatcher(self, [])


class FiniteMatcher:
    """A position in a `FiniteLanguage`. With exactness "probe" its mask allows everything."""

    def __init__(self, language: FiniteLanguage, tokens: Sequence[int]) -> None:
        self.language = language
        self._tokens = list(tokens)

    @property
    def vocabulary(self) -> Vocabulary:
        return self.language.vocabulary

    @property
    def exactness(self) -> Exactness:
        return self.language.exactness

    @property
    def tokens(self) -> list[int]:
        return list(self._tokens)

    @property
    def text(self) -> bytes:
        return self.vocabulary.decode(self._tokens)

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        size = self.vocabulary.size
        probe = self.exactness == "probe" and not self.is_terminated()
        allowed = [t for t in range(size) if probe or self.allows(t)]
        words = mask[row].view(np.uint32)
        words[:] = 0
        for token in allowed:
            words[token >> 5] |= np.uint32(1 << (token & 31))

    def allows(self, token_id: int, /) -> bool:
        if self.is_terminated():
            return False
        if token_id in self.vocabulary.eos_token_ids:
            return self.text in self.language.texts
        data = self.vocabulary.token_bytes(token_id)
        return bool(data) and self.text + (data or b"") in self.language.prefixes

    def advance(self, token_id: int, /) -> bool:
        if not self.allows(token_id):
            return False
        self._tokens.append(token_id)
        return True

    def validate(self, token_ids: Sequence[int], /) -> int:
        probe = self.fork()
        for count, token in enumerate(token_ids):
            if not probe.advance(token):
                return count
        return len(token_ids)

    def rollback(self, count: int, /) -> None:
        if not 0 <= count <= len(self._tokens):
            raise ValueError(f"cannot take back {count} of {len(self._tokens)} tokens")
        del self._tokens[len(self._tokens) - count :]

    def fork(self) -> FiniteMatcher:
        return FiniteMatcher(self.language, self._tokens)

    def is_accepting(self) -> bool:
        return not self.is_terminated() and self.text in self.language.texts

    def is_terminated(self) -> bool:
        return bool(self._tokens) and self._tokens[-1] in self.vocabulary.eos_token_ids

    def forced_text(self) -> str:
        text, out = self.text, b""
        while text not in self.language.texts:
            following = {p[len(text)] for p in self.language.prefixes if p[:-1] == text and p}
            if len(following) != 1:
                break
            out += bytes(following)
            text += bytes(following)
        return out.decode("utf-8", "ignore")

    def completion_tokens(self) -> list[int] | None:
        """A completion with fewest tokens, by breadth-first search."""
        level: list[tuple[bytes, list[int]]] = [(self.text, [])]
        seen = {self.text}
        while level:
            for text, path in level:
                if text in self.language.texts:
                    return path
            below: list[tuple[bytes, list[int]]] = []
            for text, path in level:
                for token in range(self.vocabulary.size):
                    data = self.vocabulary.token_bytes(token)
                    longer = text + (data or b"")
                    if data and longer in self.language.prefixes and longer not in seen:
                        seen.add(longer)
                        below.append((longer, [*path, token]))
            level = below
        return None
