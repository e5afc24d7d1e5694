"""The exception tree.

StructgenError
├─ ConstraintError (ValueError)      the constraint itself is wrong
│  ├─ RegexSyntaxError               offset, line, column, caret excerpt
│  ├─ GrammarSyntaxError             line, column, caret excerpt
│  ├─ SchemaError                    JSON pointer, keyword
│  │  ├─ UnresolvedReferenceError    a reference leads nowhere; which document is missing
│  │  └─ UnsupportedSchemaError      right, but not enforced by this version
│  ├─ UnsupportedFeatureError        e.g. a backreference in a pattern
│  └─ EmptyLanguageError             no text satisfies it; which parts conflict
├─ ParseError (ValueError)           a text is not of a constraint, or its type refuses it
├─ OptionError                       an option or argument of a call; its name
│  ├─ OptionTypeError (TypeError)    no such option, or a value of a wrong type
│  └─ OptionValueError (ValueError)  a value that it cannot have, or not beside another
├─ VocabularyError (ValueError)
├─ LimitExceeded                     name and value of the limit
├─ Cancelled                         somebody cancelled the `CancelToken` of the limits
├─ GenerationError (RuntimeError)
│  ├─ MatcherFinished                advanced after the end token
│  ├─ TokenRejected                  token id, position
│  ├─ DeadEnd                        no token may follow
│  ├─ TokenBudgetError               tokens given, tokens needed
│  ├─ ValidationFailed               the text fits the constraint, its type refuses it: text, value
│  └─ GenerationTimeout              `timeout` ran out: the text so far
├─ BackendError (RuntimeError)       a model or server failed; `retryable`
├─ NotPicklableError (TypeError)     something belongs to its own process
└─ MissingExtraError (ImportError)   what to install

Warnings: StructgenWarning (UserWarning)
├─ InexactTypeWarning                a type may refuse texts of its constraint
├─ PopulationWarning                 a weighted population says less than its numbers
├─ ToolFormatWarning                 a model may write tool calls in another format
└─ SchemaWarning                     a schema probably does not say what was meant

Which class says what: what is wrong with a constraint, its options included, is a
`ConstraintError`; what is wrong with another option of a call is an `OptionError`, and also a
`TypeError` if no value of that type would do, or a `ValueError` if another value would; what
happened while text was drawn is a `GenerationError`. Python's own `TypeError` and `ValueError` are
left to errors in the calling code that no option names.

Errors that a generation ends in know its `seed` and, in a batch, its `row`; None elsewhere.

Every error has a stable `code` (match on it, never on the prose), structured fields, and
where we know one, a `hint` that says how to mend it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

_MESSAGE_CHARS = 4_000


def _bounded(message: str) -> str:
    """A message quotes what was given, which may be megabytes: its middle is left out then."""
    if len(message) <= _MESSAGE_CHARS:
        return message
    half = _MESSAGE_CHARS // 2
    return f"{message[:half]} ... {message[-half:]}"


class StructgenWarning(UserWarning):
    """Base of all warnings that structgen gives: what was asked for works, and may not do what was
    meant. The message says how to make certain."""


class InexactTypeWarning(StructgenWarning):
    """A type checks more than its constraint can say, and may refuse texts of the constraint: it
    has validators written in Python, or looks into the file system. `TextConstraint.report` says
    where."""


class PopulationWarning(StructgenWarning):
    """A weighted population has nearly collapsed onto one sequence, or lost some to a model that
    failed: estimates from it may be far off, though they are unbiased."""


class ToolFormatWarning(StructgenWarning):
    """A model may write, or a text may hold, tool calls in another format than the one used."""


class StructgenError(Exception):
    """Base of all errors raised by structgen."""

    code: ClassVar[str] = "structgen"
    seed: int | None = None
    row: int | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        message = _bounded(message)
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Callable[..., StructgenError], tuple[object, ...]]:
        # By default an exception is built again from its message alone, without its keywords:
        # a worker's error would not reach the process that waits for it.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    cls: type[StructgenError], args: tuple[object, ...], fields: dict[str, object]
) -> StructgenError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(fields)
    return error


class ConstraintError(StructgenError, ValueError):
    """A constraint cannot be built from what was given."""

    code = "constraint"


class _PlacedError(ConstraintError):
    """An error with a place in a text."""

    def __init__(
        self,
        message: str,
        *,
        line: int = 0,
        column: int = 0,
        excerpt: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column
        self.excerpt = excerpt

    def __str__(self) -> str:
        text = self.message
        if self.line:
            text += f" (line {self.line}, column {self.column})"
        if self.excerpt:
            text += f"\n{self.excerpt}"
        return f"{text}\n\nhint: {self.hint}" if self.hint else text


class RegexSyntaxError(_PlacedError):
    """A pattern is not a regular expression of the dialect."""

    code = "regex-syntax"


class GrammarSyntaxError(_PlacedError):
    """A grammar file is malformed, or names something that it does not define."""

    code = "grammar-syntax"


class SchemaError(ConstraintError):
    """A JSON Schema is malformed at `pointer`."""

    code = "schema"

    def __init__(
        self, message: str, *, pointer: str = "", keyword: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.pointer = pointer
        self.keyword = keyword


class UnsupportedSchemaError(SchemaError):
    """A JSON Schema uses a keyword, at `pointer`, that this version does not enforce."""

    code = "unsupported-schema"


class UnresolvedReferenceError(SchemaError):
    """A reference in a JSON Schema, at `pointer`, leads nowhere.

    `uri` names the document that is missing, for the registry; it is empty where the document is
    there and has no such place.
    """

    code = "unresolved-reference"

    def __init__(
        self,
        message: str,
        *,
        pointer: str = "",
        reference: str = "",
        uri: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, pointer=pointer, keyword="$ref", hint=hint)
        self.reference = reference
        self.uri = uri


class SchemaWarning(StructgenWarning):
    """A JSON Schema compiles, and probably does not say what was meant: a keyword or format that
    no draft defines, so that it forbids nothing, and that is close to one. ``strict=True`` of
    `json_schema` makes errors of these, and of all other names that no draft defines."""


class UnsupportedFeatureError(ConstraintError):
    """The input is well-formed but uses a feature outside what structgen can enforce, at `line` and
    `column` where it has a place."""

    code = "unsupported-feature"

    def __init__(
        self,
        message: str,
        *,
        feature: str = "",
        line: int = 0,
        column: int = 0,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.feature = feature
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = f" (line {self.line}, column {self.column})" if self.line else ""
        text = f"{self.message}{place}"
        return f"{text}\n\nhint: {self.hint}" if self.hint else text


class EmptyLanguageError(ConstraintError):
    """No text at all satisfies the constraint. `pointers` name the parts in conflict: places of a
    schema, or the options that exclude all its documents."""

    code = "empty-language"

    def __init__(
        self, message: str, *, pointers: Sequence[str] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.pointers = tuple(pointers)


class ParseError(StructgenError, ValueError):
    """`text` does not satisfy a constraint, or cannot be read as the value it should spell."""

    code = "parse"

    def __init__(self, message: str, *, text: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.text = text


class OptionError(StructgenError):
    """A call cannot be made with the option or argument named `option`."""

    code = "option"

    def __init__(self, message: str, *, option: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.option = option


class OptionTypeError(OptionError, TypeError):
    """There is no such option, or it was given something of a type that it does not take."""

    code = "option-type"


class OptionValueError(OptionError, ValueError):
    """An option has a value out of its range, or one that contradicts another option."""

    code = "option-value"


class VocabularyError(StructgenError, ValueError):
    """A tokenizer cannot be read as a vocabulary."""

    code = "vocabulary"


SETTABLE_LIMITS = frozenset(
    {
        *("compile_ms", "mask_steps", "mask_ms", "max_states", "max_memory_mb", "max_depth"),
        *("max_source_depth", "max_source_bytes", "max_alternatives", "max_exact_alternatives"),
        *("max_exprs", "max_nesting", "max_nodes", "max_key_classes", "max_missing_members"),
        *("max_array_states", "max_rules", "max_terminals", "max_symbols", "max_sets"),
        *("max_items_per_set", "max_items", "max_unrolled_repeats"),
    }
)
"""Fields of `Limits`."""

FIXED_LIMITS: dict[str, str] = {
    "max_assertion_states": "look-around outside of repetitions needs no states",
    "max_assertion_steps": "look-around outside of repetitions needs no steps",
    "max_classes": "use fewer different character classes beside look-around in repetitions",
    "max_completion_bytes": "the shortest text of the constraint is too long to be spelled out",
    "max_count": "`*` repeats without a bound",
    "max_digits": "write the number with fewer digits or a smaller exponent",
    "max_grammar_text": "lark takes too long for more; GBNF is read by structgen itself",
    "max_grammar_rules": "use fewer templates and fewer alternatives inside sequences",
    "max_pattern": "use the dialect `python` or `ecma`, which have no such bound",
    "max_repeat": "repeat a group of them, or use `*`",
    "max_substring_text": "offer stretches of the text by `choice`",
    "max_template_instances": "use fewer templates with different arguments",
    "max_terminal_pattern": "make rules of the parts of the terminal",
    "max_tools": "offer those that the prompt may need; prompts of more are too long for models",
    "max_tree_depth": "make rules of the inner groups",
}
"""Bounds that no field of `Limits` sets, and what to do instead."""


def _way_out(name: str, limit: int) -> str | None:
    if name in SETTABLE_LIMITS:
        return f"to allow more: limits=sg.Limits({name}={2 * limit or '...'})"
    return FIXED_LIMITS.get(name)


class LimitExceeded(StructgenError):
    """A budget ran out. `name` is the field of `Limits` to raise, `limit` its value; or the name
    and value of a bound that is fixed, in `FIXED_LIMITS`. Without a `hint` of its own it has the
    one that follows from the name."""

    code = "limit-exceeded"

    def __init__(
        self, message: str, *, name: str = "", limit: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=_way_out(name, limit) if hint is None else hint)
        self.name = name
        self.limit = limit


class Cancelled(StructgenError):
    """The `CancelToken` of the limits was cancelled: the work was given up, nothing is wrong."""

    code = "cancelled"


class GenerationError(StructgenError, RuntimeError):
    """Drawing text under a constraint failed."""

    code = "generation"


class MatcherFinished(GenerationError):
    """A matcher was advanced after the end of sequence."""

    code = "matcher-finished"


class TokenRejected(GenerationError):
    """A token was committed that the constraint does not allow."""

    code = "token-rejected"

    def __init__(
        self, message: str, *, token_id: int = -1, position: int = -1, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.token_id = token_id
        self.position = position


class DeadEnd(GenerationError):
    """No token may follow the text so far, though the text is not complete."""

    code = "dead-end"

    def __init__(self, message: str, *, position: int = -1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.position = position


class TokenBudgetError(GenerationError):
    """`max_tokens` is too small for any complete text: `needed` tokens at least."""

    code = "token-budget"

    def __init__(
        self, message: str, *, given: int = 0, needed: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.given = given
        self.needed = needed


class ValidationFailed(GenerationError):
    """A text satisfies its constraint, and the type that it should become refuses it.

    A type's own validators say more than a constraint can. The work is kept:

    Attributes:
        text: what the model wrote.
        value: the JSON that it spells; None if it is none.
        ledger: the `structgen.Ledger` of the last attempt.
        attempts: texts that were drawn, the first included.
    """

    code = "validation-failed"

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        value: object = None,
        ledger: object = None,
        attempts: int = 1,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.value = value
        self.ledger = ledger
        self.attempts = attempts


class GenerationTimeout(GenerationError):
    """A generation took longer than its `timeout`, in seconds. `text` is what was written until
    then: empty for populations, which have no one text."""

    code = "generation-timeout"

    def __init__(
        self, message: str, *, timeout: float = 0.0, text: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.timeout = timeout
        self.text = text


class BackendError(StructgenError, RuntimeError):
    """A model or a server failed."""

    code = "backend"

    def __init__(self, message: str, *, retryable: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class NotPicklableError(StructgenError, TypeError):
    """What was to be pickled would not be the same elsewhere: a token to cancel work with, a
    matcher after text that is in none of its tokens. A `TypeError`, like Python's own."""

    code = "not-picklable"


class MissingExtraError(StructgenError, ImportError):
    """A feature needs a package that is not installed."""

    code = "missing-extra"

    def __init__(self, package: str, *, extra: str, reason: str = "") -> None:
        super().__init__(
            f"`{package}` is needed for this and {reason or 'is not installed'}",
            hint=f"pip install 'structgen[{extra}]'",
        )
        self.package = package
        self.extra = extra

    @classmethod
    def of(cls, error: ImportError, package: str, *, extra: str) -> MissingExtraError:
        """What a failed ``import`` of `package` means: that it, or a package that it needs, is not
        installed; or that it is installed and broken, and how."""
        if isinstance(error, ModuleNotFoundError):
            name = (error.name or package).partition(".")[0]
            same = name.replace("_", "-") == package.replace("_", "-")
            return cls(package if same else name, extra=extra)
        lines = str(error).strip().splitlines()
        why = lines[0] if lines else type(error).__name__
        return cls(package, extra=extra, reason=f"cannot be imported: {why}")
