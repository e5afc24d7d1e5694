"""Where the third-party collections are, and how their instances are written."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]


def folder(name: str) -> Path:
    """A folder of the test data; skips the test where it is absent."""
    root = Path(os.environ.get("STRUCTGEN_DATA", REPOSITORY.parent / "shared" / "data"))
    found = root / name
    if not found.is_dir():
        pytest.skip(f"no {name} under {root}; set STRUCTGEN_DATA")
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
    remotes = folder("json-schema-test-suite") / "remotes"
    for path in sorted(remotes.rglob("*.json")):
        relative = path.relative_to(remotes).as_posix()
        documents[f"http://localhost:1234/{relative}"] = read(path)
    return documents


def groups(draft: str, *, formats: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """The groups of the official suite, each with its file's name."""
    tests = folder("json-schema-test-suite") / "tests" / draft
    tests = tests / "optional" / "format" if formats else tests
    for path in sorted(tests.glob("*.json")):
        for group in read(path):
            yield path.stem, group
