"""Texts that make tokenizers show what they are made of."""

from __future__ import annotations

import random
import unicodedata

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
