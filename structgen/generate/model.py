"""From what people call a model to a `LanguageModel`."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from structgen._core import Vocabulary
from structgen.models import LanguageModel, Message, load
from structgen.models.toy import MarkovModel

ModelLike: TypeAlias = "LanguageModel | str | tuple[object, object] | object | None"
"""None or ``"default"`` for the embedded SmolLM2; ``"toy"`` for `ToyModel`; or anything that
`structgen.models.load` takes: a folder, a hub id, a GGUF file, a transformers model, a pair of it
and its tokenizer, a `LanguageModel`."""

_KEPT = 2
"""Models loaded by name that stay loaded: the one in use, and one to compare it with."""

_loaded: OrderedDict[str, LanguageModel] = OrderedDict()
_lock = threading.Lock()


class ToyModel(MarkovModel):
    """Noise over single bytes: no weights to load, no sense in what it says.

    For trying things out offline, and for tests: whatever it is asked for, it is the constraint
    that makes the text well-formed.
    """

    def __init__(self, seed: int = 0) -> None:
        vocabulary = Vocabulary(
            [*(bytes([byte]) for byte in range(256)), None],
            eos_token_ids=[256],
            special_tokens={"<end>": 256},
        )
        super().__init__(vocabulary, order=2, seed=seed, scale=2.0)

    @property
    def name(self) -> str:
        """Always ``"toy"``."""
        return "toy"

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """Ids of the prompt's text, tool definitions first."""
        told = "".join(f"{json.dumps(tool)}\n" for tool in tools)
        return [*self.encode(told), *super().prompt_ids(prompt)]


def resolve_model(model: ModelLike) -> LanguageModel:
    """The model that `model` names; models named by a str are kept for the next call.

    Raises:
        BackendError: it cannot be loaded, or names no model.
        MissingExtraError: a package is missing.
    """
    if model is not None and not isinstance(model, str):
        return load(model)
    name = model or "default"
    with _lock:
        known = _loaded.get(name)
        if known is None:
            known = _loaded[name] = ToyModel() if name == "toy" else load(name)
        _loaded.move_to_end(name)
        while len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
        return known
