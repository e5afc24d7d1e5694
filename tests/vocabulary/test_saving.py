"""Vocabularies in files: equal when read again, and refused when they are anything else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import structgen.vocabulary as sv
from structgen.constraints import grammar, json_schema, regex
from structgen.errors import VocabularyError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string", "maxLength": 40}, "b": {"format": "date"}},
    "required": ["a", "b"],
}
TEXT = '{"a": "some text, Größe 7", "b": "2026-11-29"}'


def small() -> sv.Vocabulary:
    words = ["true", '":', '", "', "", "Gr\u00f6\u00dfe", "the ", '{"a', "the ", "\u00ff"]
    tokens: list[bytes | None] = [bytes([byte]) for byte in range(256)]
    tokens += [word.encode() for word in words]
    return sv.from_bytes(
        [*tokens, b"\xc3", None, b"<|end|>"],
        eos_token_ids=[269, 267],
        special_tokens={"<|end|>": 267, "<|call|>": 269, "\u00e9": 270},
        size=300,
    )


def assert_same(a: sv.Vocabulary, b: sv.Vocabulary) -> None:
    assert a.fingerprint == b.fingerprint
    assert (a.size, a.eos_token_ids) == (b.size, b.eos_token_ids)
    assert a.special_tokens == b.special_tokens
    assert a.nbytes == b.nbytes
    assert all(a.token_bytes(i) == b.token_bytes(i) for i in range(a.size))
    for text in (b"", b"t", b"the", b"\xc3", b"{"):
        assert a.tokens_with_prefix(text) == b.tokens_with_prefix(text)
    for constraint in (json_schema(SCHEMA), regex(r"\w+ [^\d]*")):
        one, two = constraint.compile(a).matcher(), constraint.compile(b).matcher()
        mask = np.empty((2, a.mask_words), dtype=np.int32)
        for token in a.longest_match(TEXT.encode()):
            one.fill_mask(mask, 0)
            two.fill_mask(mask, 1)
            assert (mask[0] == mask[1]).all()
            assert one.advance(token) == two.advance(token)


def test_a_saved_vocabulary_is_the_same(tmp_path: Path):
    saved = small()
    saved.save(tmp_path / "v.sgv")
    assert_same(sv.Vocabulary.load(tmp_path / "v.sgv"), saved)
    # A str is a path as well; what is there is replaced, and nothing is left beside it.
    saved.save(str(tmp_path / "v.sgv"))
    assert_same(sv.Vocabulary.load(str(tmp_path / "v.sgv")), saved)
    assert os.listdir(tmp_path) == ["v.sgv"]


@pytest.mark.parametrize("name", ["smollm2", "llama3", "gemma3"])
def test_real_vocabularies_are_the_same(tokenizers_folder: Path, tmp_path: Path, name: str):
    saved = sv.from_tokenizer_json(tokenizers_folder / name)
    saved.save(tmp_path / "v.sgv")
    assert_same(sv.Vocabulary.load(tmp_path / "v.sgv"), saved)


def test_other_processes_read_it(tmp_path: Path):
    saved = small()
    saved.save(tmp_path / "v.sgv")
    script = (
        "import sys, structgen.vocabulary as sv; print(sv.Vocabulary.load(sys.argv[1]).fingerprint)"
    )
    command = [sys.executable, "-P", "-c", script, str(tmp_path / "v.sgv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == saved.fingerprint


def test_fingerprints_are_of_all_that_is_said():
    tokens = [b"a", b"b", None]
    vocabularies = [
        sv.from_bytes(tokens, eos_token_ids=[2]),
        sv.from_bytes(tokens, eos_token_ids=[2], size=4),
        sv.from_bytes([b"b", b"a", None], eos_token_ids=[2]),
        sv.from_bytes(tokens, eos_token_ids=[2], special_tokens={"x": 2}),
        sv.from_bytes([*tokens, None], eos_token_ids=[3]),
    ]
    assert len({vocabulary.fingerprint for vocabulary in vocabularies}) == len(vocabularies)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: b"", "something else"),
        (lambda data: b"{" + data, "something else"),
        (lambda data: data[:17], "ends too early"),
        (lambda data: data[:-1], "ends too early"),
        (lambda data: data[:16] + b"\x63\0\0\0" + data[20:], "format 99"),
        (lambda data: data[:20] + b"\0" * 16 + data[36:], "not what was saved"),
        (lambda data: data[:36] + b"\xff" * 4 + data[40:], "ends too early"),
        (lambda data: data.replace("Größe".encode(), b"Graesse"), "not what was saved"),
        (lambda data: data[:-4] + data[-8:-4], "damaged"),
    ],
)
def test_what_is_no_saved_vocabulary_is_refused(tmp_path: Path, damage, problem: str):
    path = tmp_path / "v.sgv"
    small().save(path, entries=False)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(VocabularyError) as caught:
        sv.Vocabulary.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert problem in message
    assert caught.value.hint
    assert "build the vocabulary" in caught.value.hint


def learnt(vocabulary: sv.Vocabulary) -> dict[str, int]:
    return regex("a").compile(vocabulary).stats()


def test_what_was_learnt_is_saved_with_it(tmp_path: Path):
    saved = small()
    assert_same(saved, saved)
    assert learnt(saved)["lexical_entries"] > 5
    saved.save(tmp_path / "with")
    saved.save(tmp_path / "without", entries=False)
    assert (tmp_path / "with").stat().st_size > (tmp_path / "without").stat().st_size
    plain = sv.Vocabulary.load(tmp_path / "without")
    assert learnt(plain)["lexical_bytes"] == 0
    warm = sv.Vocabulary.load(tmp_path / "with")
    # Entries are there, and made when a mask asks for them.
    assert learnt(warm)["lexical_bytes"] > 0
    assert learnt(warm)["lexical_entries"] == 0
    assert_same(warm, saved)
    assert_same(plain, saved)
    assert learnt(warm)["lexical_entries"] == learnt(plain)["lexical_entries"] > 5
    # What is not asked for is not lost.
    sv.Vocabulary.load(tmp_path / "with").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "with").read_bytes()


# At the end of the path: an installed structgen is found first.
MASKS = """
import sys, numpy as np, structgen.vocabulary as sv
sys.path.append(sys.argv[2])
from tests.vocabulary.test_saving import masks
np.save(sys.stdout.buffer, masks(sv.Vocabulary.load(sys.argv[1])))
"""


def masks(vocabulary: sv.Vocabulary) -> np.ndarray:
    rows: list[np.ndarray] = []
    for constraint in (json_schema(SCHEMA), regex(r"\w+ [^\d]*"), grammar("json")):
        matcher = constraint.compile(vocabulary).matcher()
        for token in [*vocabulary.longest_match(TEXT.encode()), 0]:
            mask = np.zeros((1, vocabulary.mask_words), dtype=np.int32)
            matcher.fill_mask(mask)
            rows.append(mask[0])
            if not matcher.advance(token):
                break
    return np.stack(rows)


@pytest.mark.parametrize("name", ["small", "smollm2", "llama3"])
def test_another_process_makes_the_same_masks_of_it(request, tmp_path: Path, name: str):
    if name == "small":
        saved = small()
    else:
        folder: Path = request.getfixturevalue("tokenizers_folder")
        saved = sv.from_tokenizer_json(folder / name)
    expected = masks(saved)
    saved.save(tmp_path / "v.sgv")
    command = [sys.executable, "-P", "-c", MASKS, str(tmp_path / "v.sgv"), str(ROOT)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
    assert (np.load(io.BytesIO(done.stdout)) == expected).all()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: data[:-1], "lexical entries end too early"),
        (lambda data: data + b"x", "lexical entries are not what was saved"),
        (lambda data: data[:-9] + b"nonsense!", "lexical entries are not what was saved"),
        (lambda data: data.replace(b"lexical entries", b"something, else"), "something else"),
    ],
)
def test_damaged_entries_are_refused(tmp_path: Path, damage, problem: str):
    path = tmp_path / "v.sgv"
    saved = small()
    masks(saved)
    saved.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(VocabularyError, match=problem) as caught:
        sv.Vocabulary.load(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_entries_of_another_version_are_left_out(tmp_path: Path):
    path = tmp_path / "v.sgv"
    saved = small()
    expected = masks(saved)
    saved.save(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"structgen 0", b"structgen X"))
    other = sv.Vocabulary.load(path)
    assert learnt(other)["lexical_bytes"] == 0
    assert (masks(other) == expected).all()


def test_files_that_cannot_be_are_named(tmp_path: Path):
    with pytest.raises(VocabularyError, match=r"absent.*cannot be read"):
        sv.Vocabulary.load(tmp_path / "absent")
    with pytest.raises(VocabularyError, match=r"absent.*cannot be written"):
        small().save(tmp_path / "absent" / "v.sgv")
    with pytest.raises(VocabularyError, match="cannot be read"):
        sv.Vocabulary.load(tmp_path)
    (tmp_path / "folder" / "x").mkdir(parents=True)
    with pytest.raises(VocabularyError, match="cannot be written"):
        small().save(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]
