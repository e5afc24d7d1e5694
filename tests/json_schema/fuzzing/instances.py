"""Instances for a schema: built along it, mutated, and random."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.json_schema.fuzzing import atoms
from tests.json_schema.fuzzing.places import DRAFTS
from tests.json_schema.fuzzing.schemas import Case

_DEPTH = 5
_PARTS = 40
"""Schemas that are looked at for one value at most."""


class Builder:
    """Builds instances that have a good chance to be valid."""

    def __init__(self, dice: random.Random, case: Case) -> None:
        self.dice = dice
        self.case = case
        self.hides = DRAFTS.index(case.draft) <= 2

    def build(self) -> Any:
        return self.value([self.case.schema], 0)

    # -- what applies to one value --------------------------------------------------------

    def flat(self, schemas: list[Any]) -> list[dict[str, Any]]:
        """The schemas that apply in place, one branch of each choice."""
        dice = self.dice
        found: list[dict[str, Any]] = []
        stack = schemas[:]
        seen = 0
        while stack and seen < _PARTS:
            here = stack.pop()
            seen += 1
            if not isinstance(here, dict):
                continue
            target = self.case.targets.get(id(here))
            if target is not None:
                stack.append(target)
                if self.hides and "$ref" in here:
                    continue
            found.append(here)
            stack += here.get("allOf", [])
            for keyword in ("anyOf", "oneOf"):
                if here.get(keyword):
                    stack.append(dice.choice(here[keyword]))
            if "if" in here:
                if dice.random() < 0.5:
                    stack += [here["if"], here.get("then", True)]
                else:
                    stack.append(here.get("else", True))
        return found

    def value(self, schemas: list[Any], depth: int) -> Any:
        dice = self.dice
        if depth > _DEPTH:
            return atoms.value(
                dice, self.case.names, 0, pool=self.case.pool, scientific=self.case.scientific
            )
        parts = self.flat(schemas)
        listed = [part["const"] for part in parts if "const" in part]
        for part in parts:
            listed += part.get("enum", [])
        if listed and dice.random() < 0.9:
            return copy.deepcopy(dice.choice(listed))
        match self.kind(parts, depth):
            case kind if self.case.pool and kind not in ("array", "object") and self.plain(parts):
                return dice.choice(self.case.pool)
            case "null":
                return None
            case "boolean":
                return dice.random() < 0.5
            case "integer":
                return self.number(parts, whole=True)
            case "number":
                return self.number(parts, whole=False)
            case "string":
                return self.string(parts)
            case "array":
                return self.array(parts, depth)
            case _:
                return self.object(parts, depth)

    def kind(self, parts: list[dict[str, Any]], depth: int) -> str:
        dice = self.dice
        kinds: set[str] | None = None
        for part in parts:
            named = part.get("type")
            if isinstance(named, str):
                named = [named]
            if isinstance(named, list):
                wide = {"integer", *named} if "number" in named else set(named)
                kinds = wide if kinds is None else kinds & wide
        if kinds:
            return dice.choice(sorted(kinds))
        for part in parts:
            for keyword, kind in _KIND_OF.items():
                if keyword in part and dice.random() < 0.6:
                    return kind
        return dice.choice(["null", "boolean", "integer", "number", "string", "array", "object"])

    def plain(self, parts: list[dict[str, Any]]) -> bool:
        return self.dice.random() < (0.2 if any("type" in part for part in parts) else 0.6)

    # -- scalars --------------------------------------------------------------------------

    def number(self, parts: list[dict[str, Any]], *, whole: bool) -> int | Decimal:
        dice = self.dice
        bounds = [
            part[keyword]
            for part in parts
            for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
            if isinstance(part.get(keyword), int | Decimal) and not isinstance(part[keyword], bool)
        ]
        steps = [part["multipleOf"] for part in parts if "multipleOf" in part]
        if bounds and dice.random() < 0.85:
            value = dice.choice(bounds) + dice.choice([0, 0, 1, -1, 2, -2, 5, -5])
            if not whole and dice.random() < 0.3:
                value += Decimal(dice.choice(["0.5", "-0.5", "0.25", "0.01"]))
        else:
            value = atoms.numeric(dice, scientific=self.case.scientific)
        if steps and dice.random() < 0.85:
            step = dice.choice(steps)
            if abs(value) < 10**9:
                value = step * int(value / step)
        if whole and dice.random() < 0.9:
            value = int(value)
        return atoms.tamed(value, self.case.scientific)

    def string(self, parts: list[dict[str, Any]]) -> str:
        dice = self.dice
        options: list[str] = []
        for part in parts:
            if "pattern" in part:
                options += self.case.examples.get(part["pattern"], [])
            if part.get("format") in atoms.FORMATS:
                options += atoms.FORMATS[part["format"]][dice.random() < 0.3]
        text = dice.choice(options) if options and dice.random() < 0.9 else atoms.text(dice)
        low = max((int(part.get("minLength", 0)) for part in parts), default=0)
        high = min((int(part["maxLength"]) for part in parts if "maxLength" in part), default=99)
        if dice.random() < 0.8:
            while len(text) < min(low, 60):
                text += dice.choice("aabx1é😀")
            text = text[:high] if dice.random() < 0.7 else text
        return text

    # -- containers -----------------------------------------------------------------------

    def array(self, parts: list[dict[str, Any]], depth: int) -> list[Any]:
        dice = self.dice
        low = max((int(part.get("minItems", 0)) for part in parts), default=0)
        high = min((int(part["maxItems"]) for part in parts if "maxItems" in part), default=6)
        length = dice.choice([0, 1, 1, 2, 2, 3, 4])
        if dice.random() < 0.85:
            length = max(low, min(high, length))
        elements: list[Any] = []
        for index in range(min(length, 8)):
            inner: list[Any] = []
            for part in parts:
                items = part.get("items", True)
                prefix = items if isinstance(items, list) else part.get("prefixItems", [])
                if index < len(prefix):
                    inner.append(prefix[index])
                elif isinstance(items, list):
                    inner.append(part.get("additionalItems", True))
                else:
                    inner.append(items)
                if "unevaluatedItems" in part and dice.random() < 0.5:
                    inner.append(part["unevaluatedItems"])
                if "contains" in part and dice.random() < 0.5:
                    inner.append(part["contains"])
            elements.append(self.value(inner, depth + 1))
        if elements and dice.random() < 0.1:
            elements.append(respelled_value(dice, dice.choice(elements)))
        return elements

    def object(self, parts: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        dice = self.dice
        wanted: list[str] = []
        optional: list[str] = []
        for part in parts:
            wanted += part.get("required", [])
            optional += part.get("properties", {})
            for pattern in part.get("patternProperties", {}):
                optional += self.case.examples.get(pattern, [])
            names = part.get("propertyNames")
            if isinstance(names, dict):
                optional += [name for name in names.get("enum", []) if isinstance(name, str)]
                optional += self.case.examples.get(names.get("pattern", ""), [])
        chosen = [name for name in wanted if dice.random() < 0.95]
        share = dice.choice([0.1, 0.4, 0.8])
        chosen += [name for name in optional if dice.random() < share]
        if dice.random() < 0.3:
            chosen.append(dice.choice([*self.case.names, *atoms.NAMES[:4]]))
        if dice.random() < 0.05:
            chosen.append(dice.choice(atoms.ODD_NAMES))
        chosen = list(dict.fromkeys(chosen))
        for part in parts:
            for keyword in ("dependentRequired", "dependencies"):
                for name, needed in part.get(keyword, {}).items():
                    if name in chosen and isinstance(needed, list) and dice.random() < 0.8:
                        chosen += [other for other in needed if other not in chosen]
        low = max((int(part.get("minProperties", 0)) for part in parts), default=0)
        highs = [int(part["maxProperties"]) for part in parts if "maxProperties" in part]
        if highs and dice.random() < 0.8:
            chosen = chosen[: min(highs)]
        while len(chosen) < min(low, 5) and dice.random() < 0.9:
            chosen.append(dice.choice([*self.case.names, "p", "q", "r"]))
            chosen = list(dict.fromkeys(chosen))
        if dice.random() < 0.3:
            dice.shuffle(chosen)
        dependents = [
            inner[name]
            for part in parts
            for inner in (part.get("dependentSchemas", {}), part.get("dependencies", {}))
            for name in chosen
            if name in inner and not isinstance(inner[name], list)
        ]
        everyone = parts + self.flat(dependents)
        return {name: self.value(self.member(everyone, name), depth + 1) for name in chosen}

    def member(self, parts: list[dict[str, Any]], name: str) -> list[Any]:
        inner: list[Any] = []
        for part in parts:
            known = False
            if name in part.get("properties", {}):
                inner.append(part["properties"][name])
                known = True
            for pattern, schema in part.get("patternProperties", {}).items():
                if atoms.finds(pattern, name):
                    inner.append(schema)
                    known = True
            if not known and "additionalProperties" in part:
                inner.append(part["additionalProperties"])
            if not known and "unevaluatedProperties" in part and self.dice.random() < 0.6:
                inner.append(part["unevaluatedProperties"])
        return inner


_KIND_OF = {
    "properties": "object",
    "required": "object",
    "patternProperties": "object",
    "additionalProperties": "object",
    "propertyNames": "object",
    "minProperties": "object",
    "maxProperties": "object",
    "dependentRequired": "object",
    "dependentSchemas": "object",
    "dependencies": "object",
    "unevaluatedProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "contains": "array",
    "minItems": "array",
    "maxItems": "array",
    "uniqueItems": "array",
    "unevaluatedItems": "array",
    "multipleOf": "number",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "pattern": "string",
    "minLength": "string",
    "maxLength": "string",
    "format": "string",
}


def respelled_value(dice: random.Random, value: Any) -> Any:
    """An equal value that is written otherwise, where there is one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 10**11:
        return Decimal(f"{value}.0")
    if isinstance(value, Decimal) and value == value.to_integral_value() and abs(value) < 10**15:
        return int(value)
    if isinstance(value, list):
        return [respelled_value(dice, each) for each in value]
    if isinstance(value, dict):
        items = [(name, respelled_value(dice, each)) for name, each in value.items()]
        dice.shuffle(items)
        return dict(items)
    return value


# -- mutation ---------------------------------------------------------------------------------


def mutated(dice: random.Random, value: Any, case: Case) -> Any:
    """`value` with one to three small changes."""
    value = copy.deepcopy(value)
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        value = _mutate(dice, value, case)
    return value


def _mutate(dice: random.Random, value: Any, case: Case) -> Any:
    if isinstance(value, list | dict) and value and dice.random() < 0.6:
        place = dice.choice(range(len(value)) if isinstance(value, list) else list(value))
        value[place] = _mutate(dice, value[place], case)
        return value
    change = dice.choice(_CHANGES.get(type(value), [_fresh]))
    return change(dice, value, case)


def random_value(dice: random.Random, case: Case) -> Any:
    return atoms.value(
        dice, case.names, dice.choice([1, 1, 2]), pool=case.pool, scientific=case.scientific
    )


def _fresh(dice: random.Random, value: Any, case: Case) -> Any:
    return random_value(dice, case)


def _nudge(dice: random.Random, value: Any, case: Case) -> Any:
    change: int | Decimal = dice.choice([1, -1, 2, -2, 10, Decimal("0.5"), Decimal("0.01")])
    return atoms.tamed(value + change, case.scientific)


def _negate(dice: random.Random, value: Any, case: Case) -> Any:
    return -value


def _respell(dice: random.Random, value: Any, case: Case) -> Any:
    return respelled_value(dice, value)


def _edit(dice: random.Random, value: Any, case: Case) -> Any:
    at = dice.randint(0, len(value))
    letter = dice.choice("ab1 -é😀\n")
    return dice.choice(
        [
            value[:at] + letter + value[at:],
            value[:at] + value[at + 1 :],
            value + value,
            value.upper(),
        ]
    )


def _drop(dice: random.Random, value: Any, case: Case) -> Any:
    if value:
        del value[dice.choice(range(len(value)) if isinstance(value, list) else list(value))]
    return value


def _add(dice: random.Random, value: Any, case: Case) -> Any:
    fresh = _fresh(dice, value, case)
    if isinstance(value, list):
        value.insert(dice.randint(0, len(value)), fresh)
        return value
    name = dice.choice([*case.names, *atoms.NAMES, dice.choice(atoms.ODD_NAMES)])
    if dice.random() < 0.5 and value:
        fresh = copy.deepcopy(dice.choice(list(value.values())))
    value[name] = fresh
    return value


def _double(dice: random.Random, value: Any, case: Case) -> Any:
    if isinstance(value, list) and value:
        again = copy.deepcopy(dice.choice(value))
        value.insert(
            dice.randint(0, len(value)),
            respelled_value(dice, again) if dice.random() < 0.5 else again,
        )
    return value


def _reorder(dice: random.Random, value: Any, case: Case) -> Any:
    if isinstance(value, list):
        dice.shuffle(value)
        return value
    items = list(value.items())
    dice.shuffle(items)
    return dict(items)


def _rename(dice: random.Random, value: Any, case: Case) -> Any:
    if not value:
        return value
    old = dice.choice(list(value))
    new = dice.choice([*case.names, *atoms.NAMES])
    return {new if name == old else name: each for name, each in value.items()}


_CHANGES: dict[type, list[Callable[[random.Random, Any, Case], Any]]] = {
    int: [_nudge, _nudge, _respell, _negate, _fresh],
    Decimal: [_nudge, _nudge, _respell, _negate, _fresh],
    str: [_edit, _edit, _edit, _fresh],
    list: [_drop, _drop, _add, _double, _double, _reorder, _respell, _fresh],
    dict: [_drop, _drop, _add, _add, _rename, _reorder, _fresh],
}
