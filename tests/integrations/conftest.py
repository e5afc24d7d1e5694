from __future__ import annotations

from typing import Any

import pytest

import structgen as sg
from tests.models.conftest import one_thread as one_thread


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tests.models.tiny import byte_tokenizer

    return byte_tokenizer(bos=False)


@pytest.fixture(scope="session")
def vocabulary(tokenizer: Any) -> sg.Vocabulary:
    return sg.Vocabulary.from_transformers(tokenizer, size=264)
