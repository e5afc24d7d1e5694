"""Speculation under natively compiled constraints."""

from __future__ import annotations

import re

import numpy as np
import pytest

from structgen._core import Vocabulary
from structgen.constraints import predicate, regex, special_token
from structgen.samplers import SamplerConfig, masked, unpack_mask
from structgen.speculative import (
    Budget,
    Draft,
    ForcedDrafter,
    ModelDrafter,
    default_drafters,
    speculative,
)
from structgen.speculative.forced import boundary
from structgen.speculative.prune import tree_masks

from .test_driver import Scripted, same
from .toys import FiniteLanguage, PrefixModel

WORDS = [*'ab01-:{}"x', "ab", "a1", '{"', '":', '":"', "0-", "-1", "01"]
MODEL = PrefixModel(WORDS)
PROMPT = MODEL.ids("a", "b")
PATTERNS = [
    r'\{"ab":"[01]{2}-[01]{2}"\}',
    r'\{"(ab|ba)":[01]{1,4}(-[01]+){0,2}\}',
    r"(ab|a1)+x",
    r'(\{"a":"x"\}|\{"b":"[01]*"\}){1,3}',
]
EVERYTHING = Budget(adaptive=False)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_text_and_weights_do_not_depend_on_drafts(pattern: str) -> None:
    compiled = regex(pattern).compile(MODEL.vocabulary)
    saved = 0
    for seed in range(40):
        drafters = (*default_drafters(), ModelDrafter(PrefixModel(WORDS, noise=0.5)))
        on = speculative(
            MODEL,
            PROMPT,
            compiled,
            seed=seed,
            max_tokens=24,
            drafters=drafters,
            budget=EVERYTHING,
            rows=2,
        )
        plain = masked(MODEL, PROMPT, compiled, SamplerConfig(max_tokens=24, seed=seed), rows=2)
        assert all(same(a, b) for a, b in zip(on.ledgers, plain, strict=True))
        assert all(re.fullmatch(pattern, ledger.text) for ledger in on.ledgers)
        saved += on.stats.accepted
    assert saved > 40


def test_a_predicate_beside_a_pattern() -> None:
    """A superset mask and probes, with dead ends: no prefix may have three ones, and a text needs
    two zeros."""
    constraint = regex(r"ab:[01]{4}(x[01]{2})?") & predicate(
        lambda text: text.count("1") < 3, complete=lambda text: text.count("0") > 1
    )
    compiled = constraint.compile(MODEL.vocabulary)
    assert compiled.exactness != "exact"
    saved = 0
    for seed in range(40):
        on = speculative(
            MODEL, PROMPT, compiled, seed=seed, max_tokens=16, budget=EVERYTHING, rows=2
        )
        plain = masked(MODEL, PROMPT, compiled, SamplerConfig(max_tokens=16, seed=seed), rows=2)
        assert all(same(a, b) for a, b in zip(on.ledgers, plain, strict=True))
        for ledger in on.ledgers:
            assert ledger.text.count("1") < 3
            assert ledger.text.count("0") > 1
        saved += on.stats.accepted
    assert saved > 40


def test_native_and_generic_tree_masks_agree() -> None:
    """On random trees: the native call against the walk over a plain matcher of the same texts."""
    texts = ["ab:01", "ab:0-", "a1:x", "ba-1", "b", "ab"]
    native = regex("|".join(re.escape(text) for text in texts)).compile(MODEL.vocabulary)
    plain = FiniteLanguage(texts, MODEL.vocabulary)
    rng = np.random.default_rng(3)
    size = MODEL.vocabulary.size
    kept = 0
    for _ in range(300):
        n = int(rng.integers(1, 10))
        tokens = rng.integers(0, size, size=n).tolist()
        # Likely tokens first, so that some paths are legal, end tokens included.
        tokens[0] = int(rng.choice(MODEL.ids("ab", "a", "b")))
        parents = [int(rng.integers(-1, i)) if i else -1 for i in range(n)]
        masks = np.full((2, n, MODEL.vocabulary.mask_words), 7, dtype=np.int32)
        allowed = [
            tree_masks(matcher, tokens, parents, mask)
            for matcher, mask in zip((native.matcher(), plain.matcher()), masks, strict=True)
        ]
        assert allowed[0] == allowed[1]
        for a, b in zip(*masks, strict=True):
            assert unpack_mask(a, size).tolist() == unpack_mask(b, size).tolist()
        kept += sum(allowed[0])
    assert kept > 300


def test_tree_masks_leave_the_matcher_where_it_is() -> None:
    for matcher in (
        regex("ab:01").compile(MODEL.vocabulary).matcher(),
        FiniteLanguage(["ab:01"], MODEL.vocabulary).matcher(),
    ):
        assert matcher.advance(MODEL.ids("ab")[0])
        mask = np.zeros((2, MODEL.vocabulary.mask_words), dtype=np.int32)
        assert tree_masks(matcher, MODEL.ids(":", "01"), [-1, 0], mask) == [True, True]
        assert matcher.tokens == MODEL.ids("ab")


def test_boundary_with_native_masks() -> None:
    # `":` ends the forced text; `":"` spans it where a string may follow.
    string_or_number = regex(r'\{"ab":("x"|[01])\}').compile(MODEL.vocabulary)
    ids = MODEL.ids('{"', "ab", '":')
    assert boundary(string_or_number.matcher(), ids) == 2
    number = regex(r'\{"ab":(x|[01])\}').compile(MODEL.vocabulary)
    assert boundary(number.matcher(), ids) == 3


def test_only_one_token_is_allowed_although_no_text_is_forced() -> None:
    """Inside a code point nothing is forced as text; the token that ends it still is."""
    tokens = ["é".encode()[:1], "é".encode()[1:], b"a"]
    vocabulary = Vocabulary([*tokens, None], eos_token_ids=[3])
    model = PrefixModel([], vocabulary=vocabulary)
    compiled = regex("(é|a)é").compile(vocabulary)
    for seed in range(20):
        on = speculative(
            model,
            [2],
            compiled,
            seed=seed,
            max_tokens=8,
            drafters=(ForcedDrafter(),),
            budget=EVERYTHING,
        )
        plain = speculative(model, [2], compiled, seed=seed, max_tokens=8, drafters=())
        assert on.ledger.tokens == plain.ledger.tokens
        assert on.stats.accepted > 0


def test_special_tokens_are_drafted_and_drawn() -> None:
    tokens: list[bytes | None] = [word.encode() for word in WORDS]
    vocabulary = Vocabulary(
        [*tokens, None, None],
        eos_token_ids=[len(tokens)],
        special_tokens={"<end>": len(tokens), "<call>": len(tokens) + 1},
    )
    model = PrefixModel(WORDS, vocabulary=vocabulary)
    compiled = (regex("a+") + special_token("<call>") + "b").compile(vocabulary)
    call = len(tokens) + 1

    def say(context: object, limit: int) -> Draft:
        return Draft.chain([call, WORDS.index("b")], "guess")

    for seed in range(20):
        on = speculative(
            model,
            PROMPT,
            compiled,
            seed=seed,
            max_tokens=12,
            drafters=(Scripted(say), ForcedDrafter()),
            budget=EVERYTHING,
        )
        plain = speculative(model, PROMPT, compiled, seed=seed, max_tokens=12, drafters=())
        assert same(on.ledger, plain.ledger)
        assert call in on.ledger.tokens
