"""Samplers: they join a language model and a constraint, and keep the weights right.

* `masked` draws independent sequences; `masked_steps` yields their tokens on the way.
* `importance` and `smc` draw weighted populations; `select_one` picks one text.
* `Walk` is one sequence in progress, for those who drive a model themselves.
* `draw_masked`, `draw_adaptive` and below work on one row of logits.

A toy model, three allowed texts, one sample and a population:

    from structgen import Program, Vocabulary
    from structgen.models.toy import MarkovModel
    from structgen.samplers import SamplerConfig, masked, smc

    vocabulary = Vocabulary([b"a", b"b", b"ab", None], eos_token_ids=[3])
    compiled = Program.choice(["ab", "aab", "b"]).compile(vocabulary)
    model = MarkovModel(vocabulary, seed=1)
    config = SamplerConfig(max_tokens=8, seed=7)
    ledger = masked(model, [], compiled, config)[0]
    population = smc(model, [], compiled, config, particles=16)

Limits: an exact constraint is drawn exactly from its *local projection* by `masked`; from the
model conditioned on it only by populations, in the limit of many particles.
"""

from structgen.samplers.awrs import Accepted, Probe, RajPolicy, adaptive_rejection
from structgen.samplers.closing import Closing, ClosingMatcher
from structgen.samplers.draw import Draw, draw_adaptive, draw_masked
from structgen.samplers.free import FreeText
from structgen.samplers.keys import GumbelKeys, particle_id
from structgen.samplers.masked import SamplerConfig, Step, masked, masked_steps
from structgen.samplers.params import SamplingParams
from structgen.samplers.population import (
    Truncation,
    importance,
    select_index,
    select_one,
    smc,
)
from structgen.samplers.race import Greedy, Keyed, Lazy, Noise, Race
from structgen.samplers.resampling import Scheme, effective_sample_size, resample
from structgen.samplers.restarts import DeadEnds, RestartWeights, begin_attempts
from structgen.samplers.rows import (
    LogitRow,
    Support,
    mask_words,
    masked_log_mass,
    pack_mask,
    truncate,
    unpack_mask,
)
from structgen.samplers.walk import Walk, WalkConfig, fill_walk_masks

__all__ = [
    "Accepted",
    "Closing",
    "ClosingMatcher",
    "DeadEnds",
    "Draw",
    "FreeText",
    "Greedy",
    "GumbelKeys",
    "Keyed",
    "Lazy",
    "LogitRow",
    "Noise",
    "Probe",
    "Race",
    "RajPolicy",
    "RestartWeights",
    "SamplerConfig",
    "SamplingParams",
    "Scheme",
    "Step",
    "Support",
    "Truncation",
    "Walk",
    "WalkConfig",
    "adaptive_rejection",
    "begin_attempts",
    "draw_adaptive",
    "draw_masked",
    "effective_sample_size",
    "fill_walk_masks",
    "importance",
    "mask_words",
    "masked",
    "masked_log_mass",
    "masked_steps",
    "pack_mask",
    "particle_id",
    "resample",
    "select_index",
    "select_one",
    "smc",
    "truncate",
    "unpack_mask",
]
