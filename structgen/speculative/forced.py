"""Drafting what the constraint forces: canonical tokenizations of forced text.

A constraint rarely forces a *token*: of a 59-token JSON text under a compact schema, two
positions allow one token only, but more than half of the bytes are forced, because any
tokenization of a forced string is allowed. A model nearly always continues with the tokenization
that its tokenizer would have produced, so that is what is proposed here (never injected: the
sampler still decides at every position, and its weights count the tokens it drew).

Two things make a tokenization of forced text canonical in its context:

* *Look-back*: the tokenizer may merge the forced text with what stands before it. The last few
  drawn tokens are encoded again together with the forced text, and the draft is kept if they come
  out as they were drawn.
* *Boundary*: the last tokens may merge with whatever follows the forced text. They are split off
  as a *tail* if some token of the vocabulary that the constraint allows spans the end of the
  forced text. The tail is drafted too, but under its own name, so that its acceptance is learned
  separately and the budget decides about it.

See `docs/fast_forward.md` of llguidance for the boundary rule: two tokens of look-back left no
non-canonical run on its benchmark, none left 97 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from structgen.constraints.protocol import Matcher
from structgen.models.protocol import LanguageModel
from structgen.speculative.draft import EMPTY, Draft, DraftContext, VerifiedRow

FORCED = "forced"
TAIL = "forced-tail"

_CHARS_PER_TOKEN = 16
"""Forced text is looked at up to this many characters per token wanted: far more than tokens have
on average, so that the place where it is cut is beyond the last token that is taken."""

_LONGEST_TOKEN = 128
"""Bytes from the end of forced text within which a spanning token is looked for; longer tokens
are runs of white space or dashes."""


class ForcedDrafter:
    """Proposes the canonical tokens of ``matcher.forced_text()``, as a chain.

    Cost: one call of the tokenizer on a few dozen characters, and one probe of the constraint per
    token. Where no text is forced but a single token is allowed (a special token, say), that one.
    """

    def __init__(self, *, look_back: int = 4) -> None:
        if look_back < 0:
            raise ValueError(f"look_back must not be negative, got {look_back}")
        self._look_back = look_back

    @property
    def name(self) -> str:
        """See `Drafter`."""
        return "forced"

    @property
    def costly(self) -> bool:
        """See `Drafter`."""
        return False

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        """Nothing to forget."""

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        """Nothing to learn."""

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        """See `Drafter`."""
        if limit <= 0:
            return EMPTY
        forced = context.matcher.forced_text()
        if not forced:
            return self._only_token(context)
        text = forced[: _CHARS_PER_TOKEN * limit]
        tail = context.generated_tail(self._look_back)
        ids = canonical_tokens(context.model, tail, text)
        allowed = context.matcher.validate(ids)
        if not allowed:
            return self._only_token(context)
        count = certain = min(allowed, limit)
        if len(text) == len(forced) and allowed == len(ids):
            certain = min(count, boundary(context.matcher, ids))
        return Draft(
            tokens=tuple(ids[:count]),
            parents=tuple(range(-1, count - 1)),
            sources=(FORCED,) * certain + (TAIL,) * (count - certain),
        )

    def _only_token(self, context: DraftContext) -> Draft:
        """The one allowed token, where only one is. An end token is left out: nothing follows
        it, so no row needs to be scored after it."""
        matcher = context.matcher
        if matcher.exactness != "exact":
            return EMPTY
        vocabulary = context.model.vocabulary
        mask = np.zeros((1, vocabulary.mask_words), dtype=np.int32)
        matcher.fill_mask(mask, 0)
        words = np.flatnonzero(mask[0])
        if len(words) != 1:
            return EMPTY
        bits = int(mask[0, words[0]]) & 0xFFFFFFFF
        if bits & (bits - 1):
            return EMPTY
        token = int(words[0]) * 32 + bits.bit_length() - 1
        return EMPTY if token in vocabulary.eos_token_ids else Draft.chain([token], FORCED)


def canonical_tokens(model: LanguageModel, tail: Sequence[int], text: str, /) -> list[int]:
    """Tokens that spell `text` the way the tokenizer would after the drawn tokens `tail`.

    Looks back over all of `tail` first, then over less of it, and returns the tokens after the
    look-back once that comes out as it was drawn. Empty if no look-back leads to tokens whose
    bytes are exactly those of `text` (a tokenizer that normalises, or puts a space in front).
    """
    vocabulary = model.vocabulary
    wanted = text.encode("utf-8")
    start = 0
    for i, token in enumerate(tail):
        if vocabulary.token_bytes(token) is None:  # a special token is a wall to the tokenizer
            start = i + 1
    for first in range(start, len(tail) + 1):
        kept = list(tail[first:])
        try:
            before = vocabulary.decode(kept).decode("utf-8")
        except UnicodeDecodeError:  # the look-back starts or ends inside a code point
            continue
        ids = model.encode(before + text)
        rest = ids[len(kept) :]
        if ids[: len(kept)] == kept and _spelling(model, rest) == wanted:
            return rest
    return []


def boundary(matcher: Matcher, ids: Sequence[int], /) -> int:
    """How many of `ids`, which spell forced text to its end, are sure to be canonical: no token
    that the constraint allows starts at one of them and reaches beyond the forced text.

    `ids` must be allowed by `matcher`, which stays where it is.
    """
    vocabulary = matcher.vocabulary
    mask = np.zeros((1, vocabulary.mask_words), dtype=np.int32)
    probe = matcher.fork()
    for token in ids:
        probe.advance(token)
    certain = len(ids)
    suffix = b""
    for j in range(len(ids) - 1, -1, -1):
        probe.rollback(1)
        suffix = (vocabulary.token_bytes(ids[j]) or b"") + suffix
        if len(suffix) >= _LONGEST_TOKEN:
            break
        spanning = np.asarray(vocabulary.tokens_with_prefix(suffix), dtype=np.int64)
        if not len(spanning):
            continue
        probe.fill_mask(mask, 0)
        allowed = spanning[(mask[0, spanning >> 5] >> (spanning & 31)) & 1 == 1]
        if any(len(vocabulary.token_bytes(t) or b"") > len(suffix) for t in allowed.tolist()):
            certain = j
    return certain


def _spelling(model: LanguageModel, ids: Sequence[int]) -> bytes | None:
    """The bytes of `ids`; None if one of them is not text."""
    parts = [model.vocabulary.token_bytes(token) for token in ids]
    return None if any(part is None for part in parts) else b"".join(p for p in parts if p)
