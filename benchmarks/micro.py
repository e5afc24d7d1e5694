"""Micro-benchmarks of the core through the Python API: one operation at a time, no peers.

    python benchmarks/micro.py --tokenizer DIR DIR --out FILE.json
    python benchmarks/micro.py --tokenizer DIR --only mask --rounds 500

*Masks* are of one place each: inside a string, at a key, in a number, ... (`micro_places.py`).

- ``cold``: a new vocabulary and a new constraint; nothing is known of this kind of lexeme;
- ``known``: a new constraint on a vocabulary that has met the place before;
- ``warm``: the state has its mask; what is left is the copy.

The text before the place is read without masks, and is not timed. *Operations* are of a matcher
amid a document that was read before. *Batches* fill a row for each of many matchers, each of a
constraint of its own: new ones (on a vocabulary that knows them), and the same again. *Trees* fill
the masks after each node of a draft: a chain, and one with four children at each node; on a new
constraint, and again.

Shown are the median and the 99th percentile over the rounds, in microseconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from engines import version
from micro_places import DOCUMENT, DOCUMENT_SCHEMA, PLACES, Place, numbered_schema
from summaries import Table

import structgen as sg
from structgen.masks import allowed_tokens

REPEATED = 200
"""How often a short operation is done in a round: the clock takes about as long as one of them."""

TREE = 64
DRAFTED = 8
"""Tokens of a draft that is validated."""

BATCHES = (1, 8, 64, 256)
THREADS = (1, 2)


@dataclass(frozen=True)
class Figure:
    """Times of one thing, in microseconds."""

    tokenizer: str
    group: str
    name: str
    rounds: int
    p50: float
    p99: float


@dataclass(frozen=True)
class Bench:
    """What all measurements of one vocabulary share."""

    tokenizer: str
    build: Callable[[], sg.Vocabulary]
    vocabulary: sg.Vocabulary
    rounds: int
    cold_rounds: int

    def figure(self, group: str, name: str, seconds: list[float]) -> Figure:
        p50, p99 = (float(x) for x in np.percentile(np.array(seconds) * 1e6, [50, 99]))
        return Figure(self.tokenizer, group, name, len(seconds), p50, p99)

    def mask(self, rows: int = 1) -> np.ndarray:
        return sg.allocate_mask(rows, self.vocabulary.size)


def timed(operation: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    operation(*arguments)
    return time.perf_counter() - started


def repeated(operation: Callable[..., object], *arguments: object) -> float:
    """Seconds of one of many in a row."""
    started = time.perf_counter()
    for _ in range(REPEATED):
        operation(*arguments)
    return (time.perf_counter() - started) / REPEATED


def at(place: Place, vocabulary: sg.Vocabulary) -> sg.Matcher:
    """A matcher of a new constraint, at the place."""
    matcher = place.constraint().compile(vocabulary).matcher()
    before = place.before.encode()
    if matcher.advance_text(before) != len(before):
        raise SystemExit(f"{place.name}: its constraint refuses {place.before!r}")
    return matcher


def masks(bench: Bench, places: list[Place]) -> Iterator[Figure]:
    mask = bench.mask()
    for place in places:
        cold: list[float] = []
        for _ in range(bench.cold_rounds):
            matcher = at(place, bench.build())
            cold.append(timed(matcher.fill_mask, mask, 0))
        at(place, bench.vocabulary).fill_mask(mask, 0)
        known: list[float] = []
        for _ in range(bench.rounds):
            matcher = at(place, bench.vocabulary)
            known.append(timed(matcher.fill_mask, mask, 0))
        warm = [repeated(matcher.fill_mask, mask, 0) for _ in range(bench.rounds)]
        for name, seconds in (("cold", cold), ("known", known), ("warm", warm)):
            yield bench.figure("mask", f"{place.name}, {name}", seconds)


def document(bench: Bench) -> tuple[sg.Automaton, list[int]]:
    """A new automaton, and tokens that it allows."""
    automaton = sg.json_schema(DOCUMENT_SCHEMA).compile(bench.vocabulary)
    return automaton, bench.vocabulary.longest_match(DOCUMENT.encode())


def operations(bench: Bench) -> Iterator[Figure]:
    automaton, tokens = document(bench)
    matcher = automaton.matcher()
    mask = bench.mask()
    for token in tokens:
        matcher.fill_mask(mask, 0)
        if not matcher.advance(token):
            raise SystemExit(f"the document is refused at {matcher.tokens}")
    middle = len(tokens) // 2
    matcher.reset()

    def read() -> None:
        for token in tokens:
            matcher.advance(token)

    advance: list[float] = []
    rollback: list[float] = []
    for _ in range(bench.rounds):
        advance.append(timed(read) / len(tokens))
        rollback.append(timed(matcher.rollback, len(tokens)))
    yield bench.figure("operation", "advance, warm", advance)
    yield bench.figure("operation", "rollback to the start", rollback)

    fresh: list[float] = []
    for _ in range(bench.rounds):
        matcher = document(bench)[0].matcher()
        fresh.append(timed(read) / len(tokens))
    yield bench.figure("operation", "advance, new constraint", fresh)

    matcher = automaton.matcher()
    for token in tokens[:middle]:
        matcher.advance(token)
    draft = tokens[middle : middle + DRAFTED]
    matcher.completion_tokens()
    for name, operation in (
        ("fork", matcher.fork),
        (f"validate {len(draft)} tokens", partial(matcher.validate, draft)),
        ("allows", partial(matcher.allows, draft[0])),
        ("forced bytes", matcher.forced_bytes),
        ("is accepting", matcher.is_accepting),
        ("completion tokens", matcher.completion_tokens),
    ):
        found = [repeated(operation) for _ in range(bench.rounds)]
        yield bench.figure("operation", name, found)


def batches(bench: Bench) -> Iterator[Figure]:
    for rows in BATCHES:
        mask = bench.mask(rows)
        rounds = max(3, bench.rounds // rows)
        for threads in THREADS:
            fill = partial(sg.fill_masks, threads=threads)
            new: list[float] = []
            again: list[float] = []
            for turn in range(rounds + 1):
                matchers = [
                    sg.json_schema(numbered_schema(row)).compile(bench.vocabulary).matcher()
                    for row in range(rows)
                ]
                first = timed(fill, matchers, mask)
                if turn:  # before, the vocabulary met some of these for the first time
                    new.append(first)
                    again.append(timed(fill, matchers, mask))
            for name, found in (("new", new), ("warm", again)):
                yield bench.figure("batch", f"{rows} rows, {threads} threads, {name}", found)


def trees(bench: Bench) -> Iterator[Figure]:
    mask = bench.mask(TREE)
    for shape in ("chain", "wide"):
        tokens, parents = drafted(bench, shape)
        new: list[float] = []
        again: list[float] = []
        for turn in range(bench.rounds + 1):
            matcher = document(bench)[0].matcher()
            arguments = matcher, tokens, parents, mask
            first = timed(sg.fill_tree_masks, *arguments)
            if turn:
                new.append(first)
                again.append(timed(sg.fill_tree_masks, *arguments))
        for name, found in (("new", new), ("warm", again)):
            yield bench.figure("tree", f"{shape} of {TREE} nodes, {name}", found)


def drafted(bench: Bench, shape: str) -> tuple[list[int], list[int]]:
    """Tokens that the document's schema allows, and the parent of each: -1 is the start."""
    automaton, tokens = document(bench)
    if shape == "chain":
        return tokens[:TREE], list(range(-1, TREE - 1))
    rng = np.random.default_rng(7)
    parents = [-1 if node < 4 else node // 4 - 1 for node in range(TREE)]
    states: list[int] = []
    found: list[int] = []
    ends = set(bench.vocabulary.eos_token_ids)
    for parent in parents:
        state = automaton.start if parent < 0 else states[parent]
        allowed = allowed_tokens(automaton.mask(state)[None], bench.vocabulary.size)
        token = int(rng.choice([t for t in allowed.tolist() if t not in ends] or allowed.tolist()))
        found.append(token)
        states.append(automaton.advance(state, token))
    return found, parents


def table(figures: list[Figure]) -> Table:
    """One line for each thing, two columns for each tokenizer."""
    tokenizers = list(dict.fromkeys(figure.tokenizer for figure in figures))
    rows: dict[tuple[str, str], dict[str, Figure]] = {}
    for figure in figures:
        rows.setdefault((figure.group, figure.name), {})[figure.tokenizer] = figure
    head = ["what", *(f"{name} p50 / p99 (us)" for name in tokenizers)]
    lines = [
        [
            f"{group}: {name}",
            *(
                f"{found[t].p50:.2f} / {found[t].p99:.2f}" if t in found else "-"
                for t in tokenizers
            ),
        ]
        for (group, name), found in rows.items()
    ]
    return Table(head, lines)


GROUPS = ("mask", "operation", "batch", "tree")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tokenizer", type=Path, nargs="+", required=True, help="folders with tokenizer.json"
    )
    parser.add_argument("--only", default=",".join(GROUPS), help="groups, comma-separated")
    parser.add_argument("--places", default="", help="masks whose place holds this text alone")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--cold-rounds", type=int, default=5, help="each builds a vocabulary")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    groups = args.only.split(",")
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"unknown groups {sorted(unknown)}; there are {GROUPS}")
    places = [place for place in PLACES if args.places in place.name]
    figures: list[Figure] = []
    for folder in args.tokenizer:
        known = sg.Vocabulary.from_tokenizer_json(folder)
        texts = [known.token_bytes(token) for token in range(known.size)]
        ends = known.eos_token_ids

        def build(texts: list[bytes | None] = texts, ends: tuple[int, ...] = ends) -> sg.Vocabulary:
            return sg.Vocabulary(texts, eos_token_ids=ends)

        bench = Bench(folder.name, build, known, args.rounds, args.cold_rounds)
        gc.disable()  # a collection amid an operation is not the operation's
        measured = {
            "mask": partial(masks, bench, places),
            "operation": partial(operations, bench),
            "batch": partial(batches, bench),
            "tree": partial(trees, bench),
        }
        for group in groups:
            figures += measured[group]()
            gc.collect()
        gc.enable()
    print(
        f"{args.rounds} rounds ({args.cold_rounds} cold), structgen {version('structgen')}, "
        f"{platform.processor() or platform.machine()}\n"
    )
    print(table(figures).markdown())
    if args.out:
        about = {"command": sys.argv, "machine": platform.platform()}
        about |= {"versions": {"structgen": version("structgen")}}
        found = [asdict(figure) for figure in figures]
        args.out.write_text(json.dumps(about | {"figures": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
