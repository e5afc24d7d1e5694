"""``--output FILE``: a file that is there when it is whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click


@contextmanager
def opened(name: str | None) -> Generator[IO[str] | None]:
    """The file `name` to write to; None, which `click.echo` takes for standard output, if there is
    no name.

    What is written goes to a file beside it and takes its place at the end, so that a failure
    leaves what was there before. If something was written before a failure, it is kept: it cost
    model time.

    Raises:
        click.UsageError: the file cannot be written.
    """
    if name is None:
        yield None
        return
    path = Path(name).expanduser()
    if path.is_dir():
        raise click.UsageError(f"--output `{name}` is a folder")
    try:
        number, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise click.UsageError(f"--output `{name}` cannot be written: {error.strerror}") from None
    written = False
    try:
        with open(number, "w", encoding="utf-8") as stream:
            try:
                yield stream
            finally:
                stream.flush()
                written = stream.tell() > 0
    except BaseException:
        if written:
            _put(scratch, path)
        raise
    else:
        _put(scratch, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(scratch)


def _put(scratch: str, path: Path) -> None:
    """Rename, with the rights of a file opened in the usual way: `mkstemp` gives the owner's."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(scratch, 0o666 & ~mask)
    os.replace(scratch, path)
