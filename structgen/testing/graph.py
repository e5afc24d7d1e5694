"""Enumerable constraints over tokens, in pure Python, that implement the matcher protocol.

`TokenGraph` is a deterministic automaton whose edges are tokens. What it *says* about itself can
be weakened on purpose, to exercise samplers: an exact mask, an upper bound of it, or no mask at
all; and probes that know dead states or do not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from structgen._core import Limits, Vocabulary
from structgen.errors import EmptyLanguageError, MatcherFinished
from structgen.samplers.rows import pack_mask
from structgen.types import Exactness

Edges = Sequence[Mapping[int, int]]
"""Per state, the state that each token leads to."""


class TokenGraph:
    """A compiled constraint: a token-level automaton. State 0 is the start.

    Args:
        vocabulary: its end tokens may come wherever a state is accepting.
        edges: per state, token -> state. End tokens are not named here.
        accepting: states where the text is complete.
        exactness: what the mask is. ``"exact"``: the tokens after which an accepting state can
            be reached. ``"superset"``: all edges, dead ends included. ``"probe"``: all tokens.
        blind: probes, too, allow edges into dead ends, so that sequences die.
        completions: whether `completion_tokens` knows the shortest completion. If it does, and
            probes are not `blind`, texts are promised to end complete within a token budget.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        edges: Edges,
        accepting: Iterable[int],
        *,
        exactness: Exactness = "exact",
        blind: bool = False,
        completions: bool = True,
    ) -> None:
        if blind and exactness == "exact":
            raise ValueError("a blind graph has dead ends: its mask is not exact")
        self._vocabulary = vocabulary
        self._exactness: Exactness = exactness
        self.edges = [dict(row) for row in edges]
        self.accepting = frozenset(accepting)
        self.blind = blind
        self.completions = completions
        self.ends = frozenset(vocabulary.eos_token_ids)
        self.distance = self._distances()
        if 0 not in self.distance:
            raise EmptyLanguageError("no accepting state can be reached from the start")
        self._masks: dict[int, npt.NDArray[np.int32]] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._vocabulary

    @property
    def exactness(self) -> Exactness:
        """What the mask is."""
        return self._exactness

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> TokenGraph:
        """Itself: a graph is made for one vocabulary, and needs no limits."""
        del limits
        if vocabulary.fingerprint != self._vocabulary.fingerprint:
            raise ValueError("a token graph belongs to the vocabulary it was made for")
        return self

    def matcher(self) -> GraphMatcher:
        """A position at the start."""
        return GraphMatcher(self, [0], [])

    def _distances(self) -> dict[int, int]:
        """Tokens to the nearest accepting state; dead states are missing."""
        before: list[list[int]] = [[] for _ in self.edges]
        for state, row in enumerate(self.edges):
            for target in row.values():
                before[target].append(state)
        distance = dict.fromkeys(sorted(self.accepting), 0)
        queue = deque(distance)
        while queue:
            state = queue.popleft()
            for previous in before[state]:
                if previous not in distance:
                    distance[previous] = distance[state] + 1
                    queue.append(previous)
        return distance

    def target(self, state: int, token: int) -> int | None:
        """Where `token` leads; None if nowhere, or into a dead end that is known."""
        target = self.edges[state].get(token)
        if target is None or (target not in self.distance and not self.blind):
            return None
        return target

    def mask(self, state: int) -> npt.NDArray[np.int32]:
        """The packed mask of `state`, as weak as `exactness` says."""
        words = self._masks.get(state)
        if words is None:
            allowed = np.zeros(self._vocabulary.size, dtype=np.bool_)
            if self._exactness == "probe":
                allowed[:] = True
            else:
                for token, target in self.edges[state].items():
                    allowed[token] = self._exactness == "superset" or target in self.distance
                if state in self.accepting:
                    allowed[list(self.ends)] = True
            words = pack_mask(allowed)
            self._masks[state] = words
        return words

    def shortest(self, state: int) -> list[int] | None:
        """The shortest completion of `state`, least ids first; None if it is dead."""
        if state not in self.distance:
            return None
        path: list[int] = []
        while self.distance[state]:
            here = self.distance[state]
            token = min(
                token
                for token, target in self.edges[state].items()
                if self.distance.get(target, here) < here
            )
            path.append(token)
            state = self.edges[state][token]
        return path


_ENDED = -1


class GraphMatcher:
    """A position in a `TokenGraph`; see `structgen.constraints.protocol.Matcher`."""

    __slots__ = ("_graph", "_states", "_tokens")

    def __init__(self, graph: TokenGraph, states: Sequence[int], tokens: Sequence[int]) -> None:
        self._graph = graph
        self._states = list(states)
        self._tokens = list(tokens)

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._graph.vocabulary

    @property
    def exactness(self) -> Exactness:
        """What the mask is."""
        return self._graph.exactness

    @property
    def closes(self) -> bool:
        """Whether a completion is known wherever a probe leads."""
        return self._graph.completions and not self._graph.blind

    @property
    def tokens(self) -> list[int]:
        """Tokens committed so far, the end token included."""
        return list(self._tokens)

    @property
    def state(self) -> int:
        """The graph's state; -1 after the end token."""
        return self._states[-1]

    def _after(self, state: int, token: int) -> int | None:
        if token in self._graph.ends:
            return _ENDED if state in self._graph.accepting else None
        return self._graph.target(state, token)

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """Write the packed mask of this position; all zero after the end token."""
        mask[row] = 0 if self.state == _ENDED else self._graph.mask(self.state)

    def allows(self, token_id: int, /) -> bool:
        """Whether `token_id` may come next."""
        return self.state != _ENDED and self._after(self.state, token_id) is not None

    def advance(self, token_id: int, /) -> bool:
        """Commit a token; False, and nothing changes, if it is not allowed."""
        if self.state == _ENDED:
            raise MatcherFinished("the text has ended")
        after = self._after(self.state, token_id)
        if after is None:
            return False
        self._states.append(after)
        self._tokens.append(token_id)
        return True

    def validate(self, token_ids: Sequence[int], /) -> int:
        """How many of `token_ids` could be committed in order."""
        state = self.state
        for i, token in enumerate(token_ids):
            after = None if state == _ENDED else self._after(state, token)
            if after is None:
                return i
            state = after
        return len(token_ids)

    def rollback(self, count: int, /) -> None:
        """Take back the last `count` tokens."""
        if not 0 <= count <= len(self._tokens):
            raise ValueError(f"cannot take back {count} of {len(self._tokens)} tokens")
        if count:
            del self._tokens[-count:]
            del self._states[-count:]

    def fork(self) -> GraphMatcher:
        """An independent copy."""
        return GraphMatcher(self._graph, self._states, self._tokens)

    def is_accepting(self) -> bool:
        """Whether the text so far is complete."""
        return self.state == _ENDED or self.state in self._graph.accepting

    def is_terminated(self) -> bool:
        """Whether an end token was committed."""
        return self.state == _ENDED

    def forced_text(self) -> str:
        """The text of single edges, up to the first choice."""
        pieces: list[bytes] = []
        state = self.state
        while state != _ENDED and state not in self._graph.accepting and len(pieces) < 1000:
            live = [
                (token, target)
                for token, target in self._graph.edges[state].items()
                if target in self._graph.distance
            ]
            if len(live) != 1:
                break
            pieces.append(self.vocabulary.token_bytes(live[0][0]) or b"")
            state = live[0][1]
        return b"".join(pieces).decode(errors="ignore")

    def completion_tokens(self) -> list[int] | None:
        """The shortest completion, without the end token."""
        if not self._graph.completions:
            return None
        return [] if self.state == _ENDED else self._graph.shortest(self.state)


def finite_language(
    vocabulary: Vocabulary,
    texts: Iterable[str | bytes],
    *,
    exactness: Exactness = "exact",
    completions: bool = True,
) -> TokenGraph:
    """All tokenizations of the given texts, as a `TokenGraph` whose states are prefixes.

    Raises:
        EmptyLanguageError: the vocabulary can spell none of them.
    """
    whole = {text.encode() if isinstance(text, str) else text for text in texts}
    prefixes = {text[:end] for text in whole for end in range(len(text) + 1)} | {b""}
    names = {
        prefix: state for state, prefix in enumerate(sorted(prefixes, key=lambda p: (p != b"", p)))
    }
    edges: list[dict[int, int]] = [{} for _ in names]
    for token in range(vocabulary.size):
        piece = vocabulary.token_bytes(token)
        if not piece or token in vocabulary.eos_token_ids:
            continue
        for prefix, state in names.items():
            target = names.get(prefix + piece)
            if target is not None:
                edges[state][token] = target
    accepting = [names[text] for text in whole]
    return TokenGraph(vocabulary, edges, accepting, exactness=exactness, completions=completions)


def random_graph(
    vocabulary: Vocabulary,
    rng: Generator,
    *,
    states: int = 6,
    density: float = 0.5,
    accepting: float = 0.3,
    dead: int = 0,
    exactness: Exactness = "exact",
    blind: bool = False,
    completions: bool = True,
) -> TokenGraph:
    """A random automaton with a non-empty language; the last `dead` states have no way out."""
    ids = [
        token
        for token in range(vocabulary.size)
        if vocabulary.token_bytes(token) and token not in vocabulary.eos_token_ids
    ]
    while True:
        edges: list[dict[int, int]] = []
        for state in range(states + dead):
            row: dict[int, int] = {}
            if state < states:
                for token in ids:
                    if rng.random() < density:
                        row[token] = int(rng.integers(states + dead))
            edges.append(row)
        final = [state for state in range(states) if rng.random() < accepting]
        try:
            return TokenGraph(
                vocabulary,
                edges,
                final,
                exactness=exactness,
                blind=blind,
                completions=completions,
            )
        except EmptyLanguageError:
            continue
