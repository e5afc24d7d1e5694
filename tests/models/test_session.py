"""Sessions against the same model without a cache: logits are a function of the tokens alone."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from structgen.errors import BackendError
from structgen.models import Session, TokenTree, TransformersModel

from .tiny import END, FAMILIES, WIDTH, byte_tokenizer, network, reference

PROMPT = [257, 72, 101, 108, 108, 111, 44, 32, 116]
CLOSE = {"atol": 2e-4, "rtol": 1e-4}  # logits reach into the tens


@pytest.fixture(scope="module", params=[(f, a) for f in FAMILIES for a in ("sdpa", "eager")])
def model(request: pytest.FixtureRequest) -> TransformersModel:
    family, attention = request.param
    return TransformersModel(network(family, attention), byte_tokenizer(), name=family)


class Shadow:
    """A session and, beside it, the tokens that its rows should hold."""

    def __init__(self, model: TransformersModel, prompt: list[int], rows: int) -> None:
        self.model: Any = model.model
        self.session: Session = model.start(prompt, rows=rows)
        self.tokens = [list(prompt) for _ in range(rows)]

    def check(self) -> None:
        logits = self.session.logits()
        assert logits.shape == (len(self.tokens), WIDTH)
        assert logits.dtype == np.float32
        for row, tokens in zip(logits, self.tokens, strict=True):
            np.testing.assert_allclose(row, reference(self.model, tokens), **CLOSE)

    def append(self, tokens: list[int | None]) -> None:
        self.session.append(tokens)
        for row, token in zip(self.tokens, tokens, strict=True):
            if token is not None:
                row.append(token)

    def select(self, rows: list[int]) -> None:
        self.session.select(rows)
        self.tokens = [list(self.tokens[b]) for b in rows]

    def expand(self, trees: list[TokenTree]) -> None:
        before = self.session.logits().copy()
        scored = self.session.expand(trees)
        np.testing.assert_array_equal(self.session.logits(), before)
        for tokens, tree, rows in zip(self.tokens, trees, scored, strict=True):
            assert rows.shape == (len(tree.tokens), WIDTH)
            for node, row in enumerate(rows):
                path = tokens + [tree.tokens[i] for i in path_to(tree, node)]
                np.testing.assert_allclose(row, reference(self.model, path), **CLOSE)

    def commit(self, trees: list[TokenTree], paths: list[list[int]]) -> None:
        self.session.commit(paths)
        for row, tree, path in zip(self.tokens, trees, paths, strict=True):
            row.extend(tree.tokens[i] for i in path)


def path_to(tree: TokenTree, node: int) -> list[int]:
    path: list[int] = []
    while node >= 0:
        path.append(node)
        node = tree.parents[node]
    return path[::-1]


def random_tree(rng: random.Random, most: int = 7) -> TokenTree:
    size = rng.randrange(most + 1)
    return TokenTree(
        tokens=tuple(rng.randrange(256) for _ in range(size)),
        parents=tuple(rng.randrange(-1, i) for i in range(size)),
    )


def random_path(rng: random.Random, tree: TokenTree) -> list[int]:
    if not tree.tokens or rng.random() < 0.25:
        return []
    return path_to(tree, rng.randrange(len(tree.tokens)))


def test_prompt_and_appended_tokens(model: TransformersModel):
    shadow = Shadow(model, PROMPT, 1)
    shadow.check()
    for token in (101, 32, 256, 7):
        shadow.append([token])
        shadow.check()
    assert shadow.session.forwards == 5


def test_rows_share_the_prompt_and_part(model: TransformersModel):
    shadow = Shadow(model, PROMPT, 3)
    shadow.check()
    assert shadow.session.forwards == 1
    shadow.append([1, 2, 3])
    shadow.check()
    shadow.append([None, 5, None])
    shadow.append([6, None, None])
    shadow.append([None, None, None])
    shadow.check()
    shadow.append([7, 8, 9])  # lengths differ by now
    shadow.check()
    assert shadow.session.forwards == 5


def test_selected_rows_are_copies(model: TransformersModel):
    shadow = Shadow(model, PROMPT, 3)
    shadow.append([1, None, 3])
    shadow.select([2, 0, 0, 1, 2])
    shadow.check()
    shadow.append([1, 2, 3, None, 5])
    shadow.check()
    shadow.select([3])
    shadow.append([42])
    shadow.check()


def test_chains(model: TransformersModel):
    shadow = Shadow(model, PROMPT, 2)
    trees = [TokenTree((10, 11, 12), (-1, 0, 1)), TokenTree((20,), (-1,))]
    shadow.expand(trees)
    shadow.commit(trees, [[0, 1], [0]])
    shadow.check()
    assert shadow.session.forwards == 2
    shadow.append([50, 51])
    shadow.check()


def test_an_expansion_leaves_no_trace(model: TransformersModel):
    shadow = Shadow(model, PROMPT, 2)
    shadow.expand([TokenTree((9, 8, 7), (-1, 0, 0)), TokenTree((1, 2, 3, 4), (-1, 0, 1, 2))])
    shadow.append([3, None])
    shadow.check()
    shadow.expand([TokenTree((5,), (-1,)), TokenTree()])
    shadow.select([1, 0])
    shadow.check()
    shadow.append([4, 4])
    shadow.check()


def test_empty_trees_cost_nothing(model: TransformersModel):
    shadow = Shadow(model, PROMPT, 2)
    shadow.expand([TokenTree(), TokenTree()])
    shadow.commit([TokenTree(), TokenTree()], [[], []])
    assert shadow.session.forwards == 1
    shadow.check()


@pytest.mark.parametrize("seed", range(3))
def test_random_histories(model: TransformersModel, seed: int):
    rng = random.Random(seed)
    shadow = Shadow(model, PROMPT, 3)
    for _ in range(12):
        rows = len(shadow.tokens)
        match rng.randrange(4):
            case 0:
                shadow.append([rng.choice([None, rng.randrange(256)]) for _ in range(rows)])
            case 1:
                shadow.select([rng.randrange(rows) for _ in range(rng.randrange(1, 5))])
            case _:
                trees = [random_tree(rng) for _ in range(rows)]
                shadow.expand(trees)
                shadow.commit(trees, [random_path(rng, tree) for tree in trees])
        shadow.check()


def test_long_histories_outgrow_the_storage():
    model = TransformersModel(network("llama"), byte_tokenizer())
    rng = random.Random(5)
    shadow = Shadow(model, PROMPT, 2)
    while len(shadow.tokens[0]) < 200:
        trees = [
            TokenTree(tuple(rng.randrange(256) for _ in range(40)), tuple(range(-1, 39)))
            for _ in range(2)
        ]
        shadow.session.expand(trees)
        shadow.commit(trees, [list(range(33)), list(range(20))])
        shadow.check()


def test_long_prompts_are_read_in_parts(monkeypatch: pytest.MonkeyPatch):
    model = TransformersModel(network("gemma"), byte_tokenizer())
    monkeypatch.setattr("structgen.models.session._PREFILL", 7)
    rng = random.Random(1)
    shadow = Shadow(model, [rng.randrange(256) for _ in range(30)], 2)
    shadow.check()
    assert shadow.session.forwards == 5


def test_logits_that_were_handed_out_stay(model: TransformersModel):
    session = model.start(PROMPT, rows=2)
    held = session.logits()
    copy = held.copy()
    session.append([1, None])
    session.expand([TokenTree((1,), (-1,)), TokenTree()])
    session.commit([[0], []])
    np.testing.assert_array_equal(held, copy)


def test_low_precision_gives_float32():
    model = TransformersModel(network("llama"), byte_tokenizer(), dtype="bfloat16")
    session = model.start(PROMPT)
    exact = TransformersModel(network("llama"), byte_tokenizer()).start(PROMPT)
    assert session.logits().dtype == np.float32
    scale = np.abs(exact.logits()).max()
    assert np.abs(session.logits() - exact.logits()).max() < 0.2 * scale
    session.expand([TokenTree((1, 2), (-1, -1))])
    session.commit([[1]])
    assert np.isfinite(session.logits()).all()


@pytest.fixture(scope="module")
def llama() -> TransformersModel:
    return TransformersModel(network("llama"), byte_tokenizer())


def test_misuse_is_an_error(llama: TransformersModel):
    with pytest.raises(BackendError, match="no tokens"):
        llama.start([])
    with pytest.raises(BackendError, match="at least one row"):
        llama.start(PROMPT, rows=0)
    session = llama.start(PROMPT, rows=2)
    with pytest.raises(BackendError, match="1 tokens for 2 rows"):
        session.append([1])
    with pytest.raises(BackendError, match="outside the model's vocabulary"):
        session.append([1, WIDTH])
    with pytest.raises(BackendError, match="outside the model's vocabulary"):
        session.append([-1, 1])
    with pytest.raises(BackendError, match="selected"):
        session.select([0, 2])
    with pytest.raises(BackendError, match="selected"):
        session.select([])
    with pytest.raises(BackendError, match="nothing to commit"):
        session.commit([[], []])
    with pytest.raises(BackendError, match="has parent 1"):
        session.expand([TokenTree((1, 2), (1, -1)), TokenTree()])
    with pytest.raises(BackendError, match="2 tokens and 1 parents"):
        session.expand([TokenTree((1, 2), (-1,)), TokenTree()])
    session.expand([TokenTree((1, 2), (-1, -1)), TokenTree((1,), (-1,))])
    with pytest.raises(BackendError, match="no path"):
        session.commit([[0, 1], []])
    with pytest.raises(BackendError, match="no path"):
        session.commit([[0], [1]])
    session.commit([[1], []])
    with pytest.raises(BackendError, match="nothing to commit"):
        session.commit([[], []])


def test_the_context_has_an_end(llama: TransformersModel):
    with pytest.raises(BackendError, match="context of 256"):
        llama.start([1] * 257)
    session = llama.start([1] * 255)
    session.append([END])
    with pytest.raises(BackendError, match="context of 256"):
        session.append([1])
    assert session.logits().shape == (1, WIDTH)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"_attn_implementation": "flash_attention_2"}, "flash_attention_2"),
        ({"layer_types": ["full_attention", "linear_attention"]}, "linear_attention"),
        ({"is_encoder_decoder": True}, "encoder-decoder"),
        ({"alibi": True}, "ALiBi"),
        ({"num_kv_shared_layers": 2}, "shares keys"),
    ],
)
def test_models_that_cannot_be_driven(change: dict[str, object], names: str):
    from structgen.models.attention import sight_of

    class Config:
        _attn_implementation = "sdpa"

    config = Config()
    for key, value in change.items():
        setattr(config, key, value)
    with pytest.raises(BackendError, match=names):
        sight_of(config, "m")
