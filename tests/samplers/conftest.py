"""Toy vocabularies and models."""

from __future__ import annotations

import pytest

from structgen import Vocabulary
from structgen.models.toy import MarkovModel


@pytest.fixture(scope="session")
def letters() -> Vocabulary:
    """Seven one-letter tokens, an end token, and one padded column."""
    tokens = [bytes([97 + i]) for i in range(7)] + [None]
    return Vocabulary(tokens, eos_token_ids=[7], size=9)


@pytest.fixture(scope="session")
def syllables() -> Vocabulary:
    """Tokens that spell the same text in several ways, and two end tokens."""
    tokens = [b"a", b"b", b"ab", b"c", b"bc", b"abc", None, None]
    return Vocabulary(tokens, eos_token_ids=[6, 7])


@pytest.fixture(scope="session")
def chain(letters: Vocabulary) -> MarkovModel:
    """An order-1 chain."""
    return MarkovModel(letters, order=1, seed=1, end_bias=-0.5)
