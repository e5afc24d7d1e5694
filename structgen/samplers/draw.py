"""Drawing one token from one row: mask, truncation, and adaptive rejection where a mask is not
the whole truth.

The weight of a draw is ``log_w = log p(x) - log q(x)`` with p the tempered model and q the law
the token was drawn from. For a mask that is the log of the tempered model's mass on the allowed
tokens, exactly; for rejection, the log of a properly weighted estimate of it
(`structgen.samplers.awrs`).

**Truncation** (top-k, top-p, min-p) draws from the kept tokens K of the allowed ones A. There are
two targets, and a weight is right for one of them:

* the truncated one: ``w = p(K)``, proper for ``p(x) * 1[x in K]``: tokens that truncation drops
  cannot be drawn and do not count. Weights of texts estimate the model's probability of texts that
  satisfy the constraint *and are kept*, which is less than that of the constraint.
* the constraint's (``explore = e > 0``): the *proposal* is truncated, but for a share e,

      r(x) = (1 - e) * p(x)/p(K) * 1[x in K] + e * p(x)/p(A),       w = p(x) / r(x),

  which can draw every allowed token (a defensive mixture: Hesterberg, *Technometrics* 37:185,
  1995). A share that stayed the same from token to token would make the weight of a sequence with
  k tokens outside the truncation ``e^-k``. So the mixture is one of *sequences*: after x the share
  is ``e * p(x)/p(A) / r(x)``, the probability that the sequence is of the untruncated kind, 1 once
  a token outside K was drawn; and the weight of a whole sequence is at most 1/e times what it is
  without truncation. Under rejection, the race has the law r over the mask, and
  ``w = R * p(x) / r(x)`` with R the estimate of what `probe` allows of r: that
  ``E[R * 1{X = x}] = r(x)`` makes it proper for p, whatever function of the tokens so far e is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from structgen.samplers.awrs import Accepted, Probe, RajPolicy, adaptive_rejection
from structgen.samplers.params import SamplingParams
from structgen.samplers.race import Noise, Race
from structgen.samplers.rows import Allowed, LogitRow, Support, truncate


@dataclass(frozen=True, slots=True)
class Draw:
    """One token, and how it was drawn.

    Attributes:
        token: the id, or -1 if no token may be drawn.
        logp: its log-probability under the tempered model.
        log_w: log importance weight of the step; -inf without a token.
        log_z: log of the model's mass on the allowed tokens; under rejection, the log of an
            unbiased estimate of it (of what truncation left). At temperature 0, the mask's mass.
        probes: constraint probes spent.
        rejected: tokens that arrived before `token` and were rejected.
        closing: the token budget rejected a token that arrived before `token`.
        only_end: nothing but end tokens was allowed.
        explore: the untruncated share of the next token's proposal; None leaves it as it is.
    """

    token: int
    logp: float
    log_w: float
    log_z: float
    probes: int = 0
    rejected: int = 0
    closing: bool = False
    only_end: bool = False
    explore: float | None = None


DEAD = Draw(token=-1, logp=-math.inf, log_w=-math.inf, log_z=-math.inf)


def draw_masked(
    row: LogitRow,
    allowed: Allowed | None,
    params: SamplingParams,
    noise: Noise,
    *,
    explore: float = 0.0,
) -> Draw:
    """Draw from the allowed tokens; `allowed` is the truth. Exact weight.

    `row` must have been built with ``params.temperature``; for temperature 0 pass
    `structgen.samplers.race.Greedy()` as `noise`. `explore`: see the module.
    """
    full = row.support(allowed)
    kept = truncate(full, params)
    if explore >= 1.0:
        kept = full
    elif explore > 0.0 and kept is not full:
        proposal = _mixture(row, full, kept, explore)
        token = noise.race(proposal, proposal.support(allowed)).peek()
        if token < 0:
            return DEAD
        logp = row.logp(token)
        return Draw(
            token=token,
            logp=logp,
            log_w=logp - proposal.logp(token),
            log_z=full.log_mass,
            explore=_posterior(explore, logp - full.log_mass, proposal.logp(token)),
        )
    if params.greedy:
        best = row.greedy(kept)
        token = kept.token(best) if best >= 0 else -1
    else:
        token = noise.race(row, kept).peek()
    if token < 0:
        return DEAD
    logp = row.logp(token)
    return Draw(
        token=token,
        logp=logp,
        log_w=logp if params.greedy else kept.log_mass,
        log_z=full.log_mass,
    )


def draw_adaptive(
    row: LogitRow,
    allowed: Allowed | None,
    params: SamplingParams,
    noise: Noise,
    probe: Probe,
    policy: RajPolicy,
    *,
    sure: int | None = None,
    explore: float = 0.0,
) -> Draw:
    """Draw from the tokens of `allowed` that satisfy `probe`; `explore`: see the module.

    If truncation leaves only tokens that `probe` rejects, the rest of the masked row is searched:
    the tokens that can be drawn are then those outside the truncation, which is a property of
    the row and not of chance, so that the weight stays proper; also where `policy` bounds the
    probes, for which it is asked about all that truncation left. `sure` is a token known to satisfy
    `probe`; with it, a draw never fails.
    """
    full = row.support(allowed)
    if full.total <= 0.0:
        return DEAD
    kept = truncate(full, params)
    if explore >= 1.0:
        kept = full
    elif explore > 0.0 and kept is not full:
        proposal = _mixture(row, full, kept, explore)
        found = _search(proposal, proposal.support(allowed), params, noise, probe, policy, sure)
        if found.token < 0:
            return Draw(-1, -math.inf, -math.inf, -math.inf, found.probes, found.rejected)
        logp, proposed = row.logp(found.token), proposal.logp(found.token)
        return Draw(
            token=found.token,
            logp=logp,
            log_w=found.log_w + logp - proposed,
            log_z=found.log_w + logp - proposed,
            probes=found.probes,
            rejected=found.rejected,
            explore=_posterior(explore, logp - full.log_mass, proposed),
        )
    found = _search(row, kept, params, noise, probe, policy, sure)
    probes, rejected = found.probes, found.rejected
    if found.token < 0 and kept is not full and not found.exhausted:
        # The bound on probes was met inside the truncation. Whether the search goes on outside must
        # not hang on the order in which tokens came: it does if nothing inside may be drawn.
        candidates = kept.candidates().tolist()
        asked, allows = 0, False
        for token in candidates:
            asked += 1
            if probe(token):
                allows = True
                break
        probes += asked
        found = replace(found, exhausted=not allows)
    if found.token < 0 and found.exhausted and kept is not full:
        rest = row.gather(np.setdiff1d(full.candidates(), kept.candidates()))
        found = _search(row, rest, params, noise, probe, policy, None)
        probes, rejected = probes + found.probes, rejected + found.rejected
    if found.token < 0:
        return Draw(-1, -math.inf, -math.inf, -math.inf, probes, rejected)
    logp = row.logp(found.token)
    return Draw(
        token=found.token,
        logp=logp,
        log_w=logp if params.greedy else found.log_w,
        log_z=full.log_mass if params.greedy else found.log_w,
        probes=probes,
        rejected=rejected,
    )


def _mixture(row: LogitRow, full: Support, kept: Support, explore: float) -> LogitRow:
    """The row whose law is the mixture of the truncated and the whole support."""
    logits = np.full(row.size, -np.inf, dtype=np.float64)
    ids = full.candidates()
    logits[ids] = row.logps()[ids]
    outside = math.log(explore) - full.log_mass
    inside = float(np.logaddexp(outside, math.log1p(-explore) - kept.log_mass))
    shift = np.full(row.size, outside)
    shift[kept.candidates()] = inside
    return LogitRow((logits + shift).astype(np.float32))


def _posterior(explore: float, masked: float, proposed: float) -> float:
    """The share of the untruncated kind after a token with these log-probabilities."""
    share = math.exp(min(0.0, math.log(explore) + masked - proposed))
    # Logits are float32: what is 1 comes out a little less.
    return 1.0 if share > 1.0 - 1e-4 else max(share, 1e-300)


def _search(
    row: LogitRow,
    support: Support,
    params: SamplingParams,
    noise: Noise,
    probe: Probe,
    policy: RajPolicy,
    sure: int | None,
) -> Accepted:
    race = noise.race(row, support)
    if params.greedy:
        return _first(race, probe, policy.max_probes, sure)
    known = None if sure is None else (sure, row.logp(sure))
    return adaptive_rejection(race, probe, policy, sure=known)


def _first(race: Race, probe: Probe, bound: int | None, sure: int | None) -> Accepted:
    """The first token that satisfies `probe`, without a weight."""
    probes = 0
    while probes != bound:
        arrival = race.draw(rebase=True)
        if arrival is None:
            if sure is not None:
                return Accepted(sure, -math.inf, probes, probes)
            return Accepted(-1, -math.inf, probes, probes, exhausted=True)
        token = arrival[0]
        if token == sure:
            return Accepted(token, -math.inf, probes, probes)
        probes += 1
        if probe(token):
            return Accepted(token, -math.inf, probes, probes - 1)
    return Accepted(-1 if sure is None else sure, -math.inf, probes, probes)
