from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tokenizers_folder() -> Path:
    """The folder with real tokenizers; not part of the repository."""
    root = Path(os.environ.get("STRUCTGEN_DATA", REPOSITORY.parent / "shared" / "data"))
    folder = root / "tokenizers"
    if not folder.is_dir():
        pytest.skip(f"no tokenizers under {folder}; set STRUCTGEN_DATA")
    return folder
