"""Random schemas of every draft, with every keyword that the draft has."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.json_schema.fuzzing import atoms
from tests.json_schema.fuzzing.judge import SCHEMA_URIS
from tests.json_schema.fuzzing.places import DRAFTS, REFERENCES
from tests.json_schema.fuzzing.references import Documents, Resource

FLAVORS = ["wide"] * 9 + ["dense"] * 6 + ["numbers"] * 2 + ["strings"] * 3
"""``dense``: few names and values and many applicators, so that everything overlaps; ``numbers``
and ``strings``: conjunctions, disjunctions and negations of what is said of these alone."""

TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


@dataclass(kw_only=True)
class Case:
    """A schema with everything that its meaning depends on, and what instances of it need."""

    schema: Any
    draft: str
    """The option; None of the documents declares another one unless it says so itself."""
    registry: dict[str, Any]
    names: list[str]
    """The names that its objects use."""
    examples: dict[str, list[str]]
    """Strings by pattern."""
    targets: dict[int, Any] = field(default_factory=dict[int, Any])
    """Where the references lead, by the identity of the object that holds them."""
    pool: list[Any] | None = None
    """The scalars that its values are made of, if these are few."""
    scientific: bool = True
    """Whether instances may have numbers with exponents: not beside divisors other than powers of
    ten, where only plain decimals are accepted."""
    deferred: bool = False
    """Whether all that has several alternatives is judged at the end of its value."""


class Maker:
    """Makes one case."""

    def __init__(self, dice: random.Random, draft: str) -> None:
        self.dice = dice
        self.draft = draft
        self.level = DRAFTS.index(draft)
        self.flavor = dice.choice(FLAVORS)
        dense = self.flavor == "dense"
        self.left = dice.choice([8, 16, 24, 40, 60] if dense else [4, 8, 12, 16, 24, 32])
        names = ["a", "b", "ab", "c"] if dense else atoms.NAMES[:]
        dice.shuffle(names)
        self.names = names[: dice.choice([2, 2, 3] if dense else [2, 3, 4, 5])]
        if dice.random() < 0.2 and not dense:
            self.names.append(dice.choice(atoms.ODD_NAMES))
        self.pool = atoms.POOL if dense else None
        self.patterns = atoms.Patterns(few=dense)
        self.scientific = dice.random() < 0.3
        self.documents = Documents(dice, draft)
        self.resource: Resource = self.documents.main
        self.formats = self.flavor == "strings" or dice.random() < 0.3

    # -- documents ------------------------------------------------------------------------

    def case(self) -> Case:
        dice = self.dice
        documents = self.documents
        root = self.fill(documents.main)
        while documents.wanted and len(documents.others) < 3:
            resource = documents.open_next()
            self.left = max(self.left, 4)
            self.fill(resource)
        documents.settle()
        if dice.random() < 0.5 and isinstance(root, dict):
            root = documents.declare(root, SCHEMA_URIS[self.draft])
        return Case(
            schema=root,
            draft=self.draft,
            registry=documents.registry(),
            names=self.names,
            examples=self.patterns.examples,
            targets=documents.targets,
            pool=self.pool,
            scientific=self.scientific,
        )

    def fill(self, resource: Resource) -> Any:
        """Writes the root schema of a document."""
        dice = self.dice
        self.resource = resource
        keyword = self.documents.definitions
        depth = dice.choice([3, 4, 5] if self.flavor != "wide" else [1, 2, 3, 3, 4])
        root: Any = self.schema(depth, in_place=False)
        wants = resource.names_wanted or dice.random() < 0.25 or resource is not self.documents.main
        if not wants:
            return resource.take(root)
        if not isinstance(root, dict):
            root = {} if root else {"not": {}}
        if "$ref" in root and self.level <= 2:
            # Beside a reference these drafts see nothing, definitions included.
            root = {"allOf": [root]}
        named: dict[str, Any] = {}
        resource.definitions = named
        root[keyword] = named
        count = dice.choice([1, 1, 2, 3])
        for _ in range(count):
            name = resource.new_name(dice)
            self.left = max(self.left, 3)
            named[name] = self.definition(resource)
        return resource.take(root)

    def definition(self, resource: Resource) -> Any:
        dice = self.dice
        if dice.random() < 0.12 and not resource.embedded:
            inner = self.documents.embed(resource)
            self.resource = inner
            schema = self.schema(2, in_place=False)
            if not isinstance(schema, dict) or any(word in schema for word in REFERENCES):
                # (Also because the object is copied below, and references know their holders.)
                schema = {"allOf": [schema]} if self.level else {"anyOf": [schema, {}]}
            schema.pop("$id", None)
            made = {self.documents.id_keyword: inner.written, **schema}
            if dice.random() < 0.5:
                inner.definitions = {}
                name = inner.new_name(dice)
                inner.definitions[name] = self.schema(1, in_place=False)
                made[self.documents.definitions] = inner.definitions
            self.resource = resource
            return inner.take(made)
        schema = self.schema(dice.choice([1, 2, 2, 3]), in_place=False)
        return self.documents.anchored(resource, schema)

    # -- schemas --------------------------------------------------------------------------

    def schema(self, depth: int, *, in_place: bool) -> Any:
        dice = self.dice
        self.left -= 1
        roll = dice.random()
        if roll < 0.05 and self.level > 0:
            return dice.random() < 0.75
        if roll < (0.16 if in_place else 0.2):
            return self.reference(depth, in_place)
        if depth <= 0 or self.left <= 0 or roll < 0.28:
            return self.leaf()
        made: dict[str, Any] = {}
        if roll < (0.72 if self.flavor == "wide" else 0.45):
            self.typed(made, depth)
            if dice.random() < 0.3:
                self.combine(made, depth)
        else:
            for _ in range(dice.choice([1, 1, 2, 2, 3])):
                dice.choice(self.families())(made, depth)
        if dice.random() < 0.06:
            self.annotate(made)
        if dice.random() < 0.4:
            made = self.shuffled(made)
        return made

    def shuffled(self, made: dict[str, Any]) -> dict[str, Any]:
        names = list(made)
        self.dice.shuffle(names)
        return {name: made[name] for name in names}

    def families(self) -> list[Callable[[dict[str, Any], int], None]]:
        if self.flavor in ("numbers", "strings"):
            own = self.number_rules if self.flavor == "numbers" else self.string_rules
            return [own, self.combine, self.combine, self.values]
        return [
            self.number_rules,
            self.string_rules,
            self.array_rules,
            self.array_rules,
            self.object_rules,
            self.object_rules,
            self.object_rules,
            self.combine,
            self.combine,
            self.combine,
            self.values,
        ]

    def leaf(self) -> Any:
        dice = self.dice
        roll = dice.random()
        made: dict[str, Any] = {}
        if roll < 0.1:
            return made
        if roll < 0.45:
            self.values(made, 0)
            return made
        kind = dice.choice([*TYPES[:5], "string", "integer", "object", "array"])
        made["type"] = kind
        if kind in ("integer", "number") and dice.random() < 0.5:
            self.number_rules(made, 0)
        elif kind == "string" and dice.random() < 0.5:
            self.string_rules(made, 0)
        return made

    def typed(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        kinds = {"numbers": ["integer", "number"], "strings": ["string"]}
        usual = ["integer", "number", "string", "array", "array", *["object"] * 4]
        kind = dice.choice(kinds.get(self.flavor, usual))
        made["type"] = kind
        if dice.random() < 0.12:
            others = dice.sample(TYPES, dice.choice([1, 2]))
            made["type"] = list(dict.fromkeys([kind, *others]))
        rules = {
            "integer": self.number_rules,
            "number": self.number_rules,
            "string": self.string_rules,
            "array": self.array_rules,
            "object": self.object_rules,
        }[kind]
        for _ in range(dice.choice([1, 1, 1, 2])):
            rules(made, depth)

    def values(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        if self.level > 0 and dice.random() < 0.5:
            made["const"] = self.value()
            return
        values: list[Any] = [self.value() for _ in range(dice.choice([1, 2, 2, 3, 5]))]
        made["enum"] = values

    def value(self) -> Any:
        return atoms.value(self.dice, self.names, 2, pool=self.pool, scientific=self.scientific)

    # -- numbers --------------------------------------------------------------------------

    def number_rules(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        roll = dice.random()
        if roll < 0.35 or roll > 0.8:
            step = dice.choice(atoms.STEPS)
            if self.scientific and not _is_power_of_ten(step):
                step = dice.choice([1, 10, Decimal("0.1"), Decimal("0.01"), Decimal("1.0")])
            made["multipleOf"] = step
        if roll > 0.3:
            low = atoms.numeric(dice, scientific=self.scientific)
            if self.flavor == "dense":
                low = dice.choice([0, 1, 1, 2])
            if dice.random() < 0.7:
                self.bound(made, "inimum", low)
            if dice.random() < 0.6:
                width = dice.choice([0, 1, 2, 5, 10, 100, Decimal("0.5"), Decimal("1.25")])
                high = atoms.tamed(low + width, self.scientific) if dice.random() < 0.8 else low
                self.bound(made, "aximum", high)

    def bound(self, made: dict[str, Any], name: str, value: int | Decimal) -> None:
        side = "m" + name
        exclusive = "exclusiveM" + name
        if self.level == 0:
            made[side] = value
            if self.dice.random() < 0.35:
                made[exclusive] = self.dice.random() < 0.7
            return
        made[exclusive if self.dice.random() < 0.35 else side] = value

    # -- strings --------------------------------------------------------------------------

    def size(self, values: list[int]) -> int | Decimal:
        value = self.dice.choice(values)
        return Decimal(f"{value}.0") if self.dice.random() < 0.03 and self.level > 0 else value

    def string_rules(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        roll = dice.random()
        if roll < 0.45:
            made["pattern"] = self.patterns.pattern(dice)
        if 0.35 < roll < 0.75:
            low = dice.choice([0, 0, 1, 1, 2, 3])
            if dice.random() < 0.6:
                made["minLength"] = self.size([low])
            if dice.random() < 0.7:
                made["maxLength"] = self.size([low, low + 1, low + 2, 5, 40])
        if roll > 0.7:
            if self.formats and dice.random() < 0.8:
                made["format"] = dice.choice(list(atoms.FORMATS))
            else:
                made["minLength"] = self.size([0, 1, 2])
        if dice.random() < 0.03:
            made["format"] = dice.choice(["unknown", "x-mine"])

    # -- arrays ---------------------------------------------------------------------------

    def array_rules(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        rules = [self.items, self.items, self.tuple, self.sizes_of_array, self.unique]
        if self.level > 0:
            rules += [self.contains, self.contains]
        if self.level > 2:
            rules += [self.unevaluated_items]
        for _ in range(dice.choice([1, 1, 2, 2, 3])):
            dice.choice(rules)(made, depth)

    def child(self, depth: int) -> Any:
        return self.schema(depth - 1, in_place=False)

    def child_or_bool(self, depth: int, share: float = 0.3) -> Any:
        """For keywords that take booleans in every draft."""
        if self.dice.random() < share:
            return self.dice.random() < 0.3
        return self.child(depth)

    def items(self, made: dict[str, Any], depth: int) -> None:
        if self.level == 4 and "prefixItems" in made and self.dice.random() < 0.3:
            made["items"] = False
        elif not isinstance(made.get("items"), list):
            made["items"] = self.child(depth)

    def tuple(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        schemas = [self.child(depth) for _ in range(dice.choice([1, 1, 2, 2, 3]))]
        if self.level == 4:
            made["prefixItems"] = schemas
            return
        made["items"] = schemas
        if dice.random() < 0.6:
            made["additionalItems"] = self.child_or_bool(depth, 0.4)

    def sizes_of_array(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        low = dice.choice([0, 1, 1, 2, 3])
        if dice.random() < 0.6:
            made["minItems"] = self.size([low])
        if dice.random() < 0.6:
            made["maxItems"] = self.size([low, low + 1, low + 2])

    def unique(self, made: dict[str, Any], depth: int) -> None:
        made["uniqueItems"] = self.dice.random() < 0.85

    def contains(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        made["contains"] = self.child(depth)
        if self.level > 2:
            low = dice.choice([0, 0, 1, 2])
            if dice.random() < 0.4:
                made["minContains"] = self.size([low])
            if dice.random() < 0.4:
                made["maxContains"] = self.size([low, low + 1, 1, 2])

    def unevaluated_items(self, made: dict[str, Any], depth: int) -> None:
        made["unevaluatedItems"] = self.child_or_bool(depth, 0.6)
        if self.dice.random() < 0.7:
            self.combine(made, depth, of=self.array_rules)

    # -- objects --------------------------------------------------------------------------

    def object_rules(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        rules = [
            self.properties,
            self.properties,
            self.properties,
            self.pattern_properties,
            self.additional_properties,
            self.additional_properties,
            self.required,
            self.required,
            self.sizes_of_object,
        ]
        if self.level > 0:
            rules.append(self.property_names)
        if self.level > 2:
            rules += [self.dependent_required, self.dependent_schemas]
            rules += [self.unevaluated_properties]
        else:
            rules.append(self.dependencies)
        for _ in range(dice.choice([1, 2, 2, 3, 4])):
            dice.choice(rules)(made, depth)

    def name(self) -> str:
        return self.dice.choice(self.names)

    def some_names(self) -> list[str]:
        count = min(len(self.names), self.dice.choice([1, 1, 2, 2, 3]))
        return self.dice.sample(self.names, count)

    def properties(self, made: dict[str, Any], depth: int) -> None:
        made["properties"] = {name: self.child(depth) for name in self.some_names()}

    def pattern_properties(self, made: dict[str, Any], depth: int) -> None:
        patterns = [self.patterns.pattern(self.dice) for _ in range(self.dice.choice([1, 1, 2, 3]))]
        if self.dice.random() < 0.3:
            name = self.name()
            if name.isalnum() and name.isascii():
                patterns.append("^" + name)
                self.patterns.examples["^" + name] = [name, name + "x"]
        made["patternProperties"] = {pattern: self.child(depth) for pattern in patterns}

    def additional_properties(self, made: dict[str, Any], depth: int) -> None:
        made["additionalProperties"] = self.child_or_bool(depth, 0.55)

    def required(self, made: dict[str, Any], depth: int) -> None:
        made["required"] = self.some_names()

    def sizes_of_object(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        low = dice.choice([0, 1, 1, 2, 3])
        if dice.random() < 0.6:
            made["minProperties"] = self.size([low])
        if dice.random() < 0.6:
            made["maxProperties"] = self.size([low, low + 1, low + 2])

    def property_names(self, made: dict[str, Any], depth: int) -> None:
        dice = self.dice
        roll = dice.random()
        if roll < 0.35:
            made["propertyNames"] = {"pattern": self.patterns.pattern(dice)}
        elif roll < 0.5:
            made["propertyNames"] = {"enum": self.some_names()}
        elif roll < 0.65:
            made["propertyNames"] = {"maxLength": dice.randint(0, 4)}
        elif roll < 0.75:
            made["propertyNames"] = {"not": {"enum": self.some_names()}}
        else:
            made["propertyNames"] = self.child(min(depth, 2))

    def dependent_required(self, made: dict[str, Any], depth: int) -> None:
        made["dependentRequired"] = {
            name: self.some_names() if self.dice.random() < 0.9 else []
            for name in self.some_names()
        }

    def dependent_schemas(self, made: dict[str, Any], depth: int) -> None:
        made["dependentSchemas"] = {name: self.applied(depth) for name in self.some_names()}

    def dependencies(self, made: dict[str, Any], depth: int) -> None:
        # All of one kind: `referencing` looks for subresources in a mixture only if the first
        # one is a schema.
        if self.dice.random() < 0.5:
            made["dependencies"] = {name: self.some_names() for name in self.some_names()}
        else:
            made["dependencies"] = {name: self.applied(depth) for name in self.some_names()}

    def unevaluated_properties(self, made: dict[str, Any], depth: int) -> None:
        made["unevaluatedProperties"] = self.child_or_bool(depth, 0.6)
        if self.dice.random() < 0.7:
            self.combine(made, depth, of=self.object_rules)

    # -- applicators ----------------------------------------------------------------------

    def applied(self, depth: int, of: Callable[[dict[str, Any], int], None] | None = None) -> Any:
        """A schema that applies in place; of one family, if that is given."""
        if of is not None and self.left > 0 and self.dice.random() < 0.8:
            self.left -= 1
            made: dict[str, Any] = {}
            of(made, depth - 1)
            return made
        return self.schema(depth - 1, in_place=True)

    def combine(
        self,
        made: dict[str, Any],
        depth: int,
        of: Callable[[dict[str, Any], int], None] | None = None,
    ) -> None:
        dice = self.dice
        kinds = ["allOf", "anyOf", "anyOf", "oneOf", "oneOf", "not"]
        if self.level > 1:
            kinds += ["if", "if"]
        if self.flavor in ("numbers", "strings"):
            of = None
        elif of is None and dice.random() < 0.5:
            of = dice.choice(
                [self.object_rules, self.object_rules, self.array_rules, self.number_rules,
                 self.string_rules, self.values]
            )  # fmt: skip
        kind = dice.choice(kinds)
        if kind == "not":
            made["not"] = self.applied(depth, of)
        elif kind == "if":
            made["if"] = self.applied(depth, of)
            if dice.random() < 0.8:
                made["then"] = self.applied(depth, of)
            if dice.random() < 0.6:
                made["else"] = self.applied(depth, of)
        else:
            count = dice.choice([1, 2, 2, 2, 3])
            made[kind] = [self.applied(depth, of) for _ in range(count)]

    # -- the rest -------------------------------------------------------------------------

    def reference(self, depth: int, in_place: bool) -> Any:
        made = self.documents.reference(self.resource, in_place)
        if self.dice.random() < 0.2 and depth > 0:
            dice = self.dice
            dice.choice([self.object_rules, self.string_rules, self.values, self.array_rules])(
                made, depth - 1
            )
        return made

    def annotate(self, made: dict[str, Any]) -> None:
        """Keywords that say nothing about validity in this draft."""
        dice = self.dice
        words: dict[str, Any] = {
            "title": "a title",
            "description": "$ref",
            "default": self.value(),
            "examples": [self.value()],
            "readOnly": True,
            "x-unknown": {"type": "nothing", "$ref": 3},
            "contentMediaType": "application/json",
            "format": "x-unknown",
            "$comment": "{}",
        }
        later: dict[str, Any] = {}
        if self.level < 1:
            later |= {"const": 1, "contains": False, "propertyNames": False}
        if self.level < 2:
            later |= {"if": {}, "then": {"not": {}}}
        if self.level < 3:
            later |= {
                "dependentRequired": {self.name(): ["zzz"]},
                "dependentSchemas": {self.name(): {"not": {}}},
                "unevaluatedProperties": False,
                "unevaluatedItems": False,
                "minContains": 7,
                "$recursiveRef": "#",
            }
        if self.level < 4:
            later |= {"prefixItems": [{"not": {}}], "$dynamicRef": "#nowhere"}
        else:
            later |= {"additionalItems": False, "$recursiveRef": "#"}
        if self.level > 0:
            later |= {"id": "http://elsewhere.test/", "minContains": 0}
        words |= later
        for word in dice.sample(list(words), dice.choice([1, 2])):
            made.setdefault(word, words[word])
        # Half of a pair says nothing.
        if self.level > 1 and dice.random() < 0.1 and "if" not in made:
            made.setdefault("then", {"not": {}})


def _is_power_of_ten(step: int | Decimal) -> bool:
    return set(Decimal(step).normalize().as_tuple().digits) == {1} and (
        len(Decimal(step).normalize().as_tuple().digits) == 1
    )


def make(dice: random.Random, draft: str) -> Case:
    return Maker(dice, draft).case()
