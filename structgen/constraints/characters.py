"""Tokens that end inside a character, and what may become of the bytes they leave.

A vocabulary cuts text anywhere between bytes. After a token that ends inside a code point only
tokens whose first bytes continue it can follow, some hundreds of them; and what they can make of
the rest are some dozens to thousands of characters. Both depend on the vocabulary and the rest
alone, and are worked out once.
"""

from __future__ import annotations

import codecs
import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from structgen._core import Vocabulary

Words = npt.NDArray[np.int32]

_MASKS_KEPT = 256
_TEXTS_KEPT = 64
_VOCABULARIES_KEPT = 4
_CONTINUATION_BYTES = range(0x80, 0xC0)

_UTF8_DECODER = codecs.getincrementaldecoder("utf-8")


def extend_text(pending: bytes, more: bytes) -> tuple[str, bytes] | None:
    """Decode ``pending + more``: the whole characters, and the rest that is not yet one.

    None if no continuation makes it valid UTF-8.
    """
    decoder = _UTF8_DECODER("strict")
    try:
        text = decoder.decode(pending + more, False)
    except UnicodeDecodeError:
        return None
    rest, _ = decoder.getstate()
    # Python's decoder waits for a third byte before it refuses a surrogate.
    if rest[:1] == b"\xed" and rest[1:2] >= b"\xa0":
        return None
    return text, rest


class Continuations:
    """What may follow a rest of bytes, for one vocabulary. Thread-safe."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._special = set(vocabulary.special_tokens.values()) | set(vocabulary.eos_token_ids)
        self._masks: OrderedDict[bytes, Words] = OrderedDict()
        self._texts: OrderedDict[bytes, tuple[str, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def mask(self, pending: bytes) -> Words:
        """The tokens that stand for text and continue `pending` as UTF-8: one read-only mask row.

        Cost: at first some 50 ms for 128k tokens without a rest, some 1 ms with one.
        """
        with self._lock:
            known = self._masks.get(pending)
        if known is not None:
            return known
        bits = np.zeros(self._vocabulary.mask_words * 32, dtype=np.uint8)
        bits[[token for token, _ in self._following(pending)]] = 1
        words = np.packbits(bits, bitorder="little").view(np.int32)
        words.flags.writeable = False
        with self._lock:
            self._masks[pending] = words
            if len(self._masks) > _MASKS_KEPT:
                # Not the row without a rest, which every position needs.
                oldest = next(key for key in self._masks if key)
                del self._masks[oldest]
        return words

    def texts_after(self, pending: bytes) -> Iterator[str]:
        """The texts that tokens can make of `pending`, up to the end of the first token that
        completes its character; those first that end between characters.

        Cost: of a rest that lacks two bytes or less, some 5 ms at first; one that lacks three is
        worked out as far as it is asked.
        """
        with self._lock:
            known = self._texts.get(pending)
        if known is not None:
            yield from known
            return
        if _missing(pending) > 2:
            yield from self._new_texts(pending)
            return
        texts = tuple(self._new_texts(pending))
        with self._lock:
            self._texts[pending] = texts
            if len(self._texts) > _TEXTS_KEPT:
                self._texts.popitem(last=False)
        yield from texts

    def _new_texts(self, pending: bytes) -> Iterator[str]:
        seen: set[str] = set()
        late: list[str] = []
        rests = [pending]
        while rests:
            rest = rests.pop(0)
            for _, (text, left) in self._following(rest):
                if not text:
                    if left not in rests:
                        rests.append(left)
                elif text not in seen:
                    seen.add(text)
                    if left:
                        late.append(text)
                    else:
                        yield text
        yield from late

    def _following(self, pending: bytes) -> Iterator[tuple[int, tuple[str, bytes]]]:
        """Tokens that continue `pending`, with what they make of it."""
        vocabulary = self._vocabulary
        tokens: Iterator[int] | range = range(vocabulary.size)
        if pending:
            tokens = (
                token
                for byte in _CONTINUATION_BYTES
                for token in vocabulary.tokens_with_prefix(bytes([byte]))
            )
        for token in tokens:
            data = None if token in self._special else vocabulary.token_bytes(token)
            extended = extend_text(pending, data) if data else None
            if extended is not None:
                yield token, extended


def _missing(pending: bytes) -> int:
    """How many bytes the character that `pending` begins still lacks."""
    lead = pending[0]
    return (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4) - len(pending)


_known: OrderedDict[str, Continuations] = OrderedDict()
_known_lock = threading.Lock()


def continuations(vocabulary: Vocabulary) -> Continuations:
    """What is known of `vocabulary`; that of the last few is kept."""
    with _known_lock:
        known = _known.get(vocabulary.fingerprint)
        if known is None:
            known = _known[vocabulary.fingerprint] = Continuations(vocabulary)
            while len(_known) > _VOCABULARIES_KEPT:
                _known.popitem(last=False)
    return known
