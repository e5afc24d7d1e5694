"""structgen: language models that write what a grammar, a schema or a program allows.

    import structgen as sg

    person = sg.generate("default", "A person:", output=Person, max_tokens=200).value

Constraints describe text (`json_schema`, `regex`, `choice`, `grammar`, `from_type`, `predicate`,
and their algebra ``& | +``). Compiled for a `Vocabulary` they say which tokens may come next:

    matcher = sg.json_schema(schema).compile(vocabulary).matcher()
    mask = sg.allocate_mask(1, vocabulary.size)
    matcher.fill_mask(mask, 0)

`generate`, `stream` and `generate_batch` join a constraint with a model and a sampler. Names are
imported when they are first used: ``import structgen`` costs milliseconds and loads no model
library.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structgen._core import Automaton as Automaton
    from structgen._core import CancelToken as CancelToken
    from structgen._core import Limits as Limits
    from structgen._core import Matcher as Matcher
    from structgen._core import Program as Program
    from structgen._core import Vocabulary as Vocabulary
    from structgen._core import __version__ as __version__
    from structgen.constraints import TextConstraint as TextConstraint
    from structgen.constraints import choice as choice
    from structgen.constraints import from_signature as from_signature
    from structgen.constraints import from_type as from_type
    from structgen.constraints import grammar as grammar
    from structgen.constraints import json_schema as json_schema
    from structgen.constraints import literal as literal
    from structgen.constraints import predicate as predicate
    from structgen.constraints import regex as regex
    from structgen.constraints import sequence as sequence
    from structgen.constraints import shipped_grammars as shipped_grammars
    from structgen.constraints import special_token as special_token
    from structgen.constraints import substring as substring
    from structgen.constraints import union as union
    from structgen.constraints.cache import ConstraintCache as ConstraintCache
    from structgen.errors import BackendError as BackendError
    from structgen.errors import Cancelled as Cancelled
    from structgen.errors import ConstraintError as ConstraintError
    from structgen.errors import DeadEnd as DeadEnd
    from structgen.errors import EmptyLanguageError as EmptyLanguageError
    from structgen.errors import GenerationError as GenerationError
    from structgen.errors import GenerationTimeout as GenerationTimeout
    from structgen.errors import GrammarSyntaxError as GrammarSyntaxError
    from structgen.errors import InexactTypeWarning as InexactTypeWarning
    from structgen.errors import LimitExceeded as LimitExceeded
    from structgen.errors import MatcherFinished as MatcherFinished
    from structgen.errors import MissingExtraError as MissingExtraError
    from structgen.errors import OptionError as OptionError
    from structgen.errors import OptionTypeError as OptionTypeError
    from structgen.errors import OptionValueError as OptionValueError
    from structgen.errors import ParseError as ParseError
    from structgen.errors import RegexSyntaxError as RegexSyntaxError
    from structgen.errors import SchemaError as SchemaError
    from structgen.errors import SchemaWarning as SchemaWarning
    from structgen.errors import StructgenError as StructgenError
    from structgen.errors import StructgenWarning as StructgenWarning
    from structgen.errors import TokenBudgetError as TokenBudgetError
    from structgen.errors import TokenRejected as TokenRejected
    from structgen.errors import ToolFormatWarning as ToolFormatWarning
    from structgen.errors import UnresolvedReferenceError as UnresolvedReferenceError
    from structgen.errors import UnsupportedFeatureError as UnsupportedFeatureError
    from structgen.errors import UnsupportedSchemaError as UnsupportedSchemaError
    from structgen.errors import ValidationFailed as ValidationFailed
    from structgen.errors import VocabularyError as VocabularyError
    from structgen.generate import Stream as Stream
    from structgen.generate import generate as generate
    from structgen.generate import generate_batch as generate_batch
    from structgen.generate import stream as stream
    from structgen.masks import allocate_mask as allocate_mask
    from structgen.masks import allowed_tokens as allowed_tokens
    from structgen.masks import fill_masks as fill_masks
    from structgen.masks import fill_tree_masks as fill_tree_masks
    from structgen.models import load as load
    from structgen.tools import ToolSet as ToolSet
    from structgen.types import Failed as Failed
    from structgen.types import Generation as Generation
    from structgen.types import Ledger as Ledger
    from structgen.types import Particles as Particles
    from structgen.types import SpeculationStats as SpeculationStats

_HOMES = {
    "structgen._core": (
        "Automaton", "CancelToken", "Limits", "Matcher", "Program", "Vocabulary", "__version__",
    ),
    "structgen.constraints": (
        "TextConstraint", "choice", "from_signature", "from_type", "grammar", "json_schema",
        "literal", "predicate", "regex", "sequence", "shipped_grammars",
        "special_token", "substring", "union",
    ),
    "structgen.constraints.cache": ("ConstraintCache",),
    "structgen.errors": (
        "BackendError", "Cancelled", "ConstraintError", "DeadEnd", "EmptyLanguageError",
        "GenerationError", "GenerationTimeout", "GrammarSyntaxError", "InexactTypeWarning",
        "LimitExceeded", "MatcherFinished", "MissingExtraError", "OptionError", "OptionTypeError",
        "OptionValueError", "ParseError", "RegexSyntaxError", "SchemaError", "SchemaWarning",
        "StructgenError", "StructgenWarning", "TokenBudgetError", "TokenRejected",
        "ToolFormatWarning", "UnresolvedReferenceError", "UnsupportedFeatureError",
        "UnsupportedSchemaError", "ValidationFailed", "VocabularyError",
    ),
    "structgen.generate": ("Stream", "generate", "generate_batch", "stream"),
    "structgen.masks": ("allocate_mask", "allowed_tokens", "fill_masks", "fill_tree_masks"),
    "structgen.models": ("load",),
    "structgen.tools": ("ToolSet",),
    "structgen.types": ("Failed", "Generation", "Ledger", "Particles", "SpeculationStats"),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'structgen' has no attribute {name!r}") from None
    try:
        value: object = getattr(importlib.import_module(home), name)
    except ModuleNotFoundError as error:
        if error.name == "structgen._core":
            raise _missing_core() from error
        raise
    globals()[name] = value
    return value


def _missing_core() -> ImportError:
    """The compiled module is not there for this interpreter: why, and what to do."""
    import sysconfig

    this = f"Python {sys.version.split()[0]} on {sys.platform}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        why = "free-threaded interpreters cannot load the module that is built for the others"
    else:
        why = "the package was built for another platform, or its folder was copied without it"
    return ImportError(
        f"the compiled module `structgen._core` is not there for {this}: {why}\n\n"
        "hint: install it from source with this interpreter: "
        "pip install --no-binary structgen structgen (needs a Rust toolchain)"
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


__all__ = [
    "Automaton",
    "BackendError",
    "CancelToken",
    "Cancelled",
    "ConstraintCache",
    "ConstraintError",
    "DeadEnd",
    "EmptyLanguageError",
    "Failed",
    "Generation",
    "GenerationError",
    "GenerationTimeout",
    "GrammarSyntaxError",
    "InexactTypeWarning",
    "Ledger",
    "LimitExceeded",
    "Limits",
    "Matcher",
    "MatcherFinished",
    "MissingExtraError",
    "OptionError",
    "OptionTypeError",
    "OptionValueError",
    "ParseError",
    "Particles",
    "Program",
    "RegexSyntaxError",
    "SchemaError",
    "SchemaWarning",
    "SpeculationStats",
    "Stream",
    "StructgenError",
    "StructgenWarning",
    "TextConstraint",
    "TokenBudgetError",
    "TokenRejected",
    "ToolFormatWarning",
    "ToolSet",
    "UnresolvedReferenceError",
    "UnsupportedFeatureError",
    "UnsupportedSchemaError",
    "ValidationFailed",
    "Vocabulary",
    "VocabularyError",
    "__version__",
    "allocate_mask",
    "allowed_tokens",
    "choice",
    "fill_masks",
    "fill_tree_masks",
    "from_signature",
    "from_type",
    "generate",
    "generate_batch",
    "grammar",
    "json_schema",
    "literal",
    "load",
    "predicate",
    "regex",
    "sequence",
    "shipped_grammars",
    "special_token",
    "stream",
    "substring",
    "union",
]
