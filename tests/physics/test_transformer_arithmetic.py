"""Parameters, operations and cached bytes of transformers, against small ones that are written out and run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.physics import transformer as tf
from simulator.physics.training_plan import activation_bytes
from simulator.physics.transformer import Transformer
from simulator.profiles import catalogue

Array = NDArray[np.float64]

GROUPED = Transformer("decoder", 3, 12, 6, 2, 4, 20, True, 33, False)
TINY = {
    "grouped": GROUPED,
    "wide heads": replace(GROUPED, head_dim=5, kv_heads=6, gated=False, tied_embeddings=True),
    "experts": replace(GROUPED, experts=7, experts_per_token=3),
    "shared expert": replace(GROUPED, experts=5, experts_per_token=2, shared_ffn_size=9),
    "encoder": Transformer("encoder", 2, 12, 3, 3, 4, 48, False, 40, True),
}


def shipped(name: str) -> Transformer:
    return catalogue.model(name, Path()).record.transformer()


class CountingTransformer:
    """A transformer that computes with matrices and counts the operations of every product: two per multiply-add."""

    def __init__(self, model: Transformer) -> None:
        self.model = model
        self.rng = np.random.default_rng(5)
        self.layer_flop = self.attention_flop = self.head_flop = 0
        self.cached_values = 0

    def weight(self, rows: int, columns: int) -> Array:
        return self.rng.normal(size=(rows, columns)) / rows

    def layer_product(self, x: Array, columns: int) -> Array:
        self.layer_flop += 2 * x.shape[0] * x.shape[1] * columns
        return x @ self.weight(x.shape[1], columns)

    def heads(self, x: Array, count: int) -> Array:
        return self.layer_product(x, count * self.model.head_dim).reshape(len(x), count, self.model.head_dim)

    def attend(self, query: Array, keys: Array, values: Array) -> Array:
        self.attention_flop += 2 * query.size * keys.shape[0] + 2 * query.shape[0] * keys.shape[0] * values.shape[1]
        scores = query @ keys.T
        weights = np.exp(scores - scores.max())
        return (weights / weights.sum()) @ values

    def feed_forward(self, x: Array, size: int) -> Array:
        inner = self.layer_product(x, size)
        if self.model.gated:
            inner = inner * self.layer_product(x, size)
        return self.layer_product(inner, self.model.hidden_size)

    def blocks(self, x: Array) -> Array:
        model = self.model
        if model.experts == 1:
            return self.feed_forward(x, model.ffn_size)
        out = np.zeros_like(x)
        scores = self.layer_product(x, model.experts)
        for row, score in enumerate(scores):
            for _ in np.argsort(score)[-model.experts_per_token :]:
                out[row] += self.feed_forward(x[row : row + 1], model.ffn_size)[0]
        return out + self.feed_forward(x, model.shared_ffn_size) if model.shared_ffn_size else out

    def run(self, tokens: int) -> None:
        """Pass a sequence: an encoder at once, a decoder token by token against what its layers have cached."""
        model = self.model
        steps = [tokens] if model.kind == "encoder" else [1] * tokens
        shape = (0, model.kv_heads, model.head_dim)
        cache = [(np.zeros(shape), np.zeros(shape)) for _ in range(model.layers)]
        for step in steps:
            x = self.rng.normal(size=(step, model.hidden_size))
            for layer, (keys, values) in enumerate(cache):
                query = self.heads(x, model.heads)
                keys = np.concatenate([keys, self.heads(x, model.kv_heads)])
                values = np.concatenate([values, self.heads(x, model.kv_heads)])
                cache[layer] = (keys, values)
                group = model.heads // model.kv_heads
                heads = [
                    self.attend(query[:, h], keys[:, h // group], values[:, h // group]) for h in range(model.heads)
                ]
                x = x + self.layer_product(np.concatenate(heads, axis=1), model.hidden_size)
                x = x + self.blocks(x)
            self.head_flop += 2 * x.size * model.vocabulary
        self.cached_values = sum(keys.size + values.size for keys, values in cache)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("tokens", [1, 7])
def test_operations_are_those_of_a_transformer_that_runs(name: str, tokens: int) -> None:
    model = TINY[name]
    run = CountingTransformer(model)
    run.run(tokens)
    pairs = tf.sequence_pairs(model, float(tokens))
    assert tokens * tf.matmul_flop_per_token(model) == run.layer_flop
    assert tf.attention_flop(model, pairs) == run.attention_flop
    assert tokens * tf.head_flop_per_token(model) == run.head_flop
    assert tf.forward_flop(model, 3.0 * tokens, float(tokens), 3.0 * tokens) == 3 * (
        run.layer_flop + run.attention_flop + run.head_flop
    )
    assert tokens * tf.kv_bytes_per_token(model, 2.0) == 2 * run.cached_values


@pytest.mark.parametrize(
    ("name", "layer_flop", "head_flop", "kv_bytes"),
    [
        # 32 layers x 2 (q and o 4096 x 4096, k and v 4096 x 1024, three of 4096 x 14336); 4096 x 128256; 2 x 8 x 128.
        ("llama-3-8b", 2 * 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336), 2 * 4096 * 128256, 131_072),
        # 80 layers x 2 (keys, values) x 8 heads x 128 channels x 2 bytes.
        ("llama-3-70b", 2 * 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672), 2 * 8192 * 128256, 327_680),
        # 24 layers x 2 (4 x 1024 x 1024 + 2 x 1024 x 4096) = 603,979,776.
        ("bert-large", 603_979_776, 2 * 1024 * 30522, 98_304),
        # Two of eight experts of three 4096 x 14336, and a router of 4096 x 8.
        (
            "mixtral-8x7b",
            2 * 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 4096 * 8 + 2 * 3 * 4096 * 14336),
            2 * 4096 * 32000,
            131_072,
        ),
    ],
)
def test_operations_and_cache_of_shipped_models_by_hand(
    name: str, layer_flop: int, head_flop: int, kv_bytes: int
) -> None:
    model = shipped(name)
    assert tf.matmul_flop_per_token(model) == layer_flop
    assert tf.head_flop_per_token(model) == head_flop
    assert tf.kv_bytes_per_token(model, 2.0) == kv_bytes
    assert tf.kv_bytes_per_token(model, 1.0) == kv_bytes / 2


def test_attention_of_bert_large_by_hand() -> None:
    """A token of 512 that all attend to all: 24 layers x 4 x 1024 channels x 512 keys."""
    model = shipped("bert-large")
    assert tf.attention_flop(model, tf.sequence_pairs(model, 512.0)) / 512 == 24 * 4 * 1024 * 512


@given(st.integers(1, 60))
def test_pairs_are_those_of_the_attention_mask(tokens: int) -> None:
    mask = np.ones((tokens, tokens))
    assert tf.sequence_pairs(GROUPED, float(tokens)) == np.tril(mask).sum()
    assert tf.sequence_pairs(TINY["encoder"], float(tokens)) == mask.sum()


def test_arrays_give_what_scalars_give() -> None:
    tokens = np.array([1.0, 2.0, 77.0])
    for model in TINY.values():
        assert tf.sequence_pairs(model, tokens).tolist() == [tf.sequence_pairs(model, float(n)) for n in tokens]
        assert tf.layer_weights_read(model, tokens).tolist() == [tf.layer_weights_read(model, float(n)) for n in tokens]


def tensors(model: Transformer) -> list[tuple[int, ...]]:
    """Shapes of all tensors of a checkpoint of a decoder with RMS norms, as its file lists them."""
    h, q, kv, f = model.hidden_size, model.heads * model.head_dim, model.kv_heads * model.head_dim, model.ffn_size
    layer: list[tuple[int, ...]] = [(h,), (h, q), (h, kv), (h, kv), (q, h), (h,)]
    block = [(h, f), (h, f), (f, h)] if model.gated else [(h, f), (f, h)]
    layer += block * model.experts
    if model.experts > 1:
        layer.append((h, model.experts))
    if model.shared_ffn_size:
        layer += [(h, model.shared_ffn_size)] * 2 + [(model.shared_ffn_size, h)]
    ends: list[tuple[int, ...]] = [(model.vocabulary, h), (h,)]
    if not model.tied_embeddings:
        ends.append((h, model.vocabulary))
    return layer * model.layers + ends


@pytest.mark.parametrize("name", ["grouped", "wide heads", "experts", "shared expert"])
def test_parameters_are_those_of_the_tensors_of_a_checkpoint(name: str) -> None:
    model = TINY[name]
    assert tf.parameter_count(model) == sum(int(np.prod(shape)) for shape in tensors(model))


@pytest.mark.parametrize(
    ("change", "further"),
    [
        # Of the grouped model: 12 channels, 3 layers, 24 query channels, 8 key channels, 20 inner channels.
        ({"tied_embeddings": True}, -33 * 12),
        ({"attention_bias": "qkv"}, 3 * (24 + 8 + 8)),
        ({"attention_bias": "all"}, 3 * (24 + 8 + 8 + 12)),
        ({"ffn_bias": True}, 3 * (20 + 20 + 12)),
        ({"ffn_bias": True, "experts": 4}, 3 * (4 * (20 + 20 + 12) + 3 * 3 * 12 * 20 + 12 * 4)),
        ({"norm_parameters": 2}, 3 * 2 * 12 + 12),
        ({"norms_per_layer": 4}, 3 * 2 * 12),
        ({"head_norms": True}, 3 * 2 * 4),
        ({"positions": 50}, 50 * 12),
        # An encoder norms its embeddings and has no final norm; masked-token head and pooler are 12 x 12 with bias.
        ({"kind": "encoder"}, 0),
        ({"kind": "encoder", "pooler": True, "token_types": 2}, 2 * 12 * 13 + 12 + 33 + 2 * 12),
    ],
)
def test_every_option_adds_its_parameters(change: dict[str, object], further: int) -> None:
    assert tf.parameter_count(replace(GROUPED, **change)) - tf.parameter_count(GROUPED) == further


def test_a_tied_output_matrix_works_like_one_of_its_own() -> None:
    tied = replace(GROUPED, tied_embeddings=True)
    assert tf.head_flop_per_token(tied) == tf.head_flop_per_token(GROUPED) == 2 * 12 * 33
    assert tf.weight_bytes(GROUPED, 0.5) - tf.weight_bytes(tied, 0.5) == 0.5 * 12 * 33


@pytest.mark.parametrize(("tensor", "values"), [(1, 8 * 12 + 40 + 24 + 60), (2, 8 * 12 + 20 + 12 + 30)])
def test_elementwise_values_by_hand(tensor: int, values: int) -> None:
    """Norms and residuals of 12 channels on every rank; 40 of q, k, v, 24 attended and 3 x 20 inner ones are shared."""
    assert tf.elementwise_values_per_token(GROUPED, tensor) == values


def test_kept_activations_by_hand() -> None:
    """Korthikanti et al. 2022 (arXiv:2205.05198), section 4.1, counted for a gated block with grouped heads.

    Per token: two norms keep their 12 inputs in 16 bits (48 bytes); attention its input (24), q, k, v (80), its output
    (48) and a mask of one byte (12); the block its input (24), two inner results and their product (120), a mask (12).
    """
    assert activation_bytes(GROUPED, 5.0, recompute=False) == 5 * 3 * (48 + 24 + 80 + 48 + 12 + 24 + 120 + 12)
    assert activation_bytes(GROUPED, 5.0, recompute=True) == 5 * 3 * 24
    # The paper's own case: 34 bytes per token and channel of an ungated block of four times the width.
    gpt3 = shipped("gpt3-175b")
    assert activation_bytes(gpt3, 2048.0, recompute=False) == 34 * 2048 * 12288 * 96
