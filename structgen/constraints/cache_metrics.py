"""Metrics of caches, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from structgen.constraints.cache import CacheStats

_Read: TypeAlias = "Callable[[CacheStats], float]"

_FAMILIES: tuple[tuple[str, str, str, tuple[tuple[str, _Read], ...]], ...] = (
    (
        "structgen_constraint_cache_hits_total",
        "counter",
        "Look-ups that found a compiled constraint.",
        (("", lambda s: s.hits),),
    ),
    (
        "structgen_constraint_cache_misses_total",
        "counter",
        "Look-ups that compiled a constraint, or failed to.",
        (("", lambda s: s.misses),),
    ),
    (
        "structgen_constraint_cache_waits_total",
        "counter",
        "Look-ups that waited for the compilation of another thread.",
        (("", lambda s: s.waits),),
    ),
    (
        "structgen_constraint_cache_errors_total",
        "counter",
        "Compilations that failed.",
        (("", lambda s: s.errors),),
    ),
    (
        "structgen_constraint_cache_evictions_total",
        "counter",
        "Compiled constraints that left because others came or grew.",
        (("", lambda s: s.evictions),),
    ),
    (
        "structgen_constraint_cache_entries",
        "gauge",
        "Compiled constraints in the cache.",
        (("", lambda s: s.entries),),
    ),
    (
        "structgen_constraint_cache_bytes",
        "gauge",
        "Bytes of the states and masks of compiled constraints in the cache.",
        (("", lambda s: s.bytes),),
    ),
    (
        "structgen_constraint_cache_max_bytes",
        "gauge",
        "The bound of structgen_constraint_cache_bytes.",
        (("", lambda s: s.max_bytes),),
    ),
    (
        "structgen_constraint_compile_seconds",
        "summary",
        "Time of compilations, failed ones too.",
        (("_sum", lambda s: s.compile_seconds), ("_count", lambda s: s.misses)),
    ),
    (
        "structgen_lexical_cache_entries",
        "gauge",
        "Lexer states that the vocabulary knows.",
        (("", lambda s: s.lexical_entries),),
    ),
    (
        "structgen_lexical_cache_bytes",
        "gauge",
        "Bytes of what the vocabulary knows of lexer states.",
        (("", lambda s: s.lexical_bytes),),
    ),
    (
        "structgen_lexical_cache_clears_total",
        "counter",
        "How often the vocabulary forgot its lexer states to stay within its budget.",
        (("", lambda s: s.lexical_cleared),),
    ),
)


def metrics_text(caches: Mapping[str, CacheStats]) -> str:
    """The metrics of several caches by their names, which become the label ``cache``.

        metrics_text({cache.name: cache.stats() for cache in caches})

    Text format 0.0.4, to be served as ``text/plain; version=0.0.4``. Caches that share a
    vocabulary report the same lexical cache each.
    """
    lines: list[str] = []
    for name, kind, about, samples in _FAMILIES:
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        for cache, stats in caches.items():
            for suffix, read in samples:
                lines.append(f'{name}{suffix}{{cache="{_escaped(cache)}"}} {read(stats)}')
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
