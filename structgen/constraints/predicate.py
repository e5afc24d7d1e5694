"""Any Python function as a constraint, with prefix semantics.

There is no automaton behind a Python function: `PredicateMatcher.fill_mask` is only an upper
bound (every token that stands for text, and the end where the text is complete), `exactness` is
``"probe"``, and a sampler asks `allows` for the few tokens that it considers.

Text is made of bytes: a token may end inside a code point. The undecodable rest, at most three
bytes, is held back; a function on text sees whole characters only. What the rest can become is
asked ahead (`structgen.constraints.characters`): a token that leaves a rest is refused where the
function refuses every character that the vocabulary can make of it, and the mask of the position
after it holds the tokens whose first bytes continue the rest, and no others. A function on bytes
(``on="bytes"``) sees the rest itself and is asked nothing ahead.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from structgen._core import Limits, Vocabulary
from structgen.constraints.characters import Continuations, continuations, extend_text
from structgen.constraints.conjunction import Composable, check_vocabulary
from structgen.constraints.reading import PLAIN, Reading
from structgen.types import Exactness

TextPredicate: TypeAlias = Callable[[str], bool]
TokensPredicate: TypeAlias = Callable[[tuple[int, ...]], bool]
BytesPredicate: TypeAlias = Callable[[bytes], bool]
On: TypeAlias = Literal["text", "bytes", "tokens"]

_VERDICTS_KEPT = 65_536
"""Remembered verdicts per compiled predicate: enough for a few hundred candidates at each of a
few hundred steps. Keys are digests, so that long texts cost no memory: about 10 MB at most."""
_VERDICT_BYTES = 150
"""Of one: a digest of 49 bytes, and its place in an ordered dict."""

_LOOKAHEAD = 4_096
"""Characters that a function is asked about, at most, before a token that ends inside one of them
is refused: all that two bytes of four, or one of three, can become. One byte of four can become
196,608; after this many refusals it is let pass, undecided."""


@dataclass(frozen=True, slots=True)
class _Position:
    """What was committed so far. Short-lived: a matcher keeps one, and marks to go back to."""

    text: str
    pending: bytes
    tokens: tuple[int, ...]


class _Judge:
    """The functions with their memory. Shared by all matchers of one compiled predicate."""

    def __init__(
        self,
        fn: Callable[..., bool],
        complete: Callable[..., bool] | None,
        on: On,
    ) -> None:
        self._fn = fn
        self._complete = complete
        self._on = on
        self._verdicts: OrderedDict[bytes, bool] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return _Judge, (self._fn, self._complete, self._on)

    @property
    def nbytes(self) -> int:
        return len(self._verdicts) * _VERDICT_BYTES

    def may_continue(self, position: _Position, continuations: Continuations) -> bool:
        if not self._ask(self._fn, b"f", position):
            return False
        if not position.pending or self._on != "text":
            return True
        return self._remembered(
            self._key(b"r" + position.pending, position),
            lambda: self._may_become(position, continuations),
        )

    def _may_become(self, position: _Position, continuations: Continuations) -> bool:
        """Whether the function allows a character that the bytes held back can become; True if
        that is not decided after `_LOOKAHEAD` of them."""
        for asked, more in enumerate(continuations.texts_after(position.pending)):
            if asked == _LOOKAHEAD:
                return True
            try:
                if self._fn(position.text + more):
                    return True
            except Exception:
                # Nobody has drawn this text: if somebody does, the exception reaches them.
                return True
        return False

    def is_complete(self, position: _Position) -> bool:
        if position.pending:
            return False
        if self._complete is None:
            return self._ask(self._fn, b"f", position)
        return self._ask(self._complete, b"c", position)

    def _seen(self, position: _Position) -> str | bytes | tuple[int, ...]:
        if self._on == "text":
            return position.text
        if self._on == "bytes":
            return position.text.encode("utf-8") + position.pending
        return position.tokens

    def _key(self, which: bytes, position: _Position) -> bytes:
        seen = self._seen(position)
        if isinstance(seen, str):
            octets = seen.encode("utf-8")
        else:
            octets = seen if isinstance(seen, bytes) else np.array(seen, np.int64).tobytes()
        return blake2b(octets, digest_size=16, person=which).digest()

    def _ask(self, fn: Callable[..., bool], which: bytes, position: _Position) -> bool:
        def judge() -> bool:
            seen = self._seen(position)
            try:
                return bool(fn(seen))
            except Exception as error:
                error.add_note(f"raised by the predicate {_name_of(fn)} on {seen!r:.200}")
                raise

        return self._remembered(self._key(which, position), judge)

    def _remembered(self, key: bytes, judge: Callable[[], bool]) -> bool:
        with self._lock:
            if key in self._verdicts:
                self._verdicts.move_to_end(key)
                return self._verdicts[key]
        verdict = judge()
        with self._lock:
            self._verdicts[key] = verdict
            while len(self._verdicts) > _VERDICTS_KEPT:
                self._verdicts.popitem(last=False)
        return verdict


def _name_of(fn: object) -> str:
    return str(getattr(fn, "__qualname__", None) or repr(fn))


class Predicate(Composable[str]):
    """A Python function as a constraint. Build it with `predicate`.

    It, what it compiles to, and matchers can be pickled where the functions can: those of a module
    by their names, lambdas not at all. Verdicts are not pickled.
    """

    __slots__ = ("_complete", "_fn", "_on")

    def __init__(
        self,
        fn: Callable[..., bool],
        *,
        on: On,
        complete: Callable[..., bool] | None,
    ) -> None:
        self._fn = fn
        self._on: On = on
        self._complete = complete

    @property
    def exactness(self) -> Exactness:
        return "probe"

    @property
    def reading(self) -> Reading[str]:
        """The text itself."""
        return PLAIN

    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> CompiledPredicate:
        """Bind to a vocabulary. `limits` have no say over Python code."""
        del limits
        check_vocabulary(vocabulary)
        return CompiledPredicate(vocabulary, _Judge(self._fn, self._complete, self._on))

    def __repr__(self) -> str:
        return f"<Predicate {_name_of(self._fn)}>"


def predicate(
    fn: Callable[..., bool],
    *,
    on: On = "text",
    complete: Callable[..., bool] | None = None,
) -> Predicate:
    """Texts whose every prefix satisfies `fn`.

    Args:
        fn: says of the text so far whether it may still be completed. It should be *prefix
            closed* (true of a text, true of its prefixes): a prefix is never asked again.
            It is called with a `str`; with ``on="bytes"`` with its bytes, which may end inside a
            character; with ``on="tokens"`` with the tuple of token ids so far. It must be a
            function of its argument alone: verdicts are remembered, and a function on text is also
            asked about characters that a token ending inside one of them could become.
        on: what `fn` and `complete` look at.
        complete: says whether the text so far may end here; default: wherever `fn` holds.

    Exceptions of the functions reach the caller, with a note that names the function. Special
    tokens are not text and never allowed. The cost is one call of `fn` for each new candidate, and
    up to 4,096 for one that ends inside a character none of which it allows; `complete` is called
    where nothing else that it is joined with forbids the end.
    """
    if on not in ("text", "bytes", "tokens"):
        raise ValueError(f'`on` must be "text", "bytes" or "tokens", not {on!r}')
    return Predicate(fn, on=on, complete=complete)


class CompiledPredicate:
    """A predicate bound to a vocabulary."""

    __slots__ = ("_continuations", "_judge", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary, judge: _Judge) -> None:
        self._vocabulary = vocabulary
        self._judge = judge
        self._continuations = continuations(vocabulary)

    def __reduce__(self) -> tuple[object, ...]:
        return CompiledPredicate, (self._vocabulary, self._judge)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def exactness(self) -> Exactness:
        return "probe"

    @property
    def nbytes(self) -> int:
        """About how many bytes the remembered verdicts take."""
        return self._judge.nbytes

    def matcher(self) -> PredicateMatcher:
        """A matcher at the empty text."""
        return PredicateMatcher(self._vocabulary, self._judge, self._continuations)


_State: TypeAlias = tuple[str, bytes, list[int], list[tuple[int, bytes]], bool]
"""Of a pickled matcher: its text, the bytes held back, tokens, marks, and whether it ended."""


class PredicateMatcher:
    """One sequence's position under a predicate."""

    __slots__ = ("_continuations", "_ended", "_eos", "_judge", "_marks", "_pending", "_text",
                 "_tokens", "_vocabulary")  # fmt: skip

    def __init__(self, vocabulary: Vocabulary, judge: _Judge, continuations: Continuations) -> None:
        self._vocabulary = vocabulary
        self._judge = judge
        self._continuations = continuations
        self._eos = vocabulary.eos_token_ids
        self._text = ""
        self._pending = b""
        self._tokens: list[int] = []
        # Before each committed text token: the length of the text, and the bytes held back.
        self._marks: list[tuple[int, bytes]] = []
        self._ended = False

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def exactness(self) -> Exactness:
        return "probe"

    @property
    def tokens(self) -> list[int]:
        return self._tokens.copy()

    def _here(self) -> _Position:
        return _Position(self._text, self._pending, tuple(self._tokens))

    def _after(self, token_id: int) -> _Position | None:
        """The position after a text token, None if the token is not allowed here."""
        if not 0 <= token_id < self._vocabulary.size:
            return None
        words = self._continuations.mask(self._pending)
        if not (int(words[token_id >> 5]) >> (token_id & 31)) & 1:
            return None
        data = self._vocabulary.token_bytes(token_id)
        extended = None if not data else extend_text(self._pending, data)
        if extended is None:
            return None
        text, pending = extended
        after = _Position(self._text + text, pending, (*self._tokens, token_id))
        return after if self._judge.may_continue(after, self._continuations) else None

    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """An upper bound: every token that goes on with the text as UTF-8; end tokens exactly
        where the text is complete. All zero after the end token."""
        self.fill_text_mask(mask, row)
        if not self._ended and self.is_accepting():
            words = mask[row].view(np.uint32)
            for token_id in self._eos:
                words[token_id >> 5] |= np.uint32(1 << (token_id & 31))

    def fill_text_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None:
        """The mask without end tokens, for which nobody is asked whether the text is complete."""
        mask[row] = 0 if self._ended else self._continuations.mask(self._pending)

    def allows(self, token_id: int, /) -> bool:
        """Ask the function. Remembered: asking again costs a digest of the text."""
        if self._ended:
            return False
        if token_id in self._eos:
            return self.is_accepting()
        return self._after(token_id) is not None

    def advance(self, token_id: int, /) -> bool:
        if self._ended:
            return False
        if token_id in self._eos:
            if not self.is_accepting():
                return False
            self._ended = True
        else:
            after = self._after(token_id)
            if after is None:
                return False
            self._marks.append((len(self._text), self._pending))
            self._text, self._pending = after.text, after.pending
        self._tokens.append(token_id)
        return True

    def validate(self, token_ids: Sequence[int], /) -> int:
        probe = self.fork()
        for count, token_id in enumerate(token_ids):
            if not probe.advance(token_id):
                return count
        return len(token_ids)

    def rollback(self, count: int, /) -> None:
        if not 0 <= count <= len(self._tokens):
            raise ValueError(f"cannot take back {count} tokens of {len(self._tokens)}")
        if not count:
            return
        del self._tokens[-count:]
        if self._ended:
            self._ended = False
            count -= 1
        if count:
            length, self._pending = self._marks[-count]
            self._text = self._text[:length]
            del self._marks[-count:]

    def fork(self) -> PredicateMatcher:
        twin = PredicateMatcher(self._vocabulary, self._judge, self._continuations)
        twin._text, twin._pending = self._text, self._pending
        twin._tokens, twin._marks = self._tokens.copy(), self._marks.copy()
        twin._ended = self._ended
        return twin

    def __reduce__(self) -> tuple[object, ...]:
        return _at_start, (self._vocabulary, self._judge), self.__getstate__()

    def __getstate__(self) -> _State:
        return self._text, self._pending, self._tokens, self._marks, self._ended

    def __setstate__(self, state: _State) -> None:
        self._text, self._pending, self._tokens, self._marks, self._ended = state

    def __copy__(self) -> PredicateMatcher:
        return self.fork()

    def __deepcopy__(self, memo: dict[int, object], /) -> PredicateMatcher:
        return self.fork()

    def is_accepting(self) -> bool:
        return self._judge.is_complete(self._here())

    def is_terminated(self) -> bool:
        return self._ended

    def forced_text(self) -> str:
        """Nothing is known to be forced."""
        return ""

    def completion_tokens(self) -> list[int] | None:
        """Nothing if the text is complete already; otherwise no completion is known."""
        return [] if self.is_accepting() else None

    def may_complete(self, within: int, /) -> bool:
        """Whether the text is complete, if nothing may follow; otherwise nothing is known."""
        return self.is_accepting() if within <= 0 else True

    def may_complete_after(self, token_id: int, within: int, /) -> bool:
        """Whether the text is complete after `token_id`, if nothing may follow that."""
        if within > 0:
            return True
        after = self._after(token_id)
        return after is not None and self._judge.is_complete(after)


def _at_start(vocabulary: Vocabulary, judge: _Judge) -> PredicateMatcher:
    return CompiledPredicate(vocabulary, judge).matcher()
