"""The compiled core. Everything here is re-exported, documented, by the rooms above it."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Literal, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "Automaton",
    "CancelToken",
    "Limits",
    "Matcher",
    "Program",
    "Vocabulary",
    "__version__",
    "apply_masks",
    "fill_masks",
    "fill_tree_masks",
    "shipped_grammars",
]

__version__: str

@final
class Vocabulary:
    """An LLM vocabulary: the bytes of every token, in a trie.

    `tokens[i]` is the text of token `i` as bytes, or None if the token never stands for text
    (special, control, unused, or a padded logits column). `size` is the width of the logits
    (at least ``len(tokens)``); missing ids are None.

    ``eos_token_ids=[]`` is a vocabulary for masks alone: no mask allows an end, a complete text is
    known by `Matcher.is_accepting`, and `structgen.generate` refuses it (`VocabularyError`).

    It never changes: copies are the vocabulary itself. A pickle holds its tokens and their order
    (1.6 MB for 128,256 tokens) and is read in about 20 ms; where the process holds an equal
    vocabulary already, what is unpickled shares it, and all that was learnt about it.
    """

    def __new__(
        cls,
        tokens: Sequence[bytes | None],
        *,
        eos_token_ids: Sequence[int],
        special_tokens: dict[str, int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @property
    def size(self) -> int: ...
    @property
    def mask_words(self) -> int: ...
    @property
    def eos_token_ids(self) -> tuple[int, ...]: ...
    @property
    def special_tokens(self) -> dict[str, int]: ...
    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, the same for equal vocabularies in every process and version."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the tokens and their trie take, without what constraints learn:
        7.4 MB for 128,256 tokens."""

    def save(self, path: str | PathLike[str], /, *, entries: bool = True) -> None:
        """Write the vocabulary to a file, as a whole or not at all: it is written beside `path`
        first, and then put in its place.

        With `entries`, what constraints have learnt so far about lexemes goes with it, up to 32 MB:
        a process that loads the file does not learn it again. Save after the constraints that
        matter have made masks.

        Raises:
            VocabularyError: the file cannot be written.
        """

    @staticmethod
    def load(path: str | PathLike[str], /) -> Vocabulary:
        """The vocabulary of a file that `save` wrote, on any machine.

        Takes about 20 ms for 128,256 tokens. The entries of a file are left out, and learnt anew,
        if another version of structgen has written them.

        Load only what you trust, as with pickle: whoever can write the file decides what
        constraints allow. Bytes can do no other harm.

        Raises:
            VocabularyError: the file cannot be read, is damaged, is of another format or no saved
                vocabulary at all.
        """

    @staticmethod
    def from_transformers(
        tokenizer: object,
        *,
        eos_token_ids: Sequence[int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @staticmethod
    def from_tokenizer_json(
        path: str | Path,
        *,
        eos_token_ids: Sequence[int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @staticmethod
    def from_tiktoken(
        encoding: object,
        *,
        special_tokens: Mapping[str, int] | None = None,
        eos_token_ids: Sequence[int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @staticmethod
    def from_tekken(
        source: object,
        *,
        eos_token_ids: Sequence[int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @staticmethod
    def from_sentencepiece(
        source: object,
        *,
        eos_token_ids: Sequence[int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @staticmethod
    def from_gguf(
        path: str | Path,
        *,
        eos_token_ids: Sequence[int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    @staticmethod
    def from_bytes(
        tokens: Sequence[bytes | None],
        *,
        eos_token_ids: Sequence[int],
        special_tokens: dict[str, int] | None = None,
        size: int | None = None,
    ) -> Vocabulary: ...
    def token_bytes(self, token_id: int, /) -> bytes | None: ...
    def decode(self, token_ids: Sequence[int], /) -> bytes: ...
    def longest_match(self, text: bytes, /) -> list[int]: ...
    def tokens_with_prefix(self, text: bytes, /) -> list[int]: ...
    def __len__(self) -> int: ...
    def __copy__(self) -> Vocabulary: ...
    def __deepcopy__(self, memo: object, /) -> Vocabulary: ...

@final
class CancelToken:
    """Stops the work that runs under `Limits` which hold it, from any thread.

    Compiling, masks, tokens and completions then end, within about a millisecond, in `Cancelled`;
    and so does all that is begun later.
    """

    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None: ...
    @property
    def cancelled(self) -> bool: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> CancelToken: ...
    def __deepcopy__(self, memo: object, /) -> CancelToken: ...

@final
class Limits:
    """Budgets of one compiled constraint. What runs out is named in `LimitExceeded`.

    `compile_ms`: time of reading the source, and again of compiling it for a vocabulary.
    `mask_steps`, `mask_ms`: steps and time of one mask, one token or one completion.
    `max_states`, `max_memory_mb`: of one compiled constraint, over all texts that it reads.
    `max_depth`: nesting of the documents that are written, and of expressions.
    `max_source_bytes`, `max_source_depth`: size of a source; nesting of a schema's JSON text.
    `max_nesting`: groups in groups of a pattern, `allOf` in `anyOf` in `not`, constraints in
    constraints; at most 400, since the stack of a thread has an end.
    `max_alternatives`: in the normal form of one value of a schema, or alive at one place.
    `max_exact_alternatives`: beyond these a part of a schema is judged at the end of its value,
    which is no error; masks are upper bounds there.
    `max_exprs`: expressions of the regex algebra, some 100 bytes each.

    Of schemas: `max_nodes` places and combinations of them, `max_key_classes` kinds of keys that
    patterns tell apart, `max_missing_members` members that an object may lack,
    `max_array_states` states between two elements.
    Of grammars: `max_rules`, `max_terminals`, `max_symbols` of all right-hand sides, `max_sets` of
    items with `max_items_per_set` and `max_items` in all, `max_unrolled_repeats` of a part that is
    not regular.

    Times are processor time of the thread that works, on Unix: what else the machine does, and
    what the thread waits for, does not count. (Elsewhere they are of the clock on the wall.)
    Whatever runs ends within some milliseconds of its time, and of `cancel`. To end by the clock,
    cancel from a timer. Ctrl-C ends long work in `KeyboardInterrupt`.

    With a `cancel` token, neither they nor what was made under them can be pickled
    (`NotPicklableError`): nobody could cancel the copy.
    """

    def __new__(
        cls,
        *,
        compile_ms: int = 2000,
        mask_steps: int = 20_000_000,
        mask_ms: int = 2000,
        max_states: int = 2_000_000,
        max_memory_mb: int = 400,
        max_depth: int = 1000,
        max_source_depth: int = 512,
        max_source_bytes: int = 16_000_000,
        max_alternatives: int = 4096,
        max_exact_alternatives: int = 256,
        max_exprs: int = 4_000_000,
        max_nesting: int = 200,
        max_nodes: int = 1_000_000,
        max_key_classes: int = 4096,
        max_missing_members: int = 100_000,
        max_array_states: int = 50_000,
        max_rules: int = 100_000,
        max_terminals: int = 50_000,
        max_symbols: int = 1_000_000,
        max_sets: int = 1_000_000,
        max_items_per_set: int = 50_000,
        max_items: int = 8_000_000,
        max_unrolled_repeats: int = 10_000,
        cancel: CancelToken | None = None,
    ) -> Limits: ...
    @property
    def compile_ms(self) -> int: ...
    @property
    def mask_steps(self) -> int: ...
    @property
    def mask_ms(self) -> int: ...
    @property
    def max_states(self) -> int: ...
    @property
    def max_memory_mb(self) -> int: ...
    @property
    def max_depth(self) -> int: ...
    @property
    def max_source_depth(self) -> int: ...
    @property
    def max_source_bytes(self) -> int: ...
    @property
    def max_alternatives(self) -> int: ...
    @property
    def max_exact_alternatives(self) -> int: ...
    @property
    def max_exprs(self) -> int: ...
    @property
    def max_nesting(self) -> int: ...
    @property
    def max_nodes(self) -> int: ...
    @property
    def max_key_classes(self) -> int: ...
    @property
    def max_missing_members(self) -> int: ...
    @property
    def max_array_states(self) -> int: ...
    @property
    def max_rules(self) -> int: ...
    @property
    def max_terminals(self) -> int: ...
    @property
    def max_symbols(self) -> int: ...
    @property
    def max_sets(self) -> int: ...
    @property
    def max_items_per_set(self) -> int: ...
    @property
    def max_items(self) -> int: ...
    @property
    def max_unrolled_repeats(self) -> int: ...
    @property
    def cancel(self) -> CancelToken | None: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Limits: ...
    def __deepcopy__(self, memo: object, /) -> Limits: ...

@final
class Program:
    """A constraint at text level: immutable, without a vocabulary.

    A pickle holds what it was made of, and it is made again from that. `spent_ms` of the time of
    `limits` were taken by what came before the core.
    """

    @staticmethod
    def regex(
        pattern: str,
        /,
        *,
        dialect: Literal["python", "ecma"] = "python",
        limits: Limits | None = None,
    ) -> Program: ...
    @staticmethod
    def choice(
        options: Sequence[str], /, *, limits: Limits | None = None, spent_ms: int = 0
    ) -> Program: ...
    @staticmethod
    def json_schema(
        schema_json: str,
        options_json: str,
        /,
        *,
        escapes: str | None = None,
        limits: Limits | None = None,
        spent_ms: int = 0,
    ) -> Program: ...
    def with_escapes(self, escapes: str) -> Program:
        """This program with `escapes` for each JSON Schema in it that was given none; itself if
        there is no such. Costs making it again."""
    @staticmethod
    def grammar(
        ir_json: str,
        /,
        subprograms: dict[str, Program] | None = None,
        *,
        limits: Limits | None = None,
        spent_ms: int = 0,
    ) -> Program: ...
    @staticmethod
    def special_token(name: str, /, *, limits: Limits | None = None) -> Program: ...
    @staticmethod
    def concatenate(parts: Sequence[Program], /, *, limits: Limits | None = None) -> Program: ...
    @staticmethod
    def union(parts: Sequence[Program], /, *, limits: Limits | None = None) -> Program: ...
    @staticmethod
    def repeat(
        part: Program, /, *, min: int = 0, max: int | None = None, limits: Limits | None = None
    ) -> Program: ...
    @staticmethod
    def intersect(parts: Sequence[Program], /, *, limits: Limits | None = None) -> Program: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def exactness(self) -> Literal["exact", "superset"]: ...
    @property
    def report_json(self) -> str: ...
    @property
    def mistakes(self) -> list[str]: ...
    def compile(self, vocabulary: Vocabulary, /, limits: Limits | None = None) -> Automaton: ...
    def accepts(self, text: bytes, /) -> bool: ...
    def live_prefix(self, text: bytes, /) -> int: ...
    def sample(self, /, *, seed: int, max_bytes: int = 400) -> bytes: ...
    def __copy__(self) -> Program: ...
    def __deepcopy__(self, memo: object, /) -> Program: ...

@final
class Automaton:
    """A constraint compiled for one vocabulary: a lazily determinised automaton whose states
    are values (plain ints) that can be kept and returned to.

    States belong to a `generation`, a number unique in the process. `clear_cache` begins a new
    one, and a matcher moves to a new one when half of the states or the memory of its limits are
    used; (generation, state) names a state for good. `stats` counts states, masks and their bytes,
    how often a mask was memoised when asked for (`mask_hits`, `mask_misses`), how often masks and
    what the vocabulary knows of lexemes were forgotten (`masks_cleared`, `lexical_cleared`), and
    generations begun (`renewals`).

    A pickle holds the program, the vocabulary and the limits, and it is compiled again from these:
    states and masks stay behind, and states have other numbers there.
    """

    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def exactness(self) -> Literal["exact", "superset"]: ...
    @property
    def generation(self) -> int: ...
    @property
    def start(self) -> int: ...
    def advance(self, state: int, token_id: int, /) -> int: ...
    def allows(self, state: int, token_id: int, /) -> bool: ...
    def accepts(self, state: int, /) -> bool: ...
    def mask(self, state: int, /) -> npt.NDArray[np.int32]: ...
    def forced(self, state: int, /) -> bytes: ...
    def completion(self, state: int, /) -> bytes | None: ...
    def matcher(self) -> Matcher: ...
    def stats(self) -> dict[str, int]: ...
    def clear_cache(self) -> None: ...
    def __copy__(self) -> Automaton: ...
    def __deepcopy__(self, memo: object, /) -> Automaton: ...

@final
class Matcher:
    """A position in the automaton that remembers how it got there.

    When half of the states or the memory of its limits are used, it moves to a fresh automaton and
    reads its text again, so that a sequence may be of any length: `state` and `generation` then
    change, the position does not.

    Copies are forks. A pickle holds the automaton and the tokens, which are read again; a matcher
    that has read text by `advance_text` cannot be pickled (`NotPicklableError`).

    `closes`: whether `completion` finds one wherever a text can end; else it is looked for within
    bounds, and none may be found though there is one. `min_tokens_left` searches within `effort`
    steps for a number of tokens that every completion takes at least: ``2**32 - 1`` if it is
    certain that there is none.
    """

    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def exactness(self) -> Literal["exact", "superset"]: ...
    @property
    def closes(self) -> bool: ...
    @property
    def state(self) -> int: ...
    @property
    def generation(self) -> int: ...
    @property
    def tokens(self) -> list[int]: ...
    def fill_mask(self, mask: npt.NDArray[np.int32], row: int = 0, /) -> None: ...
    def advance(self, token_id: int, /) -> bool: ...
    def allows(self, token_id: int, /) -> bool: ...
    def validate(self, token_ids: Sequence[int], /) -> int: ...
    def rollback(self, count: int, /) -> None: ...
    def reset(self) -> None: ...
    def fork(self) -> Matcher: ...
    def is_accepting(self) -> bool: ...
    def is_terminated(self) -> bool: ...
    def forced_bytes(self) -> bytes: ...
    def forced_text(self) -> str: ...
    def completion(self) -> bytes | None: ...
    def completion_tokens(self) -> list[int] | None: ...
    def min_tokens_left(self, *, effort: int = 50_000) -> int: ...
    def advance_text(self, text: bytes, /) -> int: ...
    def __copy__(self) -> Matcher: ...
    def __deepcopy__(self, memo: object, /) -> Matcher: ...

def fill_masks(
    matchers: Sequence[Matcher],
    mask: npt.NDArray[np.int32],
    /,
    rows: Sequence[int] | None = None,
    *,
    threads: int = 0,
) -> None: ...
def fill_tree_masks(
    matcher: Matcher,
    tokens: Sequence[int],
    parents: Sequence[int],
    mask: npt.NDArray[np.int32],
    /,
) -> list[bool]: ...
def apply_masks(
    logits: npt.NDArray[np.float32] | npt.NDArray[np.uint16],
    mask: npt.NDArray[np.int32],
    /,
    *,
    dtype: str = "float32",
    rows: Sequence[int] | None = None,
    mask_rows: Sequence[int] | None = None,
    temperatures: Sequence[float] | None = None,
    size: int | None = None,
    threads: int = 0,
) -> None: ...
def shipped_grammars() -> dict[str, str]: ...
def _restore_vocabulary(bytes: bytes) -> Vocabulary: ...
def _restore_limits(fields: dict[str, object]) -> Limits: ...
def _restore_program(sources: list[object]) -> Program: ...
def _restore_automaton(program: Program, vocabulary: Vocabulary, limits: Limits) -> Automaton: ...
def _restore_matcher(automaton: Automaton, tokens: Sequence[int]) -> Matcher: ...
