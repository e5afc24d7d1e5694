"""The front door: `generate`, `stream`, `generate_batch`.

    >>> import structgen as sg
    >>> sg.generate("toy", "Tea?", output=["yes", "no"]).value in ("yes", "no")
    True

A request is prepared (model, output and tools resolved, constraint compiled), drawn by one of the
samplers, decoded and parsed. With `max_tokens`, a constrained answer is complete and valid.
"""

from __future__ import annotations

import sys
import types

from structgen.generate.front import answer, generate, generate_batch
from structgen.generate.model import ModelLike, resolve_model
from structgen.generate.options import Options, OptionsDict
from structgen.generate.output import Output, OutputLike, resolve_output
from structgen.generate.prompt import Prompt, described
from structgen.generate.request import Plan, Request, ToolsLike, plan, prepare
from structgen.generate.streaming import Stream, stream
from structgen.models.toy import ToyModel


class _Room(types.ModuleType):
    """This package and its main function share a name: importing the package binds
    ``structgen.generate`` to the module, which may therefore be called as the function."""

    __call__ = staticmethod(generate)


sys.modules[__name__].__class__ = _Room

__all__ = [
    "ModelLike",
    "Options",
    "OptionsDict",
    "Output",
    "OutputLike",
    "Plan",
    "Prompt",
    "Request",
    "Stream",
    "ToolsLike",
    "ToyModel",
    "answer",
    "described",
    "generate",
    "generate_batch",
    "plan",
    "prepare",
    "resolve_model",
    "resolve_output",
    "stream",
]
