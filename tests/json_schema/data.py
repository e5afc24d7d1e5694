"""Where the third-party collections are, and how their instances are written."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.json_schema import suite

REPOSITORY = Path(__file__).parents[2]


def root() -> Path:
    """Where the collections are looked for."""
    return Path(os.environ.get("STRUCTGEN_DATA", REPOSITORY.parent / "shared" / "data"))


def folder(name: str) -> Path:
    """A folder of the test data; skips the test where it is absent."""
    found = root() / name
    if not found.is_dir():
        pytest.skip(f"no {name} under {root()}; set STRUCTGEN_DATA")
    return found


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@functools.cache
def registry() -> dict[str, Any]:
    """The metaschemas, and the documents that the official suite refers to."""
    specifications = pytest.importorskip("jsonschema_specifications")
    documents: dict[str, Any] = {
        uri.rstrip("#"): specifications.REGISTRY[uri].contents for uri in specifications.REGISTRY
    }
    return documents | suite.remotes(folder("json-schema-test-suite"))


def paths(part: suite.Part = "required", draft: str = "draft2020-12") -> list[suite.TokenPath]:
    """Bytes as tokens, and a real tokenizer where there is one: formats, which cost the most and
    are the same in all drafts, only meet it in one of them."""
    known = _all_paths()
    return known if part != "format" or draft == "draft2020-12" else known[:1]


@functools.cache
def _all_paths() -> list[suite.TokenPath]:
    found = [suite.byte_path()]
    tokenizer = root() / "tokenizers" / "smollm2"
    if tokenizer.is_dir():
        pytest.importorskip("tokenizers")
        found.append(suite.tokenizer_path(tokenizer))
    return found
