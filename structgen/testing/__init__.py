"""Laws, toy constraints, exact enumeration and statistical tests.

For people who write their own constraints, models or samplers and want them checked against the
same laws as structgen's own:

    from structgen.testing import check_matcher
    check_matcher(compiled.matcher, seed=0)

See also `structgen.models.toy.MarkovModel`, a model whose probabilities can be enumerated.
"""

from structgen.testing.exact import ExactModel, Law, enumerate_law, graph_evidence
from structgen.testing.graph import GraphMatcher, TokenGraph, finite_language, random_graph
from structgen.testing.laws import allowed_tokens, check_matcher
from structgen.testing.stats import (
    chi_square,
    chi_square_sf,
    log_mean_exp,
    mean_test,
    normal_two_sided,
    proper_weights,
)

__all__ = [
    "ExactModel",
    "GraphMatcher",
    "Law",
    "TokenGraph",
    "allowed_tokens",
    "check_matcher",
    "chi_square",
    "chi_square_sf",
    "enumerate_law",
    "finite_language",
    "graph_evidence",
    "log_mean_exp",
    "mean_test",
    "normal_two_sided",
    "proper_weights",
    "random_graph",
]
