"""The constraint that allows everything: unconstrained text, in the terms of the others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from structgen._core import Vocabulary
from structgen.errors import MatcherFinished
from structgen.samplers.rows import Allowed, pack_mask
from structgen.types import Exactness

# PERF: one call per token, about 20 ms for 128k; generation without a constraint asks each time.
_KNOWN: OrderedDict[str, Allowed] = OrderedDict()
_KNOWN_VOCABULARIES = 8


def _tokens_of(vocabulary: Vocabulary) -> Allowed:
    """Which logits columns are tokens at all, shape ``(V,)``."""
    known = _KNOWN.get(vocabulary.fingerprint)
    if known is None:
        known = np.zeros(vocabulary.size, dtype=np.bool_)
        for token in range(vocabulary.size):
            known[token] = vocabulary.token_bytes(token) is not None
        named = [*vocabulary.special_tokens.values(), *vocabulary.eos_token_ids]
        known[np.array(named, dtype=np.intp)] = True
        known.flags.writeable = False
        _KNOWN[vocabulary.fingerprint] = known
        while len(_KNOWN) > _KNOWN_VOCABULARIES:
            _KNOWN.popitem(last=False)
    return known


class FreeText:
    """Allows every token that the vocabulary has: text, special and end tokens.

    Padded columns of the logits stay forbidden. It offers no completion, so that a token budget
    cuts the text (``finish_reason="length"``) instead of closing it.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.allowed = _tokens_of(vocabulary)
        self.words = pack_mask(self.allowed)
        self.ends = frozenset(vocabulary.eos_token_ids)

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary it was made for."""
        return self._vocabulary

    @property
    def exactness(self) -> Exactness:
        """Always exact."""
        return "exact"

    def matcher(self) -> FreeMatcher:
        """A position at the start."""
        return FreeMatcher(self)


class FreeMatcher:
    """A position in free text: the tokens so far."""

    __slots__ = ("_compiled", "_tokens")

    open_ended = True
    """A budget cuts the text."""

    def __init__(self, compiled: FreeText, tokens: Sequence[int] = ()) -> None:
        self._compiled = compiled
        self._tokens = list(tokens)

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._compiled.vocabulary

    @property
    def exactness(self) -> Exactness:
        """Always exact."""
        return "exact"

    @property
    def tokens(self) -> list[int]:
        """Tokens committed so far, the end token included."""
        return list(self._tokens)

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """See `structgen.constraints.protocol.Matcher`."""
        mask[row] = 0 if self.is_terminated() else self._compiled.words

    def allows(self, token_id: int, /) -> bool:
        """Whether `token_id` is in the vocabulary, before the end."""
        inside = 0 <= token_id < self._compiled.allowed.size
        return inside and not self.is_terminated() and bool(self._compiled.allowed[token_id])

    def advance(self, token_id: int, /) -> bool:
        """Commit a token.

        Raises:
            MatcherFinished: after an end token.
        """
        if self.is_terminated():
            raise MatcherFinished("the text has ended")
        if not self.allows(token_id):
            return False
        self._tokens.append(token_id)
        return True

    def validate(self, token_ids: Sequence[int], /) -> int:
        """How many of `token_ids` could be committed in order."""
        if self.is_terminated():
            return 0
        for i, token in enumerate(token_ids):
            if not self.allows(token):
                return i
            if token in self._compiled.ends:
                return i + 1
        return len(token_ids)

    def rollback(self, count: int, /) -> None:
        """Take back the last `count` tokens."""
        if not 0 <= count <= len(self._tokens):
            raise ValueError(f"cannot take back {count} of {len(self._tokens)} tokens")
        if count:
            del self._tokens[-count:]

    def fork(self) -> FreeMatcher:
        """An independent copy."""
        return FreeMatcher(self._compiled, self._tokens)

    def is_accepting(self) -> bool:
        """Always: any text is complete."""
        return True

    def is_terminated(self) -> bool:
        """Whether an end token was committed."""
        return bool(self._tokens) and self._tokens[-1] in self._compiled.ends

    def forced_text(self) -> str:
        """Nothing is forced."""
        return ""

    def completion_tokens(self) -> list[int] | None:
        """None: free text is cut, not closed."""
        return None
