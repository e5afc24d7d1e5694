"""Each reader against the tokenizer it reads: bytes of encoded tokens join to the text."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import structgen as sg
import structgen.vocabulary as sv
from structgen.errors import VocabularyError

from .texts import TEXTS, check_round_trip, joined, random_texts


@pytest.mark.parametrize("name", ["smollm2", "llama3", "gemma3"])
def test_shared_tokenizers_from_files_and_objects(tokenizers_folder: Path, name: str):
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    backend = tokenizers.Tokenizer.from_file(str(tokenizers_folder / name / "tokenizer.json"))
    from_file = sv.from_tokenizer_json(tokenizers_folder / name)
    from_object = sv.from_transformers(backend, eos_token_ids=from_file.eos_token_ids)
    assert from_file.special_tokens == from_object.special_tokens
    assert from_file.size == from_object.size == backend.get_vocab_size()
    for i in range(from_file.size):
        assert from_file.token_bytes(i) == from_object.token_bytes(i), i

    def encode(text: str) -> list[int]:
        return backend.encode(text, add_special_tokens=False).ids

    check_round_trip(from_file, encode)


@pytest.mark.parametrize(
    ("name", "end", "text_token"),
    [
        ("smollm2", {"<|im_end|>": 2}, (27, b"+")),
        ("llama3", {"<|eot_id|>": 128009}, (220, b" ")),
        ("gemma3", {"<eos>": 1}, (107, b"\n")),
    ],
)
def test_end_and_special_tokens(
    tokenizers_folder: Path, name: str, end: dict[str, int], text_token: tuple[int, bytes]
):
    vocabulary = sv.from_tokenizer_json(tokenizers_folder / name)
    ((end_name, end_id),) = end.items()
    assert vocabulary.eos_token_ids == (end_id,)
    assert vocabulary.special_tokens[end_name] == end_id
    assert vocabulary.token_bytes(end_id) is None
    assert vocabulary.token_bytes(text_token[0]) == text_token[1]


def test_gemma_keeps_its_added_text(tokenizers_folder: Path):
    vocabulary = sv.from_tokenizer_json(tokenizers_folder / "gemma3")
    assert vocabulary.token_bytes(138) == b"  "  # ▁▁, an added token spelled like a piece
    assert vocabulary.token_bytes(168) == b"<table>"
    assert vocabulary.token_bytes(6) is None  # <unused0>
    assert "<unused0>" in vocabulary.special_tokens
    assert vocabulary.token_bytes(3) is None  # <unk>


def test_reading_files_imports_nothing_heavy(tokenizers_folder: Path):
    code = (
        "import sys; from structgen.vocabulary import from_tokenizer_json as f; "
        f"f({str(tokenizers_folder / 'smollm2')!r}); "
        "heavy = {'torch', 'transformers', 'tokenizers', 'sentencepiece', 'tiktoken', 'gguf'}; "
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_transformers_tokenizers(tokenizers_folder: Path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tokenizers_folder / "smollm2"))
    vocabulary = sv.from_transformers(tokenizer, size=49_160)
    assert vocabulary.size == 49_160
    assert vocabulary.token_bytes(49_159) is None
    assert vocabulary.eos_token_ids == (2,)
    check_round_trip(vocabulary, lambda text: tokenizer.encode(text, add_special_tokens=False))
    both = sv.from_transformers(tokenizer, eos_token_ids=[2, 0])
    assert both.eos_token_ids == (2, 0)


def test_added_tokens_of_transformers(tokenizers_folder: Path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tokenizers_folder / "smollm2"))
    tokenizer.add_tokens(["<tool_call>", "né"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|think|>"]})
    vocabulary = sv.from_transformers(tokenizer)
    text, accented, special = tokenizer.convert_tokens_to_ids(["<tool_call>", "né", "<|think|>"])
    assert vocabulary.token_bytes(text) == b"<tool_call>"
    assert vocabulary.token_bytes(accented) == "né".encode()
    assert vocabulary.token_bytes(special) is None
    assert vocabulary.special_tokens["<|think|>"] == special


def test_borrowed_padding_stays_text(tokenizers_folder: Path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tokenizers_folder / "smollm2"))
    tokenizer.pad_token = "!"
    vocabulary = sv.from_transformers(tokenizer)
    (bang,) = tokenizer.encode("!", add_special_tokens=False)
    assert vocabulary.token_bytes(bang) in (b"!", None)
    if "!" not in tokenizer.get_added_vocab():
        assert vocabulary.token_bytes(bang) == b"!"


@pytest.fixture(scope="module")
def sentencepiece_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spm = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    folder = tmp_path_factory.mktemp("spm")
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(random_texts(400, 7)[i].replace("\x00", "") for i in range(400)))
    spm.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=2600,
        byte_fallback=True,
        model_type="bpe",
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<tool>"],
        minloglevel=2,
    )
    return folder / "tokenizer.model"


def test_sentencepiece_models(sentencepiece_model: Path):
    spm = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    processor = spm.SentencePieceProcessor(model_file=str(sentencepiece_model))
    vocabulary = sv.from_sentencepiece(sentencepiece_model)
    assert vocabulary.eos_token_ids == (processor.eos_id(),)
    assert vocabulary.special_tokens["<unk>"] == processor.unk_id()
    for text in [*TEXTS, *random_texts(100, 3)]:
        if text and "\x00" not in text:
            # SentencePiece puts a space before the text; inside a text it does not.
            assert joined(vocabulary, processor.encode(text)) == b" " + text.encode(), repr(text)
    tool = processor.piece_to_id("<tool>")
    assert vocabulary.token_bytes(tool) == b"<tool>"


def test_slow_sentencepiece_tokenizers(sentencepiece_model: Path):
    module = pytest.importorskip("transformers.tokenization_utils_sentencepiece")
    tokenizer = module.SentencePieceBackend(
        vocab_file=str(sentencepiece_model), unk_token="<unk>", eos_token="</s>", bos_token="<s>"
    )
    vocabulary = sv.from_transformers(tokenizer)
    expected = sv.from_sentencepiece(sentencepiece_model)
    assert vocabulary.eos_token_ids == expected.eos_token_ids
    assert [vocabulary.token_bytes(i) for i in range(expected.size)] == [
        expected.token_bytes(i) for i in range(expected.size)
    ]


def test_unigram_files(tmp_path: Path):
    data = {
        "added_tokens": [{"id": 0, "content": "</s>", "special": True}],
        "model": {
            "type": "Unigram",
            "unk_id": 1,
            "byte_fallback": True,
            "vocab": [["</s>", 0.0], ["<unk>", 0.0], ["▁a", -1.0], ["<0x0A>", -2.0], ["b", -3.0]],
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "ByteFallback"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
            ],
        },
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": {"content": "</s>", "special": True}})
    )
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 4]}))
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"vocab_size": 64}}))
    vocabulary = sv.from_tokenizer_json(tmp_path)
    assert [vocabulary.token_bytes(i) for i in range(5)] == [None, None, b" a", b"\n", None]
    assert vocabulary.special_tokens == {"</s>": 0, "<unk>": 1}
    assert vocabulary.eos_token_ids == (0, 4)  # an end token is never text
    assert vocabulary.size == 64
    assert sv.from_tokenizer_json(tmp_path, size=5, eos_token_ids=[0]).token_bytes(4) == b"b"


def gguf_string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def gguf_file(kind: str, tokens: list[str], types: list[int], **ids: int) -> bytes:
    pairs = [
        gguf_string("tokenizer.ggml.model") + struct.pack("<I", 8) + gguf_string(kind),
        gguf_string("some.flag") + struct.pack("<I?", 7, True),
        gguf_string("tokenizer.ggml.tokens")
        + struct.pack("<IIQ", 9, 8, len(tokens))
        + b"".join(map(gguf_string, tokens)),
        gguf_string("tokenizer.ggml.token_type")
        + struct.pack(f"<IIQ{len(types)}i", 9, 5, len(types), *types),
    ]
    pairs += [
        gguf_string(f"tokenizer.ggml.{name}") + struct.pack("<II", 4, i) for name, i in ids.items()
    ]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


def test_gguf_byte_level(tmp_path: Path):
    file = tmp_path / "m.gguf"
    tokens = ["<|end|>", "Ġa", "Ã", "<b c>", "x", "<|eot|>"]
    file.write_bytes(gguf_file("gpt2", tokens, [3, 1, 1, 4, 5, 3], eos_token_id=0, eot_token_id=5))
    vocabulary = sv.from_gguf(file)
    got = [vocabulary.token_bytes(i) for i in range(6)]
    assert got == [None, b" a", b"\xc3", b"<b c>", None, None]
    assert vocabulary.eos_token_ids == (0, 5)
    assert vocabulary.special_tokens == {"<|end|>": 0, "<|eot|>": 5}


def test_gguf_sentencepiece(tmp_path: Path):
    file = tmp_path / "m.gguf"
    file.write_bytes(
        gguf_file("llama", ["<unk>", "</s>", "<0x0A>", "▁a"], [2, 3, 6, 1], eos_token_id=1)
    )
    vocabulary = sv.from_gguf(file)
    assert [vocabulary.token_bytes(i) for i in range(4)] == [None, None, b"\n", b" a"]


def test_damaged_gguf_files_are_errors(tmp_path: Path):
    file = tmp_path / "m.gguf"
    whole = gguf_file("gpt2", ["<|end|>", "a"], [3, 1], eos_token_id=0)
    for cut in range(len(whole) - 1):
        file.write_bytes(whole[:cut])
        with pytest.raises(VocabularyError):
            sv.from_gguf(file)
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60))
    with pytest.raises(VocabularyError, match="announces"):
        sv.from_gguf(file)
    file.write_bytes(gguf_file("bert", ["a"], [1]))
    with pytest.raises(VocabularyError, match="'bert'"):
        sv.from_gguf(file)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["a", b"b"], "token 0 is bytes or None, not 'a' (str)"),
        ([b"a", None, 7], "token 2 is bytes or None, not 7 (int)"),
        ({b"a": 0}, "a list of bytes and None, by id, not {b'a': 0} (dict)"),
        (7, "a list of bytes and None, by id, not 7 (int)"),
    ],
)
def test_tokens_that_are_no_bytes(tokens: object, words: str):
    with pytest.raises(sg.OptionTypeError) as caught:
        sg.Vocabulary(tokens, eos_token_ids=[0])  # type: ignore[arg-type]
    assert words in caught.value.message
    assert "from_transformers" in str(caught.value)


def test_from_bytes():
    vocabulary = sv.from_bytes([b"a", b"", None, b"bc"], eos_token_ids=[2], size=40)
    assert [vocabulary.token_bytes(i) for i in range(4)] == [b"a", None, None, b"bc"]
    assert (vocabulary.size, vocabulary.mask_words) == (40, 2)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"eos_token_ids": []}, "end-of-sequence"),
        ({"eos_token_ids": [9], "size": 4}, r"\[9\]"),
        ({"eos_token_ids": [-1]}, r"\[-1\]"),
        ({"eos_token_ids": [1], "size": 0}, "size"),
    ],
)
def test_impossible_vocabularies(arguments: dict[str, object], names: str):
    with pytest.raises(VocabularyError, match=names):
        sv.from_bytes([b"a", None], **arguments)  # pyright: ignore[reportArgumentType]


def test_no_text_at_all():
    with pytest.raises(VocabularyError, match="stands for text"):
        sv.from_bytes([None, None], eos_token_ids=[1])


def test_logits_narrower_than_the_tokenizer():
    vocabulary = sv.from_bytes([b"a", None, b"b"], eos_token_ids=[1], size=2)
    assert vocabulary.size == 2


@pytest.mark.parametrize("thing", [None, "smollm2", object()])
def test_what_is_no_tokenizer(thing: object):
    with pytest.raises(VocabularyError, match="cannot be read"):
        sv.from_transformers(thing)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model": {}}', '{"model": {"vocab": 3}}'])
def test_what_is_no_tokenizer_file(tmp_path: Path, content: str):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(VocabularyError):
        sv.from_tokenizer_json(tmp_path)
    with pytest.raises(VocabularyError, match="there is no"):
        sv.from_tokenizer_json(tmp_path / "missing")
