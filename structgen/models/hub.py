"""Models by their id on the Hugging Face hub: found without waiting for a hub that is not there.

`transformers` asks the hub for each file of a model, and repeats each question five times while
there is no answer: half a minute of silence for a misspelt name on a machine without a network.
So the cache is looked at first, which needs no network; then `HF_HUB_OFFLINE`; then the hub is
asked once, within a time limit, whether it has the model at all.
"""

from __future__ import annotations

import difflib
import queue
import re
import threading
from collections.abc import Iterable
from pathlib import Path

from structgen.errors import BackendError, MissingExtraError

NAMES = ("default", "smollm2", "toy")
"""Models that need no hub."""

PROBE_SECONDS = 5.0
"""How long the hub may take to say whether it has a model."""

_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_NAME_ALIKE = 0.65
"""Likeness (`difflib`) from which a name without an organisation is taken for a slip: "defualt",
"tpy". New models of the hub have an organisation; old ones, like gpt2, look like none of ours."""


def locate(spec: str) -> bool:
    """Whether everything of the model `spec` is to be read from the cache (True), or may be
    fetched from the hub.

    Raises:
        BackendError: no such model is known, or none can be fetched now; the hint has the nearest
            known names.
        MissingExtraError: the client of the hub, which comes with transformers, is not installed.
    """
    if not _ID.fullmatch(spec):
        raise BackendError(
            f"`{spec}` is no folder, no .gguf file and no id of a model of the hub (ORG/NAME)",
            hint=hint_for(spec),
        )
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtraError.of(error, "huggingface_hub", extra="transformers") from error
    if isinstance(huggingface_hub.try_to_load_from_cache(spec, "config.json"), str):
        return True
    if "/" not in spec and _alike(spec, NAMES, _NAME_ALIKE):
        raise BackendError(f"no model is called `{spec}`", hint=hint_for(spec))
    ask(spec)
    return False


def hint_for(spec: str) -> str:
    """The nearest names among those that work on this machine, and what else may be given."""
    near = _alike(spec, [*NAMES, *cached()], 0.55) + _folders_like(spec)
    known = "a folder, a .gguf file, ORG/NAME of the hub, 'default' or 'toy'"
    if not near:
        return f"give {known}"
    return f"did you mean {' or '.join(repr(name) for name in near)}? Else give {known}"


def ask(spec: str) -> None:
    """One question to the hub, whether it has `spec`, which may be fetched if it has.

    Raises:
        BackendError: it has not, does not answer in time, or must not be asked. Whatever else it
            says, `transformers` may find out.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    if constants.HF_HUB_OFFLINE:
        raise BackendError(
            f"`{spec}` is not on this machine, and HF_HUB_OFFLINE forbids fetching it",
            hint=hint_for(spec),
        )
    where = constants.ENDPOINT
    error = _answer(spec)
    if error is None:
        return
    if isinstance(error, GatedRepoError):
        raise BackendError(
            f"`{spec}` is open only to those who accepted its terms",
            hint=f"accept them at {where}/{spec}, then log in: hf auth login",
        ) from error
    if isinstance(error, RepositoryNotFoundError):
        raise BackendError(
            f"the hub at {where} has no model `{spec}`, or none that you may read",
            hint=hint_for(spec),
        ) from error
    if not isinstance(error, HfHubHTTPError):
        raise BackendError(
            f"`{spec}` is not on this machine, and the hub at {where} cannot be reached: {error}",
            retryable=True,
            hint=hint_for(spec),
        ) from error


def _answer(spec: str) -> Exception | None:
    """How the hub's answer failed, if it did. Asked in a thread of its own, because the time limit
    of a connection does not bound the look-up of the host's name."""
    import huggingface_hub

    done: queue.Queue[Exception | None] = queue.Queue()

    def wait() -> None:
        try:
            huggingface_hub.HfApi().model_info(spec, timeout=PROBE_SECONDS)
        except Exception as error:
            done.put(error)
        else:
            done.put(None)

    threading.Thread(target=wait, name="structgen-hub", daemon=True).start()
    try:
        return done.get(timeout=PROBE_SECONDS)
    except queue.Empty:
        return TimeoutError(f"no answer within {PROBE_SECONDS:.0f} s")


def _alike(spec: str, names: Iterable[str], likeness: float) -> list[str]:
    """Up to three of `names` that look like `spec`, the likest first; case does not count."""
    by_key = {name.lower(): name for name in names}
    # What people forget most is the organisation.
    by_key |= {key.partition("/")[2]: name for key, name in by_key.items() if "/" in key}
    found = difflib.get_close_matches(spec.lower(), by_key, n=3, cutoff=likeness)
    return list(dict.fromkeys(by_key[key] for key in found))


def cached() -> list[str]:
    """Ids of the models in the cache of the hub's client; none without the client."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return []
    return sorted(
        folder.name.removeprefix("models--").replace("--", "/")
        for folder in Path(constants.HF_HUB_CACHE).glob("models--*")
        if any((snapshot / "config.json").exists() for snapshot in folder.glob("snapshots/*"))
    )


def _folders_like(spec: str) -> list[str]:
    """Neighbours of the path `spec` whose names look like its own."""
    path = Path(spec)
    try:
        names = [entry.name for entry in path.parent.iterdir() if _may_be_model(entry)]
    except OSError:
        return []
    return [str(path.parent / name) for name in _alike(path.name, names, 0.7)]


def _may_be_model(entry: Path) -> bool:
    return entry.suffix == ".gguf" or (entry / "config.json").is_file()
