"""From the spelling of tokens to their bytes."""

from __future__ import annotations

import pytest

from structgen.errors import VocabularyError
from structgen.vocabulary.pieces import BYTE_ALPHABET, byte_level, byte_token, decoder_of

SPACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}


def test_byte_alphabet_is_a_bijection():
    assert sorted(BYTE_ALPHABET.values()) == list(range(256))
    assert BYTE_ALPHABET["Ġ"] == 0x20
    assert BYTE_ALPHABET["Ċ"] == 0x0A
    assert BYTE_ALPHABET["a"] == ord("a")


def test_byte_level_reads_half_characters():
    assert byte_level("ĠÃ") == b" \xc3"


def test_byte_level_takes_foreign_characters_as_they_are():
    assert byte_level("a b\n") == b"a b\n"


@pytest.mark.parametrize(
    ("piece", "expected"),
    [("<0x0A>", b"\n"), ("<0xff>", b"\xff"), ("<0x0>", None), ("x<0x0A>", None), ("<0x0G>", None)],
)
def test_byte_token(piece: str, expected: bytes | None):
    assert byte_token(piece) == expected


@pytest.mark.parametrize(
    ("decoder", "piece", "expected"),
    [
        ({"type": "ByteLevel"}, "Ġa", b" a"),
        ({"type": "Metaspace", "replacement": "▁"}, "▁a", b" a"),
        ({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"}, "_a", b" a"),
        ({"type": "Sequence", "decoders": [SPACE, {"type": "ByteFallback"}]}, "▁é", " é".encode()),
        ({"type": "Sequence", "decoders": [SPACE, {"type": "ByteFallback"}]}, "<0xE9>", b"\xe9"),
        ({"type": "Sequence", "decoders": [SPACE]}, "<0xE9>", b"<0xE9>"),
        # A strip after Fuse is about the start of the text, one before it about every token.
        (
            {
                "type": "Sequence",
                "decoders": [
                    SPACE,
                    {"type": "Fuse"},
                    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
                ],
            },
            "▁a",
            b" a",
        ),
        (
            {
                "type": "Sequence",
                "decoders": [SPACE, {"type": "Strip", "content": " ", "start": 1, "stop": 1}],
            },
            "▁▁a▁",
            b" a",
        ),
        ({"type": "Fuse"}, "a", b"a"),
    ],
)
def test_decoders(decoder: dict[str, object], piece: str, expected: bytes):
    assert decoder_of({"decoder": decoder})(piece) == expected


def test_without_decoder_the_pre_tokenizer_tells():
    decode = decoder_of({"decoder": None, "pre_tokenizer": {"type": "ByteLevel"}})
    assert decode("Ġa") == b" a"
    nested = {
        "type": "Sequence",
        "pretokenizers": [{"type": "Split"}, {"type": "Metaspace", "replacement": "▁"}],
    }
    decode = decoder_of({"pre_tokenizer": nested, "model": {"byte_fallback": True}})
    assert decode("▁a") == b" a"
    assert decode("<0x41>") == b"A"


@pytest.mark.parametrize(
    ("tokenizer", "names"),
    [
        ({}, "no decoder"),
        ({"decoder": {"type": "CTC"}}, "`CTC`"),
        ({"decoder": {"type": "WordPiece", "prefix": "##"}}, "`WordPiece`"),
        ({"decoder": {"type": "Replace", "pattern": {"Regex": "a"}, "content": ""}}, "Regex"),
        ({"decoder": {"type": "Strip", "content": " ", "start": -1}}, "start"),
        ({"decoder": {"type": "Sequence"}}, "decoders"),
        ({"decoder": []}, "component tree"),
    ],
)
def test_what_cannot_be_read_says_so(tokenizer: dict[str, object], names: str):
    with pytest.raises(VocabularyError, match=names):
        decoder_of(tokenizer)


def test_deep_nesting_is_refused():
    decoder: dict[str, object] = {"type": "Fuse"}
    for _ in range(200):
        decoder = {"type": "Sequence", "decoders": [decoder]}
    with pytest.raises(VocabularyError):
        decoder_of({"decoder": decoder})
