"""Speculation on against off: the same text, in how many passes and how much time.

50 cases (ten constraints, five prompts each): records extracted from prose, tool calls, lists,
enumerations, nested settings, and regular expressions. Every case is drawn twice with the same
seed, with and without drafters, in alternating order; the constraint and its masks are warmed
before (`--cold` leaves them cold). Reported: how many texts are identical, tokens per target pass,
and the ratios of wall-clock times, prompt processing included and excluded, and of CPU times
(which a busy machine disturbs less).

    python benchmarks/speculative.py --max-tokens 48 --json speculative.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from structgen.constraints import json_schema, regex
from structgen.constraints.base import TextConstraint
from structgen.constraints.schema import Whitespace
from structgen.models import LanguageModel, load
from structgen.samplers import SamplingParams
from structgen.speculative import (
    Budget,
    CopyDrafter,
    Drafter,
    ForcedDrafter,
    Planner,
    RecyclingDrafter,
    SpeculativeResult,
    speculative,
)

STRING: Mapping[str, object] = {"type": "string", "maxLength": 60}
INTEGER: Mapping[str, object] = {"type": "integer", "minimum": 0, "maximum": 1000000}


def record(**properties: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def listing(items: Mapping[str, object], most: int) -> dict[str, object]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


SCHEMAS: dict[str, dict[str, object]] = {
    "contact": record(name=STRING, company=STRING, email=STRING, phone=STRING),
    "event": record(
        title=STRING,
        city=STRING,
        date={"type": "string", "format": "date"},
        attendees=INTEGER,
        online={"type": "boolean"},
    ),
    "product": record(
        product_name=STRING,
        price={"type": "number", "minimum": 0, "maximum": 100000},
        currency={"enum": ["USD", "EUR", "GBP", "JPY"]},
        in_stock={"type": "boolean"},
        tags=listing(STRING, 4),
    ),
    "tool_call": record(
        name={"enum": ["get_current_weather", "search_restaurants", "send_email", "book_flight"]},
        arguments=record(
            location=STRING, unit={"enum": ["celsius", "fahrenheit"]}, days_ahead=INTEGER
        ),
    ),
    "people": listing(record(first_name=STRING, last_name=STRING, age=INTEGER), 3),
    "review": record(
        sentiment={"enum": ["positive", "neutral", "negative"]},
        confidence={"enum": ["low", "medium", "high"]},
        summary=STRING,
        mentioned_products=listing(STRING, 3),
    ),
    "settings": record(
        server=record(host=STRING, port=INTEGER, use_tls={"type": "boolean"}),
        database=record(connection_string=STRING, pool_size=INTEGER),
        logging=record(level={"enum": ["debug", "info", "warning", "error"]}, file=STRING),
    ),
    "quotes": listing(record(speaker=STRING, quotation=STRING), 3),
}
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
PATTERNS: dict[str, str] = {
    "date_range": rf"from {DATE} to {DATE} \([0-9]{{1,3}} days\)",
    "verdict": r"The answer is (yes|no), because [a-z ,]{10,80}\.",
}
PROMPTS: dict[str, list[str]] = {
    "contact": [
        "Extract the contact: Maria Gonzalez of Blue Harbor Logistics, maria@blueharbor.example, "
        "telephone 555-0142.",
        "Extract the contact: please call Tom O'Neill (Northwind Traders) at 555-0199 or write to "
        "tom.oneill@northwind.example.",
        "Extract the contact: Dr. Aiko Tanaka, Sakura Medical Group, a.tanaka@sakura.example, "
        "+81 3 5555 0123.",
        "Extract the contact: our partner at Greenfield Energy is Paul Schmidt, phone 030 5550177, "
        "mail paul.schmidt@greenfield.example.",
        "Invent a contact card for a baker in Lyon.",
    ],
    "event": [
        "Extract the event: the Rust meetup in Zurich on 2026-03-14 expects 120 people on site.",
        "Extract the event: Webinar 'Databases for beginners', online, 2026-05-02, 450 registered.",
        "Extract the event: The annual Jazz Festival takes place in Montreux on 2026-07-04 with "
        "25000 visitors.",
        "Extract the event: Parents' evening at Lincoln School, Denver, 2026-09-10, about 60 "
        "guests.",
        "Invent a small book fair in Porto.",
    ],
    "product": [
        "Describe as JSON: the Aurora Desk Lamp costs 49.90 EUR, is available, and is warm, "
        "dimmable and made of brass.",
        "Describe as JSON: TrailRunner 5 shoes, 129 USD, sold out; outdoor, running.",
        "Describe as JSON: a 1 kg bag of Colombian coffee at 18.50 GBP, in stock, organic.",
        "Describe as JSON: Pixel Studio monitor, 27 inch, 64000 JPY, in stock.",
        "Invent a product for cat owners.",
    ],
    "tool_call": [
        "What will the weather be in Oslo the day after tomorrow, in celsius?",
        "Is it going to rain in San Francisco tomorrow? Use fahrenheit.",
        "Find me a restaurant in Lisbon for tonight.",
        "Book a flight to Tokyo in ten days.",
        "Email the team in Berlin that the meeting moves to next week.",
    ],
    "people": [
        "List the people: Anna Kovacs (34), Peter Novak (41) and Jan Novak (12).",
        "List the people: the winners are Lucia Rossi, 22, and Marco Bianchi, 25.",
        "List the people: John Smith, aged 67, met Jane Smith, aged 64.",
        "List the people: Only Fatima Al-Sayed, 29, came.",
        "Invent three members of a chess club.",
    ],
    "review": [
        "Classify: 'The BrewMaster 3000 makes the best coffee I ever had, and the MilkFoamer is a "
        "joy.'",
        "Classify: 'It arrived broken. Twice. Never again, QuickShip!'",
        "Classify: 'The tent is fine. Not light, not heavy, keeps the rain out.'",
        "Classify: 'I wanted to love the SoundBar X2, but the bass is weak and the remote fails.'",
        "Classify: 'Five stars for the GardenPro hose!'",
    ],
    "settings": [
        "Write a configuration for a server on localhost port 8080 with TLS, a postgres database "
        "and logging at level info to app.log.",
        "Write a configuration for a test server without TLS that logs everything.",
        "Write a configuration for host api.example.com, port 443, sqlite database file.db.",
        "Write a production configuration with 50 database connections.",
        "Write a minimal configuration.",
    ],
    "quotes": [
        "Collect the quotations: 'We will win,' said the coach. 'I doubt it,' said the reporter.",
        "Collect the quotations: 'To be or not to be,' says Hamlet.",
        "Collect the quotations: Alice said 'Let us go home' and Bob said 'Let us stay here'.",
        "Collect the quotations: 'Prices will rise,' the minister said on Monday.",
        "Invent two quotations about the sea.",
    ],
    "date_range": [
        "The exhibition opens on 2026-04-01 and closes on 2026-04-30.",
        "She is on leave from 2026-07-06 to 2026-07-24.",
        "The offer is valid from 2026-11-20 until 2026-11-27.",
        "When were the 2024 Olympic Games in Paris?",
        "Name a good time to visit Japan.",
    ],
    "verdict": [
        "Is the earth flat?",
        "Can penguins fly?",
        "Is water wet?",
        "Should one brush one's teeth every day?",
        "Is seven an even number?",
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What came of one prompt, without (off) and with (on) drafters."""

    constraint: str
    prompt: int
    identical: bool
    tokens: int
    finish_reason: str
    passes_off: int
    passes_on: int
    drafted: int
    accepted: int
    seconds_off: float
    seconds_on: float
    cpu_seconds_off: float
    cpu_seconds_on: float
    prefill_seconds: float
    diverged_at: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All cases and their sums."""

    model: str
    machine: str
    options: dict[str, object]
    cases: list[Case]
    acceptance: dict[str, float] = field(default_factory=dict[str, float])

    def summary(self) -> dict[str, float]:
        cases = self.cases
        off = sum(case.seconds_off for case in cases)
        on = sum(case.seconds_on for case in cases)
        prefill = sum(case.prefill_seconds for case in cases)
        return {
            "cases": len(cases),
            "identical": sum(case.identical for case in cases),
            "tokens": sum(case.tokens for case in cases),
            "tokens_per_pass_off": _ratio(
                sum(c.tokens for c in cases), sum(c.passes_off for c in cases)
            ),
            "tokens_per_pass_on": _ratio(
                sum(c.tokens for c in cases), sum(c.passes_on for c in cases)
            ),
            "draft_acceptance": _ratio(
                sum(c.accepted for c in cases), sum(c.drafted for c in cases)
            ),
            "seconds_off": off,
            "seconds_on": on,
            "speedup": _ratio(off, on),
            "cpu_seconds_off": sum(case.cpu_seconds_off for case in cases),
            "cpu_seconds_on": sum(case.cpu_seconds_on for case in cases),
            "cpu_speedup": _ratio(
                sum(c.cpu_seconds_off for c in cases), sum(c.cpu_seconds_on for c in cases)
            ),
            "speedup_without_prefill": _ratio(off - prefill, on - prefill),
            "slowest_case": min(
                (_ratio(case.seconds_off, case.seconds_on) for case in cases), default=0.0
            ),
            "median_case": statistics.median(
                [_ratio(case.seconds_off, case.seconds_on) for case in cases] or [0.0]
            ),
        }


def _ratio(a: float, b: float) -> float:
    return a / b if b else 0.0


def cases(names: Sequence[str], limit: int) -> Iterator[tuple[str, int]]:
    """Constraint by constraint within a prompt number, so that a small limit mixes them."""
    every = [(name, i) for i in range(5) for name in names]
    yield from every[:limit]


def constraint_of(name: str, whitespace: Whitespace) -> TextConstraint:
    if name in PATTERNS:
        return regex(PATTERNS[name])
    # With every escape spelling allowed, no key is forced as text.
    return json_schema(SCHEMAS[name], whitespace=whitespace, escapes="minimal")


def drafters_of(names: Sequence[str]) -> tuple[Drafter, ...]:
    known: dict[str, Drafter] = {
        "forced": ForcedDrafter(),
        "copy": CopyDrafter(),
        "recycling": RecyclingDrafter(),
    }
    return tuple(known[name] for name in names)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    model = load(options.model, device=options.device, dtype=options.dtype)
    whitespace: Whitespace = (
        {"kind": "separators", "item": ", ", "key": ": "}
        if options.whitespace == "separators"
        else options.whitespace
    )
    budget = Budget(adaptive=not options.fixed, max_nodes=options.max_nodes)
    planner = Planner(drafters_of(options.drafters), budget)
    params = SamplingParams(temperature=options.temperature)
    report = Report(
        model=model.name,
        machine=f"{platform.machine()}, {platform.python_implementation()} "
        f"{platform.python_version()}",
        options={key: str(value) for key, value in vars(options).items()},
        cases=[],
    )
    constraints = {name: constraint_of(name, whitespace) for name in options.constraints}
    for number, (name, i) in enumerate(cases(options.constraints, options.cases)):
        case = run_case(model, constraints[name], planner, params, options, name, i, number)
        report.cases.append(case)
        mark = "same" if case.identical else f"DIFFERS at {case.diverged_at}"
        print(
            f"{name:>11} {i}  {case.tokens:3} tokens  passes {case.passes_off:3} -> "
            f"{case.passes_on:3}  {case.seconds_off:6.2f} -> {case.seconds_on:6.2f} s  {mark}",
            file=sys.stderr,
            flush=True,
        )
    report.acceptance.update(planner.acceptance.table())
    summary = report.summary()
    for key, value in summary.items():
        print(f"{key:>24}  {value:.3f}" if isinstance(value, float) else f"{key:>24}  {value}")
    if options.json is not None:
        content = {**asdict(report), "summary": summary}
        options.json.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0 if summary["identical"] == summary["cases"] else 1


def run_case(
    model: LanguageModel,
    constraint: TextConstraint,
    planner: Planner,
    params: SamplingParams,
    options: argparse.Namespace,
    name: str,
    i: int,
    number: int,
) -> Case:
    prompt = model.prompt_ids([{"role": "user", "content": PROMPTS[name][i]}])
    compiled = constraint.compile(model.vocabulary)

    def draw(on: bool) -> tuple[SpeculativeResult, float, float]:
        started, cpu_started = time.perf_counter(), time.process_time()
        result = speculative(
            model,
            prompt,
            compiled,
            params=params,
            seed=options.seed + number,
            max_tokens=options.max_tokens,
            **({"planner": planner} if on else {"drafters": ()}),
        )
        return result, time.perf_counter() - started, time.process_time() - cpu_started

    if not options.cold:
        draw(on=False)
    started = time.perf_counter()
    model.start(prompt).logits()
    prefill = time.perf_counter() - started
    first_on = number % 2 == 1
    runs = {first_on: draw(first_on)}
    runs[not first_on] = draw(not first_on)
    on, on_seconds, on_cpu = runs[True]
    off, off_seconds, off_cpu = runs[False]
    a, b = on.ledger, off.ledger
    diverged = next(
        (k for k, (x, y) in enumerate(zip(a.tokens, b.tokens, strict=False)) if x != y),
        None if a.tokens == b.tokens else min(len(a.tokens), len(b.tokens)),
    )
    return Case(
        constraint=name,
        prompt=i,
        identical=a.tokens == b.tokens and a.text == b.text,
        tokens=len(b.tokens),
        finish_reason=b.finish_reason,
        passes_off=off.stats.forwards,
        passes_on=on.stats.forwards,
        drafted=on.stats.drafted,
        accepted=on.stats.accepted,
        seconds_off=off_seconds,
        seconds_on=on_seconds,
        cpu_seconds_off=off_cpu,
        cpu_seconds_on=on_cpu,
        prefill_seconds=prefill,
        diverged_at=diverged,
        text=b.text,
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", maxsplit=1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--model", default="default", help="name, folder, hub id or .gguf file")
    parser.add_argument("--device", default=None, help="e.g. cpu, cuda")
    parser.add_argument("--dtype", default=None, help="e.g. float32, bfloat16")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves its default")
    parser.add_argument("--cases", type=int, default=50, help="how many of the 50 cases")
    parser.add_argument(
        "--constraints", nargs="+", choices=list(PROMPTS), default=list(PROMPTS), help="which ones"
    )
    parser.add_argument("--max-tokens", type=int, default=96, help="token budget of a text")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first case")
    parser.add_argument(
        "--whitespace",
        choices=["separators", "compact", "flexible"],
        default="separators",
        help="of JSON texts; separators: a blank after commas and colons",
    )
    parser.add_argument(
        "--drafters",
        nargs="+",
        choices=["forced", "copy", "recycling"],
        default=["forced", "copy", "recycling"],
        help="in order of trust",
    )
    parser.add_argument("--max-nodes", type=int, default=24, help="guessed nodes per pass, at most")
    parser.add_argument(
        "--fixed", action="store_true", help="verify every candidate instead of what pays"
    )
    parser.add_argument("--cold", action="store_true", help="do not warm masks first")
    parser.add_argument("--json", type=Path, default=None, help="write all cases to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
