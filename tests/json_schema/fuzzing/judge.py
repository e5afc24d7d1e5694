"""The oracle: `jsonschema`, with exact numbers, ECMA-262 patterns and a few repairs.

`jsonschema` is an independent implementation, but no perfect one. Where it is known to say
something else than the specification, the keyword is replaced here by what the specification
says; each is listed in `REPAIRS` with its reason and an instance that shows it (a test asserts that
the stock validator is still wrong about it, so that the list does not outlive its reasons).
Everything else is the stock code.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema
from jsonschema import validators
from jsonschema.exceptions import ValidationError
from referencing.exceptions import NoSuchAnchor
from referencing.jsonschema import DynamicAnchor

from tests.json_schema.fuzzing.atoms import finds

DRAFTS = ("draft4", "draft6", "draft7", "2019-09", "2020-12")

SCHEMA_URIS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}

_STOCK = {
    "draft4": jsonschema.Draft4Validator,
    "draft6": jsonschema.Draft6Validator,
    "draft7": jsonschema.Draft7Validator,
    "2019-09": jsonschema.Draft201909Validator,
    "2020-12": jsonschema.Draft202012Validator,
}

_SPECIFICATIONS = {
    "draft4": referencing.jsonschema.DRAFT4,
    "draft6": referencing.jsonschema.DRAFT6,
    "draft7": referencing.jsonschema.DRAFT7,
    "2019-09": referencing.jsonschema.DRAFT201909,
    "2020-12": referencing.jsonschema.DRAFT202012,
}


@dataclass(frozen=True, kw_only=True)
class Repair:
    """Keywords that the stock validator has wrong, and an instance that shows it."""

    keywords: str
    reason: str
    draft: str
    schema: Any
    instance: Any
    valid: bool
    """What the specification says."""
    registry: Mapping[str, Any] = field(default_factory=dict[str, Any])


REPAIRS = [
    Repair(
        keywords="multipleOf",
        reason="Divides floats (or Decimals of 28 digits). Validation 6.2.1: the division results "
        "in an integer.",
        draft="2020-12",
        schema={"multipleOf": 0.1},
        instance=0.3,
        valid=True,
    ),
    Repair(
        keywords="uniqueItems",
        reason="Looks for equal neighbours after sorting, where [1] and [true] count as equal. "
        "Core 4.2.2: they are not.",
        draft="2020-12",
        schema={"uniqueItems": True},
        instance=[[1], [True], [1]],
        valid=False,
    ),
    Repair(
        keywords="pattern, patternProperties, additionalProperties",
        reason="Search with Python's syntax, where $ also matches before a final line end, and "
        "\\d, \\w, \\s and . mean other characters. Core 6.4: ECMA-262.",
        draft="2020-12",
        schema={"pattern": "^a$"},
        instance="a\n",
        valid=False,
    ),
    Repair(
        keywords="additionalItems",
        reason="Takes `items: true` for a list (a TypeError). Validation 6.4.2 (draft 7): where "
        "`items` is no list, there is nothing to do.",
        draft="draft7",
        schema={"items": True, "additionalItems": False},
        instance=[1],
        valid=True,
    ),
    Repair(
        keywords="not, if, contains, oneOf",
        reason="Evaluate a subschema with an $id against the base URI of its parent. Core 8.2.1: "
        "the $id is the base of the references inside.",
        draft="2020-12",
        schema={
            "$id": "http://fuzz.test/root",
            "$defs": {"a": {"type": "integer"}},
            "not": {
                "$id": "http://fuzz.test/inner",
                "$ref": "#/$defs/a",
                "$defs": {"a": {"type": "string"}},
            },
        },
        instance=1,
        valid=True,
    ),
    Repair(
        keywords="unevaluatedProperties",
        reason="Guesses what other keywords evaluated. Core 9.3.2.4 (2019-09): the annotation of "
        "additionalProperties counts, whatever its schema.",
        draft="2019-09",
        schema={"additionalProperties": {"type": "integer"}, "unevaluatedProperties": False},
        instance={"a": 1},
        valid=True,
    ),
    Repair(
        keywords="unevaluatedItems",
        reason="The same. Core 9.3.1.3 (2019-09): of items, additionalItems and unevaluatedItems; "
        "contains has no annotation in this draft.",
        draft="2019-09",
        schema={"contains": {"type": "integer"}, "unevaluatedItems": False},
        instance=[1],
        valid=False,
    ),
    Repair(
        keywords="$ref",
        reason="Searches the dynamic scope if it leads to a $dynamicAnchor. Core 8.2.3.1: $ref is "
        "static; to it, a $dynamicAnchor is an $anchor.",
        draft="2020-12",
        schema={
            "$id": "http://fuzz.test/root",
            "$ref": "http://fuzz.test/other",
            "$defs": {"n": {"$dynamicAnchor": "node", "type": "integer"}},
        },
        registry={
            "http://fuzz.test/other": {
                "$id": "http://fuzz.test/other",
                "$ref": "#node",
                "$defs": {"n": {"$dynamicAnchor": "node", "type": "string"}},
            }
        },
        instance="s",
        valid=True,
    ),
    Repair(
        keywords="$dynamicRef",
        reason="Reads references inside what it finds against the base URI of where it searched "
        "from. Core 8.2.3.2 (2020-12): the anchor found is in a resource of its own.",
        draft="2020-12",
        schema={
            "$id": "http://fuzz.test/root",
            "$ref": "http://fuzz.test/other",
            "$defs": {
                "n": {"$dynamicAnchor": "node", "$ref": "#/$defs/s"},
                "s": {"type": "string"},
            },
        },
        registry={
            "http://fuzz.test/other": {
                "$id": "http://fuzz.test/other",
                "$dynamicRef": "#node",
                "$defs": {"n": {"$dynamicAnchor": "node"}, "s": {"type": "integer"}},
            }
        },
        instance="s",
        valid=True,
    ),
    Repair(
        keywords="$recursiveRef",
        reason="Stops at the first resource without $recursiveAnchor. Core 8.2.4.2.1 (2019-09): "
        "the outermost one of the dynamic scope that has it.",
        draft="2019-09",
        schema={
            "$id": "http://fuzz.test/root",
            "$recursiveAnchor": True,
            "$ref": "http://fuzz.test/middle",
            "maxProperties": 1,
        },
        registry={
            "http://fuzz.test/middle": {
                "$id": "http://fuzz.test/middle",
                "$ref": "http://fuzz.test/inner",
            },
            "http://fuzz.test/inner": {
                "$id": "http://fuzz.test/inner",
                "$recursiveAnchor": True,
                "properties": {"a": {"$recursiveRef": "#"}},
            },
        },
        instance={"a": {"b": 1, "c": 2}},
        valid=False,
    ),
]

Errors = Iterator[ValidationError]
_No = ValidationError


def _inside(validator: Any, schema: Any) -> Any:
    """A validator for a subschema, with the base URI that the subschema's $id gives."""
    resolver = validator._resolver.in_subresource(
        _SPECIFICATIONS[validator.draft].create_resource(schema)
    )
    return validator.evolve(schema=schema, _resolver=resolver)


def _holds(validator: Any, schema: Any, instance: Any) -> bool:
    return bool(_inside(validator, schema).is_valid(instance))


def equal(one: Any, two: Any) -> bool:
    """Equality of JSON values: numbers by value, booleans are none, members in any order."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(equal, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(equal(one[name], two[name]) for name in one)
    if type(one) in _NUMERIC and type(two) in _NUMERIC:
        return bool(one == two)
    return type(one) is type(two) and bool(one == two)


_NUMERIC = (int, Decimal)


# -- keywords, as the specification has them ------------------------------------------------


def _multiple_of(validator: Any, step: Any, instance: Any, schema: Any) -> Errors:
    if validator.is_type(instance, "number") and (
        (Fraction(instance) / Fraction(step)).denominator != 1
    ):
        yield _No("multipleOf")


def _unique_items(validator: Any, unique: Any, instance: Any, schema: Any) -> Errors:
    if unique and isinstance(instance, list):
        for index, one in enumerate(instance):
            if any(equal(one, other) for other in instance[:index]):
                yield _No("uniqueItems")


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, str) and not finds(pattern, instance):
        yield _No("pattern")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            for name, value in instance.items():
                if finds(pattern, name):
                    yield from validator.descend(value, subschema)


def _additional(schema: Any, instance: dict[str, Any]) -> Iterator[str]:
    for name in instance:
        if name not in schema.get("properties", {}) and not any(
            finds(pattern, name) for pattern in schema.get("patternProperties", {})
        ):
            yield name


def _additional_properties(validator: Any, inner: Any, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, dict):
        for name in _additional(schema, instance):
            yield from validator.descend(instance[name], inner)


def _additional_items(validator: Any, inner: Any, instance: Any, schema: Any) -> Errors:
    items = schema.get("items")
    if isinstance(instance, list) and isinstance(items, list):
        for element in instance[len(items) :]:
            yield from validator.descend(element, inner)


def _not(validator: Any, inner: Any, instance: Any, schema: Any) -> Errors:
    if _holds(validator, inner, instance):
        yield _No("not")


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Errors:
    branch = "then" if _holds(validator, condition, instance) else "else"
    if branch in schema:
        yield from validator.descend(instance, schema[branch])


def _contains(validator: Any, inner: Any, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, list):
        count = sum(_holds(validator, inner, element) for element in instance)
        counted = validator.draft in ("2019-09", "2020-12")
        least = schema.get("minContains", 1) if counted else 1
        if count < least or (counted and count > schema.get("maxContains", count)):
            yield _No("contains")


def _one_of(validator: Any, branches: Any, instance: Any, schema: Any) -> Errors:
    if sum(_holds(validator, branch, instance) for branch in branches) != 1:
        yield _No("oneOf")


def _unevaluated_items(validator: Any, inner: Any, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, list):
        seen = _Evaluated(items=True).collect(validator, schema, instance, "unevaluatedItems")
        for index, element in enumerate(instance):
            if index not in seen:
                yield from validator.descend(element, inner)


def _unevaluated_properties(validator: Any, inner: Any, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, dict):
        seen = _Evaluated(items=False).collect(validator, schema, instance, "unevaluatedProperties")
        for name, value in instance.items():
            if name not in seen:
                yield from validator.descend(value, inner)


def _ref(validator: Any, reference: str, instance: Any, schema: Any) -> Errors:
    contents, resolver = _target(validator, "$ref", reference)
    yield from validator.descend(instance, contents, resolver=resolver)


def _dynamic_ref(validator: Any, reference: str, instance: Any, schema: Any) -> Errors:
    contents, resolver = _target(validator, "$dynamicRef", reference)
    yield from validator.descend(instance, contents, resolver=resolver)


def _recursive_ref(validator: Any, reference: str, instance: Any, schema: Any) -> Errors:
    contents, resolver = _target(validator, "$recursiveRef", reference)
    yield from validator.descend(instance, contents, resolver=resolver)


def _target(validator: Any, keyword: str, reference: str) -> tuple[Any, Any]:
    resolver = validator._resolver
    found = resolver.lookup(reference)
    if keyword in ("$ref", "$dynamicRef"):
        uri, _, fragment = reference.partition("#")
        if fragment and not fragment.startswith("/"):
            home = resolver.lookup(uri or "#").resolver
            anchor = home._registry.anchor(home._base_uri, fragment).value
            if isinstance(anchor, DynamicAnchor):
                # To `$ref` the anchor itself, without the search through the dynamic scope.
                if keyword == "$dynamicRef":
                    home, anchor = _outermost(resolver, home, anchor)
                return anchor.resource.contents, home.in_subresource(anchor.resource)
    elif keyword == "$recursiveRef" and _is_recursive(found.contents):
        # The outermost resource of the dynamic scope that has the anchor, whatever lies between.
        for uri, _ in resolver.dynamic_scope():
            outer = resolver.lookup(uri)
            if _is_recursive(outer.contents):
                found = outer
    return found.contents, found.resolver


def _outermost(resolver: Any, home: Any, anchor: DynamicAnchor) -> tuple[Any, DynamicAnchor]:
    """The outermost anchor of that name in the dynamic scope, and the resolver of its resource;
    `anchor` itself, at `home`, if there is no other."""
    for uri, registry in home.dynamic_scope():
        with contextlib.suppress(NoSuchAnchor):
            found = registry.anchor(uri, anchor.name).value
            if isinstance(found, DynamicAnchor):
                home, anchor = resolver.lookup(uri).resolver, found
    return home, anchor


def _is_recursive(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("$recursiveAnchor") is True


@dataclass
class _Evaluated:
    """The annotations that `unevaluatedItems` (indices) or `unevaluatedProperties` (names) sees:
    of all subschemas that apply in place and hold."""

    items: bool

    def collect(
        self, validator: Any, schema: Any, instance: Any, without: str = ""
    ) -> set[int] | set[str]:
        found: set[Any] = set()
        if not isinstance(schema, Mapping):
            return found
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema and keyword in validator.VALIDATORS:
                contents, resolver = _target(validator, keyword, schema[keyword])
                there = validator.evolve(schema=contents, _resolver=resolver)
                found |= self.collect(there, contents, instance)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword, ()):
                found |= self._branch(validator, branch, instance)
        if "if" in schema:
            found |= self._branch(validator, schema["if"], instance)
            branch = "then" if _holds(validator, schema["if"], instance) else "else"
            found |= self._branch(validator, schema.get(branch, True), instance)
        if isinstance(instance, dict):
            for name, branch in schema.get("dependentSchemas", {}).items():
                if name in instance:
                    found |= self._branch(validator, branch, instance)
        own = self._own_items if self.items else self._own_properties
        return found | set(own(validator, schema, instance, without))

    def _branch(self, validator: Any, schema: Any, instance: Any) -> set[Any]:
        there = _inside(validator, schema)
        return self.collect(there, schema, instance) if there.is_valid(instance) else set()

    def _own_items(self, validator: Any, schema: Any, instance: Any, without: str) -> Iterable[int]:
        everything = range(len(instance))
        items = schema.get("items")
        if "unevaluatedItems" in schema and without != "unevaluatedItems":
            return everything
        if validator.draft == "2019-09":
            if isinstance(items, list):
                return everything if "additionalItems" in schema else range(len(items))
            return everything if items is not None else ()
        if items is not None:
            return everything
        found = set(range(len(schema.get("prefixItems", ()))))
        if "contains" in schema:
            inner = schema["contains"]
            found |= {
                index for index, element in enumerate(instance) if _holds(validator, inner, element)
            }
        return found

    def _own_properties(
        self, validator: Any, schema: Any, instance: Any, without: str
    ) -> Iterable[str]:
        if "additionalProperties" in schema or (
            "unevaluatedProperties" in schema and without != "unevaluatedProperties"
        ):
            return instance.keys()
        rest = set(_additional(schema, instance))
        return (name for name in instance if name not in rest)


_KEYWORDS: dict[str, Callable[..., Errors]] = {
    "multipleOf": _multiple_of,
    "uniqueItems": _unique_items,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "additionalItems": _additional_items,
    "not": _not,
    "if": _if,
    "contains": _contains,
    "oneOf": _one_of,
    "unevaluatedItems": _unevaluated_items,
    "unevaluatedProperties": _unevaluated_properties,
    "$ref": _ref,
    "$dynamicRef": _dynamic_ref,
    "$recursiveRef": _recursive_ref,
}

# -- formats --------------------------------------------------------------------------------

_POINTER = "(?:/(?:[^/~]|~[01])*)*"
_FORMAT_PATTERNS = {
    "uuid": "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "json-pointer": _POINTER,
    "relative-json-pointer": f"(?:0|[1-9][0-9]*)(?:#|{_POINTER})",
}


def format_checker() -> jsonschema.FormatChecker:
    """Stock where the stock checker is exact; three more, from the RFCs."""
    checker = jsonschema.FormatChecker(formats=["date", "ipv4", "ipv6"])

    def whole(pattern: re.Pattern[str]) -> Callable[[object], bool]:
        return lambda text: not isinstance(text, str) or pattern.fullmatch(text) is not None

    for name, pattern in _FORMAT_PATTERNS.items():
        checker.checks(name)(whole(re.compile(pattern, re.DOTALL)))
    return checker


_FORMATS = format_checker()

# -- validators -----------------------------------------------------------------------------


def _is_whole(checker: Any, value: Any) -> bool:
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def _repaired(draft: str) -> Any:
    stock = _STOCK[draft]
    types = stock.TYPE_CHECKER
    if draft != "draft4":
        types = types.redefine("integer", _is_whole)
    keywords = {name: rule for name, rule in _KEYWORDS.items() if name in stock.VALIDATORS}
    made = validators.extend(stock, keywords, type_checker=types)
    made.draft = draft
    made.evolve = _evolve
    return made


def _evolve(self: Any, **changes: Any) -> Any:
    """As the stock method, but a subschema's `$schema` leads to a repaired class."""
    kind = type(self)
    schema = changes.get("schema")
    if isinstance(schema, Mapping):
        kind = _BY_URI.get(str(schema.get("$schema")).rstrip("#"), kind)
    for name, alias in (
        ("schema", "schema"),
        ("_ref_resolver", "resolver"),
        ("format_checker", "format_checker"),
        ("_registry", "registry"),
        ("_resolver", "_resolver"),
    ):
        changes.setdefault(alias, getattr(self, name))
    return kind(**changes)


_CLASSES = {draft: _repaired(draft) for draft in DRAFTS}
_BY_URI = {SCHEMA_URIS[draft].rstrip("#"): kind for draft, kind in _CLASSES.items()}

ROOT = "urn:fuzzing:root"
"""The retrieval URI of a schema without an identifier. (Without one, `referencing` leaves the root
out of the dynamic scope.)"""


def keywords(draft: str) -> set[str]:
    """The keywords of a draft that say something about validity."""
    return set(_STOCK[draft].VALIDATORS)


class Judge:
    """Says whether an instance is valid."""

    def __init__(
        self, schema: Any, draft: str, registry: Mapping[str, Any], *, formats: bool
    ) -> None:
        specification = _SPECIFICATIONS[draft]
        root = _resource(schema, specification)
        resources = [(uri, _resource(each, specification)) for uri, each in registry.items()]
        name = (root.id() if isinstance(schema, Mapping) else None) or ROOT
        known: Any = referencing.Registry().with_resources([*resources, (name, root)]).crawl()
        resolver = known.resolver(name)
        kind = _CLASSES[draft]
        if isinstance(schema, Mapping):
            kind = _BY_URI.get(str(schema.get("$schema")).rstrip("#"), kind)
        self._validator = kind(
            schema,
            registry=known,
            _resolver=resolver,
            format_checker=_FORMATS if formats else None,
        )

    def valid(self, instance: Any) -> bool:
        """Raises RecursionError where the schema applies itself in place for ever."""
        return bool(self._validator.is_valid(instance))


def _resource(schema: Any, default: Any) -> Any:
    return referencing.Resource.from_contents(schema, default_specification=default)


def stock_verdict(draft: str, schema: Any, registry: Mapping[str, Any], instance: Any) -> bool:
    """What `jsonschema` says as it is."""
    specification = _SPECIFICATIONS[draft]
    resources = [(uri, _resource(each, specification)) for uri, each in registry.items()]
    known: Any = referencing.Registry().with_resources(resources)
    return bool(_STOCK[draft](schema, registry=known).is_valid(instance))
