"""Arithmetic of a transformer: parameters, operations and bytes, exact for its architecture.

One multiply-add is two operations. A layer is attention (projections `q`, `k`, `v`, `o`) and a feed-forward block of
two matrices, or three when gated; with experts, each token passes `experts_per_token` of them and a router.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])

ATTENTION_FLOP_PER_PAIR_AND_CHANNEL = 4.0
"""Multiply-adds of one query-key pair: one for the score and one for the value, two operations each."""


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

    @property
    def query_size(self) -> int:
        """Channels of all query heads."""
        return self.heads * self.head_dim

    @property
    def kv_size(self) -> int:
        """Channels of all key heads (and of all value heads)."""
        return self.kv_heads * self.head_dim

    @property
    def qkv_size(self) -> int:
        """Output channels of the query, key and value projections together."""
        return self.query_size + 2 * self.kv_size

    @property
    def ffn_matrices(self) -> int:
        """Matrices of one feed-forward block."""
        return 3 if self.gated else 2


def attention_weights(model: Transformer) -> int:
    """Return the weights of the attention projections of one layer (count, no biases)."""
    return model.hidden_size * (model.qkv_size + model.query_size)


def expert_weights(model: Transformer) -> int:
    """Return the weights of one feed-forward block or expert (count, no biases)."""
    return model.ffn_matrices * model.hidden_size * model.ffn_size


def shared_ffn_weights(model: Transformer) -> int:
    """Return the feed-forward weights of one layer that every token passes: router and shared expert (count)."""
    router = model.hidden_size * model.experts if model.experts > 1 else 0
    return router + model.ffn_matrices * model.hidden_size * model.shared_ffn_size


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
    return model.layers * _layer_parameters(model) + embedding_parameters(model) + _output_parameters(model)


def active_parameter_count(model: Transformer) -> int:
    """Return the parameters that one token uses: all but the experts that it does not pass."""
    idle_experts = model.experts - model.experts_per_token
    return parameter_count(model) - model.layers * idle_experts * expert_weights(model)


def embedding_parameters(model: Transformer) -> int:
    """Return the parameters of the token, position and segment embeddings."""
    rows = model.vocabulary + model.positions + model.token_types
    embedding_norm = model.norm_parameters * model.hidden_size if model.kind == "encoder" else 0
    return rows * model.hidden_size + embedding_norm


def _layer_parameters(model: Transformer) -> int:
    norms = model.norms_per_layer * model.norm_parameters * model.hidden_size
    norms += 2 * model.head_dim if model.head_norms else 0
    attention_biases = {"none": 0, "qkv": model.qkv_size, "all": model.qkv_size + model.hidden_size}[
        model.attention_bias
    ]
    ffn_biases = (model.ffn_matrices - 1) * model.ffn_size + model.hidden_size if model.ffn_bias else 0
    experts = model.experts * (expert_weights(model) + ffn_biases)
    return attention_weights(model) + attention_biases + experts + shared_ffn_weights(model) + norms


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
    return 2.0 * model.layers * (attention_weights(model) + ffn)


def head_flop_per_token(model: Transformer) -> float:
    """Return the operations of the output matrix for one token whose logits are needed."""
    return 2.0 * head_weights(model)


def attention_flop(model: Transformer, pairs: Number) -> Number:
    """Return the operations of attention scores and values over all layers.

    Args:
        model: the model.
        pairs: query-key pairs, scalar or array: the sum over query tokens of the keys that each attends to.
    """
    return ATTENTION_FLOP_PER_PAIR_AND_CHANNEL * model.layers * model.query_size * pairs


def sequence_pairs(model: Transformer, tokens: Number) -> Number:
    """Return the query-key pairs of a whole sequence: s (s + 1) / 2 for a decoder, s^2 for an encoder."""
    return tokens * (tokens + 1.0) / 2.0 if model.kind == "decoder" else tokens * tokens


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
    """Return the weights of one layer that a batch of `tokens` reads (count): all when dense, else touched experts."""
    fixed = attention_weights(model) + shared_ffn_weights(model)
    touched = expected_experts(model, tokens) if model.experts > 1 else tokens * 0.0 + 1.0
    return fixed + expert_weights(model) * touched


def elementwise_values_per_token(model: Transformer, tensor_parallel: int = 1) -> float:
    """Return the values moved per token and layer by everything that is not a matrix product.

    Norms, residual sums and their copies move 8 values per hidden channel on every rank; rotary embedding, the
    attention output and the activation function move the sharded channels. The same count is used when the
    elementwise bandwidth fraction is fitted, so that fit and use agree.
    """
    ffn = model.ffn_matrices * (model.ffn_size * model.experts_per_token + model.shared_ffn_size)
    sharded = model.qkv_size + model.query_size + ffn
    return 8.0 * model.hidden_size + sharded / tensor_parallel


def weight_bytes(model: Transformer, bytes_per_weight: float) -> float:
    """Return the bytes of all weights in a format; norms and biases are counted at the same width (below 0.1 %)."""
    return parameter_count(model) * bytes_per_weight


def kv_bytes_per_token(model: Transformer, bytes_per_value: float) -> float:
    """Return the bytes that one token leaves in the KV cache: 2 x layers x KV channels x bytes.

    >>> llama = Transformer("decoder", 32, 4096, 32, 8, 128, 14336, True, 128256, False)
    >>> kv_bytes_per_token(llama, 2.0)
    131072.0
    """
    return 2.0 * model.layers * model.kv_size * bytes_per_value


def activation_bytes(model: Transformer, tokens: float, recompute: bool) -> float:
    """Return the activations that a training step keeps for its backward pass, over all layers, in 16-bit formats.

    Korthikanti et al. 2022 (arXiv:2205.05198), equations 1 to 4, without attention scores, which fused attention never
    stores: 34 bytes per token, hidden channel and layer for an ungated block of width 4 h; other widths are counted by
    their own channels (2 bytes per stored value, 1 per mask). With recomputation only the layer's input stays: 2 bytes.

    Args:
        model: the model.
        tokens: tokens of the microbatch.
        recompute: the backward pass recomputes each layer from its input.

    >>> gpt3 = Transformer("decoder", 96, 12288, 96, 96, 128, 49152, False, 50257, True)
    >>> activation_bytes(gpt3, 1.0, False) / 96 / 12288
    34.0
    """
    hidden = float(model.hidden_size)
    if recompute:
        return 2.0 * tokens * hidden * model.layers
    attention = 2.0 * hidden + 2.0 * model.qkv_size + 2.0 * model.query_size + hidden
    inner = model.ffn_matrices * (model.ffn_size * model.experts_per_token + model.shared_ffn_size)
    feed_forward = 2.0 * hidden + 2.0 * inner + hidden
    norms = 4.0 * hidden
    return tokens * (attention + feed_forward + norms) * model.layers
