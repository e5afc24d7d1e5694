"""Models by name are loaded once, and nobody waits for a model that he did not ask for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import pytest

from structgen.errors import BackendError
from structgen.generate import ToyModel, resolve_model
from structgen.generate import model as room
from structgen.models import LanguageModel


class _Loader:
    """Counts what is loaded; ``slow`` waits for `go`."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.started, self.go = threading.Event(), threading.Event()

    def __call__(self, name: str) -> LanguageModel:
        self.counts[name] = self.counts.get(name, 0) + 1
        if name == "slow":
            self.started.set()
            assert self.go.wait(30)
        if name == "broken":
            raise BackendError("no such model")
        return ToyModel()


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> _Loader:
    loader = _Loader()
    monkeypatch.setattr(room, "load", loader)
    monkeypatch.setattr(room, "_loaded", OrderedDict())
    return loader


def test_a_name_is_loaded_once_by_many_threads(loader: _Loader) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(resolve_model, "slow") for _ in range(8)]
        assert loader.started.wait(30)
        loader.go.set()
        assert len({id(one.result()) for one in asked}) == 1
    assert loader.counts == {"slow": 1}


def test_another_name_is_not_waited_for(loader: _Loader) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(resolve_model, "slow")
        assert loader.started.wait(30)
        assert isinstance(resolve_model("fast"), ToyModel)
        assert not slow.done()
        loader.go.set()
        slow.result()


def test_two_are_kept_and_failures_leave_nothing(loader: _Loader) -> None:
    for name in ("a", "b", "a", "c", "a", "b"):
        resolve_model(name)
    assert loader.counts == {"a": 1, "b": 2, "c": 1}
    for _ in range(2):
        with pytest.raises(BackendError):
            resolve_model("broken")
    assert loader.counts["broken"] == 2
    assert room._loading == {}
