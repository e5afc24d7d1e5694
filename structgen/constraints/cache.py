"""A bounded cache of compiled constraints, for servers."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Unpack, cast, overload

from structgen._core import Automaton, Limits, Program, Vocabulary
from structgen.constraints.base import TextConstraint
from structgen.constraints.cache_metrics import metrics_text
from structgen.constraints.conjunction import check_vocabulary
from structgen.constraints.grammar import GrammarFormat, GrammarSource, grammar, load_source
from structgen.constraints.native import choice, regex
from structgen.constraints.protocol import Compiled, Constraint
from structgen.constraints.python_types import schema_of_type
from structgen.constraints.schema import (
    JsonSchema,
    from_signature,
    from_type,
    is_schema,
    json_schema,
    schema_key,
)
from structgen.constraints.schema_options import JsonOptions
from structgen.errors import ConstraintError
from structgen.misuse import refuse_unknown

_MEASURED_AT_A_TIME = 8
"""Automata whose size is looked at with each look-up, about a microsecond each: those that were
looked at longest ago, so that growth is seen after an eighth as many look-ups as there are entries.
"""

_Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStats:
    """What a `ConstraintCache` did since it was made, and what it holds.

    Attributes:
        hits: look-ups that found an automaton.
        misses: look-ups that compiled one, or failed to.
        waits: look-ups that waited for another thread's compilation.
        errors: compilations that failed.
        evictions: automata that left because others came or grew.
        entries, bytes: automata that are there; what their states and masks take.
        max_entries, max_bytes: their bounds.
        compile_seconds: time on the clock of all compilations.
        lexical_entries, lexical_bytes: lexer states that the vocabulary knows, for all its
            constraints, cached here or not.
        lexical_cleared: how often it forgot them to stay within its budget.
    """

    hits: int
    misses: int
    waits: int
    errors: int
    evictions: int
    entries: int
    bytes: int
    max_entries: int
    max_bytes: int
    compile_seconds: float
    lexical_entries: int
    lexical_bytes: int
    lexical_cleared: int


class ConstraintCache:
    """Compiled constraints of one vocabulary by their source: the second request for a schema
    finds the automaton of the first, with all states and masks that it has met.

        cache = sg.ConstraintCache(vocabulary, max_bytes=2 << 30)
        matcher = cache.json_schema(schema, property_order="any").matcher()
        matcher = cache.from_type(Person).matcher()
        matcher = cache.tools(toolset, "required").matcher()

    The same source, options and limits give the same automaton. Schemas are the same if they
    differ in white space alone; the order of keys counts, since properties are written in it.
    Types and functions are the same if they are equal, as classes are to themselves alone.

    Bounded: the least recently used leave first when there are more than `max_entries`, or when
    states and masks take more than `max_bytes`. Automata grow while they are used; each look-up
    measures the one that it finds and a few others, so that the bound may be passed for as long as
    some look-ups take. What has left lives on, uncounted, as long as a matcher uses it.

    Thread-safe. Only one thread compiles a source, others that ask for it wait for the automaton
    or get the same error. Errors are not kept.

    Args:
        vocabulary: that of the model.
        max_bytes: of states and masks, over all automata, as `Automaton.stats` counts them. A
            process grows by about twice as much: over 1,492 real schemas, by 0.31 MB each where
            0.15 MB are counted.
        max_entries: automata.
        limits: budgets of constraints for which a look-up names none.
        name: the label ``cache`` of its metrics.

    Raises:
        ValueError: a bound is not positive.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        max_bytes: int = 1 << 30,
        max_entries: int = 4096,
        limits: Limits | None = None,
        name: str = "default",
    ) -> None:
        check_vocabulary(vocabulary)
        if min(max_bytes, max_entries) < 1:
            raise ValueError(
                f"`max_bytes` {max_bytes} and `max_entries` {max_entries} must be positive"
            )
        self.vocabulary = vocabulary
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self.limits = limits
        self.name = name
        self._lock = threading.Lock()
        self._entries: OrderedDict[_Key, Compiled] = OrderedDict()  # least recently used first
        self._sizes: OrderedDict[_Key, int] = OrderedDict()  # measured longest ago first
        self._bytes = 0
        self._running: dict[_Key, tuple[Future[Compiled], int]] = {}
        self._hits = self._misses = self._waits = self._errors = self._evictions = 0
        self._seconds = 0.0
        # Automata alone can say what the vocabulary knows of lexemes.
        self._probe = Program.choice([""]).compile(vocabulary)

    def json_schema(self, schema: object, **options: Unpack[JsonOptions]) -> Automaton:
        """The automaton of `structgen.json_schema` with these options, for a schema or a type.

        A look-up writes a schema as JSON, some 20 us a kilobyte; of a type it asks for the hash.
        Raises what `structgen.json_schema` and `TextConstraint.compile` raise.
        """
        limits, given = _without_limits(options, "ConstraintCache.json_schema")
        key = json_key(schema, given)
        return self._native(
            key,
            lambda granted: json_schema(cast("type", schema), **within_limits(given, granted)),
            limits,
        )

    def from_type(self, tp: object, **options: Unpack[JsonOptions]) -> Automaton:
        """The automaton of `structgen.from_type`."""
        limits, given = _without_limits(options, "ConstraintCache.from_type")
        return self._native(
            ("from_type", *json_key(tp, given)),
            lambda granted: from_type(cast("type", tp), **within_limits(given, granted)),
            limits,
        )

    def from_signature(
        self, fn: Callable[..., object], **options: Unpack[JsonOptions]
    ) -> Automaton:
        """The automaton of `structgen.from_signature`."""
        limits, given = _without_limits(options, "ConstraintCache.from_signature")
        return self._native(
            ("from_signature", *json_key(fn, given)),
            lambda granted: from_signature(fn, **within_limits(given, granted)),
            limits,
        )

    def tools(
        self,
        tools: Tools,
        tool_choice: object = "auto",
        *,
        parallel: bool = True,
        limits: Limits | None = None,
    ) -> Automaton:
        """The automaton of `structgen.ToolSet.constraint`, for the special tokens of the
        vocabulary. Tool sets are the same if their tools are told alike."""
        special = frozenset(self.vocabulary.special_tokens)
        return self._native(
            ("tools", tools.key, repr(tool_choice), parallel),
            lambda granted: tools.constraint(
                tool_choice, parallel=parallel, special_tokens=special, limits=granted
            ),
            limits,
        )

    def grammar(
        self,
        source: str | Path | GrammarSource,
        start: str | None = None,
        format: GrammarFormat | None = None,
        *,
        terminals: Mapping[str, TextConstraint] | None = None,
        limits: Limits | None = None,
    ) -> Automaton:
        """The automaton of `structgen.grammar`.

        A file is read again with each look-up; files that it imports are not, so that a change in
        them is seen after `clear`. `terminals` are the same if they are the same objects.
        """
        loaded = source if isinstance(source, GrammarSource) else load_source(source, format)
        parts = tuple(sorted((terminals or {}).items(), key=lambda item: item[0]))
        key = ("grammar", _digest(loaded.text), loaded.format, loaded.path, start, parts)
        return self._native(
            key,
            lambda granted: grammar(loaded, start, terminals=terminals, limits=granted),
            limits,
        )

    def regex(
        self,
        pattern: str,
        dialect: Literal["python", "ecma"] = "python",
        *,
        limits: Limits | None = None,
    ) -> Automaton:
        """The automaton of `structgen.regex`."""
        key = ("regex", _digest(pattern), dialect)
        return self._native(key, lambda granted: regex(pattern, dialect, limits=granted), limits)

    def choice(self, options: Iterable[str], *, limits: Limits | None = None) -> Automaton:
        """The automaton of `structgen.choice`."""
        texts = options if isinstance(options, str) else list(options)
        key = ("choice", _digest(repr(texts)))
        return self._native(key, lambda granted: choice(texts, limits=granted), limits)

    @overload
    def get(
        self,
        key: Hashable,
        build: Callable[[], TextConstraint],
        *,
        limits: Limits | None = None,
    ) -> Automaton: ...
    @overload
    def get(
        self, key: Hashable, build: Callable[[], Constraint], *, limits: Limits | None = None
    ) -> Compiled: ...
    def get(
        self, key: Hashable, build: Callable[[], Constraint], *, limits: Limits | None = None
    ) -> Compiled:
        """Any other constraint, compiled, under a key of the caller's choice: a predicate, a
        conjunction with one, a constraint of the caller's own.

            cache.get("short words", lambda: sg.regex("[a-z]+") & sg.predicate(is_a_word))

        `build` makes the constraint where the key is not known. A constraint that the caller keeps
        keeps its automaton, evicted or not. What is no automaton counts the bytes of its parts
        and of its verdicts, or those that a property ``nbytes`` tells. Raises what `build` and
        `compile` raise.
        """
        return self._find(("get", key), lambda _: build(), limits)

    def clear(self) -> None:
        """Drop all automata; what matchers use lives on. Not counted as evictions."""
        with self._lock:
            dropped = self._entries
            self._entries = OrderedDict()
            self._sizes.clear()
            self._bytes = 0
        dropped.clear()  # outside of the lock: what is large takes a while

    def stats(self) -> CacheStats:
        """Counters and sizes; every automaton is measured, and what is too much leaves."""
        with self._lock:
            keys = list(self._entries)
        self._measure(keys)
        lexical = self._probe.stats()
        with self._lock:
            return CacheStats(
                hits=self._hits,
                misses=self._misses,
                waits=self._waits,
                errors=self._errors,
                evictions=self._evictions,
                entries=len(self._entries),
                bytes=self._bytes,
                max_entries=self.max_entries,
                max_bytes=self.max_bytes,
                compile_seconds=self._seconds,
                lexical_entries=lexical["lexical_entries"],
                lexical_bytes=lexical["lexical_bytes"],
                lexical_cleared=lexical["lexical_cleared"],
            )

    def metrics_text(self) -> str:
        """`stats` in the text format of Prometheus; for several caches see
        `structgen.constraints.cache_metrics.metrics_text`."""
        return metrics_text({self.name: self.stats()})

    def __len__(self) -> int:
        """Automata that are there."""
        return len(self._entries)

    def _native(
        self,
        key: _Key,
        build: Callable[[Limits | None], TextConstraint],
        limits: Limits | None,
    ) -> Automaton:
        return cast("Automaton", self._find(key, build, limits))

    def _find(
        self, key: _Key, build: Callable[[Limits | None], Constraint], limits: Limits | None
    ) -> Compiled:
        limits = self.limits if limits is None else limits
        key = (*key, limits)
        me = threading.get_ident()
        while True:
            with self._lock:
                known = self._entries.get(key)
                if known is not None:
                    self._entries.move_to_end(key)
                    self._hits += 1
                    due = self._due()
                    break
                running = self._running.get(key)
                if fresh := running is None:
                    self._misses += 1
                    running = self._running[key] = Future[Compiled](), me
                else:
                    self._waits += 1
            future, leader = running
            if fresh:
                return self._compile(key, build, limits, future)
            if leader == me:
                raise ConstraintError("a constraint asks a cache for itself while it is built")
            error = future.exception()
            if error is None:
                return future.result()
            if isinstance(error, Exception):
                raise error
            # The other thread was interrupted, which says nothing about the constraint.
        self._measure([key, *due])
        return known

    def _compile(
        self,
        key: _Key,
        build: Callable[[Limits | None], Constraint],
        limits: Limits | None,
        future: Future[Compiled],
    ) -> Compiled:
        started = time.perf_counter()
        try:
            built = build(limits)
            if not isinstance(built, Constraint):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConstraintError(f"a cache holds constraints, not {type(built).__name__}")
            automaton = built.compile(self.vocabulary, limits)
        except BaseException as error:
            with self._lock:
                del self._running[key]
                self._errors += 1
                self._seconds += time.perf_counter() - started
            future.set_exception(error)
            raise
        with self._lock:
            del self._running[key]
            self._seconds += time.perf_counter() - started
            self._entries[key] = automaton
            self._sizes[key] = 0
            due = self._due()
        future.set_result(automaton)
        self._measure([key, *due])
        return automaton

    def _due(self) -> list[_Key]:
        """The next ones to be measured; with the lock held."""
        return [key for key, _ in zip(self._sizes, range(_MEASURED_AT_A_TIME), strict=False)]

    def _measure(self, keys: Iterable[_Key]) -> None:
        """Bring sizes up to date, and let go what is too much."""
        with self._lock:
            known = [(key, self._entries[key]) for key in keys if key in self._entries]
        # Outside of the lock: an automaton at work on a mask lets one wait for it.
        sizes = [(key, automaton, compiled_bytes(automaton)) for key, automaton in known]
        dropped: list[Compiled] = []
        with self._lock:
            for key, automaton, size in sizes:
                if self._entries.get(key) is automaton:
                    self._bytes += size - self._sizes[key]
                    self._sizes[key] = size
                    self._sizes.move_to_end(key)
            while len(self._entries) > self.max_entries or self._bytes > self.max_bytes:
                key, automaton = self._entries.popitem(last=False)
                self._bytes -= self._sizes.pop(key)
                self._evictions += 1
                dropped.append(automaton)
        dropped.clear()


def compiled_bytes(compiled: Compiled) -> int:
    """What states, masks and verdicts of a compiled constraint take, as far as it says."""
    if isinstance(compiled, Automaton):
        stats = compiled.stats()
        return stats["state_bytes"] + stats["mask_bytes"]
    parts = getattr(compiled, "parts", None)
    if isinstance(parts, tuple):
        return sum(compiled_bytes(part) for part in cast("tuple[Compiled, ...]", parts))
    told = getattr(compiled, "nbytes", 0)
    return told if isinstance(told, int) else 0


def _without_limits(options: JsonOptions, function: str) -> tuple[Limits | None, JsonOptions]:
    """The limits among `options`, and the others: limits are part of each key by themselves."""
    refuse_unknown(options, list(JsonOptions.__annotations__), of=function)
    given = options.copy()
    return given.pop("limits", None), given


def within_limits(options: JsonOptions, limits: Limits | None) -> JsonOptions:
    """`options`, under `limits`."""
    return {**options, "limits": limits}


def json_key(source: object, options: JsonOptions) -> tuple[Hashable, ...]:
    """Stands for a schema or a type, with options of `json_schema`; equal for equal ones."""
    registry = options.get("registry")
    given: dict[str, object] = {name: value for name, value in options.items() if value is not None}
    if registry is not None:
        given["registry"] = None  # its content is part of the schema's key
    return "json", _source_key(source, registry), repr(sorted(given.items()))


def _source_key(source: object, registry: Mapping[str, object] | None) -> Hashable:
    """The type itself if it has a hash: writing its schema would take longer than compiling."""
    if not is_schema(source):
        try:
            hash(source)
        except TypeError:
            source = schema_of_type(source)
        else:
            return type(source), source, None if registry is None else schema_key({}, registry)
    return _digest(schema_key(cast("JsonSchema", source), registry))


def _digest(text: str) -> bytes:
    """Stands for a source of any length."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Tools(Protocol):
    """What a cache asks of a `structgen.ToolSet`, which stands on a higher floor."""

    @property
    def key(self) -> Hashable: ...
    def constraint(
        self,
        tool_choice: Any = ...,
        *,
        parallel: bool = ...,
        special_tokens: Collection[str] = ...,
        limits: Limits | None = ...,
    ) -> TextConstraint: ...
