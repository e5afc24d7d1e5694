"""Models of Hugging Face `transformers`, with key-value caches that branch."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

from structgen._core import Vocabulary
from structgen.errors import BackendError, MissingExtraError
from structgen.models.protocol import Message
from structgen.vocabulary import from_transformers

if TYPE_CHECKING:
    import torch

    from structgen.models.session import Network, TransformersSession


class _Tokenizer(Protocol):
    """What is used of a tokenizer of `transformers`."""

    @property
    def eos_token_id(self) -> int | None: ...
    @property
    def bos_token_id(self) -> int | None: ...
    @property
    def chat_template(self) -> object: ...
    def encode(self, text: str, /, *, add_special_tokens: bool) -> list[int]: ...
    def apply_chat_template(
        self,
        conversation: Sequence[Message],
        /,
        *,
        tools: Sequence[Mapping[str, object]] | None,
        add_generation_prompt: bool,
        continue_final_message: bool,
        tokenize: bool,
    ) -> object: ...


class _Model(Protocol):
    """What is used of a model of `transformers`."""

    @property
    def config(self) -> object: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def forward(self) -> Callable[..., object]: ...
    def eval(self) -> object: ...
    def to(self, *args: object, **kwargs: object) -> object: ...
    def get_output_embeddings(self) -> object: ...


class TransformersModel:
    """A causal language model of `transformers` with its tokenizer, as a `LanguageModel`.

    Args:
        model: decoder-only, on the eager or SDPA attention kernels (others take no tree masks).
        tokenizer: the model's; fast, SentencePiece or Mistral.
        device: move the model there, e.g. ``"cuda"``; None leaves it where it is.
        dtype: convert the model, e.g. ``"float32"``; None leaves it as it is. Logits are given
            out in float32 whatever the model computes in.
        name: for people; default: where the model was loaded from.
        eos_token_ids: ids that end an answer; default: those of the model's generation
            configuration and of the tokenizer.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        BackendError: the model's layers cannot be driven with token trees.
        VocabularyError: the tokenizer cannot be read.
    """

    def __init__(
        self,
        model: object,
        tokenizer: object,
        *,
        device: str | None = None,
        dtype: str | None = None,
        name: str | None = None,
        eos_token_ids: Sequence[int] | None = None,
    ) -> None:
        self._model = cast(_Model, model)
        self._tokenizer = cast(_Tokenizer, tokenizer)
        self._name = name or _origin(self._model) or type(model).__name__
        if device is not None or dtype is not None:
            self._model.to(**_placement(device, dtype))
        self._model.eval()
        self._network = _network(self._model, self._name)
        if eos_token_ids is None:
            eos_token_ids = end_tokens(self._model, self._tokenizer)
        self._vocabulary = from_transformers(
            tokenizer, eos_token_ids=eos_token_ids or None, size=self._network.width
        )

    @property
    def name(self) -> str:
        """What the model is called."""
        return self._name

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens; its `size` is the width of the model's logits."""
        return self._vocabulary

    @property
    def model(self) -> object:
        """The model of `transformers` itself."""
        return self._model

    @property
    def has_chat_template(self) -> bool:
        """Whether the tokenizer has a chat template: whether it is made for conversations."""
        return bool(self._tokenizer.chat_template)

    @property
    def tokenizer(self) -> object:
        """The tokenizer of `transformers` itself."""
        return self._tokenizer

    def __repr__(self) -> str:
        return f"TransformersModel({self._name!r})"

    def encode(self, text: str, /) -> list[int]:
        """Canonical token ids of `text` as it stands inside a longer text: no special tokens
        around it, none read out of it, no space put before it."""
        if not text:
            return []
        if not self._puts_space:
            return self._plain_ids(text)
        # SentencePiece puts a space before a text. Behind a newline it does not, and what the
        # newline became can be cut off again, unless it merged with the text.
        ids = self._plain_ids("\n" + text)
        for count in range(1, len(ids) + 1):
            head = self._vocabulary.decode(ids[:count])
            if head in (b"\n", b" \n"):
                return ids[count:]
            if len(head) > 2:
                break
        return self._vocabulary.longest_match(text.encode())

    def decode(self, token_ids: Sequence[int], /) -> str:
        """Text of `token_ids`, special tokens left out; bytes that are not UTF-8 become U+FFFD."""
        return self._vocabulary.decode(list(token_ids)).decode("utf-8", "replace")

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        """Token ids of a prompt.

        A string is taken as it is, special tokens spelled in it included, behind the leading
        special tokens that the tokenizer adds. Messages go through the chat template, up to where
        the answer begins; if the last one is the assistant's, the answer continues it. `tools` are
        given to the template; if the template does not show them, they are told in the system
        message.
        """
        if isinstance(prompt, str):
            if tools:
                raise BackendError(
                    "a prompt that is a string has no place for tools",
                    hint="give messages: [{'role': 'user', 'content': ...}]",
                )
            return self._with_leading_tokens(prompt)
        return list(
            self._tokenizer.encode(self._chat_text(prompt, tools), add_special_tokens=False)
        )

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> TransformersSession:
        """A session after `prompt_ids`, which go through the model once, whatever `rows` is."""
        from structgen.models.session import TransformersSession

        return TransformersSession(self._network, prompt_ids, rows=rows)

    @cached_property
    def _puts_space(self) -> bool:
        return self._vocabulary.decode(self._plain_ids("a")) != b"a"

    def _plain_ids(self, text: str) -> list[int]:
        encode = cast(Callable[..., list[int]], self._tokenizer.encode)
        return list(encode(text, add_special_tokens=False, split_special_tokens=True))

    def _with_leading_tokens(self, text: str) -> list[int]:
        bare = list(self._tokenizer.encode(text, add_special_tokens=False))
        full = list(self._tokenizer.encode(text, add_special_tokens=True))
        # Some tokenizers put an end token after a text too, where nothing could follow.
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                ids = full[: start + len(bare)]
                break
        else:
            ids = full
        if not ids and self._tokenizer.bos_token_id is not None:
            return [self._tokenizer.bos_token_id]
        return ids

    def _chat_text(self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]]) -> str:
        if not messages:
            raise BackendError("the conversation has no messages")
        if not self._tokenizer.chat_template:
            raise BackendError(
                f"the tokenizer of `{self._name}` has no chat template",
                hint="give the prompt as a string, in the form the model was trained on",
            )
        text = self._render(messages, tools)
        if tools and text == self._render(messages, ()):
            text = self._render(_told_of(messages, tools), ())
        return text

    def _render(self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]]) -> str:
        continues = messages[-1].get("role") == "assistant"
        try:
            text = self._tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                tools=[dict(tool) for tool in tools] or None,
                add_generation_prompt=not continues,
                continue_final_message=continues,
                tokenize=False,
            )
        except Exception as error:  # templates are programs of their own, and raise what they like
            raise BackendError(f"the chat template of `{self._name}` failed: {error}") from error
        return str(text)


def end_tokens(model: object, tokenizer: object) -> list[int]:
    """Ids that end an answer, as the model's generation configuration and its tokenizer say."""
    config = getattr(model, "generation_config", None)
    ids: list[int] = []
    for found in (
        getattr(tokenizer, "eos_token_id", None),
        getattr(config, "eos_token_id", None),
    ):
        listed = cast(Sequence[object], found) if isinstance(found, (list, tuple)) else [found]
        ids.extend(i for i in listed if isinstance(i, int))
    return list(dict.fromkeys(ids))


def _told_of(messages: Sequence[Message], tools: Sequence[Mapping[str, object]]) -> list[Message]:
    """The messages with the tools described in the system message."""
    listing = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    told = f"You can call these tools, described as JSON:\n{listing}"
    first, *rest = messages
    content = first.get("content")
    if first.get("role") == "system" and isinstance(content, str):
        return [{**first, "content": f"{content}\n\n{told}"}, *rest]
    return [{"role": "system", "content": told}, *messages]


def _origin(model: _Model) -> str:
    return str(getattr(model.config, "_name_or_path", "") or "")


def _placement(device: str | None, dtype: str | None) -> dict[str, object]:
    placement: dict[str, object] = {}
    if device is not None:
        placement["device"] = device
    if dtype is not None:
        placement["dtype"] = torch_dtype(dtype)
    return placement


def torch_dtype(name: str) -> object:
    """The floating-point type of torch called `name`."""
    torch = import_torch()
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise BackendError(
            f"there is no floating-point type `{name}`; usual are float32, bfloat16 and float16"
        )
    return found


def import_torch():
    """The torch module, or an error that says how to get it."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError.of(error, "torch", extra="transformers") from error
    return torch


def import_transformers():
    """The transformers module, or an error that says how to get it."""
    try:
        import transformers
        import transformers.utils.logging  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtraError.of(error, "transformers", extra="transformers") from error
    return transformers


def _network(model: _Model, name: str) -> Network:
    import_torch()
    import_transformers()
    from structgen.models.attention import sight_of
    from structgen.models.session import Network, Output

    config = model.config
    text_config = getattr(config, "get_text_config", lambda: config)()
    head = model.get_output_embeddings()
    weight = getattr(head, "weight", None)
    width = getattr(head, "out_features", None) or (
        weight.shape[0] if weight is not None else getattr(text_config, "vocab_size", None)
    )
    if not isinstance(width, int):
        raise BackendError(f"`{name}` has no output layer over a vocabulary")
    positions = getattr(text_config, "max_position_embeddings", None)
    parameters = inspect.signature(model.forward).parameters
    return Network(
        forward=cast(Callable[..., Output], model),
        device=model.device,
        dtype=model.dtype,
        width=width,
        max_positions=positions if isinstance(positions, int) and positions > 0 else None,
        sight=sight_of(text_config, name),
        keeps_logits="logits_to_keep" in parameters,
        # Newer releases of transformers say `cache`.
        cache_name="cache" if "cache" in parameters else "past_key_values",
    )
