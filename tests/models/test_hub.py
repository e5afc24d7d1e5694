"""Models by name: what is known here, what the hub is asked, and how long that may take."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import structgen as sg
from structgen.errors import BackendError
from structgen.generate import ToyModel, resolve_model
from structgen.models import hub, load

pytest.importorskip("torch")
pytest.importorskip("transformers")
huggingface_hub = pytest.importorskip("huggingface_hub")


class _Hub(HTTPServer):
    """Answers every question with `status`, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status, self.code = 404, "RepoNotFound"
        super().__init__(("127.0.0.1", 0), _Answers)


class _Answers(BaseHTTPRequestHandler):
    server: _Hub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("X-Error-Code", self.server.code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hub"


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Hub]:
    with _Hub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        where = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", where)
        yield server
        server.shutdown()
        thread.join()


def _cached(cache: Path, name: str) -> Path:
    """The folder that the files of `name` would have in the cache of the hub's client."""
    revision = "0" * 40
    home = cache / f"models--{name.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(revision)
    folder = home / "snapshots" / revision
    folder.mkdir(parents=True)
    return folder


def test_names_that_need_no_hub() -> None:
    assert isinstance(sg.load("toy"), ToyModel)
    assert resolve_model("toy") is resolve_model("toy")
    with pytest.raises(BackendError, match="loaded"):
        load("toy", dtype="bfloat16")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("defualt", "'default'"),
        ("tpy", "'toy'"),
        ("SmolLM2", "'smollm2'"),
        ("some/modle-7B", "'some/model-7B'"),
        ("model-7b", "'some/model-7B'"),
        ("./my-modle", "'my-model'"),
        ("my-modle", "'my-model'"),
    ],
)
def test_a_slip_is_answered_with_the_nearest_names(
    name: str, nearest: str, server: _Hub, tmp_path: Path
) -> None:
    folder = _cached(Path(huggingface_hub.constants.HF_HUB_CACHE), "some/model-7B")
    (folder / "config.json").write_text("{}")
    (tmp_path / "my-model").mkdir()
    (tmp_path / "my-model" / "config.json").write_text("{}")
    with pytest.raises(BackendError) as told:
        load(name)
    assert nearest in (told.value.hint or "")


def test_what_is_in_the_cache_is_listed(cache: Path) -> None:
    (_cached(cache, "some/model") / "config.json").write_text("{}")
    (_cached(cache, "other") / "config.json").write_text("{}")
    _cached(cache, "broken/off")
    assert hub.cached() == ["other", "some/model"]


@pytest.mark.parametrize("name", ["defualt", "tpy", "smollm", "no such/thing at all", "", "./x"])
def test_what_cannot_be_of_the_hub_is_not_asked_for(name: str, server: _Hub) -> None:
    with pytest.raises(BackendError):
        load(name)
    assert server.asked == []


def test_the_hub_is_asked_once(server: _Hub) -> None:
    with pytest.raises(BackendError, match="has no model `some/thing`") as told:
        load("some/thing")
    assert server.asked == ["/api/models/some/thing"]
    assert not told.value.retryable


def test_a_closed_model_says_where_it_opens(server: _Hub) -> None:
    server.status, server.code = 403, "GatedRepo"
    with pytest.raises(BackendError, match="terms") as told:
        load("some/thing")
    assert "/some/thing" in (told.value.hint or "")


def test_offline_means_no_question(server: _Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match="HF_HUB_OFFLINE"):
        load("some/thing")
    assert server.asked == []


def test_a_hub_that_is_silent_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", where)
        monkeypatch.setattr(hub, "PROBE_SECONDS", 0.3)
        began = time.monotonic()
        with pytest.raises(BackendError, match="cannot be reached") as told:
            load("some/thing")
    assert told.value.retryable
    # Five attempts per file, as transformers makes them, would be two orders of magnitude more.
    assert time.monotonic() - began < 10


def test_a_host_that_is_nowhere_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://nowhere.invalid")
    with pytest.raises(BackendError, match="cannot be reached"):
        load("some/thing")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.models.tiny import byte_tokenizer, network

    folder = tmp_path_factory.mktemp("saved")
    network("llama").save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def _copy(source: Path, target: Path, *, but: str = "") -> None:
    for file in source.iterdir():
        if file.name != but:
            (target / file.name).write_bytes(file.read_bytes())


def test_a_model_in_the_cache_needs_no_network(saved: Path, server: _Hub) -> None:
    folder = _cached(Path(huggingface_hub.constants.HF_HUB_CACHE), "some/thing")
    _copy(saved, folder)
    assert load("some/thing", device="cpu").name == "some/thing"
    assert server.asked == []


def test_a_folder_needs_no_network(
    saved: Path, server: _Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(saved.parent))
    for spec in (str(saved), saved, f"~/{saved.name}"):
        model: Any = load(spec, device="cpu")
        assert load(model.model).prompt_ids("a") == model.prompt_ids("a")
    assert server.asked == []


def test_of_a_half_fetched_model_the_rest_is_asked_for(saved: Path, server: _Hub) -> None:
    folder = _cached(Path(huggingface_hub.constants.HF_HUB_CACHE), "some/thing")
    _copy(saved, folder, but="model.safetensors")
    with pytest.raises(BackendError, match="has no model `some/thing`"):
        load("some/thing", device="cpu")
    assert server.asked == ["/api/models/some/thing"]
