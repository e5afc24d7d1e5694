"""Grammars to measure under, and texts of them.

Of each grammar, those that it accepts of:

- ``reference``: solutions that come with the task (gold SQL of Spider, solutions and molecules in
  the prompts of grammar-aligned decoding), and for JSON valid instances of MaskBench; as many as
  are wanted;
- ``accept``: the samples beside the grammars that structgen ships; all of them;
- ``drawn``: `constraint.sample(seed)`, reproducibly, where there are fewer than wanted. Their ends
  are stripped of white space if the grammar takes that: not every peer reads ignored text in front.
"""

from __future__ import annotations

import json
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structgen as sg
from structgen.constraints.grammar import GrammarFormat, GrammarSource, load_source

SHIPPED = Path(__file__).resolve().parents[1] / "grammars"

FAMILIES = ("json", "sql_select", "spider", "SLIA", "BV4", "CP", "smiles", "fuzzing", "shipped")


@dataclass
class Task:
    """A grammar and texts of it."""

    family: str
    name: str
    source: GrammarSource
    texts: list[str] = field(default_factory=list)
    origins: Counter[str] = field(default_factory=Counter)
    """How many texts came from where."""
    mutants: list[tuple[str, bool]] = field(default_factory=list)
    """Texts with one character changed, and whether structgen's recogniser accepts them."""

    @property
    def notation(self) -> GrammarFormat:
        return self.source.format


_SOLUTION = re.compile(r"Solution(?: \d+)?:\n(.+?)(?=\n\nQuestion|\Z)", re.DOTALL)
_MOLECULE = re.compile(r"Molecule: (.+)")
_TREE = re.compile(r"->\n(\[.*\])")


def _solutions(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    """Whatever the prompts of a folder show as solutions: of any task, since prompts are of a few
    shots. The grammar decides which are its own."""
    found = {
        text.strip(): None
        for file in sorted(folder.glob("*.txt"))
        for text in pattern.findall(file.read_text("utf-8"))
    }
    return list(found)


def _gold_sql(folder: Path) -> list[str]:
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    return list(dict.fromkeys(one["gold_sql"] for one in metadata.values()))


def _instances(folder: Path, seed: int) -> Iterable[str]:
    files = sorted(folder.glob("*.json"))
    random.Random(seed).shuffle(files)
    for file in files:
        for test in json.loads(file.read_text("utf-8"))["tests"]:
            if test["valid"]:
                yield json.dumps(test["data"], ensure_ascii=False)
                break


def _accepted(folder: Path) -> list[str]:
    files = sorted((folder / "accept").glob("*.txt"))
    return [file.read_bytes().decode("utf-8").removesuffix("\n") for file in files]


def tasks(
    families: list[str],
    *,
    aligned: Path | None,
    maskbench: Path | None,
    number: int,
    seed: int,
    fits: Callable[[str], bool],
) -> list[Task]:
    """The tasks of these families, each with `number` texts that `fits` takes.

    `aligned` is the folder of grammar-aligned decoding, `maskbench` that of MaskBench.
    """
    found: list[Task] = []
    for family in families:
        for name, path, references, samples in _sources(family, aligned, maskbench, seed):
            unique = family if name == family else f"{family}.{name}"
            task = Task(family, unique, load_source(path))
            _fill(task, references, samples, number, seed, fits)
            found.append(task)
    return found


_Source = tuple[str, Path, Iterable[str], list[str]]


def _sources(
    family: str, aligned: Path | None, maskbench: Path | None, seed: int
) -> Iterable[_Source]:
    if family == "json":
        instances = _instances(maskbench, seed) if maskbench else []
        yield family, SHIPPED / "json/grammar.lark", instances, _accepted(SHIPPED / "json")
    elif family == "sql_select":
        gold = _gold_sql(aligned / "spider") if aligned else []
        folder = SHIPPED / "sql_select"
        yield family, folder / "grammar.lark", _shuffled(gold, seed), _accepted(folder)
    elif family == "shipped":
        for name in ("arithmetic", "iso_date", "s_expression", "smiles"):
            yield name, SHIPPED / name / "grammar.lark", [], _accepted(SHIPPED / name)
    elif aligned is None:
        return
    elif family == "spider":
        folder = aligned / "spider"
        yield family, folder / "grammar.lark", _shuffled(_gold_sql(folder), seed), []
    elif family in ("smiles", "fuzzing"):
        pattern = _MOLECULE if family == "smiles" else _SOLUTION
        for path in sorted((aligned / family).glob("*.lark")):
            yield path.stem, path, _solutions(aligned / family, pattern), []
    else:
        pattern = _TREE if family == "CP" else _SOLUTION
        for path in sorted((aligned / family).glob("*.ebnf")):
            yield path.stem, path, _solutions(aligned / family, pattern), []


def _shuffled(texts: list[str], seed: int) -> list[str]:
    random.Random(seed).shuffle(texts)
    return texts


def _fill(
    task: Task,
    references: Iterable[str],
    samples: list[str],
    number: int,
    seed: int,
    fits: Callable[[str], bool],
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rules that are not defined derive nothing
        constraint = sg.grammar(task.source)
    seen: set[str] = set()

    def add(text: str, origin: str) -> None:
        if text not in seen and constraint.accepts(text) and fits(text):
            seen.add(text)
            task.texts.append(text)
            task.origins[origin] += 1

    for text in references:
        if len(task.texts) >= number:
            break
        add(text, "reference")
    for text in samples:
        add(text, "accept")
    # A small language has few texts: it is drawn from a bounded number of times.
    for draw in range(4 * number):
        if len(task.texts) >= number:
            break
        text = constraint.sample(seed + draw, max_bytes=(60, 150, 400)[draw % 3])
        add(text.strip() if constraint.accepts(text.strip()) else text, "drawn")
    rng = random.Random(seed)
    for text in task.texts[:20]:
        mutant = mutated(text, rng)
        task.mutants.append((mutant, constraint.accepts(mutant)))


def mutated(text: str, rng: random.Random) -> str:
    """The text with one character left out, doubled, replaced by another of its own, or with the
    end cut off."""
    if not text:
        return "?"
    i = rng.randrange(len(text))
    match rng.randrange(4):
        case 0:
            return text[:i] + text[i + 1 :]
        case 1:
            return text[:i] + text[i] + text[i:]
        case 2:
            return text[:i] + rng.choice(text) + text[i + 1 :]
        case _:
            return text[:i]
