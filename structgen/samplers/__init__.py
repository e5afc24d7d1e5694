"""Samplers: they join a language model and a constraint, and keep the weights right."""

from structgen.samplers.awrs import Accepted, Probe, RajPolicy, adaptive_rejection
from structgen.samplers.draw import Draw, draw_adaptive, draw_masked
from structgen.samplers.keys import GumbelKeys, particle_id
from structgen.samplers.params import SamplingParams
from structgen.samplers.race import Greedy, Keyed, Lazy, Noise, Race
from structgen.samplers.rows import (
    LogitRow,
    Support,
    mask_words,
    masked_log_mass,
    pack_mask,
    truncate,
    unpack_mask,
)

__all__ = [
    "Accepted",
    "Draw",
    "Greedy",
    "GumbelKeys",
    "Keyed",
    "Lazy",
    "LogitRow",
    "Noise",
    "Probe",
    "Race",
    "RajPolicy",
    "SamplingParams",
    "Support",
    "adaptive_rejection",
    "draw_adaptive",
    "draw_masked",
    "mask_words",
    "masked_log_mass",
    "pack_mask",
    "particle_id",
    "truncate",
    "unpack_mask",
]
