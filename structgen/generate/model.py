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
_lock = threading.Lock()


def resolve_model(model: ModelLike) -> LanguageModel:
    """The model that `model` names; models named by a str are kept for the next call.

    Raises:
        BackendError: it cannot be loaded, or names no model.
        MissingExtraError: a package is missing.
    """
    if model is not None and not isinstance(model, str):
        return load(model)
    name = "default" if model is None else model
    with _lock:
        known = _loaded.get(name)
        if known is None:
            known = _loaded[name] = load(name)
        _loaded.move_to_end(name)
        while len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
        return known
