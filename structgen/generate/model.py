"""From what people call a model to a `LanguageModel`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TypeAlias

from structgen.models import LanguageModel, load

ModelLike: TypeAlias = "LanguageModel | str | tuple[object, object] | object | None"
"""What `structgen.load` takes: None or ``"default"`` for the embedded SmolLM2, ``"toy"``, a folder,
a hub id, a GGUF file, a transformers model, a pair of it and its tokenizer, a `LanguageModel`."""

_KEPT = 2
"""Models loaded by name that stay loaded: the one in use, and one to compare it with."""

_loaded: OrderedDict[str, LanguageModel] = OrderedDict()
_loading: dict[str, threading.Lock] = {}
_lock = threading.Lock()


def resolve_model(model: ModelLike) -> LanguageModel:
    """The model that `model` names; models named by a str are kept for the next call.

    Threads that ask for the same name wait for one of them to load it, and for nobody else: to
    fetch a model takes minutes.

    Raises:
        BackendError: it cannot be loaded, or names no model.
        MissingExtraError: a package is missing.
    """
    if model is not None and not isinstance(model, str):
        return load(model)
    name = "default" if model is None else model
    with _lock:
        own = _loading.setdefault(name, threading.Lock())
    try:
        with own:
            return _kept(name) or _keep(name, load(name))
    finally:
        with _lock:
            # Whoever waits has the lock already; names that fail must not pile up.
            _loading.pop(name, None)


def _kept(name: str) -> LanguageModel | None:
    with _lock:
        if name in _loaded:
            _loaded.move_to_end(name)
        return _loaded.get(name)


def _keep(name: str, model: LanguageModel) -> LanguageModel:
    with _lock:
        _loaded[name] = model
        while len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
    return model
