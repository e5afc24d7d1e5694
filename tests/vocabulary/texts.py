"""Texts that show what tokenizers are made of, and what every vocabulary makes of them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

from structgen import Vocabulary

Encode = Callable[[str], list[int]]

TEXTS = [
    "Hello, world!",
    '{"name": "Ada", "tags": ["a", "b"], "n": -1.5e+10}',
    "  two leading spaces, a tab\tand\n\n\nthree newlines   ",
    "naïve café, Straße, ÅÄÖ",
    "日本語のテキスト、한국어, العربية, हिन्दी",
    "emoji 🙂👩‍👩‍👧‍👦 and flags 🇩🇪",
    "control \x01\x02\x7f and nul \x00 here",
    "rare 𐎠𒀀🪿 and unassigned \U000e0fff",
    "def f(x):\n\treturn x ** 2  # a comment\r\n",
    "<0x0A> is text here, <|not_special|> too",
    "é is not é",  # composed and decomposed
    "",
]

_ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz     ",
    "ABCdef0123456789_-.,:;{}[]()\"'\\/ \n\t",
    "".join(chr(c) for c in range(0xC0, 0x250)),
    "".join(chr(c) for c in range(0x3040, 0x3100)) + "".join(chr(c) for c in range(0x4E00, 0x4F00)),
    "".join(chr(c) for c in range(0x1F300, 0x1F700)),
    "".join(chr(c) for c in range(0x20)),
]


def random_texts(count: int, seed: int) -> list[str]:
    """Texts over mixed alphabets, NFC-normalised since some tokenizers normalise."""
    rng = random.Random(seed)
    texts: list[str] = []
    for _ in range(count):
        parts = [
            "".join(rng.choices(rng.choice(_ALPHABETS), k=rng.randrange(12)))
            for _ in range(rng.randrange(1, 8))
        ]
        texts.append(unicodedata.normalize("NFC", "".join(parts)))
    return texts


def joined(vocabulary: Vocabulary, ids: list[int]) -> bytes:
    parts = [vocabulary.token_bytes(i) for i in ids]
    assert None not in parts, [i for i, part in zip(ids, parts, strict=True) if part is None]
    return b"".join(part for part in parts if part is not None)


def check_round_trip(vocabulary: Vocabulary, encode: Encode, *, seed: int = 0) -> None:
    # A byte without a token of its own (SmolLM2 has some) is dropped by the tokenizer itself.
    single = {vocabulary.token_bytes(i) for i in range(vocabulary.size)}
    sayable = {b for b in range(256) if bytes([b]) in single}
    texts = [t for t in [*TEXTS, *random_texts(200, seed)] if sayable.issuperset(t.encode())]
    assert len(texts) > 100
    for text in texts:
        assert joined(vocabulary, encode(text)) == text.encode(), repr(text)
