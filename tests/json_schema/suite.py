"""The official test suite (json-schema-org/JSON-Schema-Test-Suite): its groups, and our verdicts.

All ways to an instance must agree: its text, also compact, indented and with its members in
another order; a vocabulary of the 256 bytes, and a real tokenizer, where each token has to be
allowed by the mask before it and the state after the last one has to accept the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import structgen as sg
from structgen.constraints.schema import Draft
from structgen.errors import EmptyLanguageError, StructgenError
from tests.json_schema.writings import writings

DRAFTS = {
    "draft4": "draft4",
    "draft6": "draft6",
    "draft7": "draft7",
    "draft2019-09": "2019-09",
    "draft2020-12": "2020-12",
    "v1": "v1",
}
"""Folders of the suite, and how the option `draft` calls them."""

KNOWN_DRAFTS = [folder for folder, draft in DRAFTS.items() if draft in get_args(Draft)]

Part = Literal["required", "format", "optional", "proposals"]
PARTS: tuple[Part, ...] = get_args(Part)

ASSERTING = {("draft2020-12", "optional", "format-assertion")}
"""Files beside the `format` part where the suite wants formats asserted; elsewhere they are
annotations, as the specification has it."""

Tokenize = Callable[[str], list[int]]


@dataclass(frozen=True, kw_only=True)
class Group:
    """One schema of the suite with its instances."""

    draft: str
    part: Part
    file: str
    description: str
    schema: Any
    tests: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return f"{self.draft}/{self.part}/{self.file}: {self.description}"

    @property
    def asserts_formats(self) -> bool:
        return self.part == "format" or (self.draft, self.part, self.file) in ASSERTING


@dataclass(frozen=True, kw_only=True)
class TokenPath:
    """A vocabulary, and how a text is spelled in it."""

    vocabulary: sg.Vocabulary
    tokenize: Tokenize


def dumps(value: Any) -> str:
    """An instance as the suite's judge writes it."""
    return json.dumps(value, ensure_ascii=False)


def folders(tests: Path, draft: str, part: Part) -> list[Path]:
    root = tests / draft
    if part == "required":
        return [root]
    if part == "optional":
        return [root / "optional"]
    if part == "proposals":
        return sorted(path for path in (root / "proposals").glob("*") if path.is_dir())
    # In v1, formats are no option.
    return [root / "format" if draft == "v1" else root / "optional" / "format"]


def groups(suite: Path, draft: str, part: Part) -> Iterator[Group]:
    """The groups of one part of the suite, in the order of its files."""
    for folder in folders(suite / "tests", draft, part):
        for path in sorted(folder.glob("*.json")):
            for group in json.loads(path.read_text(encoding="utf-8")):
                yield Group(
                    draft=draft,
                    part=part,
                    file=path.stem if part != "proposals" else f"{folder.name}/{path.stem}",
                    description=group["description"],
                    schema=group["schema"],
                    tests=group["tests"],
                )


def remotes(suite: Path) -> dict[str, Any]:
    """The documents that the suite's schemas refer to, by the URI that it gives them."""
    root = suite / "remotes"
    return {
        f"http://localhost:1234/{path.relative_to(root).as_posix()}": json.loads(
            path.read_text(encoding="utf-8")
        )
        for path in sorted(root.rglob("*.json"))
    }


def constraint(group: Group, registry: Mapping[str, object]) -> sg.TextConstraint:
    schema = group.schema
    declared = isinstance(schema, dict) and "$schema" in schema
    return sg.json_schema(
        schema,
        draft=None if declared else DRAFTS[group.draft],  # type: ignore[arg-type]
        property_order="any",
        format_assertion=group.asserts_formats,
        escapes="all",
        number_spelling="all",
        registry=registry,
    )


def accepts_tokens(automaton: sg.Automaton, ids: list[int]) -> bool:
    """Whether each token is allowed by the mask before it and can be taken, and the end after
    them is accepted. A mask forbids nothing that can be taken, and where it is declared exact
    it allows nothing else.
    """
    matcher = automaton.matcher()
    mask = sg.allocate_mask(1, automaton.vocabulary.size)
    for token in ids:
        matcher.fill_mask(mask, 0)
        allowed = bool(int(mask[0, token >> 5]) >> (token & 31) & 1)
        taken = matcher.advance(token)
        if taken and not allowed:
            raise AssertionError(f"the mask forbids token {token}, which can be taken")
        if allowed and not taken and automaton.exactness == "exact":
            raise AssertionError(f"token {token} is in an exact mask and cannot be taken")
        if not taken:
            return False
    return matcher.is_accepting()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a schema did not compile."""

    code: str
    message: str


Verdicts = list[bool | Refusal]


def judge(
    group: Group, registry: Mapping[str, object], paths: list[TokenPath]
) -> Refusal | Verdicts:
    """Our verdict on each instance of `group`, or why there is none.

    Raises:
        AssertionError: the paths disagree.
    """
    try:
        made = constraint(group, registry)
        automata = [made.compile(path.vocabulary) for path in paths]
    except EmptyLanguageError:  # right if no instance is valid
        return [False] * len(group.tests)
    except StructgenError as error:
        return Refusal(code=error.code, message=error.message)
    verdicts: Verdicts = []
    for test in group.tests:
        text = dumps(test["data"])
        try:
            verdict = made.accepts(text)
            for writing, other in writings(test["data"], shuffle=7):
                if made.accepts(other) != verdict:
                    raise AssertionError(
                        f"{group.name}: {test['description']}: {writing} is judged otherwise"
                    )
            for path, automaton in zip(paths, automata, strict=True):
                if accepts_tokens(automaton, path.tokenize(text)) != verdict:
                    raise AssertionError(
                        f"{group.name}: {test['description']}: the text is "
                        f"{'accepted' if verdict else 'refused'}, its tokens are not"
                    )
            verdicts.append(verdict)
        except StructgenError as error:
            verdicts.append(Refusal(code=error.code, message=error.message))
    return verdicts


def byte_path() -> TokenPath:
    """The 256 bytes as a vocabulary; the end is token 256."""
    vocabulary = sg.Vocabulary.from_bytes(
        [bytes([byte]) for byte in range(256)] + [None], eos_token_ids=[256]
    )
    return TokenPath(vocabulary=vocabulary, tokenize=lambda text: list(text.encode()))


def tokenizer_path(folder: Path) -> TokenPath:
    """The vocabulary of a folder with a `tokenizer.json`; needs `tokenizers`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return TokenPath(
        vocabulary=sg.Vocabulary.from_tokenizer_json(folder),
        tokenize=lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
    )
