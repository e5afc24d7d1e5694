"""What is checked of one schema: its verdicts on instances, and the documents that it generates."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from structgen._core import Limits, Program
from structgen.errors import (
    EmptyLanguageError,
    LimitExceeded,
    SchemaError,
    StructgenError,
    UnsupportedFeatureError,
    UnsupportedSchemaError,
)
from tests.json_schema.fuzzing import atoms, instances, schemas, texts
from tests.json_schema.fuzzing.judge import DRAFTS, Judge, equal
from tests.json_schema.fuzzing.places import children, descendants
from tests.json_schema.fuzzing.schemas import Case
from tests.json_schema.fuzzing.texts import Style
from tests.json_schema.fuzzing.vocabulary import read, vocabulary, walk

SLOW = 1.0
"""CPU seconds for one schema that are reported."""


REFUSABLE = (
    "multipleOf",
    "pattern",
    "patternProperties",
    "unevaluatedItems",
)
"""Keywords whose refusal is documented: what is not regular, and elements that `contains` tells
apart in too many ways."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """White space as an option, and how texts that fit it are written."""

    option: dict[str, Any]
    styles: tuple[Style, ...]


_DEFAULT = Style()
_COMPACT = Style(item=",", key=":")
FLEXIBLE = Layout(
    option={"kind": "flexible"},
    styles=(_DEFAULT, _DEFAULT, _COMPACT, Style(indent=2), Style(indent=4)),
)
LAYOUTS = [
    FLEXIBLE,
    FLEXIBLE,
    Layout(option={"kind": "compact"}, styles=(_COMPACT,)),
    Layout(option={"kind": "indent", "width": 2}, styles=(Style(indent=2),)),
    Layout(option={"kind": "separators", "item": ", ", "key": ": "}, styles=(_DEFAULT,)),
]


@dataclass(kw_only=True)
class Disagreement:
    """Where structgen and the judge differ, or structgen with itself."""

    kind: str
    schema: Any
    draft: str
    registry: dict[str, Any]
    options: dict[str, Any]
    text: str | None = None
    valid: bool | None = None
    detail: str = ""
    origin: str = ""
    deferred: bool = False


@dataclass
class Outcome:
    counts: Counter[str] = field(default_factory=Counter[str])
    disagreements: list[Disagreement] = field(default_factory=list[Disagreement])
    slow: list[tuple[float, str, str]] = field(default_factory=list[tuple[float, str, str]])

    def add(self, other: Outcome) -> None:
        self.counts.update(other.counts)
        self.disagreements += other.disagreements
        self.slow += other.slow


def program(case: Case, options: dict[str, Any]) -> Program:
    chosen = {**options, "registry": case.registry}
    # Without the option the draft is that of `$schema`.
    declared = isinstance(case.schema, dict) and "$schema" in case.schema
    if not declared or options.get("draft"):
        chosen["draft"] = case.draft
    return compiled(case.schema, chosen, case.deferred)


def compiled(schema: Any, options: dict[str, Any], deferred: bool) -> Program:
    limits = Limits(max_exact_alternatives=0) if deferred else Limits()
    return Program.json_schema(texts.dumps(schema), texts.dumps(options), limits=limits)


class Check:
    """All checks of one case."""

    def __init__(
        self, case: Case, dice: random.Random, *, pairs: int, samples: int, origin: str = ""
    ) -> None:
        self.case = case
        self.dice = dice
        self.pairs = pairs
        self.samples = samples
        self.origin = origin
        self.out = Outcome()
        self.formats = dice.random() < 0.95
        self.judge = Judge(case.schema, case.draft, case.registry, formats=self.formats)

    def report(
        self,
        kind: str,
        options: dict[str, Any],
        text: str | None = None,
        valid: bool | None = None,
        detail: str = "",
    ) -> None:
        self.out.disagreements.append(
            Disagreement(
                kind=kind,
                schema=self.case.schema,
                draft=self.case.draft,
                registry=self.case.registry,
                options=options,
                text=text,
                valid=valid,
                detail=detail,
                origin=self.origin,
                deferred=self.case.deferred,
            )
        )

    def run(self) -> Outcome:
        self.out.counts["schemas"] += 1
        self.out.counts[f"schemas of {self.case.draft}"] += 1
        started = time.process_time()
        self.check_pairs()
        if self.samples:
            self.check_samples()
        spent = time.process_time() - started
        if spent > SLOW:
            self.out.slow.append((spent, self.case.draft, texts.dumps(self.case.schema)))
        return self.out

    def compiled(self, options: dict[str, Any]) -> Program | None:
        """None where the schema is refused; `refused` says whether it may be."""
        started = time.process_time()
        try:
            return program(self.case, options)
        finally:
            spent = time.process_time() - started
            if spent > SLOW / 4:
                self.out.slow.append((spent, self.case.draft, texts.dumps(self.case.schema)))

    # -- pairs ----------------------------------------------------------------------------

    def check_pairs(self) -> None:
        dice = self.dice
        layout = dice.choice(LAYOUTS)
        options: dict[str, Any] = {"property_order": "any", "whitespace": layout.option}
        if dice.random() < 0.3:
            options["draft"] = self.case.draft
        if not self.formats:
            options["format_assertion"] = False
        if dice.random() < 0.15:
            options["escapes"] = "minimal"
        plain = dice.random() < 0.4
        options["number_spelling"] = "plain" if plain else "all"
        try:
            program = self.compiled(options)
        except EmptyLanguageError:
            program = None
            self.out.counts["refused: empty"] += 1
        except StructgenError as error:
            self.refused(error, options)
            return
        ordered = self.ordered(options)
        for value in self.values(program):
            text = texts.dumps(value, dice.choice(layout.styles))
            try:
                valid = self.judge.valid(texts.loads(text))
            except RecursionError:
                self.out.counts["judge gave up"] += 1
                return
            if plain and not texts.plainly_spelled(text, scientific=self.case.scientific):
                # Another language: nothing that is invalid belongs to it, but much is missing.
                if program is not None and not self.sound(program, options, text, valid):
                    return
                continue
            self.out.counts["pairs"] += 1
            self.out.counts["valid" if valid else "invalid"] += 1
            if program is None:
                if valid:
                    self.report("empty, but this is valid", options, text, valid)
                    return
                continue
            if not self.pair(program, options, text, valid):
                return
            if ordered is not None and not self.sound(
                ordered, {**options, "property_order": "schema"}, text, valid
            ):
                return
            if dice.random() < 0.3 and not self.respelled(program, options, value, layout, valid):
                return
            if dice.random() < 0.08 and not self.masks(program, options, text, valid):
                return

    def ordered(self, options: dict[str, Any]) -> Program | None:
        try:
            return program(self.case, {**options, "property_order": "schema"})
        except StructgenError:
            return None

    def verdict(self, program: Program, text: str) -> bool | None:
        try:
            return program.accepts(text.encode())
        except LimitExceeded as error:
            self.out.counts[f"limit while reading: {error.name}"] += 1
            return None

    def pair(self, program: Program, options: dict[str, Any], text: str, valid: bool) -> bool:
        accepted = self.verdict(program, text)
        if accepted is None or accepted == valid:
            return True
        kind = "false accept" if accepted else "false reject"
        self.report(kind, options, text, valid)
        return False

    def sound(self, program: Program, options: dict[str, Any], text: str, valid: bool) -> bool:
        if not valid and self.verdict(program, text):
            self.report("false accept", options, text, valid)
            return False
        return True

    def respelled(
        self,
        program: Program,
        options: dict[str, Any],
        value: Any,
        layout: Layout,
        valid: bool,
    ) -> bool:
        """Other spellings: of strings, all are legal; of numbers, some may be refused."""
        dice = self.dice
        self.out.counts["other spellings"] += 1
        style = dice.choice(layout.styles)
        escaped = Style(
            item=style.item,
            key=style.key,
            indent=style.indent,
            string=lambda text: texts.escaped(dice, text),
        )
        text = texts.dumps(value, escaped)
        same = self.sound if options.get("escapes") == "minimal" else self.pair
        if not same(program, options, text, valid):
            return False
        numbers = Style(
            item=style.item,
            key=style.key,
            indent=style.indent,
            number=lambda number: texts.respelled(dice, number),
        )
        text = texts.dumps(value, numbers)
        # In draft 4, whether a number is an integer depends on its spelling.
        return self.sound(program, options, text, self.judge.valid(texts.loads(text)))

    def masks(self, program: Program, options: dict[str, Any], text: str, valid: bool) -> bool:
        self.out.counts["pairs by masks"] += 1
        try:
            automaton = program.compile(vocabulary())
            reading = read(automaton, self.dice, text.encode(), valid)
        except LimitExceeded as error:
            self.out.counts[f"limit in masks: {error.name}"] += 1
            return True
        if reading.problem is not None:
            self.report("masks", options, text, valid, reading.problem)
            return False
        return all(self.generated(program, options, closed) for closed in reading.closed)

    def values(self, program: Program | None) -> list[Any]:
        """Instances: a third of what the schema itself generates, the rest built along it,
        mutated, and random."""
        dice = self.dice
        builder = instances.Builder(dice, self.case)
        found: list[Any] = []
        while len(found) < self.pairs:
            roll = dice.random()
            if roll < 0.3 and program is not None:
                value = self.own(program)
                if value is not None:
                    found.append(instances.mutated(dice, value, self.case) if roll < 0.1 else value)
                    continue
            if roll < 0.75:
                found.append(builder.build())
            elif roll < 0.92 and found:
                found.append(instances.mutated(dice, dice.choice(found), self.case))
            else:
                found.append(instances.random_value(dice, self.case))
        return found

    def own(self, program: Program) -> Any:
        """A value that structgen generates, as far as the usual texts of its numbers allow."""
        try:
            text = program.sample(seed=self.dice.getrandbits(32), max_bytes=60)
            return _tame(texts.loads(text.decode()), self.case.scientific)
        except (StructgenError, ValueError):
            return None

    def refused(self, error: StructgenError, options: dict[str, Any]) -> None:
        """A refusal has to be one of those that are documented."""
        kind = type(error).__name__
        if isinstance(error, LimitExceeded):
            kind += f" {error.name}"
        elif isinstance(error, SchemaError) and "refers to itself" in str(error):
            kind = "circle"
            if not circular(self.case):
                self.report("refused as circular", options, detail=str(error))
        elif isinstance(error, UnsupportedSchemaError):
            kind += f" {error.keyword}"
            if error.keyword not in REFUSABLE:
                self.report("refused", options, detail=str(error))
        elif not isinstance(error, UnsupportedFeatureError):
            self.report("refused", options, detail=str(error))
        self.out.counts[f"refused: {kind}"] += 1

    # -- generated documents --------------------------------------------------------------

    def check_samples(self) -> None:
        dice = self.dice
        layout = dice.choice(LAYOUTS)
        options: dict[str, Any] = {
            "property_order": dice.choice(["any", "schema"]),
            "whitespace": layout.option,
            "escapes": dice.choice(["all", "minimal"]),
            "number_spelling": dice.choice(["all", "plain"]),
        }
        if not self.formats:
            options["format_assertion"] = False
        try:
            program = self.compiled(options)
            if program is None:
                return
            automaton = program.compile(vocabulary())
            generated = 0
            for _ in range(self.samples):
                done = walk(automaton, dice, steps=dice.choice([3, 8, 16, 30]))
                if done.problem is not None:
                    self.report("walk", options, detail=done.problem)
                    return
                if done.text is None:
                    self.out.counts["walks without an end (superset)"] += 1
                    continue
                if not self.generated(program, options, done.text):
                    return
                if not self.rewritten(program, options, layout, done.text):
                    return
                generated += 1
            self.out.counts["generated documents"] += generated
            self.out.counts["schemas with generated documents"] += generated > 0
        except EmptyLanguageError:
            self.out.counts["nothing to generate"] += 1
        except LimitExceeded as error:
            self.out.counts[f"limit while generating: {error.name}"] += 1
        except StructgenError as error:
            self.refused(error, options)

    def generated(self, program: Program, options: dict[str, Any], raw: bytes) -> bool:
        try:
            text = raw.decode()
            value = texts.loads(text)
        except ValueError as error:
            self.report("generated text is no JSON", options, repr(raw), detail=str(error))
            return False
        try:
            valid = self.judge.valid(value)
        except RecursionError:
            self.out.counts["judge gave up"] += 1
            return True
        if not valid:
            self.report("generated document is invalid", options, text, valid)
            return False
        if self.verdict(program, text) is False:
            self.report("generated document is refused as a text", options, text, valid)
            return False
        return True

    def rewritten(
        self, program: Program, options: dict[str, Any], layout: Layout, raw: bytes
    ) -> bool:
        """The same document, in the same order, as `json.dumps` writes it."""
        if self.case.draft == "draft4":
            return True
        value = texts.loads(raw.decode())
        # Numbers that floats do not hold, and those beside odd divisors, are written plainly.
        tame = _tame(value, self.case.scientific)
        if not equal(value, tame):
            return True
        text = texts.dumps(tame, self.dice.choice(layout.styles))
        return self.pair(program, options, text, self.judge.valid(texts.loads(text)))


def _tame(value: Any, scientific: bool) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, int | str):
        return value
    if isinstance(value, list):
        return [_tame(each, scientific) for each in value]
    if isinstance(value, dict):
        return {name: _tame(each, scientific) for name, each in value.items()}
    return atoms.tamed(value, scientific)


def all_schemas(root: Any, draft: str) -> list[Any]:
    return [schema for _, schema in descendants(root, draft)]


def circular(case: Case) -> bool:
    """Whether some schema applies itself to the value that it applies to."""
    hides = DRAFTS.index(case.draft) <= 2
    roots = [case.schema, *case.registry.values()]
    everything = [each for root in roots for each in all_schemas(root, case.draft)]
    dynamic = [
        each
        for each in everything
        if isinstance(each, dict) and ("$dynamicAnchor" in each or "$recursiveAnchor" in each)
    ]
    open_, done = set[int](), set[int]()

    def visit(here: Any) -> bool:
        if not isinstance(here, dict) or id(here) in done:
            return False
        if id(here) in open_:
            return True
        open_.add(id(here))
        target = case.targets.get(id(here))
        inner = [] if target is None else [target]
        if "$dynamicRef" in here or "$recursiveRef" in here:
            inner += dynamic
        if not (hides and "$ref" in here):
            inner += [child.schema for child in children(here, case.draft) if child.in_place]
        found = any(visit(each) for each in inner)
        open_.discard(id(here))
        done.add(id(here))
        return found

    return any(visit(each) for each in everything)


def check(seed: str, draft: str, *, pairs: int, samples: int, deferred: bool = False) -> Outcome:
    """The checks of the case that a seed stands for."""
    dice = random.Random(seed)
    case = schemas.make(dice, draft)
    case.deferred = deferred
    return Check(case, dice, pairs=pairs, samples=samples, origin=seed).run()
