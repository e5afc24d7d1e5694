"""How long does `import structgen` take, and the first use, beside `import numpy`?

    python benchmarks/import_time.py --rounds 20

Each is measured in fresh processes, one after the other in each round, from the first line of the
program on: the start of the interpreter is not counted. Shown are medians, and the median over the
rounds of the ratio to numpy, which structgen needs for its first constraint.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from engines import version
from summaries import Table

BAR = 0.15
"""Seconds that `import structgen` may take."""

_FIRST_MASK = """
import structgen as sg
vocabulary = sg.Vocabulary([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])
matcher = sg.json_schema({"type": "string"}).compile(vocabulary).matcher()
matcher.fill_mask(sg.allocate_mask(1, vocabulary.size), 0)
"""

PROGRAMS = {
    "import numpy": "import numpy",
    "import structgen": "import structgen",
    "first schema": 'import structgen; structgen.json_schema({"type": "string"})',
    "first mask": _FIRST_MASK,
    "first Lark grammar": "import structgen; structgen.grammar('start: \"a\"')",
}


def seconds(program: str) -> float:
    """Of the program, in a process of its own."""
    timing = (
        "import sys, time\nstarted = time.perf_counter()\nexec(sys.argv[1])\n"
        "print(time.perf_counter() - started)"
    )
    # -P: not what lies in the working directory, but what is installed or on PYTHONPATH.
    done = subprocess.run(
        [sys.executable, "-P", "-c", timing, program],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    args = parser.parse_args()
    for program in PROGRAMS.values():
        seconds(program)  # files are read and compiled to byte code
    rounds = [{name: seconds(p) for name, p in PROGRAMS.items()} for _ in range(args.rounds)]
    found = {
        name: {
            "seconds": statistics.median(one[name] for one in rounds),
            "by_numpy": statistics.median(one[name] / one["import numpy"] for one in rounds),
        }
        for name in PROGRAMS
    }
    rows = [
        [name, f"{one['seconds'] * 1e3:.1f}", f"{one['by_numpy']:.2f}"]
        for name, one in found.items()
    ]
    print(f"{args.rounds} rounds, Python {platform.python_version()}, {platform.machine()}\n")
    print(Table(["program", "ms", "by `import numpy`"], rows).markdown())
    taken = found["import structgen"]["seconds"]
    print(f"\nimport structgen: {taken:.3f} s, {'within' if taken <= BAR else 'OVER'} {BAR} s")
    if args.out:
        versions = {"structgen": version("structgen"), "python": platform.python_version()}
        about = {"command": sys.argv, "machine": platform.platform(), "versions": versions}
        args.out.write_text(json.dumps(about | {"figures": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
