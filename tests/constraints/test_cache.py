"""The cache of compiled constraints: what is the same, who leaves, who waits, what is counted."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import structgen as sg
from structgen.constraints import GrammarSource
from structgen.constraints.cache_metrics import metrics_text
from structgen.errors import (
    ConstraintError,
    LimitExceeded,
    RegexSyntaxError,
    SchemaError,
)

VOCABULARY = sg.Vocabulary([bytes([b]) for b in range(256)], eos_token_ids=[256], size=257)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"const": 1}, "b": {}}}


@pytest.fixture
def cache() -> sg.ConstraintCache:
    return sg.ConstraintCache(VOCABULARY)


def accepts(automaton: sg.Automaton, text: str) -> bool:
    matcher = automaton.matcher()
    return all(matcher.advance(byte) for byte in text.encode()) and matcher.is_accepting()


def fill(automaton: sg.Automaton, text: bytes = b"") -> None:
    """Computes masks on the way through a text, which the automaton keeps."""
    matcher = automaton.matcher()
    mask = sg.allocate_mask(1, VOCABULARY.size)
    for byte in text:
        matcher.fill_mask(mask, 0)
        assert matcher.advance(byte)


def size(automaton: sg.Automaton) -> int:
    stats = automaton.stats()
    return stats["state_bytes"] + stats["mask_bytes"]


def counts(cache: sg.ConstraintCache) -> tuple[int, int, int]:
    stats = cache.stats()
    return stats.hits, stats.misses, stats.entries


@pytest.mark.parametrize(
    "other",
    [
        {"properties": {"b": {}, "a": {"const": 1}}, "type": "object"},
        {"type": "object", "properties": {"b": {}, "a": {"const": 1}}},
        {"type": "object", "properties": {"a": {"const": 1.0}, "b": {}}},
        {"type": "object", "properties": {"a": {"const": "1"}, "b": {}}},
        {"type": "object", "properties": {"a": {"const": True}, "b": {}}},
        '{"type": "object", "properties": {"a": {"const": 1.00}, "b": {}}}',
        '{"type": "object", "properties": {"a": {"const": 1e0}, "b": {}}}',
    ],
)
def test_schemas_that_are_not_the_same(cache: sg.ConstraintCache, other: Any) -> None:
    assert cache.json_schema(SCHEMA) is not cache.json_schema(other)
    assert counts(cache) == (0, 2, 2)


def test_schemas_that_are_the_same(cache: sg.ConstraintCache, tmp_path: Path) -> None:
    first = cache.json_schema(SCHEMA)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA, indent=4))
    for other in (
        json.loads(json.dumps(SCHEMA)),
        json.dumps(SCHEMA, separators=(",", ":")),
        "\n" + json.dumps(SCHEMA, indent=3),
        json.dumps(SCHEMA).replace('"a"', '"\\u0061"'),
        tmp_path / "schema.json",
    ):
        assert cache.json_schema(other) is first
        assert cache.json_schema(other, property_order=None, registry=None) is first
    assert counts(cache) == (10, 1, 1)
    assert accepts(first, '{"a": 1}')
    (tmp_path / "schema.json").write_text("true")  # read again
    assert accepts(cache.json_schema(tmp_path / "schema.json"), "[]")


def test_numbers_that_python_would_round(cache: sg.ConstraintCache) -> None:
    near = '{"const": 0.10000000000000000000000000001}'
    assert cache.json_schema(near) is not cache.json_schema({"const": 0.1})
    assert cache.json_schema(near) is cache.json_schema(near)
    assert cache.json_schema("{" + '"const": 1' + "0" * 5000 + "}") is not cache.json_schema(near)


def test_a_key_that_stands_twice(cache: sg.ConstraintCache) -> None:
    def outcome(schema: Any) -> object:
        try:
            return cache.json_schema(schema)
        except SchemaError as error:
            return error

    assert outcome('{"type": "null", "type": "string"}') is not outcome({"type": "string"})


def test_options_and_limits_are_part_of_the_key(cache: sg.ConstraintCache) -> None:
    registry = {"urn:a": {"type": "string"}}
    reference = {"$ref": "urn:a"}
    found = [
        cache.json_schema(SCHEMA),
        cache.json_schema(SCHEMA, property_order="any"),
        cache.json_schema(SCHEMA, whitespace="compact"),
        cache.json_schema(SCHEMA, whitespace=1),
        cache.json_schema(SCHEMA, max_integer_digits=1),
        cache.json_schema(SCHEMA, limits=sg.Limits(mask_ms=7)),
        cache.json_schema(reference, registry=registry),
        cache.json_schema(reference, registry={"urn:a": {"type": "null"}}),
    ]
    assert len(set(map(id, found))) == len(found)
    assert accepts(found[-1], "null")
    assert not accepts(found[-2], "null")
    assert cache.json_schema(SCHEMA, limits=sg.Limits(mask_ms=7)) is found[5]
    assert cache.json_schema(reference, registry=dict(registry)) is found[6]
    with pytest.raises(TypeError, match="proprty_order"):
        cache.json_schema(SCHEMA, proprty_order="any")
    with pytest.raises(ConstraintError, match="property_order"):
        cache.json_schema(SCHEMA, property_order="alphabetical")


def test_limits_of_the_cache(cache: sg.ConstraintCache) -> None:
    strict = sg.ConstraintCache(VOCABULARY, limits=sg.Limits(max_source_bytes=20))
    cache.json_schema(SCHEMA)
    with pytest.raises(LimitExceeded) as caught:
        strict.json_schema(SCHEMA)
    assert (caught.value.name, caught.value.limit) == ("max_source_bytes", 20)
    strict.json_schema(SCHEMA, limits=sg.Limits())


def test_other_sources(cache: sg.ConstraintCache, tmp_path: Path) -> None:
    file = tmp_path / "g.lark"
    file.write_text('start: "a"')
    word = sg.regex("[a-z]+")
    declared = GrammarSource(text="%declare WORD\nstart: WORD", format="lark")
    pairs: list[tuple[Callable[[], sg.Automaton], str]] = [
        (lambda: cache.regex("a+"), "aa"),
        (lambda: cache.regex("a+", "ecma"), "aa"),
        (lambda: cache.choice(["aa", "b"]), "b"),
        (lambda: cache.choice(["aa,", "b"]), "aa,"),
        (lambda: cache.grammar("json"), "[1]"),
        (lambda: cache.grammar('start: "a" start | "b"'), "aab"),
        (lambda: cache.grammar('start: "a" other\nother: "b"', "other"), "b"),
        (lambda: cache.grammar('root ::= "x"', format="gbnf"), "x"),
        (lambda: cache.grammar(declared, terminals={"WORD": word}), "word"),
        (lambda: cache.grammar(file), "a"),
        (lambda: cache.get("mine", lambda: sg.from_type(int)), "12"),
    ]
    found = [find() for find, _ in pairs]
    assert len(set(map(id, found))) == len(pairs)
    for automaton, (find, text) in zip(found, pairs, strict=True):
        assert find() is automaton
        assert accepts(automaton, text)
    assert counts(cache) == (len(pairs), len(pairs), len(pairs))
    file.write_text('start: "b"')
    assert accepts(cache.grammar(file), "b")
    other = cache.grammar(declared, terminals={"WORD": sg.regex("[0-9]+")})
    assert accepts(other, "12")
    assert not accepts(other, "word")
    with pytest.raises(ConstraintError, match="one str"):
        cache.choice("abc")
    with pytest.raises(ConstraintError, match="not int"):
        cache.get("p", lambda: 3)  # type: ignore[arg-type, return-value]


def add(a: int, b: int = 1) -> int:
    return a + b


def test_types_signatures_and_tools(cache: sg.ConstraintCache) -> None:
    from typing import Annotated, Literal, TypedDict

    class Pair(TypedDict):
        left: int
        right: int

    def tools() -> sg.ToolSet:
        return sg.ToolSet([add])

    compact = sg.ToolSet([add], json_options={"whitespace": "compact"})
    pairs: list[tuple[Callable[[], sg.Automaton], str]] = [
        (lambda: cache.from_type(Pair), '{"left": 1, "right": 2}'),
        (lambda: cache.from_type(Pair, property_order="any"), '{"right": 2, "left": 1}'),
        (lambda: cache.json_schema(Pair), '{"left": 1, "right": 2}'),
        (lambda: cache.from_type(list[int]), "[1, 2]"),
        (lambda: cache.from_type(Literal["a", "b"]), '"a"'),
        (lambda: cache.from_type(Annotated[int, {"no": "hash"}]), "12"),
        (lambda: cache.from_signature(add), '{"a": 1}'),
        (
            lambda: cache.tools(tools(), "required"),
            '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
        ),
        (lambda: cache.tools(tools()), "prose"),
        (
            lambda: cache.tools(compact, "add", parallel=False),
            '<tool_call>\n{"name": "add", "arguments": {"a":1}}\n</tool_call>',
        ),
    ]
    found = [find() for find, _ in pairs]
    assert len(set(map(id, found))) == len(pairs)
    for automaton, (find, text) in zip(found, pairs, strict=True):
        assert find() is automaton
        assert accepts(automaton, text)
    assert counts(cache) == (len(pairs), len(pairs), len(pairs))


def test_constraints_without_masks_are_kept_and_counted(cache: sg.ConstraintCache) -> None:
    def build() -> Any:
        return sg.regex("[a-z]+") & sg.predicate(lambda text: "e" not in text)

    compiled = cache.get("no e", build)
    assert cache.get("no e", build) is compiled
    before = cache.stats().bytes
    matcher = compiled.matcher()
    mask = sg.allocate_mask(1, VOCABULARY.size)
    for byte in b"abcd":
        matcher.fill_mask(mask, 0)
        assert not matcher.allows(ord("e"))
        assert matcher.advance(byte)
    cache.get("no e", build)
    assert cache.stats().bytes > before


def test_the_least_recently_used_leaves() -> None:
    cache = sg.ConstraintCache(VOCABULARY, max_entries=2)
    first = cache.regex("a")
    cache.regex("b")
    assert cache.regex("a") is first
    matcher = first.matcher()
    cache.regex("c")  # in the place of b
    assert cache.regex("a") is first
    cache.regex("b")
    cache.regex("c")  # now a is gone
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.evictions, stats.entries) == (2, 5, 3, 2)
    assert matcher.advance(ord("a"))  # and lives on
    assert cache.regex("a") is not first


def test_bytes_are_bounded() -> None:
    probe = sg.json_schema({"type": "string"}).compile(VOCABULARY)
    fill(probe, b'"abc"')
    bound = 8 * size(probe)
    cache = sg.ConstraintCache(VOCABULARY, max_bytes=bound)
    kept: dict[int, sg.Automaton] = {}
    for length in range(40):
        kept[length] = cache.json_schema({"type": "string", "maxLength": 4 + length})
        fill(kept[length], b'"abc"')
        stats = cache.stats()
        assert 0 < stats.bytes <= bound
    assert stats.evictions > 20
    assert stats.entries == 40 - stats.evictions > 3
    there = [kept[n] for n in range(40 - stats.entries, 40)]
    assert stats.bytes == sum(map(size, there))
    # Growth is seen, too, and the largest alone may be too much.
    fill(cache.json_schema({"type": "string", "maxLength": 43}), b'"' + b"x" * 43 + b'"')
    assert cache.stats().bytes <= bound


def test_what_is_larger_than_the_bound_is_not_kept() -> None:
    cache = sg.ConstraintCache(VOCABULARY, max_bytes=1)
    assert accepts(cache.regex("a"), "a")
    stats = cache.stats()
    assert (stats.entries, stats.bytes, stats.evictions) == (0, 0, 1)


def test_growth_is_seen_without_asking_for_it() -> None:
    cache = sg.ConstraintCache(VOCABULARY)
    grown = cache.regex("[ab]{50}")
    for n in range(20):
        cache.regex(f"x{n}")
    fill(grown, b"ab" * 25)
    for _ in range(3):
        cache.regex("x0")
    assert cache._bytes == sum(size(automaton) for automaton in cache._entries.values())


def test_clear(cache: sg.ConstraintCache) -> None:
    first = cache.regex("a")
    cache.clear()
    stats = cache.stats()
    assert (stats.entries, stats.bytes, stats.evictions, stats.misses) == (0, 0, 0, 1)
    assert cache.regex("a") is not first
    assert len(cache) == 1


def test_errors_are_not_kept(cache: sg.ConstraintCache) -> None:
    for _ in range(2):
        with pytest.raises(RegexSyntaxError):
            cache.regex("(")
    with pytest.raises(SchemaError):
        cache.json_schema("{nonsense")  # no key, no compilation
    stats = cache.stats()
    assert (stats.errors, stats.misses, stats.entries, stats.bytes) == (2, 2, 0, 0)


class Threads:
    """Threads that ask for the same at the same time."""

    def __init__(self, count: int, ask: Callable[[], object]) -> None:
        self.outcomes: list[object] = []

        def run() -> None:
            try:
                self.outcomes.append(ask())
            except BaseException as error:
                self.outcomes.append(error)

        self._threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[object]:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        return self.outcomes


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_only_one_thread_compiles(cache: sg.ConstraintCache) -> None:
    go, builds = threading.Event(), []

    def build() -> sg.TextConstraint:
        builds.append(threading.get_ident())
        go.wait(30)
        return sg.regex("a")

    threads = Threads(8, lambda: cache.get("key", build))
    until(lambda: cache.stats().waits == 7)
    assert accepts(cache.regex("b"), "b")  # others are not held up
    go.set()
    outcomes = threads.join()
    assert len(builds) == 1
    assert len(set(map(id, outcomes))) == 1
    stats = cache.stats()
    assert (stats.misses, stats.waits, stats.hits, stats.entries) == (2, 7, 0, 2)


def test_an_error_reaches_all_who_wait(cache: sg.ConstraintCache) -> None:
    go = threading.Event()

    def build() -> sg.TextConstraint:
        go.wait(30)
        return sg.regex("(")

    threads = Threads(4, lambda: cache.get("key", build))
    until(lambda: cache.stats().waits == 3)
    go.set()
    assert [type(outcome) for outcome in threads.join()] == [RegexSyntaxError] * 4
    assert cache.stats().errors == 1
    assert accepts(cache.get("key", lambda: sg.regex("a")), "a")


def test_who_waits_for_an_interrupted_thread_takes_over(cache: sg.ConstraintCache) -> None:
    go, builds = threading.Event(), []

    def build() -> sg.TextConstraint:
        builds.append(threading.get_ident())
        if len(builds) > 1:
            return sg.regex("a")
        go.wait(30)
        raise KeyboardInterrupt

    threads = Threads(4, lambda: cache.get("key", build))
    until(lambda: cache.stats().waits == 3)
    go.set()
    outcomes = threads.join()
    assert sum(isinstance(outcome, KeyboardInterrupt) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, sg.Automaton) for outcome in outcomes) == 3
    assert len(builds) == 2


def test_a_constraint_that_needs_itself(cache: sg.ConstraintCache) -> None:
    def build() -> sg.TextConstraint:
        cache.get("key", build)
        raise AssertionError("not reached")

    with pytest.raises(ConstraintError, match="itself"):
        cache.get("key", build)
    assert accepts(cache.get("key", lambda: sg.regex("a")), "a")


def test_many_threads_and_sources() -> None:
    cache = sg.ConstraintCache(VOCABULARY, max_entries=5)
    seeds = iter(range(100))

    def ask() -> bool:
        seed = next(seeds)
        for step in range(60):
            number = (seed * 7 + step * step) % 11
            automaton = cache.regex(f"{number}[ab]*")
            fill(automaton, f"{number}ab".encode())
            assert accepts(automaton, f"{number}ba")
            if step == seed:
                cache.clear()
        return True

    assert Threads(6, ask).join() == [True] * 6
    stats = cache.stats()
    assert stats.entries <= 5
    assert stats.hits + stats.misses + stats.waits == 6 * 60
    assert stats.bytes == sum(size(automaton) for automaton in cache._entries.values())
    assert cache._sizes.keys() == cache._entries.keys()
    assert not cache._running


def test_metrics(cache: sg.ConstraintCache) -> None:
    cache.regex("a")
    cache.regex("a")
    with pytest.raises(RegexSyntaxError):
        cache.regex("(")
    text = cache.metrics_text()
    assert text.endswith("\n")
    for line in (
        "# TYPE structgen_constraint_cache_hits_total counter",
        'structgen_constraint_cache_hits_total{cache="default"} 1',
        'structgen_constraint_cache_misses_total{cache="default"} 2',
        'structgen_constraint_cache_errors_total{cache="default"} 1',
        'structgen_constraint_cache_entries{cache="default"} 1',
        f'structgen_constraint_cache_bytes{{cache="default"}} {cache.stats().bytes}',
        'structgen_constraint_compile_seconds_count{cache="default"} 2',
    ):
        assert line in text.splitlines()


def test_metrics_of_several_caches_keep_the_format(cache: sg.ConstraintCache) -> None:
    text = metrics_text({"one": cache.stats(), 'a "b"\\\n': cache.stats()})
    described: list[str] = []
    typed: dict[str, str] = {}
    seen: set[str] = set()
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP (\w+) \S.*", line):
            described.append(match[1])
        elif match := re.fullmatch(r"# TYPE (\w+) (counter|gauge|summary)", line):
            assert match[1] == described[-1]
            typed[match[1]] = match[2]
        else:
            match = re.fullmatch(r'(\w+)\{cache="(?:one|a \\"b\\"\\\\\\n)"\} ([0-9.e+-]+)', line)
            assert match, line
            family = re.sub("_(sum|count)$", "", match[1])
            assert family == described[-1]  # samples of a family stand together
            assert (typed[family] == "summary") == (family != match[1])
            assert (typed[family] == "counter") == family.endswith("_total")
            assert line not in seen
            seen.add(line)
    assert len(described) == len(set(described))
    assert len(seen) == 2 * (len(described) + 1)


@pytest.mark.parametrize("bounds", [{"max_bytes": 0}, {"max_entries": 0}])
def test_bounds_are_positive(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        sg.ConstraintCache(VOCABULARY, **bounds)
