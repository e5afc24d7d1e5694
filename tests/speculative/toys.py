"""A constraint given by the list of its texts and a model given by a function of the prefix, in
plain Python: slow, obvious, and exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen.models.protocol import Message, TokenTree
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


class PrefixModel:
    """A model whose logits are a function of the last `order` tokens, and whose sessions keep
    token lists and nothing else: wrong bookkeeping of paths or rows shows in the logits at once.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        seed: int = 0,
        order: int = 2,
        sharpness: float = 1.5,
        noise: float = 0.0,
        noise_seed: int = 1,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.words = tuple(words)
        tokens: list[bytes | None] = [word.encode() for word in words]
        self._vocabulary = vocabulary or Vocabulary(
            [*tokens, None], eos_token_ids=[len(tokens)], special_tokens={"<end>": len(tokens)}
        )
        self._seed = seed
        self._order = order
        self._sharpness = sharpness
        self._noise = noise
        self._noise_seed = noise_seed
        self.end = self._vocabulary.eos_token_ids[0]

    @property
    def name(self) -> str:
        return "prefix-model"

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def row(self, prefix: Sequence[int]) -> npt.NDArray[np.float32]:
        key = list(prefix[-self._order :])
        size = self.vocabulary.size
        row = self._sharpness * np.random.default_rng([self._seed, *key]).normal(size=size)
        if self._noise:
            other = np.random.default_rng([self._seed, self._noise_seed, 99, *key])
            row = row + self._noise * other.normal(size=size)
        return row.astype(np.float32)

    def ids(self, *words: str) -> list[int]:
        return [self.words.index(word) for word in words]

    def encode(self, text: str, /) -> list[int]:
        """Longest match from the left."""
        return self.vocabulary.longest_match(text.encode())

    def decode(self, token_ids: Sequence[int], /) -> str:
        return self.vocabulary.decode(token_ids).decode("utf-8", "replace")

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        if not isinstance(prompt, str):
            raise TypeError("text only")
        return self.encode(prompt)

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> PrefixSession:
        return PrefixSession(self, [list(prompt_ids) for _ in range(rows)])


class PrefixSession:
    """See `PrefixModel`."""

    def __init__(self, model: PrefixModel, texts: list[list[int]]) -> None:
        self.model = model
        self.texts = texts
        self.passes = 1
        self.trees: Sequence[TokenTree] | None = None

    @property
    def rows(self) -> int:
        return len(self.texts)

    @property
    def forwards(self) -> int:
        return self.passes

    def logits(self) -> npt.NDArray[np.float32]:
        return np.stack([self.model.row(text) for text in self.texts])

    def append(self, token_ids: Sequence[int | None], /) -> None:
        assert len(token_ids) == self.rows
        self.trees = None
        self.passes += 1
        for text, token in zip(self.texts, token_ids, strict=True):
            if token is not None:
                text.append(token)

    def select(self, rows: Sequence[int], /) -> None:
        self.trees = None
        self.texts = [list(self.texts[row]) for row in rows]

    def _path(self, tree: TokenTree, node: int) -> list[int]:
        out: list[int] = []
        while node >= 0:
            out.append(tree.tokens[node])
            node = tree.parents[node]
        return out[::-1]

    def expand(self, trees: Sequence[TokenTree], /) -> list[npt.NDArray[np.float32]]:
        assert len(trees) == self.rows
        self.trees = trees
        self.passes += 1
        empty = np.zeros((0, self.model.vocabulary.size), dtype=np.float32)
        return [
            np.stack([self.model.row(text + self._path(tree, i)) for i in range(len(tree.tokens))])
            if tree.tokens
            else empty
            for text, tree in zip(self.texts, trees, strict=True)
        ]

    def commit(self, paths: Sequence[Sequence[int]], /) -> None:
        assert self.trees is not None
        for text, tree, path in zip(self.texts, self.trees, paths, strict=True):
            at = -1
            for node in path:
                assert tree.parents[node] == at, "not a path"
                text.append(tree.tokens[node])
                at = node
        self.trees = None
