"""What an attack is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["regex", "schema", "lark", "gbnf", "choice"]


@dataclass(frozen=True)
class Attack:
    """The source of a constraint, and texts that are read under it.

    `fed` texts are read as far as they go, without a verdict. Sources are written as expressions,
    since the worst of them are long.
    """

    kind: Kind
    source: Any
    fed: bytes = b""
    valid: tuple[bytes, ...] = ()
    invalid: tuple[bytes, ...] = ()
    refused: str = ""
    """Errors, of which one must be raised; else, none may be."""
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def texts(self) -> list[tuple[bytes, bool | None]]:
        """Each with its verdict, if it has one."""
        fed: list[tuple[bytes, bool | None]] = [(self.fed, None)] if self.fed else []
        return (
            fed + [(text, True) for text in self.valid] + [(text, False) for text in self.invalid]
        )


@contextmanager
def senders_stack() -> Iterator[None]:
    """Room for the sender's encoder. What is measured has the limits that everybody has."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def source_text(source: Any) -> str:
    """A schema as the JSON text that a request would carry."""
    with senders_stack():
        return source if isinstance(source, str) else json.dumps(source)


def documents(*values: Any) -> tuple[bytes, ...]:
    """As `json.dumps` writes them."""
    with senders_stack():
        return tuple(json.dumps(value, ensure_ascii=False).encode() for value in values)


def nested(depth: int, wrap: Callable[[Any], Any], leaf: Any) -> Any:
    for _ in range(depth):
        leaf = wrap(leaf)
    return leaf
