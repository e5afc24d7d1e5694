"""Vocabularies of tokenizer objects of `transformers` and `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

from structgen._core import Vocabulary
from structgen.errors import VocabularyError
from structgen.vocabulary import pieces, sentencepiece, tekken
from structgen.vocabulary.table import TableBuilder, TokenTable
from structgen.vocabulary.tokenizer_json import assemble, model_pieces


@runtime_checkable
class _AddedToken(Protocol):
    """A token added to a model's own, as `tokenizers` describes it."""

    @property
    def content(self) -> str: ...
    @property
    def special(self) -> bool: ...


@runtime_checkable
class _Backend(Protocol):
    """What is read of a `tokenizers.Tokenizer`."""

    @property
    def model(self) -> object: ...
    @property
    def decoder(self) -> object: ...
    @property
    def normalizer(self) -> object: ...
    @property
    def pre_tokenizer(self) -> object: ...
    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]: ...
    def get_added_tokens_decoder(self) -> Mapping[int, _AddedToken]: ...


def from_transformers(
    tokenizer: object,
    *,
    eos_token_ids: Sequence[int] | None = None,
    size: int | None = None,
) -> Vocabulary:
    """The vocabulary of a tokenizer object of `transformers`, or of a `tokenizers.Tokenizer`.

    Args:
        tokenizer: fast (`tokenizers` behind it), SentencePiece, Mistral or byte-level slow one.
        eos_token_ids: all ids that end an answer; chat models often have several. Default: the
            tokenizer's own end token.
        size: width of the model's logits, where it differs from the number of tokens.

    How a token's spelling becomes bytes is read from the tokenizer's decoder, not guessed from
    names. Takes about a second for 262,144 tokens. Raises `VocabularyError` for tokenizers whose
    tokens have no bytes of their own (WordPiece, CTC, characters).
    """
    return table_of(tokenizer).build(eos_token_ids=eos_token_ids, size=size)


def table_of(tokenizer: object) -> TokenTable:
    """Tokens, special tokens and end tokens of a tokenizer object."""
    if isinstance(tokenizer, _Backend):
        return _backend_table(tokenizer)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    table = _backend_table(backend) if isinstance(backend, _Backend) else _slow_table(tokenizer)
    return _with_declared(table, tokenizer)


def _backend_table(backend: _Backend) -> TokenTable:
    # Components serialise one by one; the whole tokenizer would write its merges too (a second).
    model = backend.model
    unknown = getattr(model, "unk_token", None)
    fallback = bool(getattr(model, "byte_fallback", False))
    if type(model).__name__ == "Unigram":
        # Neither is an attribute; the state has them, and no merges.
        state = cast(Mapping[str, pieces.Json], _state(model))
        unknown, fallback = model_pieces(state)[1], bool(state.get("byte_fallback"))
    tokenizer: dict[str, pieces.Json] = {
        "model": {"byte_fallback": fallback},
        "decoder": _state(backend.decoder),
        "normalizer": _state(backend.normalizer),
        "pre_tokenizer": _state(backend.pre_tokenizer),
    }
    for affix in ("continuing_subword_prefix", "end_of_word_suffix"):
        if type(model).__name__ == "BPE" and getattr(model, affix, None):
            raise VocabularyError(
                f"the tokenizer's BPE model has `{affix}` = {getattr(model, affix)!r}; word-bound "
                "pieces have no bytes of their own"
            )
    added = [(i, t.content, t.special) for i, t in backend.get_added_tokens_decoder().items()]
    return assemble(
        backend.get_vocab(with_added_tokens=False).items(),
        added,
        tokenizer,
        unknown=unknown if isinstance(unknown, str) else None,
    )


def _state(component: object) -> pieces.Json:
    if component is None:
        return None
    state = getattr(component, "__getstate__", lambda: None)()
    if not isinstance(state, (bytes, str)):
        raise VocabularyError(f"the tokenizer's {type(component).__name__} is not serialisable")
    return cast(pieces.Json, json.loads(state))


def _slow_table(tokenizer: object) -> TokenTable:
    """Tokens of tokenizers that are not backed by the `tokenizers` package."""
    processor = getattr(tokenizer, "sp_model", None)
    if isinstance(processor, sentencepiece.SentencePiece):
        return _sentencepiece_table(tokenizer, processor)
    alphabet = getattr(tokenizer, "byte_decoder", None)
    if isinstance(alphabet, Mapping):
        return _byte_level_table(tokenizer, cast(Mapping[str, int], alphabet))
    inner = getattr(tokenizer, "tokenizer", None)  # transformers' wrap of mistral_common
    inner = getattr(getattr(inner, "instruct_tokenizer", None), "tokenizer", None)
    if isinstance(inner, tekken.Tekkenizer):
        return tekken.table_of(inner)
    processor = getattr(inner, "_model", None)
    if isinstance(processor, sentencepiece.SentencePiece):
        return sentencepiece.table_of(processor)
    raise VocabularyError(
        f"a {type(tokenizer).__name__} cannot be read as a vocabulary: it has neither a "
        "`backend_tokenizer` (fast tokenizers), nor an `sp_model` (SentencePiece), nor a "
        "`byte_decoder` (byte-level BPE)",
        hint="load it with AutoTokenizer, or give its tokens to `from_bytes`",
    )


def _sentencepiece_table(tokenizer: object, processor: sentencepiece.SentencePiece) -> TokenTable:
    """Some models (XLM-R, CamemBERT, ...) shift the ids of their SentencePiece file, so ids are
    looked up by spelling through the tokenizer."""
    own = sentencepiece.table_of(processor)
    ids = _convert(tokenizer, [processor.id_to_piece(i) for i in range(len(own.tokens))])
    builder = TableBuilder()
    names = {i: name for name, i in own.special_tokens.items()}
    for i, (token_id, text) in enumerate(zip(ids, own.tokens, strict=True)):
        if i in names:
            if token_id >= 0:
                builder.special(token_id, names[i])
        elif token_id >= 0 and text is not None:
            builder.text(token_id, text)
    _add(builder, tokenizer, pieces.sentencepiece)
    return builder.table()


def _byte_level_table(tokenizer: object, alphabet: Mapping[str, int]) -> TokenTable:
    builder = TableBuilder()
    vocab = cast(Mapping[str, int], getattr(tokenizer, "encoder", None) or {})
    for piece, token_id in vocab.items():
        try:
            builder.text(token_id, bytes(alphabet[c] for c in piece))
        except KeyError:
            builder.text(token_id, piece.encode())
    _add(builder, tokenizer, pieces.content)
    return builder.table()


def _add(builder: TableBuilder, tokenizer: object, decode: pieces.PieceDecoder) -> None:
    """Added tokens, by the rule of `structgen.vocabulary.pieces`."""
    added = cast(Mapping[int, object], getattr(tokenizer, "added_tokens_decoder", {}))
    for token_id, token in added.items():
        if not isinstance(token, _AddedToken):
            builder.text(token_id, decode(str(token)))
        elif token.special:
            builder.special(token_id, token.content)
        else:
            builder.text(token_id, decode(token.content))


def _convert(tokenizer: object, tokens: list[str]) -> list[int]:
    convert = getattr(tokenizer, "convert_tokens_to_ids", None)
    if convert is None:
        raise VocabularyError(f"a {type(tokenizer).__name__} does not tell the ids of its tokens")
    unknown = getattr(tokenizer, "unk_token_id", None)
    unknown_name = getattr(tokenizer, "unk_token", None)
    ids = cast(Iterable[int | None], convert(tokens))
    return [
        -1 if i is None or (i == unknown and token != unknown_name) else i
        for i, token in zip(ids, tokens, strict=True)
    ]


def _with_declared(table: TokenTable, tokenizer: object) -> TokenTable:
    """Add the roles (end, begin, ...) that a `transformers` tokenizer declares by name."""
    special = dict(table.special_tokens)
    ids = cast(Sequence[int], getattr(tokenizer, "all_special_ids", ()))
    names = cast(Sequence[str], getattr(tokenizer, "all_special_tokens", ()))
    roles = [getattr(tokenizer, f"{role}_token_id", None) for role in ("bos", "eos", "sep", "cls")]
    for i, name in zip(ids, names, strict=False):
        # A padding token may be borrowed from ordinary text ("!"); that stays text.
        if i in roles:
            special[str(name)] = i
    end = getattr(tokenizer, "eos_token_id", None)
    ends = table.eos_token_ids
    if type(end) is int:
        ends = (end, *ends)
    return TokenTable(tokens=table.tokens, special_tokens=special, eos_token_ids=tuple(ends))
