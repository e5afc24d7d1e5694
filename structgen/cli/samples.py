"""Sample texts that people can read.

`TextConstraint.sample` draws any member of a language, so names are control characters and CJK of
200 code points. Here a little language model that knows some words and small numbers writes under
the constraint: its texts are members all the same, and others come only where the language has
nothing plainer.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from structgen._core import Vocabulary
from structgen.constraints import TextConstraint
from structgen.errors import GenerationError, LimitExceeded, TokenBudgetError, VocabularyError
from structgen.models.toy import MarkovModel
from structgen.samplers import SamplerConfig, masked

MAX_BYTES = 400
"""Length within which a sample is brought to its end, unless every member is longer."""

_WORDS = """
amber april baker blue bridge bright candle castle cedar city clear cloud copper coral corner daily
dawn delta door early east echo field first flint forest garden gentle glass gold green harbor hazel
hill honey house island ivory jade june lake lamp leaf lemon light linen little lucky maple market
meadow mild mint moon morning north oak ocean olive open orange park pearl pine plain pond quiet
rain red river road rose salt sand second silver sky small snow south spring star stone storm summer
sun table tea third tiger timber town tree valley violet warm water west white willow wind winter
wood yellow
""".split()  # noqa: SIM905 -- to be read by people
_TAIL = re.compile(rb"([A-Za-z]+|[0-9]+)\Z")
_VALUE_PLACE = re.compile(rb"(\A|[:\[,(=] ?)\Z")
_LONGEST = 12  # bytes before the next one that count; no word is longer
_END = 256


class _Logit:
    """What is higher by 5 comes 150 times as often, where both are allowed."""

    NEXT_OF_WORD, FIRST_OF_WORD = 8.0, 3.0
    AFTER_WORD, SPACE_AFTER_WORD, JOINER_AFTER_WORD = 6.0, 4.5, 2.0
    DIGIT, PER_DIGIT = 3.0, -1.0
    QUOTE, BRACKET_OF_VALUE, QUOTE_OF_VALUE = 2.5, 3.5, 5.5
    SEPARATOR, OTHER_PUNCTUATION, RARE = 1.5, 0.5, -4.5
    LOWER, UPPER = -1.0, -2.5
    BEYOND_ASCII, CONTROL = -7.0, -9.0


def readable_sample(constraint: TextConstraint, seed: int = 0) -> str:
    """A member of `constraint`'s language, of plain words and small numbers where it has such;
    reproducible by `seed`."""
    model = _model()
    budget = MAX_BYTES
    try:
        compiled = constraint.compile(model.vocabulary)
        try:
            ledger = masked(model, [], compiled, SamplerConfig(max_tokens=budget, seed=seed))[0]
        except TokenBudgetError as error:  # every member is longer
            budget = 2 * max(error.needed, budget)
            ledger = masked(model, [], compiled, SamplerConfig(max_tokens=budget, seed=seed))[0]
    except (GenerationError, LimitExceeded, VocabularyError):  # the last: special tokens
        return constraint.sample(seed)
    return ledger.text


@cache
def _model() -> _PlainWords:
    return _PlainWords()


class _PlainWords(MarkovModel):
    """Bytes, likelier where they continue a word or a small number."""

    def __init__(self) -> None:
        vocabulary = Vocabulary(
            [*(bytes([byte]) for byte in range(256)), None], eos_token_ids=[_END]
        )
        super().__init__(vocabulary, order=_LONGEST)
        self._known: dict[tuple[bytes, bool], npt.NDArray[np.float32]] = {}

    def row(self, context: Sequence[int], /) -> npt.NDArray[np.float32]:
        """Logits after `context`, shape ``(257,)``."""
        before = bytes(byte for byte in context[-_LONGEST:] if byte != _END)
        found = _TAIL.search(before)
        key = found[1] if found else before[-2:] if _VALUE_PLACE.search(before) else b""
        at_value = found is None and (not context or bool(key))
        row = self._known.get((key, at_value))
        if row is None:
            tail = key.decode("ascii").lower() if found else ""
            row = self._known[key, at_value] = _row_after(tail, at_value)
        return row


def _row_after(tail: str, at_value: bool) -> npt.NDArray[np.float32]:
    """Logits after the letters or the digits `tail`, or where a value may begin."""
    row = np.full(257, _Logit.BEYOND_ASCII, dtype=np.float32)
    row[:32] = row[127] = _Logit.CONTROL

    def put(characters: str, logit: float) -> None:
        row[[ord(character) for character in characters]] = logit

    put(string.punctuation, _Logit.RARE)
    put(" !()+-./?_=", _Logit.OTHER_PUNCTUATION)
    put(",:}]", _Logit.SEPARATOR)
    put('"', _Logit.QUOTE)
    put(string.ascii_lowercase, _Logit.LOWER)
    put(string.ascii_uppercase, _Logit.UPPER)
    put(string.digits, _Logit.OTHER_PUNCTUATION)
    row[_END] = _Logit.SEPARATOR
    if at_value:
        put("{[", _Logit.BRACKET_OF_VALUE)
        put('"', _Logit.QUOTE_OF_VALUE)
    if at_value or tail.isdigit():
        put(string.digits, _Logit.DIGIT + _Logit.PER_DIGIT * len(tail))
    if not tail:
        put("".join(word[0] for word in _WORDS), _Logit.FIRST_OF_WORD)
    ends = [word for word in _WORDS if word.startswith(tail)] if tail else []
    put("".join(word[len(tail) :][:1] for word in ends), _Logit.NEXT_OF_WORD)
    if tail in _WORDS or tail.isdigit():
        put('"', _Logit.AFTER_WORD)
        put(",:}]", _Logit.QUOTE)
        put("@=-_./", _Logit.JOINER_AFTER_WORD)
        row[_END] = _Logit.AFTER_WORD
    if tail in _WORDS:
        put(" ", _Logit.SPACE_AFTER_WORD)
    row.flags.writeable = False
    return row
