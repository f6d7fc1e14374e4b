"""Arithmetic of a transformer: parameters, operations and bytes, exact for its architecture.

One multiply-add is two operations. A layer is attention (projections `q`, `k`, `v`, `o`) and a feed-forward block of
two matrices, or three when gated; with experts, each token passes `experts_per_token` of them and a router. Where
layers differ (the first ones dense, some of them windowed), a function of one layer returns the mean over layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])

ATTENTION_FLOP_PER_PAIR_AND_CHANNEL = 2.0
"""One multiply-add of a query-key pair: a channel of the query for the score, or one of the value."""


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: keys and values come from one compressed vector per token, which alone is cached.

    DeepSeek-V2 (arXiv:2405.04434), section 2.1. Beside it a key of `rope_dim` channels, common to all heads, is cached.

    Args:
        kv_rank: channels of the compressed vector.
        query_rank: channels of the compressed query; 0 when queries are not compressed.
        rope_dim: channels of query and key that carry the position, beside `head_dim` that do not.
        value_dim: channels of a value head.
    """

    kv_rank: int
    query_rank: int
    rope_dim: int
    value_dim: int


@dataclass(frozen=True, slots=True)
class Transformer:
    """The dimensions of a transformer.

    Args:
        kind: a decoder attends to the tokens before it, an encoder to all tokens of the sequence.
        layers: transformer blocks.
        hidden_size: channels of the residual stream.
        heads: query heads.
        kv_heads: key and value heads (fewer than `heads` in grouped-query attention).
        head_dim: channels per head.
        ffn_size: channels inside the feed-forward block (inside one expert).
        gated: the feed-forward block has a third matrix, the gate.
        vocabulary: tokens known.
        tied_embeddings: the output matrix is the input embedding.
        positions: rows of a learned position embedding, 0 when positions are rotary.
        token_types: rows of a segment embedding (BERT), else 0.
        experts: feed-forward blocks to choose from, 1 in a dense model.
        experts_per_token: blocks that each token passes.
        shared_ffn_size: channels of an expert that every token passes, 0 when there is none.
        attention_bias: channels with bias in attention: none, only q, k and v, or all four projections.
        ffn_bias: the feed-forward matrices have biases.
        norm_parameters: per norm and channel: 1 for RMS norm (scale), 2 for layer norm (scale and shift).
        norms_per_layer: norms in one block.
        pooler: an encoder's dense layer on the first token and its masked-token head (BERT).
        head_norms: queries and keys are normed per head, with one scale per channel of a head.
        window_tokens: tokens that a windowed layer attends to, the newest included; 0 when there is none.
        windowed_layers: layers that attend over the window only.
        dense_layers: layers with one plain feed-forward block in place of experts.
        dense_ffn_size: channels inside that block.
        latent: latent attention; None for the usual kind.
    """

    kind: Literal["decoder", "encoder"]
    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn_size: int
    gated: bool
    vocabulary: int
    tied_embeddings: bool
    positions: int = 0
    token_types: int = 0
    experts: int = 1
    experts_per_token: int = 1
    shared_ffn_size: int = 0
    attention_bias: Literal["none", "qkv", "all"] = "none"
    ffn_bias: bool = False
    norm_parameters: Literal[1, 2] = 1
    norms_per_layer: int = 2
    pooler: bool = False
    head_norms: bool = False
    window_tokens: int = 0
    windowed_layers: int = 0
    dense_layers: int = 0
    dense_ffn_size: int = 0
    latent: LatentAttention | None = None

    @property
    def query_size(self) -> int:
        """Channels of all query heads."""
        return self.heads * (self.head_dim + (self.latent.rope_dim if self.latent else 0))

    @property
    def value_size(self) -> int:
        """Channels of what attention gives to the output projection."""
        return self.heads * self.latent.value_dim if self.latent else self.query_size

    @property
    def cached_values(self) -> int:
        """Values that one token leaves in the cache of one layer."""
        latent = self.latent
        return latent.kv_rank + latent.rope_dim if latent else 2 * self.kv_heads * self.head_dim

    @property
    def kv_size(self) -> int:
        """Channels of all key heads, and of all value heads; in latent attention half of what is cached."""
        return self.cached_values // 2

    @property
    def qkv_size(self) -> int:
        """Output channels of the query, key and value projections together."""
        return self.query_size + self.cached_values

    @property
    def expert_layers(self) -> int:
        """Layers with experts; all layers of a dense model."""
        return self.layers - self.dense_layers

    @property
    def ffn_matrices(self) -> int:
        """Matrices of one feed-forward block."""
        return 3 if self.gated else 2


def attention_weights(model: Transformer) -> int:
    """Return the weights of the attention projections of one layer (count, no biases)."""
    latent = model.latent
    if latent is None:
        return model.hidden_size * (model.qkv_size + model.query_size)
    if latent.query_rank:
        queries = latent.query_rank * (model.hidden_size + model.query_size)
    else:
        queries = model.hidden_size * model.query_size
    keys_and_values = latent.kv_rank * model.heads * (model.head_dim + latent.value_dim)
    return queries + model.hidden_size * (model.cached_values + model.value_size) + keys_and_values


def expert_weights(model: Transformer) -> int:
    """Return the weights of one feed-forward block or expert (count, no biases)."""
    return model.ffn_matrices * model.hidden_size * model.ffn_size


def expert_parameters(model: Transformer) -> int:
    """Return the parameters of all experts of all layers, biases included; of a dense model its feed-forward blocks."""
    return model.expert_layers * model.experts * (expert_weights(model) + _ffn_biases(model, model.ffn_size))


def shared_ffn_weights(model: Transformer) -> int:
    """Return the feed-forward weights of one layer that every token passes: router and shared expert (count)."""
    router = model.hidden_size * model.experts if model.experts > 1 else 0
    return router + model.ffn_matrices * model.hidden_size * model.shared_ffn_size


def dense_ffn_weights(model: Transformer) -> int:
    """Return the weights of the plain feed-forward block of one dense layer of a model with experts (count)."""
    return model.ffn_matrices * model.hidden_size * model.dense_ffn_size


def head_weights(model: Transformer) -> int:
    """Return the weights of the output matrix (hidden to vocabulary), whether tied or not."""
    return model.hidden_size * model.vocabulary


def parameter_count(model: Transformer) -> int:
    """Return all parameters of the model, biases, norms and embeddings included.

    Example: Llama 2 7B has 6,738,415,616 parameters (its published weights).

    >>> llama = Transformer("decoder", 32, 4096, 32, 32, 128, 11008, True, 32000, False)
    >>> parameter_count(llama)
    6738415616
    """
    layers = model.expert_layers * _layer_parameters(model) + model.dense_layers * _dense_layer_parameters(model)
    return layers + embedding_parameters(model) + _output_parameters(model)


def active_parameter_count(model: Transformer) -> int:
    """Return the parameters that one token uses: all but the experts that it does not pass."""
    idle_experts = model.experts - model.experts_per_token
    idle = idle_experts * (expert_weights(model) + _ffn_biases(model, model.ffn_size))
    return parameter_count(model) - model.expert_layers * idle


def embedding_parameters(model: Transformer) -> int:
    """Return the parameters of the token, position and segment embeddings."""
    rows = model.vocabulary + model.positions + model.token_types
    embedding_norm = model.norm_parameters * model.hidden_size if model.kind == "encoder" else 0
    return rows * model.hidden_size + embedding_norm


def _layer_parameters(model: Transformer) -> int:
    experts = model.experts * (expert_weights(model) + _ffn_biases(model, model.ffn_size))
    return _attention_parameters(model) + experts + shared_ffn_weights(model)


def _dense_layer_parameters(model: Transformer) -> int:
    return _attention_parameters(model) + dense_ffn_weights(model) + _ffn_biases(model, model.dense_ffn_size)


def _ffn_biases(model: Transformer, size: int) -> int:
    return (model.ffn_matrices - 1) * size + model.hidden_size if model.ffn_bias else 0


def _attention_parameters(model: Transformer) -> int:
    norms = model.norms_per_layer * model.norm_parameters * model.hidden_size
    norms += 2 * model.head_dim if model.head_norms else 0
    norms += model.latent.query_rank + model.latent.kv_rank if model.latent else 0
    biases = {"none": 0, "qkv": model.qkv_size, "all": model.qkv_size + model.hidden_size}[model.attention_bias]
    return attention_weights(model) + biases + norms


def _output_parameters(model: Transformer) -> int:
    output = 0 if model.tied_embeddings else head_weights(model)
    if model.kind == "decoder":
        return output + model.norm_parameters * model.hidden_size
    if not model.pooler:
        return output
    square = model.hidden_size * (model.hidden_size + 1)
    return output + 2 * square + model.norm_parameters * model.hidden_size + model.vocabulary


def expected_experts(model: Transformer, tokens: Number) -> Number:
    """Return how many experts of a layer a batch touches when routing is uniform.

    E_touched = E (1 - (1 - k/E)^n), with E experts, k per token, n tokens. Weights are read once per touched expert,
    so a small batch reads k experts and a large one all of them.

    Args:
        model: the model.
        tokens: tokens in the batch, scalar or array.

    >>> shape = dict(layers=32, hidden_size=4096, heads=32, kv_heads=8, head_dim=128, ffn_size=14336)
    >>> mixtral = Transformer("decoder", **shape, gated=True, vocabulary=32000, tied_embeddings=False,
    ...                       experts=8, experts_per_token=2)
    >>> round(expected_experts(mixtral, 4.0), 4)
    5.4688
    """
    missed = 1.0 - model.experts_per_token / model.experts
    touched: Number = model.experts * (1.0 - missed**tokens)
    return touched


def matmul_flop_per_token(model: Transformer) -> float:
    """Return the operations per token of the matrix products of all layers (no attention scores, no output matrix)."""
    ffn = model.experts_per_token * expert_weights(model) + shared_ffn_weights(model)
    weights = model.layers * attention_weights(model) + model.expert_layers * ffn
    return 2.0 * (weights + model.dense_layers * dense_ffn_weights(model))


def shared_matmul_weights(model: Transformer) -> int:
    """Return the weights of all layers by which every token is multiplied: all but those of experts (count)."""
    if model.experts == 1:
        return model.layers * (attention_weights(model) + expert_weights(model) + shared_ffn_weights(model))
    experts = model.expert_layers * shared_ffn_weights(model)
    return model.layers * attention_weights(model) + experts + model.dense_layers * dense_ffn_weights(model)


def head_flop_per_token(model: Transformer) -> float:
    """Return the operations of the output matrix for one token whose logits are needed."""
    return 2.0 * head_weights(model)


def attention_flop(model: Transformer, pairs: Number) -> Number:
    """Return the operations of attention scores and values over all layers, keys and values of every head at hand.

    Args:
        model: the model.
        pairs: query-key pairs, scalar or array: the sum over query tokens of the keys that each attends to.
    """
    channels = model.query_size + model.value_size
    return ATTENTION_FLOP_PER_PAIR_AND_CHANNEL * model.layers * channels * pairs


def decode_attention_flop(model: Transformer, pairs: Number) -> Number:
    """Return the operations of attention over all layers in decode.

    Latent attention works on the compressed vectors there, every head on all channels (arXiv:2405.04434, section 2.1.2:
    the projections of keys and values are absorbed into those of queries and output).

    Args:
        model: the model.
        pairs: query-key pairs, scalar or array.
    """
    latent = model.latent
    if latent is None:
        return attention_flop(model, pairs)
    channels = model.heads * (2 * latent.kv_rank + latent.rope_dim)
    return ATTENTION_FLOP_PER_PAIR_AND_CHANNEL * model.layers * channels * pairs


def sequence_pairs(model: Transformer, tokens: Number) -> Number:
    """Return the query-key pairs of a sequence in the mean layer: s (s + 1) / 2 for a decoder, s^2 for an encoder.

    A windowed layer has w (w + 1) / 2 + (s - w) w of them, with w = min(s, window).
    """
    if model.kind == "encoder":
        return tokens * tokens
    pairs = tokens * (tokens + 1.0) / 2.0
    if not model.windowed_layers:
        return pairs
    window: Number = np.minimum(tokens, float(model.window_tokens))
    share = model.windowed_layers / model.layers
    windowed = window * (window + 1.0) / 2.0 + (tokens - window) * window
    return (1.0 - share) * pairs + share * windowed


def forward_flop(model: Transformer, tokens: float, sequence_tokens: float, logits: float) -> float:
    """Return the operations of a forward pass.

    Args:
        model: the model.
        tokens: tokens in the batch.
        sequence_tokens: tokens of each sequence in it.
        logits: tokens whose logits are computed (all in training, one per sequence in prefill).
    """
    pairs = tokens / sequence_tokens * sequence_pairs(model, sequence_tokens)
    return tokens * matmul_flop_per_token(model) + attention_flop(model, pairs) + logits * head_flop_per_token(model)


def layer_weights_read(model: Transformer, tokens: Number) -> Number:
    """Return the weights of the mean layer that a batch of `tokens` reads (count): of experts only those touched."""
    fixed = attention_weights(model) + shared_ffn_weights(model)
    touched = expected_experts(model, tokens) if model.experts > 1 else tokens * 0.0 + 1.0
    if not model.dense_layers:
        return fixed + expert_weights(model) * touched
    share = model.dense_layers / model.layers
    experts = shared_ffn_weights(model) + expert_weights(model) * touched
    return attention_weights(model) + (1.0 - share) * experts + share * dense_ffn_weights(model)


def ffn_channels(model: Transformer) -> float:
    """Return the channels inside the feed-forward blocks that a token passes in the mean layer."""
    size = model.ffn_size * model.experts_per_token + model.shared_ffn_size
    return (model.expert_layers * size + model.dense_layers * model.dense_ffn_size) / model.layers


def elementwise_values_per_token(model: Transformer, tensor_parallel: int = 1) -> float:
    """Return the values moved per token and layer by everything that is not a matrix product.

    Norms, residual sums and their copies move 8 values per hidden channel on every rank; rotary embedding, the
    attention output and the activation function move the sharded channels. The same count is used when the
    elementwise bandwidth fraction is fitted, so that fit and use agree.
    """
    sharded = model.qkv_size + model.value_size + model.ffn_matrices * ffn_channels(model)
    return 8.0 * model.hidden_size + sharded / tensor_parallel


def weight_bytes(model: Transformer, bytes_per_weight: float) -> float:
    """Return the bytes of all weights in a format; norms and biases are counted at the same width (below 0.1 %)."""
    return parameter_count(model) * bytes_per_weight


def kv_bytes_per_token(model: Transformer, bytes_per_value: float) -> float:
    """Return the bytes that one token leaves in the KV cache of all layers: layers x cached values x bytes.

    A windowed layer drops them once the window has passed (`simulator.physics.attention_span`).

    >>> llama = Transformer("decoder", 32, 4096, 32, 8, 128, 14336, True, 128256, False)
    >>> kv_bytes_per_token(llama, 2.0)
    131072.0
    """
    return model.layers * model.cached_values * bytes_per_value
