"""MaskBench over families of tokenizers: what does a vocabulary cost, and a token under it?

    python benchmarks/families.py --data DIR --sample 200 --repeat 3 \\
        --tokenizer llama3=DIR --tokenizer gemma3=DIR --tokenizer tekken=tekken.json \\
        --tokenizer o200k_base=FILE

structgen alone, on the same schemas under every tokenizer; who goes first changes with each schema.
Texts and times are those of maskbench.py, cold. Ratios are to the tokenizer named first.

A path is a folder with a `tokenizer.json`, a `tekken.json`, or a file of tiktoken's ranks.
Instances are tokenized by `tokenizers`, `mistral_common` and `tiktoken` (for NAMEs that tiktoken
publishes, since a file of ranks does not say how texts are split); where a package is missing or
the name unknown, by the longest token at each place, which the table says.

*Build* is the CPU time of reading the files and building the vocabulary. *Memory* is what the
process grows by when the vocabulary is built once more from tokens in memory and compiles a schema:
its trie, and what is computed once for all schemas. With --repeat all of it is done several times,
vocabularies included: times are medians, ratios have the least and the greatest beside them.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from engines import Structgen
from judging import Verdict, judge
from maskbench import load_cases
from summaries import Table, middle, spread, summary

import structgen as sg
from structgen.vocabulary import from_tekken, from_tiktoken, from_tokenizer_json

WRITING = "default"


@dataclass(frozen=True)
class Family:
    """A tokenizer: how its vocabulary is built, and how it splits a text."""

    name: str
    build: Callable[[], sg.Vocabulary]
    encode: Callable[[str], list[int]]
    encoder: str
    """Whose splitting it is."""


class Given(Structgen):
    """The engine on a vocabulary that is there already."""

    def __init__(self, vocabulary: sg.Vocabulary) -> None:
        self._sg = sg
        self.vocabulary = vocabulary
        self._mask = sg.allocate_mask(1, vocabulary.size)


def family(spec: str) -> Family:
    """The tokenizer of ``NAME=PATH``."""
    name, _, where = spec.partition("=")
    path = Path(where)
    if not where or not path.exists():
        raise SystemExit(f"--tokenizer wants NAME=PATH, and there is nothing at {where!r}")
    if path.is_dir() and (path / "tekken.json").is_file():
        path = path / "tekken.json"
    if path.is_dir() or path.name == "tokenizer.json":
        return _hugging_face(name, path)
    return _tekken(name, path) if path.suffix == ".json" else _tiktoken(name, path)


def _hugging_face(name: str, path: Path) -> Family:
    def build() -> sg.Vocabulary:
        return from_tokenizer_json(path)

    if importlib.util.find_spec("tokenizers") is None:
        return _longest(name, build)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json" if path.is_dir() else path))
    return Family(
        name, build, lambda text: tokenizer.encode(text, add_special_tokens=False).ids, "tokenizers"
    )


def _tekken(name: str, path: Path) -> Family:
    def build() -> sg.Vocabulary:
        return from_tekken(path)

    if importlib.util.find_spec("mistral_common") is None:
        return _longest(name, build)
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    tokenizer = Tekkenizer.from_file(path)
    return Family(
        name, build, lambda text: tokenizer.encode(text, bos=False, eos=False), "mistral_common"
    )


def _tiktoken(name: str, path: Path) -> Family:
    published: dict[str, Any] = {}
    if importlib.util.find_spec("tiktoken") is not None:
        from tiktoken_ext import openai_public

        published = openai_public.ENCODING_CONSTRUCTORS
    if name not in published:
        # Nobody says which ids are special: the end takes the first one that is free.
        end = 1 + max(int(line.split()[1]) for line in path.read_bytes().splitlines() if line)
        return _longest(name, lambda: from_tiktoken(path, special_tokens={"<|endoftext|>": end}))
    from tiktoken import Encoding
    from tiktoken.load import load_tiktoken_bpe

    # The package knows the pattern and the special tokens; the ranks are in the file, not fetched.
    ranks = load_tiktoken_bpe(str(path))
    with mock.patch.object(openai_public, "load_tiktoken_bpe", return_value=ranks):
        parts = published[name]()
    encoding = Encoding(**parts)
    special = parts["special_tokens"]
    return Family(
        name,
        lambda: from_tiktoken(path, special_tokens=special),
        encoding.encode_ordinary,
        "tiktoken",
    )


def _longest(name: str, build: Callable[[], sg.Vocabulary]) -> Family:
    vocabulary = build()
    return Family(
        name, build, lambda text: vocabulary.longest_match(text.encode()), "longest token"
    )


def tokenized(cases: list[tuple[str, Any]], chosen: Family) -> list[tuple[str, Any]]:
    """The schemas with the token ids of their instances."""
    return [
        (
            name,
            case
            | {
                "tests": [
                    test
                    | {
                        "ids": {
                            WRITING: chosen.encode(json.dumps(test["data"], ensure_ascii=False))
                        }
                    }
                    for test in case["tests"]
                ]
            },
        )
        for name, case in cases
    ]


def resident() -> int:
    """Bytes of this process in memory, after what is free has been given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def core_memory(vocabulary: sg.Vocabulary) -> int:
    """Bytes of a vocabulary like this one; see the module."""
    tokens = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
    before = resident()
    again = sg.Vocabulary(
        tokens, eos_token_ids=vocabulary.eos_token_ids, special_tokens=vocabulary.special_tokens
    )
    compiled = sg.json_schema({"type": ["object", "array", "number"]}).compile(again)
    compiled.mask(compiled.start)
    return resident() - before


def one_run(
    families: list[Family], cases: dict[str, list[tuple[str, Any]]], first: int
) -> dict[str, dict[str, Any]]:
    """Figures of every tokenizer; tokenizer number `first` begins."""
    engines: dict[str, Given] = {}
    costs: dict[str, dict[str, float]] = {}
    for chosen in families:
        started = time.process_time()
        vocabulary = chosen.build()
        seconds = time.process_time() - started
        engines[chosen.name] = Given(vocabulary)
        costs[chosen.name] = {"build_s": seconds, "memory_mb": core_memory(vocabulary) / 1e6}
    verdicts: dict[str, list[Verdict]] = {chosen.name: [] for chosen in families}
    names = list(verdicts)
    for i in range(len(cases[names[0]])):
        for k in range(len(names)):
            name = names[(first + i + k) % len(names)]
            title, case = cases[name][i]
            verdicts[name].append(judge(engines[name], case, title, warm=False))
    return {name: summary(verdicts[name], WRITING) | costs[name] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of MaskBench files")
    parser.add_argument("--tokenizer", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--sample", type=int, default=200, help="schemas to draw; 0: all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeat", type=int, default=1, help="runs")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    # Like the workers of maskbench.py.
    os.environ["RAYON_NUM_THREADS"] = "1"
    families = [family(spec) for spec in args.tokenizer]
    names = [chosen.name for chosen in families]
    if len(set(names)) != len(names):
        parser.error(f"two tokenizers have one name: {names}")
    drawn = load_cases(args.data, args.sample, args.seed, [])
    cases = {chosen.name: tokenized(drawn, chosen) for chosen in families}
    runs = [one_run(families, cases, number) for number in range(args.repeat)]

    results = {name: middle([run[name] for run in runs]) for name in names}
    head = ["tokenizer", "tokens", "split by", "build (s)", "memory (MB)", "pass", "tokens read"]
    head += ["TTFM p50 / p99 (ms)", "TBM p50 / p99 / mean (us)", f"TBM mean by {names[0]}'s"]
    rows: list[list[str]] = []
    for chosen in families:
        name = chosen.name
        result = results[name]
        for cost in ("build_s", "memory_mb"):
            result[cost] = float(np.median([run[name][cost] for run in runs]))
        result["size"] = chosen.build().size
        result["split_by"] = chosen.encoder
        result["mean_ratios"] = [
            run[name]["tbm_us"]["mean"] / run[names[0]]["tbm_us"]["mean"] for run in runs
        ]
        ttfm, tbm = result["ttfm_us"], result["tbm_us"]
        rows.append(
            [
                name,
                f"{result['size']:,}",
                chosen.encoder,
                f"{result['build_s']:.2f}",
                f"{result['memory_mb']:.0f}",
                f"{result['passed']} of {result['schemas']}",
                f"{result['tokens']:,}",
                f"{ttfm['p50'] / 1e3:.2f} / {ttfm['p99'] / 1e3:.2f}",
                f"{tbm['p50']:.1f} / {tbm['p99']:.1f} / {tbm['mean']:.2f}",
                spread(result["mean_ratios"]),
            ]
        )
    print(
        f"{len(drawn)} schemas (seed {args.seed}), {WRITING} spacing, cold, {args.repeat} runs, "
        f"{platform.processor() or platform.machine()}\n"
    )
    print(Table(head, rows).markdown())
    if args.out:
        about = {"command": sys.argv, "machine": platform.platform()}
        args.out.write_text(json.dumps(about | {"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
