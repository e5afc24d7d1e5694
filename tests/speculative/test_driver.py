"""The decoder end to end on enumerable models: same text, same weights, fewer passes."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.stats import chisquare

from structgen.errors import BackendError, DeadEnd, TokenBudgetError, VocabularyError
from structgen.models.protocol import TokenTree
from structgen.samplers import SamplerConfig, SamplingParams, masked
from structgen.speculative import (
    Budget,
    CopyDrafter,
    Draft,
    DraftContext,
    Drafter,
    ForcedDrafter,
    ModelDrafter,
    Planner,
    RecyclingDrafter,
    SpeculativeResult,
    TextModelDrafter,
    VerifiedRow,
    default_drafters,
    speculative,
    speculative_steps,
)
from structgen.speculative.tree import DraftTree
from structgen.types import Exactness, Ledger

from .toys import FiniteLanguage, FiniteMatcher, PrefixModel, PrefixSession

WORDS = ["a", "b", "c", "ab", "bc", "{", "}", '{"', '"', '":', ":", "x", "y", "xy"]
MODEL = PrefixModel(WORDS)
PROMPT = MODEL.ids("a", "b")
RECORDS = [
    '{"ab":' + "".join(letters) + "}"
    for length in range(1, 5)
    for letters in itertools.product("xyc", repeat=length)
]
EVERYTHING = Budget(adaptive=False)


class Scripted:
    """Says whatever a function says, legal or not."""

    def __init__(self, say: Callable[[DraftContext, int], Draft]) -> None:
        self.say = say

    name = "scripted"
    costly = False

    def begin(self, prompt_ids: Sequence[int], rows: int, /) -> None:
        pass

    def draft(self, context: DraftContext, limit: int, /) -> Draft:
        return self.say(context, limit)

    def observe(self, rows: Sequence[VerifiedRow], /) -> None:
        pass


def noisy_model(noise: float) -> PrefixModel:
    """A draft model: the target with noise on its logits."""
    return PrefixModel(WORDS, noise=noise)


def nonsense(seed: int) -> Drafter:
    """Random trees over the whole vocabulary, end token and illegal tokens included."""
    rng = np.random.default_rng(seed)

    def say(context: DraftContext, limit: int) -> Draft:
        n = int(rng.integers(0, 12))
        return Draft(
            tokens=tuple(rng.integers(0, MODEL.vocabulary.size, size=n).tolist()),
            parents=tuple(int(rng.integers(-1, i)) if i else -1 for i in range(n)),
            sources=("nonsense",) * n,
        )

    return Scripted(say)


def siblings(context: DraftContext, limit: int) -> Draft:
    """All tokens that are allowed, the end token included."""
    allowed = [t for t in range(MODEL.vocabulary.size) if context.matcher.allows(t)]
    n = len(allowed)
    return Draft(tokens=tuple(allowed), parents=(-1,) * n, sources=("all",) * n)


def run(
    language: FiniteLanguage, seed: int, drafters: Sequence[Drafter], **options: object
) -> SpeculativeResult:
    settings: dict[str, object] = {"max_tokens": 14, "budget": EVERYTHING, **options}
    return speculative(MODEL, PROMPT, language, seed=seed, drafters=drafters, **settings)  # type: ignore[arg-type]


def same(a: Ledger, b: Ledger) -> bool:
    return (
        a.tokens == b.tokens
        and a.text == b.text
        and a.finish_reason == b.finish_reason
        and math.isclose(a.log_w, b.log_w, abs_tol=1e-9)
        and math.isclose(a.logp_raw, b.logp_raw, abs_tol=1e-9)
        and np.allclose(a.log_z, b.log_z, atol=1e-9)
    )


DRAFTERS: dict[str, Callable[[int], Sequence[Drafter]]] = {
    "default": lambda seed: default_drafters(),
    "forced": lambda seed: (ForcedDrafter(),),
    "copy": lambda seed: (CopyDrafter(),),
    "recycling": lambda seed: (RecyclingDrafter(),),
    "model": lambda seed: (ForcedDrafter(), ModelDrafter(noisy_model(0.5))),
    "greedy-model": lambda seed: (ModelDrafter(noisy_model(0.5), shared_keys=False),),
    "text-model": lambda seed: (TextModelDrafter(noisy_model(0.5)),),
    "all": lambda seed: (*default_drafters(), ModelDrafter(noisy_model(0.5)), nonsense(seed)),
    "nonsense": lambda seed: (nonsense(seed),),
    "every-token": lambda seed: (Scripted(siblings),),
}
PARAMS = {
    "plain": SamplingParams(),
    "warm": SamplingParams(temperature=0.7, top_k=6, top_p=0.9),
    "greedy": SamplingParams(temperature=0.0),
}


# Identity


@pytest.mark.parametrize("exactness", ["exact", "probe"])
@pytest.mark.parametrize("kind", DRAFTERS)
def test_text_and_weights_do_not_depend_on_drafts(kind: str, exactness: Exactness) -> None:
    """Masked draws and adaptive rejection, 25 seeds for each of ten sets of drafters: tokens,
    weights, log_z per token and the reason of the end are those of ordinary decoding."""
    language = FiniteLanguage(RECORDS, MODEL.vocabulary, exactness)
    for seed in range(25):
        off = run(language, seed, ())
        on = run(language, seed, DRAFTERS[kind](seed))
        assert same(on.ledger, off.ledger)
        assert off.stats.drafted == 0
        assert on.ledger.text in RECORDS


@pytest.mark.parametrize("params", PARAMS)
@pytest.mark.parametrize("rows", [1, 3])
def test_identity_under_truncation_and_batches(params: str, rows: int) -> None:
    """Rows of a batch are ragged as soon as one accepts more than another; each is the text of
    its row without speculation."""
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    for seed in range(15):
        off = run(language, seed, (), params=PARAMS[params], rows=rows)
        on = run(language, seed, DRAFTERS["all"](seed), params=PARAMS[params], rows=rows)
        assert len(on.ledgers) == rows
        assert all(same(a, b) for a, b in zip(on.ledgers, off.ledgers, strict=True))
    if rows > 1 and params != "greedy":
        batches = [run(language, seed, (), rows=rows).ledgers for seed in range(5)]
        texts = {ledger.tokens for batch in batches for ledger in batch}
        assert len(texts) > 5  # rows have keys of their own


def test_adaptive_budget_changes_passes_only() -> None:
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    planner = Planner(default_drafters(), Budget())
    for seed in range(20):
        off = run(language, seed, ())
        on = speculative(MODEL, PROMPT, language, seed=seed, max_tokens=14, planner=planner)
        assert same(on.ledger, off.ledger)


@pytest.mark.parametrize("exactness", ["exact", "probe"])
def test_texts_are_those_of_the_plain_sampler(exactness: Exactness) -> None:
    language = FiniteLanguage(RECORDS, MODEL.vocabulary, exactness)
    for seed in range(40):
        on = run(language, seed, DRAFTERS["all"](seed), rows=2)
        plain = masked(MODEL, PROMPT, language, SamplerConfig(max_tokens=14, seed=seed), rows=2)
        assert all(same(a, b) for a, b in zip(on.ledgers, plain, strict=True))


def test_free_text_is_drafted_too() -> None:
    for seed in range(20):
        drafters = (CopyDrafter(), RecyclingDrafter(), ModelDrafter(noisy_model(0.2)))
        on = speculative(
            MODEL, PROMPT, None, seed=seed, max_tokens=30, drafters=drafters, budget=EVERYTHING
        )
        plain = masked(MODEL, PROMPT, None, SamplerConfig(max_tokens=30, seed=seed))
        assert same(on.ledger, plain[0])


def test_steps_are_the_tokens_of_the_ledger() -> None:
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    steps = speculative_steps(MODEL, PROMPT, language, seed=5, max_tokens=14, rows=3)
    streamed: dict[int, list[int]] = {0: [], 1: [], 2: []}
    while True:
        try:
            step = next(steps)
        except StopIteration as done:
            result = done.value
            break
        streamed[step.row].append(step.draw.token)
    assert [tuple(tokens) for tokens in streamed.values()] == [
        ledger.tokens for ledger in result.ledgers
    ]


# The constraint's state


class Watched(Planner):
    """Checks every position it is shown against a fresh replay."""

    def __init__(self, drafters: Sequence[Drafter], language: FiniteLanguage) -> None:
        super().__init__(drafters, EVERYTHING)
        self.language = language
        self.rounds = 0

    def plan(self, contexts: Sequence[DraftContext | None]) -> list[DraftTree]:
        before = [self.state(context) for context in contexts]
        trees = super().plan(contexts)
        assert [self.state(context) for context in contexts] == before
        self.rounds += 1
        return trees

    def state(self, context: DraftContext | None) -> bytes | None:
        if context is None:
            return None
        drawn = context.history[context.prompt_length :].tolist()
        assert context.matcher.tokens == drawn
        replay = self.language.matcher()
        assert all(replay.advance(token) for token in drawn)
        masks = np.zeros((2, context.matcher.vocabulary.mask_words), dtype=np.int32)
        replay.fill_mask(masks, 0)
        context.matcher.fill_mask(masks, 1)
        assert masks[0].tolist() == masks[1].tolist()
        assert context.remaining == 14 - len(drawn)
        return masks[0].tobytes()


def test_matcher_equals_a_fresh_replay_after_every_round() -> None:
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    rounds = 0
    for seed in range(20):
        watched = Watched(DRAFTERS["all"](seed), language)
        speculative(MODEL, PROMPT, language, seed=seed, max_tokens=14, planner=watched, rows=2)
        rounds += watched.rounds
    assert rounds > 40


def test_session_holds_the_text_but_for_its_last_token(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[PrefixSession] = []
    start = PrefixModel.start

    def spy(self: PrefixModel, prompt_ids: Sequence[int], /, *, rows: int = 1) -> PrefixSession:
        session = start(self, prompt_ids, rows=rows)
        sessions.append(session)
        return session

    monkeypatch.setattr(PrefixModel, "start", spy)
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    for seed in range(20):
        sessions.clear()
        result = run(language, seed, default_drafters())
        assert sessions[0].texts[0] == [*PROMPT, *result.ledger.tokens[:-1]]
        assert result.stats.forwards == sessions[0].forwards
        assert result.stats.tokens == len(result.ledger.tokens)


# Special places


def test_end_token_inside_a_draft() -> None:
    """Drafts that run over the end: the end is drawn by the sampler, nothing follows it."""
    language = FiniteLanguage(["x", "xy", "xyc"], MODEL.vocabulary)
    x, y, c = MODEL.ids("x", "y", "c")
    chain = Draft.chain([x, MODEL.end, y, MODEL.end, c], "over")
    tree = Draft(
        tokens=(x, MODEL.end, y, MODEL.end, c),
        parents=(-1, 0, 0, 2, 2),
        sources=("over",) * 5,
    )
    for draft in (chain, tree):
        drafter = Scripted(lambda context, limit, draft=draft: draft)
        for seed in range(40):
            on = run(language, seed, (drafter,))
            assert same(on.ledger, run(language, seed, ()).ledger)
            assert on.ledger.tokens[-1] == MODEL.end
            assert MODEL.end not in on.ledger.tokens[:-1]


def test_children_that_exhaust_the_allowed_set_are_always_followed() -> None:
    """With every allowed token drafted at every position of a pass, each pass accepts as many
    draft tokens as the tree is deep, until the end."""
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    budget = Budget(adaptive=False, max_nodes=10_000, max_positions=10_000)
    for seed in range(10):
        on = run(language, seed, (Scripted(siblings),), budget=budget)
        # The prompt's pass gives the first token; the second has all the others in its tree.
        assert on.stats.forwards == 2
        assert same(on.ledger, run(language, seed, ()).ledger)


def test_the_model_itself_as_drafter_is_always_accepted() -> None:
    """Shared keys: a draft model that agrees with the target draws what the target will draw."""
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    for exactness in ("exact", "probe"):
        language = FiniteLanguage(RECORDS, MODEL.vocabulary, exactness)
        for seed in range(15):
            drafter = ModelDrafter(PrefixModel(WORDS), max_tokens=50)
            on = run(language, seed, (drafter,), max_tokens=40)
            assert on.stats.accepted == on.stats.drafted
            assert on.stats.forwards == 2


def test_better_draft_models_need_fewer_passes() -> None:
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)

    def passes(noise: float) -> int:
        drafters = (ModelDrafter(noisy_model(noise)),)
        return sum(run(language, seed, drafters).stats.forwards for seed in range(25))

    assert passes(0.1) < passes(1.0) < passes(10.0)


def test_draft_model_of_another_vocabulary_is_refused() -> None:
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    other = PrefixModel(WORDS[::-1])
    with pytest.raises(VocabularyError, match="TextModelDrafter"):
        run(language, 0, (ModelDrafter(other),))


def test_text_model_with_other_tokens_is_accepted() -> None:
    """The draft model is certain of one text and spells it in its own tokens."""

    class Certain(PrefixModel):
        def row(self, prefix: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
            written = self.decode(prefix)
            rest = '{"ab":xyxy}'[len(written) - len("ab") :]
            row = np.zeros(self.vocabulary.size, dtype=np.float32)
            row[self.encode(rest)[0] if rest else self.end] = 20.0
            return row

    target = Certain(WORDS)
    drafter = TextModelDrafter(Certain([*"xyabc{}:", '"']), max_tokens=6)
    language = FiniteLanguage(RECORDS, target.vocabulary)
    on = speculative(
        target, PROMPT, language, seed=0, max_tokens=14, drafters=(drafter,), budget=EVERYTHING
    )
    assert on.ledger.text == '{"ab":xyxy}'
    assert on.stats.accepted > 0
    assert on.stats.forwards < len(on.ledger.tokens)


def test_texts_end_complete_within_the_budget() -> None:
    """Also where a draft would run past what the budget still allows."""
    language = FiniteLanguage(RECORDS, MODEL.vocabulary)
    shortest = min(len(MODEL.encode(text)) for text in RECORDS)
    for max_tokens in range(shortest + 1, shortest + 6):
        for seed in range(8):
            on = run(language, seed, DRAFTERS["all"](seed), max_tokens=max_tokens)
            off = run(language, seed, (), max_tokens=max_tokens)
            assert same(on.ledger, off.ledger)
            assert on.ledger.text in RECORDS
            assert len(on.ledger.tokens) <= max_tokens
    with pytest.raises(TokenBudgetError):
        run(language, 0, default_drafters(), max_tokens=shortest)


def test_drafts_that_the_backend_cannot_score_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A context of 9 tokens: drafts reach beyond it, the text that is drawn need not."""
    expand = PrefixSession.expand

    def limited(self: PrefixSession, trees: Sequence[TokenTree], /) -> object:
        for text, tree in zip(self.texts, trees, strict=True):
            depths: list[int] = []
            for parent in tree.parents:
                depths.append(1 if parent < 0 else depths[parent] + 1)
            if len(text) + max(depths) > 9:
                raise BackendError("beyond the model's context")
        return expand(self, trees)

    language = FiniteLanguage(["x", "xy", "xyxyxyxyxyxy"], MODEL.vocabulary)
    ids = MODEL.ids(*"xyxyxyxyxyxy")
    drafter = Scripted(lambda context, limit: Draft.chain(ids[context.position :][:limit], "far"))
    monkeypatch.setattr(PrefixSession, "expand", limited)
    short = 0
    for seed in range(30):
        plain = run(language, seed, (), max_tokens=20)
        on = run(language, seed, (drafter,), max_tokens=20)
        assert same(on.ledger, plain.ledger)
        short += len(on.ledger.tokens) < 5
    assert short > 3


def test_forced_text_that_the_model_spells_otherwise() -> None:
    """Every token of the text is forced as text, and none as a token; the model spells it in its
    own way, and the drafts that follow take up from where it got to."""
    language = FiniteLanguage(['{"ab":xyxyab}'], MODEL.vocabulary)
    spellings: set[tuple[int, ...]] = set()
    for seed in range(60):
        on = run(language, seed, (ForcedDrafter(),))
        assert same(on.ledger, run(language, seed, ()).ledger)
        spellings.add(on.ledger.tokens)
    assert len(spellings) > 5
    assert any(s != (*MODEL.encode('{"ab":xyxyab}'), MODEL.end) for s in spellings)


def test_dead_ends_have_weight_zero() -> None:
    """A superset mask lets a token pass after which nothing is allowed."""

    class Trap(FiniteMatcher):
        def allows(self, token_id: int, /) -> bool:
            return super().allows(token_id) and not self.text.endswith(b"b")

        def fork(self) -> Trap:
            return Trap(self.language, self._tokens)

        def completion_tokens(self) -> list[int] | None:
            return None

    class Language(FiniteLanguage):
        def matcher(self) -> Trap:
            return Trap(self, [])

    language = Language(["ac", "bx"], MODEL.vocabulary, "superset")
    reasons: Counter[str] = Counter()
    for seed in range(60):
        on = run(language, seed, default_drafters(), dead_ends="keep")
        assert same(on.ledger, run(language, seed, (), dead_ends="keep").ledger)
        reasons[on.ledger.finish_reason] += 1
        assert (on.ledger.log_w == -math.inf) == (on.ledger.finish_reason == "dead_end")
    assert reasons["dead_end"] > 3
    assert reasons["dead_end"] < 60
    # Texts are restarted as `masked` restarts them, until all attempts are spent.
    for seed in range(20):
        on = run(language, seed, default_drafters(), rows=2)
        config = SamplerConfig(max_tokens=14, seed=seed)
        plain = masked(MODEL, PROMPT, language, config, rows=2)
        assert all(same(a, b) for a, b in zip(on.ledgers, plain, strict=True))
    dead = Language(["bx"], MODEL.vocabulary, "superset")
    with pytest.raises(DeadEnd, match="3 attempts"):
        run(dead, 0, default_drafters(), max_retries=2)


# Laws


def exact_masses(language: FiniteLanguage) -> dict[tuple[int, ...], tuple[float, float]]:
    """Every token sequence of the language: its probability under the sampler (product of the
    masked laws) and its mass under the model."""
    out: dict[tuple[int, ...], tuple[float, float]] = {}
    stack: list[tuple[FiniteMatcher, float, float]] = [(language.matcher(), 1.0, 1.0)]
    while stack:
        matcher, masked, mass = stack.pop()
        if matcher.is_terminated():
            out[tuple(matcher.tokens)] = (masked, mass)
            continue
        row = MODEL.row([*PROMPT, *matcher.tokens]).astype(np.float64)
        p = np.exp(row - row.max())
        p /= p.sum()
        allowed = [t for t in range(MODEL.vocabulary.size) if matcher.allows(t)]
        z = float(p[allowed].sum())
        for token in allowed:
            fork = matcher.fork()
            assert fork.advance(token)
            stack.append((fork, masked * float(p[token]) / z, mass * float(p[token])))
    return out


class Unplanned(FiniteLanguage):
    """Knows no completions: draws are masked draws with exact log_z, without a closing plan."""

    def matcher(self) -> FiniteMatcher:
        class Matcher(FiniteMatcher):
            def completion_tokens(self) -> list[int] | None:
                return None

            def fork(self) -> Matcher:
                return Matcher(self.language, self._tokens)

        return Matcher(self, [])


SMALL = ["x", "xy", "xc", "ab", "abc", "abx", "bcx", "bcy", "c"]
RUNS = 3000


@pytest.mark.parametrize("exactness", ["exact", "probe"])
@pytest.mark.parametrize("planned", [False, True])
def test_law_and_weights_are_exact(exactness: Exactness, planned: bool) -> None:
    """Over 3,000 seeds with all drafters on: chi-square of the texts against the product of
    masked laws (false alarm 1e-4), and E[W 1{x}] against the model's mass of x for every x, and
    of all of them (z below 4.5 for some 20 numbers: false alarm 1e-4)."""
    kind = FiniteLanguage if planned else Unplanned
    language = kind(SMALL, MODEL.vocabulary, exactness)
    masses = exact_masses(language)
    drafters = (*default_drafters(), ModelDrafter(noisy_model(0.5)), nonsense(3))
    planner = Planner(drafters, EVERYTHING)
    weights: dict[tuple[int, ...], list[float]] = {tokens: [] for tokens in masses}
    for seed in range(RUNS):
        result = speculative(
            MODEL, PROMPT, language, seed=1000 + seed, max_tokens=8, planner=planner
        )
        weights[result.ledger.tokens].append(math.exp(result.ledger.log_w))
    seen = np.array([len(weights[tokens]) for tokens in masses], dtype=np.float64)
    expected = np.array([masked for masked, _ in masses.values()]) * RUNS
    assert expected.sum() == pytest.approx(RUNS)
    rare = expected < 5
    if rare.any():
        seen = np.append(seen[~rare], seen[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    assert chisquare(seen, expected).pvalue > 1e-4

    total = np.zeros(RUNS)
    at = 0
    for tokens, (_, mass) in masses.items():
        drawn = np.array(weights[tokens])
        total[at : at + len(drawn)] = drawn
        at += len(drawn)
        if len(drawn) >= 30:
            sample = np.concatenate([drawn, np.zeros(RUNS - len(drawn))])
            z = (sample.mean() - mass) / (sample.std() / math.sqrt(RUNS))
            assert abs(z) < 4.5
        if exactness == "exact" and not planned and len(drawn):
            # An exact mask's weight is a function of the text.
            assert drawn == pytest.approx(mass / masses[tokens][0], rel=1e-5)
    evidence = sum(mass for _, mass in masses.values())
    assert abs(total.mean() - evidence) < 4.5 * total.std() / math.sqrt(RUNS)


# Arguments


def test_arguments_are_checked() -> None:
    language = FiniteLanguage(SMALL, MODEL.vocabulary)
    with pytest.raises(ValueError, match="rows"):
        speculative(MODEL, PROMPT, language, rows=0)
    with pytest.raises(ValueError, match="planner"):
        speculative(MODEL, PROMPT, language, planner=Planner((), Budget()), drafters=())
    with pytest.raises(ValueError, match="node counts"):
        Budget(max_nodes=-1)
