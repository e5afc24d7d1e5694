"""Values, results and errors as JSON, for ``--json``."""

from __future__ import annotations

import dataclasses
import json

import click

from structgen.errors import StructgenError
from structgen.plain import plain
from structgen.tools import ToolResponse
from structgen.types import Generation, Ledger, Particles


def dumps(value: object) -> str:
    """`value` as one line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


def plain_result(result: Generation[object]) -> dict[str, object]:
    """A generation: its value and text, how likely it was, what it took."""
    value = result.value
    told = {
        "value": plain_calls(value) if isinstance(value, ToolResponse) else value,
        "text": result.text,
        **plain_ledger(result.ledger),
        "seed": result.seed,
        "timings": result.timings,
    }
    if result.particles is not None:
        told["particles"] = plain_particles(result.particles)
    if result.speculation is not None:
        told["speculation"] = {
            **dataclasses.asdict(result.speculation),
            "tokens_per_forward": result.speculation.tokens_per_forward,
        }
    return told


def plain_ledger(ledger: Ledger) -> dict[str, object]:
    """A ledger without its text, which may spell special tokens that the answer's does not."""
    return {
        "finish_reason": ledger.finish_reason,
        "tokens": len(ledger.tokens),
        "token_ids": ledger.tokens,
        "logp_raw": ledger.logp_raw,
        "log_w": ledger.log_w,
        "log_z": ledger.log_z,
        "checks": ledger.checks,
    }


def plain_particles(particles: Particles) -> dict[str, object]:
    """A population: what it estimates, and each sequence with its weight."""
    weights = particles.weights()
    return {
        "log_evidence": particles.log_evidence,
        "ess": particles.ess,
        "resampled": particles.resampled,
        "texts": [one.text for one in particles.ledgers],
        "weights": weights,
        "log_w": [one.log_w for one in particles.ledgers],
    }


def plain_calls(response: ToolResponse) -> dict[str, object]:
    """Prose and calls."""
    return {
        "text": response.text,
        "calls": [
            {"id": call.call_id, "name": call.name, "arguments": json.loads(call.arguments_json)}
            for call in response.calls
        ],
    }


def plain_error(error: Exception) -> dict[str, object]:
    """An error: ``code``, ``message``, ``hint`` and the fields that its class adds, such as
    ``pointer``, ``line``, ``column``."""
    if isinstance(error, StructgenError):
        fields = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        told: dict[str, object] = {"code": error.code, "message": error.message, "hint": error.hint}
        return told | {name: plain(value) for name, value in fields.items() if name not in told}
    if isinstance(error, click.ClickException):
        usage = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        return {
            "code": "usage",
            "message": error.format_message(),
            "hint": f"{usage or 'structgen'} --help",
        }
    return {"code": "usage", "message": str(error), "hint": None}
