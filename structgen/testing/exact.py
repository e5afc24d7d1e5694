"""Ground truth on toy models: enumeration of languages and of the laws that samplers promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Compiled, Matcher
from structgen.errors import LimitExceeded
from structgen.testing.graph import TokenGraph

Tokens = tuple[int, ...]


class ExactModel(Protocol):
    """A model whose next-token law can be asked for any context."""

    def logps(self, context: Sequence[int], /, temperature: float = 1.0) -> npt.NDArray[np.float64]:
        """Log-probabilities after `context`, shape ``(V,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Law:
    """The texts of a language within a budget, as token sequences with their end token.

    `weight[x]` is the model's probability of x. `local[x]` is the probability that a sampler with
    perfect foresight draws it token by token: the product of the model's probabilities, each
    normalised over the tokens after which some text of the language within the budget remains.
    Masked sampling has this law where masks and completions are exact.
    """

    weight: dict[Tokens, float]
    local: dict[Tokens, float]

    @property
    def evidence(self) -> float:
        """The model's probability of the language: the sum of `weight`."""
        return math.fsum(self.weight.values())

    def posterior(self) -> dict[Tokens, float]:
        """The model conditioned on the language."""
        evidence = self.evidence
        return {tokens: weight / evidence for tokens, weight in self.weight.items()}


_Subtree = list[tuple[Tokens, float, float]]
"""The texts below a prefix: tokens, log-probability, log of the local law given the prefix."""


def enumerate_law(
    model: ExactModel,
    compiled: Compiled,
    prompt: Sequence[int] = (),
    *,
    max_tokens: int,
    temperature: float = 1.0,
    cut: bool = False,
    limit: int = 1_000_000,
) -> Law:
    """Every text of `compiled` with at most `max_tokens` tokens, its end token included.

    Of the constraint only `allows` is asked, token by token: neither masks nor completions nor
    the rules by which samplers keep a budget have a say. With `cut`, sequences of exactly
    `max_tokens` tokens without an end token count as well if their text is complete as it stands:
    the law of free text, which a budget cuts.

    Cost: exponential; for toys.

    Raises:
        LimitExceeded: more than `limit` prefixes.
    """
    ends = set(compiled.vocabulary.eos_token_ids)
    visited = 0

    def below(matcher: Matcher, tokens: Tokens, logp: float) -> _Subtree:
        nonlocal visited
        visited += 1
        if visited > limit:
            raise LimitExceeded("too many prefixes to enumerate", name="limit", limit=limit)
        if len(tokens) == max_tokens:
            return [(tokens, logp, 0.0)] if cut and matcher.is_accepting() else []
        row = model.logps([*prompt, *tokens], temperature)
        grown: list[tuple[float, _Subtree]] = []
        for token in range(row.size):
            if not matcher.allows(token):
                continue
            now, step = (*tokens, token), float(row[token])
            if token in ends:
                grown.append((step, [(now, logp + step, 0.0)]))
                continue
            after = matcher.fork()
            after.advance(token)
            subtree = below(after, now, logp + step)
            if subtree:
                grown.append((step, subtree))
        mass = math.fsum(math.exp(step) for step, _ in grown)
        return [
            (text, log_weight, log_local + step - math.log(mass))
            for step, subtree in grown
            for text, log_weight, log_local in subtree
        ]

    texts = below(compiled.matcher(), (), 0.0)
    return Law(
        weight={tokens: math.exp(log_weight) for tokens, log_weight, _ in texts},
        local={tokens: math.exp(log_local) for tokens, _, log_local in texts},
    )


def graph_evidence(
    model: ExactModel,
    graph: TokenGraph,
    prompt: Sequence[int] = (),
    *,
    max_tokens: int,
    cut: bool = False,
) -> float:
    """The probability that an order-1 `model` writes a text of `graph` within `max_tokens`
    tokens, end token included, by dynamic programming over (last token, state).

    With `cut`, a text of `max_tokens` tokens counts without an end token if it is complete.
    """
    alive: dict[tuple[int | None, int], float] = {(None, 0): 1.0}
    total = 0.0
    for _ in range(max_tokens):
        following: dict[tuple[int | None, int], float] = {}
        for (last, state), mass in alive.items():
            context = [*prompt] if last is None else [*prompt, last]
            p = np.exp(model.logps(context))
            if state in graph.accepting:
                total += mass * float(sum(p[end] for end in graph.ends))
            for token, target in graph.edges[state].items():
                if target in graph.distance:
                    key = (token, target)
                    following[key] = following.get(key, 0.0) + mass * float(p[token])
        alive = following
    if cut:
        total += math.fsum(mass for (_, state), mass in alive.items() if state in graph.accepting)
    return total
