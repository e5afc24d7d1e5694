"""What ``Annotated`` asks of a value, read from `annotated_types` or anything shaped like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from structgen.constraints.types import texts
from structgen.constraints.types.moments import Bounds
from structgen.constraints.types.notes import name_of, noted

Schema = dict[str, Any]

_KEYWORDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """Bounds, lengths and so on; None for what is not asked."""

    gt: Any = None
    ge: Any = None
    lt: Any = None
    le: Any = None
    multiple_of: Any = None
    min_length: int | None = None
    max_length: int | None = None
    max_digits: int | None = None
    decimal_places: int | None = None
    pattern: str | None = None
    description: str | None = None
    predicates: tuple[Any, ...] = ()

    @staticmethod
    def of(metadata: Sequence[object]) -> Demands:
        """The demands of annotations, understood by the names of their attributes."""
        found: dict[str, Any] = {}
        predicates: list[Any] = []
        for item in metadata:
            if isinstance(item, str):
                found.setdefault("description", item)
                continue
            for name in (*_KEYWORDS, "min_length", "max_length", "max_digits", "decimal_places"):
                bound = getattr(item, name, None)
                if bound is not None:
                    found[name] = bound
            pattern = getattr(item, "pattern", None)
            if isinstance(pattern, str):
                found["pattern"] = pattern
            if callable(getattr(item, "func", None)):
                predicates.append(item)
        return Demands(**found, predicates=tuple(predicates))

    def bounds(self) -> Bounds[Any]:
        """The ends of a range."""
        low_open = self.gt is not None and (self.ge is None or self.gt >= self.ge)
        high_open = self.lt is not None and (self.le is None or self.lt <= self.le)
        return Bounds(
            low=self.gt if low_open else self.ge,
            high=self.lt if high_open else self.le,
            low_open=low_open,
            high_open=high_open,
        )

    def noted(self, schema: Schema) -> Schema:
        """`schema` with notes on predicates, and the description."""
        if self.description is not None:
            schema = {"description": self.description, **schema}
        for predicate in self.predicates:
            schema = noted(schema, f"{name_of(predicate.func)} must hold")
        return schema


def with_demands(schema: Schema, demands: Demands) -> Schema:
    """`schema` with the keywords of JSON Schema that say what is asked."""
    found = dict(schema)
    kind = str(schema.get("type"))
    if kind in ("integer", "number"):
        for name, keyword in _KEYWORDS.items():
            bound = getattr(demands, name)
            if bound is not None:
                found[keyword] = bound
    for name, keyword in zip(("min_length", "max_length"), _LENGTHS.get(kind, ()), strict=False):
        bound = getattr(demands, name)
        if bound is not None:
            found[keyword] = bound
    if demands.pattern is not None and kind == "string":
        found["pattern"] = demands.pattern
    if demands.description is not None:
        found.setdefault("description", demands.description)
    for predicate in demands.predicates:
        found = _with_predicate(found, predicate)
    return found


def _with_predicate(schema: Schema, predicate: Any) -> Schema:
    pattern = texts.pattern_of_predicate(predicate)
    if pattern is not None and schema.get("type") == "string":
        return {**schema, "allOf": [*schema.get("allOf", []), {"pattern": f"^(?:{pattern})$"}]}
    return noted(schema, f"{name_of(predicate.func)} must hold")
