"""Runs one hostile case in a process of its own; prints what came of it as one line of JSON.

Used by test_attacks.py, and by hand: `python -m tests.attacks.run_case regex-huge-repeat`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import structgen as sg
from tests.data.attacks.cases import CASES, source_text


def compile_case(kind: str, source: Any) -> Any:
    """The constraint of a case."""
    match kind:
        case "regex":
            return sg.regex(source)
        case "schema" | "schema-text":
            return sg.json_schema(source_text(source))
        case "schema-any":
            return sg.json_schema(source_text(source), property_order="any")
        case "lark" | "gbnf":
            return sg.grammar(source, format=kind)
        case "choice":
            return sg.choice(source)
    raise ValueError(kind)


def main() -> None:
    kind, source, text = CASES[sys.argv[1]]
    merges = [b"the", b" the", b"ing", b'"', b'":', b'","', b"},", b"[{", b"    ", b"aaaa", b"1,"]
    vocabulary = sg.Vocabulary(
        [bytes([b]) for b in range(256)] + merges + [None], eos_token_ids=[256 + len(merges)]
    )
    mask = sg.allocate_mask(1, vocabulary.size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    compiled_after = worst_mask = read_after = 0.0
    outcome, detail = "result", ""
    try:
        matcher = compile_case(kind, source).compile(vocabulary).matcher()
        matcher.fill_mask(mask, 0)
        compiled_after = time.process_time() - started
        for i, byte in enumerate(text):
            if not matcher.allows(byte):
                detail = f"refused byte {i} of {len(text)}"
                break
            matcher.advance(byte)
            if i < 64 or i % 97 == 0:
                mask_started = time.process_time()
                matcher.fill_mask(mask, 0)
                worst_mask = max(worst_mask, time.process_time() - mask_started)
        matcher.completion_tokens()
        read_after = time.process_time() - started
    except sg.StructgenError as error:
        outcome, detail = type(error).__name__, str(error)[:200]
        compiled_after = compiled_after or time.process_time() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        json.dumps(
            {
                "outcome": outcome,
                "detail": detail,
                "compile_s": round(compiled_after, 3),
                "total_s": round(max(read_after, time.process_time() - started), 3),
                "worst_mask_ms": round(worst_mask * 1e3, 3),
                "grown_mb": round(grown / 1024, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
