"""Python values in what JSON has: for command lines, and for what a model is told of results."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from typing import Any, cast

import numpy as np


def plain(value: object) -> object:
    """`value` in dicts, lists, texts, numbers, bools and None.

    Records become dicts, enums their values, and anything that has no members its text. Numbers
    that JSON has not (``-inf``, ``nan``) are None.
    """
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, np.ndarray | np.generic):
        return plain(cast("Any", value).tolist())
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(plain(name)): plain(one) for name, one in items}
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [plain(one) for one in cast("Sequence[object]", value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    dump = getattr(value, "model_dump", None)  # a Pydantic model
    if callable(dump) and not isinstance(value, type):
        return plain(dump(mode="json"))
    return str(value)
