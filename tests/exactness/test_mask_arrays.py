"""Arrays that are no masks are refused by what they are; counts that are none, likewise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import structgen as sg

VOCABULARY = sg.Vocabulary([*(bytes([byte]) for byte in range(256)), None], eos_token_ids=[256])


def read_only() -> Any:
    mask = sg.allocate_mask(1, VOCABULARY.size)
    mask.flags.writeable = False
    return mask


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (np.zeros((1, 9), np.int64), TypeError, "int32.*not ndarray of int64"),
        (np.zeros(9, np.int32), TypeError, r"two dimensions.*shape \(9,\)"),
        ([[0] * 9], TypeError, "not list"),
        (np.zeros((1, 8), np.int32), ValueError, "8 words a row.*needs 9"),
        (np.zeros((1, 18), np.int32)[:, ::2], ValueError, "C-contiguous"),
        (read_only(), ValueError, "read-only"),
    ],
)
def test_what_is_no_mask_is_told(given: Any, error: type[Exception], words: str) -> None:
    matcher = sg.choice(["a"]).compile(VOCABULARY).matcher()
    with pytest.raises(error, match=words):
        matcher.fill_mask(given)
    with pytest.raises(error, match=words):
        sg.fill_masks([matcher], given)


def test_a_negative_count_is_no_rollback() -> None:
    matcher = sg.choice(["a"]).compile(VOCABULARY).matcher()
    with pytest.raises(ValueError, match="-1"):
        matcher.rollback(-1)
