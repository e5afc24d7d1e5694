"""Truth by enumeration, from texts and the model's probabilities alone.

Nothing here knows of matchers, masks, completions, walks or weights: a language is a Python
function on texts, a model a table of rows. What the samplers promise is compared with

    gamma(x) = p(x) * 1[the text of x is in the language, and x ends within max_tokens tokens].
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from structgen import Vocabulary
from structgen.models.protocol import Message, TokenTree

Tokens = tuple[int, ...]
Gamma = dict[Tokens, float]


class TableModel:
    """A language model whose rows are Gaussian noise keyed by the last two tokens, or what
    `rows` makes of them. Implements `structgen.models.protocol.LanguageModel`."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        seed: int = 0,
        scale: float = 1.0,
        rows: Callable[[Tokens, npt.NDArray[np.float32]], npt.NDArray[np.float32]] | None = None,
    ) -> None:
        self._vocabulary = vocabulary
        self._seed = seed
        self._scale = scale
        self._rows = rows
        self._known: dict[Tokens, npt.NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        return "table"

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def encode(self, text: str, /) -> list[int]:
        return self._vocabulary.longest_match(text.encode())

    def decode(self, ids: Sequence[int], /) -> str:
        return spelled(self._vocabulary, ids).decode(errors="replace")

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[object] = ()
    ) -> list[int]:
        del prompt, tools
        return []

    def row(self, context: Sequence[int]) -> npt.NDArray[np.float32]:
        key = tuple(context)
        row = self._known.get(key)
        if row is None:
            rng = np.random.default_rng([self._seed, min(len(key), 2), *key[-2:]])
            noise = rng.normal(size=self._vocabulary.size) * self._scale
            row = noise.astype(np.float32)
            if self._rows is not None:
                row = self._rows(key, row)
            self._known[key] = row
        return row

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> TableSession:
        return TableSession(self, [list(prompt_ids) for _ in range(rows)])


class TableSession:
    """See `structgen.models.protocol.Session`."""

    def __init__(self, model: TableModel, contexts: list[list[int]]) -> None:
        self._model = model
        self._contexts = contexts
        self._trees: Sequence[TokenTree] = ()
        self._forwards = 1

    @property
    def rows(self) -> int:
        return len(self._contexts)

    @property
    def forwards(self) -> int:
        return self._forwards

    def logits(self) -> npt.NDArray[np.float32]:
        return np.stack([self._model.row(context) for context in self._contexts])

    def append(self, token_ids: Sequence[int | None], /) -> None:
        self._forwards += 1
        for context, token in zip(self._contexts, token_ids, strict=True):
            if token is not None:
                context.append(token)

    def select(self, rows: Sequence[int], /) -> None:
        self._contexts = [list(self._contexts[row]) for row in rows]

    def expand(self, trees: Sequence[TokenTree], /) -> list[npt.NDArray[np.float32]]:
        self._forwards += 1
        self._trees = trees
        out: list[npt.NDArray[np.float32]] = []
        for context, tree in zip(self._contexts, trees, strict=True):
            paths: list[list[int]] = []
            for token, parent in zip(tree.tokens, tree.parents, strict=True):
                paths.append([*(paths[parent] if parent >= 0 else []), token])
            out.append(np.stack([self._model.row([*context, *path]) for path in paths]))
        return out

    def commit(self, paths: Sequence[Sequence[int]], /) -> None:
        for context, tree, path in zip(self._contexts, self._trees, paths, strict=True):
            context.extend(tree.tokens[node] for node in path)


def spelled(vocabulary: Vocabulary, tokens: Iterable[int]) -> bytes:
    return b"".join(vocabulary.token_bytes(token) or b"" for token in tokens)


def log_softmax(row: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float64]:
    scaled = row.astype(np.float64) / temperature
    top = scaled.max()
    return scaled - (top + math.log(float(np.exp(scaled - top).sum())))


def enumerate_gamma(
    model: TableModel,
    member: Callable[[str], bool],
    *,
    max_tokens: int,
    temperature: float = 1.0,
    prefix: Callable[[bytes], bool] = lambda text: True,
    keeps: Callable[[npt.NDArray[np.float64], int, Tokens], bool] = lambda row, token, before: True,
) -> Gamma:
    """gamma(x) for every sequence x of tokens with an end token.

    `prefix` says which bytes lie on the way to a member (it only saves time); `keeps` leaves out
    sequences one of whose tokens it refuses, given the row of log-probabilities.
    """
    vocabulary = model.vocabulary
    ends = set(vocabulary.eos_token_ids)
    found: Gamma = {}

    def grow(tokens: Tokens, text: bytes, logp: float) -> None:
        if len(tokens) == max_tokens:
            return
        row = log_softmax(model.row(tokens), temperature)
        for token in range(vocabulary.size):
            if row[token] == -math.inf or not keeps(row, token, tokens):
                continue
            if token in ends:
                if is_member(text, member):
                    found[(*tokens, token)] = math.exp(logp + row[token])
                continue
            piece = vocabulary.token_bytes(token)
            if piece and prefix(text + piece):
                grow((*tokens, token), text + piece, logp + float(row[token]))

    grow((), b"", 0.0)
    return found


def is_member(text: bytes, member: Callable[[str], bool]) -> bool:
    try:
        return member(text.decode())
    except UnicodeDecodeError:
        return False


def z_scores(samples: Sequence[tuple[Tokens, float]], gamma: Gamma) -> dict[object, float]:
    """(estimate - truth) / standard error of ``E[w] = sum gamma``, under "all", of
    ``E[w 1{X = x}] = gamma(x)`` of every text drawn at least 25 times, and of all the others
    together, under "rare". A weight of a text outside the language gives infinity.
    """
    n = len(samples)
    weights = np.array([weight for _, weight in samples])
    at: dict[Tokens, list[int]] = defaultdict(list)
    for i, (tokens, weight) in enumerate(samples):
        if weight > 0.0:
            at[tokens].append(i)
    if any(tokens not in gamma for tokens in at):
        return {"foreign": math.inf}

    def z(indices: Sequence[int], truth: float) -> float:
        values = np.zeros(n)
        values[indices] = weights[indices]
        gap = float(values.mean()) - truth
        error = float(values.std(ddof=1)) / math.sqrt(n)
        # Logits are float32: a weight without any variance is right to some 1e-6.
        return 0.0 if abs(gap) <= 2e-6 * truth else gap / error if error > 0.0 else math.inf

    scores: dict[object, float] = {"all": z(range(n), math.fsum(gamma.values()))}
    rare: list[int] = []
    rare_truth = 0.0
    for tokens, truth in gamma.items():
        drawn = at.get(tokens, [])
        if len(drawn) >= 25:
            scores[tokens] = z(drawn, truth)
        else:
            rare += drawn
            rare_truth += truth
    if len(rare) >= 25:
        scores["rare"] = z(rare, rare_truth)
    return scores


def worst(scores: dict[object, float]) -> float:
    return max(abs(score) for score in scores.values())
