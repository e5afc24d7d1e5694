"""What each drafter proposes, and that all of it is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from structgen._core import Vocabulary
from structgen.constraints.protocol import Matcher
from structgen.models.protocol import Message, Session
from structgen.speculative import CopyDrafter, ForcedDrafter, RecyclingDrafter
from structgen.speculative.copying import occurrences
from structgen.speculative.draft import Draft, DraftContext, VerifiedRow
from structgen.speculative.forced import boundary, canonical_tokens

from .toys import FiniteLanguage


class Tokenizer:
    """A `LanguageModel` that can only tokenize: merges in order of rank, as BPE does."""

    def __init__(
        self, merges: Sequence[str], letters: str = ' abcdefghijklmnopqrstuvwxyz"{}:,'
    ) -> None:
        self.merges = tuple(merges)
        self.words = [*letters, *merges]
        tokens: list[bytes | None] = [word.encode() for word in self.words]
        self._vocabulary = Vocabulary(
            [*tokens, None], eos_token_ids=[len(tokens)], special_tokens={"<end>": len(tokens)}
        )

    @property
    def name(self) -> str:
        return "tokenizer"

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def ids(self, *words: str) -> list[int]:
        return [self.words.index(word) for word in words]

    def encode(self, text: str, /) -> list[int]:
        pieces = list(text)
        for merge in self.merges:
            i = 0
            while i < len(pieces) - 1:
                if pieces[i] + pieces[i + 1] == merge:
                    pieces[i : i + 2] = [merge]
                else:
                    i += 1
        return self.ids(*pieces)

    def decode(self, token_ids: Sequence[int], /) -> str:
        return self.vocabulary.decode(token_ids).decode("utf-8", "replace")

    def prompt_ids(
        self, prompt: str | Sequence[Message], /, *, tools: Sequence[Mapping[str, object]] = ()
    ) -> list[int]:
        if not isinstance(prompt, str):
            raise TypeError("text only")
        return self.encode(prompt)

    def start(self, prompt_ids: Sequence[int], /, *, rows: int = 1) -> Session:
        raise NotImplementedError("this model cannot be run")


def context(
    model: Tokenizer, matcher: Matcher, *, prompt: Sequence[int] = (), path: Sequence[int] = ()
) -> DraftContext:
    """The position of `matcher`, whose last tokens `path` are assumed rather than drawn."""
    drawn = matcher.tokens[: len(matcher.tokens) - len(path)]
    return DraftContext(
        model=model,
        matcher=matcher,
        history=np.array([*prompt, *drawn], dtype=np.int64),
        prompt_length=len(prompt),
        path=tuple(path),
        remaining=50,
        row=0,
        draw=lambda row, matcher, position: None,
    )


def words(model: Tokenizer, draft: Draft) -> list[str]:
    return [model.words[t] for t in draft.tokens]


def at(language: FiniteLanguage, tokens: Sequence[int]) -> Matcher:
    matcher = language.matcher()
    assert all(matcher.advance(token) for token in tokens)
    return matcher


# Forced text


def test_forced_text_is_proposed_as_the_tokenizer_spells_it() -> None:
    """Not by longest match: merges of rank order give "na" + "me" although "nam" exists."""
    model = Tokenizer(["na", "me", "nam", '":'])
    language = FiniteLanguage(['{"name":a', '{"name":b'], model.vocabulary)
    draft = ForcedDrafter().draft(context(model, language.matcher()), 50)
    assert words(model, draft) == ["{", '"', "na", "me", '":']
    assert set(draft.sources) == {"forced"}
    assert model.vocabulary.longest_match(b"name") == model.ids("nam", "e")


def test_look_back_merges_with_what_was_drawn() -> None:
    """The quote was drawn as a token of its own, where the tokenizer would have merged it with
    the forced text: a shorter look-back is taken. Where it would not, the draft continues it."""
    model = Tokenizer(["ab", "bc", '"a'])
    language = FiniteLanguage(['{"abc', "x"], model.vocabulary)
    # canonical: { + "a + bc ; drawn: {
    draft = ForcedDrafter().draft(context(model, at(language, model.ids("{"))), 50)
    assert words(model, draft) == model_words(model, '{"abc')[1:]
    # drawn { then " : `{"` re-tokenizes as it was drawn, but not together with `abc`
    draft = ForcedDrafter().draft(context(model, at(language, model.ids("{", '"'))), 50)
    assert words(model, draft) == model_words(model, "abc")


def model_words(model: Tokenizer, text: str) -> list[str]:
    return [model.words[t] for t in model.encode(text)]


def test_look_back_depends_on_context() -> None:
    """`c` after `b` merges across: with look-back the tokenizer says b + cd, without, c + d is
    not even considered; both are the tokenizer's own spelling of the forced text."""
    model = Tokenizer(["cd"])
    assert canonical_tokens(model, model.ids("b"), "cd") == model.ids("cd")
    merging = Tokenizer(["bc"])
    # b was drawn alone; "bcd" would be bc + d, so the look-back is dropped.
    assert canonical_tokens(merging, merging.ids("b"), "cd") == merging.ids("c", "d")


def test_special_tokens_are_walls() -> None:
    model = Tokenizer(["ab"])
    end = model.vocabulary.eos_token_ids[0]
    assert canonical_tokens(model, [*model.ids("a"), end], "b") == model.ids("b")


def test_tokens_that_may_merge_with_what_follows_are_a_tail() -> None:
    """After `a:` comes `"x` or `"y`, and a token `"x` spans the end of the forced text."""
    model = Tokenizer(['"x', "a:"])
    spanned = FiniteLanguage(['a:"x', 'a:"y'], model.vocabulary)
    draft = ForcedDrafter().draft(context(model, spanned.matcher()), 50)
    assert words(model, draft) == ["a:", '"']
    assert draft.sources == ("forced", "forced-tail")
    # The same forced text, but the constraint does not allow the spanning token.
    free = FiniteLanguage(['a:"z', 'a:"y'], model.vocabulary)
    draft = ForcedDrafter().draft(context(model, free.matcher()), 50)
    assert words(model, draft) == ["a:", '"']
    assert draft.sources == ("forced", "forced")


def test_the_tail_may_be_several_tokens() -> None:
    model = Tokenizer(["abcx"], letters="abcxyz")
    language = FiniteLanguage(["zabcx", "zabcy"], model.vocabulary)
    matcher = language.matcher()
    ids = model.encode("zabc")
    assert boundary(matcher, ids) == 1  # `abcx` spans from the second token on
    assert matcher.tokens == []


def test_forced_single_token_and_nothing_forced() -> None:
    model = Tokenizer([])
    language = FiniteLanguage(["ab", "ac"], model.vocabulary)
    drafter = ForcedDrafter()
    assert words(model, drafter.draft(context(model, language.matcher()), 50)) == ["a"]
    assert len(drafter.draft(context(model, at(language, model.ids("a"))), 50)) == 0
    # Only the end may follow: nothing needs to be scored after it.
    assert len(drafter.draft(context(model, at(language, model.ids("a", "b"))), 50)) == 0


def test_limit_is_kept() -> None:
    model = Tokenizer([])
    language = FiniteLanguage(["abcdefgh"], model.vocabulary)
    assert len(ForcedDrafter().draft(context(model, language.matcher()), 3)) == 3
    assert len(ForcedDrafter().draft(context(model, language.matcher()), 0)) == 0


def test_long_forced_text_is_tokenized_as_far_as_it_is_wanted() -> None:
    asked: list[int] = []

    class Counting(Tokenizer):
        def encode(self, text: str, /) -> list[int]:
            asked.append(len(text))
            return super().encode(text)

    model = Counting(["ab"])
    language = FiniteLanguage(["ab" * 400], model.vocabulary)
    draft = ForcedDrafter().draft(context(model, language.matcher()), 5)
    assert words(model, draft) == ["ab"] * 5
    assert set(draft.sources) == {"forced"}
    assert max(asked) < 200


# Copying


def test_occurrences_prefer_longer_agreement_then_recency() -> None:
    text = np.array([1, 2, 3, 9, 5, 3, 7, 2, 3, 8, 1, 2, 3], dtype=np.int64)
    ends, agreed = occurrences(text, 8)
    assert list(zip(ends.tolist(), agreed.tolist(), strict=True)) == [(3, 3), (9, 2), (6, 1)]
    assert occurrences(text, 2)[1].tolist() == [2, 2, 1]
    assert len(occurrences(text[:1], 8)[0]) == 0


def test_copying_skips_illegal_continuations() -> None:
    """The most recent, best agreeing occurrence continues illegally; an older one is legal."""
    model = Tokenizer([], letters="abcdefgh")
    language = FiniteLanguage(["abcde"], model.vocabulary)
    prompt = model.ids("b", "c", "d", "e", "h", "a", "b", "f", "g")
    matcher = at(language, model.ids("a", "b"))
    draft = CopyDrafter().draft(context(model, matcher, prompt=prompt), 20)
    assert words(model, draft) == ["c", "d", "e"]
    assert set(draft.sources) == {"copy/1"}


def test_copying_proposes_different_branches_and_keeps_to_its_limit() -> None:
    model = Tokenizer([], letters="abcdefgh")
    language = FiniteLanguage(["abcd", "abdc", "abee"], model.vocabulary)
    prompt = model.ids("b", "c", "d", "b", "d", "c", "b", "c", "b", "e", "e")
    matcher = at(language, model.ids("a", "b"))
    draft = CopyDrafter(branches=2).draft(context(model, matcher, prompt=prompt), 20)
    assert words(model, draft) == ["e", "e", "c"]  # the most recent ones: be, then bc
    assert draft.parents == (-1, 0, -1)
    assert len(CopyDrafter().draft(context(model, matcher, prompt=prompt), 1)) == 1


def test_copying_from_assumed_tokens() -> None:
    model = Tokenizer([], letters="abcdefgh")
    language = FiniteLanguage(["abcd"], model.vocabulary)
    matcher = at(language, model.ids("a", "b"))
    prompt = model.ids("b", "c", "d")
    draft = CopyDrafter().draft(context(model, matcher, prompt=prompt, path=model.ids("b")), 9)
    assert words(model, draft) == ["c", "d"]


# Recycling


def row(model: Tokenizer, **logits: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    out = np.full(model.vocabulary.size, -20.0, dtype=np.float32)
    for word, value in logits.items():
        out[model.words.index(word)] = value
    return out


def verified(last_token: int, logits: np.ndarray[tuple[int], np.dtype[np.float32]]) -> VerifiedRow:
    return VerifiedRow(row=0, last_token=last_token, logits=logits, allowed=None, drawn=0)


def test_recycling_proposes_allowed_successors_by_rank() -> None:
    model = Tokenizer([], letters="abcd")
    language = FiniteLanguage(["abc", "acb", "adc"], model.vocabulary)
    drafter = RecyclingDrafter(breadth=2, depth=2)
    matcher = at(language, model.ids("a"))
    ctx = context(model, matcher)
    assert len(drafter.draft(ctx, 9)) == 0  # nothing seen yet
    a, d = model.ids("a", "d")
    drafter.observe(
        [
            verified(a, row(model, a=5, d=4, b=3, c=2)),
            verified(d, row(model, c=1)),
        ]
    )
    draft = drafter.draft(ctx, 9)
    # rank 0 (a) is illegal after a; d and b are ranks 1 and 2; after d, c was likeliest.
    assert words(model, draft) == ["d", "b", "c"]
    assert draft.parents == (-1, -1, 0)
    assert draft.sources == ("recycling/1", "recycling/2", "recycling/0")


def test_recycling_keeps_only_successors_that_were_allowed() -> None:
    model = Tokenizer([], letters="abcd")
    language = FiniteLanguage(["abc"], model.vocabulary)
    drafter = RecyclingDrafter(successors=2)
    (a, b) = model.ids("a", "b")
    allowed = np.zeros(model.vocabulary.size, dtype=np.bool_)
    allowed[b] = True
    logits = row(model, c=9, d=8, b=0)
    drafter.observe([VerifiedRow(row=0, last_token=a, logits=logits, allowed=allowed, drawn=b)])
    assert words(model, drafter.draft(context(model, at(language, [a])), 9)) == ["b"]


def test_bad_options_are_refused() -> None:
    for build in (
        lambda: CopyDrafter(branches=0),
        lambda: RecyclingDrafter(depth=0),
        lambda: ForcedDrafter(look_back=-1),
    ):
        with pytest.raises(ValueError, match="must"):
            build()


def test_a_draft_is_a_tree() -> None:
    with pytest.raises(ValueError, match="before their children"):
        Draft(tokens=(1,), parents=(0,), sources=("x",))
    with pytest.raises(ValueError, match="one parent"):
        Draft(tokens=(1,), parents=(), sources=("x",))
