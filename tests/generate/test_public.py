"""The public surface: complete, sorted, lazy."""

import json
import subprocess
import sys

import pytest

import structgen as sg
import structgen.generate  # Binds `structgen.generate` to the room, which must stay callable.


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert sg.__all__ == sorted(set(sg.__all__))
    for name in sg.__all__:
        assert getattr(sg, name) is not None
    assert set(sg.__all__) <= set(dir(sg))


@pytest.mark.parametrize(
    "name",
    [
        *("Vocabulary", "json_schema", "regex", "choice", "grammar", "predicate", "generate"),
        *("allocate_mask", "fill_masks", "stream", "load", "StructgenError"),
    ],
)
def test_names_that_others_rely_on(name: str) -> None:
    assert name in sg.__all__


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'jsonschema'"):
        _ = sg.jsonschema  # pyright: ignore[reportAttributeAccessIssue]


def test_the_room_called_generate_can_be_called() -> None:
    assert structgen.generate("toy", "?", ["a", "b"], seed=0).value in ("a", "b")


def test_importing_is_light() -> None:
    program = (
        "import sys, json, time; start = time.perf_counter(); import structgen; "
        "structgen.Vocabulary; structgen.json_schema; structgen.ConstraintError; "
        "print(json.dumps([sorted(sys.modules), time.perf_counter() - start]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules, _seconds = json.loads(done.stdout)
    heavy = {"torch", "transformers", "pydantic", "click", "jsonschema", "tokenizers"}
    assert heavy.isdisjoint(modules)
    assert "structgen.generate" not in modules


def test_compiling_and_masking_is_light() -> None:
    program = """
import sys
import structgen as sg
vocabulary = sg.Vocabulary([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])
constraint = sg.json_schema({"type": "array", "items": {"type": "integer"}})
matchers = [constraint.compile(vocabulary).matcher() for _ in range(2)]
mask = sg.allocate_mask(2, vocabulary.size)
matchers[0].fill_mask(mask, 0)
assert matchers[0].advance(ord("["))
sg.fill_masks(matchers, mask)
sg.fill_tree_masks(matchers[0], [ord("1")], [-1], mask)
assert ord("]") in sg.allowed_tokens(mask, vocabulary.size)
print(" ".join(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "transformers", "pydantic", "click", "jsonschema", "tokenizers", "lark"}
    assert "numpy" in done.stdout.split()
    assert heavy.isdisjoint(done.stdout.split())


def test_allocate_mask_allows_everything() -> None:
    mask = sg.allocate_mask(2, 33)
    assert mask.shape == (2, 2)
    assert mask.dtype == "int32"
    assert list(sg.allowed_tokens(mask, 33, 1)) == list(range(33))
    with pytest.raises(ValueError, match="rows"):
        sg.allocate_mask(-1, 33)
    with pytest.raises(ValueError, match="vocab_size"):
        sg.allocate_mask(1, 0)
