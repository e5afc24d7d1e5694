"""A logits processor for ``model.generate`` of Hugging Face `transformers`.

    processor = StructgenLogitsProcessor(sg.json_schema(schema), tokenizer)
    model.generate(**inputs, logits_processor=[processor])

`generate` does not call its processors with one growing text. Beam search swaps rows; assisted
decoding tries long prefixes, then shorter ones; finished rows go on with padding; and nothing says
where the prompt ends or a new call begins. So what a row may continue with is computed from the
row itself: a matcher is taken that shares the longest prefix with it, rolled back to there and
moved on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen._core import Matcher as NativeMatcher
from structgen.constraints.protocol import Compiled, Constraint, Matcher
from structgen.errors import ConstraintError, DeadEnd, MissingExtraError
from structgen.integrations.torch import unpack_mask
from structgen.masks import allocate_mask, fill_masks
from structgen.samplers import Closing, ClosingMatcher
from structgen.vocabulary import from_transformers

try:
    import torch
    from transformers import LogitsProcessor
except ImportError as error:
    raise MissingExtraError.of(error, "transformers", extra="transformers") from error

Ids = npt.NDArray[np.int64]


class StructgenLogitsProcessor(LogitsProcessor):
    """Lets ``model.generate`` write only what a constraint allows.

    Args:
        constraint: one for all rows, or a sequence with one per prompt of the batch (rows that
            beams or ``num_return_sequences`` make of a prompt share its constraint). Compiled
            constraints are taken as well.
        vocabulary: the model's, or its tokenizer (of which a vocabulary is made, with the
            tokenizer's own end token only). Not needed for compiled constraints.
        limits: budgets of compilation.
        prompt_length: number of prompt ids, padding included. Default: recognised. The first call
            is at the prompt's end, and a call that does not continue what was seen (other prompt,
            other number of rows, a jump in length) begins anew. Give it where the first call may
            come later, or to continue a text that another call of ``generate`` began.
        pad_token_id: what a finished row is filled with; default: the first end token.
        probes: how many candidates are asked for one by one, per row and step, where a constraint
            has no exact mask (``exactness`` "superset" or "probe"). The row is cut to those
            allowed among the `probes` likeliest ones, or, if there are none, to the likeliest
            allowed one: like top-k, that changes the law of sampling but never lets a forbidden
            token through. Constraints with exact masks are not cut, unless `max_new_tokens` is
            given.
        max_new_tokens: the budget that ``model.generate`` is called with, the end token included.
            Every row then ends complete within it, where the constraint has exact masks: a token
            is let through only if a completion after it fits (`structgen.samplers.Closing`).
            Default: no budget; a row may be cut at that of ``model.generate``, incomplete.

    One instance serves any number of `generate` calls, one after the other: greedy, sampling,
    beams, assisted (draft model or prompt lookup), batches with left padding. A prefix that the
    constraint forbids (a draft not yet checked) leaves its scores as they are: there is nothing
    to say after it. Continuous batching (``generate_batch``) passes no prefixes and cannot be
    served. Cost per row and step: the memoised mask and its transfer of ``V / 8`` bytes.

    Raises:
        DeadEnd: nothing may follow a row's text, though it is not complete.
        TokenBudgetError: no complete text fits `max_new_tokens`.
        ConstraintError: the number of constraints does not divide the number of rows.
    """

    def __init__(
        self,
        constraint: Constraint | Compiled | Sequence[Constraint | Compiled],
        vocabulary: object = None,
        *,
        limits: Limits | None = None,
        prompt_length: int | None = None,
        pad_token_id: int | None = None,
        probes: int = 64,
        max_new_tokens: int | None = None,
    ) -> None:
        if probes < 1:
            raise ConstraintError(f"`probes` is {probes}; at least 1 candidate must be asked for")
        if prompt_length is not None and prompt_length < 0:
            raise ConstraintError(f"`prompt_length` is {prompt_length}; it cannot be negative")
        given = constraint if isinstance(constraint, Sequence) else [constraint]
        if not given:
            raise ConstraintError("a batch needs at least one constraint")
        known = vocabulary
        if known is not None and not isinstance(known, Vocabulary):
            known = from_transformers(known)
        # The same constraint for several prompts is compiled once.
        compiled: dict[int, Compiled] = {}
        for one in given:
            if id(one) not in compiled:
                bound = _compile(one, known, limits)
                if max_new_tokens is not None:
                    bound = Closing(bound, max_new_tokens)
                compiled[id(one)] = bound
        self._compiled = [compiled[id(one)] for one in given]
        self._pools = [_Pool(one) for one in self._compiled]
        self._vocabulary = self._compiled[0].vocabulary
        if any(one.vocabulary.size != self._vocabulary.size for one in self._compiled):
            raise ConstraintError(
                "the constraints are compiled for vocabularies of different sizes"
            )
        self._pad = self._vocabulary.eos_token_ids[0] if pad_token_id is None else pad_token_id
        self._probes = probes
        self._fixed_length = prompt_length
        self._prompts: Ids | None = None
        self._longest = 0

    def reset(self) -> None:
        """Take the next call as the beginning of a new generation."""
        self._prompts = None
        for pool in self._pools:
            pool.clear()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, shape ``(rows, V)``, with what may not follow `input_ids`, shape
        ``(rows, length)``, at minus infinity. A new tensor: prompt lookup passes the same one
        again and again."""
        ids = cast(Ids, input_ids.detach().cpu().numpy())
        begin = self._prompt_length(ids)
        rows = len(ids)
        if rows % len(self._pools):
            raise ConstraintError(f"{len(self._pools)} constraints for {rows} rows")
        share = rows // len(self._pools)
        for pool in self._pools:
            pool.release()
        matchers = [
            self._pools[row // share].at([int(i) for i in ids[row, begin:]]) for row in range(rows)
        ]
        allowed = self._allowed(matchers, scores)
        return scores.masked_fill(~allowed, -torch.inf)

    def _prompt_length(self, ids: Ids) -> int:
        """Where the generated ids begin; starts anew if `ids` continue nothing seen before."""
        length = ids.shape[1]
        known = self._prompts
        continues = (
            known is not None
            and len(known) == len(ids)
            and known.shape[1] <= length <= self._longest + 1
            and bool((ids[:, : known.shape[1]] == known).all())
        )
        if not continues:
            begin = length if self._fixed_length is None else min(self._fixed_length, length)
            self.reset()
            self._prompts = known = ids[:, :begin].copy()
            self._longest = length
        self._longest = max(self._longest, length)
        assert known is not None
        return known.shape[1]

    def _allowed(self, matchers: Sequence[Matcher | None], scores: torch.Tensor) -> torch.Tensor:
        """Which tokens may come next, shape ``(rows, V)`` of the scores."""
        size, width = self._vocabulary.size, scores.shape[1]
        mask = allocate_mask(len(matchers), size)
        running = [
            (row, matcher)
            for row, matcher in enumerate(matchers)
            if matcher is not None and not matcher.is_terminated()
        ]
        native = [(row, m) for row, m in running if isinstance(m, NativeMatcher)]
        if native:
            fill_masks([m for _, m in native], mask, [row for row, _ in native])
        for row, matcher in running:
            if not isinstance(matcher, NativeMatcher):
                matcher.fill_mask(mask, row)
        allowed = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
        bits = unpack_mask(torch.as_tensor(mask, device=scores.device))[:, : min(size, width)]
        allowed[:, : bits.shape[1]] = bits
        for row, matcher in running:
            if matcher.exactness != "exact":
                self._probe(matcher, allowed[row], scores[row])
            elif not bool(mask[row].any()):
                raise _dead_end(matcher)
        for row, matcher in enumerate(matchers):
            if matcher is None:
                allowed[row] = True
            elif matcher.is_terminated():
                allowed[row] = False
                allowed[row, self._pad] = True
        return allowed

    def _probe(self, matcher: Matcher, allowed: torch.Tensor, scores: torch.Tensor) -> None:
        """Cut `allowed` to what is known to be: see `probes` of the class."""
        ranked = scores.masked_fill(~allowed, -torch.inf).argsort(descending=True)
        candidates = cast(Ids, ranked[: int(allowed.sum())].cpu().numpy())
        allowed[:] = False
        found = False
        for asked, token in enumerate(map(int, candidates)):
            if asked >= self._probes:
                if found:
                    break
                # Where the budget is tight, hardly any token but the completion's may come.
                if isinstance(matcher, ClosingMatcher) and matcher.sure is not None:
                    allowed[matcher.sure] = found = True
                    break
            if matcher.allows(token):
                allowed[token] = found = True
        if not found:
            raise _dead_end(matcher)


class _Pool:
    """Matchers of one constraint, by the tokens they have gone through."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._idle: list[_Walker] = []
        self._busy: list[_Walker] = []

    def clear(self) -> None:
        self._idle, self._busy = [], []

    def release(self) -> None:
        """A new step begins: every matcher may be moved again."""
        self._idle, self._busy = self._busy or self._idle, []

    def at(self, tokens: list[int]) -> Matcher | None:
        """A matcher after `tokens`, which nobody else has in this step; None if the constraint
        does not allow them."""
        best: _Walker | None = None
        shared = -1
        # Those in use come second: they must be copied.
        for walker in (*self._idle, *self._busy):
            common = walker.common(tokens)
            if common > shared:
                best, shared = walker, common
        if best is None:
            best = _Walker(self._compiled.matcher())
        elif best in self._busy:
            best = best.fork()
        else:
            self._idle.remove(best)
        self._busy.append(best)
        return best.matcher if best.move(tokens) else None


class _Walker:
    """A matcher with the tokens it was led along: those it took, then those it refused."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._taken: list[int] = []

    def fork(self) -> _Walker:
        copy = _Walker(self.matcher.fork())
        copy._taken = list(self._taken)
        return copy

    def common(self, tokens: list[int]) -> int:
        """Length of the common prefix with `tokens`."""
        taken = self._taken
        count = min(len(taken), len(tokens))
        if taken[:count] == tokens[:count]:
            return count
        return next(i for i in range(count) if taken[i] != tokens[i])

    def move(self, tokens: list[int]) -> bool:
        """Go to the position after `tokens`; False if they are not allowed. What follows an end
        token is padding."""
        common = self.common(tokens)
        if common < len(self._taken):
            self.matcher.rollback(len(self._taken) - common)
            del self._taken[common:]
        for token in tokens[common:]:
            if self.matcher.is_terminated():
                return True
            if not self.matcher.advance(token):
                return False
            self._taken.append(token)
        return True


def _compile(
    constraint: Constraint | Compiled, vocabulary: Vocabulary | None, limits: Limits | None
) -> Compiled:
    if isinstance(constraint, Compiled):
        return constraint
    if vocabulary is None:
        raise ConstraintError(
            "a constraint that is not compiled yet needs the vocabulary",
            hint="StructgenLogitsProcessor(constraint, tokenizer)",
        )
    return constraint.compile(vocabulary, limits)


def _dead_end(matcher: Matcher) -> DeadEnd:
    position = len(matcher.tokens)
    return DeadEnd(
        f"no token may follow the {position} generated so far, and the text is not complete",
        position=position,
    )
