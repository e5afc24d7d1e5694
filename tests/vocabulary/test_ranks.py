"""Tiktoken encodings and Mistral's Tekken: against the packages' own word on every token."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import structgen.vocabulary as sv
from structgen.errors import VocabularyError

from .texts import check_round_trip

RANKS = {bytes([b]): b for b in range(256)} | {b"he": 256, b"llo": 257, b"hello": 258}
SPECIAL = {"<|endoftext|>": 300, "<|im_end|>": 301}


class PublicFace:
    """An encoding of which nothing is known but its public methods."""

    n_vocab = 302
    special_tokens_set = frozenset(SPECIAL)

    def __init__(self) -> None:
        self._tokens = {i: token for token, i in RANKS.items()}

    def encode_single_token(self, text_or_bytes: str | bytes, /) -> int:
        assert isinstance(text_or_bytes, str)
        return SPECIAL[text_or_bytes]

    def decode_single_token_bytes(self, token: int, /) -> bytes:
        if token in SPECIAL.values():
            return b"a special token is no text"
        return self._tokens[token]


def ranks_file(path: Path, ranks: Mapping[bytes, int] = RANKS) -> Path:
    lines = (f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    path.write_text("".join(lines) + "\n")
    return path


def texts(vocabulary: sv.Vocabulary) -> list[bytes | None]:
    return [vocabulary.token_bytes(i) for i in range(vocabulary.size)]


EXPECTED = [*RANKS, *[None] * (302 - len(RANKS))]


def test_encodings_by_their_public_face():
    vocabulary = sv.from_tiktoken(PublicFace())  # pyright: ignore[reportArgumentType]
    assert texts(vocabulary) == EXPECTED
    assert vocabulary.eos_token_ids == (300,)
    assert vocabulary.special_tokens == SPECIAL


def test_files_of_ranks(tmp_path: Path):
    file = ranks_file(tmp_path / "a.tiktoken")
    for given in (file, str(file), ranks_file(tmp_path / "no-suffix")):
        vocabulary = sv.from_tiktoken(given, special_tokens=SPECIAL)
        assert texts(vocabulary) == EXPECTED
        assert vocabulary.eos_token_ids == (300,)
        assert vocabulary.special_tokens == SPECIAL
    chat = sv.from_tiktoken(file, special_tokens=SPECIAL, eos_token_ids=[301, 300], size=320)
    assert (chat.eos_token_ids, chat.size) == ((301, 300), 320)
    assert sv.Vocabulary.from_tiktoken(file, special_tokens=SPECIAL).special_tokens == SPECIAL
    with pytest.raises(VocabularyError, match="end-of-sequence"):
        sv.from_tiktoken(file)
    with pytest.raises(VocabularyError, match="cannot have id 65"):
        sv.from_tiktoken(file, special_tokens={"<|endoftext|>": 65})
    with pytest.raises(VocabularyError, match="cannot be read"):
        sv.from_tiktoken(tmp_path / "missing.tiktoken")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("", "no tokens"),
        ("YQ==\n", "YQ=="),
        ("YQ== 0 1\n", "0 1"),
        ("YQ= 0\n", "YQ= 0"),
        ("YQ== zero\n", "zero"),
        ("YQ== 0\nYg== 0\n", "1 different ranks"),
        ("YQ== 0\nYQ== 1\n", "1 different tokens"),
        ("YQ== -1\n", "negative"),
        (f"YQ== {1 << 40}\n", "must be below"),
    ],
)
def test_damaged_files_of_ranks(tmp_path: Path, content: str, names: str):
    file = tmp_path / "a.tiktoken"
    file.write_text(content)
    with pytest.raises(VocabularyError, match=names):
        sv.from_tiktoken(file, special_tokens=SPECIAL)


def test_tiktoken_encodings():
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    encoding = tiktoken.Encoding(
        "test", pat_str=r"\S+|\s+", mergeable_ranks=RANKS, special_tokens=SPECIAL
    )
    vocabulary = sv.from_tiktoken(encoding)
    assert texts(vocabulary) == EXPECTED  # with a gap before the special tokens
    assert vocabulary.eos_token_ids == (300,)
    assert vocabulary.special_tokens == SPECIAL
    check_round_trip(vocabulary, encoding.encode_ordinary)
    more = sv.from_tiktoken(encoding, special_tokens={"<|call|>": 302, "<|im_end|>": 301})
    assert more.special_tokens == SPECIAL | {"<|call|>": 302}
    assert more.size == 303
    with pytest.raises(VocabularyError, match="another id to that name"):
        sv.from_tiktoken(encoding, special_tokens={"<|im_end|>": 302})
    with pytest.raises(VocabularyError, match="Encoding"):
        sv.from_tiktoken(7)  # pyright: ignore[reportArgumentType]
    with pytest.raises(VocabularyError, match="Unknown encoding"):
        sv.from_tiktoken("no-such-encoding")


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
def test_published_encodings(monkeypatch: pytest.MonkeyPatch, name: str):
    """The package litellm ships the files of ranks, in a folder as tiktoken keeps them."""
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is not installed")
    litellm = importlib.util.find_spec("litellm")  # importing it takes seconds
    if litellm is None or not litellm.submodule_search_locations:
        pytest.skip("litellm is not installed")
    folder = Path(litellm.submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
    address = f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
    file = folder / hashlib.sha1(address.encode()).hexdigest()
    if not file.is_file():
        pytest.skip(f"litellm ships no {name}")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
    encoding = tiktoken.get_encoding(name)
    special = {text: encoding.encode_single_token(text) for text in encoding.special_tokens_set}
    vocabulary = sv.from_tiktoken(encoding)
    assert vocabulary.special_tokens == special
    for i, text in enumerate(texts(vocabulary)):
        try:
            expected = None if i in special.values() else encoding.decode_single_token_bytes(i)
        except KeyError:
            expected = None
        assert text == expected, i
    check_round_trip(vocabulary, encoding.encode_ordinary)
    from_file = sv.from_tiktoken(file, special_tokens=special)
    assert from_file.fingerprint == vocabulary.fingerprint


@pytest.mark.parametrize("name", ["tekken_240718.json", "tekken_240911.json"])
def test_published_tekken_files(name: str):
    common = pytest.importorskip("mistral_common", reason="mistral_common is not installed")
    tekken = pytest.importorskip("mistral_common.tokens.tokenizers.tekken")
    file = Path(common.__file__).parent / "data" / name
    if not file.is_file():
        pytest.skip(f"mistral_common ships no {name}")
    tokenizer = tekken.Tekkenizer.from_file(file)
    vocabulary = sv.from_tekken(file)
    assert vocabulary.size == tokenizer.n_words
    assert vocabulary.eos_token_ids == (tokenizer.eos_id,)
    specials = range(tokenizer.num_special_tokens)
    assert vocabulary.special_tokens == {tokenizer.id_to_piece(i): i for i in specials}
    for i, text in enumerate(texts(vocabulary)):
        assert text == (tokenizer.id_to_byte_piece(i) or None), i
    check_round_trip(vocabulary, lambda text: tokenizer.encode(text, bos=False, eos=False))
    from_object = sv.from_tekken(tokenizer)
    assert from_object.fingerprint == vocabulary.fingerprint
    assert from_object.special_tokens == vocabulary.special_tokens


def tekken_file(path: Path, size: int, specials: list[str] | None) -> Path:
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for token, rank in RANKS.items()
    ]
    listed = specials and [
        {"rank": i, "token_str": name, "is_control": True} for i, name in enumerate(specials)
    ]
    config = {"default_vocab_size": size, "default_num_special_tokens": 5}
    data = {"config": config, "vocab": vocab, "special_tokens": listed}
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("specials", "names"),
    [
        (None, ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]),
        (["<unk>", "</s>", "[THINK]"], ["<unk>", "</s>", "[THINK]", "<SPECIAL_3>", "<SPECIAL_4>"]),
    ],
)
def test_tekken_files(tmp_path: Path, specials: list[str] | None, names: list[str]):
    vocabulary = sv.from_tekken(tekken_file(tmp_path / "tekken.json", 263, specials))
    # The last token of the list is cut off: the model knows 263.
    assert texts(vocabulary) == [None] * 5 + list(RANKS)[:258]
    assert vocabulary.special_tokens == {name: i for i, name in enumerate(names)}
    assert vocabulary.eos_token_ids == (names.index("</s>"),)
    assert sv.from_tekken(tmp_path).fingerprint == vocabulary.fingerprint


@pytest.mark.parametrize("content", ["YQ=", "Y Q==", 7, None])
def test_tekken_files_with_malformed_tokens(tmp_path: Path, content: object):
    file = tekken_file(tmp_path / "tekken.json", 264, None)
    data = json.loads(file.read_text())
    data["vocab"][3]["token_bytes"] = content
    file.write_text(json.dumps(data))
    with pytest.raises(VocabularyError, match="malformed"):
        sv.from_tekken(file)


def test_tekken_that_lies_about_its_size(tmp_path: Path):
    file = tmp_path / "tekken.json"
    entry = {"rank": 0, "token_bytes": base64.b64encode(b"a").decode(), "token_str": "a"}
    config = {"default_vocab_size": 10, "default_num_special_tokens": 3}
    file.write_text(json.dumps({"config": config, "vocab": [entry]}))
    with pytest.raises(VocabularyError, match="10 tokens"):
        sv.from_tekken(tmp_path)
    file.write_text(json.dumps({"config": {**config, "default_vocab_size": 4}, "vocab": [entry]}))
    vocabulary = sv.from_tekken(file)
    assert vocabulary.token_bytes(3) == b"a"
    assert vocabulary.special_tokens == {"<unk>": 0, "<s>": 1, "</s>": 2}
