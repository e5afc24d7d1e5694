"""The engines under test, behind one small face.

Each adapter takes the same vocabulary (bytes of every token), compiles a schema, and then writes a
packed mask and commits a token, which is what a server does for every token that it generates.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

# Mistakes of the schemas' authors are not measured.
warnings.filterwarnings("ignore", message=".*did you mean", category=UserWarning)

Mask = npt.NDArray[np.int32]
Notation = Literal["lark", "gbnf", "ebnf"]


@dataclass(frozen=True)
class Tokens:
    """A vocabulary as every engine can read it."""

    path: Path | None
    """The folder of the tokenizer, with a tokenizer.json; None if each of the 256 bytes is the
    token of that number and the end is the only other token."""
    texts: Sequence[bytes | None]
    """The bytes of each token; None for tokens that never stand for text."""
    eos: int


def byte_tokens() -> Tokens:
    """The 256 bytes as a vocabulary: judges texts, whatever a tokenizer would make of them."""
    return Tokens(path=None, texts=[bytes([byte]) for byte in range(256)] + [None], eos=256)


class Stepper(Protocol):
    """One sequence under one compiled schema."""

    def mask(self) -> Mask: ...
    def commit(self, token_id: int) -> bool: ...
    def accepting(self) -> bool: ...


class Engine(Protocol):
    """Compiles schemas and grammars for one vocabulary, built once. Not every engine reads
    grammars."""

    def compile(self, schema: Any) -> Any: ...
    def compile_grammar(self, text: str, notation: Notation) -> Any: ...
    def start(self, compiled: Any) -> Stepper: ...


class Structgen:
    """This project. Soundness comes first: a schema that it cannot enforce does not compile."""

    package = "structgen"
    property_order = "schema"

    def __init__(self, tokens: Tokens) -> None:
        import structgen as sg

        self._sg = sg
        if tokens.path is None:
            self.vocabulary = sg.Vocabulary.from_bytes(tokens.texts, eos_token_ids=[tokens.eos])
        else:
            self.vocabulary = sg.Vocabulary.from_tokenizer_json(
                tokens.path, eos_token_ids=[tokens.eos]
            )
        self._mask = sg.allocate_mask(1, self.vocabulary.size)

    def compile(self, schema: Any) -> Any:
        order = self.property_order
        constraint = self._sg.json_schema(
            schema,
            property_order=order,  # type: ignore[arg-type]
            escapes="all",
            number_spelling="all",
        )
        return constraint.compile(self.vocabulary)

    def compile_grammar(self, text: str, notation: Notation) -> Any:
        from structgen.constraints.grammar import GrammarSource

        source = GrammarSource(text=text, format=notation)
        return self._sg.grammar(source).compile(self.vocabulary)

    def start(self, compiled: Any) -> Stepper:
        return _Structgen(compiled.matcher(), self._mask)


class _Structgen:
    def __init__(self, matcher: Any, mask: Mask) -> None:
        self._matcher = matcher
        self._mask = mask

    def mask(self) -> Mask:
        self._matcher.fill_mask(self._mask, 0)
        return self._mask[0]

    def commit(self, token_id: int) -> bool:
        return bool(self._matcher.advance(token_id))

    def accepting(self) -> bool:
        return bool(self._matcher.is_accepting())


class StructgenAnyOrder(Structgen):
    """Properties in any order; required and unique all the same."""

    property_order = "any"


class Llguidance:
    """guidance-ai/llguidance with its defaults."""

    package = "llguidance"

    def __init__(self, tokens: Tokens) -> None:
        import llguidance
        import llguidance.numpy as on_numpy

        self._llg = llguidance
        self._on_numpy = on_numpy
        self._tokenizer = llguidance.LLTokenizer(
            "byte" if tokens.path is None else str(tokens.path / "tokenizer.json"),
            n_vocab=len(tokens.texts),
            eos_token=tokens.eos,
        )
        self._mask = on_numpy.allocate_token_bitmask(1, len(tokens.texts))

    def compile(self, schema: Any) -> Any:
        return self._matcher(self._llg.LLMatcher.grammar_from_json_schema(json.dumps(schema)))

    def compile_grammar(self, text: str, notation: Notation) -> Any:
        from dialects import for_llguidance, without_undefined
        from llguidance.gbnf_to_lark import gbnf_to_lark

        lark = text if notation == "lark" else gbnf_to_lark(without_undefined(text))
        return self._matcher(self._llg.LLMatcher.grammar_from_lark(for_llguidance(lark)))

    def _matcher(self, grammar: str) -> Any:
        matcher = self._llg.LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return matcher

    def start(self, compiled: Any) -> Stepper:
        return _Llguidance(compiled.deep_copy(), self._mask, self._on_numpy)


class _Llguidance:
    def __init__(self, matcher: Any, mask: Mask, on_numpy: Any) -> None:
        self._matcher = matcher
        self._mask = mask
        self._fill = on_numpy.fill_next_token_bitmask

    def mask(self) -> Mask:
        self._fill(self._matcher, self._mask, 0)
        return self._mask[0]

    def commit(self, token_id: int) -> bool:
        return bool(self._matcher.consume_token(token_id))

    def accepting(self) -> bool:
        return bool(self._matcher.is_accepting())


class Xgrammar:
    """mlc-ai/xgrammar as vLLM and SGLang call it: strict mode, any white space, no cache."""

    package = "xgrammar"
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, tokens: Tokens) -> None:
        import torch
        import xgrammar

        torch.set_num_threads(1)
        info = xgrammar.TokenizerInfo(
            [text if text is not None else b"" for text in tokens.texts],
            vocab_size=len(tokens.texts),
            stop_token_ids=[tokens.eos],
        )
        self._xgr = xgrammar
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self._mask = xgrammar.allocate_token_bitmask(1, len(tokens.texts))

    def compile(self, schema: Any) -> Any:
        return self._compiler.compile_json_schema(
            json.dumps(schema), any_whitespace=True, **self.options
        )

    def compile_grammar(self, text: str, notation: Notation) -> Any:
        from dialects import without_undefined

        if notation == "lark":
            return self._compiler.compile_lark(text)
        return self._compiler.compile_grammar(without_undefined(text))

    def start(self, compiled: Any) -> Stepper:
        return _Xgrammar(
            self._xgr.GrammarMatcher(compiled, terminate_without_stop_token=False), self._mask
        )


class _Xgrammar:
    def __init__(self, matcher: Any, mask: Any) -> None:
        self._matcher = matcher
        self._mask = mask
        self._numpy: Mask = mask.numpy()

    def mask(self) -> Mask:
        if not self._matcher.fill_next_token_bitmask(self._mask, 0):
            self._mask.fill_(-1)
        return self._numpy[0]

    def commit(self, token_id: int) -> bool:
        return bool(self._matcher.accept_token(token_id))

    def accepting(self) -> bool:
        return bool(self._matcher.is_completed())


class XgrammarLoose(Xgrammar):
    """xgrammar at its broadest: additional properties and items where the schema leaves them
    open, properties in any order."""

    options: ClassVar[dict[str, Any]] = {"strict_mode": False, "any_order": True}


class Glrmask:
    """IsaacBreen/glrmask with its defaults."""

    package = "glrmask"

    def __init__(self, tokens: Tokens) -> None:
        import glrmask

        self._glr = glrmask
        self._vocabulary = glrmask.Vocab.from_id_to_bytes(
            {i: text for i, text in enumerate(tokens.texts) if text}
        )
        self._words = (len(tokens.texts) + 31) // 32

    def compile(self, schema: Any) -> Any:
        return self._glr.Grammar.from_json_schema(schema).compile(self._vocabulary)

    def start(self, compiled: Any) -> Stepper:
        words = max(self._words, (compiled.mask_len() + 31) // 32)
        return _Glrmask(compiled.start(), np.zeros(words, dtype=np.int32))


class _Glrmask:
    def __init__(self, state: Any, mask: Mask) -> None:
        self._state = state
        self._mask = mask

    def mask(self) -> Mask:
        self._state.fill_mask(self._mask)
        return self._mask

    def commit(self, token_id: int) -> bool:
        return bool(self._state.commit_token(token_id))

    def accepting(self) -> bool:
        return bool(self._state.is_accepting())


class OutlinesCore:
    """dottxt-ai/outlines-core as Outlines calls it: the schema as one regular expression.

    Nothing bounds its index: a schema that wants too much time or memory ends with the worker.
    """

    package = "outlines_core"

    def __init__(self, tokens: Tokens) -> None:
        import outlines_core

        self._core = outlines_core
        ids: dict[bytes, list[int]] = {}
        for token, text in enumerate(tokens.texts):
            if text:
                ids.setdefault(text, []).append(token)
        self._vocabulary = outlines_core.Vocabulary(tokens.eos, ids)
        self._mask: Mask = np.zeros((len(tokens.texts) + 31) // 32, dtype=np.int32)

    def compile(self, schema: Any) -> Any:
        pattern = self._core.json_schema.build_regex_from_schema(json.dumps(schema))
        return self._core.Index(pattern, self._vocabulary)

    def start(self, compiled: Any) -> Stepper:
        return _OutlinesCore(self._core.Guide(compiled), self._mask)


class _OutlinesCore:
    def __init__(self, guide: Any, mask: Mask) -> None:
        self._guide = guide
        self._mask = mask

    def mask(self) -> Mask:
        mask = self._mask
        self._guide.write_mask_into(mask.ctypes.data, mask.size, mask.itemsize)
        return mask

    def commit(self, token_id: int) -> bool:
        try:
            self._guide.advance(token_id, return_tokens=False)
        except ValueError:
            return False
        return True

    def accepting(self) -> bool:
        return bool(self._guide.is_finished())


ENGINES: dict[str, Any] = {
    "structgen": Structgen,
    "structgen-any": StructgenAnyOrder,
    "llguidance": Llguidance,
    "xgrammar": Xgrammar,
    "xgrammar-loose": XgrammarLoose,
    "glrmask": Glrmask,
    "outlines": OutlinesCore,
}


def version(name: str) -> str:
    """The installed version of an engine."""
    try:
        return metadata.version(ENGINES[name].package)
    except metadata.PackageNotFoundError:  # a checkout on the path, not installed
        return "(checkout)"
