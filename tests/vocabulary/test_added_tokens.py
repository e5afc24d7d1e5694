"""Added tokens: one rule in all readers, held against `tokenizers.decode`.

Its byte-level decoder alone is not followed: it reads an added token in the byte alphabet, though
the token was matched in the text as it is (huggingface/tokenizers, issues 1392, 1915, 1996).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from structgen import vocabulary as sv
from structgen.errors import VocabularyError
from structgen.vocabulary.pieces import BYTE_ALPHABET

tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")

LETTERS = [
    "a", "Z", "0", " ", "_", "-", "<", ">", "|", "\n", "\t", "\x00", "\x7f",
    "é", "ï", "ñ", "ß", "\xa0", "\xad", "ę", "ą", "đ", "č", "Ā", "ń", "Ł", "Ġ", "Ċ", "ŀ",
    "ế", "日", "本", "😀", "▁", "\u200d", "ﬁ", "İ", "\ufeff", "\ue000",
]  # fmt: skip
WORDS = ["więc", "naïve", "đem", "<tool_call>", "</s>x", "ilÖveyou", "Ġthe", "<0x41>", "▁x", "ĠĠ"]


def contents(seed: int, count: int = 40) -> list[str]:
    chance = random.Random(seed)
    made = ["".join(chance.choices(LETTERS, k=chance.randint(1, 6))) for _ in range(count)]
    return list(dict.fromkeys([*WORDS, *made]))


def byte_level_bpe() -> Any:
    vocab = {char: i for i, char in enumerate(BYTE_ALPHABET)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


def replacing_byte_level_bpe() -> Any:
    """With another step before the byte alphabet."""
    tokenizer = byte_level_bpe()
    decoders = tokenizers.decoders
    tokenizer.decoder = decoders.Sequence([decoders.Replace("_", " "), decoders.ByteLevel()])
    return tokenizer


SENTENCEPIECE = [
    "<unk>",
    "<s>",
    "</s>",
    *(f"<0x{byte:02X}>" for byte in range(256)),
    "▁",
    "a",
    "▁a",
]


def metaspace_unigram() -> Any:
    pieces = [(piece, -float(i)) for i, piece in enumerate(SENTENCEPIECE)]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.Unigram(pieces, unk_id=0, byte_fallback=True)
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="never")
    decoders = tokenizers.decoders
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")]
    )
    return tokenizer


def gemma_like_bpe() -> Any:
    vocab = {piece: i for i, piece in enumerate(SENTENCEPIECE)}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab, [], byte_fallback=True, unk_token="<unk>")
    )
    tokenizer.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    decoders = tokenizers.decoders
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


KINDS: dict[str, Callable[[], Any]] = {
    "byte-level": byte_level_bpe,
    "byte-level after another step": replacing_byte_level_bpe,
    "metaspace": metaspace_unigram,
    "byte fallback": gemma_like_bpe,
}


def extended(kind: str, seed: int) -> tuple[Any, list[str], dict[str, int]]:
    """A tokenizer with random tokens added, those that are text, and the special ones."""
    chance = random.Random(f"{kind}{seed}")
    tokenizer = KINDS[kind]()
    special: dict[str, int] = {}
    for content in contents(seed):
        token = tokenizers.AddedToken(
            content,
            normalized=chance.random() < 0.5,
            lstrip=chance.random() < 0.3,
            rstrip=chance.random() < 0.3,
            single_word=chance.random() < 0.2,
            special=chance.random() < 0.2,
        )
        known = tokenizer.token_to_id(content) is not None
        tokenizer.add_tokens([token])
        if token.special:
            special[content] = tokenizer.token_to_id(content)
        elif known:
            continue
    texts = [content for content in contents(seed) if content not in special]
    return tokenizer, texts, special


def decoded(tokenizer: Any, token_id: int) -> str:
    """What the token adds to a text, by `tokenizers`."""
    around = tokenizer.token_to_id("a")
    whole = tokenizer.decode([around, token_id, around], skip_special_tokens=False)
    assert whole.startswith("a")
    assert whole.endswith("a")
    return whole[1:-1]


def in_byte_alphabet(content: str) -> bool:
    return not content.isascii() and all(char in BYTE_ALPHABET for char in content)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_added_tokens_are_read_as_they_decode(kind: str, seed: int, tmp_path: Path) -> None:
    tokenizer, texts, special = extended(kind, seed)
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    readers = {
        "object": sv.from_transformers(tokenizer, eos_token_ids=[0]),
        "file": sv.from_tokenizer_json(file, eos_token_ids=[0]),
    }
    compared = 0
    for name, vocabulary in readers.items():
        for content in texts:
            token_id = tokenizer.token_to_id(content)
            found = vocabulary.token_bytes(token_id)
            if token_id < (256 if kind.startswith("byte-level") else len(SENTENCEPIECE)):
                continue  # the model's own
            replaced = content.replace("_", " ") if "after" in kind else content
            if kind.startswith("byte-level") and in_byte_alphabet(replaced):
                expected = replaced
            else:
                expected = decoded(tokenizer, token_id)
            assert found == (expected.encode() or None), (name, content)
            compared += 1
        for content, token_id in special.items():
            assert vocabulary.token_bytes(token_id) is None, (name, content)
            assert vocabulary.special_tokens[content] == token_id
    assert compared > 40


def test_the_token_of_the_fault_report(tokenizers_folder: Path) -> None:
    tokenizer = tokenizers.Tokenizer.from_file(
        str(tokenizers_folder / "smollm2" / "tokenizer.json")
    )
    tokenizer.add_tokens(["więc", "naïve", "日本"])
    vocabulary = sv.from_transformers(tokenizer, eos_token_ids=[2])
    for content in ("więc", "naïve", "日本"):
        assert vocabulary.token_bytes(tokenizer.token_to_id(content)) == content.encode()


@pytest.mark.parametrize("kind", ["metaspace", "byte fallback"])
@pytest.mark.parametrize("adds", [False, True])
def test_the_unknown_token_is_no_text(kind: str, adds: bool, tmp_path: Path) -> None:
    tokenizer = KINDS[kind]()
    if adds:
        tokenizer.add_special_tokens(["<unk>"])
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    for vocabulary in (
        sv.from_transformers(tokenizer, eos_token_ids=[2]),
        sv.from_tokenizer_json(file, eos_token_ids=[2]),
    ):
        assert vocabulary.token_bytes(0) is None
        assert vocabulary.special_tokens["<unk>"] == 0
        assert vocabulary.token_bytes(3 + 0x0A) == b"\n"
        assert vocabulary.token_bytes(len(SENTENCEPIECE) - 1) == b" a"


def test_no_unknown_token_is_made_up(tmp_path: Path) -> None:
    pieces = [("<unk>", -1.0), ("a", -2.0)]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=None))
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    assert json.loads(file.read_text(encoding="utf-8"))["model"]["unk_id"] is None
    for vocabulary in (
        sv.from_transformers(tokenizer, eos_token_ids=[2]),
        sv.from_tokenizer_json(file, eos_token_ids=[2]),
    ):
        assert vocabulary.token_bytes(0) == b"<unk>"


def test_word_pieces_are_refused_by_both_readers(tmp_path: Path) -> None:
    vocab = {"[UNK]": 0, "a": 1, "##b": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    tokenizer.add_tokens(["więc"])
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    with pytest.raises(VocabularyError, match="WordPiece"):
        sv.from_transformers(tokenizer, eos_token_ids=[0])
    with pytest.raises(VocabularyError, match="WordPiece"):
        sv.from_tokenizer_json(file, eos_token_ids=[0])
