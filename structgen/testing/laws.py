"""Laws that every matcher keeps, for people to run on their own constraints.

    from structgen.testing import check_matcher
    check_matcher(my_compiled.matcher, seed=0)

A violated law raises `AssertionError` with the tokens that led there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from structgen.constraints.protocol import Matcher
from structgen.samplers.rows import mask_words, unpack_mask


def allowed_tokens(matcher: Matcher) -> npt.NDArray[np.bool_]:
    """The mask of `matcher` as bools, shape ``(V,)``."""
    size = matcher.vocabulary.size
    words = np.full((1, mask_words(size)), -1, dtype=np.int32)
    matcher.fill_mask(words, 0)
    return unpack_mask(words[0], size)


def check_matcher(
    start: Callable[[], Matcher], *, seed: int = 0, walks: int = 8, max_tokens: int = 40
) -> None:
    """Walk at random from `start()` and check, at every position:

    * an exact mask equals `allows` for every token; a superset mask contains what `allows` does;
    * `advance` agrees with `allows`, and changes nothing where it says False;
    * `rollback` restores the mask, the tokens and the acceptance; end tokens included;
    * a fork is independent;
    * `validate` counts what `advance` would take, and does not move;
    * end tokens are allowed exactly where the text is complete;
    * `completion_tokens` can be committed and lead to a complete text, which begins with
      `forced_text`;
    * after the end token the mask is empty.

    Cost: ``walks * max_tokens`` times one probe per token of the vocabulary (at most 512 of
    them, at random, for larger ones).
    """
    rng = np.random.default_rng(seed)
    for _ in range(walks):
        matcher = start()
        for _ in range(max_tokens):
            _check_position(matcher, rng)
            allowed = allowed_tokens(matcher)
            choices = [int(t) for t in rng.permutation(np.flatnonzero(allowed))]
            token = next((t for t in choices if matcher.allows(t)), None)
            if token is None:
                assert matcher.exactness != "exact" or not choices, _at(matcher, "dead end")
                break
            assert matcher.advance(token), _at(matcher, f"allowed token {token} was refused")
            if matcher.is_terminated():
                assert not allowed_tokens(matcher).any(), _at(matcher, "mask after the end")
                matcher.rollback(1)
                assert not matcher.is_terminated(), _at(matcher, "end not taken back")
                assert np.array_equal(allowed_tokens(matcher), allowed), _at(matcher, "rollback")
                break


def _at(matcher: Matcher, law: str) -> str:
    return f"{law}, after tokens {matcher.tokens}"


def _check_position(matcher: Matcher, rng: np.random.Generator) -> None:
    allowed = allowed_tokens(matcher)
    size = matcher.vocabulary.size
    before = matcher.tokens
    accepting = matcher.is_accepting()
    ends = set(matcher.vocabulary.eos_token_ids)
    sample = range(size) if size <= 512 else [*rng.integers(size, size=512).tolist(), *ends]
    for token in sample:
        truth = matcher.allows(token)
        if matcher.exactness == "exact":
            assert truth == bool(allowed[token]), _at(matcher, f"mask and allows, token {token}")
        else:
            assert not truth or allowed[token], _at(matcher, f"mask misses token {token}")
        if token in ends:
            assert truth == accepting, _at(matcher, f"end token {token}")
        assert matcher.validate([token]) == int(truth), _at(matcher, f"validate {token}")
        if not truth:
            assert not matcher.advance(token), _at(matcher, f"advance took {token}")
            assert matcher.tokens == before, _at(matcher, f"refusing {token} moved")
            continue
        if token < 64 or token in ends:
            fork = matcher.fork()
            assert fork.advance(token), _at(matcher, f"fork refused {token}")
            assert fork.tokens == [*before, token], _at(matcher, "tokens of a fork")
            assert matcher.tokens == before, _at(matcher, "a fork moved its origin")
            fork.rollback(1)
            assert fork.tokens == before, _at(matcher, "rollback of a fork")
            assert np.array_equal(allowed_tokens(fork), allowed), _at(matcher, "rollback")
            assert fork.is_accepting() == accepting, _at(matcher, "rollback of acceptance")
    assert matcher.tokens == before, _at(matcher, "asking moved the matcher")
    assert np.array_equal(allowed_tokens(matcher), allowed), _at(matcher, "mask asked twice")
    completion = matcher.completion_tokens()
    if completion is not None:
        assert matcher.validate(completion) == len(completion), _at(matcher, "completion")
        fork = matcher.fork()
        assert all(fork.advance(token) for token in completion), _at(matcher, "completion")
        assert fork.is_accepting(), _at(matcher, "completion is not complete")
        pieces = (matcher.vocabulary.token_bytes(token) or b"" for token in completion)
        text, forced = b"".join(pieces), matcher.forced_text().encode()
        assert text.startswith(forced), _at(matcher, f"forced text {forced!r} avoided by {text!r}")
        if completion:
            fork.rollback(len(completion))
            assert np.array_equal(allowed_tokens(fork), allowed), _at(matcher, "long rollback")
