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

    `weight[x]` is the model's probability of x; `local[x]` the probability that masked sampling
    draws it (the local projection), zero-weight dead ends aside.
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


def enumerate_law(
    model: ExactModel,
    compiled: Compiled,
    prompt: Sequence[int] = (),
    *,
    max_tokens: int,
    temperature: float = 1.0,
    closing: bool = False,
    cut: bool = False,
    limit: int = 1_000_000,
) -> Law:
    """Every token sequence of at most `max_tokens` tokens, its end token included, that
    `compiled` allows step by step and that ends.

    With `closing`, only sequences along which a closing plan fits the budget after every step,
    by the rule of `structgen.samplers.walk`. With `cut`, sequences of exactly `max_tokens` tokens
    without an end token count as well if their text is complete as it stands.

    Cost: exponential; for toys.

    Raises:
        LimitExceeded: more than `limit` prefixes.
    """
    ends = set(compiled.vocabulary.eos_token_ids)
    weight: dict[Tokens, float] = {}
    local: dict[Tokens, float] = {}
    visited = 0
    start = compiled.matcher()
    plan = start.completion_tokens() if closing else None
    stack: list[tuple[Matcher, Tokens, list[int] | None, float, float]] = [
        (start, (), plan, 0.0, 0.0)
    ]
    while stack:
        matcher, tokens, plan, logp, log_local = stack.pop()
        visited += 1
        if visited > limit:
            raise LimitExceeded("too many prefixes to enumerate", name="limit", limit=limit)
        left = max_tokens - len(tokens)
        if left == 0:
            if cut and matcher.is_accepting():
                weight[tokens] = math.exp(logp)
                local[tokens] = math.exp(log_local)
            continue
        row = model.logps([*prompt, *tokens], temperature)
        moves: list[tuple[int, Matcher, list[int] | None]] = []
        for token in range(row.size):
            if not matcher.allows(token):
                continue
            after = matcher.fork()
            after.advance(token)
            onward: list[int] | None = None
            if closing and token not in ends:
                rest = plan[1:] if plan and plan[0] == token else None
                found = after.completion_tokens()
                known = [way for way in (rest, found) if way is not None]
                if not known or len(min(known, key=len)) + 2 > left:
                    continue
                onward = min(known, key=len)
            moves.append((token, after, onward))
        mass = math.fsum(math.exp(row[token]) for token, _, _ in moves)
        for token, after, onward in moves:
            now = logp + float(row[token])
            here = log_local + float(row[token]) - math.log(mass)
            if token in ends:
                weight[(*tokens, token)] = math.exp(now)
                local[(*tokens, token)] = math.exp(here)
            else:
                stack.append((after, (*tokens, token), onward, now, here))
    return Law(weight=weight, local=local)


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
