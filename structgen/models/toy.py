"""An exact toy model: an order-k Markov chain over a small vocabulary.

Everything that a sampler promises about a language model can be checked against it, because
probabilities can be enumerated. Its sessions implement the whole `Session` protocol, trees
included, and its logits depend on nothing but the last `order` tokens and the seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from numpy.random import Generator, Philox

from structgen._core import Vocabulary
from structgen.errors import BackendError
from structgen.models.protocol import Message, TokenTree

_MIX = 0x9E3779B97F4A7C15
_WORD = 1 << 64


class MarkovModel:
    """A language model whose next-token logits are Gaussian noise keyed by the last tokens.

    Args:
        vocabulary: any vocabulary; small ones (2 to 20 tokens) can be enumerated.
        order: how many tokens the next one depends on.
        seed: which chain.
        scale: standard deviation of the logits; 0 is the uniform law.
        end_bias: added to the logits of end tokens.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        order: int = 1,
        seed: int = 0,
        scale: float = 1.5,
        end_bias: float = 0.0,
    ) -> None:
        if order < 0:
            raise ValueError(f"`order` must be >= 0, given {order}")
        if not 0 <= seed < _WORD:
            raise ValueError(f"`seed` must lie in [0, 2**64), given {seed}")
        self._vocabulary = vocabulary
        self._order = order
        self._seed = seed
        self._scale = scale
        self._bias = np.zeros(vocabulary.size, dtype=np.float32)
        self._bias[list(vocabulary.eos_token_ids)] = end_bias
        self._rows: dict[tuple[int, ...], npt.NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        """A name for people."""
        return f"markov-{self._order}-{self._seed}"

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._vocabulary

    @property
    def order(self) -> int:
        """How many tokens the next one depends on."""
        return self._order

    def encode(self, text: str, /) -> list[int]:
        """Token ids of `text`, longest match first."""
        return self._vocabulary.longest_match(text.encode())

    def decode(self, token_ids: Sequence[int], /) -> str:
        """Text of `token_ids`; special and end tokens have none."""
        pieces = (self._vocabulary.token_bytes(token) for token in token_ids)
        return b"".join(piece for piece in pieces if piece).decode(errors="replace")

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """Ids of a prompt; of messages, their contents one after the other.

        Raises:
            BackendError: tools were given; a Markov chain has no template for them.
        """
        if tools:
            raise BackendError("the toy model has no chat template that shows tools")
        if isinstance(prompt, str):
            return self.encode(prompt)
        return self.encode("\n".join(str(message.get("content", "")) for message in prompt))

    def row(self, context: Sequence[int], /) -> npt.NDArray[np.float32]:
        """Logits after `context` (the prompt's and the sequence's tokens), shape ``(V,)``."""
        key = tuple(context[len(context) - min(self._order, len(context)) :])
        row = self._rows.get(key)
        if row is None:
            code = len(key)
            for token in key:
                code = (code * _MIX + token + 1) % _WORD
            rng = Generator(Philox(key=np.array([self._seed, code], dtype=np.uint64)))
            noise = rng.standard_normal(self._vocabulary.size) * self._scale
            row = (noise + self._bias).astype(np.float32)
            row.flags.writeable = False
            self._rows[key] = row
        return row

    def logps(self, context: Sequence[int], /, temperature: float = 1.0) -> npt.NDArray[np.float64]:
        """Log-probabilities after `context`, shape ``(V,)``, in float64."""
        row = self.row(context).astype(np.float64) / temperature
        top = row.max()
        return row - (top + np.log(np.exp(row - top).sum()))

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> MarkovSession:
        """A session after `prompt_ids`, with `rows` copies."""
        return MarkovSession(self, prompt_ids, rows)


class ToyModel(MarkovModel):
    """Noise over single bytes: no weights to load, no sense in what it says.

    For trying things out offline, and for tests: whatever it is asked for, it is the constraint
    that makes the text well-formed.
    """

    def __init__(self, seed: int = 0) -> None:
        vocabulary = Vocabulary(
            [*(bytes([byte]) for byte in range(256)), None],
            eos_token_ids=[256],
            special_tokens={"<end>": 256},
        )
        super().__init__(vocabulary, order=2, seed=seed, scale=2.0)

    @property
    def name(self) -> str:
        """Always ``"toy"``."""
        return "toy"

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """Ids of the prompt's text, tool definitions first."""
        told = "".join(f"{json.dumps(tool)}\n" for tool in tools)
        return [*self.encode(told), *super().prompt_ids(prompt)]


class MarkovSession:
    """Rows of sequences after a shared prompt; see `structgen.models.protocol.Session`."""

    def __init__(self, model: MarkovModel, prompt_ids: Sequence[int], rows: int) -> None:
        if rows < 1:
            raise ValueError(f"a session has at least one row, given {rows}")
        self._model = model
        self._contexts = [list(prompt_ids) for _ in range(rows)]
        self._forwards = 1
        self._trees: list[TokenTree] | None = None

    @property
    def rows(self) -> int:
        """How many sequences."""
        return len(self._contexts)

    @property
    def forwards(self) -> int:
        """Forward passes spent, the prompt's included."""
        return self._forwards

    def logits(self) -> npt.NDArray[np.float32]:
        """Next-token logits of every row, shape ``(rows, V)``."""
        return np.stack([self._model.row(context) for context in self._contexts])

    def append(self, token_ids: Sequence[int | None], /) -> None:
        """Commit one token to every row; None leaves a row as it is."""
        self._expect(len(token_ids))
        for context, token in zip(self._contexts, token_ids, strict=True):
            if token is not None:
                context.append(token)
        self._forwards += 1
        self._trees = None

    def select(self, rows: Sequence[int], /) -> None:
        """Row i becomes a copy of the old row ``rows[i]``."""
        self._contexts = [list(self._contexts[row]) for row in rows]
        self._trees = None

    def expand(self, trees: Sequence[TokenTree], /) -> list[npt.NDArray[np.float32]]:
        """Score one tree per row, in one forward pass, committing nothing."""
        self._expect(len(trees))
        scored: list[npt.NDArray[np.float32]] = []
        for context, tree in zip(self._contexts, trees, strict=True):
            paths: list[list[int]] = []
            out = np.zeros((len(tree.tokens), self._model.vocabulary.size), dtype=np.float32)
            for node, (token, parent) in enumerate(zip(tree.tokens, tree.parents, strict=True)):
                if not -1 <= parent < node:
                    raise ValueError(f"node {node} has parent {parent}")
                paths.append([*(paths[parent] if parent >= 0 else ()), token])
                out[node] = self._model.row([*context, *paths[node]])
            scored.append(out)
        self._forwards += 1
        self._trees = list(trees)
        return scored

    def commit(self, paths: Sequence[Sequence[int]], /) -> None:
        """Keep, per row, the nodes of the last `expand` named root to leaf."""
        if self._trees is None:
            raise ValueError("`commit` needs an `expand` before it")
        self._expect(len(paths))
        for context, tree, path in zip(self._contexts, self._trees, paths, strict=True):
            parent = -1
            for node in path:
                if tree.parents[node] != parent:
                    raise ValueError(f"{list(path)} is not a path of the tree")
                context.append(tree.tokens[node])
                parent = node
        self._trees = None

    def _expect(self, given: int) -> None:
        if given != len(self._contexts):
            raise ValueError(f"{given} entries for {len(self._contexts)} rows")
