"""Without the package of an extra, every way in says what to install."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import structgen as sg
from structgen import vocabulary
from structgen.constraints import python_types
from structgen.errors import MissingExtraError
from structgen.generate import model as named_models
from structgen.models.embedded import embedded_folder, fetch_embedded, load_embedded

ROOM = Path(sg.__file__).parent
EXTRAS = {
    *("torch", "transformers", "huggingface_hub", "gguf", "accelerate", "filelock", "triton"),
    *("pydantic", "typing_extensions", "click", "tiktoken", "sentencepiece"),
    *("jsonschema_specifications", "mistral_common", "tokenizers", "safetensors"),
}
GUARDED = {
    # Imported only after something that says what to install.
    "models/attention.py": "by models/transformers.py, after import_torch, import_transformers",
    "models/cache.py": "by models/session.py",
    "models/packing.py": "by models/loading.py, after import_torch",
    "models/session.py": "by models/transformers.py, after import_torch, import_transformers",
    "integrations/mask_table.py": "imports integrations/torch.py first",
    "integrations/triton.py": "by integrations/torch.py, where triton is there",
    "models/hub.py": "`locate` guards, whatever else is called comes after it",
    "constraints/python_types.py": "behind _has_pydantic; typing_extensions comes with pydantic",
    "constraints/types/pydantic_functions.py": "by constraints/python_types.py",
    "constraints/types/pydantic_schema.py": "by constraints/python_types.py",
    # A command line without click stops in cli/__init__.py.
    **{f"cli/{file.name}": "cli/__init__.py" for file in (ROOM / "cli").glob("*.py")},
}


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has loaded no model yet, on a machine that has fetched the default one."""
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(named_models, "_loaded", type(named_models._loaded)())
    embedded_folder().mkdir(parents=True)


def _without_a_copy() -> object:
    embedded_folder().rmdir()
    return fetch_embedded()


def _module(name: str) -> Callable[[], object]:
    def again() -> object:
        rooms = [key for key in sys.modules if key.startswith("structgen.integrations")]
        known = {key: sys.modules.pop(key) for key in rooms}
        try:
            return importlib.import_module(name)
        finally:
            sys.modules.update(known)

    return again


WAYS: list[tuple[str, str, Callable[[], object]]] = [
    *(
        (package, "transformers", way)
        for package in ("torch", "transformers")
        for way in (
            lambda: sg.generate(None, "Hi"),
            lambda: sg.generate("default", "Hi"),
            lambda: sg.generate_batch(None, ["Hi"]),
            lambda: sg.stream(None, "Hi"),
            sg.load,
            lambda: sg.load("some/model"),
            lambda: sg.load(str(ROOM)),
            lambda: sg.load(ROOM),
            load_embedded,
            _without_a_copy,
            _module("structgen.integrations.transformers"),
        )
    ),
    ("torch", "transformers", _module("structgen.integrations.torch")),
    ("torch", "transformers", _module("structgen.integrations.mask_table")),
    ("gguf", "transformers", _without_a_copy),
    ("accelerate", "transformers", _without_a_copy),
    ("filelock", "transformers", _without_a_copy),
    ("huggingface_hub", "transformers", lambda: sg.load("some/model")),
    ("tiktoken", "tiktoken", lambda: vocabulary.from_tiktoken("cl100k_base")),
    ("sentencepiece", "transformers", lambda: vocabulary.from_sentencepiece("x.model")),
    (
        "jsonschema_specifications",
        "metaschemas",
        lambda: sg.json_schema({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
    ),
]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("package", "extra", "way"), WAYS, ids=[f"{way[0]}-{i}" for i, way in enumerate(WAYS)]
)
def test_every_way_in_says_what_to_install(
    package: str, extra: str, way: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    if package in ("gguf", "accelerate", "filelock", "huggingface_hub"):
        pytest.importorskip("torch")
        pytest.importorskip("transformers")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as told:
        way()
    assert told.value.package.replace("-", "_") == package
    assert told.value.extra == extra
    assert f"structgen[{extra}]" in str(told.value)


def test_types_that_need_pydantic_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    word = re.Pattern[str]  # pydantic knows it, and nobody else
    monkeypatch.setattr(python_types, "_has_pydantic", lambda: False)
    for way in (lambda: sg.from_type(word), lambda: sg.generate("toy", "Hi", output=word)):
        with pytest.raises(MissingExtraError, match="pydantic"):
            way()


def test_a_broken_package_is_not_called_missing() -> None:
    broken = MissingExtraError.of(
        ImportError("libtorch.so: cannot open\nmore"), "torch", extra="transformers"
    )
    assert broken.message == (
        "`torch` is needed for this and cannot be imported: libtorch.so: cannot open"
    )
    part = ModuleNotFoundError("No module named 'regex.core'", name="regex.core")
    assert MissingExtraError.of(part, "transformers", extra="transformers").package == "regex"


def _imports(tree: ast.AST) -> set[int]:
    """Lines that import the package of an extra, outside ``if TYPE_CHECKING`` and outside a
    ``try`` that catches ImportError."""
    lines: set[int] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Try):
            caught = " ".join(ast.unparse(h.type) for h in node.handlers if h.type is not None)
            if "ImportError" in caught:
                return
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        if any(name.partition(".")[0] in EXTRAS for name in names):
            lines.add(node.lineno)  # pyright: ignore[reportAttributeAccessIssue]
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return lines


def test_no_import_of_an_extra_is_unguarded() -> None:
    bare = {
        str(file.relative_to(ROOM)): lines
        for file in ROOM.rglob("*.py")
        if (lines := _imports(ast.parse(file.read_text(encoding="utf-8"))))
    }
    assert set(bare) <= set(GUARDED), {name: bare[name] for name in set(bare) - set(GUARDED)}


def test_the_scan_finds_what_it_should() -> None:
    source = (
        "def f():\n    import torch.nn\ntry:\n    import click\nexcept ImportError:\n    pass\n"
    )
    assert _imports(ast.parse(source)) == {2}
