"""One iteration of a serving engine: time, operations and traffic of a batch of decode and prefill tokens.

An iteration with n tokens, of which some sequences decode against K cached tokens in all and others prefill a chunk:

    T = gemm(n) + elementwise(n) + collectives(n) + head(rows) + attention(K, chunks) + host

All but the matrix products is linear in K, so k iterations of an unchanged batch have a closed form. The tables hold
what depends on n alone; `AttentionTerms` holds the factors of the rest. Tokens, pairs and keys of attention are in
units of the model's `AttentionSpan`. Every figure is for one accelerator of a replica; the replica's energy is that
times their number. With data-parallel attention n counts the tokens of all its groups; they are spread evenly, but for
the chunk of a prompt, which one group processes while the others wait for it at the next exchange.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.physics import transformer as tf
from simulator.physics.accelerator import Accelerator
from simulator.physics.attention_span import AttentionSpan, attention_span
from simulator.physics.precision import Precision
from simulator.physics.roofline import (
    decode_attention_s_per_byte,
    elementwise_time_s,
    gemm_time_s,
)
from simulator.physics.serving_plan import ServingPlan
from simulator.physics.token_table import TokenTable, token_table

Array = NDArray[np.float64]

LOGIT_BYTES = 16.0
"""Traffic per logit: written in 16 bits, softmax in 32 bits, sampler: 2 + 4 + 4 + 4 + 2."""

PEAK_LOGIT_BYTES = 24.0
"""Memory per logit at the peak of a sampler that sorts: logits, sorted logits, probabilities and their running sum in
32 bits, the order in 64 bits (4 + 4 + 4 + 4 + 8). Estimated; a recorded vLLM 0.19 on an RTX 4090 (2,048 tokens, 256
sequences, Llama 3.1 8B) found 1.24 GB to keep free beside weights and cache, of which this rule explains 1.00."""


@dataclass(frozen=True, slots=True)
class HeadTable:
    """The output matrix and the sampler; arrays indexed by the number of tokens whose logits are needed."""

    time_s: Array
    flop: Array
    traffic_bytes: Array


@dataclass(frozen=True, slots=True)
class AttentionTerms:
    """Factors of attention, all layers together; a token stands for a unit where layers have windows.

    Args:
        call_s: overhead of one call per layer.
        sequence_s: per decoding sequence.
        decode_s: per cached token read.
        decode_flop: per cached token read.
        decode_bytes: per cached token read.
        pair_s: per query-key pair of a prefill chunk.
        pair_flop: per query-key pair.
        chunk_s: per query token of a prefill chunk (queries read, outputs written).
        chunk_bytes: per query token.
        context_s: per key of a prefill chunk (its own tokens and those cached before).
        context_bytes: per key.
        longest_s: per key of the longest chunk.
        mixed_sequence_s: as `sequence_s`, in a call that prefills as well.
        mixed_decode_s: as `decode_s`, in a call that prefills as well.
        mixed_chunk_s: in such a call, per decoding sequence and token of the longest chunk.
        mixed_factor: time of a call with both kinds over the sum of the two.
    """

    call_s: float
    sequence_s: float
    decode_s: float
    decode_flop: float
    decode_bytes: float
    pair_s: float
    pair_flop: float
    chunk_s: float
    chunk_bytes: float
    context_s: float
    context_bytes: float
    longest_s: float
    mixed_sequence_s: float
    mixed_decode_s: float
    mixed_chunk_s: float
    mixed_factor: float

    def prefill_s(self, tokens: int, pairs: float, keys: int, longest_keys: int) -> tuple[float, float]:
        """Return the time of a call's prefill part without its launch: what no clock changes, and what the clock does.

        Args:
            tokens: query tokens of all chunks.
            pairs: query-key pairs of these tokens.
            keys: keys that the chunks attend to, summed over chunks.
            longest_keys: keys of the chunk that has most.
        """
        moving = self.chunk_s * tokens + self.context_s * keys + self.longest_s * longest_keys
        return moving, self.pair_s * pairs

    def mixed_part_s(self, count: int, cached_tokens: int, longest_chunk: int) -> float:
        """Return what `count` decoding sequences add to a call that prefills as well.

        Args:
            count: decoding sequences.
            cached_tokens: tokens that they attend to, summed.
            longest_chunk: query tokens of the longest chunk.
        """
        sequence_s = self.mixed_sequence_s + self.mixed_chunk_s * longest_chunk
        return sequence_s * count + self.mixed_decode_s * cached_tokens


@dataclass(frozen=True, slots=True)
class InferenceModel:
    """Everything that the serving engine needs to cost an iteration of one replica.

    Args:
        tokens: what depends on the tokens of an iteration.
        head: output matrix and sampler.
        attention: factors of attention.
        accelerator: rates of the device.
        plan: how accelerators share the model.
        span: what layers see where some have windows.
        cached_bytes: cache of one accelerator for a token (a unit, where layers have windows) of one of its sequences.
        weight_bytes: weights on one accelerator.
    """

    tokens: TokenTable
    head: HeadTable
    attention: AttentionTerms
    accelerator: Accelerator
    plan: ServingPlan
    span: AttentionSpan | None
    cached_bytes: float
    weight_bytes: float

    def unevenness(self, tokens: int, longest_chunk: int) -> float:
        """Return the prefill attention of the group that has most of it / that of the mean group, at least 1.

        Args:
            tokens: prompt tokens of the iteration.
            longest_chunk: tokens of the longest chunk, which one group processes.
        """
        return max(self.plan.data * longest_chunk / tokens, 1.0)

    def uneven_products_s(self, count: int, tokens: int, longest_chunk: int) -> tuple[float, float, float] | None:
        """Return (arithmetic, memory, other) time of the products of an iteration with prefill, by its largest group.

        None where there is one group, whose tokens are all there are.

        Args:
            count: decoding sequences of all groups.
            tokens: prompt tokens of all groups.
            longest_chunk: tokens of the longest chunk, which one group processes.
        """
        groups, ranks = self.plan.data, self.tokens.ranks
        if ranks is None:
            return None
        return ranks.times_s(count + tokens, -(-count // groups) + max(-(-tokens // groups), longest_chunk))


def inference_model(
    model: tf.Transformer,
    accelerator: Accelerator,
    plan: ServingPlan | int,
    precision: Precision,
    kv_value_bytes: float,
    max_tokens: int,
    max_sequences: int,
) -> InferenceModel:
    """Return the iteration model of a replica.

    Args:
        model: the transformer served.
        accelerator: rates of the device for the precision.
        plan: how accelerators share the model; a number stands for that many tensor-parallel ranks.
        precision: format of weights and arithmetic.
        kv_value_bytes: bytes per value of the KV cache.
        max_tokens: most tokens in one iteration, of all groups.
        max_sequences: most sequences in one iteration, of all groups.
    """
    plan = ServingPlan(plan) if isinstance(plan, int) else plan
    span = attention_span(model.layers, model.windowed_layers, model.window_tokens)
    attention = _attention_terms(model, accelerator, plan, precision, kv_value_bytes)
    return InferenceModel(
        tokens=token_table(model, accelerator, plan, precision, max_tokens),
        head=_head_table(model, accelerator, plan, precision, max_sequences),
        attention=attention,
        accelerator=accelerator,
        plan=plan,
        span=span,
        cached_bytes=attention.decode_bytes * plan.data,
        weight_bytes=rank_weight_bytes(model, precision, plan),
    )


def rank_weight_bytes(model: tf.Transformer, precision: Precision, plan: ServingPlan) -> float:
    """Return the weights on one accelerator: its share of the experts, and of the rest its tensor-parallel part."""
    if model.experts == 1:
        return tf.weight_bytes(model, precision.weight_bytes) / plan.tensor
    experts = tf.expert_parameters(model)
    rest = (tf.parameter_count(model) - experts) * precision.weight_bytes / plan.tensor
    return rest + experts * precision.expert_bytes / plan.accelerators


def _head_table(
    model: tf.Transformer, accelerator: Accelerator, plan: ServingPlan, precision: Precision, max_sequences: int
) -> HeadTable:
    tensor_parallel = plan.tensor
    rows = np.arange(max_sequences + 1, dtype=np.float64)
    rank_rows = np.ceil(rows / plan.data)
    # The output matrix stays in 16 bits in the common quantized checkpoints.
    weights = np.where(rows == 0.0, 0.0, tf.head_weights(model) * max(precision.weight_bytes, 2.0) / tensor_parallel)
    bandwidth = accelerator.bandwidth_bytes_per_s
    flop_per_row, logit_bytes = tf.head_flop_per_token(model) / tensor_parallel, model.vocabulary * LOGIT_BYTES
    time_s = gemm_time_s(
        rank_rows * flop_per_row, weights, accelerator.sixteen_bit_flop_per_s, bandwidth, accelerator.gemm
    )
    time_s = time_s + elementwise_time_s(rank_rows * logit_bytes / tensor_parallel, bandwidth, accelerator.gemm)
    mean_rows = rows / plan.data
    moved = weights + mean_rows * logit_bytes / tensor_parallel
    return HeadTable(time_s=time_s, flop=mean_rows * flop_per_row, traffic_bytes=moved)


def _attention_terms(
    model: tf.Transformer,
    accelerator: Accelerator,
    plan: ServingPlan,
    precision: Precision,
    kv_value_bytes: float,
) -> AttentionTerms:
    # Key heads are replicated once there are fewer of them than ranks, so a rank never reads less than one head; what
    # latent attention caches belongs to all heads, so every rank has all of it.
    kv_share = 1.0 if model.latent else max(1.0 / plan.tensor, 1.0 / model.kv_heads)
    attention, bandwidth = accelerator.attention, accelerator.bandwidth_bytes_per_s
    peak = accelerator.sixteen_bit_flop_per_s
    span = attention_span(model.layers, model.windowed_layers, model.window_tokens)
    # Units of a token, times the groups over which sequences are spread.
    parts = (span.units_per_token if span else 1) * plan.data
    token_bytes = tf.kv_bytes_per_token(model, kv_value_bytes) * kv_share / parts
    pair_flop = tf.attention_flop(model, 1.0) / plan.tensor / parts
    decode_flop = tf.decode_attention_flop(model, 1.0) / plan.tensor / parts
    query_values = model.layers * (model.query_size + model.value_size) / plan.data
    query_bytes = query_values * precision.activation_bytes / plan.tensor
    prefill_s_per_byte = 1.0 / (attention.prefill_memory_fraction * bandwidth)
    layer_heads = model.layers * model.heads / plan.tensor / plan.data
    mixed_sequence_head_s = attention.mixed_sequence_head_overhead_s
    if mixed_sequence_head_s is None:
        mixed_sequence_head_s = attention.sequence_head_overhead_s
    intensity = token_bytes / decode_flop
    return AttentionTerms(
        call_s=model.layers * attention.call_overhead_s,
        sequence_s=layer_heads * attention.sequence_head_overhead_s,
        decode_s=token_bytes * decode_attention_s_per_byte(intensity, peak, bandwidth, attention),
        decode_flop=decode_flop,
        decode_bytes=token_bytes,
        pair_s=pair_flop / (attention.prefill_compute_fraction * peak),
        pair_flop=pair_flop,
        chunk_s=query_bytes * prefill_s_per_byte,
        chunk_bytes=query_bytes,
        context_s=token_bytes * prefill_s_per_byte,
        context_bytes=token_bytes,
        longest_s=model.layers * attention.prefill_key_s / (span.units_per_token if span else 1),
        mixed_sequence_s=layer_heads * mixed_sequence_head_s,
        mixed_decode_s=token_bytes * decode_attention_s_per_byte(intensity, peak, bandwidth, attention, mixed=True),
        mixed_chunk_s=layer_heads * attention.mixed_chunk_head_overhead_s,
        mixed_factor=attention.mixed_batch_factor,
    )


def peak_activation_bytes(model: tf.Transformer, tensor_parallel: int, tokens: int, sequences: int) -> float:
    """Return the device memory that the activations of the largest iteration need.

    The widest point of a layer (residual stream, its copy, and the inner channels of the feed-forward block, in 16
    bits) and the logits of all sequences with the sampler's copies: what an engine finds when it profiles its memory at
    start.

    Args:
        model: the model.
        tensor_parallel: accelerators that share each layer.
        tokens: most tokens in one iteration.
        sequences: most sequences in one iteration.
    """
    inner = (model.ffn_matrices - 1) * model.ffn_size * model.experts_per_token + model.ffn_size
    inner = max(inner, model.ffn_matrices * model.dense_ffn_size)
    layer = 2.0 * tokens * (2.0 * model.hidden_size + inner / tensor_parallel)
    return layer + PEAK_LOGIT_BYTES * sequences * model.vocabulary / tensor_parallel
