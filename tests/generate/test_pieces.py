"""Pieces of text from tokens: UTF-8 boundaries, stops, special tokens."""

import pytest

from structgen import Vocabulary
from structgen.generate.pieces import PieceDecoder
from structgen.generate.stops import StoppedText, cut_at
from structgen.masks import allocate_mask, allowed_tokens


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    tokens: list[bytes | None] = [bytes([b]) for b in range(256)]
    return Vocabulary(
        [*tokens, b"ab", b"b END c", None, None],
        eos_token_ids=[258],
        special_tokens={"<eos>": 258, "<call>": 259},
        size=264,
    )


def _pieces(decoder: PieceDecoder, tokens: list[int]) -> list[str]:
    return [*(decoder.feed([token]) for token in tokens), decoder.close()]


def test_characters_are_whole(vocabulary: Vocabulary) -> None:
    pieces = _pieces(PieceDecoder(vocabulary), list("aé€😀".encode()))
    assert pieces == ["a", "", "é", "", "", "€", "", "", "", "😀", ""]


def test_cut_characters_become_replacements(vocabulary: Vocabulary) -> None:
    assert _pieces(PieceDecoder(vocabulary), list("é".encode()[:1])) == ["", "\ufffd"]


def test_end_tokens_are_no_text_and_special_tokens_only_if_asked(vocabulary: Vocabulary) -> None:
    tokens = [256, 259, 258]
    assert PieceDecoder(vocabulary).text(tokens) == "ab"
    assert PieceDecoder(vocabulary, spell_special=True).text(tokens) == "ab<call>"


def test_text_before_a_stop_is_released_as_soon_as_it_is_certain(vocabulary: Vocabulary) -> None:
    decoder = PieceDecoder(vocabulary, stops=["END"])
    assert _pieces(decoder, list(b"one EN two END three")) == [
        *["o", "n", "e", " ", "", "", "EN ", "t", "w", "o"],
        *[" ", "", "", "", "", "", "", "", "", "", ""],
    ]


def test_a_stop_inside_a_token_cuts_it(vocabulary: Vocabulary) -> None:
    assert PieceDecoder(vocabulary, stops=["END"]).text([256, 257, 97]) == "abb "


def test_cut_at_takes_the_first_of_several() -> None:
    assert cut_at("a;b.c", [".", ";"]) == "a"
    assert cut_at("abc", ["x"]) == "abc"


def test_after_a_stop_only_the_end_may_follow(vocabulary: Vocabulary) -> None:
    matcher = StoppedText(["END", "!"]).compile(vocabulary).matcher()
    mask = allocate_mask(1, vocabulary.size)
    for byte in b"EN":
        assert matcher.advance(byte)
    matcher.fill_mask(mask)
    assert set(allowed_tokens(mask, 264)) == set(range(260))
    fork = matcher.fork()
    assert matcher.advance(ord("D"))
    assert matcher.stopped
    matcher.fill_mask(mask)
    assert list(allowed_tokens(mask, 264)) == [258]
    assert not matcher.advance(97)
    assert matcher.validate([97]) == 0
    matcher.rollback(1)
    assert not matcher.stopped
    assert matcher.validate([ord("x"), 33, 97, 97]) == 2
    assert fork.advance(257)
    assert fork.stopped
    assert fork.advance(258)
    assert fork.is_terminated()
    fork.fill_mask(mask)
    assert list(allowed_tokens(mask, 264)) == []
