"""Constraints: what a text must look like.

Everything here works at text level and knows no vocabulary; ``constraint.compile(vocabulary)``
gives the automaton over tokens. Native constraints (`regex`, `choice`, `json_schema`, `grammar`,
`from_type`, ...) are `TextConstraint`s with an algebra of their own; `predicate` makes any Python
function one, at the price that its mask is only an upper bound.

For servers there is `structgen.constraints.cache.ConstraintCache`, which keeps compiled ones.

    >>> from structgen.constraints import json_schema, regex
    >>> constraint = json_schema({"type": "array", "items": {"enum": ["red", "green"]}})
    >>> constraint.accepts('["red","green"]')
    True
    >>> (regex(r"[a-z]+") & regex(r".{3}")).accepts("abc")
    True
"""

from structgen.constraints.base import TextConstraint, literal, sequence, union
from structgen.constraints.collisions import Collision, collisions
from structgen.constraints.conjunction import conjoin
from structgen.constraints.grammar import GrammarSource, grammar, load_ir, load_source
from structgen.constraints.native import choice, regex, special_token
from structgen.constraints.predicate import Predicate, predicate
from structgen.constraints.protocol import Compiled, Constraint, Matcher
from structgen.constraints.python_types import parse, schema_of_signature, schema_of_type
from structgen.constraints.schema import from_signature, from_type, json_schema, json_value
from structgen.constraints.shipped import shipped_grammars
from structgen.constraints.substring import substring

__all__ = [
    "Collision",
    "Compiled",
    "Constraint",
    "GrammarSource",
    "Matcher",
    "Predicate",
    "TextConstraint",
    "choice",
    "collisions",
    "conjoin",
    "from_signature",
    "from_type",
    "grammar",
    "json_schema",
    "json_value",
    "literal",
    "load_ir",
    "load_source",
    "parse",
    "predicate",
    "regex",
    "schema_of_signature",
    "schema_of_type",
    "sequence",
    "shipped_grammars",
    "special_token",
    "substring",
    "union",
]
