"""Speculative decoding under constraints: several tokens per pass of the model, the same text.

Drafters guess what comes next: text that the constraint forces (`ForcedDrafter`), text that
occurred before (`CopyDrafter`), what the model said after the same token lately
(`RecyclingDrafter`), what a smaller model says (`ModelDrafter`, `TextModelDrafter`). Guesses that
the constraint forbids are dropped, the rest is scored by the target in one pass over a tree, and
the ordinary sampler runs over the scored rows as long as its own draws were guessed. With a seed,
texts and weights are those of ordinary decoding; only the number of passes changes.

    compiled = constraint.compile(model.vocabulary)
    result = speculative(model, model.prompt_ids("..."), compiled, seed=1)
    result.ledger.text, result.stats.tokens_per_forward

Limits: one node of a draft costs a token of the pass, so what is verified is chosen by measured
acceptance and cost (`Budget`); on a CPU trees stay small. Numerics: a pass over a tree rounds
differently from one token at a time, so in rare near-ties (and often in bfloat16) a text may
differ from the one drawn without speculation.
"""

from structgen.speculative.copying import CopyDrafter
from structgen.speculative.draft import Draft, DraftContext, Drafter, VerifiedRow
from structgen.speculative.draft_model import ModelDrafter
from structgen.speculative.driver import (
    SpeculativeResult,
    default_drafters,
    speculative,
    speculative_steps,
)
from structgen.speculative.forced import ForcedDrafter
from structgen.speculative.plan import Budget, Planner
from structgen.speculative.recycling import RecyclingDrafter
from structgen.speculative.text_model import TextModelDrafter

__all__ = [
    "Budget",
    "CopyDrafter",
    "Draft",
    "DraftContext",
    "Drafter",
    "ForcedDrafter",
    "ModelDrafter",
    "Planner",
    "RecyclingDrafter",
    "SpeculativeResult",
    "TextModelDrafter",
    "VerifiedRow",
    "default_drafters",
    "speculative",
    "speculative_steps",
]
