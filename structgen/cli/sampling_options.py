"""How ``structgen generate`` draws: the options of `structgen.generate.Options`, by its names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., object])

_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "max_tokens": click.option(
        "--max-tokens",
        type=click.IntRange(min=1),
        default=256,
        show_default=True,
        help="Token budget; the text is complete and valid within it.",
    ),
    "temperature": click.option(
        "--temperature",
        type=click.FloatRange(min=0.0),
        default=1.0,
        show_default=True,
        help="0 is greedy.",
    ),
    "top_k": click.option(
        "--top-k", type=click.IntRange(min=1), help="Keep the k likeliest allowed tokens."
    ),
    "top_p": click.option(
        "--top-p",
        type=click.FloatRange(0.0, 1.0, min_open=True),
        default=1.0,
        help="Keep the likeliest allowed tokens of this mass.",
    ),
    "min_p": click.option(
        "--min-p",
        type=click.FloatRange(0.0, 1.0),
        default=0.0,
        help="Keep allowed tokens at least this share as likely as the likeliest.",
    ),
    "truncation": click.option(
        "--truncation",
        type=click.Choice(["proposal", "target"]),
        help="With --sampler importance or smc beside --top-k, --top-p or --min-p: whether they"
        " shape the proposals alone, or also what is sampled from.",
    ),
    "seed": click.option("--seed", type=click.IntRange(min=0), help="Reproduce a result."),
    "sampler": click.option(
        "--sampler",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "masked", "awrs", "importance", "smc"]),
        help="How to draw.",
    ),
    "particles": click.option(
        "--particles", type=click.IntRange(min=1), help="Population of importance and smc."
    ),
    "ess_threshold": click.option(
        "--ess-threshold",
        type=click.FloatRange(0.0, 1.0),
        help="smc resamples below this share of effective particles.",
    ),
    "speculative": click.option(
        "--speculative", is_flag=True, help="Draft and verify: the same text, sooner."
    ),
    "timeout": click.option(
        "--timeout",
        type=click.FloatRange(min=0.0, min_open=True),
        metavar="SECONDS",
        help="Give up after this time; the text so far is told with --json.",
    ),
    "stop": click.option(
        "--stop", multiple=True, metavar="TEXT", help="End free text here (repeat)."
    ),
}
SAMPLING_OPTIONS = tuple(_OPTIONS)
"""Their names: fields of `Options`."""


def sampling_options(function: _F) -> _F:
    """Add the options to a command, which takes them by the names of `Options`."""
    for decorate in reversed(_OPTIONS.values()):
        function = decorate(function)
    return function
